//go:build lab

package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// What an operator does with peers on a running system acts at once, is seen, and costs a session
// only where it must: periods, counters, the originator-id of an interface, shutdown.
func TestLifeOfPeers(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	a, b, c := n.Router("a"), n.Router("b"), n.Host("c")
	n.Connect(a, "b", "10.0.0.1/24", b, "a", "10.0.0.2/24")
	n.Connect(a, "c", "10.0.13.1/24", c, "a", "10.0.13.2/24")
	a.StartFRR("zebra", "")
	b.StartFRR("zebra", "")
	b.StartMSDPD(listensConfig)
	d := a.StartMSDPD(connectsConfig + "ip msdp log neighbor-events\nip msdp originator-id c\n")
	awaitSession(t, a, b, time.Now())
	configure := func(line string) {
		t.Helper()
		if _, err := a.Vty("msdpd", "enable", "configure terminal", line); err != nil {
			t.Fatal(err)
		}
	}

	configure("ip msdp keepalive 10.0.0.2 1 30")
	began := time.Now()
	p := awaitPeer(t, a, "msdpd", "10.0.0.2", patience, "three KeepAlives", func(p peerDetail) bool { return p.KASent >= 4 })
	t.Logf("three KeepAlives within %.1f s", time.Since(began).Seconds())
	if p.EstablishedChanges != 1 {
		t.Errorf("other periods cost the session: %+v", p)
	}
	if _, err := a.Msdpsh("clear ip msdp peer 10.0.0.2 counters"); err != nil {
		t.Fatal(err)
	}
	if p, err := askPeer(a, "msdpd", "10.0.0.2"); err != nil || p.State != "established" || p.EstablishedChanges != 0 {
		t.Errorf("after its counters were cleared: %+v, %v", p, err)
	}

	originator := func(want string) {
		t.Helper()
		lab.Eventually(t, patience, poll, func() error {
			var s struct {
				OriginatorID string   `json:"originatorId"`
				Attention    []string `json:"attention"`
			}
			if err := a.VtyJSON("msdpd", "show ip msdp summary json", &s); err != nil {
				return err
			}
			told := slices.ContainsFunc(s.Attention, func(text string) bool { return strings.Contains(text, "interface c has no IPv4 address") })
			if s.OriginatorID != want || told != (want == "") {
				return fmt.Errorf("originator-id %q, attention %q, want %q", s.OriginatorID, s.Attention, want)
			}
			return nil
		})
	}
	originator("10.0.13.1")
	a.AddAddr("c", "10.0.14.1/24")
	a.DelAddr("c", "10.0.13.1/24")
	originator("10.0.14.1")
	a.DelAddr("c", "10.0.14.1/24")
	originator("")
	a.AddAddr("c", "10.0.13.1/24")
	originator("10.0.13.1")

	configure("ip msdp shutdown")
	a.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "disabled")
	awaitPeer(t, b, "msdpd", "10.0.0.1", patience, "the end of the session", func(p peerDetail) bool { return p.State == "listen" })
	expectFindings(t, a, "obstacle", "shutdown")
	configure("no ip msdp shutdown")
	awaitSession(t, a, b, time.Now())
	expectFindings(t, a, "obstacle", "password", "filter", "redistribute")
	for _, change := range []string{"connecting.*established", "established.*shut down by the operator", "disabled.*shutdown of all peers"} {
		if !regexp.MustCompile("peer state.*" + change).MatchString(d.Log()) {
			t.Errorf("the log has no line %q", change)
		}
	}
}

// expectFindings compares what an audit finds, but limits, which nothing here has.
func expectFindings(t *testing.T, nd *lab.Node, want ...string) {
	t.Helper()
	var report struct {
		Findings []struct{ Check, Subject, Command string }
	}
	if err := nd.VtyJSON("msdpd", "show ip msdp audit json", &report); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range report.Findings {
		if f.Check != "limit" {
			found = append(found, f.Check)
		}
	}
	if !slices.Equal(found, want) {
		t.Errorf("the audit finds %+v, want %q", report.Findings, want)
	}
}
