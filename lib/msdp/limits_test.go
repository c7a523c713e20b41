package msdp

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// limitRig is a rig with sessions with below1, below2 and above1, and its log.
func limitRig(t *testing.T, change func(c *Config)) (*rig, *observer.ObservedLogs) {
	t.Helper()
	c := peersConfig(below1, below2, above1)
	change(&c)
	r := newRig(t, c)
	core, logs := observer.New(zap.WarnLevel)
	r.s.log = zap.New(core)
	r.up(below1, below2, above1)
	r.forgetSent()
	return r, logs
}

// limitTold returns what was warned of limits since it was last called.
func limitTold(logs *observer.ObservedLogs) []observer.LoggedEntry {
	return slices.DeleteFunc(logs.TakeAll(), func(e observer.LoggedEntry) bool { return !strings.Contains(e.Message, "limit") })
}

func wantTold(t *testing.T, logs *observer.ObservedLogs, want ...string) []observer.LoggedEntry {
	t.Helper()
	told := limitTold(logs)
	var got []string
	for _, e := range told {
		word := "near"
		if strings.Contains(e.Message, "refused") {
			word = "full"
		}
		got = append(got, word+" "+e.ContextMap()["limit"].(string))
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	return told
}

// junk is n sources of one group from number 'first' on.
func junk(first, n int) []ipv4.SG {
	var out []ipv4.SG
	for i := range n {
		out = append(out, ipv4.SG{Source: ip("20.0.0.0") + ipv4.Addr(first+i), Group: ip("239.1.1.1")})
	}
	return out
}

// announce sends many entries in as many TLVs as they need.
func (r *rig) announce(from ipv4.Addr, rp string, sgs []ipv4.SG) {
	r.t.Helper()
	for _, sgs := range slices.Collect(slices.Chunk(sgs, wire.MaxEntries)) {
		r.sa(from, rp, sgs...)
	}
}

// expire lets what was announced go, without ending a session.
func (r *rig) expire() { r.advanceAlive(SGStatePeriod + 30*time.Second) }

// At a peer's limit new entries are refused and not passed on, those that are there are
// refreshed for as long as they are announced, other peers have theirs, and no session goes.
func TestPeerLimit(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) { c.Peer(below1).Limits.Entries.Max = 100 })
	rp := below1.String()
	r.announce(below1, rp, junk(0, 100))
	r.wantSAs(below2, junk(0, 100)...)
	r.announce(below1, rp, junk(100, 50))
	r.wantSAs(below2)
	r.wantCached(false, junk(100, 50)...)
	r.wantRefused(below1, ReasonPeerLimit, 50)
	r.sa(below2, below2.String(), sgA)
	r.wantSAs(above1, append(junk(0, 100), sgA)...)
	for range 5 {
		r.advanceAlive(SAAdvertisementPeriod)
		r.announce(below1, rp, junk(0, 150))
		r.wantSAs(below2, junk(0, 100)...)
	}
	r.wantCached(true, junk(0, 100)...)
	for _, p := range []ipv4.Addr{below1, below2, above1} {
		r.wantState(p, StateEstablished)
	}
	told := wantTold(t, logs, "full sa-limit of the peer")
	fields := told[0].ContextMap()
	if fields["peer"] != rp || fields["max"] != uint32(100) || fields["entries"] != int64(100) {
		t.Errorf("told %v", fields)
	}
	if rps := fmt.Sprint(fields["busiest_rps"]); rps != "["+rp+": 100]" {
		t.Errorf("busiest RPs %s", rps)
	}
	if sources := fmt.Sprint(fields["busiest_sources"]); !strings.Contains(sources, "20.0.0.0: 1") {
		t.Errorf("busiest sources %s", sources)
	}
}

// A lowered limit takes nothing away; there is nothing new until enough has gone. A higher one
// lets more in at once.
func TestLimitIsChanged(t *testing.T) {
	r, _ := limitRig(t, func(*Config) {})
	rp := below1.String()
	r.announce(below1, rp, junk(0, 200))
	c := r.s.config.Clone()
	c.Peer(below1).Limits.Entries.Max = 150
	r.apply(c)
	r.wantCached(true, junk(0, 200)...)
	r.advanceAlive(SGStatePeriod - 30*time.Second)
	r.announce(below1, rp, junk(0, 160))
	r.expireBut(junk(160, 40), func() { r.announce(below1, rp, junk(0, 160)) })
	r.announce(below1, rp, junk(500, 1))
	r.wantCached(false, junk(500, 1)...)
	r.wantCached(true, junk(0, 160)...)
	c.Peer(below1).Limits.Entries.Max = Unlimited
	r.apply(c)
	r.announce(below1, rp, junk(500, 100))
	r.wantCached(true, junk(500, 100)...)
}

