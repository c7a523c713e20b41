//go:build lab

package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"msdpd/tools/lab"
)

// What an operator filters does not cross, in the direction that he names, and he is told why. A list can be
// changed while the sessions are up: what is not permitted any more leaves the cache at once.
func TestFilters(t *testing.T) {
	t.Parallel()
	s := startSiege(t)
	bad := connectPeer(t, s.bad, badAddr, routerToBad, peerOptions{})
	bad.keepUp()
	other := connectPeer(t, s.other, otherAddr, routerToOther, peerOptions{})
	other.keepUp()
	other.awaitKeepAlives(1)
	configure := func(lines ...string) string {
		t.Helper()
		out, err := s.router.Vty("msdpd", slices.Concat([]string{"enable", "configure terminal"}, lines)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	cached := func(source, group string) error {
		sas, err := s.router.SAs("msdpd")
		if _, ok := sas[group][source]; err == nil && !ok {
			err = fmt.Errorf("(%s,%s) is not in the cache: %v", source, group, sas)
		}
		return err
	}

	// A list that does not exist refuses everything, and that is said at once.
	if out := configure("ip msdp peer " + badAddr + " sa-filter EDGE in"); !strings.Contains(out, "there is no list EDGE") {
		t.Errorf("configuring a filter without its list says %q", out)
	}
	bad.announce("", "238.1.1.1", "192.88.1.1")
	lab.Eventually(t, patience, poll, func() error {
		if p := s.peer(badAddr); p.Refused["sa-filter"] == 0 {
			return fmt.Errorf("nothing is refused: %+v", p)
		}
		return nil
	})
	mustContain(t, s.router, "show ip msdp peer "+badAddr, "SA Filter In        : EDGE, which does not exist: nothing passes")

	configure("access-list EDGE seq 10 deny ip 192.88.0.0 0.0.255.255 host 238.9.9.9", "access-list EDGE seq 20 permit ip any any")
	bad.announce("", "238.1.1.1", "192.88.1.1")
	bad.announce("", "238.9.9.9", "192.88.1.1")
	lab.Eventually(t, patience, poll, func() error { return cached("192.88.1.1", "238.1.1.1") })
	lab.Eventually(t, patience, poll, func() error {
		if p := s.peer(badAddr); p.Refused["sa-filter"] != 2 {
			return fmt.Errorf("%d refused, want 2", p.Refused["sa-filter"])
		}
		return nil
	})
	mustContain(t, s.router, "show ip msdp why 192.88.1.1 238.9.9.9", badAddr, "sa-filter in: denied by `access-list EDGE seq 10 deny ip 192.88.0.0 0.0.255.255 host 238.9.9.9`")
	mustContain(t, s.router, "show ip msdp sa rejected", "192.88.1.1", "238.9.9.9", "sa-filter")
	mustContain(t, s.router, "test ip msdp sa-filter EDGE 192.88.1.1 238.9.9.9", "denied by `access-list EDGE seq 10")
	mustContain(t, s.router, "test ip msdp sa-filter EDGE 192.88.1.1 238.9.9.8 rp 10.9.9.9", "permitted by `access-list EDGE seq 20")

	// Outwards, by the list that is always there: what should not leave a domain does not.
	configure("ip msdp peer "+otherAddr+" sa-filter msdp-border out", "ip msdp peer "+otherAddr+" scope-boundary SCOPE",
		"access-list SCOPE deny 238.2.0.0/16", "access-list SCOPE permit any")
	s.good.announce("", "238.3.0.1", "10.9.9.1") // a private source
	s.good.announce("", "239.3.0.1", "192.88.2.1")
	s.good.announce("", "238.2.0.1", "192.88.2.1")
	s.good.announce("", "238.3.0.1", "192.88.2.1")
	lab.Eventually(t, patience, poll, func() error {
		if other.rpOf("192.88.2.1", "238.3.0.1") == "" {
			return fmt.Errorf("what may cross is not sent")
		}
		return nil
	})
	for _, sg := range [][2]string{{"10.9.9.1", "238.3.0.1"}, {"192.88.2.1", "239.3.0.1"}, {"192.88.2.1", "238.2.0.1"}} {
		if other.rpOf(sg[0], sg[1]) != "" {
			t.Errorf("(%s,%s) was sent", sg[0], sg[1])
		}
		if bad.rpOf(sg[0], sg[1]) == "" {
			t.Errorf("(%s,%s) was not sent to a peer without a filter", sg[0], sg[1])
		}
	}
	mustContain(t, s.router, "show ip msdp why 192.88.2.1 238.2.0.1", otherAddr, "not sent: scope-boundary: denied by `access-list SCOPE seq 5 deny 238.2.0.0/16`")

	configure("access-list EDGE seq 15 deny ip any host 238.1.1.1")
	if cached("192.88.1.1", "238.1.1.1") == nil {
		t.Error("what the list does not permit any more is still cached")
	}
	if !bad.up() || !other.up() || s.peer(badAddr).EstablishedChanges != 1 {
		t.Error("a session did not live through the changes")
	}
	s.unharmed("filters")
}
