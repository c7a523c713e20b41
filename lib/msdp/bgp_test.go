package msdp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// The peers of these tests: loop1 in AS 101, loop2 in AS 102, loop3 in AS 103, loop4 in
// AS 102 as well, by what bgpd says; gw1 and gw2 are BGP neighbours without MSDP.
var loop4 = ip("10.0.0.4")

var neighborASes = map[ipv4.Addr]uint32{loop1: 101, loop2: 102, loop3: 103, loop4: 102, gw1: 101, gw2: 102}

func path(kind rib.PathKind, neighbor, nextHop ipv4.Addr, ases ...uint32) *rib.BGPPath {
	p := &rib.BGPPath{Prefix: netip.MustParsePrefix("10.50.0.0/24"), Kind: kind, Neighbor: neighbor}
	if nextHop != 0 {
		p.NextHops = []ipv4.Addr{nextHop}
	}
	for _, as := range ases {
		p.ASPath = append(p.ASPath, []uint32{as})
	}
	return p
}

var bgpRoute = route(rib.BGP, 0, hop(gw1, 2))

func TestPeerRPFRulesOfBGP(t *testing.T) {
	set := path(rib.External, gw1, gw1, 109)
	set.ASPath = append(set.ASPath, []uint32{103, 102})
	multipath := path(rib.External, loop1, loop1, 101)
	multipath.NextHops = []ipv4.Addr{loop1, loop2}
	for name, tc := range map[string]struct {
		path     *rib.BGPPath
		defaults []ipv4.Addr
		down     []ipv4.Addr
		as       map[ipv4.Addr]uint32 // configured
		rp       ipv4.Addr            // 0: farRP
		rule     Rule
		peer     ipv4.Addr
	}{
		"(i) before (ii)":                      {rp: loop2, path: path(rib.External, loop1, loop1, 101), rule: RulePeerIsRP, peer: loop2},
		"(ii) eBGP NEXT_HOP":                   {path: path(rib.External, loop1, loop1, 101, 109), rule: RuleEBGPNextHop, peer: loop1},
		"(ii) a third party's NEXT_HOP":        {path: path(rib.External, loop3, loop1, 103, 101), rule: RuleEBGPNextHop, peer: loop1},
		"(ii) of several the highest":          {path: multipath, rule: RuleEBGPNextHop, peer: loop2},
		"(ii) of several one that is up":       {path: multipath, down: []ipv4.Addr{loop2}, rule: RuleEBGPNextHop, peer: loop1},
		"(ii) before (iv)":                     {path: path(rib.External, loop1, loop1, 103, 101), rule: RuleEBGPNextHop, peer: loop1},
		"(ii) not while it is down":            {path: path(rib.External, loop2, loop2, 102, 109), down: []ipv4.Addr{loop2}, rule: RuleClosestAS, peer: loop4},
		"(ii) not for iBGP":                    {path: path(rib.Internal, loop3, loop1, 101), rule: RuleNeighbor, peer: loop3},
		"(iii) the iBGP neighbour":             {path: path(rib.Internal, loop2, gw2, 103), rule: RuleNeighbor, peer: loop2},
		"(iii) without an AS path":             {path: path(rib.Internal, loop2, loop2), rule: RuleNeighbor, peer: loop2},
		"(iii) inside a confederation":         {path: path(rib.ConfedExternal, loop3, gw1, 101), rule: RuleNeighbor, peer: loop3},
		"(iii) an eBGP neighbour, too":         {path: path(rib.External, loop3, gw1, 101), rule: RuleNeighbor, peer: loop3},
		"(iii) not while it is down":           {path: path(rib.Internal, loop2, loop2, 103), down: []ipv4.Addr{loop2}, rule: RuleClosestAS, peer: loop3},
		"(iv) the closest AS":                  {path: path(rib.External, gw1, gw1, 101, 103), rule: RuleClosestAS, peer: loop1},
		"(iv) an AS farther on":                {path: path(rib.External, gw1, gw1, 109, 103, 101), rule: RuleClosestAS, peer: loop3},
		"(iv) the highest address":             {path: path(rib.External, gw2, gw2, 102), rule: RuleClosestAS, peer: loop4},
		"(iv) the highest that is up":          {path: path(rib.External, gw2, gw2, 102), down: []ipv4.Addr{loop4}, rule: RuleClosestAS, peer: loop2},
		"(iv) the next AS when a peer is down": {path: path(rib.External, gw1, gw1, 101, 103), down: []ipv4.Addr{loop1}, rule: RuleClosestAS, peer: loop3},
		"(iv) a set is one place":              {path: set, rule: RuleClosestAS, peer: loop4},
		"(iv) as configured":                   {path: path(rib.External, gw1, gw1, 109), as: map[ipv4.Addr]uint32{loop1: 109}, rule: RuleClosestAS, peer: loop1},
		"(iv) as configured before bgpd's":     {path: path(rib.External, gw1, gw1, 101), as: map[ipv4.Addr]uint32{loop1: 109}},
		"(v) after (iv)":                       {path: path(rib.External, gw1, gw1, 103), defaults: []ipv4.Addr{loop1}, rule: RuleClosestAS, peer: loop3},
		"(v) no AS on the path":                {path: path(rib.External, gw1, gw1, 109), defaults: []ipv4.Addr{loop2, loop1}, rule: RuleStaticPeer, peer: loop2},
		"(v) bgpd has no path":                 {defaults: []ipv4.Addr{loop1}, rule: RuleStaticPeer, peer: loop1},
		"none: a path of our own":              {path: path(rib.OwnPath, 0, 0)},
		"none: no AS on the path":              {path: path(rib.External, gw1, gw1, 109)},
		"none: bgpd has no path":               {},
	} {
		t.Run(name, func(t *testing.T) {
			all := []ipv4.Addr{loop1, loop2, loop3, loop4}
			c := peersConfig(all...)
			c.DefaultPeers = defaultPeers(tc.defaults...)
			for a, as := range tc.as {
				c.Peer(a).ASN = as
			}
			r := newRig(t, c)
			r.up(all...)
			r.s.BGPNeighbors(r.now, neighborASes)
			if tc.rp == 0 {
				tc.rp = ip(farRP)
			}
			r.s.AskRPF(r.now, tc.rp)
			r.s.RouteChanged(r.now, tc.rp, bgpRoute)
			if r.env.bgpAsks[tc.rp] != 1 {
				t.Errorf("bgpd was asked %d times", r.env.bgpAsks[tc.rp])
			}
			if st := r.s.ExplainRPF(r.now, tc.rp); st.Known {
				t.Error("known before bgpd has answered")
			}
			r.s.BGPAnswered(r.now, tc.rp, tc.path)
			for _, a := range tc.down {
				r.s.Closed(r.now, r.conn(a), nil)
			}
			st := r.s.ExplainRPF(r.now, tc.rp)
			if !st.Known || st.Rule != tc.rule || st.Peer != tc.peer || !st.BGP.Equal(tc.path) {
				t.Errorf("rule %s names %s (%s), want rule %s and %s", st.Rule, st.Peer, st.Why, tc.rule, tc.peer)
			}
			for i, a := range all {
				if !r.s.peers[a].established() {
					continue
				}
				s := ipv4.SG{Source: ip("192.0.2.1") + ipv4.Addr(i), Group: ip("239.1.1.1")}
				r.sa(a, tc.rp.String(), s)
				r.wantCached(a == tc.peer, s)
			}
			for _, p := range st.Peers {
				if p.Why == "" {
					t.Errorf("nothing is said about %s", p.Addr)
				}
			}
		})
	}
}

