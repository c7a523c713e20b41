package msdp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/lib/acl"
	"msdpd/lib/ipv4"
)

// lists reads the lines of access and prefix lists.
func lists(t testing.TB, lines ...string) acl.Lists {
	t.Helper()
	var l acl.Lists
	for _, line := range lines {
		if err := addLine(&l, strings.Fields(line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return l
}

func addLine(l *acl.Lists, words []string) error {
	if words[0] == "ip" { // prefix-list NAME …
		line, err := acl.ParsePrefixLine(words[2], words[3:])
		return errors.Join(err, l.AddPrefixLine(line))
	}
	line, err := acl.ParseLine(words[1], words[2:])
	return errors.Join(err, l.AddLine(line))
}

var (
	sgInside  = sg("192.0.2.1", "239.1.1.1")
	sgOutside = sg("192.0.2.1", "238.1.1.1")
)

// filtered peers with below1 to below3, the first two with f.
func filtered(f PeerFilters) Config {
	c := peersConfig(below1, below2, below3)
	c.Peer(below1).Filters = f
	c.Peer(below2).Filters = f
	return c
}

func TestFilterIn(t *testing.T) {
	for name, f := range map[string]PeerFilters{
		"sa-filter":      {In: FilterLists{SG: "inside"}},
		"scope-boundary": {ScopeBoundary: "groups"},
	} {
		t.Run(name, func(t *testing.T) {
			c := filtered(f)
			c.Lists = lists(t, "access-list inside permit ip any 239.0.0.0 0.255.255.255", "access-list groups permit 239.0.0.0/8")
			r := newRig(t, c)
			r.up(below1, below2, below3)
			r.forgetSent()
			r.sa(below1, below1.String(), sgInside, sgOutside)
			r.wantCached(true, sgInside)
			r.wantCached(false, sgOutside)
			r.wantSAs(below3, sgInside)
			why := ReasonFilter
			if f.ScopeBoundary != "" {
				why = ReasonScope
			}
			r.wantRefused(below1, why, 1)
		})
	}
}

// TestFilterOut: each peer gets what its filter permits; one without a filter gets all.
func TestFilterOut(t *testing.T) {
	for name, f := range map[string]PeerFilters{
		"sa-filter":      {Out: FilterLists{SG: "inside"}},
		"scope-boundary": {ScopeBoundary: "groups"},
	} {
		t.Run(name, func(t *testing.T) {
			c := filtered(f)
			c.Lists = lists(t, "access-list inside permit ip any 239.0.0.0 0.255.255.255", "access-list groups permit 239.0.0.0/8")
			r := newRig(t, c)
			r.s.SetRPs(r.now, rpIs(rigRP))
			r.up(below1, below2, below3)
			r.forgetSent()
			r.sa(below3, below3.String(), sgInside, sgOutside)
			r.wantSAs(below1, sgInside)
			r.wantSAs(below2, sgInside)
			if n := r.s.peers[below1].stats.FilteredOut; n != 1 {
				t.Errorf("%d entries counted as filtered, want 1", n)
			}
			// The same of what this router announces itself, and of the cache that a new session gets.
			local := sg("10.1.0.7", "238.2.2.2")
			r.s.KernelEntry(r.now, local, 3, 1)
			r.s.SetDR(r.now, map[string]bool{"lan0": true})
			r.wantSAs(below1)
			r.s.Closed(r.now, r.conn(below2), nil)
			r.up(below2)
			r.wantSAs(below2, sgInside)
			r.s.Closed(r.now, r.conn(below1), nil)
			c.Peer(below1).Filters = PeerFilters{}
			r.apply(c)
			r.up(below1)
			r.wantSAs(below1, sgInside, sgOutside, local)
		})
	}
}

// A boundary can be written with sources and groups, too, and the ready-made list is.
func TestScopeBoundaryOfAnExtendedList(t *testing.T) {
	for _, list := range []string{"region", "msdp-border"} {
		c := filtered(PeerFilters{ScopeBoundary: list})
		c.Lists = lists(t, "access-list region deny ip any 239.0.0.0 0.255.255.255", "access-list region permit ip any any")
		r := newRig(t, c)
		r.up(below1, below2, below3)
		r.forgetSent()
		r.sa(below1, below1.String(), sgInside, sgOutside)
		r.wantCached(false, sgInside)
		r.wantRefused(below1, ReasonScope, 1)
		r.wantSAs(below2, sgOutside)
		r.wantSAs(below3, sgOutside)
		r.sa(below3, below3.String(), sg("192.0.2.2", "239.1.1.1"), sg("192.0.2.2", "238.1.1.1"))
		r.wantSAs(below2, sg("192.0.2.2", "238.1.1.1"))
	}
}

func TestFilterByRP(t *testing.T) {
	c := filtered(PeerFilters{In: FilterLists{RP: "rps"}, Out: FilterLists{RP: "rps"}})
	c.Lists = lists(t, "access-list rps permit host "+below1.String())
	r := newRig(t, c)
	r.up(below1, below2, below3)
	r.forgetSent()
	other := sg("192.0.2.2", "239.1.1.1")
	r.sa(below1, below1.String(), sgInside)
	r.wantSAs(below2, sgInside)
	r.sa(below2, below2.String(), other) // rule (i), but its RP is not permitted
	r.wantCached(false, other)
	r.wantRefused(below2, ReasonFilter, 1)
	r.sa(below3, below3.String(), other)
	r.wantCached(true, other)
	r.wantSAs(below1)
	if n := r.env.tracked[below2]; n != 1 {
		t.Errorf("the route to an RP that the filter refuses is asked for: %d times, want the peer's one", n)
	}
}

// TestMissingListRefusesEverything, in both directions, until it is there.
func TestMissingListRefusesEverything(t *testing.T) {
	for name, f := range map[string]PeerFilters{
		"sa-filter":      {In: FilterLists{SG: "none"}, Out: FilterLists{SG: "none"}},
		"rp-list":        {In: FilterLists{RP: "none"}, Out: FilterLists{RP: "none"}},
		"scope-boundary": {ScopeBoundary: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			c := filtered(f)
			r := newRig(t, c)
			r.up(below1, below2, below3)
			r.forgetSent()
			r.sa(below1, below1.String(), sgInside)
			r.sa(below3, below3.String(), sgOutside)
			r.wantCached(false, sgInside)
			r.wantSAs(below1)
			st, _ := r.s.Peer(r.now, below1)
			if len(st.MissingLists) == 0 || len(c.MissingLists()) != 2*len(st.MissingLists) {
				t.Errorf("missing: %v of the peer, %v in all", st.MissingLists, c.MissingLists())
			}
			if st, _ := r.s.Peer(r.now, below3); len(st.MissingLists) != 0 {
				t.Errorf("missing of a peer without filters: %v", st.MissingLists)
			}
			c.Lists = lists(t, "access-list none permit any")
			r.apply(c)
			if len(c.MissingLists()) != 0 {
				t.Errorf("still missing: %v", c.MissingLists())
			}
			r.sa(below1, below1.String(), sgInside)
			r.wantCached(true, sgInside)
		})
	}
}

// TestNoLongerPermittedLeavesTheCache at once, with its join, and nothing else does.
func TestNoLongerPermittedLeavesTheCache(t *testing.T) {
	c := filtered(PeerFilters{In: FilterLists{SG: "inside"}})
	c.Lists = lists(t, "access-list inside permit ip any any")
	r := newRig(t, c)
	r.up(below1, below3)
	r.s.KernelEntry(r.now, ipv4.SG{Group: sgOutside.Group}, 2, 0)
	of3 := sg("192.0.2.3", "238.1.1.1")
	r.sa(below1, below1.String(), sgInside, sgOutside)
	r.sa(below3, below3.String(), of3)
	r.wantCached(true, sgInside, sgOutside, of3)
	if !r.env.joined[sgOutside] {
		t.Fatal("not joined before")
	}
	c.Lists = lists(t, "access-list inside permit ip any 239.0.0.0 0.255.255.255")
	r.apply(c)
	r.wantCached(true, sgInside, of3)
	r.wantCached(false, sgOutside)
	if r.env.joined[sgOutside] {
		t.Error("still joined")
	}
	// An rp-list that comes into force likewise.
	c.Peer(below1).Filters.In.RP = "rps"
	c.Lists = lists(t, "access-list inside permit ip any any", "access-list rps deny any")
	r.apply(c)
	r.wantCached(false, sgInside)
	r.wantCached(true, of3)
}

// TestFilterOfWhatWaits: a list that comes into force while an entry waits for a route holds for it.
func TestFilterOfWhatWaits(t *testing.T) {
	c := filtered(PeerFilters{})
	r := newRig(t, c)
	r.up(below1)
	r.sa(below1, farRP, sgInside, sgOutside)
	c.Peer(below1).Filters.In.SG = "inside"
	c.Lists = lists(t, "access-list inside permit ip any 239.0.0.0 0.255.255.255")
	r.apply(c)
	r.route(farRP, 20, below1)
	r.wantCached(true, sgInside)
	r.wantCached(false, sgOutside)
}

func TestRedistribute(t *testing.T) {
	inside, outside := sg("10.1.0.7", "239.2.2.2"), sg("10.1.0.7", "238.2.2.2")
	for _, tc := range []struct {
		redistribute Redistribution
		want         []ipv4.SG
	}{
		{Redistribution{}, []ipv4.SG{inside, outside}},
		{Redistribution{Restricted: true}, nil},
		{Redistribution{Restricted: true, List: "inside"}, []ipv4.SG{inside}},
		{Redistribution{Restricted: true, List: "none"}, nil},
	} {
		t.Run(fmt.Sprintf("%+v", tc.redistribute), func(t *testing.T) {
			c := peersConfig(below1)
			c.Redistribute = tc.redistribute
			c.Lists = lists(t, "access-list inside permit ip any 239.0.0.0 0.255.255.255")
			r := newRig(t, c)
			r.s.SetRPs(r.now, rpIs(rigRP))
			r.s.SetDR(r.now, map[string]bool{"lan0": true})
			r.up(below1)
			r.forgetSent()
			r.s.KernelEntry(r.now, inside, 3, 1)
			r.s.KernelEntry(r.now, outside, 3, 1)
			r.wantSAs(below1, tc.want...)
			// Nor periodically, nor to a peer that comes.
			r.s.KernelEntry(r.now, inside, 3, 2)
			r.s.KernelEntry(r.now, outside, 3, 2)
			r.advanceAlive(SAAdvertisementPeriod - time.Second)
			r.wantSAs(below1, tc.want...)
			r.s.Closed(r.now, r.conn(below1), nil)
			r.up(below1)
			r.wantSAs(below1, tc.want...)
			// They are local sources all the same: a peer's SA for one is refused.
			r.sa(below1, below1.String(), outside)
			r.wantRefused(below1, ReasonLocal, 1)
			// What is permitted again is announced at once.
			c.Redistribute = Redistribution{}
			r.forgetSent()
			r.apply(c)
			var again []ipv4.SG
			for _, sg := range []ipv4.SG{inside, outside} {
				if !slices.Contains(tc.want, sg) {
					again = append(again, sg)
				}
			}
			r.wantSAs(below1, again...)
		})
	}
}

func TestDefaultPeerPrefixList(t *testing.T) {
	c := peersConfig(below1, below2)
	c.DefaultPeers = []DefaultPeer{{Addr: below1, PrefixList: "near"}, {Addr: below2, PrefixList: "none"}, {Addr: below2}}
	c.Lists = lists(t, "ip prefix-list near permit 198.51.100.0/24 le 32")
	r := newRig(t, c)
	r.up(below1, below2)
	for _, tc := range []struct {
		rp   string
		want ipv4.Addr
	}{{"198.51.100.1", below1}, {"203.0.113.1", below2}} {
		r.s.AskRPF(r.now, ip(tc.rp))
		r.route(tc.rp, 0) // unreachable
		if st := r.s.ExplainRPF(r.now, ip(tc.rp)); st.Peer != tc.want || st.Rule != RuleStaticPeer {
			t.Errorf("RP %s: %s by rule %s, want %s", tc.rp, st.Peer, st.Rule, tc.want)
		}
	}
	c.DefaultPeers = c.DefaultPeers[:2]
	r.apply(c)
	if st := r.s.ExplainRPF(r.now, ip("203.0.113.1")); st.Rule != RuleNone {
		t.Errorf("a list that does not exist names %s", st.Peer)
	}
}

func TestRejectedAreRemembered(t *testing.T) {
	c := filtered(PeerFilters{In: FilterLists{SG: "inside"}})
	c.Lists = lists(t, "access-list inside permit ip any 239.0.0.0 0.255.255.255")
	c.RejectedSAs = 3
	r := newRig(t, c)
	r.up(below1, below2, below3)
	groups := func() string {
		var out []string
		for _, e := range r.s.RejectedSAs(ipv4.SG{}) {
			out = append(out, fmt.Sprintf("%s:%d", e.SG.Group, e.Count))
		}
		return strings.Join(out, " ")
	}
	for _, group := range []string{"238.0.0.1", "238.0.0.2", "238.0.0.1", "238.0.0.3"} {
		r.sa(below1, below1.String(), sg("192.0.2.1", group))
	}
	if got, want := groups(), "238.0.0.1:2 238.0.0.2:1 238.0.0.3:1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r.advance(time.Second)
	r.sa(below1, below1.String(), sg("192.0.2.1", "238.0.0.4")) // takes the place of the first
	if got, want := groups(), "238.0.0.2:1 238.0.0.3:1 238.0.0.4:1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	last := r.s.RejectedSAs(sg("192.0.2.1", "238.0.0.4"))
	if len(last) != 1 || last[0].Reason != ReasonFilter || last[0].Peer != below1 || last[0].RP != below1 || !last[0].Last.Equal(r.now) {
		t.Errorf("%+v", last)
	}
	if n := r.s.ClearRejectedSAs(r.now); n != 3 || groups() != "" {
		t.Errorf("%d cleared, left: %s", n, groups())
	}
	r.sa(below1, below1.String(), sg("192.0.2.1", "238.0.0.5"))
	r.apply(peersConfig(below2))
	if groups() != "" {
		t.Errorf("of a peer that was removed: %s", groups())
	}
}

// TestExplain: each peer that offered an (S,G) and what became of it, and who was sent it.
func TestExplain(t *testing.T) {
	c := peersConfig(below1, below2, below3, above1)
	c.RejectedSAs = 10
	c.Lists = lists(t, "access-list inside seq 10 permit ip any 239.0.0.0 0.255.255.255")
	c.Peer(below2).Filters.In.SG = "inside"
	c.Peer(below3).Filters.Out.SG = "none"
	r := newRig(t, c)
	r.up(below1, below2, below3)
	r.s.AskRPF(r.now, below1)
	r.route(below1.String(), 0, below1)
	r.sa(below2, below1.String(), sgOutside)
	r.sa(below3, below1.String(), sgOutside)
	r.sa(below1, below1.String(), sgOutside)
	e := r.s.Explain(r.now, sgOutside)
	if !e.Known || e.SA.Peer != below1 || e.Interested {
		t.Errorf("%+v", e)
	}
	offers := make(map[ipv4.Addr]string)
	for _, o := range e.Offers {
		offers[o.Peer] = fmt.Sprintf("%t %s: %s", o.Taken, o.Reason, o.Why)
	}
	for peer, want := range map[ipv4.Addr]string{
		below1: "true : rule i: the peer is the RP itself",
		below2: "false sa-filter: sa-filter in: denied, as no line of access list inside matches",
		below3: "false rpf: the peer is not the RPF peer towards the RP: rule i names 10.0.0.1",
	} {
		if !strings.HasPrefix(offers[peer], want) {
			t.Errorf("offer of %s: %q, want %q", peer, offers[peer], want)
		}
	}
	for _, d := range e.Deliveries {
		want := map[ipv4.Addr]string{
			below1: "it came from there", below2: "",
			below3: "sa-filter out: there is no access list none", above1: "the session is not established",
		}[d.Peer]
		if d.Why != want || d.Sent != (want == "") {
			t.Errorf("to %s: %t, %q, want %q", d.Peer, d.Sent, d.Why, want)
		}
	}
	if e := r.s.Explain(r.now, sgInside); e.Known || len(e.Offers) != 0 || len(e.Deliveries) != 0 {
		t.Errorf("of one that nobody offered: %+v", e)
	}
}

// TestLongListsAreAppliedInSteps: a long list in force for a large cache takes several ticks, in which nothing that
// it does not permit is passed on.
func TestLongListsAreAppliedInSteps(t *testing.T) {
	c := filtered(PeerFilters{})
	r := newRig(t, c)
	r.up(below1)
	const entries, listLines = 20_000, 200
	var all []ipv4.SG
	for i := range ipv4.Addr(entries) {
		all = append(all, ipv4.SG{Source: ip("20.0.0.0") + i, Group: ip("239.1.0.0") + i%1000})
	}
	for len(all) > 0 {
		r.sa(below1, below1.String(), all[:1000]...)
		all = all[1000:]
	}
	var text []string
	for i := range listLines {
		text = append(text, fmt.Sprintf("access-list long permit ip host 30.0.0.%d any", i))
	}
	c.Lists = lists(t, text...)
	c.Peer(below1).Filters.In.SG = "long"
	r.apply(c)
	if n := r.s.cache.count(); n == 0 || n == entries {
		t.Errorf("%d of %d entries are left after the first step", n, entries)
	}
	r.up(below3)
	r.wantSAs(below3)
	for steps := 1; r.s.cache.count() > 0; steps++ {
		if steps > 10 {
			t.Fatalf("%d entries are left after %d steps", r.s.cache.count(), steps)
		}
		r.advance(TickInterval)
	}
	r.wantRefused(below1, ReasonFilter, entries)
	// A list that permits again while the old one is applied: nothing more goes.
	r.sa(below1, below1.String(), sgInside)
	r.wantCached(false, sgInside)
	c.Peer(below1).Filters.In.SG = ""
	r.apply(c)
	r.sa(below1, below1.String(), sgInside)
	r.advance(TickInterval)
	r.wantCached(true, sgInside)
}
