// Package bgpsim runs internets of msdp.Speakers, with BGP between autonomous systems and
// mesh groups inside them, and holds what they do against an oracle that shares no code with
// them. Package internet is the world they live in, package oracle what RFC 3618 makes of it.
//
// A run is known by its seed. To repeat one: go test -run TestName -sim.seed=N -sim.runs=1
package bgpsim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/msdp/bgpsim/internet"
	"msdpd/lib/msdp/bgpsim/oracle"
)

var (
	firstSeed = flag.Uint64("sim.seed", 1, "seed of the first run")
	moreRuns  = flag.Int("sim.runs", 0, "how many runs, each with the next seed; 0: as many as the test finds fit")
)

// each runs f with every seed.
func each(t *testing.T, runs int, f func(t *testing.T, seed uint64)) {
	if *moreRuns > 0 {
		runs = *moreRuns
	}
	for seed := *firstSeed; seed < *firstSeed+uint64(runs); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Logf("to repeat it alone: -run '^%s$' -sim.seed=%d -sim.runs=1", t.Name()[:len(t.Name())-len(fmt.Sprintf("/seed_%d", seed))], seed)
			f(t, seed)
		})
	}
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 3618)) }

const (
	// settling is how long sessions take to come up at most: the longest connect-retry, or the
	// KeepAlive to a peer that has lost its power and does not come back by itself.
	settling = 80 * time.Second
	// remembering is when every Speaker was sent each SA once more after routes changed. The
	// first one for an RP of which it holds nothing is judged by what bgpd said last, which can be
	// what it said before the change.
	remembering = 65 * time.Second
	// choosing is how long it can take then until it is settled who holds an SA from whom: a
	// mesh member's copy is taken 90 s after the last from another peer, with the next periodic SA.
	choosing = 150 * time.Second
)

// lifetime is when an SA must be gone after its source's last Register: announced for 60 s
// and then [SG-State-Period]; a tick for each of these timers, and what the way takes.
func (net *network) lifetime() time.Duration {
	return 60*time.Second + msdp.SGStatePeriod + 2*net.tick + 500*time.Millisecond
}

// course says what a simulation goes through.
type course struct {
	// tick is how often a router's timers run. It adds to what a period can take.
	tick            time.Duration
	sources, rounds int
	// sure is how many in a hundred of the routers that can have an SA must have it, so that there
	// is something to compare.
	sure int
	// noise: some peers say each SA again and again, as if they knew no pace.
	noise bool
	// compared: it is to be compared with the oracle.
	compared bool
}

// simulate runs the plan through some disturbances, and checks after each.
func simulate(t *testing.T, seed uint64, p *plan, c course) *network {
	net := newNetwork(t, seed, p, c)
	var found findings
	net.run(30 * time.Second)
	for range c.sources {
		net.startSource()
	}
	for range c.rounds {
		net.disturb()
		net.run(settling)
		if l := net.unsettled(); l != nil {
			t.Fatalf("%s: the session of router %d with router %d is not as it should be (cut: %t)", net.now, l.node.router, l.there().router, l.cut)
		}
		net.reroute(&found)
		net.run(remembering)
		var ended []*source
		for _, src := range net.active() {
			if net.rng.IntN(4) == 0 {
				net.stopSource(src)
				ended = append(ended, src)
				net.startSource()
			}
		}
		net.run(choosing)
		net.beginWindow()
		net.run(net.lifetime() - choosing) // more than a minute for each of two speakers that pass on every second SA
		net.wantGone(ended)
		if c.compared {
			net.compare(&found)
		}
		if t.Failed() {
			return net
		}
	}
	ended := net.active()
	for _, src := range ended {
		net.stopSource(src)
	}
	net.run(net.lifetime())
	net.wantGone(ended)
	before := net.wire.entries
	net.run(3 * time.Minute)
	if sent := net.wire.entries - before; sent != 0 {
		t.Errorf("%d entries are sent although no source is left", sent)
	}
	if c.sure > 0 && len(net.nodes) >= 1000 && slices.Contains(found.rules[:], 0) {
		t.Errorf("a rule decides nowhere: %v", found.rules)
	}
	if c.sure > 0 && found.must*100 < found.may*c.sure {
		t.Errorf("the oracle is certain of %d of %d pairs only", found.must, found.may)
	}
	t.Logf("%d speakers in %d ASes, %d sessions, %d sources, %v: %d entries sent, %d of them in dumps; of %d pairs of source and router %d must have it, %d can; decided by rule: %v",
		len(net.nodes), len(p.world.ASes), len(p.peerings), len(net.sources), net.now, net.wire.entries, net.wire.dumped, found.pairs, found.must, found.may, found.rules)
	return net
}

// wantGone checks that no router has any of the sources.
func (net *network) wantGone(ended []*source) {
	for _, src := range ended {
		for _, n := range net.nodes {
			if st, ok := n.s.SA(src.sg); ok {
				net.errorf("router %d still has %s, which ended at %s (local: %t, from %s, expires %s)", n.router, src, src.last, st.Local, st.Peer, st.Expires.Sub(epoch))
			}
		}
	}
}

// findings count what was compared.
type findings struct {
	rules [6]int // decisions by rule; [0]: nobody is the RPF neighbour
	// pairs of a source and a router; those that have it in any case, and those that can.
	pairs, must, may int
}