// expireBut lets time pass until gone is no longer cached, refreshing the rest.
func (r *rig) expireBut(gone []ipv4.SG, refresh func()) {
	r.t.Helper()
	for range 8 {
		r.advanceAlive(30 * time.Second)
		refresh()
	}
	r.wantCached(false, gone...)
}

// What waits for a route counts against the peer's limit, and a refresh of what is there waits too.
func TestPendingCountsAgainstThePeerLimit(t *testing.T) {
	r, _ := limitRig(t, func(c *Config) { c.Peer(below1).Limits.Entries.Max = 100 })
	r.announce(below1, below1.String(), junk(0, 60))
	r.announce(below1, farRP, junk(1000, 60))
	r.wantRefused(below1, ReasonPeerLimit, 20)
	if st, _ := r.s.Peer(r.now, below1); st.SACount != 60 || st.Pending != 40 {
		t.Errorf("%d cached, %d pending", st.SACount, st.Pending)
	}
	r.route(farRP, 20, below1)
	r.wantCached(true, junk(1000, 40)...)
	r.wantCached(false, junk(1040, 20)...)
	if st, _ := r.s.Peer(r.now, below1); st.SACount != 100 || st.Pending != 0 {
		t.Errorf("%d cached, %d pending", st.SACount, st.Pending)
	}
	r.announce(below1, "10.88.0.1", junk(2000, 1)) // no room
	r.wantRefused(below1, ReasonPeerLimit, 21)
	r.s.ClearCache(r.now)
	r.announce(below1, "10.88.0.2", junk(3000, 100))
	r.wantRefused(below1, ReasonPeerLimit, 21)
}

// One peer that names RPs without routes leaves others room to wait.
func TestPendingOfOnePeerLeavesRoom(t *testing.T) {
	r, _ := limitRig(t, func(c *Config) { c.Peer(below1).Limits.Entries.Max = Unlimited })
	r.announce(below1, farRP, junk(0, maxPendingOfPeer+1000))
	r.wantRefused(below1, ReasonTableFull, 1000)
	r.sa(below2, farRP, sgA)
	r.wantRefused(below2, ReasonTableFull, 0)
	r.route(farRP, 20, below2)
	r.wantCached(true, sgA)
	if n := r.s.Summary().Pending; n != 0 || r.s.peers[below1].quota.pending != 0 {
		t.Errorf("%d pending, %d of the peer", n, r.s.peers[below1].quota.pending)
	}
}

// An entry that another peer takes over counts as its, and is refused at its limit.
func TestTakingOverCountsAgainstThePeerLimit(t *testing.T) {
	r, _ := limitRig(t, func(c *Config) { c.Peer(below2).Limits.Entries.Max = 10 })
	r.route(farRP, 20, below1)
	r.announce(below1, farRP, nil)
	r.sa(below1, farRP, junk(0, 20)...)
	r.route(farRP, 20, below1)
	r.wantCached(true, junk(0, 20)...)
	r.route(farRP, 20, below2)
	r.sa(below2, farRP, junk(0, 20)...)
	r.wantRefused(below2, ReasonPeerLimit, 10)
	if n := r.s.peers[below2].saCount; n != 10 {
		t.Errorf("%d entries", n)
	}
}

func TestGlobalLimit(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) { c.Limits.Entries.Max = 100 })
	r.announce(below1, below1.String(), junk(0, 80))
	r.announce(below2, below2.String(), junk(100, 30))
	r.wantRefused(below2, ReasonGlobalLimit, 10)
	r.advance(2 * nearPause)
	told := wantTold(t, logs, "full sa-limit of all peers")
	if peers := fmt.Sprint(told[0].ContextMap()["busiest_peers"]); peers != fmt.Sprintf("[%s: 80 %s: 20]", below1, below2) {
		t.Errorf("busiest peers %s", peers)
	}
}

func prefix(t *testing.T, s string) netip.Prefix {
	t.Helper()
	return netip.MustParsePrefix(s)
}

