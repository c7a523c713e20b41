package msdp

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
)

// watchedRig is a rig whose log is looked at.
func watchedRig(t *testing.T, c Config) (*rig, *observer.ObservedLogs) {
	r := newRig(t, c)
	core, logged := observer.New(zap.InfoLevel)
	r.s.log = zap.New(core)
	return r, logged
}

func TestNeighborEvents(t *testing.T) {
	c := peersConfig(below1, above1)
	c.Log.Neighbors = true
	r, logged := watchedRig(t, c)
	steps := func(peer ipv4.Addr) []string {
		var out []string
		for _, e := range logged.FilterMessage("peer state").All() {
			if f := e.ContextMap(); f["peer"] == peer.String() {
				out = append(out, fmt.Sprintf("%s > %s: %s", f["from"], f["to"], f["reason"]))
			}
		}
		logged.TakeAll()
		return out
	}
	want := func(peer ipv4.Addr, want ...string) {
		t.Helper()
		if got := steps(peer); !slices.Equal(got, want) {
			t.Errorf("logged %q, want %q", got, want)
		}
	}
	r.up(below1)
	want(below1, "listen > established: ")
	r.tlv(below1, []byte{1, 0, 2})
	if got := steps(below1); len(got) != 2 || got[1] != "inactive > listen: " {
		t.Errorf("logged %q", got)
	}
	r.up(above1)
	want(above1, "inactive > connecting: ", "connecting > established: ")
	r.advance(DefaultHold)
	want(above1, "established > inactive: hold timer expired")
	r.advance(2 * time.Second)
	want(above1, "inactive > connecting: ")
	down := c.Clone()
	down.AddPeer(below1).Shutdown = true
	r.apply(down)
	want(below1, "listen > inactive: shut down by the operator", "inactive > disabled: shutdown")

	quiet := down.Clone()
	quiet.Log.Neighbors = false
	r.apply(quiet)
	r.up(above1)
	if n := logged.FilterMessage("peer up").Len(); n != 1 {
		t.Errorf("a peer that comes up is told %d times", n)
	}
	if got := steps(above1); len(got) != 0 {
		t.Errorf("logged though it is off: %q", got)
	}
}

// TestRemovedPeerIsNoNeighborEvent: that it is down is said, and nothing of a state that it no longer has.
func TestRemovedPeerIsNoNeighborEvent(t *testing.T) {
	c := peersConfig(below1, above1, below2)
	c.Log.Neighbors = true
	c.AddPeer(below2).Shutdown = true
	r, logged := watchedRig(t, c)
	r.up(below1)
	logged.TakeAll()
	without := peersConfig(above1)
	without.Log.Neighbors = true
	r.apply(without)
	if n := logged.FilterMessage("peer state").Len(); n != 0 {
		t.Errorf("%d lines about states", n)
	}
	if n := logged.FilterMessage("peer down").Len(); n != 1 {
		t.Errorf("%d peers are said to be down", n)
	}
}

