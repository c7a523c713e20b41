// Package oracle says what SAs an internet of MSDP speakers must come to hold, from RFC 3618
// alone: it shares no code with lib/msdp, whose behaviour it is held against.
package oracle

import (
	"slices"

	"msdpd/lib/msdp/bgpsim/internet"
)

// Peer is one peering as a speaker sees it.
type Peer struct {
	Router int           // the other end
	Addr   internet.Addr // of the other end
	Back   internet.Addr // of this end: the peer's peer
	Mesh   string        // name of the mesh group that it is a fellow member of; "" for none
	AS     uint32        // configured; 0: not
	Up     bool          // the session is established
}

// Speaker is one router's peerings.
type Speaker struct {
	Peers []Peer
	// Defaults are the static RPF peers, in the order in which they are tried.
	Defaults []internet.Addr
}

// Network is an internet with its speakers, one a router.
type Network struct {
	World    *internet.World
	Speakers []Speaker
}

// None stands for no peer.
const None = -1

// RPF returns which of x's peers, by number, is the RPF neighbour towards rp, and by which of
// the five rules of RFC 3618 §10.1.3; None and 0 where there is none.
func (n *Network) RPF(x int, rp internet.Addr) (peer, rule int) {
	route := n.World.Route(x, rp)
	rules := []func() int{
		func() int { return n.isRP(x, rp) },
		func() int { return n.isNextHop(x, route) },
		func() int { return n.isNeighbor(x, route) },
		func() int { return n.isInClosestAS(x, route) },
		func() int { return n.isStatic(x) },
	}
	for i, names := range rules {
		if peer := names(); peer != None {
			return peer, i + 1
		}
	}
	return None, 0
}

// peerAt finds an established peer by address.
func (n *Network) peerAt(x int, a internet.Addr) int {
	return slices.IndexFunc(n.Speakers[x].Peers, func(p Peer) bool { return p.Up && p.Addr == a })
}

// highest finds, among the established peers that fit, the one with the highest address.
func (n *Network) highest(x int, fits func(Peer) bool) int {
	found := None
	peers := n.Speakers[x].Peers
	for i, p := range peers {
		if p.Up && fits(p) && (found == None || p.Addr > peers[found].Addr) {
			found = i
		}
	}
	return found
}

// isRP is rule (i): N is R.
func (n *Network) isRP(x int, rp internet.Addr) int { return n.peerAt(x, rp) }

// isNextHop is rule (ii): N is the eBGP NEXT_HOP of the route to R.
func (n *Network) isNextHop(x int, route internet.Route) int {
	if route.Kind != internet.BGP || route.Path.Internal {
		return None
	}
	return n.peerAt(x, route.Path.NextHop)
}

// isNeighbor is rule (iii): N advertised the path-vector route, or is the link-state route's
// next hop.
func (n *Network) isNeighbor(x int, route internet.Route) int {
	switch route.Kind {
	case internet.BGP:
		return n.peerAt(x, route.Path.Neighbor)
	case internet.IGP:
		gateway := n.highest(x, func(p Peer) bool {
			return slices.ContainsFunc(route.Hops, func(h internet.Hop) bool { return h.Gateway == p.Addr })
		})
		if gateway != None {
			return gateway
		}
		return n.lastOnTheWay(x, route)
	}
	return None
}

// lastOnTheWay is rule (iii) for peers on loopbacks, which are nobody's next hop: of those to
// whom the route has a next hop in common with the route to R, and who are not beyond it, the
// farthest; of several such, the highest address.
func (n *Network) lastOnTheWay(x int, route internet.Route) int {
	cost := func(p Peer) (uint32, bool) {
		way := n.World.Route(x, p.Addr)
		if way.Kind != internet.IGP || way.Cost > route.Cost {
			return 0, false
		}
		for _, h := range way.Hops {
			if slices.Contains(route.Hops, h) {
				return way.Cost, true
			}
		}
		return 0, false
	}
	farthest := uint32(0)
	for _, p := range n.Speakers[x].Peers {
		if c, ok := cost(p); ok && p.Up {
			farthest = max(farthest, c)
		}
	}
	return n.highest(x, func(p Peer) bool {
		c, ok := cost(p)
		return ok && c == farthest
	})
}

// isInClosestAS is rule (iv): N is in the first AS on the path in which there is a peer.
func (n *Network) isInClosestAS(x int, route internet.Route) int {
	if route.Kind != internet.BGP {
		return None
	}
	known := n.World.BGPNeighbors(x)
	for _, as := range route.Path.AS {
		peer := n.highest(x, func(p Peer) bool {
			if p.AS != 0 {
				return p.AS == as
			}
			return known[p.Addr] == as
		})
		if peer != None {
			return peer
		}
	}
	return None
}

// isStatic is rule (v): N is configured as the static RPF peer.
func (n *Network) isStatic(x int) int {
	for _, a := range n.Speakers[x].Defaults {
		if peer := n.peerAt(x, a); peer != None {
			return peer
		}
	}
	return None
}
