package pimd

import (
	"net/netip"
	"slices"

	"msdpd/lib/ipv4"
)

// RP is one of pimd's group-to-RP mappings.
type RP struct {
	Address ipv4.Addr
	// Group is the range of groups it serves; not valid where PrefixList says it instead.
	Group netip.Prefix
	// PrefixList is the name of the list of groups, List is that list (nil: there is none of
	// that name, and no group is served).
	PrefixList string
	List       PrefixList
	// Mine says that the address is one of this router's.
	Mine bool
	// Source is where the mapping is from, in pimd's word: "Static", "BSR", "AutoRP".
	Source string
}

// RPSet is the whole mapping, ordered by address, then as pimd lists it.
type RPSet []RP

// Lookup returns the RP of a group as pimd chooses it: the longest match over the ranges
// and the entries of prefix lists, a list before a range of the same length. ok is false
// where the group has no RP.
func (s RPSet) Lookup(group ipv4.Addr) (rp ipv4.Addr, mine, ok bool) {
	var best *RP
	bestBits := -1
	for i := range s {
		r := &s[i]
		bits := r.matchBits(group)
		if bits > bestBits || best != nil && bits == bestBits && r.PrefixList != "" && best.PrefixList == "" {
			best, bestBits = r, bits
		}
	}
	if best == nil {
		return 0, false, false
	}
	return best.Address, best.Mine, true
}

// matchBits returns the length of what matches a group, -1 where nothing does.
func (r *RP) matchBits(group ipv4.Addr) int {
	if r.PrefixList != "" {
		if e, permit := r.List.match(group); permit {
			return e.Prefix.Bits()
		}
		return -1
	}
	if r.Group.IsValid() && r.Group.Contains(group.Netip()) {
		return r.Group.Bits()
	}
	return -1
}

// MyRPs returns the RP addresses that are this router's, ascending, each once.
func (s RPSet) MyRPs() []ipv4.Addr {
	var mine []ipv4.Addr
	for _, r := range s {
		if r.Mine {
			mine = append(mine, r.Address)
		}
	}
	slices.Sort(mine)
	return slices.Compact(mine)
}

// addresses returns the addresses of all RPs, ascending, each once.
func (s RPSet) addresses() []ipv4.Addr {
	all := make([]ipv4.Addr, 0, len(s))
	for _, r := range s {
		all = append(all, r.Address)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// PrefixList is an IP prefix list in the order of its sequence numbers. A list that
// exists and is empty is not nil.
type PrefixList []PrefixEntry

// PrefixEntry is one line of a prefix list. Minimum and maximum lengths are not kept:
// pimd compares single addresses, and leaves them out of account.
type PrefixEntry struct {
	Permit bool
	Prefix netip.Prefix
}

// match returns the first entry that covers a; permit is false where none does.
func (l PrefixList) match(a ipv4.Addr) (e PrefixEntry, permit bool) {
	for _, e := range l {
		if e.Prefix.Contains(a.Netip()) {
			return e, e.Permit
		}
	}
	return PrefixEntry{}, false
}

// permitsAll reports whether no address is denied: all that comes before a permission of
// everything permits too.
func (l PrefixList) permitsAll() bool {
	for _, e := range l {
		if !e.Permit {
			return false
		}
		if e.Prefix.Bits() == 0 {
			return true
		}
	}
	return false
}
