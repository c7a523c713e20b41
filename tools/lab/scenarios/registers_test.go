//go:build lab

package scenarios

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"testing"

	"msdpd/lib/pim"
	"msdpd/tools/lab"
)

func containsAll(text string, all ...string) bool {
	for _, s := range all {
		if !says(text, s) {
			return false
		}
	}
	return true
}

// registerCounts is "registers" in `show ip msdp summary json`: what became of the Registers heard.
func registerCounts(nd *lab.Node) (map[string]uint64, error) {
	var s struct{ Registers map[string]uint64 }
	err := nd.VtyJSON("msdpd", "show ip msdp summary json", &s)
	return s.Registers, err
}

func askRegisters(t *testing.T, nd *lab.Node) map[string]uint64 {
	t.Helper()
	counts, err := registerCounts(nd)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// awaitRegisters waits until a counter of Registers is above a value.
func awaitRegisters(t *testing.T, nd *lab.Node, counter string, above uint64) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		counts, err := registerCounts(nd)
		if err == nil && counts[counter] <= above {
			err = fmt.Errorf("%s counts %d Registers as %s, want more than %d: %v", nd.Name(), counts[counter], counter, above, counts)
		}
		return err
	})
}

// sendRegister sends a PIM message from a host, as anyone on the network can.
func sendRegister(t *testing.T, from *lab.Node, source, to string, message []byte) {
	t.Helper()
	err := from.InNamespace(func() error {
		c, err := net.ListenPacket("ip4:103", source)
		if err != nil {
			return err
		}
		defer c.Close() // nothing is read
		_, err = c.WriteTo(message, &net.IPAddr{IP: net.ParseIP(to)})
		return err
	})
	if err != nil {
		t.Fatalf("%s: sending a Register: %v", from.Name(), err)
	}
}

// nullRegister is a sound Null-Register for (S,G).
func nullRegister(source, group string) []byte {
	return pim.AppendNullRegister(nil, sgOf(source, group))
}

// A Register makes an SA that the whole Internet hears, so one that no DR of ours could have sent, or that pimd
// does not take, makes none. Each is followed by a sound one, which is announced: silence has its
// reason in the packet.
func TestRegisterFromNowhere(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	forger, edge, rp1, rp2 := n.Host("forger"), n.Router("edge"), n.Router("rp1"), n.Router("rp2")
	n.Connect(forger, "eth0", "10.1.1.2/24", edge, "lan", "10.1.1.1/24")
	n.Connect(edge, "rp1", "10.1.12.1/24", rp1, "edge", "10.1.12.2/24")
	n.Connect(rp1, "peer", "10.0.12.1/24", rp2, "peer", "10.0.12.2/24")
	rp1.AddAddr("lo", "10.0.0.1/32")
	rp1.AddAddr("lo", "10.0.0.11/32")
	rp2.AddAddr("lo", "10.0.0.2/32")
	forger.AddRoute("0.0.0.0/0", "10.1.1.1")
	edge.StartFRR("zebra", "")
	edge.StartFRR("staticd", lab.Static("0.0.0.0/0 10.1.12.2"))
	// pimd takes a source only where the way to it has a PIM neighbour.
	edge.StartFRR("pimd", lab.PIM{Interfaces: []string{"rp1"}}.Config())
	rp1.StartFRR("zebra", "")
	rp1.StartFRR("staticd", lab.Static("10.0.0.2/32 10.0.12.2", "10.1.1.0/24 10.1.12.1", "10.66.0.0/16 10.1.12.1", "10.77.0.0/16 10.1.12.1"))
	rp1.StartFRR("pimd", lab.PIM{
		RP: []string{"10.0.0.1 239.1.0.0/16", "10.0.0.11 239.2.0.0/16"}, Interfaces: []string{"lo", "edge", "peer"},
		Extra: "ip prefix-list SOURCES permit 10.66.0.0/16 le 32\nip pim register-accept-list SOURCES\n",
	}.Config())
	rp2.StartFRR("zebra", "")
	rp2.StartFRR("staticd", lab.Static("10.0.0.1/32 10.0.12.1", "10.0.0.11/32 10.0.12.1"))
	rp1.StartMSDPD(peerLine("10.0.0.2", "10.0.0.1"))
	rp2.StartMSDPD(peerLine("10.0.0.1", "10.0.0.2"))
	rp1.AwaitPIMNeighbors(patience, 1)
	rp1.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	rp2.AwaitMSDPPeer(patience, "msdpd", "10.0.0.1", "established")
	// msdpd knows the RPs from pimd.
	mustContainEventually(t, rp1, "show ip msdp summary", "10.0.0.1, 10.0.0.11, by pimd")

	badChecksum := nullRegister("10.66.0.4", "239.1.0.4")
	binary.BigEndian.PutUint16(badChecksum[2:], binary.BigEndian.Uint16(badChecksum[2:])^0x0101)

	announced := 0
	sound := func(source, group, rp string) {
		t.Helper()
		sendRegister(t, forger, "10.1.1.2", rp, nullRegister(source, group))
		if sa := rp2.AwaitSA(patience, "msdpd", source, group); sa.RP != rp {
			t.Errorf("the sound Register for (%s,%s): %+v", source, group, sa)
		}
		announced++
	}
	sound("10.66.9.1", "239.1.9.1", "10.0.0.1")
	sound("10.66.9.2", "239.2.9.2", "10.0.0.11")

	for i, c := range []struct {
		what, to, source, group string
		message                 []byte
		counter                 string
	}{
		{"to another address of the RP", "10.1.12.2", "10.66.0.1", "239.1.0.1", nil, "notRp"},
		{"to another address of the RP, on the far side", "10.0.12.1", "10.66.0.1", "239.1.0.1", nil, "notRp"},
		{"to an RP address that serves other groups", "10.0.0.1", "10.66.0.2", "239.2.0.2", nil, "notRp"},
		{"for a group that no RP serves", "10.0.0.1", "10.66.0.2", "239.3.0.2", nil, "notRp"},
		{"refused by pimd's register-accept-list", "10.0.0.1", "10.77.0.3", "239.1.0.3", nil, "notTaken"},
		{"with a bad checksum", "10.0.0.1", "10.66.0.4", "239.1.0.4", badChecksum, "badChecksum"},
		{"for a group that is never announced", "10.0.0.1", "10.66.0.5", "232.1.0.5", nil, "noGroup"},
	} {
		message := c.message
		if message == nil {
			message = nullRegister(c.source, c.group)
		}
		before := askRegisters(t, rp1)[c.counter]
		sendRegister(t, forger, "10.1.1.2", c.to, message)
		awaitRegisters(t, rp1, c.counter, before)
		sound(fmt.Sprintf("10.66.8.%d", i+1), fmt.Sprintf("239.1.8.%d", i+1), "10.0.0.1")
		for _, nd := range []*lab.Node{rp1, rp2} {
			sas, err := nd.SAs("msdpd")
			if err != nil {
				t.Fatal(err)
			}
			if got := countSAs(sas); got != announced {
				t.Errorf("a Register %s: %s has %d SAs, want only the %d sound ones: %v", c.what, nd.Name(), got, announced, sas)
			}
			if sa, ok := sas[c.group][c.source]; ok {
				t.Errorf("a Register %s: %s has %+v", c.what, nd.Name(), sa)
			}
		}
	}
	// pimd's refusal was not for want of a route: the same source is announced once it is permitted.
	if _, err := rp1.Vty("pimd", "enable", "configure terminal", "ip prefix-list SOURCES permit 10.77.0.0/16 le 32"); err != nil {
		t.Fatal(err)
	}
	sound("10.77.0.3", "239.1.0.3", "10.0.0.1")
}

