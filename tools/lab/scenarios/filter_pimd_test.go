//go:build lab

package scenarios

import (
	"fmt"
	"testing"

	"msdpd/tools/lab"
)

// Either side of a session with FRR's own MSDP can filter, in either direction, by the same access list: what it denies does not
// cross, everything else does; and what msdpd does not deny any more crosses at last.
func TestFiltersAgainstFRR(t *testing.T) {
	t.Parallel()
	pimd := lab.NeedFRR(t, "10.7.1")
	d := startDomains(t, domainsOptions{FRRSpeaks: [2]bool{false, true}, FRR: [2]*lab.FRR{nil, &pimd}})
	own, other := d[0], d[1]
	list := []string{"access-list EDGE deny ip any 239.9.9.0 0.0.0.255", "access-list EDGE permit ip any any"}
	configureMSDPD(t, own.rp, list...)
	if err := other.rp.Configure("pimd", list...); err != nil {
		t.Fatal(err)
	}

	filter := func(no, peer, direction string) string {
		return no + "msdp peer " + peer + " sa-filter EDGE " + direction
	}
	atMSDPD := func(no string) {
		t.Helper()
		configureMSDPD(t, own.rp, "router pim", filter(no, other.rpAddr, "in"), filter(no, other.rpAddr, "out"))
	}
	atPIMD := func(no string) {
		t.Helper()
		if err := other.rp.Configure("pimd", "router pim", filter(no, own.rpAddr, "in"), filter(no, own.rpAddr, "out")); err != nil {
			t.Fatal(err)
		}
	}
	// send has both sources send to a group, and waits until their own RPs announce it.
	send := func(group string) {
		t.Helper()
		for _, dom := range d {
			dom.src.SendMulticast(group, udpPort, lab.SendOptions{})
			dom.rp.AwaitSA(patience, dom.speaker, dom.srcAddr, group)
		}
	}
	// crosses waits until both RPs have the other's source; stays says that neither has.
	crosses := func(group string) {
		t.Helper()
		for i, dom := range d {
			dom.rp.AwaitSA(3*patience, dom.speaker, d[1-i].srcAddr, group)
		}
	}
	stays := func(group string) {
		t.Helper()
		for i, dom := range d {
			sas, err := dom.rp.SAs(dom.speaker)
			if err != nil {
				t.Fatal(err)
			}
			if sa, ok := sas[group][d[1-i].srcAddr]; ok {
				t.Errorf("%s has %+v of the other domain", dom.speaker, sa)
			}
		}
	}

	atMSDPD("")
	send("239.9.9.1")
	send("239.1.1.1")
	crosses("239.1.1.1")
	stays("239.9.9.1")
	mustContain(t, own.rp, "show ip msdp why "+own.srcAddr+" 239.9.9.1", "not sent: sa-filter out: denied by `access-list EDGE seq 5 deny ip any 239.9.9.0 0.0.0.255`")
	mustContain(t, own.rp, "show ip msdp why "+other.srcAddr+" 239.9.9.1", "sa-filter in: denied by `access-list EDGE seq 5 deny ip any 239.9.9.0 0.0.0.255`")
	atMSDPD("no ")
	crosses("239.9.9.1")

	atPIMD("")
	send("239.9.9.2")
	send("239.1.1.2")
	crosses("239.1.1.2")
	stays("239.9.9.2")
	lab.Eventually(t, patience, poll, func() error {
		var peers map[string]struct{ SAFilteredIn, SAFilteredOut int }
		err := other.rp.VtyJSON("pimd", "show ip msdp peer detail json", &peers)
		if p := peers[own.rpAddr]; err == nil && (p.SAFilteredIn == 0 || p.SAFilteredOut == 0) {
			err = fmt.Errorf("pimd has not filtered both ways: %+v", p)
		}
		return err
	})
	if p, err := askPeer(other.rp, "pimd", own.rpAddr); err != nil || p.EstablishedChanges != 1 {
		t.Errorf("the session did not live through the changes: %v, %+v", err, p)
	}
}
