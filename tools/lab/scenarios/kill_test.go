//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// killNet is two domains with sources and receivers in both, the stream flowing each way, and at the first RP routes of
// every kind: static, by OSPF from its DR, by BGP from the other RP.
type killNet struct {
	t *testing.T
	d [2]*domain
	// rcv[i] gets what the source of the other domain sends, to its own group.
	rcv [2]*lab.Receiver
}

var killGroups = [2]string{"239.1.1.1", "239.2.2.2"} // of the source in that domain

func startKillNet(t *testing.T) *killNet {
	t.Helper()
	k := &killNet{t: t, d: startDomains(t, domainsOptions{})}
	first, second := k.d[0], k.d[1]
	first.dr.AddAddr("lo", "10.1.77.1/32")
	first.dr.StartFRR("ospfd", lab.OSPF{RouterID: "10.1.77.1", Interfaces: []string{"rp"}, Passive: []string{"lo"}}.Config())
	first.rp.StartFRR("ospfd", lab.OSPF{RouterID: first.rpAddr, Interfaces: []string{"dr"}}.Config())
	bgp := func(own, other int, peer, network string) string {
		return fmt.Sprintf("router bgp %d\n no bgp ebgp-requires-policy\n no bgp network import-check\n neighbor %s remote-as %d\n neighbor %s timers connect 1\n%sexit\n",
			own, peer, other, peer, network)
	}
	first.rp.StartFRR("bgpd", bgp(65001, 65002, "10.0.12.2", ""))
	second.rp.StartFRR("bgpd", bgp(65002, 65001, "10.0.12.1", " network 10.2.77.0/24\n"))
	first.rp.AwaitRoute(patience, "10.1.77.1/32", "ospf")
	first.rp.AwaitRoute(2*patience, "10.2.77.0/24", "bgp")
	first.rp.AwaitRoute(patience, second.rpAddr+"/32", "static")
	for i, dom := range k.d {
		k.rcv[i] = dom.rcv.JoinGroup(killGroups[1-i], "eth0", udpPort)
		dom.rp.AwaitInterest(patience, killGroups[1-i])
	}
	for i, dom := range k.d {
		dom.src.SendMulticast(killGroups[i], udpPort, lab.SendOptions{})
	}
	k.flows("at first", time.Now())
	return k
}

// flows waits until each receiver gets what was sent since a moment, and tells how long that took.
func (k *killNet) flows(when string, since time.Time) {
	k.t.Helper()
	for i := range k.rcv {
		k.flowsTo(i, patience, when, since)
	}
}

// flowsTo does so for the receiver in one domain.
func (k *killNet) flowsTo(i int, limit time.Duration, when string, since time.Time) {
	k.t.Helper()
	a := k.rcv[i].WaitSent(limit, k.d[1-i].srcAddr, since)
	k.t.Logf("traffic to the receiver of domain %d, %s: %.3f s", i+1, when, a.Received.Sub(since).Seconds())
}

// sessions is how often each end has established its session.
func (k *killNet) sessions() [2]int {
	k.t.Helper()
	var n [2]int
	for i, dom := range k.d {
		p, err := askPeer(dom.rp, "msdpd", k.d[1-i].rpAddr)
		if err != nil || p.State != "established" {
			k.t.Fatalf("%s: session with %s: %v, %+v", dom.rp.Name(), k.d[1-i].rpAddr, err, p)
		}
		n[i] = p.EstablishedChanges
	}
	return n
}

// newSourceCrosses has a host next to the source's announce something that was never heard of: the session carries it.
func (k *killNet) newSourceCrosses(when, group string) {
	k.t.Helper()
	for i, dom := range k.d {
		s := dom.src.SendMulticast(group, udpPort, lab.SendOptions{})
		k.d[1-i].rp.AwaitSA(2*patience, "msdpd", dom.srcAddr, group)
		k.t.Logf("a new source of domain %d, %s, is heard in the other after %.3f s", i+1, when, time.Since(s.FirstSent()).Seconds())
		s.Stop()
	}
}

var uptimes = regexp.MustCompile(`\d\d:\d\d:\d\d|\d+[dw]\d\d?[dh]\d\d[hm]`)

