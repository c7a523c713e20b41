package zclient

import (
	"encoding/binary"
	"net/netip"

	"github.com/osrg/gobgp/v3/pkg/zebra"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

// zapiVersion is the protocol's version in every release of the table.
const zapiVersion = zebra.MaxZapiVer

// routeTypeNone is the route type of our HELLO. When a session ends, zebra deletes every
// route of the (type, instance) that its HELLO named; this type ("system") has none, and
// zebra takes a client that names it for one without routes.
const routeTypeNone byte = 0

// afiIPv4 is FRR's own number for IPv4, beside the system's AF_INET.
const afiIPv4 uint16 = 1

// The SAFIs of the tables that packets are forwarded and RPF lookups are made by.
const (
	safiUnicast   uint16 = 1
	safiMulticast uint16 = 2
)

var be = binary.BigEndian

// defaultPrefix is the default route's.
var defaultPrefix = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// appendFrame appends a whole message for the default VRF.
func appendFrame(b []byte, cmd command, body []byte) []byte {
	size := zebra.HeaderSize(zapiVersion)
	b = be.AppendUint16(b, size+uint16(len(body)))
	b = append(b, zebra.HeaderMarker(zapiVersion), zapiVersion)
	b = be.AppendUint32(b, zebra.DefaultVrf)
	b = be.AppendUint16(b, uint16(cmd))
	return append(b, body...)
}

// appendHello says who we are. The session id tells apart sessions of one route type and
// instance; FRR's own daemons count from 0, pimd's lookup session has route type 0 as well.
func appendHello(b []byte, r *release, sessionID uint32) []byte {
	body := append(make([]byte, 0, 9), routeTypeNone, 0, 0)
	body = be.AppendUint32(body, sessionID)
	// The flags behind it, "notify me of my routes" and "answer my questions only", are
	// off. Releases differ in how many there are.
	return appendFrame(b, r.cmd(hello), append(body, 0, 0)[:r.size(helloLen)])
}

// appendInterfaceRequest asks for all interfaces, their addresses, and what changes.
func appendInterfaceRequest(b []byte) []byte { return appendFrame(b, interfaceAdd, nil) }

// appendRouterIDRequest asks for the router id. We have no use for it, but zebra answers
// in order: its answer says that all interfaces have been told.
func appendRouterIDRequest(b []byte, r *release) []byte {
	return appendFrame(b, r.cmd(routerIDAdd), be.AppendUint16(nil, afiIPv4))
}

// appendRegister asks zebra to tell the route that resolves p, now and whenever it
// changes, or with on false no more. Zebra answers a repeated request again. From 8.2 on it
// is asked about both tables, the one for RPF lookups first; until then zebra looks
// into the unicast table only.
//
// What the request says besides the address is not ours alone: up to 10.3 at least zebra
// keeps one record per address for all its clients, the flags included, and tells all of
// them the same.
//
//   - connected: the address must be on a connected or static route. Never for RPF;
//     pimd does not say it either.
//   - resolve-via-default: a default route counts. A peer-RPF lookup needs that, as
//     pimd's does (it asks by NEXTHOP_LOOKUP, where the default always counts). But once
//     set for an address the flag stays, for bgpd too: a BGP next hop with the same
//     address (an RP's, a peer's loopback) would from then on resolve over the default
//     route, although `ip nht resolve-via-default` is off, as it is in Debian's FRR 8.4.
//     So it is set for the prefix 0.0.0.0/0 only, and what has no other route takes that
//     one's answer (routes.go). Releases before 8.2 have no such flag.
func appendRegister(b []byte, r *release, p netip.Prefix, on bool) []byte {
	cmd := r.cmd(nexthopUnregister)
	if on {
		cmd = r.cmd(nexthopRegister)
	}
	address := be.AppendUint16(nil, unix.AF_INET)
	address = append(address, byte(p.Bits()))
	address = append(address, p.Addr().AsSlice()...)
	viaDefault := byte(0)
	if p.Bits() == 0 {
		viaDefault = 1
	}
	for _, safi := range r.tables() {
		body := []byte{0} // connected
		if r.has(asksForSAFI) {
			body = be.AppendUint16(append(body, viaDefault), safi)
		}
		b = appendFrame(b, cmd, append(body, address...))
	}
	return b
}

// tables are the SAFIs that an address is tracked in, in the order of the requests.
func (r *release) tables() []uint16 {
	if r.has(asksForSAFI) {
		return []uint16{safiMulticast, safiUnicast}
	}
	return []uint16{safiUnicast}
}

// appendLookup asks once for the route to addr in the unicast table.
func appendLookup(b []byte, r *release, addr ipv4.Addr) []byte {
	body := be.AppendUint16(nil, unix.AF_INET)
	body = append(body, addr.Netip().AsSlice()...)
	return appendFrame(b, r.cmd(nexthopLookup), append(body, byte(safiUnicast)))
}

// tellsPaths reports whether zebra can say what BGP told it of a route.
func (r *release) tellsPaths() bool { return r.cmd(nexthopLookup) != numberless }
