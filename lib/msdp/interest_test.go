package msdp

import (
	"testing"
	"time"
)

var anyA = sg("0.0.0.0", "239.1.1.1")

func TestInterestBeforeAndAfterTheSA(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	r.sa(below1, below1.String(), sgA, sgC)
	if len(r.env.joined) != 0 {
		t.Fatal("joined without a receiver")
	}
	r.advanceAlive(time.Minute)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	if !r.env.joined[sgA] || r.env.joined[sgC] {
		t.Errorf("joined: %v", r.env.joined)
	}
	r.sa(below1, below1.String(), sgB)
	if !r.env.joined[sgB] {
		t.Error("a new source of a group with receivers was not joined")
	}
	r.s.KernelEntry(r.now, anyA, 3, 0) // another update of the same
	r.sa(below1, below1.String(), sgA) // a refresh
	if r.env.joins != 2 {
		t.Errorf("%d joins", r.env.joins)
	}
	r.s.KernelEntryGone(r.now, anyA)
	if len(r.env.joined) != 0 {
		t.Errorf("still joined: %v", r.env.joined)
	}
}

func TestJoinEndsWithTheEntry(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	r.sa(below1, below1.String(), sgA)
	r.advanceAlive(211 * time.Second)
	if len(r.env.joined) != 0 {
		t.Error("an expired entry stays joined")
	}
}

func TestOnLinkSourceIsNeverJoined(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	near := sg("10.1.0.7", "239.1.1.1")
	r.sa(below1, below1.String(), near)
	r.wantCached(true, near)
	if r.env.joined[near] {
		t.Error("joined")
	}
	// The subnet goes: now it is to be joined; it comes back: no more.
	all := rigInterfaces().All()
	r.s.SetInterfaces(r.now, interfacesWithout(all, "lan0"))
	if !r.env.joined[near] {
		t.Error("not joined without the subnet")
	}
	r.s.SetInterfaces(r.now, rigInterfaces())
	if r.env.joined[near] {
		t.Error("joined with the subnet back")
	}
}
