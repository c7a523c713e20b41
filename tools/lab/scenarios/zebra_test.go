//go:build lab

package scenarios

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// trackedRPs is for how many RPs zebra has to answer when it is back.
const trackedRPs = 200

// trackRPs asks for the way to many RPs, and so has zebra watch each of them.
func trackRPs(nd *lab.Node) error {
	var commands []string
	for i := range trackedRPs {
		commands = append(commands, fmt.Sprintf("show ip msdp rpf 10.66.0.%d json", i+1))
	}
	_, err := nd.Vty("msdpd", commands...)
	return err
}

// registered is how many of them zebra watches.
func registered(nd *lab.Node) (int, error) {
	out, err := nd.Vty("zebra", "show ip nht")
	n := 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "10.66.0.") {
			n++
		}
	}
	return n, err
}

func awaitRegistered(t *testing.T, nd *lab.Node) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		n, err := registered(nd)
		if err == nil && n != trackedRPs {
			err = fmt.Errorf("zebra watches %d of %d RPs", n, trackedRPs)
		}
		return err
	})
}

// zebra starts after msdpd, dies, is restarted and upgraded, and no session notices. While it is there it is asked,
// while it is not the kernel is, or what it said last holds; each change is told once.
func TestZebraComesAndGoes(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	a, b := n.Router("a"), n.Router("b")
	n.Connect(a, "b", "10.0.12.1/24", b, "a", "10.0.12.2/24")
	a.AddAddr("lo", "10.0.0.1/32")
	b.AddAddr("lo", "10.0.0.2/32")
	b.AddRoute("10.0.0.1/32", "10.0.12.1")
	a.AddRoute("10.0.0.2/32", "10.0.12.2")
	a.AddRoute("10.66.0.0/16", "10.0.12.2")
	b.StartMSDPD(listensConfig)
	msdpd := a.StartMSDPD(connectsConfig)
	a.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	told := func(text string, count int) {
		t.Helper()
		if got := strings.Count(msdpd.Log(), text); got != count {
			t.Errorf("the log tells %q %d times, want %d:\n%s", text, got, count, msdpd.Log())
		}
	}
	// More than one attempt after the first.
	began := time.Now()
	awaitRPF(t, a, "10.66.0.1", "the kernel's answer, three seconds long", func(r rpf) bool {
		return r.Route.From == "kernel" && r.RPFPeer == "10.0.0.2" && time.Since(began) > 3*time.Second
	})
	mustContain(t, a, "show ip msdp rpf 10.66.0.1", "10.66.0.0/16, kernel", "told by kernel", "RPF peer  : 10.0.0.2 by rule (iii)")
	told("zebra is not there; trying until it is", 1)
	told("zebra is not there: the kernel's table answers for routes", 1)

	since := time.Now()
	zebra := a.StartFRR("zebra", "")
	started := time.Now()
	awaitRPF(t, a, "10.66.0.1", "zebra's answer", func(r rpf) bool { return r.Route.From == "zebra" && r.RPFPeer == "10.0.0.2" })
	t.Logf("zebra answered %.3f s after it was started, %.3f s after its vty did", time.Since(since).Seconds(), time.Since(started).Seconds())
	told("connected to zebra", 1)
	told("zebra is back and answers for routes again", 1)
	if err := trackRPs(a); err != nil {
		t.Fatal(err)
	}
	awaitRegistered(t, a)

	for round, end := range []func(){zebra.Kill, zebra.Stop} {
		end()
		lab.Eventually(t, patience, poll, func() error {
			var s struct{ Zebra struct{ Connected bool } }
			err := a.VtyJSON("msdpd", "show ip msdp summary json", &s)
			if err == nil && s.Zebra.Connected {
				err = fmt.Errorf("msdpd has not noticed that zebra is gone")
			}
			return err
		})
		told("lost zebra", round+1)
		// What it said last holds, and the kernel answers for what it was never asked.
		if r, err := askRPF(a, "10.66.0.1"); err != nil || r.Route.From != "zebra" || r.RPFPeer != "10.0.0.2" {
			t.Errorf("without zebra, towards 10.66.0.1: %v: %+v", err, r)
		}
		fresh := fmt.Sprintf("10.66.1.%d", round+1)
		if r, err := askRPF(a, fresh); err != nil || r.Route.From != "kernel" || r.RPFPeer != "10.0.0.2" {
			t.Errorf("without zebra, towards %s: %v: %+v", fresh, err, r)
		}

		since := time.Now()
		zebra.Restart()
		started := time.Now()
		awaitRegistered(t, a)
		t.Logf("all %d registrations were back %.3f s after zebra was started, %.3f s after its vty answered", trackedRPs, time.Since(since).Seconds(), time.Since(started).Seconds())
		told("connected to zebra", round+2)
		awaitRPF(t, a, fresh, "zebra's answer", func(r rpf) bool { return r.Route.From == "zebra" })
	}
	mustContain(t, a, "show ip msdp rpf 10.66.0.1", "told by zebra")

	// It is asked indeed: what changes in its table is known.
	a.DelRoute("10.66.0.0/16", "10.0.12.2")
	awaitRPF(t, a, "10.66.0.77", "no route", func(r rpf) bool { return r.Route.Prefix == "" && r.RPFPeer == "" })
	for _, nd := range []*lab.Node{a, b} {
		peers, err := nd.MSDPPeers("msdpd")
		if err != nil {
			t.Fatal(err)
		}
		for addr := range peers {
			if p, err := askPeer(nd, "msdpd", addr); err != nil || p.State != "established" || p.EstablishedChanges != 1 {
				t.Errorf("%s: the session with %s did not stay: %v: %+v", nd.Name(), addr, err, p)
			}
		}
	}
	told("peer down", 0)
}

// msdpd does its work where it never finds zebra: the kernel's table tells the way to each RP.
func TestWithoutZebra(t *testing.T) {
	t.Parallel()
	p := newRPPair(t, "peer", "peer")
	for i, rp := range []*lab.Node{p.rp1, p.rp2} {
		own, other := fmt.Sprintf("10.0.0.%d", i+1), fmt.Sprintf("10.0.0.%d", 2-i)
		rp.AwaitRoute(patience, other+"/32", "static")
		rp.StartFRR("pimd", lab.PIM{RP: []string{own}, Interfaces: []string{"lo", "peer", "eth-lan"}, IGMP: []string{"eth-lan"}}.Config())
		// pimd needs zebra, so it is there; msdpd looks for it in the wrong place.
		rp.StartMSDPD(peerLine(other, own), "-z", filepath.Join(filepath.Dir(rp.ZservSocket()), "none.api"))
	}
	p.rp1.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	p.rp2.AwaitMSDPPeer(patience, "msdpd", "10.0.0.1", "established")
	p.bothWays(t)
	for i, rp := range []*lab.Node{p.rp1, p.rp2} {
		other := fmt.Sprintf("10.0.0.%d", 2-i)
		if r, err := askRPF(rp, other); err != nil || r.Route.From != "kernel" || r.RPFPeer != other {
			t.Errorf("%s towards %s: %v: %+v", rp.Name(), other, err, r)
		}
		mustContain(t, rp, "show ip msdp summary", "away, the kernel's table answers")
	}
}
