package rib

import (
	"fmt"
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
	// Kind is empty where zebra told the path: it knows the prefix and the AS path only.
	Kind PathKind
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

// ParseASPath reads an AS path as ASPathText and FRR write it: the nearest AS first, a set in
// braces, confederation segments in parentheses and brackets, which are left out. An AS is a
// number or two with a dot between (RFC 5396).
func ParseASPath(text string) ([][]uint32, error) {
	var path [][]uint32
	var set []uint32
	closing := byte(0) // of the segment at hand
	for rest := strings.TrimLeft(text, " "); rest != ""; rest = strings.TrimLeft(rest, " ,") {
		switch c := rest[0]; {
		case closing == 0 && strings.IndexByte("{([", c) >= 0:
			closing, set, rest = "})]"[strings.IndexByte("{([", c)], nil, rest[1:]
			continue
		case closing != 0 && c == closing:
			if closing == '}' && len(set) > 0 {
				path = append(path, set)
			}
			closing, rest = 0, rest[1:]
			continue
		}
		end := strings.IndexAny(rest, " ,{}()[]")
		if end < 0 {
			end = len(rest)
		}
		as, err := ParseAS(rest[:end])
		if err != nil {
			return nil, fmt.Errorf("AS path %q: %w", text, err)
		}
		switch closing {
		case 0:
			path = append(path, []uint32{as})
		case '}':
			set = append(set, as)
		}
		rest = rest[end:]
	}
	if closing != 0 {
		return nil, fmt.Errorf("AS path %q: %q is missing", text, closing)
	}
	return path, nil
}

// ParseAS reads the number of an AS in any of the notations of RFC 5396: 65546 or 1.10.
func ParseAS(text string) (uint32, error) {
	high, low, dotted := strings.Cut(text, ".")
	if !dotted {
		as, err := strconv.ParseUint(text, 10, 32)
		return uint32(as), err
	}
	h, err := strconv.ParseUint(high, 10, 16)
	if err != nil {
		return 0, err
	}
	l, err := strconv.ParseUint(low, 10, 16)
	return uint32(h<<16 | l), err
}
