package msdp

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"msdpd/lib/ipv4"
)

// Limits that hold where none is configured. What one peer announces cannot fill the cache,
// and what all announce cannot fill the memory: an entry takes 48 octets where the sources share
// a thousand groups, 60 where each has a group of its own, so that the whole cache is 200 to 250 MB.
const (
	DefaultPeerEntries = 1_000_000
	DefaultEntries     = 1 << 22
	// DefaultThreshold is how full, in percent, a limit is when a warning is due.
	DefaultThreshold = 80
)

// Unlimited is a limit that is never reached.
const Unlimited uint32 = math.MaxUint32

// DefaultRegisterRate bounds how many new sources one DR may register where nothing is configured.
var DefaultRegisterRate = Rate{PerSecond: 1000, Burst: 10_000}

// EntryLimit bounds the number of cached entries. The zero value is not configured: a default holds.
type EntryLimit struct {
	// Max is the most entries: new ones are refused above it, those that are there stay and are
	// refreshed. Unlimited is none.
	Max uint32
	// Threshold is how full it is when a warning is due, 1 to 100 percent; 0: DefaultThreshold.
	Threshold uint8
}

// WithDefault returns l with the limit that holds if none is configured.
func (l EntryLimit) WithDefault(most uint32) EntryLimit {
	if l.Max == 0 {
		l.Max = most
	}
	return l
}

// aheadFrom is the least limit at which a warning comes before it is reached, unless a threshold
// is configured: with fewer entries, the threshold is where things are every day.
const aheadFrom = 10

// WarnsAt returns at what percentage a warning is due before the limit is reached, 0 if at none.
func (l EntryLimit) WarnsAt() uint8 {
	switch {
	case l.Max == Unlimited || l.Threshold == 0 && l.Max < aheadFrom:
		return 0
	case l.Threshold == 0:
		return DefaultThreshold
	}
	return l.Threshold
}

func (l EntryLimit) validate() error {
	if l.Threshold > 100 {
		return fmt.Errorf("threshold %d %% is above 100", l.Threshold)
	}
	if l.Max == 0 && l.Threshold != 0 {
		return fmt.Errorf("threshold %d %% of no limit", l.Threshold)
	}
	return nil
}

// Rate bounds how fast something may grow: a token bucket. The zero value is not configured.
type Rate struct {
	PerSecond uint32 // Unlimited: no bound
	Burst     uint32 // how many may come at once after a rest; at least 1
}

func (r Rate) limited() bool { return r.PerSecond != 0 && r.PerSecond != Unlimited }

func (r Rate) validate() error {
	if r.limited() && r.Burst == 0 {
		return fmt.Errorf("rate %d a second with a burst of 0 lets nothing pass", r.PerSecond)
	}
	return nil
}

// PeerLimits bound what one peer may put into the cache. The zero value is the defaults.
type PeerLimits struct {
	// Entries bounds its entries, those that wait for a route included; DefaultPeerEntries.
	Entries EntryLimit
	// Rate bounds its new entries; none by default.
	Rate Rate
}

func (l PeerLimits) validate() error {
	if err := l.Entries.validate(); err != nil {
		return fmt.Errorf("sa-limit: %w", err)
	}
	if err := l.Rate.validate(); err != nil {
		return fmt.Errorf("sa-rate: %w", err)
	}
	return nil
}

// PrefixLimit is the limit of one prefix.
type PrefixLimit struct {
	Prefix netip.Prefix
	Max    uint32 // Unlimited: an exception from what holds for a wider prefix
}

// PrefixLimits are limits by prefix, ordered by address, then by length. The longest that
// matches counts.
type PrefixLimits []PrefixLimit

func (l PrefixLimits) position(p netip.Prefix) (int, bool) {
	return slices.BinarySearchFunc(l, p, func(a PrefixLimit, b netip.Prefix) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Addr()), cmp.Compare(a.Prefix.Bits(), b.Bits()))
	})
}

// Set gives a prefix, which must be masked, its limit.
func (l *PrefixLimits) Set(p netip.Prefix, most uint32) {
	i, ok := l.position(p)
	if !ok {
		*l = slices.Insert(*l, i, PrefixLimit{Prefix: p})
	}
	(*l)[i].Max = most
}

// Remove takes a prefix's limit away and reports whether it had one.
func (l *PrefixLimits) Remove(p netip.Prefix) bool {
	i, ok := l.position(p)
	if ok {
		*l = slices.Delete(*l, i, i+1)
	}
	return ok
}

// Limits bound what all peers together put into the cache, and what DRs register. The zero
// value is the defaults. An entry has to pass every limit that it falls under.
type Limits struct {
	// Entries bounds the entries of all peers together; DefaultEntries.
	Entries EntryLimit
	// Group bounds the entries of each group that is in none of Groups, which bound those of
	// each group in a range; 0: no limit.
	Group  uint32
	Groups PrefixLimits
	// Source bounds the entries of each source address; 0: no limit. Sources bound all entries
	// whose source is in a prefix together; each source counts in the longest that matches.
	Source  uint32
	Sources PrefixLimits
	// RP bounds the entries of each originating RP; 0: no limit.
	RP uint32
	// Registers bounds the new local sources of each DR; DefaultRegisterRate.
	Registers Rate
}

// RegisterRate returns the rate of new local sources in force.
func (l *Limits) RegisterRate() Rate {
	if l.Registers.PerSecond == 0 {
		return DefaultRegisterRate
	}
	return l.Registers
}

func (l Limits) clone() Limits {
	l.Groups, l.Sources = slices.Clone(l.Groups), slices.Clone(l.Sources)
	return l
}

func (l *Limits) validate() error {
	if err := l.Entries.validate(); err != nil {
		return fmt.Errorf("sa-limit: %w", err)
	}
	if err := l.Registers.validate(); err != nil {
		return fmt.Errorf("register-rate: %w", err)
	}
	for _, g := range l.Groups {
		if first, ok := ipv4.FromNetip(g.Prefix.Addr()); !ok || !first.IsMulticast() || g.Prefix.Bits() < 4 {
			return fmt.Errorf("group-limit: %s is no range of groups", g.Prefix)
		}
	}
	return nil
}
