package msdp

import (
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// Rule is one of the peer-RPF rules of RFC 3618 §10.1.3.
type Rule uint8

// The rules, in the order in which they are tried.
const (
	RuleNone        Rule = iota
	RulePeerIsRP         // (i) the peer is the originating RP
	RuleEBGPNextHop      // (ii) the peer is the eBGP NEXT_HOP of the route to the RP
	RuleNeighbor         // (iii) the peer advertised the route, or is the IGP's next hop
	RuleClosestAS        // (iv) the peer is in the closest AS on the path
	RuleStaticPeer       // (v) the peer is configured as default peer
)

// String returns the rule's number as RFC 3618 writes it, "-" for none.
func (r Rule) String() string { return [...]string{"-", "i", "ii", "iii", "iv", "v"}[r] }

const (
	// pendingPeriod is how long an SA waits at most for the route to its RP, and for bgpd's
	// word where that is BGP's.
	pendingPeriod = 2 * time.Second
	// rpIdlePeriod is how long an RP without entries is remembered.
	rpIdlePeriod = 2 * time.Minute
	// maxRPs and maxPending bound what SAs with made-up RP addresses can cost. maxRPs is how
	// many one peer may bring in, so that it takes no place from the RPs that others name.
	maxRPs     = 10000
	maxPending = 1 << 20
)

// rpInfo is what is known of an RP that SAs name.
type rpInfo struct {
	addr    ipv4.Addr
	by      *peer     // whose SA named it first; nil: an operator asked
	entries int       // in the cache
	used    time.Time // last SA that named it

	route rib.Route
	known bool // somebody told the route, or that there is none
	// next is the route that comes into force with bgpd's answer, or at the deadline; the one
	// that is in force is not BGP's.
	next     *rib.Route
	bgp      bgpInfo
	deadline time.Time // until when SAs wait for these
	waiting  []waitingSA

	decision decision
	epoch    uint64 // rpfEpoch for which decision holds
}

// waitingSA is an entry whose SA came before the route to its RP was known.
type waitingSA struct {
	sg   ipv4.SG
	peer peerIndex
	// packets came along.
	packets heldPackets
}

// decision names the RPF peer towards an RP.
type decision struct {
	peer *peer // nil: none
	rule Rule
	why  string // in words
}

// rp returns what is known of addr, and begins to ask where it is new. Nil: the peer that
// names it has named too many.
func (s *Speaker) rp(addr ipv4.Addr, by *peer) *rpInfo {
	r := s.rpTable[addr]
	if r == nil {
		if by != nil {
			if by.rps >= maxRPs {
				return nil
			}
			by.rps++
		}
		r = &rpInfo{addr: addr, by: by, deadline: s.now.Add(pendingPeriod)}
		s.rpTable[addr] = r
		s.env.TrackRoute(addr)
	}
	r.used = s.now
	switch {
	case !r.byBGP():
	case !r.bgp.known && by != nil && by.Addr != r.bgp.askedBy:
		s.askBGP(r, by) // another peer's turn may come sooner
	case !r.bgp.watched && s.now.Sub(r.bgp.asked) >= askAgainPeriod:
		s.askBGP(r, by)
	}
	return r
}

// byBGP reports whether the route in force is BGP's.
func (r *rpInfo) byBGP() bool { return ofBGP(r.route) }

func ofBGP(route rib.Route) bool { return route.Protocol == rib.BGP && route.Reachable() }

func (s *Speaker) routeChanged(addr ipv4.Addr, route rib.Route) {
	if p := s.peers[addr]; p != nil {
		came := route.Reachable() && !p.route.Reachable()
		p.route = route
		s.rpfEpoch++
		if came && p.connects() && p.conn == 0 && (p.state == StateInactive || p.state == StateConnecting) {
			s.beEager(p)
			p.retryAt = s.now
		}
	}
	if r := s.rpTable[addr]; r != nil {
		s.rpRouteChanged(r, route)
	}
}

// rpRouteChanged takes the route to an RP, at once unless it has become BGP's: then the
// decision that is in force stays until bgpd has told the path.
func (s *Speaker) rpRouteChanged(r *rpInfo, route rib.Route) {
	if !ofBGP(route) {
		r.bgp.path, r.bgp.known = nil, false
		s.takeRoute(r, route)
		s.admitWaiting(r)
		return
	}
	s.askBGPForAll(r)
	switch {
	case r.bgp.known || !r.known || !r.route.Reachable():
		if r.known && !r.bgp.known {
			r.deadline = s.now.Add(pendingPeriod) // SAs wait: without a route, nothing was decided
		}
		s.takeRoute(r, route)
	case r.byBGP():
		s.takeRoute(r, route) // bgpd was asked already
	default:
		if r.next == nil {
			s.nexts++
			r.deadline = s.now.Add(pendingPeriod)
		}
		r.next = &route
		s.watchBGP(r)
	}
	s.admitWaiting(r)
}

// takeRoute brings the route to an RP into force.
func (s *Speaker) takeRoute(r *rpInfo, route rib.Route) {
	r.route, r.known = route, true
	if r.next != nil {
		r.next = nil
		s.nexts--
	}
	r.epoch = 0
	s.watchBGP(r)
}

// routeTimers ends the wait for routes that nobody told, and for bgpd.
func (s *Speaker) routeTimers() {
	if s.pending == 0 && s.nexts == 0 {
		return
	}
	for _, r := range s.rpTable {
		if r.next != nil && !s.now.Before(r.deadline) {
			s.takeRoute(r, *r.next)
		}
		if len(r.waiting) > 0 && !s.now.Before(r.deadline) {
			if s.debug.On(debug.Timers) {
				s.debug.Write(debug.Timers, "the route to an RP was not told in time", zap.Stringer("rp", r.addr), zap.Int("waiting entries", len(r.waiting)))
			}
			s.admitWaiting(r)
		}
	}
}

// decided reports whether the RPF peer towards r can be named now.
func (s *Speaker) decided(r *rpInfo) bool {
	return r.known && (!r.byBGP() || r.bgp.known) || !s.now.Before(r.deadline)
}

// rpfPeer returns the remembered decision, made anew where a route, a peer or the
// configuration changed since.
func (s *Speaker) rpfPeer(r *rpInfo) decision {
	if epoch := s.rpfEpoch + 1; r.epoch != epoch {
		r.decision = s.decide(r)
		r.epoch = epoch
		if s.debug.On(debug.RPF) {
			s.debugDecision(r)
		}
	}
	return r.decision
}

// decide tries the rules of RFC 3618 §10.1.3 in order over all established peers; the
// first that names one decides.
func (s *Speaker) decide(r *rpInfo) decision {
	if p := s.peers[r.addr]; p != nil && p.established() {
		return decision{p, RulePeerIsRP, "the peer is the RP itself"}
	}
	if r.route.Reachable() {
		rules := s.nextHopPeer
		if r.byBGP() {
			rules = s.bgpPeer
		}
		if d := rules(r); d.peer != nil {
			return d
		}
	}
	for _, d := range s.config.DefaultPeers {
		if p := s.peers[d.Addr]; p != nil && p.established() && s.config.goodFor(d, r.addr) {
			why := "the peer is the default peer"
			if d.PrefixList != "" {
				why += " for the RPs of prefix-list " + d.PrefixList
			}
			return decision{p, RuleStaticPeer, why}
		}
	}
	return decision{why: s.whyNoRPFPeer(r)}
}

func (s *Speaker) whyNoRPFPeer(r *rpInfo) string {
	switch {
	case !r.known:
		return "neither zebra nor the kernel has told the route to the RP yet"
	case !r.route.Reachable():
		return "there is no route to the RP, and no default peer for it is established"
	case r.route.Protocol == rib.BGP:
		return s.whyNoBGPPeer(r) + ", and no default peer for it is established"
	}
	return "no established peer lies on the route to the RP, and no default peer for it is established"
}

// nextHopPeer is rule (iii) for IGP and static routes: the peer whose address is the next
// hop; else, for peers on loopbacks, the one to which the same next hop leads, the
// farthest that is not beyond the RP, then the highest address.
func (s *Speaker) nextHopPeer(r *rpInfo) decision {
	if p := s.highest(func(p *peer) bool { return isNextHop(p, r) }); p != nil {
		return decision{p, RuleNeighbor, "the peer's address is the next hop"}
	}
	var best *peer
	for _, p := range slices.Backward(s.up) {
		if sharesNextHop(p, r) && (best == nil || p.route.Metric > best.route.Metric) {
			best = p
		}
	}
	if best == nil {
		return decision{}
	}
	return decision{best, RuleNeighbor, fmt.Sprintf("the route to the peer has the same next hop, metric %d of the RP's %d", best.route.Metric, r.route.Metric)}
}

// highest returns the established peer with the highest address of those that fit.
func (s *Speaker) highest(fits func(*peer) bool) *peer {
	for _, p := range slices.Backward(s.up) {
		if fits(p) {
			return p
		}
	}
	return nil
}

// isNextHop reports whether p's address is a next hop of the route to r.
func isNextHop(p *peer, r *rpInfo) bool {
	return slices.ContainsFunc(r.route.NextHops, func(nh rib.NextHop) bool { return nh.Gateway == p.Addr })
}

// sharesNextHop reports whether p lies on the way to r as far as the routing table shows.
func sharesNextHop(p *peer, r *rpInfo) bool {
	if !p.route.Reachable() || p.route.Protocol == rib.BGP || p.route.Metric > r.route.Metric {
		return false
	}
	if p.route.Protocol == rib.Connected || r.route.Protocol == rib.Connected {
		return false // on one subnet, no one is on the way to the other
	}
	return slices.ContainsFunc(r.route.NextHops, func(nh rib.NextHop) bool { return slices.Contains(p.route.NextHops, nh) })
}

// verdict is what peer-RPF says of an SA from a peer.
type verdict uint8

const (
	refused verdict = iota
	accepted
	acceptedFromMesh
	undecided
)

// judge runs the peer-RPF check on an SA from p with RP r (§10.1.3, §10.2).
func (s *Speaker) judge(p *peer, r *rpInfo) verdict {
	if p.mesh != "" {
		return acceptedFromMesh
	}
	if r.addr == p.Addr && p.established() {
		return accepted // rule (i) needs no route
	}
	if !s.decided(r) {
		return undecided
	}
	if s.rpfPeer(r).peer == p {
		return accepted
	}
	return refused
}

func (s *Speaker) refusal(r *rpInfo) Reason {
	if (!r.known || r.byBGP() && !r.bgp.known) && len(s.config.DefaultPeers) == 0 {
		return ReasonNoRoute
	}
	return ReasonRPF
}

// wait keeps an entry until the route to its RP is known.
func (s *Speaker) wait(p *peer, r *rpInfo, sg ipv4.SG) Reason {
	if why := s.mayWait(p, sg); why != ReasonNone {
		return why
	}
	s.pending++
	p.quota.pending++
	r.waiting = append(r.waiting, waitingSA{sg: sg, peer: p.index})
	return ReasonNone
}

// admitWaiting judges what waited for the route to r, if it can now.
func (s *Speaker) admitWaiting(r *rpInfo) {
	if !s.decided(r) {
		return
	}
	waiting := r.waiting
	r.waiting = nil
	s.pending -= len(waiting)
	for len(waiting) > 0 {
		index := waiting[0].peer
		p := s.slots[index]
		s.beginBatch()
		var o offer
		if p != nil {
			o = s.offer(p, r)
		}
		n := 0
		for ; n < len(waiting) && waiting[n].peer == index; n++ {
			if p == nil {
				continue
			}
			p.quota.pending--
			why := p.in.judgeRP(r.addr) // it may have come into force since
			if why == ReasonNone {
				k := s.cache.seek(waiting[n].sg)
				why = s.take(&o, &k)
			}
			if why != ReasonNone {
				s.refuse(p, r.addr, waiting[n].sg, why)
			} else if s.debug.Of(debug.SAs, p.Addr) {
				s.debugTaken(p, r.addr, waiting[n].sg)
			}
		}
		if p != nil {
			s.floodBatch(p, r.addr, nil)
		}
		s.takeHeldData(p, r, waiting[:n])
		waiting = waiting[n:]
	}
}

// forgetPending drops what waits from a peer that is removed.
func (s *Speaker) forgetPending(p *peer) {
	s.dropWaiting(func(w waitingSA) bool { return w.peer == p.index })
}

// dropWaiting drops the waiting entries that which picks.
func (s *Speaker) dropWaiting(which func(waitingSA) bool) {
	for _, r := range s.rpTable {
		kept := r.waiting[:0]
		for _, w := range r.waiting {
			if !which(w) {
				kept = append(kept, w)
				continue
			}
			s.pending--
			s.release(w.packets)
			if p := s.slots[w.peer]; p != nil {
				p.quota.pending--
			}
		}
		r.waiting = kept
	}
}

// forgetIdleRPs stops asking for the routes to RPs that no SA names any more.
func (s *Speaker) forgetIdleRPs() {
	for addr, r := range s.rpTable {
		if r.entries == 0 && len(r.waiting) == 0 && s.now.Sub(r.used) > rpIdlePeriod {
			delete(s.rpTable, addr)
			if r.next != nil {
				s.nexts--
			}
			if r.by != nil {
				r.by.rps--
			}
			s.env.UntrackRoute(addr)
			if s.debug.On(debug.Timers) {
				s.debug.Write(debug.Timers, "RP forgotten, no SA names it any more", zap.Stringer("rp", addr))
			}
		}
	}
}
