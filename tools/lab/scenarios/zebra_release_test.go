//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// oneZebra is a router with static routes and those of OSPF and BGP, a neighbour it has them from, and msdpd on it
// with a session to that neighbour.
type oneZebra struct {
	router, neighbor *lab.Node
	zebra, bgpd      *lab.Daemon
	others           []*lab.Daemon
	peer             *simulatedPeer
	msdpd            *lab.Daemon
}

// Where the routes lead: the neighbour's loopback by OSPF, the others by the daemons they are named for.
const (
	rpByOSPF   = "10.0.0.1"
	rpByStatic = "192.0.2.1"
	rpByBGP    = "198.18.0.1"
)

func startOneZebra(t *testing.T) *oneZebra {
	t.Helper()
	n := lab.ForTest(t)
	z := &oneZebra{router: n.Router("router"), neighbor: n.Router("neighbor")}
	n.Connect(z.router, "eth0", "10.0.12.2/24", z.neighbor, "eth0", "10.0.12.1/24")
	z.router.AddAddr("lo", "10.0.0.2/32")
	z.neighbor.AddAddr("lo", rpByOSPF+"/32")
	z.zebra = z.router.StartFRR("zebra", "")
	z.neighbor.StartFRR("zebra", "")
	z.others = append(z.others, z.router.StartFRR("staticd", lab.Static("192.0.2.0/24 10.0.12.1")))
	ospf := lab.OSPF{RouterID: "10.0.0.2", Interfaces: []string{"eth0"}}
	z.others = append(z.others, z.router.StartFRR("ospfd", ospf.Config()))
	z.neighbor.StartFRR("ospfd", lab.OSPF{RouterID: rpByOSPF, Interfaces: []string{"eth0"}, Passive: []string{"lo"}}.Config())
	z.bgpd = z.router.StartFRR("bgpd", lab.BGP{AS: 65001, RouterID: "10.0.0.2", Neighbors: []string{"10.0.12.1 remote-as 65002"}}.Config())
	z.neighbor.StartFRR("bgpd", lab.BGP{AS: 65002, RouterID: rpByOSPF, Neighbors: []string{"10.0.12.2 remote-as 65001"}, Networks: []string{"198.18.0.0/16"}}.Config())
	z.router.AwaitRoute(patience, "192.0.2.0/24", "static")
	z.router.AwaitRoute(patience, rpByOSPF+"/32", "ospf")
	z.router.AwaitRoute(2*patience, "198.18.0.0/16", "bgp")
	return z
}

// startMSDP starts msdpd and the neighbour's end of the session.
func (z *oneZebra) startMSDP(t *testing.T, args ...string) {
	t.Helper()
	z.msdpd = z.router.StartMSDPD(peerLine("10.0.12.1", "10.0.12.2")+"ip msdp timers 2 15\n", args...)
	z.peer = connectPeer(t, z.neighbor, "10.0.12.1", "10.0.12.2", peerOptions{})
	z.peer.keepUp()
	z.peer.awaitKeepAlives(1)
}

// routesAre checks what msdpd knows of the three routes.
func (z *oneZebra) routesAre(t *testing.T, from string) {
	t.Helper()
	for _, rp := range []string{rpByStatic, rpByOSPF, rpByBGP} {
		r := awaitRPF(t, z.router, rp, "an answer from "+from, func(r rpf) bool { return r.Route.From != "" && (from == "" || r.Route.From == from) })
		if len(r.Route.Nexthops) != 1 || r.Route.Nexthops[0].IP != "10.0.12.1" || r.Route.Nexthops[0].Interface != "eth0" {
			t.Errorf("route to %s: %+v", rp, r.Route)
		}
	}
}

// No route of zebra or the kernel changes when msdpd comes, is there and is killed, whichever release of FRR zebra is and
// whichever it is taken for; no daemon ends, and whatever msdpd says of a route is so.
func TestZebraKeepsItsRoutes(t *testing.T) {
	t.Parallel()
	z := startOneZebra(t)
	before := settledRoutes(t, z.router)
	for _, taken := range []string{"", "7.5", "8.2", "8.4", "9.1", "10.0", "10.3", "10.7", "11.0"} {
		var args []string
		when := "with its own release"
		if taken != "" {
			args, when = []string{"--zebra-version", taken}, "taken for "+taken
		}
		z.startMSDP(t, args...)
		from := ""
		if taken == "" {
			from = "zebra"
		}
		z.routesAre(t, from)
		allTheWhile(t, 2*time.Second, func() error { return sameRoutes(z.router, before, when) })
		z.routesAre(t, from)
		if r, err := askRPF(z.router, rpByStatic); err == nil {
			t.Logf("%s: %s answers", when, r.Route.From)
		}
		z.msdpd.Kill()
		allTheWhile(t, 2*time.Second, func() error { return sameRoutes(z.router, before, when+", after msdpd's death") })
		for _, d := range append(z.others, z.zebra, z.bgpd) {
			if !d.Alive() {
				t.Fatalf("%s: a daemon of FRR has ended", when)
			}
		}
		if taken == "" {
			log := z.msdpd.Log()
			if strings.Count(log, "zebra's release") != 1 || strings.Contains(log, "cannot read") || strings.Contains(log, "did not understand") {
				t.Errorf("the log of a zebra that is known:\n%s", log)
			}
		}
	}
}

