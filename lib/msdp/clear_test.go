package msdp

import (
	"testing"
	"time"
)

func TestClearGroup(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	a1, a2, b := sg("10.7.0.1", "239.1.1.1"), sg("10.7.0.2", "239.1.1.1"), sg("10.7.0.1", "239.2.2.2")
	r.s.KernelEntry(r.now, sg("0.0.0.0", "239.1.1.1"), 2, 0)
	r.sa(below1, below1.String(), a1, a2, b)
	waits := []string{"239.1.1.1", "239.2.2.2"}
	for _, g := range waits { // until the route to their RP is known
		r.sa(below1, "10.6.0.1", sg("10.7.9.9", g))
	}
	if n := r.s.Summary().Pending; n != 2 {
		t.Fatalf("%d wait, want 2", n)
	}
	if n := r.s.ClearGroup(r.now, ip("239.1.1.1")); n != 2 {
		t.Errorf("%d cleared, want 2", n)
	}
	r.wantCached(false, a1, a2)
	r.wantCached(true, b)
	if n := r.s.Summary().Pending; n != 1 || r.env.leaves != 2 {
		t.Errorf("%d still wait, want 1; %d left, want 2", n, r.env.leaves)
	}
	if n := r.s.ClearGroup(r.now, ip("239.9.9.9")); n != 0 {
		t.Errorf("%d cleared of a group that is not there", n)
	}
	r.route("10.6.0.1", 10, below1)
	r.wantCached(false, sg("10.7.9.9", "239.1.1.1"))
	r.wantCached(true, sg("10.7.9.9", "239.2.2.2"))
}

// TestClearCounters: those of one peer or of all; the sessions stay, and how many there were.
func TestClearCounters(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.sa(below1, below1.String(), sg("10.7.0.1", "239.1.1.1"), sg("10.7.0.1", "232.1.1.1"))
	r.advance(time.Second)
	if !r.s.ClearCounters(r.now, below1) || r.s.ClearCounters(r.now, above1) {
		t.Error("which peers there are")
	}
	st, _ := r.s.Peer(r.now, below1)
	if st.Counters != (PeerCounters{}) || st.CountedFrom != r.now || st.SACount != 1 || st.State != StateEstablished || st.Sessions != 1 {
		t.Errorf("cleared: %+v", st)
	}
	other, _ := r.s.Peer(r.now, below2)
	if other.Counters.KeepAlivesReceived != 1 || other.CountedFrom != start {
		t.Errorf("the other: %+v", other)
	}
	r.s.ClearCounters(r.now, 0)
	if other, _ = r.s.Peer(r.now, below2); other.Counters != (PeerCounters{}) {
		t.Errorf("all: %+v", other.Counters)
	}
}
