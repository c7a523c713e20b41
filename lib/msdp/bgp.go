package msdp

import (
	"fmt"
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// askAgainPeriod is how old bgpd's answer about an RP without entries may be when an SA
// names it. About one with entries the owner asks by itself (WatchBGP).
const askAgainPeriod = time.Second

// bgpInfo is what bgpd said of the way to an RP. It counts where the route is BGP's.
type bgpInfo struct {
	path  *rib.BGPPath // nil: bgpd has none
	known bool         // bgpd said it
	asked time.Time    // when it was last asked on our behalf
	// askedBy is the peer in whose turn; 0.0.0.0: this router.
	askedBy ipv4.Addr
	// watched: the owner has bgpd asked again and again.
	watched bool
}

// BGPAnswered tells what bgpd says of the path to an RP: the answer to AskBGP, and to
// WatchBGP the first and each that differs. nil: bgpd has no path.
func (s *Speaker) BGPAnswered(now time.Time, rp ipv4.Addr, path *rib.BGPPath) {
	s.now = now
	s.bgpAway = ""
	r := s.rpTable[rp]
	if r == nil {
		return
	}
	if r.next == nil && !r.byBGP() {
		return // it is no route of BGP's any more
	}
	same := r.bgp.known && r.bgp.path.Equal(path)
	r.bgp.path, r.bgp.known = path, true
	if r.next != nil {
		s.takeRoute(r, *r.next)
	}
	if !same {
		r.epoch = 0
	}
	s.admitWaiting(r)
}

// BGPNeighbors tells the AS of each of bgpd's neighbours. It must not be changed afterwards.
func (s *Speaker) BGPNeighbors(now time.Time, as map[ipv4.Addr]uint32) {
	s.now = now
	s.bgpAway = ""
	s.bgpNeighbors = as
	for _, p := range s.ordered {
		if p.neighborAS != as[p.Addr] {
			p.neighborAS = as[p.Addr]
			s.rpfEpoch++
		}
	}
}

// BGPAway tells that bgpd does not answer, and why. What it said last stays in force.
func (s *Speaker) BGPAway(now time.Time, why string) {
	s.now = now
	s.bgpAway = why
}

// BGPForget ends what bgpd said last: it has been away for too long.
func (s *Speaker) BGPForget(now time.Time) {
	s.now = now
	for _, r := range s.rpTable {
		r.bgp.path, r.bgp.known = nil, false
	}
	s.bgpNeighbors = nil
	for _, p := range s.ordered {
		p.neighborAS = 0
	}
	s.rpfEpoch++
}

// askBGP has bgpd asked about r in the turn of a peer: bgpd is asked only so often, and one
// peer's RPs must not keep those of others waiting. nil: in our own turn.
func (s *Speaker) askBGP(r *rpInfo, by *peer) {
	r.bgp.asked, r.bgp.askedBy = s.now, 0
	if by != nil {
		r.bgp.askedBy = by.Addr
	}
	s.env.AskBGP(r.addr, r.bgp.askedBy)
}

// askBGPForAll has bgpd asked about r in the turn of each peer whose SAs wait for it.
func (s *Speaker) askBGPForAll(r *rpInfo) {
	s.askBGP(r, r.by)
	for _, w := range r.waiting {
		if p := s.slots[w.peer]; p != nil && p.Addr != r.bgp.askedBy {
			s.askBGP(r, p)
		}
	}
}

// watchBGP has bgpd asked about r again and again as long as that matters.
func (s *Speaker) watchBGP(r *rpInfo) {
	if watch := r.entries > 0 && (r.byBGP() || r.next != nil); watch != r.bgp.watched {
		r.bgp.watched = watch
		if watch {
			s.env.WatchBGP(r.addr)
		} else {
			s.env.UnwatchBGP(r.addr)
		}
	}
}

// peerAS is the peer's AS: the configured one, else what bgpd says of a neighbour with its
// address. 0: not known.
func peerAS(p *peer) uint32 {
	if p.ASN != 0 {
		return p.ASN
	}
	return p.neighborAS
}

// bgpPeer is rules (ii) to (iv) for a route of BGP's.
func (s *Speaker) bgpPeer(r *rpInfo) decision {
	path := r.bgp.path
	if path == nil {
		return decision{}
	}
	if path.Kind == rib.External {
		if p := s.highest(func(p *peer) bool { return slices.Contains(path.NextHops, p.Addr) }); p != nil {
			return decision{p, RuleEBGPNextHop, "the peer's address is the NEXT_HOP of the eBGP route"}
		}
	}
	if p := s.peers[path.Neighbor]; p != nil && p.established() {
		return decision{p, RuleNeighbor, "the peer is the BGP neighbour (" + string(path.Kind) + ") that advertised the route"}
	}
	for _, place := range path.ASPath {
		if p := s.highest(func(p *peer) bool { return slices.Contains(place, peerAS(p)) }); p != nil {
			return decision{p, RuleClosestAS, fmt.Sprintf("the peer is in AS %d, the closest one on the path that has a peer", peerAS(p))}
		}
	}
	return decision{}
}

// whyNoBGPPeer says why rules (ii) to (iv) name none for a route of BGP's.
func (s *Speaker) whyNoBGPPeer(r *rpInfo) string {
	switch {
	case !r.bgp.known && s.bgpAway != "":
		return "the route to the RP is BGP's, and bgpd does not answer (" + s.bgpAway + ")"
	case !r.bgp.known:
		return "the route to the RP is BGP's, and bgpd has not told its path yet"
	case r.bgp.path == nil:
		return "the route to the RP is BGP's, but bgpd has no path to it"
	case r.bgp.path.Kind == rib.OwnPath:
		return "this router itself announces the route to the RP in BGP"
	}
	return "no established peer is the NEXT_HOP, the BGP neighbour or in an AS on the path to the RP"
}

// whyNotBGP says how p, which is established, fails rules (ii) to (iv).
func (s *Speaker) whyNotBGP(p *peer, r *rpInfo) string {
	path := r.bgp.path
	if path == nil || path.Kind == rib.OwnPath {
		return s.whyNoBGPPeer(r)
	}
	as := peerAS(p)
	on := func(place []uint32) bool { return slices.Contains(place, as) }
	switch {
	case path.Kind == rib.External && slices.Contains(path.NextHops, p.Addr):
		return "its address is a NEXT_HOP too"
	case path.Neighbor == p.Addr:
		return "it is the BGP neighbour that advertised the route"
	case as == 0:
		return "it is neither NEXT_HOP nor the BGP neighbour, and its AS is not known"
	case slices.ContainsFunc(path.ASPath, on):
		return fmt.Sprintf("it is neither NEXT_HOP nor the BGP neighbour; its AS %d is on the path", as)
	}
	return fmt.Sprintf("it is neither NEXT_HOP nor the BGP neighbour, and its AS %d is not on the path", as)
}