func countSAs(sas map[string]map[string]lab.SA) int {
	total := 0
	for sources := range maps.Values(sas) {
		total += len(sources)
	}
	return total
}

// mustContainEventually waits until a command prints all these texts.
func mustContainEventually(t *testing.T, nd *lab.Node, command string, texts ...string) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		out, err := nd.Vty("msdpd", command)
		if err == nil && !containsAll(out, texts...) {
			err = fmt.Errorf("%s: %q does not say %q:\n%s", nd.Name(), command, texts, out)
		}
		return err
	})
}

// What makes pimd join a remote source looks to it like a Register of that source. The RP that sends it must
// not take it for one: the source would be announced by two domains, each keeping the other's alive for ever.
func TestOwnNullRegistersAnnounceNothing(t *testing.T) {
	t.Parallel()
	d := startDomains(t, domainsOptions{})
	near, far := d[0], d[1]
	const joined, after = "239.1.1.1", "239.1.1.2"
	receiver := far.rcv.JoinGroup(joined, "eth0", udpPort)
	far.rp.AwaitInterest(patience, joined)
	sender := near.src.SendMulticast(joined, udpPort, lab.SendOptions{})
	logTraffic(t, "the first packet crossed after", receiver, near.srcAddr, sender.FirstSent)
	awaitRegisters(t, far.rp, "own", 0)
	// A source of the far domain's own is announced afterwards: its Register was heard behind the own ones.
	far.src.SendMulticast(after, udpPort, lab.SendOptions{})
	near.rp.AwaitSA(patience, near.speaker, far.srcAddr, after)
	if sa := far.rp.AwaitSA(patience, far.speaker, near.srcAddr, joined); sa.Local != "no" || sa.RP != near.rpAddr {
		t.Errorf("the far RP takes what it has joined for its own: %+v", sa)
	}
	if sa := near.rp.AwaitSA(patience, near.speaker, near.srcAddr, joined); sa.Local != "yes" {
		t.Errorf("the near RP: %+v", sa)
	}
	// Nothing came back to it either, not even to be refused.
	if r, err := askRefusals(near.rp, far.rpAddr); err != nil || len(r.SARefused) != 0 {
		t.Errorf("the near RP has refused SAs of the far one: %v: %+v", err, r)
	}
}
