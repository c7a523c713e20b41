//go:build lab

package scenarios

import (
	"fmt"
	"slices"
	"testing"

	"msdpd/tools/lab"
)

// igp is a network of routers r1, r2, … that know each other's loopbacks by OSPF. Router i has 10.0.0.i
// on lo; the link of i and j is 10.0.ij.0/24, with i and j as last octets and interfaces named after the other end;
// the LAN of i is 10.i.1.0/24, where the router is 1 and a host is 2.
type igp struct {
	t       *testing.T
	routers []*lab.Node // r1 is 1; there is no 0
	hosts   []*lab.Node
	links   [][2]int
	lans    []int
}

// igpOptions draw an igp. Links are between routers, the one with the lower number first.
type igpOptions struct {
	Routers int
	Links   [][2]int
	// LANs are the routers that have a LAN with a host.
	LANs []int
	// Loopbacks are more addresses on lo, by router.
	Loopbacks map[int]string
}

// startIGP builds the network, starts zebra and ospfd, and waits until every router has a route to each loopback.
func startIGP(t *testing.T, o igpOptions) *igp {
	t.Helper()
	n := lab.ForTest(t)
	g := &igp{t: t, routers: make([]*lab.Node, o.Routers+1), hosts: make([]*lab.Node, o.Routers+1), links: o.Links, lans: o.LANs}
	for i := 1; i <= o.Routers; i++ {
		g.routers[i] = n.Router(fmt.Sprintf("r%d", i))
		g.routers[i].AddAddr("lo", g.loopback(i)+"/32")
		if extra := o.Loopbacks[i]; extra != "" {
			g.routers[i].AddAddr("lo", extra+"/32")
		}
	}
	for _, l := range o.Links {
		i, j := l[0], l[1]
		n.Connect(g.routers[i], fmt.Sprintf("r%d", j), g.linkAddr(l, i)+"/24", g.routers[j], fmt.Sprintf("r%d", i), g.linkAddr(l, j)+"/24")
	}
	for _, i := range o.LANs {
		g.hosts[i] = n.Host(fmt.Sprintf("h%d", i))
		n.Connect(g.hosts[i], "eth0", g.host(i)+"/24", g.routers[i], "lan", g.lanAddr(i)+"/24")
	}
	for i := 1; i <= o.Routers; i++ {
		g.routers[i].StartFRR("zebra", "")
		g.routers[i].StartFRR("ospfd", lab.OSPF{RouterID: g.loopback(i), Interfaces: g.linksOf(i), Passive: g.edgesOf(i)}.Config())
	}
	for i := 1; i <= o.Routers; i++ {
		for j := 1; j <= o.Routers; j++ {
			if i != j {
				g.routers[i].AwaitRoute(patience, g.loopback(j)+"/32", "ospf")
			}
		}
	}
	return g
}

func (g *igp) loopback(i int) string { return fmt.Sprintf("10.0.0.%d", i) }
func (g *igp) lanAddr(i int) string  { return fmt.Sprintf("10.%d.1.1", i) }
func (g *igp) host(i int) string     { return fmt.Sprintf("10.%d.1.2", i) }

// linkAddr is the address of router i on a link.
func (g *igp) linkAddr(l [2]int, i int) string { return fmt.Sprintf("10.0.%d%d.%d", l[0], l[1], i) }

// linksOf are the names of a router's interfaces to other routers.
func (g *igp) linksOf(i int) []string {
	var names []string
	for _, l := range g.links {
		switch i {
		case l[0]:
			names = append(names, fmt.Sprintf("r%d", l[1]))
		case l[1]:
			names = append(names, fmt.Sprintf("r%d", l[0]))
		}
	}
	return names
}

// edgesOf are the names of a router's other interfaces.
func (g *igp) edgesOf(i int) []string {
	if slices.Contains(g.lans, i) {
		return []string{"lo", "lan"}
	}
	return []string{"lo"}
}

// startPIM starts pimd on a router, everywhere, with RPs as in lab.PIM, and IGMP on the LAN.
func (g *igp) startPIM(i int, rps ...string) {
	g.t.Helper()
	p := lab.PIM{RP: rps, Interfaces: append(g.edgesOf(i), g.linksOf(i)...)}
	if slices.Contains(g.lans, i) {
		p.IGMP = []string{"lan"}
	}
	g.routers[i].StartFRR("pimd", p.Config())
}

// startMSDP starts msdpd on a router; the peers are other routers' loopbacks.
func (g *igp) startMSDP(i int, peers ...int) *lab.Daemon {
	g.t.Helper()
	config := ""
	for _, j := range peers {
		config += peerLine(g.loopback(j), g.loopback(i))
	}
	return g.routers[i].StartMSDPD(config)
}

// awaitSessions waits until a router's sessions with others are up.
func (g *igp) awaitSessions(i int, peers ...int) {
	g.t.Helper()
	for _, j := range peers {
		g.routers[i].AwaitMSDPPeer(patience, "msdpd", g.loopback(j), "established")
	}
}
