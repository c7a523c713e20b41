//go:build lab

package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"msdpd/tools/lab"
)

// bgpNet is the Internet in small: seven speakers in six ASes, each with zebra, bgpd and msdpd.
//
//	AS 65000: x, i   65001: a   65002: b   65003: c   65004: d   65005: e
//
//	        c
//	        │
//	        i         iBGP between the loopbacks of x and i, eBGP on every other link. MSDP
//	        │         goes where BGP goes, but there is none between x and e, and that of x and b
//	  e ─── x ─── a   is between their loopbacks. Each router also peers with a host in its LAN,
//	   ╲    │   ╱ │   which is the RP of its AS, and x with a stranger that BGP knows nothing of.
//	    ╲   │  ╱  │
//	     ╲──b─╱   │
//	        └──d──┘
//
// Router number n has 10.255.0.n on lo, which BGP announces, and the LAN 10.n.0.0/24 where it is 254
// and the host is 2. The link of m and n, m being the lower, is 10.100.mn.0/24.
type bgpNet struct {
	t       *testing.T
	routers map[string]*lab.Node
	hosts   map[string]*lab.Node
	bgpds   map[string]*lab.Daemon
	rps     map[string]*simulatedPeer // the hosts, once startMSDP was called
	// stranger is a host at x whose SAs are always wrong.
	strangerHost *lab.Node
	stranger     *simulatedPeer
}

const bgpStranger = "10.200.0.2"

// bgpRouters are the routers by number, from 1 on.
var bgpRouters = []string{"x", "i", "a", "b", "c", "d", "e"}

var bgpASes = map[string]int{"x": 65000, "i": 65000, "a": 65001, "b": 65002, "c": 65003, "d": 65004, "e": 65005}

var bgpLinks = []string{"xi", "xa", "xb", "xe", "ic", "ab", "ad", "bd", "be"}

func bgpNumber(router string) int { return slices.Index(bgpRouters, router) + 1 }

func bgpLoopback(router string) string { return fmt.Sprintf("10.255.0.%d", bgpNumber(router)) }

// bgpRP is the host in a router's LAN that is the RP of its AS.
func bgpRP(router string) string { return fmt.Sprintf("10.%d.0.2", bgpNumber(router)) }

// bgpLink is the address of one end of a link.
func bgpLink(link string, end string) string {
	return fmt.Sprintf("10.100.%d%d.%d", bgpNumber(link[:1]), bgpNumber(link[1:]), bgpNumber(end))
}

// startBGPNet builds the network and starts zebra and bgpd; extra is more configuration of bgpds.
func startBGPNet(t *testing.T, extra map[string]string) *bgpNet {
	t.Helper()
	n := lab.ForTest(t)
	g := &bgpNet{t: t, routers: map[string]*lab.Node{}, hosts: map[string]*lab.Node{}, bgpds: map[string]*lab.Daemon{}, rps: map[string]*simulatedPeer{}}
	for i, r := range bgpRouters {
		g.routers[r], g.hosts[r] = n.Router(r), n.Host("h"+r)
		g.routers[r].AddAddr("lo", bgpLoopback(r)+"/32")
		n.Connect(g.hosts[r], "eth0", bgpRP(r)+"/24", g.routers[r], "lan", fmt.Sprintf("10.%d.0.254/24", i+1))
	}
	g.strangerHost = n.Host("stranger")
	n.Connect(g.strangerHost, "eth0", bgpStranger+"/24", g.routers["x"], "stranger", "10.200.0.254/24")
	neighbors := make(map[string][]string)
	for _, l := range bgpLinks {
		m, n2 := l[:1], l[1:]
		n.Connect(g.routers[m], n2, bgpLink(l, m)+"/24", g.routers[n2], m, bgpLink(l, n2)+"/24")
		if l == "xi" {
			continue
		}
		neighbors[m] = append(neighbors[m], fmt.Sprintf("%s remote-as %d", bgpLink(l, n2), bgpASes[n2]))
		neighbors[n2] = append(neighbors[n2], fmt.Sprintf("%s remote-as %d", bgpLink(l, m), bgpASes[m]))
	}
	for _, p := range [][2]string{{"x", "i"}, {"i", "x"}} {
		us, other := p[0], p[1]
		g.routers[us].AddRoute(bgpLoopback(other)+"/32", bgpLink("xi", other))
		neighbors[us] = append(neighbors[us], bgpLoopback(other)+" remote-as 65000",
			bgpLoopback(other)+" update-source "+bgpLoopback(us), bgpLoopback(other)+" next-hop-self")
	}
	for i, r := range bgpRouters {
		g.routers[r].StartFRR("zebra", "")
		g.bgpds[r] = g.routers[r].StartFRR("bgpd", lab.BGP{
			AS: bgpASes[r], RouterID: bgpLoopback(r), Neighbors: neighbors[r],
			Networks: []string{bgpLoopback(r) + "/32", fmt.Sprintf("10.%d.0.0/24", i+1)}, Extra: extra[r],
		}.Config())
	}
	for i, r := range bgpRouters {
		for _, other := range bgpRouters {
			if r != other {
				g.routers[other].AwaitRoute(patience, fmt.Sprintf("10.%d.0.0/24", i+1), "bgp")
			}
		}
	}
	g.routers["x"].AwaitRoute(patience, bgpLoopback("b")+"/32", "bgp")
	g.routers["b"].AwaitRoute(patience, bgpLoopback("x")+"/32", "bgp")
	return g
}

