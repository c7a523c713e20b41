package zclient

import (
	"fmt"
	"net/netip"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// The types of a next hop, and the flags that say what follows it.
const (
	hopIfindex     = 1
	hopIPv4        = 2
	hopIPv4Ifindex = 3
	hopIPv6        = 4
	hopIPv6Ifindex = 5
	hopBlackhole   = 6

	hopOnLink  = 0x01
	hopLabels  = 0x02
	hopWeight  = 0x04
	hopBackups = 0x08
	hopEVPN    = 0x40
	// Segments of SRv6 (0x10, 0x20) are not read: their layout moves with each release.
	hopReadable = hopOnLink | hopLabels | hopWeight | hopBackups | hopEVPN
)

func (c *cursor) hopCount(r *release) int {
	if r.size(hopCountLen) == 2 {
		return int(c.u16())
	}
	return int(c.u8())
}

// nextHops reads next hops and sorts them; a blackhole is none.
func (c *cursor) nextHops(r *release, count int, coloured bool) ([]rib.NextHop, error) {
	var hops []rib.NextHop
	for range count {
		hop, forwards, err := c.nextHop(r, coloured)
		if err != nil {
			return nil, err
		}
		if forwards {
			hops = append(hops, hop)
		}
	}
	return rib.SortNextHops(hops), nil
}

// nextHop reads one next hop; forwards is false for a blackhole.
func (c *cursor) nextHop(r *release, coloured bool) (hop rib.NextHop, forwards bool, err error) {
	c.skip(4) // VRF
	kind, flags := c.u8(), c.u8()
	if c.bad {
		return hop, false, errShort
	}
	if err := c.gateway(kind, &hop); err != nil {
		return hop, false, err
	}
	if kind == hopBlackhole {
		c.skip(1) // drop, reject or prohibit
	} else {
		hop.Ifindex = int(int32(c.u32()))
	}
	if flags&^hopReadable != 0 {
		return hop, false, fmt.Errorf("next hop with flags %#x", flags)
	}
	if flags&hopLabels != 0 {
		labels := int(c.u8())
		if r.has(hopHasLabelType) {
			c.skip(1)
		}
		c.skip(4 * labels)
	}
	if flags&hopWeight != 0 {
		c.skip(r.size(hopWeightLen))
	}
	if flags&hopEVPN != 0 {
		c.skip(6) // the router's MAC address
	}
	if coloured {
		c.skip(4)
	}
	if flags&hopBackups != 0 {
		c.skip(int(c.u8()))
	}
	return hop, kind != hopBlackhole, c.valid(hop)
}

// lookedUpHop reads one next hop of the answer to NEXTHOP_LOOKUP, which has no flags.
func (c *cursor) lookedUpHop() error {
	c.skip(4) // VRF
	kind := c.u8()
	if c.bad {
		return errShort
	}
	var hop rib.NextHop
	if err := c.gateway(kind, &hop); err != nil {
		return err
	}
	if kind != hopBlackhole {
		hop.Ifindex = int(int32(c.u32()))
	}
	return c.valid(hop)
}

// gateway reads what a next hop of some kind begins with.
func (c *cursor) gateway(kind uint8, hop *rib.NextHop) error {
	switch kind {
	case hopIfindex, hopBlackhole:
	case hopIPv4, hopIPv4Ifindex:
		hop.Gateway = ipv4.FromBytes(c.take(4))
	case hopIPv6, hopIPv6Ifindex:
		hop.Gateway6, _ = netip.AddrFromSlice(c.take(16))
	default:
		return fmt.Errorf("next hop of type %d", kind)
	}
	return nil
}

// valid says whether a next hop could be read to its end.
func (c *cursor) valid(hop rib.NextHop) error {
	switch {
	case c.bad:
		return errShort
	case hop.Ifindex < 0:
		return fmt.Errorf("next hop on interface %d", hop.Ifindex)
	}
	return nil
}
