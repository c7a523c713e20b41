//go:build lab

package scenarios

import (
	"fmt"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// neighbours are two routers with zebra, linked, with MSDP addresses 10.0.0.1 (connects) and 10.0.0.2 on lo.
func neighbours(t *testing.T) (connects, listens *lab.Node) {
	t.Helper()
	n := lab.ForTest(t)
	a, b := n.Router("a"), n.Router("b")
	n.Connect(a, "b", "10.0.12.1/24", b, "a", "10.0.12.2/24")
	for i, r := range []*lab.Node{a, b} {
		r.AddAddr("lo", fmt.Sprintf("10.0.0.%d/32", i+1))
		r.StartFRR("zebra", "")
		r.StartFRR("staticd", lab.Static(fmt.Sprintf("10.0.0.%d/32 10.0.12.%d", 2-i, 2-i)))
	}
	a.AwaitRoute(patience, "10.0.0.2/32", "static")
	b.AwaitRoute(patience, "10.0.0.1/32", "static")
	return a, b
}

const (
	connectsConfig = "ip msdp peer 10.0.0.2 source 10.0.0.1\n"
	listensConfig  = "ip msdp peer 10.0.0.1 source 10.0.0.2\n"
)

// awaitSession waits until both ends of a pair of neighbours have the session and tells how long that took.
func awaitSession(t *testing.T, connects, listens *lab.Node, since time.Time) {
	t.Helper()
	connects.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	listens.AwaitMSDPPeer(patience, "msdpd", "10.0.0.1", "established")
	t.Logf("session up %.3f s after both ends ran", time.Since(since).Seconds())
}

// Two routers boot in whatever order and seconds apart, and the session is there as soon as both
// are: no back-off of half a minute, nothing to clear by hand.
func TestSessionComesUpSoon(t *testing.T) {
	t.Parallel()
	t.Run("together", func(t *testing.T) {
		t.Parallel()
		a, b := neighbours(t)
		b.StartMSDPD(listensConfig)
		since := time.Now()
		a.StartMSDPD(connectsConfig)
		awaitSession(t, a, b, since)
	})
	t.Run("the one that connects is first", func(t *testing.T) {
		t.Parallel()
		a, b := neighbours(t)
		a.StartMSDPD(connectsConfig)
		began := time.Now()
		// Later than the attempts after 1, 2 and 4 seconds.
		awaitPeer(t, a, "msdpd", "10.0.0.2", patience, "eight seconds of attempts", func(p peerDetail) bool {
			return p.ConnAttempts >= 2 && time.Since(began) > 8*time.Second
		})
		since := time.Now()
		b.StartMSDPD(listensConfig)
		awaitSession(t, a, b, since)
	})
	t.Run("the one that listens is first", func(t *testing.T) {
		t.Parallel()
		a, b := neighbours(t)
		b.StartMSDPD(listensConfig)
		awaitPeer(t, b, "msdpd", "10.0.0.1", patience, "listening", func(p peerDetail) bool { return p.State == "listen" })
		since := time.Now()
		a.StartMSDPD(connectsConfig)
		awaitSession(t, a, b, since)
	})
	t.Run("the link is last", func(t *testing.T) {
		t.Parallel()
		a, b := neighbours(t)
		b.SetDown("a")
		b.StartMSDPD(listensConfig)
		a.StartMSDPD(connectsConfig)
		began := time.Now()
		awaitPeer(t, a, "msdpd", "10.0.0.2", patience, "eight seconds of attempts", func(p peerDetail) bool {
			return p.ConnAttempts >= 2 && time.Since(began) > 8*time.Second
		})
		since := time.Now()
		b.SetUp("a")
		awaitSession(t, a, b, since)
	})
	t.Run("the way back is last", func(t *testing.T) {
		t.Parallel()
		a, b := neighbours(t)
		// Whatever a sends arrives, but no answer does, as from a router that has just booted.
		wayBack(t, b, "no ip route 10.0.0.1/32 10.0.12.1")
		awaitNoRoute(t, b, "10.0.0.1/32")
		b.StartMSDPD(listensConfig)
		a.StartMSDPD(connectsConfig)
		began := time.Now()
		awaitPeer(t, a, "msdpd", "10.0.0.2", time.Minute, "eight seconds of attempts", func(p peerDetail) bool {
			return p.ConnAttempts >= 2 && time.Since(began) > 8*time.Second
		})
		since := time.Now()
		wayBack(t, b, "ip route 10.0.0.1/32 10.0.12.1")
		awaitSession(t, a, b, since)
	})
	t.Run("the neighbour on the LAN is last", func(t *testing.T) {
		t.Parallel()
		n := lab.ForTest(t)
		a, b := n.Router("a"), n.Router("b")
		n.LAN("lan", lab.Port{Node: a, Iface: "lan", Addr: "10.0.0.1/24"}, lab.Port{Node: b, Iface: "lan", Addr: "10.0.0.2/24"})
		// The carrier stays, as on a switch; it is ARP that has no answer.
		b.SetDown("lan")
		a.StartFRR("zebra", "")
		b.StartFRR("zebra", "")
		b.StartMSDPD(listensConfig)
		a.StartMSDPD(connectsConfig)
		began := time.Now()
		awaitPeer(t, a, "msdpd", "10.0.0.2", time.Minute, "twenty seconds of attempts", func(p peerDetail) bool {
			return p.ConnAttempts >= 5 && time.Since(began) > 20*time.Second
		})
		since := time.Now()
		b.SetUp("lan")
		awaitSession(t, a, b, since)
	})
}

// peerDetail is what `show ip msdp peer detail json` says of one peer; msdpd and FRR share these keys.
type peerDetail struct {
	State              string `json:"state"`
	UpTime             string `json:"upTime"`
	LastReset          string `json:"lastReset"`
	ConnAttempts       int    `json:"connAttempts"`
	EstablishedChanges int    `json:"establishedChanges"`
	KASent             int    `json:"kaSent"`
	KARcvd             int    `json:"kaRcvd"`
	SASent             int    `json:"saSent"`
	SARcvd             int    `json:"saRcvd"`
	SACount            int    `json:"saCount"`
}

func askPeer(nd *lab.Node, daemon, peer string) (peerDetail, error) {
	var all map[string]peerDetail
	if err := nd.VtyJSON(daemon, "show ip msdp peer detail json", &all); err != nil {
		return peerDetail{}, err
	}
	p, ok := all[peer]
	if !ok {
		return p, fmt.Errorf("%s on %s has no peer %s", daemon, nd.Name(), peer)
	}
	return p, nil
}

// awaitPeer waits until a daemon says of its peer what is asked, and returns it.
func awaitPeer(t *testing.T, nd *lab.Node, daemon, peer string, limit time.Duration, what string, holds func(peerDetail) bool) peerDetail {
	t.Helper()
	var p peerDetail
	lab.Eventually(t, limit, poll, func() error {
		var err error
		if p, err = askPeer(nd, daemon, peer); err == nil && !holds(p) {
			err = fmt.Errorf("%s: %s waits for %s of peer %s: %+v", nd.Name(), daemon, what, peer, p)
		}
		return err
	})
	return p
}

// wayBack changes a router's static routes.
func wayBack(t *testing.T, nd *lab.Node, line string) {
	t.Helper()
	if err := nd.Configure("staticd", line); err != nil {
		t.Fatal(err)
	}
}

func awaitNoRoute(t *testing.T, nd *lab.Node, prefix string) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		out, err := nd.Exec("ip", "route", "show", prefix)
		if err == nil && out != "" {
			err = fmt.Errorf("%s still has %s", nd.Name(), out)
		}
		return err
	})
}
