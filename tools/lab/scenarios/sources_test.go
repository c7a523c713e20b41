//go:build lab

package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// awaitKernelMFC waits until a router's kernel has (S,G) with that incoming interface.
func awaitKernelMFC(t *testing.T, nd *lab.Node, source, group, iif string) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		out, err := nd.Exec("ip", "mroute")
		for line := range strings.Lines(out) {
			if containsAll(line, "("+source+","+group+")", "Iif: "+iif+" ") {
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("%s has no (%s,%s) from %s in its kernel: %q", nd.Name(), source, group, iif, out)
		}
		return err
	})
}

// Small sites have the RP's address on the LAN of the receivers, and no loopback at all. Their receivers get the
// stream all the same. The source is on a subnet of its RP, which is the DR there and so
// never registers it to itself: it is announced from what the RP forwards.
func TestRPOnTheReceiversLAN(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	src, rp1, rp2, rcv := n.Host("src"), n.Router("rp1"), n.Router("rp2"), n.Host("rcv")
	n.Connect(src, "eth0", "10.1.1.2/24", rp1, "lan", "10.1.1.1/24")
	n.Connect(rp1, "peer", "10.0.12.1/24", rp2, "peer", "10.0.12.2/24")
	n.Connect(rp2, "lan", "10.2.1.1/24", rcv, "eth0", "10.2.1.2/24")
	for _, c := range []struct {
		nd         *lab.Node
		rp, routes string
		peer, own  string
	}{
		{rp1, "10.1.1.1", "10.2.1.0/24 10.0.12.2", "10.0.12.2", "10.0.12.1"},
		{rp2, "10.2.1.1", "10.1.1.0/24 10.0.12.1", "10.0.12.1", "10.0.12.2"},
	} {
		c.nd.StartFRR("zebra", "")
		c.nd.StartFRR("staticd", lab.Static(c.routes))
		c.nd.StartFRR("pimd", lab.PIM{RP: []string{c.rp}, Interfaces: []string{"lan", "peer"}, IGMP: []string{"lan"}}.Config())
		c.nd.StartMSDPD(peerLine(c.peer, c.own))
	}
	rp1.AwaitDR(patience, "lan", "10.1.1.1")
	rp2.AwaitDR(patience, "lan", "10.2.1.1")
	rp1.AwaitPIMNeighbors(patience, 1)
	rp1.AwaitMSDPPeer(patience, "msdpd", "10.0.12.2", "established")
	rp2.AwaitMSDPPeer(patience, "msdpd", "10.0.12.1", "established")

	receiver := rcv.JoinGroup("239.1.1.1", "eth0", udpPort)
	rp2.AwaitInterest(patience, "239.1.1.1")
	sender := src.SendMulticast("239.1.1.1", udpPort, lab.SendOptions{Interval: 10 * time.Millisecond})
	logTraffic(t, "RP on the receivers' LAN, source on its RP's LAN: the first packet came after", receiver, "10.1.1.2", sender.FirstSent)
	if sa := rp1.AwaitSA(patience, "msdpd", "10.1.1.2", "239.1.1.1"); sa.Local != "yes" {
		t.Errorf("at the source's RP: %+v", sa)
	}
	if sa := rp2.AwaitSA(patience, "msdpd", "10.1.1.2", "239.1.1.1"); sa.Local != "no" || sa.RP != "10.1.1.1" {
		t.Errorf("at the receivers' RP: %+v", sa)
	}
	// The RP hears its receivers' LAN as any DR does, and takes no Register for it from itself.
	st := askRegisters(t, rp1)
	if st["heard"] != st["own"] {
		t.Errorf("rp1 has heard Registers, so it was not the traffic that announced the source: %v", st)
	}

	// A receiver of a group whose source is there already.
	late := src.SendMulticast("239.1.1.2", udpPort, lab.SendOptions{Interval: 10 * time.Millisecond})
	rp2.AwaitSA(patience, "msdpd", "10.1.1.2", "239.1.1.2")
	since := time.Now()
	r := rcv.JoinGroup("239.1.1.2", "eth0", udpPort)
	logTraffic(t, "a receiver who joins later has the stream after", r, "10.1.1.2", func() time.Time { return since })
	late.Stop()
}

