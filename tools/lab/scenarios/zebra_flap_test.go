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
	// flappingRoutes are a full table's worth of hosts. The first flappingOften of them flap again and again, and every
	// 20th of these is an RP.
	flappingRoutes = 500_000
	flappingOften  = 20_000
	flappingRPs    = 1_000
	flappingCycles = 5
	// flappingHold is how long the peer waits for a KeepAlive; one is due every second.
	flappingHold = 5 * time.Second
	// flappingPatience is for the kernel and zebra, which may take minutes on a busy machine.
	flappingPatience = 20 * patience
)

func flappingHost(i int) string { return fmt.Sprintf("20.%d.%d.%d", i>>16, i>>8&0xff, i&0xff) }

func flappingRP(i int) string { return flappingHost(i * flappingOften / flappingRPs) }

// holdingPeer has a peer do what a real one does until the test ends: it sends a KeepAlive each second, and the SAs each
// minute, and ends the session when it has waited for a KeepAlive for its hold time. longest is the longest that it has waited.
func holdingPeer(p *simulatedPeer, hold time.Duration, announce func()) (longest func() time.Duration) {
	var mu sync.Mutex
	var waited time.Duration
	stop, stopped := make(chan struct{}), make(chan struct{})
	p.t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	count, last := p.keepAliveCount(), time.Now()
	announce()
	go func() {
		defer close(stopped)
		look, keepAlive, again := time.NewTicker(10*time.Millisecond), time.NewTicker(time.Second), time.NewTicker(time.Minute)
		defer look.Stop()
		defer keepAlive.Stop()
		defer again.Stop()
		for {
			select {
			case <-stop:
				return
			case <-keepAlive.C:
				p.sendKeepAlive()
			case <-again.C:
				announce()
			case <-look.C:
				now := time.Now()
				mu.Lock()
				waited = max(waited, now.Sub(last))
				mu.Unlock()
				if n := p.keepAliveCount(); n != count {
					count, last = n, now
				} else if now.Sub(last) > hold {
					p.t.Errorf("the peer's hold time of %v has passed without a KeepAlive", hold)
					p.close()
					return
				}
			}
		}
	}()
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return waited
	}
}

// peakSince has the kernel forget the most memory that a process has held so far, and returns how much it holds and how to
// ask for the most since then, in KiB.
func peakSince(t *testing.T, d *lab.Daemon) (before int, peak func() int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", d.Pid()), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	peak = func() int { return peakMemory(t, d) }
	return peak(), peak
}

// flappingBatch writes what ip(8) does to hosts from one to before another, and returns how to have it done.
func flappingBatch(t *testing.T, router *lab.Node, dir, verb string, from, to int) func() {
	t.Helper()
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "route %s %s/32 via 10.0.12.1 dev eth0\n", verb, flappingHost(i))
	}
	file := filepath.Join(dir, fmt.Sprintf("%s-%d", verb, from))
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if out, err := router.Exec("ip", "-batch", file); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// All routes of a full table go and come, and those to a thousand RPs of the cache flap: msdpd's memory does not grow
// meanwhile, no peer misses a KeepAlive, and msdpd tracks all RPs all the while and knows the way to them in the end.
func TestFullTableFlaps(t *testing.T) {
	n := lab.ForTest(t)
	router, neighbor := n.Router("router"), n.Host("neighbor")
	n.Connect(router, "eth0", "10.0.12.2/24", neighbor, "eth0", "10.0.12.1/24")
	// With room for what the kernel tells at once, or zebra misses part of it.
	router.StartFRR("zebra", "", "-s", "500000000", "--log-level", "informational")
	// Each command is done within the lab's limit for one on a busy machine, too.
	const step = 80_000
	ranges := []int{0}
	for i := flappingOften; i < flappingRoutes; i += step {
		ranges = append(ranges, i)
	}
	var add, del []func()
	for _, from := range ranges {
		to := flappingOften
		if from > 0 {
			to = min(from+step, flappingRoutes)
		}
		add = append(add, flappingBatch(t, router, n.Dir(), "add", from, to))
		del = append(del, flappingBatch(t, router, n.Dir(), "del", from, to))
	}
	run := func(batches []func()) {
		for _, b := range batches {
			b()
		}
	}
	await := func(want bool, hosts ...int) {
		t.Helper()
		for i := range 20 {
			hosts = append(hosts, i*flappingOften/20)
		}
		lab.Eventually(t, flappingPatience, time.Second, func() error {
			for _, i := range hosts {
				if r, err := askRPF(router, flappingHost(i)); err != nil || (r.Route.Prefix != "") != want {
					return fmt.Errorf("route to %s: %v: %+v", flappingHost(i), err, r.Route)
				}
			}
			return nil
		})
	}
	tracked := func() (n int, err error) {
		var s struct{ Zebra struct{ Tracked int } }
		err = router.VtyJSON("msdpd", "show ip msdp summary json", &s)
		return s.Zebra.Tracked, err
	}
	stillTracked := func(when string) {
		t.Helper()
		if n, err := tracked(); err != nil || n < flappingRPs {
			t.Fatalf("%s msdpd tracks %d addresses (%v), and there are %d RPs", when, n, err, flappingRPs)
		}
	}
	run(add)
	msdpd := router.StartMSDPD(peerLine("10.0.12.1", "10.0.12.2")+"ip msdp timers 1 5\n", "--log-level", "info")
	peer := connectPeer(t, neighbor, "10.0.12.1", "10.0.12.2", peerOptions{})
	peer.awaitKeepAlives(1)
	waited := holdingPeer(peer, flappingHold, func() {
		for i := range flappingRPs {
			peer.announce(flappingRP(i), "239.1.1.1", fmt.Sprintf("30.0.%d.%d", i>>8, i&0xff))
		}
	})
	last := flappingRoutes - 1
	await(true, last)
	lab.Eventually(t, flappingPatience, time.Second, func() error {
		n, err := tracked()
		if err == nil && n < flappingRPs {
			err = fmt.Errorf("msdpd tracks %d addresses", n)
		}
		return err
	})
	before, peak := peakSince(t, msdpd)
	began := time.Now()
	for range flappingCycles {
		run(del[:1])
		await(false)
		stillTracked("without routes to the RPs")
		run(add[:1])
		await(true)
		stillTracked("with the routes to the RPs again")
	}
	t.Logf("the routes to all RPs flapped %d times in %.1f s", flappingCycles, time.Since(began).Seconds())
	began = time.Now()
	run(del)
	await(false, last)
	stillTracked("without any route")
	run(add)
	await(true, last)
	stillTracked("with all routes again")
	after := peak()
	t.Logf("all routes went and came in %.1f s; msdpd held %d KiB before all this and %d at most", time.Since(began).Seconds(), before, after)
	t.Logf("the longest pause between KeepAlives, one being due every second: %.3f s", waited().Seconds())
	if grown := after - before; grown > memoryBound {
		t.Errorf("msdpd has grown by %d KiB, from %d", grown, before)
	}
	if p, err := askPeer(router, "msdpd", "10.0.12.1"); err != nil || p.State != "established" || p.EstablishedChanges != 1 || !peer.up() {
		t.Errorf("the session did not stay: %v: %+v", err, p)
	}
}
