// Package zclient talks to FRR's zebra over its own socket (ZAPI, protocol version 6):
// it takes the router's interfaces, addresses, VRFs and router id, and tracks the routes to a
// set of addresses, in the multicast table first as pimd does. It announces nothing to zebra
// and asks for no redistribution.
//
// Nothing on the wire says which release of FRR zebra is, and message numbers and
// layouts moved between releases although the protocol's version did not. All that
// differs stands in one place, a line for each difference: table.go. The release is asked
// elsewhere (Config.Release). Whatever zebra says must be read to its last octet and no
// further; what does not fit is counted, said once, and taken for nothing: the kernel
// answers in its place.
//
// Of github.com/osrg/gobgp/v3/pkg/zebra this package takes what fits: the framing's
// constants here, and its decoders as a second opinion in the tests. The rest is done
// here, because that package's Client reads without a deadline and believes any length,
// says HELLO with the route type it is given (zebra deletes the routes of that type
// when the session ends), and knows no release after FRR 8.2; the fields of its
// interface bodies are not exported; from FRR 8.2 on its encoder of NEXTHOP_REGISTER
// writes the prefix length over the SAFI, which leaves 0 for the length, and it cannot
// set the flags; it has no NEXTHOP_LOOKUP; and its decoders panic on a message that is
// cut short.
package zclient