// routes is what zebra and the kernel have, without ages.
func routes(nd *lab.Node) (string, error) {
	shown, err := nd.Vty("zebra", "show ip route")
	if err != nil {
		return "", err
	}
	kernel, err := nd.Exec("ip", "-4", "route", "show", "table", "all")
	return uptimes.ReplaceAllString(shown, "AGE") + kernel, err
}

// queued is a route that zebra has not handed to the kernel yet.
var queued = regexp.MustCompile(`(?m)^[A-Z].q`)

// settledRoutes are routes with static ones and those of OSPF and BGP among them, all of which the kernel has.
func settledRoutes(t *testing.T, nd *lab.Node) string {
	t.Helper()
	var all string
	lab.Eventually(t, patience, poll, func() (err error) {
		if all, err = routes(nd); err != nil {
			return err
		}
		for _, part := range []string{"\nS>*", "\nO>*", "\nB>*", "proto static", "proto ospf", "proto bgp"} {
			if !strings.Contains(all, part) {
				return fmt.Errorf("no %q among the routes:\n%s", part, all)
			}
		}
		if queued.MatchString(all) {
			return fmt.Errorf("routes are queued:\n%s", all)
		}
		return nil
	})
	return all
}

func sameRoutes(nd *lab.Node, want, when string) error {
	got, err := routes(nd)
	if err == nil && got != want {
		err = fmt.Errorf("routes %s:\n%s\nbefore:\n%s", when, got, want)
	}
	return err
}

// msdpd is killed and started again. No route of the router changes for it, with static routes and those of OSPF and BGP
// there: neither in zebra nor in the kernel. It takes up the session by itself, tells at once of the local source that it knew before,
// and never of a remote one, whose state it finds in the kernel just like that of the local one. The streams do not stop.
func TestKillMSDPD(t *testing.T) {
	t.Parallel()
	k := startKillNet(t)
	rp, peer := k.d[0].rp, k.d[1].rpAddr
	local := k.d[0].srcAddr + " " + killGroups[0]
	remote := k.d[1].srcAddr + " " + killGroups[1]
	k.d[1].rp.AwaitSA(patience, "msdpd", k.d[0].srcAddr, killGroups[0])
	capture := rp.Capture("peer", "tcp port 639")
	// The state on disk is that of five seconds ago at most: let it have both.
	allTheWhile(t, 6*time.Second, func() error { return nil })
	before := settledRoutes(t, rp)

	k.d[0].msdpd.Kill()
	killed := time.Now()
	allTheWhile(t, 5*time.Second, func() error { return sameRoutes(rp, before, "while msdpd is dead") })
	k.flows("while msdpd is dead", killed)
	k.d[0].msdpd.Restart()
	started := time.Now()
	rp.AwaitMSDPPeer(patience, "msdpd", peer, "established")
	t.Logf("session up %.3f s after msdpd's return", time.Since(started).Seconds())
	k.flows("after msdpd's return", started)
	// More than one period of advertisements.
	allTheWhile(t, 70*time.Second, func() error { return sameRoutes(rp, before, "after msdpd's return") })
	k.newSourceCrosses("after msdpd's return", "239.3.3.3")

	sent := messagesFrom(t, capture, k.d[0].rpAddr)
	up := slices.IndexFunc(sent, func(m sentMessage) bool { return m.at.After(killed) && m.kind == wire.TypeKeepAlive })
	if up < 0 {
		t.Fatalf("no KeepAlive since msdpd's return: %v", sent)
	}
	next := slices.IndexFunc(sent[up:], func(m sentMessage) bool { return slices.Contains(m.sources, local) })
	if next < 0 {
		t.Fatalf("no SA of the old local source since msdpd's return: %v", sent)
	}
	t.Logf("the SA of the old local source left %.3f s after the session's first message", sent[up+next].at.Sub(sent[up].at).Seconds())
	if after := sent[up+next].at.Sub(sent[up].at); after > 5*time.Second {
		t.Errorf("the SA of the old local source left after %v, want within 5 s", after)
	}
	again := 0
	for _, m := range sent {
		if slices.Contains(m.sources, remote) {
			t.Errorf("an SA of the remote source has left at %v, RP %s", m.at, m.rp)
		}
		if m.at.After(killed) && slices.Contains(m.sources, local) {
			again++
		}
	}
	if again < 2 {
		t.Errorf("%d SAs of the local source since msdpd's return, want the first and a periodic one: %v", again, sent)
	}
	p, err := askPeer(k.d[1].rp, "msdpd", k.d[0].rpAddr)
	if err != nil || p.State != "established" || p.EstablishedChanges != 2 {
		t.Errorf("the other end: %v, %+v, want its second session established", err, p)
	}
}

