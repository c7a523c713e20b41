package zclient

import (
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// routeTable turns zebra's answers of one session into routes for the handler. An
// address that zebra finds no route for takes the default route, if there is one: zebra
// does not resolve over that by itself unless it is told to, and appendRegister says why
// it is told so for the default route's own prefix only.
type routeTable struct {
	c          *Client
	unresolved map[ipv4.Addr]struct{} // what has no route but perhaps the default one
	fallback   rib.Route              // the default route, or no route
}

func newRouteTable(c *Client) routeTable {
	return routeTable{
		c:          c,
		unresolved: make(map[ipv4.Addr]struct{}),
		fallback:   rib.Route{From: rib.FromZebra},
	}
}

// update takes one answer, and hands on the routes that follow from it.
func (t *routeTable) update(u update) {
	addr, _ := ipv4.FromNetip(u.asked.Addr())
	switch {
	case u.asked == defaultPrefix:
		t.fallback = u.route
		for addr := range t.unresolved {
			if !t.deliver(addr, t.fallback) {
				delete(t.unresolved, addr)
			}
		}
	case u.asked.Bits() != 32: // not ours
	case u.found:
		delete(t.unresolved, addr)
		t.deliver(addr, u.route)
	case t.deliver(addr, t.fallback):
		t.unresolved[addr] = struct{}{}
	default:
		delete(t.unresolved, addr)
	}
}

// deliver reports whether anybody wants to know.
func (t *routeTable) deliver(addr ipv4.Addr, r rib.Route) bool {
	if !t.c.isWanted(addr) {
		return false
	}
	t.c.cfg.Handler.Route(addr, r)
	return true
}
