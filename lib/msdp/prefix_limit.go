package msdp

import (
	"math/bits"
	"net/netip"

	"msdpd/lib/ipv4"
)

// prefixLimit is the limit of a configured prefix.
type prefixLimit struct {
	prefix netip.Prefix
	bound
	gauge gauge
	count int // entries, where it is one of sources
}

// prefixTable finds the longest of its prefixes that an address is in.
type prefixTable []prefixLength

type prefixLength struct {
	mask ipv4.Addr
	of   map[ipv4.Addr]*prefixLimit
}

func (t prefixTable) find(a ipv4.Addr) *prefixLimit {
	for i := range t { // the longest first
		if l := t[i].of[a&t[i].mask]; l != nil {
			return l
		}
	}
	return nil
}

func (t prefixTable) exact(p netip.Prefix) *prefixLimit {
	for _, length := range t {
		if a, ok := ipv4.FromNetip(p.Addr()); ok && bits.OnesCount32(uint32(length.mask)) == p.Bits() {
			return length.of[a]
		}
	}
	return nil
}

// newPrefixTable returns a table of limits. What was told and refused of a prefix that is in
// old stays.
func newPrefixTable(limits PrefixLimits, old prefixTable) prefixTable {
	var t prefixTable
	for n := 32; n >= 0; n-- {
		length := prefixLength{mask: ipv4.Addr(uint64(0xffffffff) << (32 - n)), of: make(map[ipv4.Addr]*prefixLimit)}
		for _, l := range limits {
			a, ok := ipv4.FromNetip(l.Prefix.Addr())
			if !ok || l.Prefix.Bits() != n {
				continue
			}
			p := &prefixLimit{prefix: l.Prefix}
			if was := old.exact(l.Prefix); was != nil {
				p = was
			}
			p.bound = plainBound(l.Max)
			length.of[a&length.mask] = p
		}
		if len(length.of) > 0 {
			t = append(t, length)
		}
	}
	return t
}