func TestPendingWaitsForBGPToo(t *testing.T) {
	r := newRig(t, peersConfig(loop1, loop2))
	r.up(loop1, loop2)
	r.sa(loop1, farRP, sgA)
	r.sa(loop2, farRP, sgB)
	r.advance(TickInterval)
	r.s.RouteChanged(r.now, ip(farRP), bgpRoute)
	r.wantCached(false, sgA, sgB)
	r.wantRefused(loop1, ReasonNoRoute, 0)
	r.advance(TickInterval)
	r.s.BGPAnswered(r.now, ip(farRP), path(rib.External, loop1, loop1, 101))
	r.wantCached(true, sgA)
	r.wantCached(false, sgB)
	r.wantRefused(loop2, ReasonRPF, 1)
	if !r.env.watched[ip(farRP)] {
		t.Error("bgpd is not asked again about an RP with entries")
	}
	r.s.ClearCache(r.now)
	if len(r.env.watched) != 0 {
		t.Error("bgpd is asked again about an RP without entries")
	}
}

func TestBGPDSilent(t *testing.T) {
	c := peersConfig(loop1, loop2)
	r := newRig(t, c)
	r.up(loop1, loop2)
	r.s.BGPAway(r.now, "connection refused")
	r.sa(loop1, farRP, sgA)
	r.s.RouteChanged(r.now, ip(farRP), bgpRoute)
	r.advance(pendingPeriod)
	r.wantCached(false, sgA)
	r.wantRefused(loop1, ReasonNoRoute, 1)
	st := r.s.ExplainRPF(r.now, ip(farRP))
	if !st.Known || !strings.Contains(st.Why, "bgpd does not answer (connection refused)") || st.BGPAway != "connection refused" {
		t.Errorf("%+v", st)
	}
	// The default peer needs no bgpd.
	c.DefaultPeers = defaultPeers(loop2)
	r.apply(c)
	r.sa(loop2, farRP, sgA)
	r.wantCached(true, sgA)
	// Late is better than never.
	r.s.BGPAnswered(r.now, ip(farRP), path(rib.External, loop1, loop1, 101))
	r.sa(loop1, farRP, sgB)
	r.wantCached(true, sgB)
}

