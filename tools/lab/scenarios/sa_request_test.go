//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// A receiver appears while its RP does not know the source: it asks its peer, and the answer brings the join at once, not
// only with the next SA. Request and answer on the wire are what tshark knows as types 2 and 3.
func TestRequestBringsTheJoin(t *testing.T) {
	t.Parallel()
	d := startDomains(t, domainsOptions{Config: "ip msdp peer PEER sa-request accept\nip msdp peer PEER sa-request send\n"})
	wired := d[1].rp.Capture("peer", "tcp port 639")
	source := d[0].src.SendMulticast(group, udpPort, lab.SendOptions{})
	d[1].rp.AwaitSA(patience, "msdpd", d[0].srcAddr, group)

	// It was forgotten: the next SA may be a minute away, the session stays.
	if out, err := d[1].rp.Vty("msdpd", "enable", "clear ip msdp sa-cache"); err != nil {
		t.Fatalf("%q, %v", out, err)
	}
	if sas, err := d[1].rp.SAs("msdpd"); err != nil || len(sas[group]) > 0 {
		t.Fatalf("still in the cache: %v, %v", sas, err)
	}
	r := d[1].rcv.JoinGroup(group, "eth0", udpPort)
	logTraffic(t, "the source that was asked for", r, d[0].srcAddr, source.FirstSent)
	awaitJoin(t, d[1].rp, d[0].srcAddr, group, "confirmed")

	request := awaitMessage(t, wired, d[1].rpAddr, wire.TypeSARequest)
	answer := awaitMessage(t, wired, d[0].rpAddr, wire.TypeSAResponse)
	if answer.at.Before(request.at) || answer.rp != d[0].rpAddr || !slices.Equal(answer.sources, []string{d[0].srcAddr + " " + group}) {
		t.Errorf("asked at %s, answered %+v", request.at, answer)
	}
	// No SA did it: none came between the answer and what was cleared.
	for _, m := range messagesFrom(t, wired, d[0].rpAddr) {
		if m.kind == wire.TypeSourceActive && m.at.After(request.at) && m.at.Before(answer.at) {
			t.Errorf("an SA came as well: %+v", m)
		}
	}
	lab.Eventually(t, patience, poll, func() error {
		rows, err := wired.Packets("msdp.type == 2", "ip.src", "msdp.length", "msdp.sa_req.group_addr")
		if err == nil && (len(rows) == 0 || !slices.Equal(rows[0], []string{d[1].rpAddr, "8", group})) {
			err = fmt.Errorf("tshark shows requests %q", rows)
		}
		return err
	})
	lab.Eventually(t, patience, poll, func() error {
		rows, err := wired.Packets("msdp.type == 3", "ip.src", "msdp.sa.rp_addr", "msdp.sa.group_addr", "msdp.sa.src_addr")
		if want := []string{d[0].rpAddr, d[0].rpAddr, group, d[0].srcAddr}; err == nil && (len(rows) == 0 || !slices.Equal(rows[0], want)) {
			err = fmt.Errorf("tshark shows answers %q, want %q", rows, want)
		}
		return err
	})

	// A peer that does not accept requests counts them and says nothing.
	if _, err := d[0].rp.Vty("msdpd", "enable", "configure terminal", "no ip msdp peer "+d[1].rpAddr+" sa-request accept"); err != nil {
		t.Fatal(err)
	}
	d[1].rcv.JoinGroup("239.1.1.9", "eth0", udpPort)
	lab.Eventually(t, patience, poll, func() error {
		out, err := d[0].rp.Vty("msdpd", "show ip msdp peer "+d[1].rpAddr)
		if err == nil && !strings.Contains(out, "SA Requests refused : 1") {
			err = errors.New(out)
		}
		return err
	})
	if n := len(slices.DeleteFunc(messagesFrom(t, wired, d[0].rpAddr), func(m sentMessage) bool { return m.kind != wire.TypeSAResponse })); n != 1 {
		t.Errorf("%d answers, want 1", n)
	}
}

// awaitMessage waits for the first message of a type from an address.
func awaitMessage(t *testing.T, c *lab.Capture, from string, kind wire.Type) sentMessage {
	t.Helper()
	var found sentMessage
	lab.Eventually(t, patience, poll, func() error {
		for _, m := range messagesFrom(t, c, from) {
			if m.kind == kind {
				found = m
				return nil
			}
		}
		return fmt.Errorf("%s sent no %v", from, kind)
	})
	return found
}
