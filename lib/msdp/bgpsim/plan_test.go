package bgpsim

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"msdpd/lib/msdp/bgpsim/internet"
	"msdpd/lib/msdp/bgpsim/oracle"
)

// peering is one MSDP session of the plan.
type peering struct {
	ends [2]end
	mesh string // name of the mesh group at both ends, "" for none
	cut  bool   // no TCP between the two
}

// end is one side of a peering. Its address is the other side's peer.
type end struct {
	router int
	addr   internet.Addr
	as     uint32 // configured at this side for the other; 0: none
	link   bool   // the addresses are those of a common subnet
}

// plan is who peers with whom.
type plan struct {
	rng      *rand.Rand
	world    *internet.World
	peerings []*peering
	peers    map[[2]int]bool
	defaults map[int][]internet.Addr // by router
}

func newPlan(rng *rand.Rand, w *internet.World) *plan {
	return &plan{rng: rng, world: w, peers: make(map[[2]int]bool), defaults: make(map[int][]internet.Addr)}
}

func (p *plan) chance(percent int) bool { return p.rng.IntN(100) < percent }

// peer adds a peering unless the two have one already.
func (p *plan) peer(a, b end, mesh string) *peering {
	pair := [2]int{min(a.router, b.router), max(a.router, b.router)}
	if a.router == b.router || p.peers[pair] {
		return nil
	}
	p.peers[pair] = true
	added := &peering{ends: [2]end{a, b}, mesh: mesh}
	p.peerings = append(p.peerings, added)
	return added
}

func (p *plan) loopback(r int) end { return end{router: r, addr: p.world.Routers[r].Loopback} }

func port(at internet.Port) end { return end{router: at.Router, addr: at.Addr, link: true} }

func (p *plan) number(r int) uint32 { return p.world.ASes[p.world.Routers[r].AS].Number }

// fullMesh makes the routers a mesh group.
func (p *plan) fullMesh(name string, routers []int) {
	for i, a := range routers {
		for _, b := range routers[:i] {
			p.peer(p.loopback(a), p.loopback(b), name)
		}
	}
}

// alongLinks has the routers of an AS peer with their neighbours, without a mesh group.
func (p *plan) alongLinks(as internet.AS) {
	for _, s := range p.world.Subnets {
		if a := s.Ports[0].Router; s.Cost != 0 && slices.Contains(as.Routers, a) {
			if p.chance(50) {
				p.peer(port(s.Ports[0]), port(s.Ports[1]), "")
			} else {
				p.peer(p.loopback(a), p.loopback(s.Ports[1].Router), "")
			}
		}
	}
}

// betweenASes has most eBGP neighbours peer, and a few routers that are none.
func (p *plan) betweenASes(mesh func() string) {
	for _, s := range p.world.Sessions {
		switch n := p.rng.IntN(10); {
		case n < 5:
			p.peer(port(s.A), port(s.B), mesh())
		case n < 8:
			p.overLoopbacks(s.A.Router, s.B.Router, mesh())
		case n < 9: // of an AS that nobody knows: rule (iv) does not find them
			p.peer(p.loopback(s.A.Router), p.loopback(s.B.Router), mesh())
		}
	}
	for range len(p.world.Routers) / 20 {
		a, b := p.rng.IntN(len(p.world.Routers)), p.rng.IntN(len(p.world.Routers))
		if p.world.Routers[a].AS != p.world.Routers[b].AS {
			p.overLoopbacks(a, b, "")
		}
	}
}

func (p *plan) overLoopbacks(a, b int, mesh string) {
	x, y := p.loopback(a), p.loopback(b)
	x.as, y.as = p.number(b), p.number(a)
	p.peer(x, y, mesh)
}

// silence has some of the last ASes, which are nobody's providers, take no routes.
func (p *plan) silence() {
	provider := make(map[int]bool)
	for _, s := range p.world.Sessions {
		for _, port := range p.world.Subnets[s.Subnet].Ports {
			if port.Router == s.B.Router || s.Relation == internet.FromPeer {
				provider[p.world.Routers[port.Router].AS] = true
			}
		}
	}
	for i := range p.world.ASes {
		p.world.ASes[i].Silent = !provider[i] && p.chance(30)
	}
	p.world.Converge()
}

// staticPeers gives the routers of silent ASes default peers in the ASes before theirs, so that
// no two name each other. 'anywhere' gives some to others at random as well.
func (p *plan) staticPeers(anywhere bool) {
	for _, one := range p.peerings {
		for i, here := range one.ends {
			there := one.ends[1-i]
			as := p.world.Routers[here.router].AS
			before := p.world.Routers[there.router].AS < as
			if before && p.world.ASes[as].Silent || anywhere && p.chance(15) {
				p.defaults[here.router] = append(p.defaults[here.router], there.addr)
			}
		}
	}
}

// usual is the internet as RFC 3618 wants it: all RPs of an AS are one full mesh group, or,
// in some ASes, peer with their neighbours only.
func usual(rng *rand.Rand, w *internet.World) *plan {
	p := newPlan(rng, w)
	p.silence()
	for i, as := range w.ASes {
		if p.chance(70) {
			p.fullMesh(fmt.Sprintf("as%d", i), as.Routers)
		} else {
			p.alongLinks(as)
		}
	}
	p.betweenASes(func() string { return "" })
	p.staticPeers(false)
	return p
}

// broken is what §10.2 warns of: mesh groups that are not full, rings of mesh groups, mesh
// groups that reach through several ASes, default peers that name each other.
func broken(rng *rand.Rand, w *internet.World) *plan {
	p := newPlan(rng, w)
	p.silence()
	for i, as := range w.ASes {
		switch n := len(as.Routers); {
		case p.chance(40): // pairs in a ring
			for j, r := range as.Routers {
				p.peer(p.loopback(r), p.loopback(as.Routers[(j+1)%n]), fmt.Sprintf("as%d-%d", i, j))
			}
		case p.chance(60): // some pairs of one group
			for j, r := range as.Routers {
				for _, q := range as.Routers[:j] {
					if p.chance(60) {
						p.peer(p.loopback(r), p.loopback(q), fmt.Sprintf("as%d", i))
					}
				}
			}
		default:
			p.alongLinks(as)
		}
	}
	p.betweenASes(func() string {
		if p.chance(50) {
			return ""
		}
		return []string{"red", "green", "blue"}[p.rng.IntN(3)]
	})
	p.staticPeers(true)
	return p
}

// oracle returns the network as the oracle sees it.
func (p *plan) oracle() *oracle.Network {
	n := &oracle.Network{World: p.world, Speakers: make([]oracle.Speaker, len(p.world.Routers))}
	for r := range n.Speakers {
		n.Speakers[r].Defaults = p.defaults[r]
	}
	for _, one := range p.peerings {
		for i, here := range one.ends {
			there := one.ends[1-i]
			sp := &n.Speakers[here.router]
			sp.Peers = append(sp.Peers, oracle.Peer{
				Router: there.router, Addr: there.addr, Back: here.addr, Mesh: one.mesh, AS: here.as, Up: !one.cut,
			})
		}
	}
	return n
}
