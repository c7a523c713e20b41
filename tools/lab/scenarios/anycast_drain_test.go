//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// drain is two routers, A and B, that share the RP address 10.0.0.100 and are a mesh group, and a domain C
// with an RP and a source of its own, which peers with both. The receivers are at A.
type drain struct {
	a, b, c, src, rcv *lab.Node
	msdpdA, msdpdB    *lab.Daemon
}

const (
	sharedRP                  = "10.0.0.100"
	routerA, routerB, domainC = "10.0.0.1", "10.0.0.2", "10.0.0.3"
	sourceInC                 = "10.3.0.2"
)

func startDrain(t *testing.T) *drain {
	t.Helper()
	n := lab.ForTest(t)
	y := &drain{a: n.Router("a"), b: n.Router("b"), c: n.Router("c"), src: n.Host("src"), rcv: n.Host("rcv")}
	n.Connect(y.src, "eth0", sourceInC+"/24", y.c, "src", "10.3.0.1/24")
	n.Connect(y.c, "a", "10.0.13.3/24", y.a, "c", "10.0.13.1/24")
	n.Connect(y.a, "b", "10.0.12.1/24", y.b, "a", "10.0.12.2/24")
	n.Connect(y.a, "rcv", "10.1.0.1/24", y.rcv, "eth0", "10.1.0.2/24")
	y.a.AddAddr("lo", routerA+"/32")
	y.b.AddAddr("lo", routerB+"/32")
	y.c.AddAddr("lo", domainC+"/32")
	y.a.AddAddr("lo", sharedRP+"/32")
	y.b.AddAddr("lo", sharedRP+"/32")
	mesh := func(own, other string) string {
		return fmt.Sprintf("ip msdp mesh-group rps source %s\nip msdp mesh-group rps member %s\n", own, other) + peerLine(domainC, own)
	}
	for _, r := range []struct {
		node   *lab.Node
		routes string
		pim    lab.PIM
	}{
		// The shared address is reached at the other one where it is not here.
		{y.a, lab.Static(routerB+"/32 10.0.12.2", sharedRP+"/32 10.0.12.2", domainC+"/32 10.0.13.3", "10.3.0.0/24 10.0.13.3"),
			lab.PIM{RP: []string{sharedRP}, Interfaces: []string{"lo", "c", "b", "rcv"}, IGMP: []string{"rcv"}}},
		{y.b, lab.Static(routerA+"/32 10.0.12.1", sharedRP+"/32 10.0.12.1", domainC+"/32 10.0.12.1", "10.3.0.0/24 10.0.12.1", "10.0.13.0/24 10.0.12.1"),
			lab.PIM{RP: []string{sharedRP}, Interfaces: []string{"lo", "a"}}},
		{y.c, lab.Static(routerA+"/32 10.0.13.1", routerB+"/32 10.0.13.1", "10.0.12.0/24 10.0.13.1"),
			lab.PIM{RP: []string{domainC}, Interfaces: []string{"lo", "a", "src"}}},
	} {
		r.node.StartFRR("zebra", "")
		r.node.StartFRR("staticd", r.routes)
		r.node.StartFRR("pimd", r.pim.Config())
	}
	y.c.StartMSDPD(peerLine(routerA, domainC) + peerLine(routerB, domainC))
	y.msdpdA = y.a.StartMSDPD(mesh(routerA, routerB))
	y.msdpdB = y.b.StartMSDPD(mesh(routerB, routerA))
	y.a.AwaitMSDPPeer(patience, "msdpd", domainC, "established")
	y.b.AwaitMSDPPeer(patience, "msdpd", domainC, "established")
	y.a.AwaitMSDPPeer(patience, "msdpd", routerB, "established")
	y.b.AwaitMSDPPeer(patience, "msdpd", routerA, "established")
	y.a.AwaitPIMNeighbors(patience, 2)
	y.b.AwaitPIMNeighbors(patience, 1)
	y.c.AwaitDR(patience, "src", "10.3.0.1")
	return y
}

// registers are the Registers in a capture: "source > destination" of the outer header. A capture
// without any PIM is an error: it would prove nothing.
func registers(c *lab.Capture) ([]string, error) {
	rows, err := c.Packets("pim", "ip.src", "ip.dst", "pim.type")
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("no PIM in the capture")
	}
	var found []string
	for _, r := range rows {
		if r[2] == "1" || strings.HasPrefix(r[2], "1,") {
			// Of nested headers, the outer one is first.
			src, _, _ := strings.Cut(r[0], ",")
			dst, _, _ := strings.Cut(r[1], ",")
			found = append(found, src+" > "+dst)
		}
	}
	return found, nil
}

