//go:build lab

package scenarios

import (
	"fmt"
	"slices"
	"testing"

	"msdpd/tools/lab"
)

// anycastRP is the address that all RPs of a network share (RFC 3446).
const anycastRP = "10.0.0.100"

// anycastSite is an RP with a source behind a DR of its own and a receiver on its LAN: src — dr — rp — rcv. Each RP is
// linked to each other one.
type anycastSite struct {
	src, dr, rp, rcv         *lab.Node
	srcAddr, ownAddr, daemon string
	links                    []string // to the other RPs
	routes                   []string
}

// startAnycast builds RPs 10.0.0.1, 10.0.0.2, … in one mesh group, one for each speaker ("msdpd" or "pimd"), and waits
// until PIM and MSDP are up. originator-id is set nowhere.
func startAnycast(t *testing.T, speakers ...string) []*anycastSite {
	t.Helper()
	n := lab.ForTest(t)
	var sites []*anycastSite
	for i, speaker := range speakers {
		id := i + 1
		net := func(rest string) string { return fmt.Sprintf("10.%d.%s", id, rest) }
		name := func(s string) string { return fmt.Sprintf("%s%d", s, id) }
		s := &anycastSite{
			src: n.Host(name("src")), dr: n.Router(name("dr")), rp: n.Router(name("rp")), rcv: n.Host(name("rcv")),
			srcAddr: net("1.2"), ownAddr: fmt.Sprintf("10.0.0.%d", id), daemon: speaker,
			routes: []string{net("1.0/24 ") + net("12.1")},
		}
		n.Connect(s.src, "eth0", net("1.2/24"), s.dr, "src", net("1.1/24"))
		n.Connect(s.dr, "rp", net("12.1/24"), s.rp, "dr", net("12.2/24"))
		n.Connect(s.rp, "rcv", net("2.1/24"), s.rcv, "eth0", net("2.2/24"))
		s.rp.AddAddr("lo", s.ownAddr+"/32")
		s.rp.AddAddr("lo", anycastRP+"/32")
		for j, other := range sites {
			linkNet := fmt.Sprintf("10.0.%d%d.", j+1, id)
			ifOther, ifHere := fmt.Sprintf("rp%d", id), fmt.Sprintf("rp%d", j+1)
			n.Connect(other.rp, ifOther, linkNet+"1/24", s.rp, ifHere, linkNet+"2/24")
			other.links, s.links = append(other.links, ifOther), append(s.links, ifHere)
			other.routes = append(other.routes, s.ownAddr+"/32 "+linkNet+"2", net("0.0/16 ")+linkNet+"2")
			s.routes = append(s.routes, other.ownAddr+"/32 "+linkNet+"1", fmt.Sprintf("10.%d.0.0/16 ", j+1)+linkNet+"1")
		}
		s.dr.StartFRR("zebra", "")
		s.dr.StartFRR("staticd", lab.Static(anycastRP+"/32 "+net("12.2"), "10.0.0.0/8 "+net("12.2")))
		s.dr.StartFRR("pimd", lab.PIM{RP: []string{anycastRP}, Interfaces: []string{"src", "rp"}}.Config())
		sites = append(sites, s)
	}
	for _, s := range sites {
		s.rp.StartFRR("zebra", "")
		s.rp.StartFRR("staticd", lab.Static(s.routes...))
		s.startSpeaker(sites)
	}
	for _, s := range sites {
		s.dr.AwaitDR(patience, "src", s.srcAddr[:len(s.srcAddr)-1]+"1")
		s.dr.AwaitPIMNeighbors(patience, 1)
		s.rp.AwaitPIMNeighbors(patience, len(sites))
		for _, other := range sites {
			if other != s {
				s.rp.AwaitMSDPPeer(2*patience, s.daemon, other.ownAddr, "established")
			}
		}
	}
	return sites
}

func (s *anycastSite) startSpeaker(sites []*anycastSite) {
	mesh := []string{"mesh-group anycast source " + s.ownAddr}
	for _, other := range sites {
		if other != s {
			mesh = append(mesh, "mesh-group anycast member "+other.ownAddr)
		}
	}
	p := lab.PIM{RP: []string{anycastRP}, Interfaces: append([]string{"lo", "dr", "rcv"}, s.links...), IGMP: []string{"rcv"}}
	if s.daemon == "pimd" {
		p.MSDP = mesh
	}
	s.rp.StartFRR("pimd", p.Config())
	if s.daemon == "msdpd" {
		var config string
		for _, line := range mesh {
			config += "ip msdp " + line + "\n"
		}
		s.rp.StartMSDPD(config)
	}
}

