//go:build lab

package scenarios

import (
	"testing"
	"time"

	"msdpd/tools/lab"
)

// A neighbour network may run FRR's own MSDP: sources of both sides are heard on the other, whoever connects.
func TestInteropWithFRR(t *testing.T) {
	t.Parallel()
	t.Run("msdpd connects", func(t *testing.T) {
		t.Parallel()
		crossBothWays(t, startDomains(t, domainsOptions{FRRSpeaks: [2]bool{false, true}}))
	})
	t.Run("msdpd listens", func(t *testing.T) {
		t.Parallel()
		crossBothWays(t, startDomains(t, domainsOptions{FRRSpeaks: [2]bool{true, false}}))
	})
}

// The neighbour's FRR is another release than one's own, older or newer.
func TestInteropWithOtherFRR(t *testing.T) {
	t.Parallel()
	older, newer := lab.NeedFRR(t, "8.4.4"), lab.NeedFRR(t, "10.7.1")
	t.Run("msdpd on 8.4.4, pimd of 10.7.1", func(t *testing.T) {
		t.Parallel()
		crossBothWays(t, startDomains(t, domainsOptions{FRRSpeaks: [2]bool{false, true}, FRR: [2]*lab.FRR{&older, &newer}}))
	})
	t.Run("pimd of 8.4.4, msdpd on 10.7.1", func(t *testing.T) {
		t.Parallel()
		crossBothWays(t, startDomains(t, domainsOptions{FRRSpeaks: [2]bool{true, false}, FRR: [2]*lab.FRR{&older, &newer}}))
	})
}

// A session with FRR's MSDP on which no SA passes lives by KeepAlives alone, longer than the hold time of 75 seconds.
func TestKeepAlivesWithFRR(t *testing.T) {
	t.Parallel()
	const longerThanHold = 100 * time.Second
	quiet := func(t *testing.T, msdpd, frr *lab.Node, msdpdConfig, pimdMSDP, msdpdPeer, frrPeer string) {
		msdpd.StartMSDPD(msdpdConfig)
		frr.StartFRR("pimd", lab.PIM{MSDP: []string{pimdMSDP}}.Config())
		for _, end := range []struct {
			node         *lab.Node
			daemon, peer string
		}{{msdpd, "msdpd", msdpdPeer}, {frr, "pimd", frrPeer}} {
			p := awaitPeer(t, end.node, end.daemon, end.peer, 3*time.Minute, "a session older than the hold time", func(p peerDetail) bool {
				return p.State == "established" && duration(p.UpTime) > longerThanHold
			})
			t.Logf("%s: up %s, %d KeepAlives sent, %d received", end.daemon, p.UpTime, p.KASent, p.KARcvd)
			if p.EstablishedChanges != 1 || p.KASent < 2 || p.KARcvd < 2 || p.SARcvd != 0 {
				t.Errorf("%s: %+v, want one session, KeepAlives both ways and no SA", end.daemon, p)
			}
		}
	}
	t.Run("msdpd connects", func(t *testing.T) {
		t.Parallel()
		a, b := neighbours(t)
		quiet(t, a, b, connectsConfig, "peer 10.0.0.1 source 10.0.0.2", "10.0.0.2", "10.0.0.1")
	})
	t.Run("msdpd listens", func(t *testing.T) {
		t.Parallel()
		a, b := neighbours(t)
		quiet(t, b, a, listensConfig, "peer 10.0.0.2 source 10.0.0.1", "10.0.0.1", "10.0.0.2")
	})
}
