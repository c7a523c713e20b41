package bgpsim

import (
	"testing"
	"time"

	"msdpd/lib/msdp/bgpsim/internet"
)

// TestReplay: a seed says all that happens, to the octet.
func TestReplay(t *testing.T) {
	run := func(seed uint64) (uint64, int) {
		rng := random(seed)
		net := simulate(t, seed, usual(rng, internet.Random(rng, 40)), course{tick: time.Second, sources: 6, rounds: 1, noise: true})
		return net.trace.Sum64(), net.wire.entries
	}
	each(t, 2, func(t *testing.T, seed uint64) {
		first, entries := run(seed)
		if again, _ := run(seed); again != first {
			t.Error("the second run with the same seed is another one")
		}
		if other, _ := run(seed + 1000); other == first || entries == 0 {
			t.Error("another seed makes no other run")
		}
	})
}
