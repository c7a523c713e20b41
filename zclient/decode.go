package zclient

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"github.com/osrg/gobgp/v3/pkg/zebra"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// headerLen is the length of a message's header in octets.
const headerLen = 10

var errShort = errors.New("message too short")

// otherProtocolError says that whoever is at the other end speaks another version of the
// protocol, or something else altogether.
type otherProtocolError struct{ marker, version byte }

func (e otherProtocolError) Error() string {
	if e.marker == zebra.HeaderMarker(zapiVersion) {
		return fmt.Sprintf("zebra speaks version %d of its protocol, and only version %d is known here: run FRR %v to %v", e.version, zapiVersion, oldest, newest)
	}
	return fmt.Sprintf("not the zebra protocol, version %d: marker %d, version %d", zapiVersion, e.marker, e.version)
}

// header is what stands before every message.
type header struct {
	length int // with the header
	vrf    uint32
	cmd    command
}

// decodeHeader reads the ten octets before a message. An error says that the stream is
// out of step: no later message can be found in it.
func decodeHeader(b []byte, r *release) (header, error) {
	if len(b) < headerLen {
		return header{}, errShort
	}
	if b[2] != zebra.HeaderMarker(zapiVersion) || b[3] != zapiVersion {
		return header{}, otherProtocolError{marker: b[2], version: b[3]}
	}
	h := header{length: int(be.Uint16(b)), vrf: be.Uint32(b[4:]), cmd: command(be.Uint16(b[8:]))}
	if h.length < headerLen || h.length > r.size(maxMessage) {
		return header{}, fmt.Errorf("message length %d is not in %d to %d", h.length, headerLen, r.size(maxMessage))
	}
	return h, nil
}

// cursor reads a body from its start. Once it ran out, bad is set and zeros are read.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.rest, c.bad = nil, true
		return make([]byte, min(n, 40))
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) skip(n int) {
	if n > len(c.rest) {
		c.rest, c.bad = nil, true
		return
	}
	c.rest = c.rest[n:]
}

func (c *cursor) u8() uint8   { return c.take(1)[0] }
func (c *cursor) u16() uint16 { return be.Uint16(c.take(2)) }
func (c *cursor) u32() uint32 { return be.Uint32(c.take(4)) }
func (c *cursor) u64() uint64 { return be.Uint64(c.take(8)) }

// end is called where the message must be over.
func (c *cursor) end() error {
	switch {
	case c.bad:
		return errShort
	case len(c.rest) > 0:
		return fmt.Errorf("%d octets too many", len(c.rest))
	}
	return nil
}

// decodeInterface reads INTERFACE_ADD, _DELETE, _UP and _DOWN. They carry no addresses.
func decodeInterface(b []byte, r *release) (rib.Interface, error) {
	c := cursor{rest: b}
	name, _, terminated := bytes.Cut(c.take(r.size(ifNameLen)), []byte{0})
	i := rib.Interface{Name: string(name), Index: int(int32(c.u32()))}
	c.skip(1) // status: known to the kernel
	flags := c.u64()
	c.skip(1 + 1 + 4 + 4) // prescriptive topology on, and its state; metric, speed
	if r.has(ifHasTxqlen) {
		c.skip(4)
	}
	i.MTU = int(int32(c.u32()))
	c.skip(4 + 4 + 4) // IPv6 MTU, bandwidth, index of the lower interface
	if r.has(ifHasKind) {
		c.skip(4)
	}
	c.skip(4)                        // link layer
	c.skip(int(min(c.u32(), 1<<16))) // hardware address
	switch hasParams := c.u8(); hasParams {
	case 0:
	case 1:
		if err := c.linkParams(r); err != nil {
			return rib.Interface{}, err
		}
	default:
		return rib.Interface{}, fmt.Errorf("no interface: %d where link parameters are announced", hasParams)
	}
	const up = unix.IFF_UP | unix.IFF_RUNNING
	i.Up = flags&up == up
	if err := c.end(); err != nil {
		return rib.Interface{}, err
	}
	// The kernel's flags are 32 bits. A name of 20 octets read of a release with 16, and with
	// four more elsewhere, would otherwise fit.
	if flags>>32 != 0 {
		return rib.Interface{}, fmt.Errorf("no interface: flags %#x", flags)
	}
	if !terminated || len(name) == 0 || i.Index <= 0 || i.MTU < 0 {
		return rib.Interface{}, fmt.Errorf("no interface: name %q, index %d, MTU %d", name, i.Index, i.MTU)
	}
	return i, nil
}