// Anycast-RP with FRR's own MSDP on the other RP, its originator-id unset: a source that registers at either is known
// at the other, and receivers at either get it, whichever of the two was there first.
func TestAnycastWithFRR(t *testing.T) {
	t.Parallel()
	for _, speakers := range [][]string{{"msdpd", "pimd"}, {"pimd", "msdpd"}} {
		t.Run(speakers[0]+" connects to "+speakers[1], func(t *testing.T) {
			t.Parallel()
			sites := startAnycast(t, speakers...)
			for i, from := range sites {
				to := sites[1-i]
				early, late := fmt.Sprintf("239.1.1.%d", i+1), fmt.Sprintf("239.1.2.%d", i+1)

				r := to.rcv.JoinGroup(early, "eth0", udpPort)
				to.rp.AwaitInterest(patience, early)
				s := from.src.SendMulticast(early, udpPort, lab.SendOptions{Interval: every})
				logTraffic(t, from.daemon+" to "+to.daemon+", receiver first", r, from.srcAddr, s.FirstSent)
				to.awaitRemote(t, from, early)
				from.awaitLocal(t, early)

				s = from.src.SendMulticast(late, udpPort, lab.SendOptions{Interval: every})
				to.awaitRemote(t, from, late)
				r = to.rcv.JoinGroup(late, "eth0", udpPort)
				logTraffic(t, from.daemon+" to "+to.daemon+", source first, from first packet sent on", r, from.srcAddr, s.FirstSent)

				here := from.rcv.JoinGroup(late, "eth0", udpPort)
				here.WaitFirst(patience)
			}
		})
	}
}

// awaitRemote waits until s has a source of another site and checks that it is not taken for a local one.
func (s *anycastSite) awaitRemote(t *testing.T, from *anycastSite, group string) {
	t.Helper()
	sa := s.rp.AwaitSA(patience, s.daemon, from.srcAddr, group)
	t.Logf("%s of %s: RP %s", s.daemon, s.ownAddr, sa.RP)
	if sa.Local != "no" {
		t.Errorf("%s: %+v, want a remote source", s.daemon, sa)
	}
	if from.daemon == "msdpd" && sa.RP != from.ownAddr {
		t.Errorf("%s: %+v, want RP %s, the source of msdpd's mesh group", s.daemon, sa, from.ownAddr)
	}
}

func (s *anycastSite) awaitLocal(t *testing.T, group string) {
	t.Helper()
	if sa := s.rp.AwaitSA(patience, s.daemon, s.srcAddr, group); sa.Local != "yes" {
		t.Errorf("%s: %+v, want a local source", s.daemon, sa)
	}
}

// Three Anycast-RPs in one mesh group: a source that registers to one reaches receivers behind both others,
// and no member hands on to a member what it heard from one (RFC 3618 §10.2).
func TestAnycastOfThree(t *testing.T) {
	t.Parallel()
	sites := startAnycast(t, "msdpd", "msdpd", "msdpd")
	const first, second = "239.1.1.1", "239.1.1.2"
	from, others := sites[0], sites[1:]
	capture := others[0].rp.Capture("any", "tcp port 639")

	var receivers []*lab.Receiver
	for _, s := range others {
		receivers = append(receivers, s.rcv.JoinGroup(first, "eth0", udpPort))
		s.rp.AwaitInterest(patience, first)
	}
	sender := from.src.SendMulticast(first, udpPort, lab.SendOptions{Interval: every})
	for i, s := range others {
		logTraffic(t, "to "+s.ownAddr, receivers[i], from.srcAddr, sender.FirstSent)
		s.awaitRemote(t, from, first)
		s.expectOnlyFrom(t, sites, from)
	}

	// A later source of the second member's own passes the same way as the first one would have.
	others[0].src.SendMulticast(second, udpPort, lab.SendOptions{Interval: every})
	for _, s := range []*anycastSite{from, others[1]} {
		s.awaitRemote(t, others[0], second)
	}
	others[1].expectOnlyFrom(t, sites, from, others[0])
	sentBy := func(s *anycastSite) (groups []string) {
		lab.Eventually(t, patience, poll, func() error {
			rows, err := capture.Packets("ip.src=="+s.ownAddr+" && msdp.type==1", "msdp.sa.group_addr")
			if err == nil && len(rows) == 0 {
				err = fmt.Errorf("no SA of %s in the capture yet", s.ownAddr)
			}
			groups = nil
			for _, row := range rows {
				groups = append(groups, row...)
			}
			return err
		})
		return groups
	}
	if g := sentBy(from); !slices.Contains(g, first) {
		t.Errorf("the capture has SAs of %s for %v, want %s: it is not fit to show what is missing", from.ownAddr, g, first)
	}
	if g := sentBy(others[0]); slices.Contains(g, first) || !slices.Contains(g, second) {
		t.Errorf("%s sent SAs for %v, want %s, its own, and not %s, which it has from a member", others[0].ownAddr, g, second, first)
	}
}

// expectOnlyFrom checks from which members s has had SAs.
func (s *anycastSite) expectOnlyFrom(t *testing.T, sites []*anycastSite, from ...*anycastSite) {
	t.Helper()
	for _, other := range sites {
		if other == s {
			continue
		}
		p, err := askPeer(s.rp, s.daemon, other.ownAddr)
		if err != nil {
			t.Error(err)
		} else if slices.Contains(from, other) != (p.SARcvd > 0) {
			t.Errorf("%s has %d SAs from %s, want some only from %d members", s.ownAddr, p.SARcvd, other.ownAddr, len(from))
		}
	}
}
