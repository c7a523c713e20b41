// Package internet is a model of autonomous systems: routers, the subnets between them, a
// link-state IGP in each, and BGP among them. It computes what each router's tables say
// once everything has converged, and knows nothing of MSDP.
package internet

import (
	"fmt"
	"slices"
)

// Addr is an IPv4 address, the first octet in the highest bits. 0 is none.
type Addr uint32

// String returns the dotted form.
func (a Addr) String() string {
	return fmt.Sprintf("%d.%d.%d.%d", a>>24, a>>16&255, a>>8&255, a&255)
}

// Router is one router. Others know it by its number in World.Routers.
type Router struct {
	AS       int // number in World.ASes
	Loopback Addr
	// Second is another address on its loopback interface; it may be the same one.
	Second Addr
}

// AS is one autonomous system. Its prefix covers its routers' loopbacks.
type AS struct {
	Number  uint32
	Routers []int
	// NextHopSelf: its border routers put themselves as NEXT_HOP towards their iBGP peers.
	NextHopSelf bool
	// Silent: it takes no routes from others, though they know the way to it.
	Silent bool
}

// Port is a router's place on a subnet.
type Port struct {
	Router int
	Addr   Addr
}

// Subnet is a /29 that joins routers, of one AS or of several.
type Subnet struct {
	Ports []Port
	// Cost is that of the IGP, 0 where the routers are of several ASes.
	Cost uint32
}

// Relation is what one end of an eBGP session is to the other.
type Relation int

// The relations, the most welcome routes first.
const (
	FromCustomer Relation = iota
	FromPeer
	FromProvider
)

func (r Relation) opposite() Relation { return FromProvider - r }

// Session is an eBGP session between two ports of a subnet.
type Session struct {
	Subnet int
	A, B   Port
	// Relation is what A's routes are to B.
	Relation Relation
	Down     bool
}

// World is all of it. After a change of a subnet's cost or of a session, call Converge.
type World struct {
	Routers  []Router
	ASes     []AS
	Subnets  []Subnet
	Sessions []Session
	// Policy: customers' routes are preferred, and only they are told to peers and providers.
	// Otherwise the shortest AS path is best, and everything is told to everybody.
	Policy bool

	home     map[Addr]int // address → router
	subnets  [][]int      // by router
	sessions [][]int      // by router
	distance [][]uint32   // by router, to each router of its AS in the order of AS.Routers
	paths    map[int][]*Path
}

// Index prepares the world after routers, subnets or sessions were added, and converges it.
func (w *World) Index() {
	w.home = make(map[Addr]int)
	for i, r := range w.Routers {
		w.home[r.Loopback], w.home[r.Second] = i, i
	}
	w.subnets = make([][]int, len(w.Routers))
	for i, s := range w.Subnets {
		for _, p := range s.Ports {
			w.home[p.Addr] = p.Router
			w.subnets[p.Router] = append(w.subnets[p.Router], i)
		}
	}
	w.sessions = make([][]int, len(w.Routers))
	for i, s := range w.Sessions {
		w.sessions[s.A.Router] = append(w.sessions[s.A.Router], i)
		w.sessions[s.B.Router] = append(w.sessions[s.B.Router], i)
	}
	w.Converge()
}

// Converge computes anew what depends on costs and sessions.
func (w *World) Converge() {
	w.distance = make([][]uint32, len(w.Routers))
	for _, as := range w.ASes {
		for _, r := range as.Routers {
			w.distance[r] = w.distancesFrom(r, as)
		}
	}
	w.paths = make(map[int][]*Path) // each made when it is asked for
}

const unreachable = ^uint32(0)

// distancesFrom are the IGP's costs, by Bellman and Ford: an AS has few routers.
func (w *World) distancesFrom(from int, as AS) []uint32 {
	cost := make([]uint32, len(as.Routers))
	for i, r := range as.Routers {
		cost[i] = unreachable
		if r == from {
			cost[i] = 0
		}
	}
	for range as.Routers {
		for i, r := range as.Routers {
			for _, n := range w.neighbors(r) {
				j := slices.Index(as.Routers, n.port.Router)
				if cost[j] != unreachable && cost[j]+n.cost < cost[i] {
					cost[i] = cost[j] + n.cost
				}
			}
		}
	}
	return cost
}

