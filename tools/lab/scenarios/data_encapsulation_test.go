//go:build lab

package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// dataCounters are those of `show ip msdp peer X json`.
type dataCounters struct {
	Sent      int            `json:"packetsSent"`
	Received  int            `json:"packetsRcvd"`
	Forwarded int            `json:"packetsForwarded"`
	Dropped   map[string]int `json:"packetsDropped"`
}

// awaitData waits until the packets in SAs from a peer are counted as is asked.
func awaitData(t *testing.T, rp *lab.Node, peer string, enough func(dataCounters) bool) dataCounters {
	t.Helper()
	var n dataCounters
	lab.Eventually(t, patience, poll, func() error {
		var all map[string]struct {
			EncapsulatedData dataCounters
		}
		if err := rp.VtyJSON("msdpd", "show ip msdp peer "+peer+" json", &all); err != nil {
			return err
		}
		if n = all[peer].EncapsulatedData; !enough(n) {
			return fmt.Errorf("%s: packets in SAs of %s: %+v", rp.Name(), peer, n)
		}
		return nil
	})
	return n
}

// The first packet of a source, which no tree leads to a receiver yet, comes with its SA: to a receiver on the RP's own LAN
// and to one behind another router. When the stream comes by its own way nothing comes twice.
func TestFirstPacketComesWithItsSA(t *testing.T) {
	t.Parallel()
	d := startDomains(t, domainsOptions{Config: "ip msdp data-encapsulation\nip msdp peer PEER data-encapsulation accept\n"})
	r := d[1].rcv.JoinGroup(group, "eth0", udpPort)
	d[1].rp.AwaitInterest(patience, group)
	far := d[1].farReceiver(t, group)

	s := d[0].src.SendMulticast(group, udpPort, lab.SendOptions{Interval: every, NoChecksum: true})
	for _, r := range []*lab.Receiver{r, far} {
		first := r.WaitFirst(patience)
		t.Logf("packet %d after %v", first.Seq, first.Received.Sub(s.FirstSent()))
	}
	// Long after the last packet in an SA: 3 s, and all in SAs have come.
	last := time.Now().Add(4 * time.Second)
	for _, r := range []*lab.Receiver{r, far} {
		r.WaitSent(patience, d[0].srcAddr, last)
	}
	n := awaitData(t, d[1].rp, d[0].rpAddr, func(n dataCounters) bool { return n.Forwarded > 0 })
	t.Logf("%+v", n)
	for _, r := range []*lab.Receiver{r, far} {
		// On a busy machine the second may overtake it, as the stream does not come the same way.
		switch st := r.From(d[0].srcAddr); {
		case st.Lowest != 1:
			t.Errorf("the first packet did not come; the first that did is number %d", st.Lowest)
		case st.Duplicates > 0:
			t.Errorf("%d of %d packets came twice", st.Duplicates, st.Packets)
		default:
			t.Logf("%d of %d packets", st.Packets, st.Last.Seq)
		}
	}
}

// A source that sends one packet and no more.
func TestSinglePacketComesWithItsSA(t *testing.T) {
	t.Parallel()
	d := startDomains(t, domainsOptions{Config: "ip msdp data-encapsulation\nip msdp peer PEER data-encapsulation accept\n"})
	r := sendOne(t, d, "239.1.9", 64)
	r.WaitFirst(patience)
	awaitData(t, d[1].rp, d[0].rpAddr, func(n dataCounters) bool { return n.Forwarded == 1 })
	if st := r.Stats(); st.Packets != 1 {
		t.Errorf("%+v", st)
	}
}

