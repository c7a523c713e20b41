//go:build lab

package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// rpf is what `show ip msdp rpf A.B.C.D json` says.
type rpf struct {
	Route struct {
		Prefix   string `json:"prefix"`
		Protocol string `json:"protocol"`
		Metric   int    `json:"metric"`
		From     string `json:"from"`
		Table    string `json:"table"`
		Nexthops []struct {
			IP        string `json:"ip"`
			Interface string `json:"interface"`
		} `json:"nexthops"`
	} `json:"route"`
	BGP struct {
		ASPath   string   `json:"asPath"`
		Nexthops []string `json:"nexthops"`
		Neighbor string   `json:"neighbor"`
		Type     string   `json:"type"`
	} `json:"bgp"`
	BGPDAway string `json:"bgpdAway"`
	RPFPeer  string `json:"rpfPeer"`
	Rule     string `json:"rule"`
	Why      string `json:"why"`
	Peers    map[string]struct {
		State    string `json:"state"`
		Accepted bool   `json:"accepted"`
		Why      string `json:"why"`
	} `json:"peers"`
}

func askRPF(nd *lab.Node, rp string) (rpf, error) {
	var r rpf
	err := nd.VtyJSON("msdpd", "show ip msdp rpf "+rp+" json", &r)
	return r, err
}

// awaitRPF waits until a router says of an RP what is asked, and returns it.
func awaitRPF(t *testing.T, nd *lab.Node, rp, what string, holds func(rpf) bool) rpf {
	t.Helper()
	var r rpf
	lab.Eventually(t, patience, poll, func() error {
		var err error
		if r, err = askRPF(nd, rp); err == nil && !holds(r) {
			err = fmt.Errorf("%s: towards %s, waiting for %s: %+v", nd.Name(), rp, what, r)
		}
		return err
	})
	return r
}

// refusals counts the SAs of a peer that peer-RPF refused.
type refusals struct {
	RPFLookupFailures uint64            `json:"rpfLookupFailures"`
	SARefused         map[string]uint64 `json:"saRefused"`
}

// askRefusals asks `show ip msdp peer A.B.C.D json`.
func askRefusals(nd *lab.Node, peer string) (refusals, error) {
	var all map[string]refusals
	err := nd.VtyJSON("msdpd", "show ip msdp peer "+peer+" json", &all)
	return all[peer], err
}

// awaitRefused waits until peer-RPF has refused an SA of a peer, and checks both counters.
func awaitRefused(t *testing.T, nd *lab.Node, peer string, more uint64) uint64 {
	t.Helper()
	var r refusals
	lab.Eventually(t, patience, poll, func() (err error) {
		if r, err = askRefusals(nd, peer); err == nil && r.SARefused["rpf"] <= more {
			err = fmt.Errorf("%s has refused %d SAs of %s for RPF, want more than %d: %+v", nd.Name(), r.SARefused["rpf"], peer, more, r)
		}
		return err
	})
	if r.RPFLookupFailures != r.SARefused["rpf"] {
		t.Errorf("%s: peer %s: rpfLookupFailures %d, saRefused.rpf %d", nd.Name(), peer, r.RPFLookupFailures, r.SARefused["rpf"])
	}
	return r.SARefused["rpf"]
}

// learntFrom is the peer and the RP of an SA in a router's cache.
func learntFrom(nd *lab.Node, source, group string) (peer, rp string, err error) {
	var all map[string]map[string]struct{ Peer, RP string }
	if err := nd.VtyJSON("msdpd", "show ip msdp sa detail json", &all); err != nil {
		return "", "", err
	}
	sa, ok := all[group][source]
	if !ok {
		return "", "", fmt.Errorf("%s has no SA for (%s,%s)", nd.Name(), source, group)
	}
	return sa.Peer, sa.RP, nil
}

// awaitFrom waits until an SA is in a router's cache, learnt from that peer.
func awaitFrom(t *testing.T, nd *lab.Node, source, group, from string) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		peer, rp, err := learntFrom(nd, source, group)
		if err == nil && peer != from {
			err = fmt.Errorf("%s has (%s,%s) of RP %s from %s, want %s", nd.Name(), source, group, rp, peer, from)
		}
		return err
	})
}

// mustContain checks what a command prints.
func mustContain(t *testing.T, nd *lab.Node, command string, texts ...string) {
	t.Helper()
	out, err := nd.Vty("msdpd", command)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if !says(out, text) {
			t.Errorf("%s: %q does not say %q:\n%s", nd.Name(), command, text, out)
		}
	}
}

// says reports whether text stands in out, over the ends of lines, too.
func says(out, text string) bool {
	return strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(text), " "))
}