type neighbor struct {
	port   Port
	cost   uint32
	subnet int
}

// neighbors are the routers on the IGP's subnets of r.
func (w *World) neighbors(r int) []neighbor {
	var out []neighbor
	for _, i := range w.subnets[r] {
		s := w.Subnets[i]
		if s.Cost == 0 {
			continue
		}
		for _, p := range s.Ports {
			if p.Router != r {
				out = append(out, neighbor{p, s.Cost, i})
			}
		}
	}
	return out
}

// Cost is the IGP's cost from one router to another of its AS.
func (w *World) Cost(from, to int) uint32 {
	return w.distance[from][slices.Index(w.ASes[w.Routers[from].AS].Routers, to)]
}

// RouterOf returns the router that has the address.
func (w *World) RouterOf(a Addr) (int, bool) {
	r, ok := w.home[a]
	return r, ok
}

// SubnetsOf returns the numbers of the subnets that r is on.
func (w *World) SubnetsOf(r int) []int { return w.subnets[r] }

// BGPNeighbors are the AS numbers of r's BGP neighbours, by the address of the session.
func (w *World) BGPNeighbors(r int) map[Addr]uint32 {
	out := make(map[Addr]uint32)
	as := w.ASes[w.Routers[r].AS]
	for _, mate := range as.Routers {
		if mate != r {
			out[w.Routers[mate].Loopback] = as.Number
		}
	}
	for _, i := range w.sessions[r] {
		_, there := w.Sessions[i].ends(r)
		out[there.Addr] = w.ASes[w.Routers[there.Router].AS].Number
	}
	return out
}

// Kind says where a route comes from.
type Kind int

// The kinds of routes.
const (
	NoRoute Kind = iota
	Connected
	IGP
	BGP
)

// Hop is a next hop: an address on a subnet.
type Hop struct {
	Gateway Addr
	Subnet  int
}

// Route is what a router's table says of an address.
type Route struct {
	Kind Kind
	Cost uint32 // IGP only
	Hops []Hop
	Path *Path // BGP only
}

// Route returns what router x's table says of address a.
func (w *World) Route(x int, a Addr) Route {
	to, ok := w.home[a]
	if !ok {
		return Route{}
	}
	for _, i := range w.subnets[x] {
		for _, p := range w.Subnets[i].Ports {
			if p.Addr == a {
				return Route{Kind: Connected, Hops: []Hop{{0, i}}}
			}
		}
	}
	if w.Routers[x].AS == w.Routers[to].AS {
		return w.igpRoute(x, to)
	}
	path := w.Path(x, w.Routers[to].AS)
	if path == nil {
		return Route{}
	}
	route := Route{Kind: BGP, Path: path}
	if exit := w.home[path.NextHop]; path.Internal {
		route.Hops = w.igpRoute(x, path.exit).Hops
	} else {
		for _, i := range w.subnets[x] {
			for _, p := range w.Subnets[i].Ports {
				if p.Router == exit && p.Addr == path.NextHop {
					route.Hops = []Hop{{p.Addr, i}}
				}
			}
		}
	}
	return route
}

// igpRoute has all next hops of equal cost.
func (w *World) igpRoute(x, to int) Route {
	if x == to {
		return Route{}
	}
	cost := w.Cost(x, to)
	if cost == unreachable {
		return Route{}
	}
	route := Route{Kind: IGP, Cost: cost}
	for _, n := range w.neighbors(x) {
		if rest := w.Cost(n.port.Router, to); rest != unreachable && rest+n.cost == cost {
			route.Hops = append(route.Hops, Hop{n.port.Addr, n.subnet})
		}
	}
	return route
}