// The most specific range of groups counts, for each group in it by itself.
func TestGroupLimits(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) {
		c.Limits.Group = 5
		c.Limits.Groups.Set(prefix(t, "239.1.0.0/16"), 3)
		c.Limits.Groups.Set(prefix(t, "239.1.2.0/24"), Unlimited)
		c.Limits.Groups.Set(prefix(t, "239.1.1.7/32"), 1)
	})
	for group, want := range map[string]int{"239.9.9.9": 5, "239.1.0.1": 3, "239.1.0.2": 3, "239.1.2.1": 20, "239.1.1.7": 1, "239.1.1.8": 3} {
		for i := range 20 {
			r.sa(below1, below1.String(), ipv4.SG{Source: ip("20.0.0.1") + ipv4.Addr(i), Group: ip(group)})
		}
		if got := int(r.s.cache.countOf(ip(group))); got != want {
			t.Errorf("group %s has %d entries, want %d", group, got, want)
		}
	}
	r.wantRefused(below1, ReasonGroupLimit, 15+17+17+19+17)
	r.advance(TickInterval)
	if told := limitTold(logs); len(told) != 1 { // of several at once, one
		t.Errorf("told %v", told)
	}
	r.advance(2 * familyPause)
	r.expire()
	if n := len(r.s.limiter.groupState.gauges); n != 0 {
		t.Errorf("%d gauges are left", n)
	}
	for i := range 20 {
		r.sa(below1, below1.String(), ipv4.SG{Source: ip("20.0.0.1") + ipv4.Addr(i), Group: ip("239.9.9.9")})
	}
	r.advance(TickInterval)
	told := wantTold(t, logs, "full group-limit of group 239.9.9.9")
	if others := told[0].ContextMap()["others_untold"]; others != int64(4) {
		t.Errorf("%v others", others)
	}
}

// Each source has its limit, and a prefix's sources have theirs together; whatever the order of
// configuring and announcing.
func TestSourceLimits(t *testing.T) {
	change := func(c *Config) {
		c.Limits.Source = 4
		c.Limits.Sources.Set(prefix(t, "20.0.0.0/8"), 10)
		c.Limits.Sources.Set(prefix(t, "20.1.0.0/16"), 2)
		c.Limits.Sources.Set(prefix(t, "20.2.0.0/16"), Unlimited)
	}
	offer := func(r *rig, source string, n int) {
		var sgs []ipv4.SG
		for i := range n {
			sgs = append(sgs, ipv4.SG{Source: ip(source), Group: ip("239.1.1.1") + ipv4.Addr(i)})
		}
		r.sa(below1, below1.String(), sgs...)
	}
	count := func(r *rig, prefixes ...string) (n int) {
		for _, p := range prefixes {
			r.s.cache.each(1, r.s.cache.limit(), func(_ number, e *entry) bool {
				if prefix(t, p).Contains(e.sg.Source.Netip()) {
					n++
				}
				return true
			})
		}
		return n
	}
	r, _ := limitRig(t, change)
	for source, want := range map[string]int{"30.0.0.1": 4, "20.1.0.1": 2, "20.2.0.1": 4, "20.9.0.1": 4} {
		offer(r, source, 8)
		if got := count(r, source+"/32"); got != want {
			t.Errorf("source %s has %d entries, want %d", source, got, want)
		}
	}
	offer(r, "20.1.0.2", 1) // its prefix is full
	offer(r, "20.9.0.2", 4)
	offer(r, "20.9.0.3", 4) // 20.0.0.0/8 has ten, without those of the longer prefixes
	if got := count(r, "20.9.0.0/16"); got != 10 {
		t.Errorf("20.9.0.0/16 has %d entries", got)
	}
	r.wantRefused(below1, ReasonSourceLimit, 4+6+4+4+1+2)
	r.expire()
	if l := &r.s.limiter; len(l.sourceCount) != 0 || l.sources.find(ip("20.9.0.1")).count != 0 {
		t.Errorf("sources are counted that are gone: %v", l.sourceCount)
	}

	r, _ = limitRig(t, func(*Config) {})
	offer(r, "20.1.0.1", 20)
	offer(r, "30.0.0.1", 3)
	c := r.s.config.Clone()
	change(&c)
	r.apply(c)
	offer(r, "20.1.0.2", 1)
	offer(r, "30.0.0.1", 8)
	if got := [2]int{count(r, "20.0.0.0/8"), count(r, "30.0.0.1/32")}; got != [2]int{20, 4} {
		t.Errorf("configured later: %v", got)
	}
	c = r.s.config.Clone()
	c.Limits = Limits{}
	r.apply(c)
	offer(r, "30.0.0.1", 8)
	if r.s.limiter.sourceCount != nil || count(r, "30.0.0.1/32") != 8 {
		t.Error("the limits are still there")
	}
}

