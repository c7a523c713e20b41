//go:build lab

package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"msdpd/tools/lab"
)

const (
	// flappingRoutes are a full table's worth of hosts, of which every 500th is an RP.
	flappingRoutes = 500_000
	flappingRPs    = 1_000
)

func flappingHost(i int) string { return fmt.Sprintf("20.%d.%d.%d", i>>16, i>>8&0xff, i&0xff) }

// keepAliveGap watches how long a peer waits for KeepAlives at most, until it is told to stop.
func keepAliveGap(p *simulatedPeer) (stop func() time.Duration) {
	done := make(chan struct{})
	var longest time.Duration
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		count, last := p.keepAliveCount(), time.Now()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				longest = max(longest, now.Sub(last))
				if n := p.keepAliveCount(); n != count {
					count, last = n, now
				}
			}
		}
	})
	return func() time.Duration {
		close(done)
		wg.Wait()
		return longest
	}
}

// All routes of a full table go and come, and those to a thousand RPs of the cache are among them: msdpd's memory does not
// grow, its KeepAlives go out as ever, and in the end it knows all routes again.
func TestFullTableFlaps(t *testing.T) {
	n := lab.ForTest(t)
	router, neighbor := n.Router("router"), n.Host("neighbor")
	n.Connect(router, "eth0", "10.0.12.2/24", neighbor, "eth0", "10.0.12.1/24")
	// With room for what the kernel tells at once, or zebra misses part of it.
	router.StartFRR("zebra", "", "-s", "500000000", "--log-level", "informational")
	batch := func(verb string) string {
		var b strings.Builder
		for i := range flappingRoutes {
			fmt.Fprintf(&b, "route %s %s/32 via 10.0.12.1 dev eth0\n", verb, flappingHost(i))
		}
		file := filepath.Join(n.Dir(), verb)
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	add, del := batch("add"), batch("del")
	run := func(file string) {
		t.Helper()
		if out, err := router.Exec("ip", "-batch", file); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	known := func(want bool) {
		t.Helper()
		lab.Eventually(t, 4*patience, time.Second, func() error {
			for _, i := range []int{0, flappingRoutes / 2, flappingRoutes - flappingRoutes/flappingRPs} {
				if r, err := askRPF(router, flappingHost(i)); err != nil || (r.Route.Prefix != "") != want {
					return fmt.Errorf("route to %s: %v: %+v", flappingHost(i), err, r.Route)
				}
			}
			return nil
		})
	}
	run(add)
	msdpd := router.StartMSDPD(peerLine("10.0.12.1", "10.0.12.2")+"ip msdp timers 2 15\n", "--log-level", "info")
	peer := connectPeer(t, neighbor, "10.0.12.1", "10.0.12.2", peerOptions{})
	peer.keepUp()
	peer.awaitKeepAlives(1)
	for i := range flappingRPs {
		peer.announce(flappingHost(i*flappingRoutes/flappingRPs), "239.1.1.1", fmt.Sprintf("30.0.%d.%d", i>>8, i&0xff))
	}
	known(true)
	settled := rss(t, msdpd)
	gap := keepAliveGap(peer)
	began := time.Now()
	run(del)
	known(false)
	run(add)
	known(true)
	t.Logf("all routes went and came in %.1f s; msdpd holds %d KiB", time.Since(began).Seconds(), rss(t, msdpd))
	longest := gap()
	t.Logf("the longest pause between KeepAlives, one being due every 2 s: %.3f s", longest.Seconds())
	if longest > 15*time.Second || !peer.up() {
		t.Errorf("no KeepAlive for %v, session up: %t", longest, peer.up())
	}
	if grown := rss(t, msdpd) - settled; grown > memoryBound {
		t.Errorf("msdpd has grown by %d KiB, from %d", grown, settled)
	}
}
