package oracle

import (
	"fmt"
	"go/build"
	"strings"
	"testing"

	"msdpd/lib/msdp/bgpsim/internet"
)

// TestSharesNothing: neither this package nor the world it looks at uses the code under test.
func TestSharesNothing(t *testing.T) {
	for _, dir := range []string{".", "../internet"} {
		pkg, err := build.ImportDir(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range pkg.Imports {
			if strings.HasPrefix(path, "msdpd/") && path != "msdpd/lib/msdp/bgpsim/internet" {
				t.Errorf("%s imports %s", dir, path)
			}
		}
	}
}

// The world of these tests: AS 1 has the routers 0, 1 and 2 in a line, AS 2 the router 3, AS 3 the
// routers 4 and 5. eBGP is spoken between 2 and 3, 3 and 4, 0 and 4.
//
//	0 --- 1 --- 2 === 3 === 4 --- 5
//	 \======================/
func world() *internet.World {
	w := &internet.World{ASes: []internet.AS{
		{Number: 1, Routers: []int{0, 1, 2}}, {Number: 2, Routers: []int{3}}, {Number: 3, Routers: []int{4, 5}},
	}}
	for as, one := range w.ASes {
		for range one.Routers {
			a := loop(len(w.Routers))
			w.Routers = append(w.Routers, internet.Router{AS: as, Loopback: a, Second: a + 100})
		}
	}
	for _, l := range []struct {
		a, b int
		cost uint32
	}{{0, 1, 10}, {1, 2, 10}, {2, 3, 0}, {3, 4, 0}, {0, 4, 0}, {4, 5, 10}} {
		w.Subnets = append(w.Subnets, internet.Subnet{Cost: l.cost, Ports: []internet.Port{{Router: l.a, Addr: link(l.a, l.b)}, {Router: l.b, Addr: link(l.b, l.a)}}})
		if l.cost == 0 {
			s := internet.Session{Subnet: len(w.Subnets) - 1, Relation: internet.FromPeer}
			s.A, s.B = w.Subnets[s.Subnet].Ports[0], w.Subnets[s.Subnet].Ports[1]
			w.Sessions = append(w.Sessions, s)
		}
	}
	w.Index()
	return w
}

// loop is a router's loopback, link its address on the subnet to another.
func loop(r int) internet.Addr { return internet.Addr(10<<24 + 1 + r) }
func link(r, to int) internet.Addr {
	return internet.Addr(172<<24 + min(r, to)<<16 + max(r, to)<<8 + 1 + r)
}

// join adds a peering between addresses.
func (n *Network) join(a int, addrA internet.Addr, b int, addrB internet.Addr, mesh string) {
	n.Speakers[a].Peers = append(n.Speakers[a].Peers, Peer{Router: b, Addr: addrB, Back: addrA, Mesh: mesh, Up: true})
	n.Speakers[b].Peers = append(n.Speakers[b].Peers, Peer{Router: a, Addr: addrA, Back: addrB, Mesh: mesh, Up: true})
}

func (n *Network) loops(a, b int, mesh string) { n.join(a, loop(a), b, loop(b), mesh) }
func (n *Network) links(a, b int)              { n.join(a, link(a, b), b, link(b, a), "") }

func network() *Network {
	w := world()
	return &Network{World: w, Speakers: make([]Speaker, len(w.Routers))}
}

func TestRPF(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(n *Network)
		x    int
		rp   internet.Addr
		peer internet.Addr // 0: none
		rule int
	}{
		"(i) the RP itself": {
			make: func(n *Network) { n.links(2, 3); n.loops(2, 5, "") },
			x:    2, rp: loop(5), peer: loop(5), rule: 1,
		},
		"(i) not while it is down": {
			make: func(n *Network) { n.links(3, 4); n.loops(3, 5, ""); n.Speakers[3].Peers[1].Up = false },
			x:    3, rp: loop(5), peer: link(4, 3), rule: 2,
		},
		"(ii) the NEXT_HOP": {
			make: func(n *Network) { n.links(2, 3); n.loops(2, 1, "") },
			x:    2, rp: loop(3) + 100, peer: link(3, 2), rule: 2,
		},
		"(iii) the iBGP neighbour": {
			make: func(n *Network) { n.loops(1, 0, ""); n.loops(1, 2, "") },
			x:    1, rp: loop(5), peer: loop(0), rule: 3,
		},
		"(iii) the IGP's next hop": {
			make: func(n *Network) { n.links(0, 1) },
			x:    0, rp: loop(2), peer: link(1, 0), rule: 3,
		},
		"(iii) a loopback on the way of the IGP": {
			make: func(n *Network) { n.loops(0, 1, ""); n.loops(0, 4, "") },
			x:    0, rp: loop(2), peer: loop(1), rule: 3,
		},
		"(iii) the farthest, up to the RP's own router": {
			make: func(n *Network) { n.loops(0, 1, ""); n.loops(0, 2, "") },
			x:    0, rp: loop(2) + 100, peer: loop(2), rule: 3,
		},
		"(iv) the closest AS with a peer, its highest address": {
			make: func(n *Network) {
				n.loops(3, 4, "")
				n.loops(3, 5, "")
				n.Speakers[3].Peers[0].AS, n.Speakers[3].Peers[1].AS = 3, 3
			},
			x: 3, rp: loop(5) + 100, peer: loop(5), rule: 4,
		},
		"(iv) not the AS behind it": {
			make: func(n *Network) {
				n.loops(2, 5, "")
				n.loops(2, 3, "")
				n.Speakers[2].Peers[0].AS, n.Speakers[2].Peers[1].AS = 3, 2
				n.World.Sessions[2].Down = true
				n.World.Converge()
			},
			x: 2, rp: loop(4) + 100, peer: loop(3), rule: 4,
		},
		"(v) static": {
			make: func(n *Network) {
				n.loops(2, 5, "")
				n.Speakers[2].Defaults = []internet.Addr{loop(5)}
			},
			x: 2, rp: loop(3), peer: loop(5), rule: 5,
		},
		"nobody": {
			make: func(n *Network) { n.loops(2, 5, "") },
			x:    2, rp: loop(3),
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := network()
			tc.make(n)
			i, rule := n.RPF(tc.x, tc.rp)
			var peer internet.Addr
			if i != None {
				peer = n.Speakers[tc.x].Peers[i].Addr
			}
			if peer != tc.peer || rule != tc.rule {
				t.Errorf("%s by rule %d, want %s by rule %d", peer, rule, tc.peer, tc.rule)
			}
		})
	}
}