func TestWhatBGPDSaidStaysUntilForgotten(t *testing.T) {
	c := peersConfig(loop1, loop2)
	r := newRig(t, c)
	r.up(loop1, loop2)
	r.s.BGPNeighbors(r.now, map[ipv4.Addr]uint32{loop2: 102})
	r.sa(loop2, farRP, sgA)
	r.s.RouteChanged(r.now, ip(farRP), bgpRoute)
	r.s.BGPAnswered(r.now, ip(farRP), path(rib.External, gw2, gw2, 102))
	r.wantCached(true, sgA)
	r.s.BGPAway(r.now, "it is stuck")
	r.sa(loop2, farRP, sgB)
	r.wantCached(true, sgB)
	if st := r.s.ExplainRPF(r.now, ip(farRP)); st.Rule != RuleClosestAS || st.BGPAway == "" {
		t.Errorf("%+v", st)
	}
	// A peer that is configured anew is known by the AS that bgpd said, too.
	r.apply(peersConfig(loop1))
	r.apply(c)
	r.up(loop2)
	if st := r.s.ExplainRPF(r.now, ip(farRP)); st.Rule != RuleClosestAS {
		t.Errorf("%+v", st)
	}
	r.s.BGPForget(r.now)
	if st := r.s.ExplainRPF(r.now, ip(farRP)); st.Rule != RuleNone || !strings.Contains(st.Why, "it is stuck") || peerAS(r.s.peers[loop2]) != 0 {
		t.Errorf("%+v", st)
	}
	r.sa(loop2, farRP, sgC)
	r.wantCached(false, sgC)
	r.s.BGPNeighbors(r.now, map[ipv4.Addr]uint32{loop2: 102})
	r.s.BGPAnswered(r.now, ip(farRP), path(rib.External, gw2, gw2, 102))
	r.sa(loop2, farRP, sgC)
	r.wantCached(true, sgC)
}

