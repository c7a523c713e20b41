package oracle

import "msdpd/lib/msdp/bgpsim/internet"

// Spread is where an SA comes to once it was sent often enough for everything to settle.
//
// A speaker can be offered it by several fellow members of mesh groups; which of them came
// first decides to whom it is passed on (§10.2). So there are two answers: where it is in any
// case, and where it can be. Where every mesh is full they are the same. Where one of those
// who can offer it is not certain to, a speaker can hold it from one and from another in turn,
// for up to 150 s each, and nothing that follows is certain.
type Spread struct {
	// RPF is each speaker's RPF neighbour, by number, or None; Rule says which rule names it.
	RPF, Rule []int
	Must, May Extent

	net    *Network
	origin int
}

// Extent is one of the answers.
type Extent struct {
	Has  []bool   // by router; the origin has it
	Send [][]bool // by router, then by its peer's number
}

// Spread follows the SAs with RP rp that the router 'origin' sends for a source of its own.
func (n *Network) Spread(origin int, rp internet.Addr) *Spread {
	s := &Spread{net: n, origin: origin, Must: n.nowhere(), May: n.nowhere()}
	for x := range n.Speakers {
		peer, rule := n.RPF(x, rp)
		s.RPF, s.Rule = append(s.RPF, peer), append(s.Rule, rule)
	}
	// To know who sends it in any case rules out other senders, which makes more certain.
	for certain := -1; certain != s.Must.links(); {
		certain = s.Must.links()
		s.May = s.follow(func(may *Extent, x, to int) bool {
			for _, from := range s.owners(x, may, &s.Must) {
				if s.passes(x, from, to) {
					return true
				}
			}
			return false
		})
		s.Must = s.follow(func(must *Extent, x, to int) bool {
			for _, from := range s.owners(x, &s.May, must) {
				if !s.passes(x, from, to) || !s.sends(must, from, x) {
					return false
				}
			}
			return true
		})
	}
	return s
}

func (n *Network) nowhere() Extent {
	e := Extent{Has: make([]bool, len(n.Speakers))}
	for _, sp := range n.Speakers {
		e.Send = append(e.Send, make([]bool, len(sp.Peers)))
	}
	return e
}

// links counts the directions of peerings that it goes over.
func (e *Extent) links() int {
	n := 0
	for _, peers := range e.Send {
		for _, sent := range peers {
			if sent {
				n++
			}
		}
	}
	return n
}

// follow computes the least extent that holds the origin and whatever 'sends' leads to.
func (s *Spread) follow(sends func(e *Extent, x, to int) bool) Extent {
	e := s.net.nowhere()
	e.Has[s.origin] = true
	for todo := []int{s.origin}; len(todo) > 0; todo = todo[1:] {
		x := todo[0]
		for i, p := range s.net.Speakers[x].Peers {
			if e.Send[x][i] || !p.Up || x != s.origin && !sends(&e, x, i) {
				continue
			}
			e.Send[x][i] = true
			if s.accepts(p.Router, s.net.back(x, i)) {
				e.Has[p.Router] = true
				todo = append(todo, p.Router)
			}
		}
	}
	return e
}

// back is the number that x has among the peers of its own peer i.
func (n *Network) back(x, i int) int {
	p := n.Speakers[x].Peers[i]
	for j, q := range n.Speakers[p.Router].Peers {
		if q.Router == x && q.Addr == p.Back && q.Back == p.Addr {
			return j
		}
	}
	panic("a peering with one end")
}

// accepts reports whether x takes the SA from its peer i: a fellow member of a mesh group
// (§10.2, i), or the RPF neighbour (§10.1.3). The origin does not take its own.
func (s *Spread) accepts(x, i int) bool {
	return x != s.origin && (s.net.Speakers[x].Peers[i].Mesh != "" || s.RPF[x] == i)
}

// owners are the peers whose copy can be the one that x holds: of several, the RPF neighbour's
// unless it is a fellow member too.
func (s *Spread) owners(x int, may, must *Extent) []int {
	var out []int
	for i, p := range s.net.Speakers[x].Peers {
		if !p.Up || !s.accepts(x, i) {
			continue
		}
		if s.RPF[x] == i && p.Mesh == "" && s.sends(must, i, x) {
			return []int{i}
		}
		if s.sends(may, i, x) {
			out = append(out, i)
		}
	}
	return out
}

// sends reports whether x is sent it by its peer i, to that extent.
func (s *Spread) sends(e *Extent, i, x int) bool {
	return e.Send[s.net.Speakers[x].Peers[i].Router][s.net.back(x, i)]
}

// passes reports whether x sends to peer 'to' what it holds from peer 'from': not back, and
// not within the mesh group that it came from.
func (s *Spread) passes(x, from, to int) bool {
	peers := s.net.Speakers[x].Peers
	return from != to && (peers[to].Mesh == "" || peers[to].Mesh != peers[from].Mesh)
}

// MayHold reports whether x can hold the copy that its peer i sent.
func (s *Spread) MayHold(x, i int) bool {
	for _, owner := range s.owners(x, &s.May, &s.Must) {
		if owner == i {
			return true
		}
	}
	return false
}