func TestRPLimit(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) { c.Limits.RP = 10 })
	r.route(farRP, 20, below1)
	r.announce(below1, farRP, nil)
	r.announce(below1, below1.String(), junk(0, 15))
	r.announce(below2, below2.String(), junk(100, 10))
	r.wantRefused(below1, ReasonRPLimit, 5)
	r.wantRefused(below2, ReasonRPLimit, 0)
	r.advance(TickInterval)
	wantTold(t, logs, "full rp-limit of RP "+below1.String())
}

func TestLimitsAreShown(t *testing.T) {
	r, _ := limitRig(t, func(c *Config) {
		c.Peer(below1).Limits = PeerLimits{Entries: EntryLimit{Max: 15, Threshold: 90}, Rate: Rate{PerSecond: 5, Burst: 18}}
		c.Limits.Group = 12
		c.Limits.Groups.Set(prefix(t, "239.2.0.0/16"), 1)
		c.Limits.Source = 1
		c.Limits.Sources.Set(prefix(t, "20.0.0.0/8"), 100)
		c.Limits.RP = 100
	})
	r.announce(below1, below1.String(), junk(0, 20))
	r.sa(below1, below1.String(), sg("30.0.0.1", "239.2.0.1"), sg("30.0.0.2", "239.2.0.1"))
	var got []string
	for _, l := range r.s.Limits() {
		got = append(got, fmt.Sprintf("%s %s %v %d/%d %d", l.Kind, l.Peer, l.Configured, l.Count, l.Max, l.Refused))
	}
	want := []string{
		"peer 10.0.0.1 true 13/15 0",
		"peer-rate 10.0.0.1 true 0/0 0",
		"peer 10.0.0.2 false 0/1000000 0",
		"peer 10.0.0.21 false 0/1000000 0",
		"all 0.0.0.0 false 13/4194304 0",
		"group 0.0.0.0 true 1/12 8",
		"group-range 0.0.0.0 true 1/1 1",
		"source 0.0.0.0 true 0/1 0",
		"source-prefix 0.0.0.0 true 12/100 0",
		"rp 0.0.0.0 true 0/100 0",
		"register-rate 0.0.0.0 false 0/0 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSourcesOfALargeCacheAreCountedInSteps: what comes and goes while they are counted counts once.
func TestSourcesOfALargeCacheAreCountedInSteps(t *testing.T) {
	h := newHotPath(t, 1, nil)
	h.fill(t, 4*countStep/wire.MaxEntries)
	c := h.s.config.Clone()
	c.Limits.Source = 1000
	c.Limits.Sources.Set(netip.MustParsePrefix("20.0.0.0/8"), Unlimited)
	h.s.Apply(h.now, c)
	l := &h.s.limiter
	if n := len(l.sourceCount); n == 0 || n > countStep {
		t.Errorf("%d sources are counted at once", n)
	}
	remove := func(n number) { h.s.removeEntry(n, h.s.cache.at(n), "test") }
	for step := 0; l.counted != countedAll; step++ {
		if step > 10 {
			t.Fatal("it does not end")
		}
		remove(10 + number(step))               // is counted
		remove(3*countStep + 10 + number(step)) // is not, mostly
		h.next(10_000+step, false)              // takes the places of these, and new ones
		h.receive(t)
		h.now = h.now.Add(TickInterval)
		h.s.Tick(h.now)
	}
	want := make(map[ipv4.Addr]uint32)
	h.s.cache.each(1, h.s.cache.limit(), func(_ number, e *entry) bool {
		want[e.sg.Source]++
		return true
	})
	if !maps.Equal(l.sourceCount, want) {
		t.Errorf("%d sources are counted, there are %d", len(l.sourceCount), len(want))
	}
	if n := l.sources.find(ip("20.0.0.1")).count; n != h.s.cache.count() {
		t.Errorf("%d entries are counted in 20.0.0.0/8, there are %d", n, h.s.cache.count())
	}
}
