package msdp

import (
	"cmp"
	"time"

	"msdpd/lib/ipv4"
)

// bound is a limit as it is checked.
type bound struct {
	max uint32
	// low is the threshold: below it, reaching the limit is news again.
	low uint32
	// ahead: a warning is due at the threshold already.
	ahead bool
}

// newBound is l; most is the limit if none is configured.
func newBound(l EntryLimit, most uint32) bound {
	l = l.WithDefault(most)
	threshold := cmp.Or(l.Threshold, DefaultThreshold)
	low := uint32((uint64(l.Max)*uint64(threshold) + 99) / 100)
	return bound{max: l.Max, low: max(low, 1), ahead: l.WarnsAt() != 0}
}

// plainBound is a limit without a threshold of its own; 0: none.
func plainBound(most uint32) bound { return newBound(EntryLimit{Max: most}, Unlimited) }

// gauge remembers what was told of a count and its limit.
type gauge struct {
	near, full bool
	refused    uint64
}

// news is what there is to tell of a gauge.
type news uint8

const (
	nothing news = iota
	nowNear
	nowFull
)

// meet reports whether a count may grow by one, and what there is to tell. The threshold is
// told again when the count was a tenth below it in between, the limit when it was below the
// threshold.
func (g *gauge) meet(count int, b bound) (ok bool, tell news) {
	n := uint32(count)
	if n < b.low {
		g.full = false
		if n < b.low-b.low/10 {
			g.near = false
		}
	}
	switch {
	case n >= b.max:
		g.refused++
		if !g.full {
			g.full, g.near = true, true
			tell = nowFull
		}
		return false, tell
	case b.ahead && !g.near && n+1 >= b.low:
		g.near = true
		return true, nowNear
	}
	return true, nothing
}

// maxGauges bounds how many groups, sources or RPs near their limits are remembered; those
// above count as one.
const maxGauges = 10_000

// family is the limit of each group, of each source or of each RP.
type family struct {
	gauges  map[ipv4.Addr]*gauge // of those at the threshold or above
	crowd   gauge
	refused uint64
	// The next warning is not due before, and then tells of so many others.
	quietUntil time.Time
	untold     int
}

// meet is gauge.meet for one of the family. g is the gauge that there is something to tell of.
func (f *family) meet(key ipv4.Addr, count int, b bound) (ok bool, tell news, g *gauge) {
	g = f.gauges[key]
	if g == nil {
		if n := uint32(count); n < b.max && (!b.ahead || n+1 < b.low) {
			return true, nothing, nil
		}
		g = &f.crowd
		if len(f.gauges) < maxGauges {
			if f.gauges == nil {
				f.gauges = make(map[ipv4.Addr]*gauge)
			}
			g = &gauge{}
			f.gauges[key] = g
		}
	}
	ok, tell = g.meet(count, b)
	if !ok {
		f.refused++
	}
	return ok, tell, g
}

// tidy forgets those that are well below their threshold, or have no limit any more.
func (f *family) tidy(state func(ipv4.Addr) (count int, b bound)) {
	for key := range f.gauges {
		if count, b := state(key); uint32(count) < b.low-b.low/10 || count == 0 {
			delete(f.gauges, key)
		}
	}
}

// full counts those at their limit that had something refused.
func (f *family) full(state func(ipv4.Addr) (count int, b bound)) int {
	n := 0
	for key, g := range f.gauges {
		if count, b := state(key); g.full && uint32(count) >= b.max {
			n++
		}
	}
	return n
}