// A domain in the middle passes on what its neighbours announce, and a source whose RP nobody has heard of
// is known at the far end before a viewer would notice. Peers and RPs are loopbacks that only
// the IGP knows; the second RP address of r1 is not its peers' address for it.
func TestThreeSpeakersInALine(t *testing.T) {
	t.Parallel()
	g := startIGP(t, igpOptions{Routers: 3, Links: [][2]int{{1, 2}, {2, 3}}, LANs: []int{1, 3}, Loopbacks: map[int]string{1: "10.0.0.101"}})
	r1, r2, r3 := g.routers[1], g.routers[2], g.routers[3]
	r2.AwaitRoute(patience, "10.0.0.101/32", "ospf")
	r3.AwaitRoute(patience, "10.0.0.101/32", "ospf")
	g.startPIM(1, "10.0.0.1 239.1.0.0/16", "10.0.0.101 239.2.0.0/16")
	g.startPIM(2, "10.0.0.2")
	g.startPIM(3, "10.0.0.3")
	g.startMSDP(1, 2)
	g.startMSDP(2, 1, 3)
	g.startMSDP(3, 2)
	r1.AwaitDR(patience, "lan", g.lanAddr(1))
	r1.AwaitPIMNeighbors(patience, 1)
	r2.AwaitPIMNeighbors(patience, 2)
	r3.AwaitPIMNeighbors(patience, 1)
	g.awaitSessions(1, 2)
	g.awaitSessions(2, 1, 3)
	g.awaitSessions(3, 2)

	for _, c := range []struct{ group, rp, why string }{
		{"239.1.1.1", "10.0.0.1", "the RP is r2's peer"},
		{"239.2.1.1", "10.0.0.101", "the RP is another address of r2's peer"},
	} {
		receiver := g.hosts[3].JoinGroup(c.group, "eth0", udpPort)
		r3.AwaitInterest(patience, c.group)
		sender := g.hosts[1].SendMulticast(c.group, udpPort, lab.SendOptions{Interval: 10 * time.Millisecond})
		sa := r3.AwaitSA(patience, "msdpd", g.host(1), c.group)
		t.Logf("%s: the SA was seen at the far end %.3f s after the first packet", c.why, time.Since(sender.FirstSent()).Seconds())
		logTraffic(t, c.why+": the first packet came to the far end after", receiver, g.host(1), sender.FirstSent)
		if sa.RP != c.rp {
			t.Errorf("r3 has the SA with RP %s, want %s", sa.RP, c.rp)
		}
		awaitFrom(t, r2, g.host(1), c.group, "10.0.0.1")
		awaitFrom(t, r3, g.host(1), c.group, "10.0.0.2")
	}
	// The route to the peer is as long as the one to its other address.
	if r, err := askRPF(r2, "10.0.0.101"); err != nil || r.RPFPeer != "10.0.0.1" || r.Rule != "iii" || r.Route.Protocol != "ospf" {
		t.Errorf("r2 towards 10.0.0.101: %v: %+v", err, r)
	}
	for _, command := range []string{"show ip msdp summary", "show ip msdp summary json", "show ip msdp rpf 10.0.0.101"} {
		if out, err := r2.Vty("msdpd", command); err != nil || strings.Contains(out, "bgp") {
			t.Errorf("where there is no bgpd, %q speaks of it: %v\n%s", command, err, out)
		}
	}
	mustContain(t, r2, "show ip msdp rpf 10.0.0.101", "RPF peer  : 10.0.0.1 by rule (iii)")
	mustContain(t, r2, "show ip msdp rpf 10.0.0.1", "RPF peer  : 10.0.0.1 by rule (i)")
	for _, peer := range []struct {
		nd   *lab.Node
		addr string
	}{{r2, "10.0.0.1"}, {r3, "10.0.0.2"}} {
		if r, err := askRefusals(peer.nd, peer.addr); err != nil || r.RPFLookupFailures != 0 {
			t.Errorf("%s has refused SAs of its only way to r1: %v: %+v", peer.nd.Name(), err, r)
		}
	}
}