// allTheWhile fails the test if a check does within a period.
func allTheWhile(t *testing.T, period time.Duration, check func() error) {
	t.Helper()
	end := time.Now().Add(period)
	lab.Eventually(t, period+patience, 250*time.Millisecond, func() error {
		if err := check(); err != nil {
			t.Fatal(err)
		}
		if left := time.Until(end); left > 0 {
			return fmt.Errorf("%v to go", left)
		}
		return nil
	})
}

// An operator drains one of two Anycast-RPs by taking the shared address off it, while it has remote sources joined. From
// then on not one Register may leave it: the address is the other router's now, which would take it for a DR's and announce
// the remote source as its own, for ever. The receivers keep the stream, and the router joins again when the address is back.
func TestAnycastRPDrained(t *testing.T) {
	t.Parallel()
	const group = "239.1.1.1"
	y := startDrain(t)
	links := map[string]*lab.Capture{
		"c": y.a.Capture("c", "ip proto 103"), "b": y.a.Capture("b", "ip proto 103"), "rcv": y.a.Capture("rcv", "ip proto 103"),
	}
	// To themselves they do send Registers, by lo. So a capture would show those that leave.
	ownA, ownB := y.a.Capture("lo", "ip proto 103"), y.b.Capture("lo", "ip proto 103")
	r := y.rcv.JoinGroup(group, "eth0", udpPort)
	y.a.AwaitInterest(patience, group)
	s := y.src.SendMulticast(group, udpPort, lab.SendOptions{})
	first := r.WaitFirst(patience)
	t.Logf("first packet at the Anycast-RP's receiver %.3f s after it was sent", first.Received.Sub(s.FirstSent()).Seconds())
	const toSelf = sharedRP + " > " + sharedRP
	lab.Eventually(t, patience, 100*time.Millisecond, func() error {
		got, err := registers(ownA)
		if err == nil && (len(got) == 0 || got[0] != toSelf) {
			err = fmt.Errorf("the Registers by lo are %q, want %s", got, toSelf)
		}
		return err
	})
	remoteAtB := func() error {
		sas, err := y.b.SAs("msdpd")
		if err != nil {
			return err
		}
		if sa := sas[group][sourceInC]; sa.Local != "no" || sa.RP != domainC {
			return fmt.Errorf("the other Anycast-RP says of the remote source: %+v", sa)
		}
		sum, err := askSummary(y.b)
		if err != nil {
			return err
		}
		if n := sum.Registers["heard"] - sum.Registers["own"]; sum.LocalSources != 0 || n != 0 {
			return fmt.Errorf("the other Anycast-RP has %d local sources, and %d Registers from others", sum.LocalSources, n)
		}
		return nil
	}
	lab.Eventually(t, patience, poll, remoteAtB)

	// Registers that DRs have sent so far would not be there either: nobody here has a reason to send one.
	y.a.DelAddr("lo", sharedRP+"/32")
	drained := time.Now()
	lab.Eventually(t, patience, poll, func() error {
		out, err := y.a.Msdpsh("show ip msdp sa detail")
		if err == nil && !strings.Contains(out, "Join        : no RP") {
			err = fmt.Errorf("msdpd has not noticed:\n%s", out)
		}
		return err
	})
	t.Logf("msdpd has noticed %.3f s after the address was gone", time.Since(drained).Seconds())
	back := r.WaitSent(patience, sourceInC, drained.Add(5*time.Second))
	t.Logf("of the %d packets sent since the first, %d have arrived", back.Seq-first.Seq+1, r.Stats().Packets-r.Stats().Duplicates)

	// Longer than the period in which joins are repeated, at A until now and at B from now on.
	allTheWhile(t, 80*time.Second-time.Since(drained), remoteAtB)
	lab.Eventually(t, patience, 500*time.Millisecond, func() error {
		got, err := registers(ownB)
		if err == nil && len(got) < 2 {
			err = fmt.Errorf("the other one, which the stream comes by now, has sent itself the Registers %q, want two", got)
		}
		return err
	})
	for name, c := range links {
		var got []string
		lab.Eventually(t, patience, 100*time.Millisecond, func() (err error) {
			got, err = registers(c)
			return err
		})
		if len(got) > 0 {
			t.Errorf("Registers have left the drained router by %s: %q", name, got)
		}
	}
	r.WaitSent(patience, sourceInC, time.Now())
	before, err := registers(ownA)
	if err != nil {
		t.Fatal(err)
	}

	y.a.AddAddr("lo", sharedRP+"/32")
	returned := time.Now()
	lab.Eventually(t, patience, 100*time.Millisecond, func() error {
		got, err := registers(ownA)
		if err == nil && len(got) == len(before) {
			err = errors.New("no Register since the address is back")
		}
		return err
	})
	t.Logf("joined again %.1f s after the address came back", time.Since(returned).Seconds())
	r.WaitSent(patience, sourceInC, time.Now())
	if err := remoteAtB(); err != nil {
		t.Error(err)
	}
}
