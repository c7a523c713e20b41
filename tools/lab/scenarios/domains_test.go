//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"msdpd/lib/frrvty"
	"msdpd/tools/lab"
)

// domain is one PIM domain: src — dr — rp — rcv. The source is behind a DR of its own, so that
// its Registers are real; the receiver is on the RP's own LAN.
type domain struct {
	src, dr, rp, rcv *lab.Node
	// srcAddr is the source's address, rpAddr the RP's, on lo.
	srcAddr, rpAddr string
	// speaker is the daemon that speaks MSDP on the RP: "msdpd", or "pimd" for FRR's own.
	speaker string
	// msdpd is nil if FRR speaks.
	msdpd *lab.Daemon
	// zebra, staticd and pimd are the RP's.
	zebra, staticd, pimd *lab.Daemon
}

// domainsOptions say who speaks MSDP. The zero value: msdpd on both sides.
type domainsOptions struct {
	// FRRSpeaks has pimd's own MSDP in the first or in the second domain.
	FRRSpeaks [2]bool
	// FRR is the release in the first and the second domain, if it is not the one that the scenarios run with.
	FRR [2]*lab.FRR
	// Config are more lines for each msdpd; PEER is the other's address.
	Config string
	// Args are more options for msdpd.
	Args []string
}

// udpPort is where sources send to.
const udpPort = 5000

// startDomains builds two domains whose RPs are neighbours and MSDP peers, and waits until PIM and MSDP are up.
// The first has the lower RP address (10.0.0.1), and so connects.
func startDomains(t *testing.T, o domainsOptions) [2]*domain {
	t.Helper()
	n := lab.ForTest(t)
	var d [2]*domain
	for i := range d {
		d[i] = newDomain(n, i+1)
		if o.FRR[i] != nil {
			d[i].dr.FRR, d[i].rp.FRR = *o.FRR[i], *o.FRR[i]
		}
	}
	if o.FRRSpeaks[0] {
		d[0].speaker = "pimd"
	}
	if o.FRRSpeaks[1] {
		d[1].speaker = "pimd"
	}
	n.Connect(d[0].rp, "peer", "10.0.12.1/24", d[1].rp, "peer", "10.0.12.2/24")
	d[0].startRouting("10.0.12.2", d[1])
	d[1].startRouting("10.0.12.1", d[0])
	// msdpd first: FRR's pimd, where it connects, tries once and then again after 30 seconds.
	for i, dom := range d {
		if dom.speaker == "msdpd" {
			dom.pimd = dom.rp.StartFRR("pimd", dom.pim().Config())
			dom.msdpd = dom.rp.StartMSDPD(peerLine(d[1-i].rpAddr, dom.rpAddr)+strings.ReplaceAll(o.Config, "PEER", d[1-i].rpAddr), o.Args...)
		}
	}
	for i, dom := range d {
		if dom.speaker == "pimd" {
			p := dom.pim()
			p.MSDP = []string{"peer " + d[1-i].rpAddr + " source " + dom.rpAddr}
			dom.pimd = dom.rp.StartFRR("pimd", p.Config())
		}
	}
	for i, dom := range d {
		dom.dr.AwaitDR(patience, "src", dom.drAddr())
		dom.dr.AwaitPIMNeighbors(patience, 1)
		dom.rp.AwaitPIMNeighbors(patience, 2)
		dom.rp.AwaitMSDPPeer(2*patience, dom.speaker, d[1-i].rpAddr, "established")
	}
	return d
}

func newDomain(n *lab.Network, id int) *domain {
	name := func(s string) string { return fmt.Sprintf("%s%d", s, id) }
	addr := func(rest string) string { return fmt.Sprintf("10.%d.%s", id, rest) }
	d := &domain{
		src: n.Host(name("src")), dr: n.Router(name("dr")), rp: n.Router(name("rp")), rcv: n.Host(name("rcv")),
		srcAddr: addr("1.2"), rpAddr: fmt.Sprintf("10.0.0.%d", id), speaker: "msdpd",
	}
	n.Connect(d.src, "eth0", addr("1.2/24"), d.dr, "src", addr("1.1/24"))
	n.Connect(d.dr, "rp", addr("12.1/24"), d.rp, "dr", addr("12.2/24"))
	n.Connect(d.rp, "rcv", addr("2.1/24"), d.rcv, "eth0", addr("2.2/24"))
	d.rp.AddAddr("lo", d.rpAddr+"/32")
	return d
}

// drAddr is the DR's address towards the source; toRP and toDR are the link between DR and RP.
func (d *domain) drAddr() string { return d.srcAddr[:len(d.srcAddr)-1] + "1" }
func (d *domain) toDR() string   { return d.srcAddr[:5] + "12.1" }
func (d *domain) toRP() string   { return d.srcAddr[:5] + "12.2" }

// startRouting starts what there is besides the RP's pimd. The other domain is behind the gateway.
func (d *domain) startRouting(gateway string, other *domain) {
	d.dr.StartFRR("zebra", "")
	d.dr.StartFRR("staticd", lab.Static(d.rpAddr+"/32 "+d.toRP(), "10.0.0.0/8 "+d.toRP()))
	d.dr.StartFRR("pimd", lab.PIM{RP: []string{d.rpAddr}, Interfaces: []string{"src", "rp"}}.Config())
	d.zebra = d.rp.StartFRR("zebra", "")
	d.staticd = d.rp.StartFRR("staticd", lab.Static(d.srcAddr[:5]+"1.0/24 "+d.toDR(),
		other.rpAddr+"/32 "+gateway, other.srcAddr[:5]+"0.0/16 "+gateway))
}

func (d *domain) pim() lab.PIM {
	return lab.PIM{RP: []string{d.rpAddr}, Interfaces: []string{"lo", "dr", "rcv", "peer"}, IGMP: []string{"rcv"}}
}

// peerLine configures a peer, in msdpd's and in pimd's words.
func peerLine(peer, local string) string { return "ip msdp peer " + peer + " source " + local + "\n" }

// logTraffic waits for a source's first packet at a receiver and tells how long it took since a moment.
func logTraffic(t *testing.T, what string, r *lab.Receiver, source string, since func() time.Time) {
	t.Helper()
	r.Wait(patience, "a packet from "+source, func(r *lab.Receiver) bool { return r.From(source).Packets > 0 })
	t.Logf("%s: %.3f s", what, r.From(source).First.Received.Sub(since()).Seconds())
}

// addRP tells a running pimd of an RP: its address, and its range if it has one.
func addRP(t *testing.T, nd *lab.Node, rp string) {
	t.Helper()
	err := nd.Configure("pimd", "ip pim rp "+rp)
	// FRR 7.5 takes an RP to which it knows no route yet, and says so.
	var status *frrvty.StatusError
	if errors.As(err, &status) && strings.Contains(status.Text, "No Path to RP") {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
}
