package internet

import "slices"

// Path is the best path of one router to an AS.
type Path struct {
	AS       []uint32 // the nearest first
	NextHop  Addr
	Neighbor Addr // who told it
	Internal bool // learnt by iBGP

	relation Relation
	exit     int // internal: the border router that told it
}

func (p *Path) equal(o *Path) bool {
	if p == nil || o == nil {
		return p == o
	}
	return p.NextHop == o.NextHop && p.Neighbor == o.Neighbor && p.Internal == o.Internal &&
		p.relation == o.relation && slices.Equal(p.AS, o.AS)
}

// ends returns the session's ports, that of router r first.
func (s Session) ends(r int) (here, there Port) {
	if s.A.Router == r {
		return s.A, s.B
	}
	return s.B, s.A
}

// relationAt is what the routes are that router r hears on s.
func (s Session) relationAt(r int) Relation {
	if s.B.Router == r {
		return s.Relation
	}
	return s.Relation.opposite()
}

// Path returns x's best path to the AS 'to', of which x is not; nil: there is none.
func (w *World) Path(x, to int) *Path {
	best, ok := w.paths[to]
	if !ok {
		best = w.converge(to)
		w.paths[to] = best
	}
	return best[x]
}

// converge has the routers tell each other of the AS 'to' until none changes its mind.
func (w *World) converge(to int) []*Path {
	best := make([]*Path, len(w.Routers))
	waits := make([]bool, len(w.Routers))
	var queue []int
	wake := func(r int) {
		if !waits[r] && w.Routers[r].AS != to && !w.ASes[w.Routers[r].AS].Silent {
			waits[r] = true
			queue = append(queue, r)
		}
	}
	wakeListeners := func(r int) {
		for _, i := range w.sessions[r] {
			_, there := w.Sessions[i].ends(r)
			wake(there.Router)
		}
		for _, mate := range w.ASes[w.Routers[r].AS].Routers {
			if mate != r {
				wake(mate)
			}
		}
	}
	for _, r := range w.ASes[to].Routers {
		best[r] = &Path{}
		wakeListeners(r)
	}
	for steps := 0; len(queue) > 0; steps++ {
		if steps > 2000*len(w.Routers) {
			panic("BGP does not converge")
		}
		r := queue[0]
		queue = queue[1:]
		waits[r] = false
		if p := w.choose(r, best); !p.equal(best[r]) {
			best[r] = p
			wakeListeners(r)
		}
	}
	return best
}

// choose is the decision process of router r.
func (w *World) choose(r int, best []*Path) *Path {
	var chosen *Path
	consider := func(p *Path) {
		if p != nil && (chosen == nil || w.better(r, p, chosen)) {
			chosen = p
		}
	}
	for _, i := range w.sessions[r] {
		consider(w.overEBGP(r, w.Sessions[i], best))
	}
	for _, mate := range w.ASes[w.Routers[r].AS].Routers {
		if mate != r {
			consider(w.overIBGP(r, mate, best))
		}
	}
	return chosen
}

// overEBGP is what r hears on s.
func (w *World) overEBGP(r int, s Session, best []*Path) *Path {
	here, there := s.ends(r)
	told := best[there.Router]
	as := w.ASes[w.Routers[r].AS].Number
	if s.Down || told == nil || slices.Contains(told.AS, as) {
		return nil
	}
	relation := s.relationAt(r)
	if w.Policy && relation != FromProvider && told.relation != FromCustomer {
		return nil // it is not told to its providers and peers
	}
	p := &Path{NextHop: there.Addr, Neighbor: there.Addr, relation: relation}
	p.AS = append([]uint32{w.ASes[w.Routers[there.Router].AS].Number}, told.AS...)
	// A NEXT_HOP on the subnet of the session stays as it is (RFC 4271 §5.1.3).
	if !told.Internal && told.NextHop != here.Addr {
		for _, port := range w.Subnets[s.Subnet].Ports {
			if port.Addr == told.NextHop {
				p.NextHop = port.Addr
			}
		}
	}
	return p
}

// overIBGP is what r hears from a router of its AS.
func (w *World) overIBGP(r, mate int, best []*Path) *Path {
	told := best[mate]
	if told == nil || told.Internal || len(told.AS) == 0 || w.Cost(r, mate) == unreachable {
		return nil
	}
	p := *told
	p.Internal, p.exit, p.Neighbor = true, mate, w.Routers[mate].Loopback
	if w.ASes[w.Routers[r].AS].NextHopSelf {
		p.NextHop = p.Neighbor
	}
	return &p
}

// better reports whether r prefers p to q.
func (w *World) better(r int, p, q *Path) bool {
	switch {
	case w.Policy && p.relation != q.relation:
		return p.relation < q.relation
	case len(p.AS) != len(q.AS):
		return len(p.AS) < len(q.AS)
	case p.Internal != q.Internal:
		return q.Internal
	case p.Internal && w.Cost(r, p.exit) != w.Cost(r, q.exit):
		return w.Cost(r, p.exit) < w.Cost(r, q.exit)
	}
	return p.Neighbor < q.Neighbor
}
