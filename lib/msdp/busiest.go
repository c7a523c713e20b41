package msdp

import (
	"cmp"
	"slices"
	"strconv"

	"msdpd/lib/ipv4"
)

const (
	// busiestCounters is how many addresses are counted at a time: what makes up more than one
	// part in so many is found, whatever else there is.
	busiestCounters = 256
	// busiestTold is how many are told.
	busiestTold = 3
)

// busiest finds the addresses that occur most often in one pass and in bounded memory (Misra
// and Gries, "Finding repeated elements", 1982). A count is never too high, and too low by
// one part in busiestCounters of all at most; with no more addresses than counters it is exact.
type busiest struct {
	counts map[ipv4.Addr]int
	// Addresses come in runs, as they came in TLVs: a run is counted when it ends.
	last ipv4.Addr
	run  int
	// work is how many counters were touched: what a pass costs.
	work int
}

func newBusiest() *busiest { return &busiest{counts: make(map[ipv4.Addr]int, busiestCounters)} }

func (b *busiest) add(a ipv4.Addr) {
	if a == b.last {
		b.run++
		return
	}
	b.endRun()
	b.last, b.run = a, 1
}

func (b *busiest) endRun() {
	if b.run == 0 {
		return
	}
	b.work++
	if _, ok := b.counts[b.last]; !ok && len(b.counts) >= busiestCounters {
		b.run -= b.lower(b.run)
	}
	if b.run > 0 {
		b.counts[b.last] += b.run
	}
	b.run = 0
}

// lower takes from every counter what the least has, at most 'most', and frees those at zero.
func (b *busiest) lower(most int) int {
	b.work += len(b.counts)
	for _, n := range b.counts {
		most = min(most, n)
	}
	for a := range b.counts {
		if b.counts[a] -= most; b.counts[a] == 0 {
			delete(b.counts, a)
		}
	}
	return most
}

// top returns the addresses with the highest counts, each with its count.
func (b *busiest) top() []string {
	b.endRun()
	all := make([]ipv4.Addr, 0, len(b.counts))
	for a := range b.counts {
		all = append(all, a)
	}
	slices.SortFunc(all, func(x, y ipv4.Addr) int { return cmp.Or(cmp.Compare(b.counts[y], b.counts[x]), cmp.Compare(x, y)) })
	var out []string
	for _, a := range all[:min(busiestTold, len(all))] {
		out = append(out, a.String()+": "+strconv.Itoa(b.counts[a]))
	}
	return out
}