// Without `accept` nothing that a peer sends gets to a receiver; with a threshold above the packets' TTL nothing is sent.
func TestPacketsInSAsAreNotForwardedUnasked(t *testing.T) {
	t.Parallel()
	d := startDomains(t, domainsOptions{Config: "ip msdp data-encapsulation\n"})
	r := sendOne(t, d, "239.1.6", 64)
	awaitData(t, d[1].rp, d[0].rpAddr, func(n dataCounters) bool { return n.Received == 1 && n.Dropped["not-accepted"] == 1 })
	mustContain(t, d[1].rp, "show ip msdp peer "+d[0].rpAddr, "Packets dropped     : 1, data-encapsulation accept is not configured for the peer")

	d[1].configure(t, "ip msdp peer "+d[0].rpAddr+" data-encapsulation accept")
	d[0].configure(t, "ip msdp peer "+d[1].rpAddr+" ttl-threshold 64")
	below := sendOne(t, d, "239.1.7", 32)
	d[0].configure(t, "no ip msdp peer "+d[1].rpAddr+" ttl-threshold")
	// What is sent last is received: what was sent before and is not there will not come.
	sendOne(t, d, "239.1.8", 32).WaitFirst(patience)
	if st := r.Stats(); st.Packets > 0 {
		t.Errorf("a packet came from a peer that is not accepted: %+v", st)
	}
	if st := below.Stats(); st.Packets > 0 {
		t.Errorf("a packet with a TTL below the threshold came: %+v", st)
	}
}

// sendOne has a source of the first domain send one packet to a group that begins with a prefix and has a receiver
// in the second, and waits until the SA is there. That pimd on the DR may lose a packet where the machine is busy is not
// what is looked at: then another group is tried.
func sendOne(t *testing.T, d [2]*domain, prefix string, ttl int) *lab.Receiver {
	t.Helper()
	for attempt := 1; ; attempt++ {
		one := fmt.Sprintf("%s.%d", prefix, attempt)
		r := d[1].rcv.JoinGroup(one, "eth0", udpPort)
		d[1].rp.AwaitInterest(patience, one)
		d[0].src.SendMulticast(one, udpPort, lab.SendOptions{NoChecksum: true, Count: 1, TTL: ttl})
		err := d[0].registered(one, 5*time.Second)
		if err == nil {
			d[1].rp.AwaitSA(patience, "msdpd", d[0].srcAddr, one)
			return r
		}
		if attempt == 5 {
			t.Fatal(err)
		}
		t.Logf("attempt %d: %v", attempt, err)
	}
}

// registered is an error unless the RP's msdpd hears of the domain's own source in a group, in time.
func (d *domain) registered(group string, limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(poll) {
		sas, err := d.rp.SAs("msdpd")
		if err != nil {
			return err
		}
		if _, ok := sas[group][d.srcAddr]; ok {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no Register of (%s,%s) in %v", d.srcAddr, group, limit)
		}
	}
}

// configure runs configuration commands on the RP's msdpd.
func (d *domain) configure(t *testing.T, commands ...string) {
	t.Helper()
	all := append([]string{"enable", "configure terminal"}, commands...)
	if out, err := d.rp.Vty("msdpd", all...); err != nil || out != "" {
		t.Fatalf("%q: %q, %v", commands, out, err)
	}
}

// farReceiver joins a group behind the DR, and waits until the RP has the DR's Join.
func (d *domain) farReceiver(t *testing.T, group string) *lab.Receiver {
	t.Helper()
	if _, err := d.dr.Vty("pimd", "enable", "configure terminal", "interface src", "ip igmp"); err != nil {
		t.Fatal(err)
	}
	r := d.src.JoinGroup(group, "eth0", udpPort)
	d.dr.AwaitInterest(patience, group)
	lab.Eventually(t, patience, poll, func() error {
		out, err := d.rp.Exec("ip", "mroute", "show")
		_, oifs, _ := strings.Cut(out, "Oifs:") // it is the only entry
		if err == nil && !slices.Contains(strings.Fields(oifs), "dr") {
			err = fmt.Errorf("no Join came to %s: %s", d.rp.Name(), out)
		}
		return err
	})
	return r
}
