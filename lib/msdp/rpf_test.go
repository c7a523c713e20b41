package msdp

import (
	"net/netip"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

func hop(gateway ipv4.Addr, ifindex int) rib.NextHop {
	return rib.NextHop{Gateway: gateway, Ifindex: ifindex}
}

func route(p rib.Protocol, metric uint32, hops ...rib.NextHop) rib.Route {
	return rib.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Protocol: p, Metric: metric, NextHops: hops, From: rib.FromZebra}
}

// loop1 to loop3 are peers' loopbacks; gw1 and gw2 the routers that lead to them.
var (
	loop1 = ip("10.0.0.1")
	loop2 = ip("10.0.0.2")
	loop3 = ip("10.0.0.3")
	gw1   = ip("172.16.1.2")
	gw2   = ip("172.16.2.2")
)

func TestPeerRPFRules(t *testing.T) {
	toRP := ip(farRP)
	for name, tc := range map[string]struct {
		routes   map[ipv4.Addr]rib.Route
		defaults []ipv4.Addr
		down     []ipv4.Addr
		rp       ipv4.Addr // 0: farRP
		rule     Rule
		peer     ipv4.Addr
	}{
		"(i) the peer is the RP": {
			rp:   loop2,
			rule: RulePeerIsRP, peer: loop2,
		},
		"(i) before a next hop that is a peer": {
			rp:     loop2,
			routes: map[ipv4.Addr]rib.Route{loop2: route(rib.OSPF, 20, hop(loop1, 2))},
			rule:   RulePeerIsRP, peer: loop2,
		},
		"(i) not while that session is down": {
			rp:     loop2,
			down:   []ipv4.Addr{loop2},
			routes: map[ipv4.Addr]rib.Route{loop2: route(rib.OSPF, 20, hop(loop1, 2))},
			rule:   RuleNeighbor, peer: loop1,
		},
		"(iii) the next hop's address": {
			routes: map[ipv4.Addr]rib.Route{toRP: route(rib.OSPF, 20, hop(loop2, 2))},
			rule:   RuleNeighbor, peer: loop2,
		},
		"(iii) of a static route": {
			routes: map[ipv4.Addr]rib.Route{toRP: route(rib.Static, 0, hop(loop2, 2))},
			rule:   RuleNeighbor, peer: loop2,
		},
		"(iii) ECMP: the highest address": {
			routes: map[ipv4.Addr]rib.Route{toRP: route(rib.OSPF, 20, hop(loop1, 2), hop(loop3, 2), hop(loop2, 2))},
			rule:   RuleNeighbor, peer: loop3,
		},
		"(iii) ECMP: of those that are up": {
			routes: map[ipv4.Addr]rib.Route{toRP: route(rib.OSPF, 20, hop(loop1, 2), hop(loop3, 2), hop(loop2, 2))},
			down:   []ipv4.Addr{loop3},
			rule:   RuleNeighbor, peer: loop2,
		},
		"loopbacks: the same next hop": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2)),
				loop1: route(rib.OSPF, 10, hop(gw1, 2)),
				loop2: route(rib.OSPF, 10, hop(gw2, 3)),
			},
			rule: RuleNeighbor, peer: loop1,
		},
		"loopbacks: the next hop's address comes first": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(loop2, 2)),
				loop1: route(rib.OSPF, 20, hop(loop2, 2)),
				loop2: route(rib.Connected, 0, hop(0, 2)),
			},
			rule: RuleNeighbor, peer: loop2,
		},
		"loopbacks: the same address on another interface is another": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2)),
				loop1: route(rib.OSPF, 10, hop(gw1, 3)),
			},
		},
		"loopbacks: the farthest on the way": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2)),
				loop1: route(rib.OSPF, 10, hop(gw1, 2)),
				loop2: route(rib.OSPF, 20, hop(gw1, 2)),
				loop3: route(rib.OSPF, 40, hop(gw1, 2)),
			},
			rule: RuleNeighbor, peer: loop2,
		},
		"loopbacks: on the RP's own router": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2)),
				loop1: route(rib.OSPF, 10, hop(gw1, 2)),
				loop2: route(rib.OSPF, 30, hop(gw1, 2)),
			},
			rule: RuleNeighbor, peer: loop2,
		},
		"loopbacks: as far as each other, the highest address": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2)),
				loop1: route(rib.OSPF, 20, hop(gw1, 2)),
				loop3: route(rib.OSPF, 20, hop(gw1, 2)),
			},
			rule: RuleNeighbor, peer: loop3,
		},
		"loopbacks: the farthest that is up": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2)),
				loop1: route(rib.OSPF, 10, hop(gw1, 2)),
				loop2: route(rib.OSPF, 20, hop(gw1, 2)),
			},
			down: []ipv4.Addr{loop2},
			rule: RuleNeighbor, peer: loop1,
		},
		"loopbacks: beyond the RP": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2)),
				loop1: route(rib.OSPF, 31, hop(gw1, 2)),
			},
		},
		"loopbacks: one of several next hops": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2), hop(gw2, 3)),
				loop1: route(rib.OSPF, 10, hop(gw2, 3)),
			},
			rule: RuleNeighbor, peer: loop1,
		},
		"loopbacks: a peer that BGP leads to": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.OSPF, 30, hop(gw1, 2)),
				loop1: route(rib.BGP, 0, hop(gw1, 2)),
			},
		},
		"connected: a peer beside the RP is not on the way": {
			routes: map[ipv4.Addr]rib.Route{
				toRP:  route(rib.Connected, 0, hop(0, 2)),
				loop1: route(rib.Connected, 0, hop(0, 2)),
			},
		},
		"(v) in the order of configuration": {
			defaults: []ipv4.Addr{loop2, loop3},
			rule:     RuleStaticPeer, peer: loop2,
		},
		"(v) the next when the first is down": {
			defaults: []ipv4.Addr{loop2, loop3},
			down:     []ipv4.Addr{loop2},
			rule:     RuleStaticPeer, peer: loop3,
		},
		"(v) after (iii)": {
			routes:   map[ipv4.Addr]rib.Route{toRP: route(rib.OSPF, 20, hop(loop1, 2))},
			defaults: []ipv4.Addr{loop2},
			rule:     RuleNeighbor, peer: loop1,
		},
		"(v) where there is no route": {
			routes:   map[ipv4.Addr]rib.Route{toRP: {From: rib.FromZebra}},
			defaults: []ipv4.Addr{loop1},
			rule:     RuleStaticPeer, peer: loop1,
		},
		"none without a route": {
			routes: map[ipv4.Addr]rib.Route{toRP: {From: rib.FromZebra}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := peersConfig(loop1, loop2, loop3)
			c.DefaultPeers = defaultPeers(tc.defaults...)
			r := newRig(t, c)
			r.up(loop1, loop2, loop3)
			if tc.rp == 0 {
				tc.rp = toRP
			}
			r.s.AskRPF(r.now, tc.rp)
			for a, route := range tc.routes {
				r.s.RouteChanged(r.now, a, route)
			}
			if _, ok := tc.routes[tc.rp]; !ok {
				r.advance(pendingPeriod) // nobody tells
			}
			for _, a := range tc.down {
				r.s.Closed(r.now, r.conn(a), nil)
			}
			st := r.s.ExplainRPF(r.now, tc.rp)
			if !st.Known || st.Rule != tc.rule || st.Peer != tc.peer {
				t.Errorf("rule %s names %s (%s), want rule %s and %s", st.Rule, st.Peer, st.Why, tc.rule, tc.peer)
			}
			// Every peer that is up says it; only the RPF peer is believed.
			for i, a := range []ipv4.Addr{loop1, loop2, loop3} {
				if !r.s.peers[a].established() {
					continue
				}
				s := ipv4.SG{Source: ip("192.0.2.1") + ipv4.Addr(i), Group: ip("239.1.1.1")}
				r.sa(a, tc.rp.String(), s)
				r.wantCached(a == tc.peer, s)
				for _, p := range st.Peers {
					if p.Addr == a && p.Accepted != (a == tc.peer) {
						t.Errorf("explained that %s is accepted: %t", a, p.Accepted)
					}
				}
			}
			for _, p := range st.Peers {
				if p.Why == "" {
					t.Errorf("nothing is said about %s", p.Addr)
				}
			}
		})
	}
}

