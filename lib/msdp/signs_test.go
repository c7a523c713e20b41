package msdp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
)

// TestOwnRPFromOutsideIsWarnedOf: once for each peer and RP, and again after ten minutes
// with the count since.
func TestOwnRPFromOutsideIsWarnedOf(t *testing.T) {
	r, logged := watchedRig(t, peersConfig(below1, below2))
	r.s.SetRPs(r.now, rpIs("10.9.9.9"))
	r.up(below1, below2)
	first := sg("10.7.0.1", "239.1.1.1")
	warnings := func() []observer.LoggedEntry {
		return logged.FilterLevelExact(zap.WarnLevel).FilterFieldKey("rp").All()
	}
	r.sa(below1, "10.9.9.9", first, sg("10.7.0.2", "239.1.1.1"))
	r.sa(below1, "10.9.9.9", first)
	if w := warnings(); len(w) != 1 {
		t.Fatalf("%d warnings, want 1", len(w))
	} else if diff := cmp.Diff(map[string]any{"peer": "10.0.0.1", "rp": "10.9.9.9", "sg": "(10.7.0.1,239.1.1.1)", "refused": uint64(1)}, w[0].ContextMap()); diff != "" {
		t.Error(diff)
	}
	r.sa(below2, "10.9.9.9", first)        // another peer
	r.sa(below1, rigLocal.String(), first) // another RP
	r.sa(below1, below1.String(), first)   // not ours
	if n := len(warnings()); n != 3 {
		t.Errorf("%d warnings, want 3", n)
	}
	got := r.s.Snapshot(r.now).Own
	want := []OwnSeen{
		{Peer: below1, RP: ip("10.9.9.9"), First: first, Count: 3, Last: r.now},
		{Peer: below1, RP: rigLocal, First: first, Count: 1, Last: r.now},
		{Peer: below2, RP: ip("10.9.9.9"), First: first, Count: 1, Last: r.now},
	}
	if rigLocal < ip("10.9.9.9") {
		want[0], want[1] = want[1], want[0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range 9 {
		r.advanceAlive(time.Minute)
		r.sa(below1, "10.9.9.9", first)
	}
	if n := len(warnings()); n != 3 {
		t.Errorf("%d warnings after 9 minutes, want 3", n)
	}
	r.advanceAlive(time.Minute)
	r.sa(below1, "10.9.9.9", first)
	w := warnings()
	if len(w) != 4 {
		t.Fatalf("%d warnings after 10 minutes, want 4", len(w))
	}
	if n := w[3].ContextMap()["refused"]; n != uint64(12) {
		t.Errorf("%v refused since the first warning, want 12", n)
	}
	r.advanceAlive(signPeriod)
	if own := r.s.Snapshot(r.now).Own; len(own) != 0 {
		t.Errorf("still there after %v: %v", signPeriod, own)
	}
}

// TestOwnOriginatorFromAMemberIsWarnedOf: our RP address may come from a member, the
// very address that we send may not.
func TestOwnOriginatorFromAMemberIsWarnedOf(t *testing.T) {
	c := meshConfig(nil, below1)
	r, logged := watchedRig(t, c)
	r.s.SetRPs(r.now, rpIs("10.9.9.9"))
	r.up(below1)
	r.sa(below1, "10.9.9.9", sg("10.7.0.1", "239.1.1.1"))
	if n := logged.FilterLevelExact(zap.WarnLevel).Len(); n != 0 {
		t.Errorf("%d warnings of the shared address", n)
	}
	r.sa(below1, rigLocal.String(), sg("10.7.0.2", "239.1.1.1"))
	if n := logged.FilterMessageSnippet("this router's originator-id come from a mesh-group member").Len(); n != 1 {
		t.Errorf("%d warnings of the originator-id", n)
	}
}

// TestRelayedSAsOfMembersAreSeen: what names a member as its RP and comes from another peer.
func TestRelayedSAsOfMembersAreSeen(t *testing.T) {
	c := meshConfig([]ipv4.Addr{below3}, below1, below2)
	r := newRig(t, c)
	r.up(below1, below2, below3)
	r.sa(below1, below1.String(), sg("10.7.0.1", "239.1.1.1")) // its own
	r.sa(below1, below3.String(), sg("10.7.0.2", "239.1.1.1")) // of a peer that is no member
	if got := r.s.Snapshot(r.now).Relayed; len(got) != 0 {
		t.Errorf("relayed: %v", got)
	}
	r.sa(below2, below1.String(), sg("10.7.0.1", "239.1.1.1"))
	r.sa(below3, below1.String(), sg("10.7.0.1", "239.1.1.1"))
	want := []Relayed{{By: below2, Member: below1, Last: r.now}, {By: below3, Member: below1, Last: r.now}}
	if diff := cmp.Diff(want, r.s.Snapshot(r.now).Relayed); diff != "" {
		t.Error(diff)
	}
	r.advanceAlive(signPeriod)
	if got := r.s.Snapshot(r.now).Relayed; len(got) != 0 {
		t.Errorf("relayed long ago: %v", got)
	}
}

func TestSnapshotRPs(t *testing.T) {
	r := newRig(t, meshConfig(nil, below1))
	r.up(below1)
	r.s.AskRPF(r.now, ip("10.5.5.5"))
	r.sa(below1, "10.6.0.1", sg("10.7.0.1", "239.1.1.1"), sg("10.7.0.2", "239.1.1.1"))
	r.sa(below1, "10.6.0.2", sg("10.7.0.3", "239.1.1.1"))
	r.route("10.6.0.1", 10, below1)
	want := []RPRoute{
		{Addr: ip("10.6.0.1"), Entries: 2, Known: true, Reachable: true},
		{Addr: ip("10.6.0.2"), Entries: 1},
	}
	if diff := cmp.Diff(want, r.s.Snapshot(r.now).RPs); diff != "" {
		t.Error(diff)
	}
}
