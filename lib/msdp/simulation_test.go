package msdp

import (
	"fmt"
	"testing"
	"time"

	"msdpd/lib/ipv4"
)

func testSource(origin, i int) ipv4.SG {
	return ipv4.SG{Source: ip("192.0.2.0") + ipv4.Addr(origin), Group: ip("239.100.0.0") + ipv4.Addr(i)}
}

func line(t testing.TB, routers int) *simulation {
	sim := newSimulation(t, 1, routers)
	for i := range routers - 1 {
		sim.link(i, i+1)
		sim.peer(i, i+1)
	}
	sim.begin()
	return sim
}

func ring(t testing.TB, seed uint64, routers int) *simulation {
	sim := newSimulation(t, seed, routers)
	for i := range routers {
		sim.link(i, (i+1)%routers)
		sim.peer(i, (i+1)%routers)
	}
	sim.begin()
	return sim
}

func TestSessionsComeUpSoon(t *testing.T) {
	sim := ring(t, 3, 20)
	// All routers run after 3 s at most.
	sim.run(3 * time.Second)
	sim.until("all sessions up", 3*time.Second, sim.allUp)
}

func TestLineOfThree(t *testing.T) {
	sim := line(t, 3)
	sim.until("all sessions up", 10*time.Second, sim.allUp)
	sim.nodes[2].s.KernelEntry(sim.now, ipv4.SG{Group: testSource(0, 1).Group}, 10, 0)
	src := sim.source(0, testSource(0, 1), 60*time.Second)
	// The RP has never been heard of: the route to it is asked for on the way.
	if took := sim.until("at the far end", time.Second, src.everywhere); took > 100*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if !sim.nodes[2].joined[src.sg] {
		t.Error("not joined at the far end")
	}
	sim.run(20 * time.Minute)
	if !src.everywhere() {
		t.Error("lost while the source sends")
	}
	src.active = false
	sim.run(SGStatePeriod + announcePeriod + 62*time.Second)
	if !src.nowhere() || len(sim.nodes[2].joined) != 0 {
		t.Errorf("still known by %v", sim.knownBy(src.sg))
	}
}

// TestTriangle: the copy that comes round the wrong way is refused by peer-RPF.
func TestTriangle(t *testing.T) {
	sim := ring(t, 2, 3)
	sim.until("all sessions up", 10*time.Second, sim.allUp)
	src := sim.source(0, testSource(0, 1), 60*time.Second)
	sim.until("everywhere", time.Second, src.everywhere)
	sim.run(5 * time.Minute)
	for _, n := range sim.nodes[1:] {
		st, _ := n.s.SA(src.sg)
		if st.Peer != sim.nodes[0].addr {
			t.Errorf("router %d has it from %s", n.id, st.Peer)
		}
		other := sim.nodes[3-n.id].addr
		if p := n.s.peers[other]; p.stats.Refused[ReasonRPF] == 0 {
			t.Errorf("router %d counts no refusal from %s", n.id, other)
		}
		for _, p := range n.s.ExplainRPF(sim.now, sim.nodes[0].addr).Peers {
			if p.Addr == other && (p.Accepted || p.Why == "") {
				t.Errorf("router %d explains %s: accepted %t, %q", n.id, other, p.Accepted, p.Why)
			}
		}
	}
	// The origin hears of it from both, and takes it from none.
	if n := sim.nodes[0].s.cache.count(); n != 0 {
		t.Errorf("the origin has cached %d of its own", n)
	}
}

// TestTriangleWithABrokenSide: without its session to the origin, a router takes the
// other's word, as the way there is by the default peer, and goes back when it is mended.
func TestTriangleWithABrokenSide(t *testing.T) {
	sim := ring(t, 2, 3)
	sim.until("all sessions up", 10*time.Second, sim.allUp)
	src := sim.source(0, testSource(0, 1), 60*time.Second)
	sim.until("everywhere", time.Second, src.everywhere)
	sim.drop(0, 2)
	sim.setLink(0, 2, false)
	sim.run(4 * time.Minute)
	if st, _ := sim.nodes[2].s.SA(src.sg); st.Peer != sim.nodes[1].addr {
		t.Errorf("with the side broken router 2 has it from %s", st.Peer)
	}
	sim.mend(0, 2)
	sim.setLink(0, 2, true)
	sim.run(4 * time.Minute)
	if st, _ := sim.nodes[2].s.SA(src.sg); st.Peer != sim.nodes[0].addr {
		t.Errorf("with the side mended router 2 has it from %s", st.Peer)
	}
}

