package msdp

import (
	"cmp"
	"net/netip"
	"slices"

	"msdpd/lib/ipv4"
)

// LimitKind says what a limit bounds.
type LimitKind uint8

// The kinds of limits, in the order in which an operator thinks of them.
const (
	LimitPeer       LimitKind = iota // the entries of one peer
	LimitPeerRate                    // the new entries of one peer
	LimitAll                         // the entries of all peers together
	LimitGroup                       // the entries of each group that no range has
	LimitGroupRange                  // the entries of each group in a range
	LimitSource                      // the entries of each source
	LimitSources                     // the entries of all sources in a prefix
	LimitRP                          // the entries of each originating RP
	LimitRegister                    // the new local sources of each DR
)

// String returns the kind as JSON has it.
func (k LimitKind) String() string {
	return [...]string{"peer", "peer-rate", "all", "group", "group-range", "source", "source-prefix", "rp", "register-rate"}[k]
}

// LimitStatus is what an operator sees of a limit.
type LimitStatus struct {
	Kind   LimitKind
	Peer   ipv4.Addr    // of LimitPeer and LimitPeerRate
	Prefix netip.Prefix // of LimitGroupRange and LimitSources
	// Max is that of a limit on entries; Unlimited: there is none. A warning comes at WarnsAt
	// percent of it, 0: none before it is reached.
	Max     uint32
	WarnsAt uint8
	Rate    Rate // of LimitPeerRate and LimitRegister
	// Configured: it is not the default.
	Configured bool
	// Count is how many entries count against it. Of the limits of each group, source and RP it is
	// how many of these are at their limit and had something refused.
	Count int
	// Pending of these wait for a route to their RP.
	Pending int
	Refused uint64 // since the start
}

// Each reports whether the limit is one of many: Count is then how many are at it.
func (l LimitStatus) Each() bool {
	switch l.Kind {
	case LimitGroup, LimitGroupRange, LimitSource, LimitRP:
		return true
	}
	return false
}

// Limits returns every limit there is, and how full it is: of each peer, by address, then
// those that hold for all.
func (s *Speaker) Limits() []LimitStatus {
	var out []LimitStatus
	for _, p := range s.ordered {
		out = append(out, p.limitStatus())
		if q := &p.quota; q.rate.limited() {
			out = append(out, LimitStatus{Kind: LimitPeerRate, Peer: p.Addr, Rate: q.rate, Configured: true, Refused: q.bucket.refused})
		}
	}
	l, c := &s.limiter, &s.config.Limits
	all := c.Entries.WithDefault(DefaultEntries)
	out = append(out, LimitStatus{Kind: LimitAll, Max: all.Max, WarnsAt: all.WarnsAt(), Configured: c.Entries.Max != 0,
		Count: s.cache.count(), Refused: l.allGauge.refused})
	each := func(kind LimitKind, most uint32, f *family, state func(ipv4.Addr) (int, bound)) {
		if most != 0 {
			out = append(out, LimitStatus{Kind: kind, Max: most, WarnsAt: EntryLimit{Max: most}.WarnsAt(), Configured: true, Count: f.full(state), Refused: f.refused})
		}
	}
	inRange := make(map[*prefixLimit]int) // groups at their limit; nil: those in no range
	for g, gauge := range l.groupState.gauges {
		if count, b := s.groupGauge(g); gauge.full && uint32(count) >= b.max {
			inRange[l.groups.find(g)]++
		}
	}
	if c.Group != 0 {
		out = append(out, LimitStatus{Kind: LimitGroup, Max: c.Group, WarnsAt: EntryLimit{Max: c.Group}.WarnsAt(), Configured: true,
			Count: inRange[nil], Refused: l.groupRefused})
	}
	for _, p := range l.groups.all() {
		out = append(out, LimitStatus{Kind: LimitGroupRange, Prefix: p.prefix, Max: p.max, WarnsAt: EntryLimit{Max: p.max}.WarnsAt(), Configured: true,
			Count: inRange[p], Refused: p.gauge.refused})
	}
	each(LimitSource, c.Source, &l.sourceState, s.sourceGauge)
	for _, p := range l.sources.all() {
		out = append(out, LimitStatus{Kind: LimitSources, Prefix: p.prefix, Max: p.max, WarnsAt: EntryLimit{Max: p.max}.WarnsAt(), Configured: true,
			Count: p.count, Refused: p.gauge.refused})
	}
	each(LimitRP, c.RP, &l.rpState, s.rpGauge)
	return append(out, LimitStatus{Kind: LimitRegister, Rate: c.RegisterRate(), Configured: c.Registers.PerSecond != 0, Refused: l.drs.refused})
}

func (p *peer) limitStatus() LimitStatus {
	l := p.Limits.Entries.WithDefault(DefaultPeerEntries)
	return LimitStatus{Kind: LimitPeer, Peer: p.Addr, Max: l.Max, WarnsAt: l.WarnsAt(), Configured: p.Limits.Entries.Max != 0,
		Count: p.saCount + p.quota.pending, Pending: p.quota.pending, Refused: p.quota.gauge.refused}
}

// all returns the limits by address, then by length.
func (t prefixTable) all() []*prefixLimit {
	var out []*prefixLimit
	for _, length := range t {
		for _, l := range length.of {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b *prefixLimit) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()))
	})
	return out
}
