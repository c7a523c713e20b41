//go:build lab

package scenarios

import (
	"fmt"
	"testing"

	"msdpd/tools/lab"
)

// What is more than either side's sa-limit stays out there, in a session with FRR's own MSDP; what is known stays, and so does the
// session; when the limit is raised, the next SA brings the rest.
func TestLimitsAgainstFRR(t *testing.T) {
	t.Parallel()
	pimd := lab.NeedFRR(t, "10.7.1")
	d := startDomains(t, domainsOptions{FRRSpeaks: [2]bool{false, true}, FRR: [2]*lab.FRR{nil, &pimd}})
	known := []string{"239.1.1.1", "239.1.1.2", "239.1.1.3"}
	const tooMany = "239.1.1.4"
	// limit has both sides take that many sources from the other, in words that both read. In pimd 10.7.1 the `no` form does nothing.
	limit := func(sources int) {
		t.Helper()
		for i, dom := range d {
			if err := dom.rp.Configure(dom.speaker, "router pim", fmt.Sprintf("msdp peer %s sa-limit %d", d[1-i].rpAddr, sources)); err != nil {
				t.Fatal(err)
			}
		}
	}
	send := func(group string) {
		t.Helper()
		for _, dom := range d {
			dom.src.SendMulticast(group, udpPort, lab.SendOptions{})
			dom.rp.AwaitSA(patience, dom.speaker, dom.srcAddr, group)
		}
	}
	crosses := func(group string) {
		t.Helper()
		for i, dom := range d {
			dom.rp.AwaitSA(5*patience, dom.speaker, d[1-i].srcAddr, group)
		}
	}
	for _, g := range known {
		send(g)
		crosses(g)
	}
	limit(len(known))
	send(tooMany)
	// A source is announced once a minute, by pimd all in one message and by msdpd each in its own part of the minute: what comes in
	// two more minutes has brought it.
	messages := map[string]int{"pimd": 2, "msdpd": 2 * (len(known) + 1)}
	for i, dom := range d {
		before, err := askPeer(dom.rp, dom.speaker, d[1-i].rpAddr)
		if err != nil {
			t.Fatal(err)
		}
		awaitPeer(t, dom.rp, dom.speaker, d[1-i].rpAddr, 6*patience, "SAs of two minutes", func(p peerDetail) bool {
			return p.SARcvd >= before.SARcvd+messages[d[1-i].speaker]
		})
	}
	for i, dom := range d {
		sas, err := dom.rp.SAs(dom.speaker)
		if err != nil {
			t.Fatal(err)
		}
		if sa, ok := sas[tooMany][d[1-i].srcAddr]; ok {
			t.Errorf("%s has %+v above its limit", dom.speaker, sa)
		}
	}
	for _, g := range known {
		crosses(g)
	}
	limit(10 * len(known))
	crosses(tooMany)
	for i, dom := range d {
		if p, err := askPeer(dom.rp, dom.speaker, d[1-i].rpAddr); err != nil || p.EstablishedChanges != 1 {
			t.Errorf("%s: the session did not live through the limits: %v, %+v", dom.speaker, err, p)
		}
	}
}
