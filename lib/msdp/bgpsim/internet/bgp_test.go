package internet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// square: AS 1 has the routers 0 and 1, the ASes 2, 3 and 4 one each. 4 is a customer of 3 and
// of 2, which are customers of 1: 3 at router 0, 2 at router 1.
func square(policy bool) *World {
	w := &World{Policy: policy, ASes: []AS{
		{Number: 1, Routers: []int{0, 1}}, {Number: 2, Routers: []int{2}}, {Number: 3, Routers: []int{3}}, {Number: 4, Routers: []int{4}},
	}}
	for as, one := range w.ASes {
		for range one.Routers {
			a := Addr(10<<24 + 1 + len(w.Routers))
			w.Routers = append(w.Routers, Router{AS: as, Loopback: a, Second: a})
		}
	}
	add := func(a, b int, cost uint32) {
		n := len(w.Subnets)
		base := Addr(172<<24 + n*8)
		w.Subnets = append(w.Subnets, Subnet{Cost: cost, Ports: []Port{{a, base + 1}, {b, base + 2}}})
		if cost == 0 {
			w.Sessions = append(w.Sessions, Session{Subnet: n, A: Port{a, base + 1}, B: Port{b, base + 2}, Relation: FromCustomer})
		}
	}
	add(0, 1, 10)
	add(3, 0, 0)
	add(2, 1, 0)
	add(4, 3, 0)
	add(4, 2, 0)
	w.Index()
	return w
}

func TestPaths(t *testing.T) {
	for _, policy := range []bool{true, false} {
		w := square(policy)
		check := func(x, to int, want []uint32, internal bool, neighbor Addr) {
			t.Helper()
			p := w.Path(x, to)
			if p == nil {
				t.Fatalf("policy %t: router %d has no path to AS number %d", policy, x, to)
			}
			if !slices.Equal(p.AS, want) || p.Internal != internal || p.Neighbor != neighbor {
				t.Errorf("policy %t: router %d goes by %v, internal %t, from %s; want %v, %t, %s", policy, x, p.AS, p.Internal, p.Neighbor, want, internal, neighbor)
			}
		}
		check(0, 3, []uint32{3, 4}, false, w.Subnets[1].Ports[0].Addr)
		check(1, 3, []uint32{2, 4}, false, w.Subnets[2].Ports[0].Addr)
		check(0, 1, []uint32{2}, true, w.Routers[1].Loopback)
		if hop := w.Path(0, 1).NextHop; hop != w.Subnets[2].Ports[0].Addr {
			t.Errorf("the NEXT_HOP within AS 1 is %s, and nobody changed it", hop)
		}
		w.Sessions[1].Down = true // AS 2 and AS 1
		w.Converge()
		if policy {
			if p := w.Path(0, 1); p != nil {
				t.Errorf("AS 4 gives its provider a transit by %v", p.AS)
			}
		} else {
			check(0, 1, []uint32{3, 4, 2}, false, w.Subnets[1].Ports[0].Addr)
		}
		check(1, 3, []uint32{3, 4}, true, w.Routers[0].Loopback)
	}
}

// TestThirdParty: on a subnet of three, the NEXT_HOP is whose route it is, not who tells it.
func TestThirdParty(t *testing.T) {
	w := &World{}
	ports := make([]Port, 3)
	for i := range 3 {
		a := Addr(10<<24 + 1 + i)
		w.ASes = append(w.ASes, AS{Number: uint32(i + 1), Routers: []int{i}})
		w.Routers = append(w.Routers, Router{AS: i, Loopback: a, Second: a})
		ports[i] = Port{i, Addr(172<<24 + 1 + i)}
	}
	w.Subnets = []Subnet{{Ports: ports}}
	w.Sessions = []Session{{A: ports[0], B: ports[1], Relation: FromPeer}, {A: ports[1], B: ports[2], Relation: FromPeer}}
	w.Index()
	if p := w.Path(0, 2); p == nil || p.NextHop != ports[2].Addr || p.Neighbor != ports[1].Addr {
		t.Errorf("%+v", p)
	}
}

// TestNoLoops: from each router, the next hops of the best paths lead to the destination.
func TestNoLoops(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := Random(rand.New(rand.NewPCG(seed, 1)), 80)
			reached := 0
			for to := range 10 {
				for x := range w.Routers {
					at, steps := x, 0
					for ; w.Routers[at].AS != to && steps < 100; steps++ {
						p := w.Path(at, to)
						if p == nil {
							break
						}
						if at = p.exit; !p.Internal {
							at = w.home[p.NextHop]
						}
					}
					if steps == 100 {
						t.Fatalf("from router %d to AS %d in a circle", x, to)
					}
					if w.Routers[at].AS == to {
						reached++
					} else if at != x {
						t.Errorf("from router %d to AS %d it ends at %d", x, to, at)
					}
				}
			}
			if reached < 400 {
				t.Errorf("%d of 800 ways lead anywhere", reached)
			}
		})
	}
}
