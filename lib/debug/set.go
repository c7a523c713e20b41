package debug

import (
	"cmp"
	"slices"

	"msdpd/lib/ipv4"
)

// Item is one kind, of one peer or of all.
type Item struct {
	Kind Kind
	Peer ipv4.Addr // 0.0.0.0: of all
}

// String is the item as the command `debug msdp` has it.
func (i Item) String() string {
	if i.Peer == 0 {
		return i.Kind.String()
	}
	return i.Kind.String() + " peer " + i.Peer.String()
}

// Set is what is watched, in order. Its methods return new sets and change none.
type Set []Item

// With returns s and i. A kind of all peers takes the place of the same of some.
func (s Set) With(i Item) Set {
	if slices.Contains(s, Item{Kind: i.Kind}) {
		return s
	}
	if i.Peer == 0 {
		s = s.Without(i)
	}
	if slices.Contains(s, i) {
		return s
	}
	s = append(slices.Clone(s), i)
	slices.SortFunc(s, func(a, b Item) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Peer, b.Peer)) })
	return s
}

// Without returns s without i; without the kind altogether where i is of all peers.
func (s Set) Without(i Item) Set {
	return slices.DeleteFunc(slices.Clone(s), func(have Item) bool { return have.Kind == i.Kind && (i.Peer == 0 || have.Peer == i.Peer) })
}

// includes reports whether the kind of that peer is in s; a peer that is not known (0.0.0.0) is
// in every set of peers.
func (s Set) includes(k Kind, peer ipv4.Addr) bool {
	return slices.ContainsFunc(s, func(i Item) bool { return i.Kind == k && (i.Peer == 0 || peer == 0 || i.Peer == peer) })
}

func (s Set) kinds() uint32 {
	var on uint32
	for _, i := range s {
		on |= 1 << i.Kind
	}
	return on
}
