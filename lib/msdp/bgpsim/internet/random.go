package internet

import "math/rand/v2"

// Random returns a world of so many routers, in ASes of one to six. Each AS but the first has one
// to three providers among those before it; some peer with each other, some at an exchange.
func Random(rng *rand.Rand, routers int) *World {
	w := &World{Policy: rng.IntN(2) == 0}
	b := builder{w, rng}
	for len(w.Routers) < routers {
		b.addAS(min(1+rng.IntN(6), routers-len(w.Routers)))
	}
	for as := 1; as < len(w.ASes); as++ {
		for range 1 + rng.IntN(3) {
			// Some ASes have many customers.
			provider := min(rng.IntN(as), rng.IntN(as))
			for range 1 + rng.IntN(2) {
				b.join(as, provider, FromCustomer)
			}
		}
	}
	for range len(w.ASes) / 4 {
		if a, c := rng.IntN(len(w.ASes)), rng.IntN(len(w.ASes)); a != c {
			b.join(a, c, FromPeer)
		}
	}
	for range 1 + len(w.ASes)/20 {
		b.exchange()
	}
	w.Index()
	return w
}

type builder struct {
	w   *World
	rng *rand.Rand
}

// addAS adds one whose routers are a ring, with a chord or two where there are enough.
func (b builder) addAS(size int) {
	w, as := b.w, len(b.w.ASes)
	one := AS{Number: 64512 + uint32(as), NextHopSelf: b.rng.IntN(2) == 0}
	prefix := Addr(10<<24 + as<<8)
	for i := range size {
		r := Router{AS: as, Loopback: prefix + 1 + Addr(i)}
		r.Second = r.Loopback
		if b.rng.IntN(5) < 2 {
			r.Second = prefix + 101 + Addr(i)
		}
		one.Routers = append(one.Routers, len(w.Routers))
		w.Routers = append(w.Routers, r)
	}
	w.ASes = append(w.ASes, one)
	link := func(i, j int) {
		b.subnet(uint32(1+b.rng.IntN(3))*10, one.Routers[i], one.Routers[j])
	}
	for i := 1; i < size; i++ {
		link(i-1, i)
	}
	if size > 2 {
		link(size-1, 0)
	}
	if size > 4 {
		link(0, 2)
	}
}

func (b builder) subnet(cost uint32, routers ...int) int {
	n := len(b.w.Subnets)
	s := Subnet{Cost: cost}
	for i, r := range routers {
		s.Ports = append(s.Ports, Port{r, 172<<24 + 16<<16 + Addr(n*8+1+i)})
	}
	b.w.Subnets = append(b.w.Subnets, s)
	return n
}

func (b builder) routerOf(as int) int {
	all := b.w.ASes[as].Routers
	return all[b.rng.IntN(len(all))]
}

// join gives two ASes an eBGP session on a subnet of its own.
func (b builder) join(a, c int, relation Relation) {
	n := b.subnet(0, b.routerOf(a), b.routerOf(c))
	b.session(n, 0, 1, relation)
}

func (b builder) session(subnet, i, j int, relation Relation) {
	ports := b.w.Subnets[subnet].Ports
	b.w.Sessions = append(b.w.Sessions, Session{Subnet: subnet, A: ports[i], B: ports[j], Relation: relation})
}

// exchange puts routers of a few ASes on one subnet, where not all peer with all: there a
// NEXT_HOP can be another router than the one that tells the route.
func (b builder) exchange() {
	var routers []int
	seen := make(map[int]bool)
	for range 5 {
		if as := b.rng.IntN(len(b.w.ASes)); !seen[as] {
			seen[as] = true
			routers = append(routers, b.routerOf(as))
		}
	}
	if len(routers) < 3 {
		return
	}
	n := b.subnet(0, routers...)
	for i := 1; i < len(routers); i++ {
		// Without a policy, what one tells is passed on by the next.
		b.session(n, i-1, i, FromPeer)
	}
}