// compare holds every Speaker's cache, and what went over every link in the window, against
// the oracle.
func (net *network) compare(found *findings) {
	world := net.plan.oracle()
	for _, src := range net.active() {
		rp := internet.Addr(src.origin.rp())
		spread := world.Spread(src.origin.router, rp)
		for _, n := range net.nodes {
			net.compareCache(src, n, world, spread)
			net.compareRPF(src, n, world, spread.RPF[n.router], spread.Rule[n.router], found)
			net.compareLinks(src, n, spread)
			if spread.May.Has[n.router] {
				found.may++
			}
			if spread.Must.Has[n.router] {
				found.must++
			}
			found.pairs++
		}
	}
	for _, src := range net.sources {
		if !src.active {
			net.wantGone([]*source{src})
		}
	}
}

func (net *network) compareCache(src *source, n *node, world *oracle.Network, spread *oracle.Spread) {
	st, has := n.s.SA(src.sg)
	switch {
	case n == src.origin:
		if !has || !st.Local {
			net.errorf("the origin of %s does not have it as a local source", src)
		}
		return
	case !has && spread.Must.Has[n.router]:
		net.errorf("router %d lacks %s", n.router, src)
	case has && !spread.May.Has[n.router]:
		net.errorf("router %d has %s from %s, and should not", n.router, src, st.Peer)
	}
	if !has {
		return
	}
	for i, p := range world.Speakers[n.router].Peers {
		if ipv4.Addr(p.Addr) == st.Peer && spread.MayHold(n.router, i) {
			return
		}
	}
	net.errorf("router %d has %s from %s, from whom it should not take it", n.router, src, st.Peer)
}

// compareRPF holds the RPF neighbour against the oracle's where the Speaker knows of the RP.
func (net *network) compareRPF(src *source, n *node, world *oracle.Network, peer, rule int, found *findings) {
	st := n.s.ExplainRPF(net.time(), src.origin.rp())
	if !st.Known || n == src.origin {
		return
	}
	var want ipv4.Addr
	if peer != oracle.None {
		want = ipv4.Addr(world.Speakers[n.router].Peers[peer].Addr)
	}
	found.rules[rule]++
	if st.Peer != want || int(st.Rule) != rule {
		net.errorf("router %d: the RPF neighbour towards %s is %s by rule %d, the Speaker says %s by rule %d", n.router, st.RP, want, rule, st.Peer, st.Rule)
	}
}

// reroute changes routes, and checks that every Speaker that holds an SA follows soon: as soon
// as zebra and bgpd have answered, also where zebra has nothing to tell of what BGP changed.
//
// From then on, nobody repeats what another repeats: SAs must stop where they are to stop.
func (net *network) reroute(found *findings) {
	net.hushed = true
	net.after(repeats[len(repeats)-1]+time.Second, func() { net.hushed = false })
	began := net.time()
	net.changeRoutes()
	net.worldChanged()
	net.run(2*slowestAnswer + net.tick)
	world := net.plan.oracle()
	for _, src := range net.active() {
		for _, n := range net.nodes {
			// Of what came since, zebra and bgpd may have been asked a moment ago.
			if st, has := n.s.SA(src.sg); has && !st.Local && st.FirstSeen.Before(began) {
				peer, rule := world.RPF(n.router, internet.Addr(st.RP))
				net.compareRPF(src, n, world, peer, rule, found)
			}
		}
	}
}

func (net *network) compareLinks(src *source, n *node, spread *oracle.Spread) {
	for i, l := range n.places {
		sent := l.sent.of(src)
		switch {
		case sent.window > 0 && !spread.May.Send[n.router][i]:
			net.errorf("router %d sends %s to router %d, and should not", n.router, src, l.there().router)
		case sent.window == 0 && spread.Must.Send[n.router][i]:
			net.errorf("router %d does not send %s to router %d", n.router, src, l.there().router)
		case sent.dumped:
			net.errorf("router %d has dumped %s to router %d although no session came up", n.router, src, l.there().router)
		}
	}
}

// TestThousandSpeakers: every SA reaches every speaker that the rules say it should, and no
// other, and no link carries one more than twice in a minute.
func TestThousandSpeakers(t *testing.T) {
	each(t, 1, func(t *testing.T, seed uint64) {
		rng := random(seed)
		simulate(t, seed, usual(rng, internet.Random(rng, 1000)), course{tick: 2 * time.Second, sources: 8, rounds: 1, sure: 90, compared: true, noise: true})
	})
}

// TestInternets is the same with fewer speakers and more that happens to them.
func TestInternets(t *testing.T) {
	each(t, 4, func(t *testing.T, seed uint64) {
		rng := random(seed)
		speakers := 50 + rng.IntN(150)
		simulate(t, seed, usual(rng, internet.Random(rng, speakers)), course{tick: time.Second, sources: 12, rounds: 3, sure: 90, compared: true, noise: true})
	})
}

// TestBrokenMeshes: rings of mesh groups and groups that are not full pass on no more than the
// rules allow and as much as they demand in any case, and nothing outlives its source.
func TestBrokenMeshes(t *testing.T) {
	each(t, 4, func(t *testing.T, seed uint64) {
		rng := random(seed)
		speakers := 20 + rng.IntN(130)
		simulate(t, seed, broken(rng, internet.Random(rng, speakers)), course{tick: time.Second, sources: 12, rounds: 3, compared: true})
	})
}

// TestBrokenMeshesAndNoise: nor does anything outlive its source, or go over a link more often
// than it may, where some peers know no pace. In a ring they keep alive what should be gone
// as long as the source sends: there is nothing to compare.
func TestBrokenMeshesAndNoise(t *testing.T) {
	each(t, 2, func(t *testing.T, seed uint64) {
		rng := random(seed)
		speakers := 20 + rng.IntN(130)
		simulate(t, seed, broken(rng, internet.Random(rng, speakers)), course{tick: time.Second, sources: 12, rounds: 2, noise: true})
	})
}
