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

// maxMessage is the longest message that zebra sends, in octets.
const maxMessage = 16384

var errShort = errors.New("message too short")

// header is what stands before every message.
type header struct {
	length int // with the header
	vrf    uint32
	cmd    command
}

// decodeHeader reads the ten octets before a message. An error says that the stream is
// out of step: no later message can be found in it.
func decodeHeader(b []byte) (header, error) {
	if len(b) < headerLen {
		return header{}, errShort
	}
	if b[2] != zebra.HeaderMarker(zapiVersion) || b[3] != zapiVersion {
		return header{}, fmt.Errorf("not the zebra protocol, version %d: marker %d, version %d", zapiVersion, b[2], b[3])
	}
	h := header{length: int(be.Uint16(b)), vrf: be.Uint32(b[4:]), cmd: command(be.Uint16(b[8:]))}
	if h.length < headerLen || h.length > maxMessage {
		return header{}, fmt.Errorf("message length %d is not in %d to %d", h.length, headerLen, maxMessage)
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
		return make([]byte, min(n, 16))
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
func decodeInterface(b []byte, l *layout) (rib.Interface, error) {
	c := cursor{rest: b}
	name, _, terminated := bytes.Cut(c.take(l.ifName), []byte{0})
	i := rib.Interface{Name: string(name), Index: int(int32(c.u32()))}
	c.skip(1) // status: known to the kernel
	flags := c.u64()
	c.skip(1 + 1 + 4 + 4) // prescriptive topology on, and its state; metric, speed
	if l.ifTxqlen {
		c.skip(4)
	}
	i.MTU = int(int32(c.u32()))
	c.skip(4 + 4 + 4) // IPv6 MTU, bandwidth, index of the lower interface
	if l.ifKind {
		c.skip(4)
	}
	c.skip(4)                        // link layer
	c.skip(int(min(c.u32(), 1<<16))) // hardware address
	if hasParams := c.u8(); hasParams != 0 {
		c.rest = nil // parameters for traffic engineering
	}
	const up = unix.IFF_UP | unix.IFF_RUNNING
	i.Up = flags&up == up
	if err := c.end(); err != nil {
		return rib.Interface{}, err
	}
	if !terminated || len(name) == 0 || i.Index <= 0 || i.MTU < 0 {
		return rib.Interface{}, fmt.Errorf("no interface: name %q, index %d, MTU %d", name, i.Index, i.MTU)
	}
	return i, nil
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
// found is false where there is none; the route is the zero Route then, but for From.
type update struct {
	asked netip.Prefix
	found bool
	route rib.Route
}

// decodeUpdate reads NEXTHOP_UPDATE.
func decodeUpdate(b []byte, r *release) (update, error) {
	const hasColour = 0x200
	u := update{route: rib.Route{From: rib.FromZebra}}
	var err error
	c := cursor{rest: b}
	flags := c.u32()
	if r.layout.asked {
		c.skip(2) // SAFI
		if u.asked, err = c.prefix(); err != nil {
			return update{}, err
		}
	}
	matched, err := c.prefix()
	if err != nil {
		return update{}, err
	}
	if !r.layout.asked {
		// Up to 8.1 the address asked for stands here, and the route's prefix is not told.
		u.asked = matched
	}
	if flags&hasColour != 0 {
		c.skip(4)
	}
	protocol := r.protocol(c.u8())
	c.skip(2) // instance
	distance, metric := c.u8(), c.u32()
	count := int(c.u8())
	if r.layout.nexthopCount == 2 {
		count = count<<8 | int(c.u8())
	}
	var hops []rib.NextHop
	for range count {
		hop, forwards, err := c.nextHop(&r.layout)
		if err != nil {
			return update{}, err
		}
		if forwards {
			hops = append(hops, hop)
		}
	}
	if err := c.end(); err != nil {
		return update{}, err
	}
	if count > 0 {
		u.found = true
		u.route = rib.Route{
			Prefix: matched, Protocol: protocol, Distance: distance, Metric: metric,
			NextHops: rib.SortNextHops(hops), From: rib.FromZebra,
		}
	}
	return u, nil
}

// The types of a next hop, and the flags that say what follows it.
const (
	hopIfindex     = 1
	hopIPv4        = 2
	hopIPv4Ifindex = 3
	hopIPv6        = 4
	hopIPv6Ifindex = 5
	hopBlackhole   = 6

	hopLabels  = 0x02
	hopWeight  = 0x04
	hopBackups = 0x08
	hopSRv6    = 0x10 | 0x20
)

// nextHop reads one next hop; forwards is false for a blackhole.
func (c *cursor) nextHop(l *layout) (hop rib.NextHop, forwards bool, err error) {
	c.skip(4) // VRF
	kind, flags := c.u8(), c.u8()
	if c.bad {
		return hop, false, errShort
	}
	switch kind {
	case hopIfindex:
	case hopIPv4, hopIPv4Ifindex:
		hop.Gateway = ipv4.FromBytes(c.take(4))
	case hopIPv6, hopIPv6Ifindex:
		c.skip(16) // rib.NextHop says 0.0.0.0 for these
	case hopBlackhole:
		c.skip(1)
	default:
		return hop, false, fmt.Errorf("next hop of type %d", kind)
	}
	if kind != hopBlackhole {
		hop.Ifindex = int(int32(c.u32()))
	}
	if flags&hopLabels != 0 {
		labels := int(c.u8())
		if l.labelType {
			c.skip(1)
		}
		c.skip(4 * labels)
	}
	if flags&hopWeight != 0 {
		c.skip(l.nexthopWeight)
	}
	if flags&hopBackups != 0 {
		c.skip(int(c.u8()))
	}
	if flags&hopSRv6 != 0 {
		return hop, false, fmt.Errorf("next hop with flags %#x (SRv6)", flags)
	}
	if c.bad {
		return hop, false, errShort
	}
	return hop, kind != hopBlackhole, nil
}