// In a ring of peers each SA is taken once, from the right side; what comes round the other way is refused
// and counted, and the operator who sees the counter is told why by one command.
func TestTriangleRefusesTheWrongWay(t *testing.T) {
	t.Parallel()
	g := startIGP(t, igpOptions{Routers: 3, Links: [][2]int{{1, 2}, {1, 3}, {2, 3}}, LANs: []int{1}, Loopbacks: map[int]string{1: "10.0.0.101"}})
	r1, r2, r3 := g.routers[1], g.routers[2], g.routers[3]
	for _, r := range []*lab.Node{r2, r3} {
		r.AwaitRoute(patience, "10.0.0.101/32", "ospf")
	}
	g.startPIM(1, "10.0.0.1 239.1.0.0/16", "10.0.0.101 239.2.0.0/16")
	r1.AwaitDR(patience, "lan", g.lanAddr(1))
	g.startMSDP(1, 2, 3)
	g.startMSDP(2, 1, 3)
	g.startMSDP(3, 1, 2)
	g.awaitSessions(1, 2, 3)
	g.awaitSessions(2, 1, 3)
	g.awaitSessions(3, 1, 2)
	// Peers are compared by the routes to them; both ways are there in each table.
	for _, r := range []*lab.Node{r2, r3} {
		awaitRPF(t, r, "10.0.0.101", "rule iii", func(r rpf) bool { return r.Rule == "iii" && r.RPFPeer == "10.0.0.1" })
	}

	for _, c := range []struct{ group, rp, rule string }{{"239.1.1.1", "10.0.0.1", "i"}, {"239.2.1.1", "10.0.0.101", "iii"}} {
		before2, err2 := askRefusals(r2, "10.0.0.3")
		before3, err3 := askRefusals(r3, "10.0.0.2")
		if err2 != nil || err3 != nil {
			t.Fatal(err2, err3)
		}
		g.hosts[1].SendMulticast(c.group, udpPort, lab.SendOptions{})
		awaitFrom(t, r2, g.host(1), c.group, "10.0.0.1")
		awaitFrom(t, r3, g.host(1), c.group, "10.0.0.1")
		awaitRefused(t, r2, "10.0.0.3", before2.SARefused["rpf"])
		awaitRefused(t, r3, "10.0.0.2", before3.SARefused["rpf"])

		r, err := askRPF(r3, c.rp)
		if err != nil || r.RPFPeer != "10.0.0.1" || r.Rule != c.rule || !r.Peers["10.0.0.1"].Accepted || r.Peers["10.0.0.2"].Accepted || r.Peers["10.0.0.2"].Why == "" {
			t.Errorf("r3 towards %s: %v: %+v", c.rp, err, r)
		}
		text, err := r3.Msdpsh("show ip msdp rpf " + c.rp)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("r3# show ip msdp rpf %s\n%s", c.rp, text)
		for _, want := range []string{
			"RPF peer  : 10.0.0.1 by rule (" + c.rule + ")",
			"ospf", "told by zebra",
			"rule " + c.rule + " names 10.0.0.1",
		} {
			if !says(text, want) {
				t.Errorf("show ip msdp rpf %s does not say %q", c.rp, want)
			}
		}
		// Where it was refused it is still known from the right side.
		awaitFrom(t, r2, g.host(1), c.group, "10.0.0.1")
	}
	// r1 has heard none of its own as another's.
	if sa := r1.AwaitSA(patience, "msdpd", g.host(1), "239.1.1.1"); sa.Local != "yes" {
		t.Errorf("at r1: %+v", sa)
	}
}

// When the IGP finds another way to the RP, SAs are taken from the peer on the new way, without a session
// going down or a source being lost.
func TestRPFPeerFollowsTheIGP(t *testing.T) {
	t.Parallel()
	g := startIGP(t, igpOptions{Routers: 4, Links: [][2]int{{1, 2}, {1, 3}, {2, 4}, {3, 4}}, LANs: []int{1}})
	r1, r4 := g.routers[1], g.routers[4]
	g.cost(4, "r3", 30)
	g.startPIM(1, "10.0.0.1")
	r1.AwaitDR(patience, "lan", g.lanAddr(1))
	g.startMSDP(1, 2, 3)
	g.startMSDP(2, 1, 4)
	g.startMSDP(3, 1, 4)
	g.startMSDP(4, 2, 3)
	g.awaitSessions(1, 2, 3)
	g.awaitSessions(4, 2, 3)

	awaitRPF(t, r4, "10.0.0.1", "r2", func(r rpf) bool { return r.RPFPeer == "10.0.0.2" && r.Rule == "iii" })
	g.hosts[1].SendMulticast("239.1.1.1", udpPort, lab.SendOptions{})
	awaitFrom(t, r4, g.host(1), "239.1.1.1", "10.0.0.2")
	awaitRefused(t, r4, "10.0.0.3", 0)
	refused, err := askRefusals(r4, "10.0.0.2")
	if err != nil || refused.SARefused["rpf"] != 0 {
		t.Fatalf("r4 has refused SAs of its RPF peer: %v: %+v", err, refused)
	}

	since := time.Now()
	g.cost(4, "r2", 100)
	awaitRPF(t, r4, "10.0.0.1", "r3", func(r rpf) bool { return r.RPFPeer == "10.0.0.3" && r.Rule == "iii" })
	t.Logf("the RPF peer changed %.3f s after the cost was configured", time.Since(since).Seconds())
	g.hosts[1].SendMulticast("239.1.1.2", udpPort, lab.SendOptions{})
	awaitFrom(t, r4, g.host(1), "239.1.1.2", "10.0.0.3")
	awaitRefused(t, r4, "10.0.0.2", 0)
	r4.AwaitSA(patience, "msdpd", g.host(1), "239.1.1.1")
	mustContain(t, r4, "show ip msdp rpf 10.0.0.1", "Next hop  : 10.0.34.3, r3", "RPF peer  : 10.0.0.3 by rule (iii)")
	for _, peer := range []string{"10.0.0.2", "10.0.0.3"} {
		if p, err := askPeer(r4, "msdpd", peer); err != nil || p.EstablishedChanges != 1 {
			t.Errorf("the session with %s did not stay: %v: %+v", peer, err, p)
		}
	}
}

// cost sets the OSPF cost of a router's interface.
func (g *igp) cost(i int, iface string, cost int) {
	g.t.Helper()
	if _, err := g.routers[i].Vty("ospfd", "enable", "configure terminal", "interface "+iface, fmt.Sprintf("ip ospf cost %d", cost)); err != nil {
		g.t.Fatal(err)
	}
}