// linkParams reads the parameters for traffic engineering behind an interface. Nothing is made
// of them, but a message that does not end with them is none.
//
// 7.5.1 and 8.4.4 send 96 octets. In 10.3 and 10.7.1 an octet stands in front that says "on", and
// behind the administrative group an extended one, so many words long. Between them it is not
// known which release put in what, and the length tells.
func (c *cursor) linkParams(r *release) error {
	const (
		plain   = 96
		classes = 8 // of bandwidth, in every release
	)
	hasOn := len(c.rest) > plain
	hasGroup := len(c.rest) > plain+1 || r.has(linkHasGroup)
	if hasOn {
		if on := c.u8(); on != 1 && !c.bad {
			return fmt.Errorf("no link parameters: %d where they begin", on)
		}
	}
	c.skip(4 + 4 + 4 + 4) // which of them are set; metric, bandwidth, reservable
	if n := c.u32(); n != classes && !c.bad {
		return fmt.Errorf("no link parameters: bandwidth of %d classes", n)
	}
	c.skip(4*classes + 4) // unreserved bandwidth; administrative group
	if hasGroup {
		c.skip(4 * int(c.u8()))
	}
	c.skip(4 + 4)     // AS and address of the other end
	c.skip(4*4 + 4*4) // delays; loss and bandwidths
	return c.end()
}

// decodeAddress reads INTERFACE_ADDRESS_ADD and _DELETE: the interface's own address, not
// masked, with its prefix length. Of a point-to-point address this is the local end.
// The prefix is not valid for an IPv6 address, which is no error.
func decodeAddress(b []byte) (ifindex int, p netip.Prefix, err error) {
	c := cursor{rest: b}
	ifindex = int(int32(c.u32()))
	c.skip(1) // flags: secondary, peer
	family := c.u8()
	addrLen := familyLen(uint16(family))
	addr, _ := netip.AddrFromSlice(c.take(addrLen))
	bits := int(c.u8())
	c.skip(addrLen) // destination
	if err := c.end(); err != nil {
		return 0, netip.Prefix{}, err
	}
	switch {
	case addrLen == 0:
		return 0, netip.Prefix{}, fmt.Errorf("address family %d", family)
	case family == unix.AF_INET6:
		return ifindex, netip.Prefix{}, nil
	case bits > 32:
		return 0, netip.Prefix{}, fmt.Errorf("prefix length %d", bits)
	}
	return ifindex, netip.PrefixFrom(addr, bits), nil
}

// decodeVRF reads VRF_ADD and _DELETE: the VRF's name. Its number is in the header.
func decodeVRF(b []byte) (string, error) {
	const nameLen = 36
	c := cursor{rest: b}
	// Table and network namespace, whose name was shorter once.
	if c.skip(20); len(c.rest) != nameLen {
		c.skip(20)
	}
	name, _, terminated := bytes.Cut(c.take(nameLen), []byte{0})
	if err := c.end(); err != nil {
		return "", err
	}
	if !terminated || len(name) == 0 {
		return "", fmt.Errorf("no VRF: name %q", name)
	}
	return string(name), nil
}

// decodeRouterID reads ROUTER_ID_UPDATE.
func decodeRouterID(b []byte) (ipv4.Addr, error) {
	c := cursor{rest: b}
	family := c.u8()
	id := ipv4.FromBytes(c.take(4))
	bits := c.u8()
	if err := c.end(); err != nil {
		return 0, err
	}
	if family != unix.AF_INET || bits != 32 {
		return 0, fmt.Errorf("router id of family %d, length %d", family, bits)
	}
	return id, nil
}

func familyLen(family uint16) int {
	switch family {
	case unix.AF_INET:
		return 4
	case unix.AF_INET6:
		return 16
	}
	return 0
}

// prefix reads family, length and address of an IPv4 prefix.
func (c *cursor) prefix() (netip.Prefix, error) {
	family, bits := c.u16(), int(c.u8())
	if c.bad {
		return netip.Prefix{}, errShort
	}
	if family != unix.AF_INET || bits > 32 {
		return netip.Prefix{}, fmt.Errorf("prefix of family %d, length %d", family, bits)
	}
	addr, _ := netip.AddrFromSlice(c.take(4))
	return netip.PrefixFrom(addr, bits).Masked(), nil
}

// update is what NEXTHOP_UPDATE says: the route that resolves the prefix asked for.
// found is false where there is none; the route is the zero Route then, but for From. The
// prefix of a route that was found contains the one asked for.
type update struct {
	asked     netip.Prefix
	multicast bool // in the table of SAFI 2
	found     bool
	route     rib.Route
}

