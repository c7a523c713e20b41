package zclient

import (
	"net/netip"
	"slices"

	"msdpd/lib/rib"
)

// interfaceTable collects the interfaces that zebra told of in one session.
type interfaceTable struct {
	byIndex map[int]rib.Interface
	changed bool // since the last snapshot
	// unreadable: a message could not be read, so nobody knows what interfaces there are.
	unreadable bool
}

func newInterfaceTable() interfaceTable {
	return interfaceTable{byIndex: make(map[int]rib.Interface)}
}

// set takes an interface as it is now; its addresses stay.
func (t *interfaceTable) set(i rib.Interface) {
	old, ok := t.byIndex[i.Index]
	i.Addrs = old.Addrs
	if ok && old.Name == i.Name && old.Up == i.Up && old.MTU == i.MTU {
		return
	}
	t.byIndex[i.Index] = i
	t.changed = true
}

func (t *interfaceTable) remove(index int) {
	if _, ok := t.byIndex[index]; ok {
		delete(t.byIndex, index)
		t.changed = true
	}
}

// addAddr ignores addresses of interfaces that are not known (they are another VRF's)
// and prefixes that are not valid (they are IPv6).
func (t *interfaceTable) addAddr(index int, p netip.Prefix) {
	i, ok := t.byIndex[index]
	if !ok || !p.IsValid() || slices.Contains(i.Addrs, p) {
		return
	}
	i.Addrs = append(i.Addrs, p)
	t.byIndex[index] = i
	t.changed = true
}

func (t *interfaceTable) removeAddr(index int, p netip.Prefix) {
	i, ok := t.byIndex[index]
	at := slices.Index(i.Addrs, p)
	if !ok || at < 0 {
		return
	}
	i.Addrs = slices.Delete(i.Addrs, at, at+1)
	t.byIndex[index] = i
	t.changed = true
}

func (t *interfaceTable) giveUp() {
	t.changed = t.changed || !t.unreadable
	t.unreadable = true
}

// snapshot returns all interfaces by index, or nil where they are not known; nothing in it
// changes later.
func (t *interfaceTable) snapshot() []rib.Interface {
	t.changed = false
	if t.unreadable {
		return nil
	}
	all := make([]rib.Interface, 0, len(t.byIndex))
	for _, i := range t.byIndex {
		i.Addrs = slices.Clone(i.Addrs)
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b rib.Interface) int { return a.Index - b.Index })
	return all
}
