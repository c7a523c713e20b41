//go:build lab

package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// awaitJoin waits until msdpd says of a remote source's join what is asked.
func awaitJoin(t *testing.T, rp *lab.Node, source, group, want string) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		var all map[string]map[string]struct{ Join string }
		if err := rp.VtyJSON("msdpd", "show ip msdp sa detail json", &all); err != nil {
			return err
		}
		if got := all[group][source].Join; got != want {
			return fmt.Errorf("%s: the join of (%s,%s) is %q, want %q", rp.Name(), source, group, got, want)
		}
		return nil
	})
}

// The RP's pimd is restarted while it has receivers of many groups and their remote sources are cached; a receiver leaves and comes back,
// before the (S,G) is forgotten and after. Each time the stream comes back by itself, and without receivers there is no join.
func TestInterestComesAndGoes(t *testing.T) {
	t.Parallel()
	const groups = 20
	d := startDomains(t, domainsOptions{})
	src, rp := d[0].srcAddr, d[1].rp
	var rcv [groups]*lab.Receiver
	group := func(i int) string { return fmt.Sprintf("239.10.0.%d", i+1) }
	for i := range rcv {
		d[0].src.SendMulticast(group(i), udpPort, lab.SendOptions{})
		rcv[i] = d[1].rcv.JoinGroup(group(i), "eth0", udpPort)
	}
	for _, r := range rcv {
		r.WaitFirst(patience)
	}
	awaitJoin(t, rp, src, group(0), "confirmed")

	d[1].pimd.Restart()
	since := time.Now()
	var last time.Duration
	for _, r := range rcv {
		a := r.WaitSent(patience, src, since)
		last = max(last, a.Received.Sub(since))
	}
	t.Logf("the streams of all %d groups are back %.3f s after pimd's restart", groups, last.Seconds())

	// One leaves, and is back while the kernel still has the (S,G).
	rcv[0].Leave()
	awaitJoin(t, rp, src, group(0), "-")
	t.Log("a receiver has left, the join is not wanted any more")
	since = time.Now()
	rcv[0] = d[1].rcv.JoinGroup(group(0), "eth0", udpPort)
	a := rcv[0].WaitSent(patience, src, since)
	t.Logf("the receiver that came back has the stream after %.3f s", a.Received.Sub(since).Seconds())
	awaitJoin(t, rp, src, group(0), "confirmed")

	// All leave, pimd restarts without them: no state is left. Then they come back.
	for _, r := range rcv {
		r.Leave()
	}
	for i := range rcv {
		awaitJoin(t, rp, src, group(i), "-")
	}
	registers := rp.Capture("lo", "ip proto 103")
	d[1].pimd.Restart()
	rp.AwaitPIMNeighbors(patience, 2)
	since = time.Now()
	for i := range rcv {
		rcv[i] = d[1].rcv.JoinGroup(group(i), "eth0", udpPort)
	}
	last = 0
	for _, r := range rcv {
		a := r.WaitSent(patience, src, since)
		last = max(last, a.Received.Sub(since))
	}
	t.Logf("the streams of all %d groups are there %.3f s after their receivers came to a restarted pimd", groups, last.Seconds())
	lab.Eventually(t, patience, 200*time.Millisecond, func() error {
		rows, err := registers.Packets("pim.type == 1", "frame.number")
		if err == nil && len(rows) < groups {
			err = fmt.Errorf("%d Null-Registers since pimd's restart, want one a group at least", len(rows))
		}
		return err
	})
}

// A router is the RP with one address for some groups and with another for the rest: a remote source is joined with
// the address that serves its group, since pimd ignores it with any other, and a local one is announced as of that.
func TestTwoRPAddresses(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	// The second domain's RP has both addresses, the one of the more special range not the one that it peers with.
	const own, other = "10.0.0.2", "10.0.0.22"
	const general, special = "239.1.1.1", "239.200.1.1"
	a, b := newDomain(n, 1), newDomain(n, 2)
	b.rp.AddAddr("lo", other+"/32")
	n.Connect(a.rp, "peer", "10.0.12.1/24", b.rp, "peer", "10.0.12.2/24")
	a.startRouting("10.0.12.2", b)
	b.startRouting("10.0.12.1", a)
	ranges := []string{own + " 224.0.0.0/4", other + " 239.200.0.0/16"}
	a.rp.StartFRR("pimd", a.pim().Config())
	pim := b.pim()
	pim.RP = ranges
	b.rp.StartFRR("pimd", pim.Config())
	// The DR of the second domain knows both.
	for _, r := range ranges {
		addRP(t, b.dr, r)
	}
	a.rp.AddRoute(other+"/32", "10.0.12.2")
	a.rp.StartMSDPD(peerLine(b.rpAddr, a.rpAddr))
	b.rp.StartMSDPD(peerLine(a.rpAddr, b.rpAddr))
	a.rp.AwaitMSDPPeer(patience, "msdpd", b.rpAddr, "established")
	for _, dom := range []*domain{a, b} {
		dom.dr.AwaitDR(patience, "src", dom.drAddr())
		dom.rp.AwaitPIMNeighbors(patience, 2)
	}

	joins := b.rp.Capture("lo", "ip proto 103")
	want := map[string]string{general: own, special: other}
	for group, rp := range want {
		r := b.rcv.JoinGroup(group, "eth0", udpPort)
		b.rp.AwaitInterest(patience, group)
		s := a.src.SendMulticast(group, udpPort, lab.SendOptions{})
		first := r.WaitFirst(patience)
		t.Logf("the stream of %s, with RP address %s: %.3f s", group, rp, first.Received.Sub(s.FirstSent()).Seconds())
		awaitJoin(t, b.rp, a.srcAddr, group, "confirmed")
	}
	lab.Eventually(t, patience, 200*time.Millisecond, func() error {
		// The outer address, and the group of the header inside.
		rows, err := joins.Packets("pim.type == 1", "ip.dst")
		if err != nil {
			return err
		}
		seen := make(map[string]string)
		for _, r := range rows {
			if outer, inner, ok := strings.Cut(r[0], ","); ok {
				if was := seen[inner]; was != "" && was != outer {
					t.Fatalf("Null-Registers for %s to %s and to %s", inner, was, outer)
				}
				seen[inner] = outer
			}
		}
		for group, rp := range want {
			if seen[group] != rp {
				return fmt.Errorf("Null-Registers for %s went to %q, want %s; all: %v", group, seen[group], rp, rows)
			}
		}
		return nil
	})

	// The other way: registered with either address, announced as of it.
	for group, rp := range want {
		b.src.SendMulticast(group, udpPort, lab.SendOptions{})
		if sa := a.rp.AwaitSA(patience, "msdpd", b.srcAddr, group); sa.RP != rp {
			t.Errorf("the SA of (%s,%s) has RP %s, want %s", b.srcAddr, group, sa.RP, rp)
		}
	}
}