// pimd is killed, which empties the kernel's multicast table, and started again: the session stays, and the streams come
// back without anybody's help. Receivers of this RP have theirs in seconds. Those behind another router that had joined through
// this one wait for its next periodic Join, a minute at most: its pimd (8.4.4) sees the new GenID, and then sets
// its Join timer back to 60 s when it makes the neighbour anew. MSDP has no part in that.
func TestKillPIMD(t *testing.T) {
	t.Parallel()
	k := startKillNet(t)
	before := k.sessions()
	k.d[0].pimd.Kill()
	killed := time.Now()
	lab.Eventually(t, patience, poll, func() error {
		s, err := askSummary(k.d[0].rp)
		if err == nil && s.PIMD.Present {
			err = errors.New("msdpd has not noticed that pimd is gone")
		}
		return err
	})
	t.Logf("msdpd has noticed that pimd is gone %.3f s after it was killed", time.Since(killed).Seconds())
	k.d[0].pimd.Restart()
	started := time.Now()
	k.flowsTo(0, patience, "since pimd's start", started)
	k.newSourceCrosses("after pimd's return", "239.3.3.3")
	k.flowsTo(1, joinPeriod+patience, "since pimd's start", started)
	if after := k.sessions(); after != before {
		t.Errorf("sessions established before %v, after %v: pimd's death has ended one", before, after)
	}
}

// joinPeriod is PIM's t_periodic (RFC 7761 §4.11).
const joinPeriod = time.Minute

// zebra is killed and started again: the sessions stay, the streams go on, and msdpd is connected to it again within seconds of
// its return. What zebra has to learn anew from staticd and bgpd takes its own time; ospfd 8.4.4 never tells it again, and
// neither does staticd 7.5.1, which is therefore started anew as FRR's watchfrr would do.
func TestKillZebra(t *testing.T) {
	t.Parallel()
	k := startKillNet(t)
	before := k.sessions()
	rp := k.d[0].rp
	k.d[0].zebra.Kill()
	killed := time.Now()
	connected := func(want bool) {
		t.Helper()
		lab.Eventually(t, patience, poll, func() error {
			s, err := askSummary(rp)
			if err == nil && s.Zebra.Connected != want {
				err = fmt.Errorf("msdpd's connection to zebra: %t, want %t", s.Zebra.Connected, want)
			}
			return err
		})
	}
	connected(false)
	k.flows("while zebra is dead", time.Now())
	k.newSourceCrosses("while zebra is dead", "239.3.3.3")
	t.Logf("zebra was dead for %.1f s", time.Since(killed).Seconds())
	k.d[0].zebra.Restart()
	started := time.Now()
	connected(true)
	t.Logf("msdpd is connected to zebra %.3f s after its start", time.Since(started).Seconds())
	if !rp.AtLeast("8.0") {
		k.d[0].staticd.Restart()
	}
	rp.AwaitRoute(3*patience, k.d[1].rpAddr+"/32", "static")
	t.Logf("staticd's route to the peer is back %.1f s after zebra's start", time.Since(started).Seconds())
	k.flows("since that route is back", time.Now())
	lab.Eventually(t, patience, poll, func() error {
		out, err := rp.Msdpsh("show ip msdp rpf " + k.d[1].rpAddr)
		if err == nil && !says(out, "told by zebra") {
			err = fmt.Errorf("the route to the peer is not zebra's:\n%s", out)
		}
		return err
	})
	k.newSourceCrosses("after zebra's return", "239.4.4.4")
	// Longer than the hold time: a session that had died silently would be gone by now.
	allTheWhile(t, 80*time.Second, func() error {
		if after := k.sessions(); after != before {
			return fmt.Errorf("sessions established before %v, now %v: zebra's death has ended one", before, after)
		}
		return nil
	})
	k.flows("long after", time.Now())
}