func TestMeshOfFour(t *testing.T) {
	sim := newSimulation(t, 4, 4)
	for a := range 4 {
		for b := range a {
			sim.link(a, b)
		}
	}
	sim.mesh("m", 0, 1, 2, 3)
	sim.begin()
	sim.until("all sessions up", 10*time.Second, sim.allUp)
	src := sim.source(1, testSource(1, 1), 60*time.Second)
	sim.until("everywhere", time.Second, src.everywhere)
	sim.run(5 * time.Minute)
	for _, n := range sim.nodes {
		if sent := n.entries[src.sg]; n.id != 1 && sent != 0 {
			t.Errorf("member %d passed it on %d times", n.id, sent)
		}
		if st, _ := n.s.SA(src.sg); n.id != 1 && st.Peer != sim.nodes[1].addr {
			t.Errorf("member %d has it from %s", n.id, st.Peer)
		}
	}
}

// TestTwoMeshes: router 2 is in both, router 5 hangs on router 4 without a mesh.
func TestTwoMeshes(t *testing.T) {
	sim := newSimulation(t, 5, 6)
	for _, l := range [][2]int{{0, 1}, {1, 2}, {0, 2}, {2, 3}, {3, 4}, {2, 4}, {4, 5}} {
		sim.link(l[0], l[1])
	}
	sim.mesh("m", 0, 1, 2)
	sim.mesh("n", 2, 3, 4)
	sim.peer(4, 5)
	sim.begin()
	sim.until("all sessions up", 10*time.Second, sim.allUp)
	for origin := range sim.nodes {
		src := sim.source(origin, testSource(origin, 1), 60*time.Second)
		sim.until(fmt.Sprintf("everywhere from router %d", origin), time.Second, src.everywhere)
		src.active = false
	}
	sim.run(SGStatePeriod + announcePeriod + 62*time.Second)
	for _, n := range sim.nodes {
		if n.s.cache.count() != 0 || len(n.s.localIndex) != 0 {
			t.Errorf("router %d still has %d remote and %d local sources", n.id, n.s.cache.count(), len(n.s.localIndex))
		}
	}
}

// TestMeshesInARing joins three meshes so that a loop without peer-RPF is possible.
func TestMeshesInARing(t *testing.T) {
	sim := newSimulation(t, 6, 3)
	for _, l := range [][2]int{{0, 1}, {1, 2}, {2, 0}} {
		sim.link(l[0], l[1])
	}
	sim.mesh("a", 0, 1)
	sim.mesh("b", 1, 2)
	sim.mesh("c", 2, 0)
	sim.begin()
	sim.until("all sessions up", 10*time.Second, sim.allUp)
	src := sim.source(0, testSource(0, 1), 60*time.Second)
	sim.until("everywhere", time.Second, src.everywhere)
	sim.run(10 * time.Minute)
	for _, n := range sim.nodes {
		// Two peers, at most twice a minute each.
		if sent := n.entries[src.sg]; sent > 2*2*11 {
			t.Errorf("router %d sent it %d times in ten minutes", n.id, sent)
		}
	}
	src.active = false
	sim.run(SGStatePeriod + announcePeriod + 62*time.Second)
	if !src.nowhere() {
		t.Errorf("still known by %v", sim.knownBy(src.sg))
	}
}

// TestRemoteEntriesOutliveALostRegister: a DR registers each 85 s and one Register is
// lost; nowhere does the entry expire in between, whatever the phase of the periodic SAs.
func TestRemoteEntriesOutliveALostRegister(t *testing.T) {
	sim := line(t, 4)
	sim.tick = time.Second
	sim.until("all sessions up", 10*time.Second, sim.allUp)
	var sources []*source
	for i := range 60 { // one for each phase
		sources = append(sources, &source{sg: testSource(0, i), origin: sim.nodes[0]})
	}
	register := func() {
		for _, src := range sources {
			src.register()
		}
	}
	register()
	sim.run(5 * time.Second)
	for i := range 12 {
		sim.run(85*time.Second - time.Second)
		if i%2 == 0 {
			sim.run(85 * time.Second) // this one is lost
		}
		for _, src := range sources {
			if !src.everywhere() {
				t.Fatalf("round %d: %s is known by %v only", i, src.sg, sim.knownBy(src.sg))
			}
		}
		register()
		sim.run(time.Second)
	}
	last := sim.now.Add(-time.Second)
	for i, n := range sim.nodes[1:] {
		n.s.KernelEntry(sim.now, ipv4.SG{Group: ip("239.1.1.1")}, i, 0)
	}
	sim.run(last.Add(SGStatePeriod + announcePeriod + 2*time.Second).Sub(sim.now))
	for _, src := range sources {
		if !src.nowhere() {
			t.Fatalf("%s is still known by %v, %v after its last Register", src.sg, sim.knownBy(src.sg), sim.now.Sub(last))
		}
	}
	if n := len(sim.nodes[0].s.localIndex); n != 0 {
		t.Errorf("%d local sources are left", n)
	}
}

