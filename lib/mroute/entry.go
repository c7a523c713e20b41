// Package mroute reads the kernel's IPv4 multicast forwarding cache over rtnetlink:
// which (S,G) and (*,G) entries a PIM daemon has installed, between which interfaces
// they forward, and how much. It never writes there.
//
// Only the default table (253) is looked at. Entries that wait for a PIM daemon's
// decision (unresolved: a packet came, nobody has said yet where it goes) are no
// entries here.
package mroute

import (
	"fmt"
	"slices"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

// Entry is one entry of the forwarding cache.
type Entry struct {
	// Source is 0.0.0.0 for (*,G).
	Source ipv4.Addr
	Group  ipv4.Addr
	// InIf is the ifindex of the incoming interface, 0 where the entry has none.
	InIf int
	// OutIfs are the ifindexes of the outgoing interfaces, ascending. FRR's pimd lists
	// its register interface (pimreg) here too. A (*,G)'s incoming interface can be among them.
	OutIfs []int
	// Packets and Bytes count what came for this entry since it was installed,
	// WrongIf those of Packets that came in on another interface than InIf.
	Packets, Bytes, WrongIf uint64
}

// SG returns the entry's key.
func (e Entry) SG() ipv4.SG { return ipv4.SG{Source: e.Source, Group: e.Group} }

// sameForwarding reports whether both forward alike; counters do not matter.
func (e Entry) sameForwarding(o Entry) bool {
	return e.InIf == o.InIf && slices.Equal(e.OutIfs, o.OutIfs)
}

const (
	familyIPMR   = 128 // RTNL_FAMILY_IPMR
	tableDefault = unix.RT_TABLE_DEFAULT
	userHZ       = 100
	// unresolved marks an entry that waits for the PIM daemon (RTNH_F_UNRESOLVED).
	unresolved = 0x20
)

// decoded says what one RTM_NEWROUTE or RTM_DELROUTE body is about.
type decoded struct {
	entry      Entry
	idle       time.Duration // since its last packet, or since it came; in hundredths of a second
	unresolved bool
}

// decode reads the body of a route message (struct rtmsg and its attributes). ok is
// false for messages that are not about the default multicast table; the error says
// what was cut short or missing in one that is.
func decode(body []byte) (d decoded, ok bool, err error) {
	if len(body) < unix.SizeofRtMsg {
		return d, false, fmt.Errorf("route message of %d bytes", len(body))
	}
	msg := nl.DeserializeRtMsg(body)
	if msg.Family != familyIPMR {
		return d, false, nil
	}
	native := nl.NativeEndian()
	table := uint32(msg.Table)
	for rest := body[unix.SizeofRtMsg:]; len(rest) >= unix.SizeofRtAttr; {
		n := int(native.Uint16(rest))
		if n < unix.SizeofRtAttr || n > len(rest) {
			return d, false, fmt.Errorf("attribute of %d bytes in a multicast route", n)
		}
		v := rest[unix.SizeofRtAttr:n]
		kind := native.Uint16(rest[2:])
		rest = rest[min(align(n), len(rest)):]
		switch kind {
		case unix.RTA_TABLE:
			if len(v) >= 4 {
				table = native.Uint32(v)
			}
		case unix.RTA_SRC:
			if len(v) >= 4 {
				d.entry.Source = ipv4.FromBytes(v)
			}
		case unix.RTA_DST:
			if len(v) >= 4 {
				d.entry.Group = ipv4.FromBytes(v)
			}
		case unix.RTA_IIF:
			if len(v) >= 4 {
				d.entry.InIf = int(native.Uint32(v))
			}
		case unix.RTA_MULTIPATH:
			d.entry.OutIfs = outgoing(v)
		case unix.RTA_EXPIRES: // in ticks of USER_HZ
			if len(v) >= 8 {
				d.idle = time.Duration(native.Uint64(v)) * (time.Second / userHZ)
			}
		case unix.RTA_MFC_STATS: // struct rta_mfc_stats
			if len(v) >= 24 {
				d.entry.Packets = native.Uint64(v)
				d.entry.Bytes = native.Uint64(v[8:])
				d.entry.WrongIf = native.Uint64(v[16:])
			}
		}
	}
	if table != tableDefault {
		return d, false, nil
	}
	d.unresolved = msg.Flags&unresolved != 0
	return d, true, nil
}

// outgoing reads RTA_MULTIPATH, a row of struct rtnexthop (length 16, flags 8, hops 8,
// ifindex 32), each of which may carry attributes of its own.
func outgoing(v []byte) []int {
	native := nl.NativeEndian()
	var ifs []int
	for len(v) >= unix.SizeofRtNexthop {
		n := int(native.Uint16(v))
		if n < unix.SizeofRtNexthop || n > len(v) {
			break
		}
		ifs = append(ifs, int(int32(native.Uint32(v[4:]))))
		v = v[min(align(n), len(v)):]
	}
	slices.Sort(ifs)
	return slices.Compact(ifs)
}

// align rounds up to where netlink lets the next thing begin.
func align(n int) int { return (n + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1) }