// peering is the MSDP addresses of the two ends of a link.
func (g *bgpNet) peering(link string) (us, other string) {
	if link == "xi" || link == "xb" {
		return bgpLoopback(link[:1]), bgpLoopback(link[1:])
	}
	return bgpLink(link, link[:1]), bgpLink(link, link[1:])
}

// startMSDP starts msdpd everywhere and the hosts' sessions, and waits until every session is up. more is
// more configuration of msdpds. Keepalives go every three seconds, and are missed after twenty.
func (g *bgpNet) startMSDP(more map[string]string) {
	g.t.Helper()
	configs := make(map[string]*strings.Builder)
	for i, r := range bgpRouters {
		configs[r] = &strings.Builder{}
		fmt.Fprintf(configs[r], "ip msdp timers 3 20\nip msdp peer %s source 10.%d.0.254\n%s", bgpRP(r), i+1, more[r])
	}
	var links []string
	for _, l := range bgpLinks {
		if l == "xe" {
			continue
		}
		links = append(links, l)
		us, other := g.peering(l)
		as := func(r string) string { // a neighbour's AS on the link is known by bgpd
			if l == "xi" || l == "xb" {
				return fmt.Sprintf(" as %d", bgpASes[r])
			}
			return ""
		}
		fmt.Fprintf(configs[l[:1]], "ip msdp peer %s source %s%s\n", other, us, as(l[1:]))
		fmt.Fprintf(configs[l[1:]], "ip msdp peer %s source %s%s\n", us, other, as(l[:1]))
	}
	fmt.Fprintf(configs["x"], "ip msdp peer %s source 10.200.0.254 as 65099\n", bgpStranger)
	for _, r := range bgpRouters {
		g.routers[r].StartMSDPD(configs[r].String())
	}
	for i, r := range bgpRouters {
		g.rps[r] = connectPeer(g.t, g.hosts[r], bgpRP(r), fmt.Sprintf("10.%d.0.254", i+1), peerOptions{})
	}
	g.stranger = connectPeer(g.t, g.strangerHost, bgpStranger, "10.200.0.254", peerOptions{})
	g.stranger.awaitKeepAlives(1)
	g.stranger.keepUp()
	for _, p := range g.rps {
		p.awaitKeepAlives(1)
		p.keepUp()
	}
	for _, l := range links {
		us, other := g.peering(l)
		g.routers[l[:1]].AwaitMSDPPeer(patience, "msdpd", other, "established")
		g.routers[l[1:]].AwaitMSDPPeer(patience, "msdpd", us, "established")
	}
}