// TestSlowPeerInALine: the middle one's connection to the far end takes little at a time,
// and everything arrives.
func TestSlowPeerInALine(t *testing.T) {
	sim := line(t, 3)
	sim.until("all sessions up", 10*time.Second, sim.allUp)
	middle, far := sim.nodes[1], sim.nodes[2]
	sim.nodes[0].s.config.Limits.Registers.PerSecond = Unlimited
	var slow *simConn
	for _, c := range middle.conns {
		if c.other != nil && c.other.node == far {
			slow = c
		}
	}
	slow.budget = 4000
	var drain func()
	drain = func() {
		slow.budget = 20_000
		if slow.starved {
			slow.starved = false
			middle.s.Writable(sim.now, slow.id)
		}
		sim.after(time.Second, drain)
	}
	sim.after(time.Second, drain)
	var sources []*source
	for i := range 20_000 {
		src := &source{sg: ipv4.SG{Source: ip("192.0.2.7"), Group: ip("239.0.0.0") + ipv4.Addr(i)}, origin: sim.nodes[0]}
		src.register()
		sources = append(sources, src)
		if i%500 == 0 {
			sim.run(50 * time.Millisecond)
		}
	}
	sim.until("all at the far end", time.Minute, func() bool { return far.s.cache.count() == len(sources) })
	if st, _ := middle.s.Peer(sim.now, far.addr); st.Counters.CatchUps == 0 {
		t.Error("the connection was not slow")
	}
	if !sim.allUp() {
		t.Error("a session went")
	}
}

// TestRandomLossOfSessions breaks and mends sessions at random in several networks. Once
// all is mended, every source that sends is known everywhere; once the sources stop, they
// are gone everywhere and nothing is sent but KeepAlives.
func TestRandomLossOfSessions(t *testing.T) {
	for name, build := range map[string]func(seed uint64) *simulation{
		"ring of 20": func(seed uint64) *simulation { return ring(t, seed, 20) },
		"mesh of 4": func(seed uint64) *simulation {
			sim := newSimulation(t, seed, 4)
			for a := range 4 {
				for b := range a {
					sim.link(a, b)
				}
			}
			sim.mesh("m", 0, 1, 2, 3)
			sim.begin()
			return sim
		},
		"two meshes": func(seed uint64) *simulation {
			sim := newSimulation(t, seed, 6)
			for _, l := range [][2]int{{0, 1}, {1, 2}, {0, 2}, {2, 3}, {3, 4}, {2, 4}, {4, 5}} {
				sim.link(l[0], l[1])
			}
			sim.mesh("m", 0, 1, 2)
			sim.mesh("n", 2, 3, 4)
			sim.peer(4, 5)
			sim.begin()
			return sim
		},
		"meshes in a ring": func(seed uint64) *simulation {
			sim := newSimulation(t, seed, 3)
			for i, name := range []string{"a", "b", "c"} {
				sim.link(i, (i+1)%3)
				sim.mesh(name, i, (i+1)%3)
			}
			sim.begin()
			return sim
		},
	} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				sim := build(seed)
				sim.t = t
				sim.tick = 500 * time.Millisecond
				sim.until("all sessions up", 15*time.Second, sim.allUp)
				var sources []*source
				for origin := range sim.nodes {
					interval := time.Duration(25+sim.rng.IntN(61)) * time.Second
					sources = append(sources, sim.source(origin, testSource(origin, 1), interval))
				}
				sim.loseSessions(10 * time.Minute)
				sim.run(time.Minute + SAAdvertisementPeriod + SGStatePeriod)
				for _, src := range sources {
					if !src.everywhere() {
						t.Errorf("%s is known by %v only", src.sg, sim.knownBy(src.sg))
					}
				}
				for _, src := range sources {
					src.active = false
				}
				sim.loseSessions(3 * time.Minute)
				// Each session that came up may have given an entry another life, once.
				sim.run(SGStatePeriod + announcePeriod + freshPeriod + 10*time.Second)
				before := 0
				for _, n := range sim.nodes {
					before += n.sas
					if n.s.cache.count()+len(n.s.localIndex) != 0 {
						t.Errorf("router %d still has %d remote and %d local sources", n.id, n.s.cache.count(), len(n.s.localIndex))
					}
				}
				sim.run(10 * time.Minute)
				after := 0
				for _, n := range sim.nodes {
					after += n.sas
				}
				if after != before {
					t.Errorf("%d SAs although nothing sends", after-before)
				}
			})
		}
	}
}

// loseSessions breaks sessions at random for d, each for some seconds, and mends all.
func (sim *simulation) loseSessions(d time.Duration) {
	for end := sim.now.Add(d); sim.now.Before(end); {
		n := sim.nodes[sim.rng.IntN(len(sim.nodes))]
		p := n.s.ordered[sim.rng.IntN(len(n.s.ordered))]
		other := int(p.Addr - loopback(0))
		sim.drop(n.id, other)
		sim.after(time.Duration(sim.rng.IntN(40_000))*time.Millisecond, func() { sim.mend(n.id, other) })
		sim.run(time.Duration(1+sim.rng.IntN(10_000)) * time.Millisecond)
	}
	sim.run(41 * time.Second)
}