func TestSAEvents(t *testing.T) {
	c := peersConfig(below1, below2)
	c.Log.SAs = true
	r, logged := watchedRig(t, c)
	r.up(below1, below2)
	logged.TakeAll()
	a, b := sg("10.7.0.1", "239.1.1.1"), sg("10.7.0.2", "239.1.1.1")
	want := func(message string, n int, fields ...zap.Field) {
		t.Helper()
		found := logged.FilterMessage(message)
		for _, f := range fields {
			found = found.FilterField(f)
		}
		if found.Len() != n {
			t.Errorf("%q with %v is logged %d times, want %d", message, fields, found.Len(), n)
		}
	}
	for range 3 {
		r.sa(below1, below1.String(), a)
		r.sa(below1, below1.String(), sg("10.7.0.1", "232.1.1.1"))
		r.sa(below1, below1.String(), sg("127.0.0.1", "239.1.1.1"))
	}
	want("SA came", 1, zap.Stringer("sg", a), zap.Stringer("rp", below1), zap.Stringer("peer", below1))
	want("SA refused", 1, zap.Stringer("sg", sg("10.7.0.1", "232.1.1.1")), zap.String("reason", ReasonGroup.Text()))
	want("SA refused", 2)
	r.sa(below2, below2.String(), b)
	r.advanceAlive(SGStatePeriod + 20*time.Second)
	want("SA gone", 2, zap.String("reason", "no SA came any more"))
	r.sa(below1, below1.String(), a)
	r.s.ClearCache(r.now)
	want("SA gone", 1, zap.Stringer("sg", a), zap.String("reason", "cleared by the operator"))

	logged.TakeAll()
	r.s.SetRPs(r.now, rpIs("10.9.9.9"))
	r.s.KernelEntry(r.now, a, 2, 0)
	r.s.RegisterHeard(r.now, Register{OuterSource: ip("10.7.0.254"), OuterDestination: ip("10.9.9.9"), SG: a})
	want("local source came", 1, zap.Stringer("sg", a))
	r.s.SetRPs(r.now, rpAway("10.6.6.6"))
	want("local source gone", 1, zap.Stringer("sg", a))

	quiet := c.Clone()
	quiet.Log.SAs = false
	r.apply(quiet)
	logged.TakeAll()
	r.sa(below1, below1.String(), a)
	r.wantCached(true, a)
	r.s.ClearCache(r.now)
	if n := logged.Len(); n != 0 {
		t.Errorf("%d lines though it is off", n)
	}
}

// TestSAEventsAreBounded: 200,000 entries that come and go fill no disk, and the ones that
// were left out are counted.
func TestSAEventsAreBounded(t *testing.T) {
	c := peersConfig(below1)
	c.Log.SAs = true
	r, logged := watchedRig(t, c)
	r.up(below1)
	logged.TakeAll()
	const n = 200_000
	var batch []ipv4.SG
	for i := range n {
		batch = append(batch, ipv4.SG{Source: ip("10.0.0.0") + ipv4.Addr(i+1), Group: ip("239.1.1.1")})
		if len(batch) == 1000 {
			r.sa(below1, below1.String(), batch...)
			batch = batch[:0]
		}
	}
	r.advance(leftOutPeriod)
	r.s.ClearCache(r.now)
	r.advance(leftOutPeriod)
	if got := logged.FilterMessage("SA came").Len(); got != saLogBurst {
		t.Errorf("%d lines, want %d", got, saLogBurst)
	}
	var came, gone, told int
	for _, e := range logged.All() {
		switch f := e.ContextMap(); e.Message {
		case "SA came":
			came++
		case "SA gone":
			gone++
		case "more SAs came and went than are logged":
			told++
			came += int(f["came"].(uint64))
			gone += int(f["gone"].(uint64))
		}
	}
	if came != n || gone != n {
		t.Errorf("%d came and %d went by the log, want %d of each", came, gone, n)
	}
	if told > 3 {
		t.Errorf("told %d times how many were left out", told)
	}
}

// TestRefusalsAreForgotten: what is remembered of refused SAs has a bound.
func TestRefusalsAreForgotten(t *testing.T) {
	var l saLog
	r := func(i int) refusal { return refusal{peer: 1, why: ReasonRPF, sg: ipv4.SG{Source: ipv4.Addr(i)}} }
	now := start
	if !l.first(now, r(0)) || l.first(now, r(0)) {
		t.Fatal("the first is told once")
	}
	for i := range 10 * refusalsKnown {
		l.first(now, r(i+1))
		if len(l.known)+len(l.knownBefore) > 2*refusalsKnown {
			t.Fatalf("%d are remembered", len(l.known)+len(l.knownBefore))
		}
	}
	if !l.first(now, r(0)) {
		t.Error("the first is still known after so many others")
	}
	for range 20 { // one that comes every minute stays known
		now = now.Add(time.Minute)
		if l.first(now, r(0)) {
			t.Fatalf("told again after %v", now.Sub(start))
		}
	}
	now = now.Add(2*SGStatePeriod + time.Second)
	l.first(now, r(1))
	now = now.Add(SGStatePeriod)
	if !l.first(now, r(0)) {
		t.Error("one that was silent for long is not told anew")
	}
}