// On a LAN with two routers only the DR speaks for the sources. An RP that is there too sees them, and must not
// announce what the DR may have reason not to register.
func TestSourceOfAnotherDR(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	src, own := n.Host("src"), n.Host("own")
	rp1, dr, rp2 := n.Router("rp1"), n.Router("dr"), n.Router("rp2")
	// The highest address is the DR's.
	n.LAN("shared", lab.Port{Node: src, Iface: "eth0", Addr: "10.1.1.2/24"},
		lab.Port{Node: rp1, Iface: "shared", Addr: "10.1.1.1/24"}, lab.Port{Node: dr, Iface: "shared", Addr: "10.1.1.254/24"})
	n.Connect(own, "eth0", "10.1.2.2/24", rp1, "own", "10.1.2.1/24")
	n.Connect(rp1, "peer", "10.0.12.1/24", rp2, "peer", "10.0.12.2/24")
	rp1.AddAddr("lo", "10.0.0.1/32")
	rp2.AddAddr("lo", "10.0.0.2/32")
	for _, nd := range []*lab.Node{rp1, dr, rp2} {
		nd.StartFRR("zebra", "")
	}
	rp1.StartFRR("staticd", lab.Static("10.0.0.2/32 10.0.12.2"))
	rp2.StartFRR("staticd", lab.Static("10.0.0.1/32 10.0.12.1", "10.1.0.0/16 10.0.12.1"))
	dr.StartFRR("staticd", lab.Static("10.0.0.1/32 10.1.1.1"))
	rp1.StartFRR("pimd", lab.PIM{RP: []string{"10.0.0.1"}, Interfaces: []string{"lo", "shared", "own", "peer"}}.Config())
	rp2.StartFRR("pimd", lab.PIM{RP: []string{"10.0.0.2"}, Interfaces: []string{"lo", "peer"}}.Config())
	// It knows no RP yet.
	dr.StartFRR("pimd", lab.PIM{Interfaces: []string{"shared"}}.Config())
	rp1.StartMSDPD(peerLine("10.0.0.2", "10.0.0.1"))
	rp2.StartMSDPD(peerLine("10.0.0.1", "10.0.0.2"))
	rp1.AwaitDR(patience, "shared", "10.1.1.254")
	rp1.AwaitDR(patience, "own", "10.1.2.1")
	dr.AwaitDR(patience, "shared", "10.1.1.254")
	rp1.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	rp2.AwaitMSDPPeer(patience, "msdpd", "10.0.0.1", "established")

	src.SendMulticast("239.1.1.1", udpPort, lab.SendOptions{Interval: 50 * time.Millisecond})
	awaitKernelMFC(t, rp1, "10.1.1.2", "239.1.1.1", "shared")
	// What comes into the kernel's table afterwards is announced: so the first one has been looked at.
	sender := own.SendMulticast("239.1.1.2", udpPort, lab.SendOptions{Interval: 50 * time.Millisecond})
	rp2.AwaitSA(patience, "msdpd", "10.1.2.2", "239.1.1.2")
	t.Logf("RP = DR: the other domain had the SA %.3f s after the first packet", time.Since(sender.FirstSent()).Seconds())
	for _, nd := range []*lab.Node{rp1, rp2} {
		sas, err := nd.SAs("msdpd")
		if err != nil {
			t.Fatal(err)
		}
		if sa, ok := sas["239.1.1.1"]["10.1.1.2"]; ok {
			t.Errorf("%s has an SA for a source that its DR has not registered: %+v", nd.Name(), sa)
		}
	}

	// pimd registers what it knew before it knew an RP when the kernel asks it again: ten seconds after the first time.
	since := time.Now()
	addRP(t, dr, "10.0.0.1")
	rp2.AwaitSA(patience, "msdpd", "10.1.1.2", "239.1.1.1")
	t.Logf("the other domain had the SA %.3f s after the DR was told of the RP", time.Since(since).Seconds())
	var local map[string]map[string]struct{ Local, DR string }
	if err := rp1.VtyJSON("msdpd", "show ip msdp sa detail json", &local); err != nil {
		t.Fatal(err)
	}
	if sa := local["239.1.1.1"]["10.1.1.2"]; sa.Local != "yes" || sa.DR != "10.1.1.254" {
		t.Errorf("rp1 says of the source that its DR registered: %+v", sa)
	}
}