// decodeUpdate reads NEXTHOP_UPDATE. With an error, asked is what was asked for if so
// much could be read.
func decodeUpdate(b []byte, r *release) (update, error) {
	const hasColour = 0x200
	u := update{route: rib.Route{From: rib.FromZebra}}
	var err error
	c := cursor{rest: b}
	flags := c.u32()
	if r.has(asksForSAFI) {
		switch safi := c.u16(); safi {
		case safiUnicast:
		case safiMulticast:
			u.multicast = true
		default:
			return update{}, fmt.Errorf("SAFI %d", safi)
		}
		if u.asked, err = c.prefix(); err != nil {
			return update{}, err
		}
	}
	matched, err := c.prefix()
	if err != nil {
		return u, err
	}
	if !r.has(asksForSAFI) {
		// Up to 8.1 the address asked for stands here, and the route's prefix is not told.
		u.asked = matched
	}
	coloured := flags&hasColour != 0
	if coloured {
		c.skip(4)
	}
	routeType := uint32(c.u8())
	c.skip(2) // instance
	distance, metric := c.u8(), c.u32()
	count := c.hopCount(r)
	hops, err := c.nextHops(r, count, coloured)
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return u, err
	}
	if count > 0 {
		protocol, err := r.routeProtocol(routeType)
		if err != nil {
			return u, err
		}
		if matched.Bits() > u.asked.Bits() || !matched.Contains(u.asked.Addr()) {
			return u, fmt.Errorf("route to %v where %v was asked for", matched, u.asked)
		}
		u.found = true
		u.route = rib.Route{
			Prefix: matched, Protocol: protocol, Distance: distance, Metric: metric,
			NextHops: hops, From: rib.FromZebra, Multicast: u.multicast,
		}
	}
	return u, nil
}

// routeProtocol names the type of a route that has next hops.
func (r *release) routeProtocol(routeType uint32) (rib.Protocol, error) {
	protocol := r.protocol(routeType)
	if protocol == "" {
		return "", fmt.Errorf("route of type %d", routeType)
	}
	return protocol, nil
}

// lookup is the answer to NEXTHOP_LOOKUP: what BGP told zebra of the route to an address. The
// path is nil where the route is not BGP's, and where bgpd tells zebra nothing.
type lookup struct {
	asked ipv4.Addr
	path  *rib.BGPPath
}

// decodeLookup reads the answer to NEXTHOP_LOOKUP, as it is from 10.5 on.
func decodeLookup(b []byte, r *release) (lookup, error) {
	c := cursor{rest: b}
	if family := c.u16(); family != unix.AF_INET {
		return lookup{}, fmt.Errorf("address of family %d", family)
	}
	l := lookup{asked: ipv4.FromBytes(c.take(4))}
	c.skip(1 + 4) // distance, metric
	bits := int(c.u16())
	routeType := c.u32()
	data := c.take(int(min(c.u32(), 1<<16)))
	count := c.hopCount(r)
	for range count {
		if err := c.lookedUpHop(); err != nil {
			return l, err
		}
	}
	if err := c.end(); err != nil {
		return l, err
	}
	if bits > 32 {
		return l, fmt.Errorf("prefix length %d", bits)
	}
	protocol, err := r.routeProtocol(routeType)
	if err != nil && count > 0 {
		return l, err
	}
	if protocol != rib.BGP || len(data) == 0 {
		return l, nil
	}
	as, err := decodeASPath(data)
	if err == nil {
		l.path = &rib.BGPPath{Prefix: netip.PrefixFrom(l.asked.Netip(), bits).Masked(), ASPath: as}
	}
	return l, err
}

// bgpDataASPath is the size in octets of the AS path at the start of what bgpd tells zebra
// of a route; it ends with a NUL, and a longer path is cut.
const bgpDataASPath = 256

// decodeASPath reads the AS path in what bgpd told zebra of a route.
func decodeASPath(data []byte) ([][]uint32, error) {
	text, _, ended := bytes.Cut(data[:min(len(data), bgpDataASPath)], []byte{0})
	if !ended {
		return nil, fmt.Errorf("no AS path: %q", text)
	}
	if len(text) == bgpDataASPath-1 {
		// It was cut, perhaps within the last number.
		text = text[:bytes.LastIndexByte(text, ' ')+1]
	}
	return rib.ParseASPath(string(text))
}
