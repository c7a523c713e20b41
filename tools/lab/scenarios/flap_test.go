//go:build lab

package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// awaitReason waits until a peer is in a state other than established, for a reason that begins so.
func awaitReason(t *testing.T, nd *lab.Node, peer, reason string) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		var all map[string]struct{ State, StateReason string }
		err := nd.VtyJSON("msdpd", "show ip msdp peer detail json", &all)
		if p := all[peer]; err == nil && (p.State == "established" || !strings.HasPrefix(p.StateReason, reason)) {
			err = fmt.Errorf("%s: peer %s is %s: %q, want %q", nd.Name(), peer, p.State, p.StateReason, reason)
		}
		return err
	})
}

// Addresses and links go and come back; sessions wait for them, say so, and are there again as soon as
// they can be. Timers are short, so that a dead session is noticed soon.
func TestSessionReturnsWithItsAddress(t *testing.T) {
	t.Parallel()
	const timers = "ip msdp timers 1 4\n"
	g := startIGP(t, igpOptions{Routers: 2, Links: [][2]int{{1, 2}}})
	connects, listens := g.routers[1], g.routers[2]
	listens.StartMSDPD(listensConfig + timers)
	connects.StartMSDPD(connectsConfig + timers)
	awaitSession(t, connects, listens, time.Now())

	// A moment without the address costs nothing: what TCP could not send it sends again.
	connects.DelAddr("lo", "10.0.0.1/32")
	lab.Eventually(t, patience, poll, func() error {
		var routes map[string]any
		err := listens.VtyJSON("zebra", "show ip route ospf json", &routes)
		if _, there := routes["10.0.0.1/32"]; err == nil && there {
			err = fmt.Errorf("r2 has the route still: %v", routes)
		}
		return err
	})
	connects.AddAddr("lo", "10.0.0.1/32")
	for _, e := range []struct {
		nd   *lab.Node
		peer string
	}{{connects, "10.0.0.2"}, {listens, "10.0.0.1"}} {
		before := awaitPeer(t, e.nd, "msdpd", e.peer, patience, "a session", func(p peerDetail) bool { return p.State == "established" })
		awaitPeer(t, e.nd, "msdpd", e.peer, patience, "more KeepAlives in the same session", func(p peerDetail) bool {
			return p.KARcvd >= before.KARcvd+3 && p.EstablishedChanges == 1
		})
	}

	flaps := 1
	for _, c := range []struct {
		what      string
		down, up  func()
		nd        *lab.Node
		peer, why string
	}{
		{"the address of the one that connects", func() { connects.DelAddr("lo", "10.0.0.1/32") }, func() { connects.AddAddr("lo", "10.0.0.1/32") },
			connects, "10.0.0.2", "no interface has the source address 10.0.0.1"},
		{"the address of the one that listens", func() { listens.DelAddr("lo", "10.0.0.2/32") }, func() { listens.AddAddr("lo", "10.0.0.2/32") },
			listens, "10.0.0.1", "no interface has the source address 10.0.0.2"},
		{"the link", func() { connects.SetDown("r2") }, func() { connects.SetUp("r2") }, connects, "10.0.0.2", ""},
	} {
		c.down()
		awaitPeer(t, connects, "msdpd", "10.0.0.2", patience, "no session", func(p peerDetail) bool { return p.State != "established" })
		awaitPeer(t, listens, "msdpd", "10.0.0.1", patience, "no session", func(p peerDetail) bool { return p.State != "established" })
		awaitReason(t, c.nd, c.peer, c.why)
		c.up()
		since := time.Now()
		connects.AwaitRoute(patience, "10.0.0.2/32", "ospf")
		listens.AwaitRoute(patience, "10.0.0.1/32", "ospf")
		routes := time.Since(since)
		connects.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
		listens.AwaitMSDPPeer(patience, "msdpd", "10.0.0.1", "established")
		t.Logf("%s: the session was back %.3f s after it, the routes after %.3f s", c.what, time.Since(since).Seconds(), routes.Seconds())
		flaps++
		for _, e := range []struct {
			nd   *lab.Node
			peer string
		}{{connects, "10.0.0.2"}, {listens, "10.0.0.1"}} {
			if p, err := askPeer(e.nd, "msdpd", e.peer); err != nil || p.EstablishedChanges != flaps {
				t.Errorf("after %s: %s: %v: %+v, want %d sessions so far", c.what, e.nd.Name(), err, p, flaps)
			}
		}
	}
}