func TestRPFPeerFollowsBGP(t *testing.T) {
	r := newRig(t, peersConfig(loop1, loop2, loop3))
	r.up(loop1, loop2, loop3)
	r.s.BGPNeighbors(r.now, neighborASes)
	rp := ip(farRP)
	n := ipv4.Addr(0)
	want := func(peer ipv4.Addr) {
		t.Helper()
		for _, a := range []ipv4.Addr{loop1, loop2, loop3} {
			n++
			s := ipv4.SG{Source: ip("192.0.2.0") + n, Group: ip("239.1.1.1")}
			r.sa(a, farRP, s)
			r.wantCached(a == peer, s)
		}
	}
	r.s.AskRPF(r.now, rp)
	r.s.RouteChanged(r.now, rp, route(rib.OSPF, 30, hop(loop3, 4)))
	want(loop3)
	// The IGP's decision holds until bgpd has told the path.
	r.s.RouteChanged(r.now, rp, bgpRoute)
	want(loop3)
	r.advance(TickInterval)
	want(loop3)
	r.s.BGPAnswered(r.now, rp, path(rib.External, loop1, loop1, 101))
	want(loop1)
	// What resolves to the same next hop is no change for zebra.
	r.s.BGPAnswered(r.now, rp, path(rib.External, gw2, gw2, 102))
	want(loop2)
	// Another way: what bgpd said holds until it says something else.
	asked := r.env.bgpAsks[rp]
	r.s.RouteChanged(r.now, rp, route(rib.BGP, 0, hop(gw2, 3)))
	if r.env.bgpAsks[rp] == asked {
		t.Error("bgpd was not asked at once")
	}
	want(loop2)
	r.s.BGPAnswered(r.now, rp, path(rib.Internal, loop3, gw2, 101))
	want(loop3)
	// BGP's route goes, and comes back: nothing is left of what was said.
	r.s.RouteChanged(r.now, rp, rib.Route{})
	want(0)
	r.s.BGPAnswered(r.now, rp, path(rib.Internal, loop3, gw2, 101)) // too late
	want(0)
	r.s.RouteChanged(r.now, rp, bgpRoute)
	r.sa(loop1, farRP, sgA)
	r.wantCached(false, sgA)
	r.s.BGPAnswered(r.now, rp, path(rib.External, loop1, loop1, 101))
	r.wantCached(true, sgA)
	want(loop1)
	// The AS of a peer changes.
	r.s.BGPAnswered(r.now, rp, path(rib.External, gw1, gw1, 107))
	want(0)
	r.s.BGPNeighbors(r.now, map[ipv4.Addr]uint32{loop3: 107})
	want(loop3)
	// From BGP to the IGP, at once, and back, with a bgpd that is silent.
	r.s.RouteChanged(r.now, rp, route(rib.OSPF, 30, hop(loop2, 4)))
	want(loop2)
	r.s.RouteChanged(r.now, rp, bgpRoute)
	r.advance(pendingPeriod - TickInterval)
	want(loop2)
	r.advance(TickInterval)
	want(0)
	if r.s.nexts != 0 {
		t.Errorf("%d routes are said to be becoming BGP's", r.s.nexts)
	}
}

// An RP whose SAs are refused has no entries, and still must not be judged by what bgpd said
// long ago.
func TestBGPDIsAskedAgainAboutARefusedRP(t *testing.T) {
	r := newRig(t, peersConfig(loop1, loop2))
	r.up(loop1, loop2)
	rp := ip(farRP)
	r.sa(loop1, farRP, sgA)
	r.s.RouteChanged(r.now, rp, bgpRoute)
	r.s.BGPAnswered(r.now, rp, path(rib.External, loop2, loop2, 102))
	r.wantCached(false, sgA)
	if r.env.bgpAsks[rp] != 1 || r.env.watched[rp] {
		t.Fatalf("asked %d times, watched %t", r.env.bgpAsks[rp], r.env.watched[rp])
	}
	r.sa(loop1, farRP, sgA, sgB)
	if r.env.bgpAsks[rp] != 1 {
		t.Error("asked again at once")
	}
	r.advance(askAgainPeriod)
	r.sa(loop1, farRP, sgA)
	r.sa(loop1, farRP, sgB)
	if r.env.bgpAsks[rp] != 2 {
		t.Errorf("asked %d times", r.env.bgpAsks[rp])
	}
}