// which lists the routers of an extent.
func which(has []bool) string {
	var out []int
	for r, ok := range has {
		if ok {
			out = append(out, r)
		}
	}
	return fmt.Sprint(out)
}

func TestSpread(t *testing.T) {
	for name, tc := range map[string]struct {
		make      func(n *Network)
		origin    int
		must, may string
	}{
		"through a full mesh and out of it": {
			make: func(n *Network) {
				n.loops(0, 1, "m")
				n.loops(1, 2, "m")
				n.loops(0, 2, "m")
				n.links(2, 3)
			},
			origin: 0, must: "[0 1 2 3]", may: "[0 1 2 3]",
		},
		"not on within a mesh that is not full": {
			make:   func(n *Network) { n.loops(0, 1, "m"); n.loops(1, 2, "m"); n.links(2, 3) },
			origin: 0, must: "[0 1]", may: "[0 1]",
		},
		"not from who is not the RPF neighbour": {
			make:   func(n *Network) { n.links(3, 4); n.loops(4, 2, "") },
			origin: 3, must: "[3 4]", may: "[3 4]",
		},
		// Router 1 holds it from 0 or from 2, and passes it on to 5 in the one case only.
		"it depends": {
			make: func(n *Network) {
				n.loops(4, 0, "")
				n.loops(4, 2, "")
				n.loops(0, 1, "m")
				n.loops(2, 1, "n")
				n.loops(1, 5, "n")
			},
			origin: 4, must: "[0 1 2 4]", may: "[0 1 2 4 5]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := network()
			tc.make(n)
			s := n.Spread(tc.origin, n.World.Routers[tc.origin].Loopback)
			if must, may := which(s.Must.Has), which(s.May.Has); must != tc.must || may != tc.may {
				t.Errorf("must %s, may %s; want %s and %s", must, may, tc.must, tc.may)
			}
		})
	}
}