func TestRPFPeerFollowsRoutesAndSessions(t *testing.T) {
	r := newRig(t, peersConfig(loop1, loop2, loop3))
	r.up(loop1, loop2, loop3)
	rp := ip(farRP)
	r.s.AskRPF(r.now, rp)
	want := func(peer ipv4.Addr) {
		t.Helper()
		r.s.ClearCache(r.now)
		for _, a := range []ipv4.Addr{loop1, loop2, loop3} {
			if !r.s.peers[a].established() {
				continue
			}
			r.sa(a, farRP, sgA)
			if r.cached(sgA) != (a == peer) {
				t.Errorf("accepted from %s: %t, the RPF peer should be %s", a, r.cached(sgA), peer)
			}
			r.s.ClearCache(r.now)
		}
	}
	r.s.RouteChanged(r.now, rp, route(rib.OSPF, 30, hop(gw1, 2)))
	want(0)
	r.s.RouteChanged(r.now, loop1, route(rib.OSPF, 10, hop(gw1, 2)))
	want(loop1)
	r.s.RouteChanged(r.now, loop2, route(rib.OSPF, 20, hop(gw1, 2)))
	want(loop2)
	r.s.Closed(r.now, r.conn(loop2), nil)
	want(loop1)
	r.up(loop2)
	want(loop2)
	r.s.RouteChanged(r.now, loop2, rib.Route{})
	want(loop1)
	r.s.RouteChanged(r.now, rp, route(rib.OSPF, 30, hop(loop3, 4)))
	want(loop3)
	c := peersConfig(loop1, loop2)
	c.DefaultPeers = defaultPeers(loop2)
	r.apply(c) // loop3 goes, and a default peer comes
	r.s.ClearCache(r.now)
	r.sa(loop2, farRP, sgA)
	r.wantCached(true, sgA)
}

