package zclient

import (
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// Change is what zebra says of the route to one tracked address.
type Change struct {
	Addr ipv4.Addr
	// Route is zero, but for From, where there is none.
	Route rib.Route
	// Unknown says that zebra's answer could not be read, or is none: somebody else must be
	// asked. Route is zero then.
	Unknown bool
}

// maxChanges is how many changes are told at once.
const maxChanges = 1024

// routeTable turns zebra's answers of one session into changes for the handler.
//
// The route to an address is the one that pimd takes: that of the multicast table, and of
// the unicast table where the other has none; a default route counts in each. Zebra does
// not resolve over a default route by itself unless it is told to, and appendRegister
// says why it is told so for the default route's own prefix only; so the default routes are
// put in here.
//
// Zebra 8.4.4 takes registrations in the multicast table and finds nothing there, not even
// for pimd; 10.3 does. Up to 8.1 there are none.
//
// Changes are collected, the last one for each address, until somebody takes them.
type routeTable struct {
	c        *Client
	known    map[ipv4.Addr]*answers
	fallback answers // the default routes

	changed []ipv4.Addr
	waiting map[ipv4.Addr]struct{} // what is in changed
}

// answers are those from the two tables.
type answers [2]answer

const (
	multicastTable = iota
	unicastTable
)

type answer struct {
	given, unreadable, found bool
	route                    rib.Route
}

func newRouteTable(c *Client) routeTable {
	return routeTable{c: c, known: make(map[ipv4.Addr]*answers), waiting: make(map[ipv4.Addr]struct{})}
}

// update takes one answer.
func (t *routeTable) update(u update) {
	t.set(u, answer{given: true, found: u.found, route: u.route})
}

// unreadable takes an answer of which nothing is known but what was asked.
func (t *routeTable) unreadable(u update) {
	t.set(u, answer{given: true, unreadable: true})
}

func (t *routeTable) set(u update, a answer) {
	table := unicastTable
	if u.multicast {
		table = multicastTable
	}
	if u.asked == defaultPrefix {
		t.fallback[table] = a
		for addr, k := range t.known {
			if own := k[table]; !own.found && !own.unreadable {
				t.mark(addr)
			}
		}
		return
	}
	addr, _ := ipv4.FromNetip(u.asked.Addr())
	if u.asked.Bits() != 32 || !t.c.isWanted(addr) {
		delete(t.known, addr)
		return
	}
	k := t.known[addr]
	if k == nil {
		k = new(answers)
		t.known[addr] = k
	}
	k[table] = a
	t.mark(addr)
}

func (t *routeTable) mark(addr ipv4.Addr) {
	if _, ok := t.waiting[addr]; !ok {
		t.waiting[addr] = struct{}{}
		t.changed = append(t.changed, addr)
	}
}

// take returns some of what changed since the last call, and nil at the end. What is no
// longer tracked is left out, and forgotten.
func (t *routeTable) take() []Change {
	for len(t.changed) > 0 {
		some := t.changed[:min(len(t.changed), maxChanges)]
		t.changed = t.changed[len(some):]
		out := make([]Change, 0, len(some))
		for _, addr := range some {
			delete(t.waiting, addr)
			k := t.known[addr]
			if k == nil || !t.c.isWanted(addr) {
				delete(t.known, addr)
				continue
			}
			// Zebra answers in order, so the unicast table's answer is the last one.
			if k[unicastTable].given {
				out = append(out, t.change(addr, k))
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	t.changed = nil
	return nil
}

// change decides between what is known.
func (t *routeTable) change(addr ipv4.Addr, k *answers) Change {
	if a := t.best(k, multicastTable); a.unreadable || a.found {
		return a.change(addr)
	}
	unicast := t.best(k, unicastTable)
	if !unicast.unreadable && !unicast.found && !t.fallback[unicastTable].given {
		// Zebra cannot say whether there is a default route.
		return Change{Addr: addr, Unknown: true}
	}
	return unicast.change(addr)
}

// best is the address's own answer in a table, or that about the default route.
func (t *routeTable) best(k *answers, table int) answer {
	if a := k[table]; a.found || a.unreadable {
		return a
	}
	return t.fallback[table]
}

func (a answer) change(addr ipv4.Addr) Change {
	switch {
	case a.unreadable:
		return Change{Addr: addr, Unknown: true}
	case a.found:
		return Change{Addr: addr, Route: a.route}
	}
	return Change{Addr: addr, Route: rib.Route{From: rib.FromZebra}}
}

// tidy forgets what is no longer tracked, once that is more than what is.
func (t *routeTable) tidy(tracked int) {
	if len(t.known) < 2*tracked+maxChanges {
		return
	}
	for addr := range t.known {
		if !t.c.isWanted(addr) {
			delete(t.known, addr)
		}
	}
}
