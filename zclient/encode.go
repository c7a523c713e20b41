package zclient

import (
	"encoding/binary"
	"net/netip"

	"github.com/osrg/gobgp/v3/pkg/zebra"
	"golang.org/x/sys/unix"
)

// zapiVersion is the protocol's version in every release of the table.
const zapiVersion = zebra.MaxZapiVer

// routeTypeNone is the route type of our HELLO. When a session ends, zebra deletes every
// route of the (type, instance) that its HELLO named; this type ("system") has none, and
// zebra takes a client that names it for one without routes.
const routeTypeNone byte = 0

// afiIPv4 is FRR's own number for IPv4, beside the system's AF_INET.
const afiIPv4 uint16 = 1

// safiUnicast is the SAFI of the unicast table.
const safiUnicast uint16 = 1

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
	return appendFrame(b, r.numbers.hello, append(body, 0, 0)[:r.layout.hello])
}

// appendInterfaceRequest asks for all interfaces, their addresses, and what changes.
func appendInterfaceRequest(b []byte) []byte { return appendFrame(b, interfaceAdd, nil) }

// appendRouterIDRequest asks for the router id. We have no use for it, but zebra answers
// in order: its answer says that all interfaces have been told.
func appendRouterIDRequest(b []byte, r *release) []byte {
	return appendFrame(b, r.numbers.routerIDAdd, be.AppendUint16(nil, afiIPv4))
}

// appendRegister asks zebra to tell the route that resolves p, now and whenever it
// changes, or with on false no more. Zebra answers a repeated request again.
//
// What the request says besides the address is not ours alone: zebra keeps one record
// per address for all its clients, the flags included, and tells all of them the same.
//
//   - connected: the address must be on a connected or static route. Never for RPF;
//     pimd does not say it either.
//   - resolve-via-default: a default route counts. A peer-RPF lookup needs that, as
//     pimd's does (it asks by NEXTHOP_LOOKUP, where the default always counts). But once
//     set for an address the flag stays, for bgpd too: a BGP next hop with the same
//     address (an RP's, a peer's loopback) would from then on resolve over the default
//     route, although `ip nht resolve-via-default` is off, as it is in Debian's FRR 8.4.
//     So it is set for the prefix 0.0.0.0/0 only, and what has no other route takes that
//     one's answer (routes.go).
func appendRegister(b []byte, r *release, p netip.Prefix, on bool) []byte {
	body := append(make([]byte, 0, 11), 0) // connected
	if r.layout.asked {
		viaDefault := byte(0)
		if p.Bits() == 0 {
			viaDefault = 1
		}
		body = append(body, viaDefault)
		body = be.AppendUint16(body, safiUnicast)
	}
	body = be.AppendUint16(body, unix.AF_INET)
	body = append(body, byte(p.Bits()))
	body = append(body, p.Addr().AsSlice()...)
	if on {
		return appendFrame(b, r.numbers.nexthopRegister, body)
	}
	return appendFrame(b, r.numbers.nexthopUnregister, body)
}