func TestExplainRPFTexts(t *testing.T) {
	c := meshConfig([]ipv4.Addr{loop1, loop2, above1}, loop3)
	r := newRig(t, c)
	r.up(loop1, loop2, loop3)
	rp := ip(farRP)
	if st := r.s.ExplainRPF(r.now, rp); st.Known {
		t.Error("known before anybody was asked")
	}
	r.s.AskRPF(r.now, rp)
	if st := r.s.ExplainRPF(r.now, rp); st.Known {
		t.Error("known before the answer")
	}
	r.s.RouteChanged(r.now, rp, route(rib.OSPF, 30, hop(gw1, 2)))
	r.s.RouteChanged(r.now, loop1, route(rib.OSPF, 10, hop(gw1, 2)))
	r.s.RouteChanged(r.now, loop2, route(rib.OSPF, 10, hop(gw2, 3)))
	says := func(want map[ipv4.Addr]string) {
		t.Helper()
		st := r.s.ExplainRPF(r.now, rp)
		for _, p := range st.Peers {
			if w, ok := want[p.Addr]; ok && !strings.Contains(p.Why, w) {
				t.Errorf("of %s: %q, want something with %q", p.Addr, p.Why, w)
			}
		}
	}
	says(map[ipv4.Addr]string{
		loop1:  "(rule iii)",
		loop2:  "rule iii names 10.0.0.1: the route to the RP does not lead through it",
		loop3:  "mesh-group m",
		above1: "is not established",
	})
	r.s.RouteChanged(r.now, loop2, route(rib.OSPF, 40, hop(gw1, 2)))
	says(map[ipv4.Addr]string{loop2: "it lies beyond the RP"})
	r.s.RouteChanged(r.now, loop2, route(rib.OSPF, 5, hop(gw1, 2)))
	says(map[ipv4.Addr]string{loop2: "nearer to the RP"})
	r.s.RouteChanged(r.now, loop2, rib.Route{})
	says(map[ipv4.Addr]string{loop2: "there is no route to it"})
	r.s.RouteChanged(r.now, rp, rib.Route{})
	says(map[ipv4.Addr]string{loop1: "there is no route to the RP"})
	if st := r.s.ExplainRPF(r.now, rp); !strings.Contains(st.Why, "no route") {
		t.Errorf("why: %q", st.Why)
	}
	r.s.RouteChanged(r.now, rp, route(rib.BGP, 0, hop(loop1, 2)))
	if st := r.s.ExplainRPF(r.now, rp); !strings.Contains(st.Why, "BGP") {
		t.Errorf("why: %q", st.Why)
	}
	own := ip("10.9.9.9")
	r.s.AskRPF(r.now, own)
	for _, p := range r.s.ExplainRPF(r.now, own).Peers {
		if p.Addr == loop1 && (p.Accepted || !strings.Contains(p.Why, "this router")) {
			t.Errorf("an RP address of ours, from a peer: accepted %t, %q", p.Accepted, p.Why)
		}
	}
	r.route(loop2.String(), 10, loop1)
	r.s.AskRPF(r.now, loop2)
	if st := r.s.ExplainRPF(r.now, loop2); st.Rule != RulePeerIsRP {
		t.Errorf("rule %s", st.Rule)
	}
}

func TestRuleNumbers(t *testing.T) {
	got := ""
	for rule := RuleNone; rule <= RuleStaticPeer; rule++ {
		got += rule.String() + " "
	}
	if got != "- i ii iii iv v " {
		t.Errorf("%q", got)
	}
}
