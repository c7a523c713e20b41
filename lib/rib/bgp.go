package rib

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"msdpd/lib/ipv4"
)

// PathKind says from what kind of neighbour a BGP path was learnt.
type PathKind string

// The kinds of neighbours, in bgpd's words.
const (
	External       PathKind = "external"
	Internal       PathKind = "internal"
	ConfedExternal PathKind = "confed-external"
	ConfedInternal PathKind = "confed-internal"
	// OwnPath is that of a route which this router announces itself.
	OwnPath PathKind = "local"
)

// BGPPath is BGP's best path to one address, as far as RFC 3618 §10.1.3 needs it. It is
// not changed once made.
type BGPPath struct {
	// Prefix is the route's in BGP.
	Prefix netip.Prefix
	// ASPath is the autonomous systems on the way, the nearest first: one in each place,
	// several where routes were aggregated (AS_SET). Confederation segments are left out.
	ASPath [][]uint32
	// NextHops are BGP's own NEXT_HOPs, IPv4 only, ascending.
	NextHops []ipv4.Addr
	// Neighbor is the address of the BGP neighbour that advertised the route; 0.0.0.0: this
	// router, or a neighbour with an IPv6 address.
	Neighbor ipv4.Addr
	Kind     PathKind
}

// Equal reports whether both paths say the same; nil is no path.
func (p *BGPPath) Equal(o *BGPPath) bool {
	if p == nil || o == nil {
		return p == o
	}
	return p.Prefix == o.Prefix && p.Neighbor == o.Neighbor && p.Kind == o.Kind &&
		slices.Equal(p.NextHops, o.NextHops) && slices.EqualFunc(p.ASPath, o.ASPath, slices.Equal[[]uint32])
}

// ASPathText is the AS path as routers write it, with braces around a set; "" for none.
func (p *BGPPath) ASPathText() string {
	places := make([]string, 0, len(p.ASPath))
	for _, place := range p.ASPath {
		all := make([]string, 0, len(place))
		for _, as := range place {
			all = append(all, strconv.FormatUint(uint64(as), 10))
		}
		text := strings.Join(all, ",")
		if len(place) > 1 {
			text = "{" + text + "}"
		}
		places = append(places, text)
	}
	return strings.Join(places, " ")
}
