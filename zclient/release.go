package zclient

import (
	"fmt"
	"regexp"
	"strconv"

	"msdpd/lib/rib"
)

// version is a release of FRR: 8.4 for 8.4.4. Its third number changes nothing on the wire.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) before(o version) bool {
	return v.major < o.major || v.major == o.major && v.minor < o.minor
}

// assumed is taken for the release where nobody knows it, and tabled is the last one
// that the table was filled for.
var (
	assumed = version{8, 4}
	tabled  = version{10, 7}
)

// command is the number of a message.
type command uint16

// The numbers that never changed.
const (
	interfaceAdd    command = 0
	interfaceDelete command = 1
	addressAdd      command = 2
	addressDelete   command = 3
	interfaceUp     command = 4
	interfaceDown   command = 5
)

// numberless stands for a message whose number is not known. Zebra has no such number.
const numberless command = 0xffff

// numbers are those that differ by release.
type numbers struct {
	routerIDAdd, routerIDUpdate                       command
	hello                                             command
	nexthopRegister, nexthopUnregister, nexthopUpdate command
	refused                                           command // zebra's ERROR
}

// layout says how the bodies of messages are laid out.
type layout struct {
	hello         int  // octets of HELLO
	ifName        int  // octets of an interface's name
	ifTxqlen      bool // an interface has a length of its transmit queue …
	ifKind        bool // … and a kind (bond, bridge, …)
	asked         bool // NEXTHOP_REGISTER has resolve-via-default and SAFI; NEXTHOP_UPDATE repeats SAFI and address
	nexthopCount  int  // octets of the number of next hops
	nexthopWeight int  // octets of a next hop's weight
	labelType     bool // a next hop's labels have a type
}

// release is what zebra speaks from one version on.
type release struct {
	from      version
	numbers   numbers
	layout    layout
	protocols []rib.Protocol // by route type
}

// releases is the table, oldest first; each row holds up to the next one's version.
// 8.4 was checked against a running zebra; the other rows are read off FRR's releases.
var releases = []release{
	{version{7, 5}, numbers{15, 17, 18, 20, 21, 22, numberless},
		layout{hello: 9, ifName: 20, nexthopCount: 1, nexthopWeight: 4}, protocols7},
	{version{8, 2}, numbers{15, 17, 18, 20, 21, 22, 118},
		layout{hello: 9, ifName: 20, nexthopCount: 1, nexthopWeight: 4, asked: true}, protocols7},
	{version{8, 3}, numbers{15, 17, 18, 20, 21, 22, 118},
		layout{hello: 9, ifName: 16, nexthopCount: 1, nexthopWeight: 4, asked: true}, protocols7},
	{version{9, 0}, numbers{15, 17, 18, 20, 21, 22, 118},
		layout{hello: 9, ifName: 16, nexthopCount: 1, nexthopWeight: 4, asked: true, labelType: true}, protocols7},
	{version{9, 1}, numbers{15, 17, 18, 20, 21, 22, 117},
		layout{hello: 9, ifName: 16, nexthopCount: 1, nexthopWeight: 4, asked: true, labelType: true, ifTxqlen: true}, protocols7},
	{version{10, 0}, numbers{16, 18, 19, 21, 22, 23, 118},
		layout{hello: 8, ifName: 16, nexthopCount: 1, nexthopWeight: 4, asked: true, labelType: true, ifTxqlen: true}, protocols10},
	{version{10, 1}, numbers{16, 18, 19, 21, 22, 23, 118},
		layout{hello: 8, ifName: 16, nexthopCount: 1, nexthopWeight: 8, asked: true, labelType: true, ifTxqlen: true}, protocols10},
	{version{10, 2}, numbers{16, 18, 19, 21, 22, 23, 120},
		layout{hello: 8, ifName: 16, nexthopCount: 1, nexthopWeight: 8, asked: true, labelType: true, ifTxqlen: true}, protocols10},
	{version{10, 3}, numbers{16, 18, 19, 21, 22, 23, 120},
		layout{hello: 8, ifName: 16, nexthopCount: 2, nexthopWeight: 8, asked: true, labelType: true, ifTxqlen: true}, protocols10},
	{version{10, 6}, numbers{16, 18, 19, 21, 22, 23, 120},
		layout{hello: 8, ifName: 16, nexthopCount: 2, nexthopWeight: 8, asked: true, labelType: true, ifTxqlen: true, ifKind: true}, protocols10},
}

// protocols7 names the route types up to 9.1.
var protocols7 = []rib.Protocol{
	"system", rib.Kernel, rib.Connected, rib.Static, rib.RIP, "ripng", rib.OSPF, "ospf6", rib.ISIS,
	rib.BGP, "pim", rib.EIGRP, "nhrp", "hsls", "olsr", "table", "ldp", "vnc", "vnc-direct", "vnc-rn",
	"bgp-direct", "bgp-direct-to-nve-groups", "babel", "sharp", "pbr", "bfd", "openfabric", "vrrp", "nhg", "srte",
}

// protocols10 names them from 10.0 on, where "local" was put in and moved the rest by one.
var protocols10 = append([]rib.Protocol{"system", rib.Kernel, rib.Connected, rib.Local}, protocols7[3:]...)

// protocol names a route type; "" is one that is not known.
func (r *release) protocol(routeType uint8) rib.Protocol {
	if int(routeType) < len(r.protocols) {
		return r.protocols[routeType]
	}
	return ""
}

var versionNumber = regexp.MustCompile(`(\d{1,4})\.(\d{1,4})[-+.~\w]*`)

// parseVersion finds the release in "8.4.4" or in "FRRouting 8.4.4 (host) on Linux(6.1)";
// name is what it says in full: "8.4.4".
func parseVersion(s string) (v version, name string, ok bool) {
	m := versionNumber.FindStringSubmatch(s)
	if m == nil {
		return version{}, "", false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return version{major, minor}, m[0], true
}

// releaseOf returns the row for v. Below the first and past the last release known it
// is the nearest row there is, and known is false.
func releaseOf(v version) (r *release, known bool) {
	r = &releases[0]
	for i := range releases {
		if !v.before(releases[i].from) {
			r = &releases[i]
		}
	}
	return r, !v.before(releases[0].from) && !tabled.before(v)
}