// A zebra that comes and goes ten times costs no session, and is asked again each time.
func TestZebraRestartsTenTimes(t *testing.T) {
	t.Parallel()
	z := startOneZebra(t)
	z.startMSDP(t)
	z.routesAre(t, "zebra")
	began := time.Now()
	for i := range 10 {
		z.zebra.Kill()
		z.zebra.Restart()
		lab.Eventually(t, patience, poll, func() error {
			var s struct{ Zebra struct{ Connected bool } }
			err := z.router.VtyJSON("msdpd", "show ip msdp summary json", &s)
			if n := strings.Count(z.msdpd.Log(), "connected to zebra"); err == nil && (!s.Zebra.Connected || n != i+2) {
				err = fmt.Errorf("connected to zebra %d times, connected: %t", n, s.Zebra.Connected)
			}
			return err
		})
	}
	t.Logf("ten restarts of zebra in %.1f s", time.Since(began).Seconds())
	if !z.peer.up() {
		t.Error("the session has ended")
	}
	// staticd gives its routes to the last zebra, too.
	awaitRPF(t, z.router, rpByStatic, "the last zebra's answer", func(r rpf) bool { return r.Route.From == "zebra" })
	if n := strings.Count(z.msdpd.Log(), "zebra's release"); n != 1 {
		t.Errorf("the log tells zebra's release %d times", n)
	}
}

// A zebra that says its release late, as at boot, is taken for another at first, and found out.
func TestZebraSaysItsReleaseLate(t *testing.T) {
	t.Parallel()
	z := startOneZebra(t)
	z.zebra.Signal(syscall.SIGSTOP)
	z.startMSDP(t)
	lab.Eventually(t, patience, poll, func() error {
		if !strings.Contains(z.msdpd.Log(), "zebra's release is not known") {
			return errors.New("msdpd still waits for zebra's shell")
		}
		return nil
	})
	z.zebra.Signal(syscall.SIGCONT)
	z.routesAre(t, "zebra")
}

// A zebra that stands still holds nothing up: sessions stay, and the kernel answers for what is new.
func TestStuckZebra(t *testing.T) {
	t.Parallel()
	z := startOneZebra(t)
	z.startMSDP(t)
	z.routesAre(t, "zebra")
	z.zebra.Signal(syscall.SIGSTOP)
	resume := func() { z.zebra.Signal(syscall.SIGCONT) }
	t.Cleanup(resume)
	heard := z.peer.keepAliveCount()
	awaitRPF(t, z.router, "192.0.2.77", "the kernel's answer", func(r rpf) bool {
		return r.Route.From == "kernel" && r.RPFPeer == "10.0.12.1"
	})
	if r, err := askRPF(z.router, rpByStatic); err != nil || r.Route.From != "zebra" {
		t.Errorf("what zebra said before: %v: %+v", err, r)
	}
	z.peer.awaitKeepAlives(heard + 5)
	resume()
	awaitRPF(t, z.router, "192.0.2.77", "zebra's answer", func(r rpf) bool { return r.Route.From == "zebra" })
	if !z.peer.up() {
		t.Error("the session has ended")
	}
}

// While bgpd does not answer, zebra tells what bgpd told it (FRR 10.5 and later): rule (iv) applies.
func TestASPathFromZebra(t *testing.T) {
	t.Parallel()
	z := startOneZebra(t)
	said, err := z.router.Vty("zebra", "show version")
	if err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(said, "FRRouting %d.%d", &major, &minor); err != nil {
		t.Fatalf("%v: %q", err, said)
	}
	if major < 10 || major == 10 && minor < 5 {
		t.Skipf("zebra %d.%d does not tell what bgpd told it", major, minor)
	}
	if _, err := z.router.Vty("bgpd", "enable", "configure terminal", "router bgp 65001", "bgp send-extra-data zebra", "end"); err != nil {
		t.Fatal(err)
	}
	// What is in zebra already is not sent again.
	if _, err := z.router.Vty("bgpd", "enable", "clear ip bgp *"); err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, patience, poll, func() error {
		out, err := z.router.Vty("zebra", "show ip route 198.18.0.1 json")
		if err == nil && !strings.Contains(out, "65002") {
			err = fmt.Errorf("zebra knows no AS path: %s", out)
		}
		return err
	})
	z.bgpd.Signal(syscall.SIGSTOP)
	resume := func() { z.bgpd.Signal(syscall.SIGCONT) }
	t.Cleanup(resume)
	z.msdpd = z.router.StartMSDPD("ip msdp peer 10.0.12.1 source 10.0.12.2 as 65002\n")
	z.peer = connectPeer(t, z.neighbor, "10.0.12.1", "10.0.12.2", peerOptions{})
	z.peer.keepUp()
	z.peer.awaitKeepAlives(1)
	// An SA makes it an RP that matters, which is asked about again and again.
	lab.Eventually(t, patience, time.Second, func() error {
		z.peer.announce(rpByBGP, "239.1.1.1", "198.18.0.9")
		r, err := askRPF(z.router, rpByBGP)
		if err == nil && (r.BGP.ASPath != "65002" || r.BGPDAway == "" || r.RPFPeer != "10.0.12.1" || r.Rule != "iv") {
			err = fmt.Errorf("towards %s: %+v", rpByBGP, r)
		}
		return err
	})
	z.peer.announce(rpByBGP, "239.1.1.1", "198.18.0.9") // those before may have come before the path
	z.router.AwaitSA(patience, "msdpd", "198.18.0.9", "239.1.1.1")
	mustContain(t, z.router, "show ip msdp rpf "+rpByBGP, "AS path   : 65002, 198.18.0.0/16, told by zebra")
	resume()
	awaitRPF(t, z.router, rpByBGP, "bgpd's word", func(r rpf) bool { return r.Rule == "ii" && r.BGPDAway == "" && r.BGP.Neighbor == "10.0.12.1" })
}
