package main

import (
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

// Each watched RP has its turn every second, or as often as 100 questions a second allow.
func TestZebraPathsTakeTurns(t *testing.T) {
	const count = 250
	var p zebraPaths
	now := time.Unix(1000, 0)
	asked := make(map[ipv4.Addr]int)
	tick := func() int {
		some := p.next(now)
		for _, rp := range some {
			asked[rp]++
		}
		now = now.Add(msdp.TickInterval)
		return len(some)
	}
	if tick() != 0 {
		t.Fatal("asked about nothing")
	}
	for i := range ipv4.Addr(count) {
		p.watch(i + 1)
	}
	most := int(zebraPathRate * msdp.TickInterval / time.Second)
	for range 4 * time.Second / msdp.TickInterval {
		if n := tick(); n > most {
			t.Fatalf("%d questions at once, at most %d", n, most)
		}
	}
	if len(asked) != count {
		t.Errorf("asked about %d of %d", len(asked), count)
	}
	for i := range ipv4.Addr(count - 1) {
		p.unwatch(i + 1)
	}
	for range 4 * time.Second / msdp.TickInterval { // what was due is over
		tick()
	}
	clear(asked)
	for range 3 * time.Second / msdp.TickInterval {
		tick()
	}
	if len(asked) != 1 || asked[count] != 3 {
		t.Errorf("in three seconds asked %v, want the one that is left three times", asked)
	}
}
