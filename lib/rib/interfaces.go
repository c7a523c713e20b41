package rib

import (
	"net/netip"
	"slices"

	"msdpd/lib/ipv4"
)

// Interfaces answers questions about one state of this router's interfaces. It is
// not changed once built, so it may be handed from one goroutine to another. The zero
// value has no interface.
type Interfaces struct {
	all     []Interface
	byIndex map[int]int
	byName  map[string]int
	owner   map[ipv4.Addr]int
}

// NewInterfaces builds the answers from a full snapshot, which it keeps and sorts by
// index. Where an address stands on several interfaces, one that is up owns it.
func NewInterfaces(all []Interface) *Interfaces {
	slices.SortFunc(all, func(a, b Interface) int { return a.Index - b.Index })
	n := &Interfaces{
		all:     all,
		byIndex: make(map[int]int, len(all)),
		byName:  make(map[string]int, len(all)),
		owner:   make(map[ipv4.Addr]int, len(all)),
	}
	for i, ifc := range all {
		n.byIndex[ifc.Index] = i
		n.byName[ifc.Name] = i
		for _, p := range ifc.Addrs {
			a, ok := ipv4.FromNetip(p.Addr())
			if !ok {
				continue
			}
			if j, taken := n.owner[a]; !taken || !all[j].Up && ifc.Up {
				n.owner[a] = i
			}
		}
	}
	return n
}

// All returns every interface, by index. The caller must not change it.
func (n *Interfaces) All() []Interface { return n.all }

// ByIndex returns the interface with the kernel's number index.
func (n *Interfaces) ByIndex(index int) (Interface, bool) {
	i, ok := n.byIndex[index]
	return n.at(i, ok)
}

// ByName returns the interface of that name.
func (n *Interfaces) ByName(name string) (Interface, bool) {
	i, ok := n.byName[name]
	return n.at(i, ok)
}

// InterfaceOf returns the interface that has the address a, up or down.
func (n *Interfaces) InterfaceOf(a ipv4.Addr) (Interface, bool) {
	i, ok := n.owner[a]
	return n.at(i, ok)
}

// OwnAddr reports whether a is an address of this router, on an interface up or down.
func (n *Interfaces) OwnAddr(a ipv4.Addr) bool {
	_, ok := n.owner[a]
	return ok
}

// OnLink reports whether a is the address of a neighbour on that interface: in one of
// the interface's prefixes shorter than /32, and not an address of this router.
func (n *Interfaces) OnLink(a ipv4.Addr, ifindex int) bool {
	i, ok := n.byIndex[ifindex]
	if !ok || n.OwnAddr(a) {
		return false
	}
	return slices.ContainsFunc(n.all[i].Addrs, func(p netip.Prefix) bool {
		return p.Bits() < 32 && p.Contains(a.Netip())
	})
}

func (n *Interfaces) at(i int, ok bool) (Interface, bool) {
	if !ok {
		return Interface{}, false
	}
	return n.all[i], true
}

// EqualInterfaces reports whether two snapshots, each sorted by index, say the same.
func EqualInterfaces(a, b []Interface) bool {
	return slices.EqualFunc(a, b, func(x, y Interface) bool {
		return x.Index == y.Index && x.Name == y.Name && x.Up == y.Up && x.MTU == y.MTU &&
			slices.Equal(x.Addrs, y.Addrs)
	})
}

// SortNextHops puts next hops in the order that Route promises and takes out doubles.
func SortNextHops(hops []NextHop) []NextHop {
	slices.SortFunc(hops, func(a, b NextHop) int {
		switch {
		case a.Ifindex != b.Ifindex:
			return a.Ifindex - b.Ifindex
		case a.Gateway < b.Gateway:
			return -1
		case a.Gateway > b.Gateway:
			return 1
		}
		return a.Gateway6.Compare(b.Gateway6)
	})
	return slices.Compact(hops)
}
