//go:build lab

package scenarios

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// fromB has x prefer b for the way to d, which a offers as well.
const fromB = `ip prefix-list D permit 10.6.0.0/24
route-map FROM-B permit 10
 match ip address prefix-list D
 set local-preference 200
exit
route-map FROM-B permit 20
exit
router bgp 65000
 timers bgp 20 180
 address-family ipv4 unicast
  neighbor 10.100.14.4 route-map FROM-B in
 exit-address-family
exit
`

// One network peers with several others, and each of the rules of RFC 3618 names the neighbour from which it
// takes the sources of one of them, whoever else offers them.
func TestBGPPeerRPF(t *testing.T) {
	t.Parallel()
	g := startBGPNet(t, map[string]string{"x": fromB})
	// e's AS has no peer of x's in it and is not in the way of another.
	g.startMSDP(map[string]string{"x": "ip msdp default-peer " + bgpLoopback("b") + "\n"})
	x := g.routers["x"]
	a, b, i := bgpLink("xa", "a"), bgpLoopback("b"), bgpLoopback("i")
	mustContain(t, x, "show ip msdp summary", "there, 4 neighbours")
	// On the way the answers are there as well.
	awaitRPF(t, g.routers["b"], bgpRP("e"), "rule ii", func(r rpf) bool { return r.Rule == "ii" && r.RPFPeer == bgpLink("be", "e") })
	awaitRPF(t, g.routers["b"], bgpRP("d"), "rule ii", func(r rpf) bool { return r.Rule == "ii" && r.RPFPeer == bgpLink("bd", "d") })
	awaitRPF(t, g.routers["i"], bgpRP("c"), "rule ii", func(r rpf) bool { return r.Rule == "ii" && r.RPFPeer == bgpLink("ic", "c") })

	for _, c := range []struct {
		router, rule, peer string
		asPath, kind       string
	}{
		{"x", "i", bgpRP("x"), "", ""},
		{"a", "ii", a, "65001", "external"},
		{"c", "iii", i, "65003", "internal"},
		{"b", "iv", b, "65002", "external"},
		{"d", "iv", b, "65002 65004", "external"},
		{"e", "v", b, "65005", "external"},
	} {
		rp := bgpRP(c.router)
		r := awaitRPF(t, x, rp, "rule "+c.rule, func(r rpf) bool { return r.Rule == c.rule && r.RPFPeer == c.peer })
		if r.BGP.ASPath != c.asPath || r.BGP.Type != c.kind {
			t.Errorf("towards %s: %+v", rp, r.BGP)
		}
		if !r.Peers[c.peer].Accepted || r.Peers[bgpStranger].Accepted || r.Peers[bgpStranger].Why == "" {
			t.Errorf("towards %s: %+v", rp, r.Peers)
		}
		group, source, wrong := fmt.Sprintf("239.1.1.%d", bgpNumber(c.router)), sourceOf(c.router, 9), sourceOf(c.router, 66)
		before, err := askRefusals(x, bgpStranger)
		if err != nil {
			t.Fatal(err)
		}
		g.stranger.announce(rp, group, wrong)
		awaitRefused(t, x, bgpStranger, before.SARefused["rpf"])
		g.rps[c.router].announce("", group, source)
		awaitFrom(t, x, source, group, c.peer)
		sas, err := x.SAs("msdpd")
		if _, taken := sas[group][wrong]; err != nil || taken {
			t.Errorf("x took a stranger's SA with RP %s: %v", rp, err)
		}
		text, err := x.Msdpsh("show ip msdp rpf " + rp)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("x# show ip msdp rpf %s\n%s", rp, text)
		if want := c.peer + " by rule (" + c.rule + ")"; !says(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	// a and b tell each other, so that each told x of the other's as well.
	for _, from := range []string{a, b} {
		awaitRefused(t, x, from, 0)
	}

	g.followBGP(t)
	g.stopBGPD(t)
	stayed := func(peers ...string) {
		t.Helper()
		for _, peer := range peers {
			if p, err := askPeer(x, "msdpd", peer); err != nil || p.EstablishedChanges != 1 {
				t.Errorf("the session with %s did not stay: %v: %+v", peer, err, p)
			}
		}
	}
	stayed(a, b, i, bgpStranger)
	g.killBGPD(t)
	stayed(a, i, bgpStranger) // nothing but BGP leads to b
}

func sourceOf(router string, host int) string {
	return fmt.Sprintf("10.%d.0.%d", bgpNumber(router), host)
}

// followBGP changes x's path to d, and with it the peer from which x takes the sources there.
func (g *bgpNet) followBGP(t *testing.T) {
	x, rp := g.routers["x"], bgpRP("d")
	a, b := bgpLink("xa", "a"), bgpLoopback("b")
	for n, c := range []struct {
		what           string
		commands       []string
		asPath, rule   string
		peer, wrongWay string
	}{
		// zebra does not hear of the first two: the next hop stays.
		{"another AS path", []string{"set as-path prepend 65001"}, "65001 65002 65004", "iv", a, b},
		{"the old AS path", []string{"no set as-path prepend"}, "65002 65004", "iv", b, a},
		{"another neighbour", []string{"set local-preference 50"}, "65001 65004", "ii", a, b},
	} {
		before, err := askRefusals(x, c.wrongWay)
		if err != nil {
			t.Fatal(err)
		}
		commands := slices.Concat([]string{"enable", "configure terminal", "route-map FROM-B permit 10"}, c.commands, []string{"end", "clear bgp ipv4 unicast 10.100.14.4 soft in"})
		since := time.Now()
		if _, err := x.Vty("bgpd", commands...); err != nil {
			t.Fatal(err)
		}
		r := awaitRPF(t, x, rp, c.what, func(r rpf) bool { return r.RPFPeer == c.peer })
		t.Logf("%s: the RPF peer changed %.3f s after the configuration", c.what, time.Since(since).Seconds())
		if r.Rule != c.rule || r.BGP.ASPath != c.asPath {
			t.Errorf("%s: %+v", c.what, r)
		}
		source := sourceOf("d", 20+n)
		g.rps["d"].announce("", "239.1.1.6", source)
		awaitFrom(t, x, source, "239.1.1.6", c.peer)
		awaitRefused(t, x, c.wrongWay, before.SARefused["rpf"])
	}
}

// stopBGPD holds x's bgpd for longer than the MSDP hold time; what it said stays in force for two minutes.
func (g *bgpNet) stopBGPD(t *testing.T) {
	x := g.routers["x"]
	a, i := bgpLink("xa", "a"), bgpLoopback("i")
	before, err := askPeer(x, "msdpd", i)
	if err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	g.bgpds["x"].Signal(syscall.SIGSTOP)
	defer g.bgpds["x"].Signal(syscall.SIGCONT)
	r := awaitRPF(t, x, bgpRP("a"), "bgpd that does not answer", func(r rpf) bool { return r.BGPDAway != "" })
	if r.Rule != "ii" || r.RPFPeer != a {
		t.Errorf("with bgpd stopped: %+v", r)
	}
	mustContain(t, x, "show ip msdp summary", "bgpd            : does not answer", "bgpd does not answer: ")
	awaitPeer(t, x, "msdpd", i, time.Minute, "KeepAlives for longer than the hold time", func(p peerDetail) bool {
		return p.KARcvd >= before.KARcvd+8 && p.KASent >= before.KASent+8
	})
	for _, c := range []struct{ router, peer string }{{"x", bgpRP("x")}, {"a", a}, {"c", i}} {
		source, group := sourceOf(c.router, 30), fmt.Sprintf("239.1.1.%d", bgpNumber(c.router))
		g.rps[c.router].announce("", group, source)
		awaitFrom(t, x, source, group, c.peer)
	}
	// Its word does not hold for ever. zebra still says that the route is BGP's.
	var late rpf
	lab.Eventually(t, 3*time.Minute, poll, func() (err error) {
		if late, err = askRPF(x, bgpRP("a")); err == nil && late.Rule != "v" {
			err = fmt.Errorf("rule %s holds without bgpd", late.Rule)
		}
		return err
	})
	if late.Route.Protocol != "bgp" || late.BGPDAway == "" {
		t.Errorf("without bgpd: %+v", late)
	}
	t.Logf("what bgpd said held for %.1f s after it was stopped", time.Since(stopped).Seconds())
	g.bgpds["x"].Signal(syscall.SIGCONT)
	awaitRPF(t, x, bgpRP("a"), "bgpd that answers again", func(r rpf) bool { return r.BGPDAway == "" && r.Rule == "ii" })
	lab.Eventually(t, patience, poll, func() error {
		var s struct{ BGPD struct{ Answers bool } }
		err := x.VtyJSON("msdpd", "show ip msdp summary json", &s)
		if err == nil && !s.BGPD.Answers {
			err = fmt.Errorf("bgpd is still away")
		}
		return err
	})
}

// killBGPD has x's bgpd die and start again: its routes go and come, and the rules with them.
func (g *bgpNet) killBGPD(t *testing.T) {
	x := g.routers["x"]
	g.bgpds["x"].Kill()
	awaitRPF(t, x, bgpRP("a"), "no route", func(r rpf) bool { return r.Route.Protocol == "" && r.Rule != "ii" })
	g.bgpds["x"].Restart()
	for n, c := range []struct{ router, rule, peer string }{{"a", "ii", bgpLink("xa", "a")}, {"c", "iii", bgpLoopback("i")}, {"b", "iv", bgpLoopback("b")}} {
		awaitRPF(t, x, bgpRP(c.router), "rule "+c.rule, func(r rpf) bool { return r.Rule == c.rule && r.RPFPeer == c.peer })
		source, group := sourceOf(c.router, 40+n), fmt.Sprintf("239.1.1.%d", bgpNumber(c.router))
		g.rps[c.router].announce("", group, source)
		awaitFrom(t, x, source, group, c.peer)
	}
}
