// Package rib says what a route is, as far as MSDP's peer-RPF rules need it, and who
// can answer for one: zebra, and where it is absent the kernel's own table.
package rib

import (
	"fmt"
	"net/netip"
	"slices"

	"msdpd/lib/ipv4"
)

// Protocol names where a route was learnt, in zebra's words: "ospf", "static", "bgp", …
// The empty string says that it is not known.
type Protocol string

// The protocols that peer-RPF treats by name (RFC 3618 §10.1.3).
const (
	Connected Protocol = "connected"
	Kernel    Protocol = "kernel"
	Static    Protocol = "static"
	RIP       Protocol = "rip"
	OSPF      Protocol = "ospf"
	ISIS      Protocol = "isis"
	EIGRP     Protocol = "eigrp"
	BGP       Protocol = "bgp"
	Local     Protocol = "local"
)

// Answerer names who gave a route.
type Answerer string

// Who can answer for a route.
const (
	FromZebra  Answerer = "zebra"
	FromKernel Answerer = "kernel"
)

// NextHop is one resolved next hop.
type NextHop struct {
	// Gateway is 0.0.0.0 where the destination is on-link, or where the gateway is an IPv6 address.
	Gateway ipv4.Addr
	// Gateway6 is valid where the gateway is an IPv6 address (RFC 8950).
	Gateway6 netip.Addr
	// Ifindex is the kernel's number of the outgoing interface, 0 if not known.
	Ifindex int
}

// String is the gateway, if there is one, and the number of the interface.
func (nh NextHop) String() string {
	if nh.Gateway6.IsValid() {
		return fmt.Sprintf("{%v %d}", nh.Gateway6, nh.Ifindex)
	}
	return fmt.Sprintf("{%v %d}", nh.Gateway, nh.Ifindex)
}

// Route is the best route to one address.
type Route struct {
	// Prefix is the matched prefix; it is not valid where there is no route.
	Prefix   netip.Prefix
	Protocol Protocol
	// Distance is the administrative distance, 0 to 255 (0 where the kernel answered).
	Distance uint8
	Metric   uint32
	// NextHops are sorted by Ifindex, then Gateway, then Gateway6. None: there is no route, or it is a blackhole.
	NextHops []NextHop
	From     Answerer
	// Multicast: the route stands in the table for RPF lookups (SAFI 2), not in the one that
	// packets are forwarded by.
	Multicast bool
}

// Reachable reports whether the route leads anywhere.
func (r Route) Reachable() bool { return len(r.NextHops) > 0 }

// Equal reports whether both say the same, whoever says it.
func (r Route) Equal(o Route) bool {
	return r.Prefix == o.Prefix && r.Protocol == o.Protocol && r.Distance == o.Distance &&
		r.Metric == o.Metric && r.Multicast == o.Multicast && slices.Equal(r.NextHops, o.NextHops)
}

// Interface is one network interface of this router with its IPv4 addresses.
type Interface struct {
	Index int
	Name  string
	// Up reports whether it can carry packets: administratively up and running.
	Up bool
	// MTU is in octets.
	MTU int
	// Addrs are its addresses with their prefix lengths, the address not masked: 10.0.12.1/24.
	Addrs []netip.Prefix
}
