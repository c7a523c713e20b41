package msdp

import (
	"math/rand/v2"
	"testing"

	"msdpd/lib/offheap"
)

// TestIndexAgainstMap adds, replaces and removes at random, with many numbers under one hash, and looks
// whether each is where its hash leads, once, and nothing else is.
func TestIndexAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := newIndex(offheap.New())
	model := make(map[number]uint32)
	var numbers []number
	next := number(1)
	for round := range 300_000 {
		grow := rng.IntN(10) < 7
		if round/75_000%2 == 1 {
			grow = rng.IntN(10) < 2
		}
		switch {
		case grow || len(numbers) == 0:
			hash := rng.Uint32()
			if rng.IntN(4) == 0 {
				hash = uint32(rng.IntN(3)) << 24 // far too many of the same
			}
			x.add(hash, next)
			model[next] = hash
			numbers = append(numbers, next)
			next++
		case rng.IntN(3) == 0:
			i := rng.IntN(len(numbers))
			old := numbers[i]
			x.replace(model[old], old, next)
			model[next] = model[old]
			delete(model, old)
			numbers[i] = next
			next++
		default:
			i := rng.IntN(len(numbers))
			x.remove(model[numbers[i]], numbers[i])
			delete(model, numbers[i])
			numbers[i] = numbers[len(numbers)-1]
			numbers = numbers[:len(numbers)-1]
		}
		if round%25_000 == 0 {
			compareIndex(t, &x, model)
		}
	}
	compareIndex(t, &x, model)
	for n, hash := range model {
		x.remove(hash, n)
		delete(model, n)
	}
	compareIndex(t, &x, model)
}

func compareIndex(t *testing.T, x *index, model map[number]uint32) {
	t.Helper()
	if x.count != len(model) {
		t.Fatalf("%d numbers, want %d", x.count, len(model))
	}
	seen := make(map[number]bool)
	spares := make(map[*indexBucket]bool)
	for i := range x.buckets {
		for b := x.at(i); b != nil; b = x.behind(b) {
			if b != x.at(i) {
				if spares[b] || b.used() == 0 {
					t.Fatalf("a spare bucket is behind two, or empty")
				}
				spares[b] = true
			}
			if b.next() != 0 && b.used() != slots && b == x.at(i) && x.behind(b).used() == 0 {
				t.Fatalf("an empty bucket behind bucket %d", i)
			}
			for k, n := range b.numbers[:b.used()] {
				hash, ok := model[n]
				if !ok || seen[n] || x.bucketOf(hash) != x.at(i) || tagOf(hash) != b.tags[k] {
					t.Fatalf("number %d of hash %x is in bucket %d under tag %x", n, hash, i, b.tags[k])
				}
				seen[n] = true
			}
		}
	}
	if len(seen) != len(model) {
		t.Fatalf("%d numbers are found, want %d", len(seen), len(model))
	}
	free := 0
	for s := x.free; s != 0; s = x.spareAt(s).next() {
		if spares[x.spareAt(s)] {
			t.Fatalf("spare bucket %d is free and used", s)
		}
		free++
	}
	if free+len(spares) != int(x.spareEnd) {
		t.Fatalf("%d spare buckets are free and %d used, of %d", free, len(spares), x.spareEnd)
	}
}

// TestIndexGrowsEvenly: there are always as many buckets as the mean load asks for.
func TestIndexGrowsEvenly(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	x := newIndex(offheap.New())
	for n := range number(200_000) {
		x.add(rng.Uint32(), n+1)
		if int(x.buckets-1)*meanLoad > x.count && x.buckets > minBuckets || x.count > int(x.buckets)*meanLoad {
			t.Fatalf("%d numbers in %d buckets", x.count, x.buckets)
		}
	}
}