func TestExplainBGPTexts(t *testing.T) {
	c := peersConfig(loop1, loop2, loop3)
	r := newRig(t, c)
	r.up(loop1, loop2, loop3)
	r.s.BGPNeighbors(r.now, map[ipv4.Addr]uint32{loop1: 101, loop2: 102})
	rp := ip(farRP)
	r.s.AskRPF(r.now, rp)
	says := func(why string, want map[ipv4.Addr]string) {
		t.Helper()
		st := r.s.ExplainRPF(r.now, rp)
		if !strings.Contains(st.Why, why) {
			t.Errorf("why: %q, want something with %q", st.Why, why)
		}
		for _, p := range st.Peers {
			if w, ok := want[p.Addr]; ok && !strings.Contains(p.Why, w) {
				t.Errorf("of %s: %q, want something with %q", p.Addr, p.Why, w)
			}
		}
	}
	r.s.RouteChanged(r.now, rp, bgpRoute)
	says("bgpd has not told its path yet", nil)
	r.s.BGPAnswered(r.now, rp, nil)
	says("bgpd has no path to it", map[ipv4.Addr]string{loop1: "bgpd has no path"})
	r.s.BGPAnswered(r.now, rp, path(rib.OwnPath, 0, 0))
	says("this router itself announces", nil)
	r.s.BGPAnswered(r.now, rp, path(rib.External, gw1, gw1, 109))
	says("no established peer is the NEXT_HOP", map[ipv4.Addr]string{loop2: "its AS 102 is not on the path", loop3: "its AS is not known"})
	r.s.BGPAnswered(r.now, rp, path(rib.External, gw1, gw1, 101, 102))
	says("AS 101, the closest one", map[ipv4.Addr]string{loop1: "(rule iv)", loop2: "rule iv names 10.0.0.1: it is neither NEXT_HOP nor the BGP neighbour; its AS 102 is on the path"})
	two := path(rib.External, loop2, loop1, 101)
	two.NextHops = append(two.NextHops, loop3)
	r.s.BGPAnswered(r.now, rp, two)
	says("is the NEXT_HOP of the eBGP route", map[ipv4.Addr]string{loop1: "rule ii names 10.0.0.3: its address is a NEXT_HOP too", loop2: "it is the BGP neighbour that advertised"})
	r.s.BGPAnswered(r.now, rp, path(rib.Internal, loop2, loop2))
	says("the BGP neighbour (internal) that advertised the route", nil)
}

// Whoever's SAs wait for bgpd's word has it asked in its own turn, though another peer named the RP first.
func TestBGPDIsAskedInTheTurnOfEachPeer(t *testing.T) {
	r := newRig(t, peersConfig(loop1, loop2, loop3))
	r.up(loop1, loop2, loop3)
	rp := ip(farRP)
	want := func(want ...ipv4.Addr) {
		t.Helper()
		if got := r.env.bgpAskers[rp]; !slices.Equal(got, want) {
			t.Errorf("asked in the turns of %v, want %v", got, want)
		}
	}
	r.sa(loop1, farRP, sgA)
	r.sa(loop2, farRP, sgB)
	want()
	r.s.RouteChanged(r.now, rp, bgpRoute)
	want(loop1, loop2)
	r.sa(loop2, farRP, sgB)
	want(loop1, loop2)
	r.sa(loop3, farRP, sgB)
	want(loop1, loop2, loop3)
	r.s.BGPAnswered(r.now, rp, path(rib.External, loop2, loop2, 102))
	r.sa(loop1, farRP, sgA)
	want(loop1, loop2, loop3)
}
