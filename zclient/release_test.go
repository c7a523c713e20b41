package zclient

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/osrg/gobgp/v3/pkg/log"
	"github.com/osrg/gobgp/v3/pkg/zebra"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

func TestReleaseOf(t *testing.T) {
	for _, tt := range []struct {
		said  string
		row   version
		known bool
	}{
		{"7.5.1", version{7, 5}, true},
		{"8.1", version{8, 0}, true},
		{"8.2.2", version{8, 2}, true},
		{"FRRouting 8.4.4 (vm) on Linux(6.1.0-13-amd64).", version{8, 3}, true},
		{"8.5.4", version{8, 3}, true},
		{"9.0.1", version{9, 0}, true},
		{"9.1", version{9, 1}, true},
		{"10.0.0", version{10, 0}, true},
		{"10.2.1", version{10, 2}, true},
		{"10.5", version{10, 5}, true},
		{"FRRouting 10.7.1 (host) on Linux(6.18.0).", version{10, 6}, true},
		{"10.8-dev", version{10, 6}, false},
		{"6.0.2", version{7, 5}, false},
	} {
		v, _, ok := parseVersion(tt.said)
		r, known := releaseOf(v)
		if !ok || r.from != tt.row || known != tt.known {
			t.Errorf("%q: row %v, known %v, parsed %v", tt.said, r.from, known, ok)
		}
	}
	if _, name, _ := parseVersion("FRRouting 10.2.1-1~deb12u1 (host) on Linux(6.1)"); name != "10.2.1-1~deb12u1" {
		t.Errorf("named %q", name)
	}
	for _, s := range []string{"", "FRRouting", "8"} {
		if _, _, ok := parseVersion(s); ok {
			t.Errorf("found a release in %q", s)
		}
	}
}

func TestTableIsInOrder(t *testing.T) {
	for trait, lines := range table {
		for i, l := range lines {
			at := version{l.major, l.minor}
			if i == 0 && at != oldest || i > 0 && (version{lines[i-1].major, lines[i-1].minor}).compare(at) >= 0 ||
				i > 0 && lines[i-1].value == l.value || at.compare(newest) > 0 {
				t.Errorf("trait %d: line %v is out of place", trait, l)
			}
		}
	}
}

// No two messages of a release have one number, and what is asked of zebra can change nothing
// in it, whichever release it really is.
func TestNumbers(t *testing.T) {
	fixed := []command{interfaceAdd, interfaceDelete, addressAdd, addressDelete, interfaceUp, interfaceDown}
	for _, r := range allReleases() {
		seen := make(map[command]bool)
		for _, n := range fixed {
			seen[n] = true
		}
		for trait := routerIDAdd; trait <= errorReply; trait++ {
			if n := r.cmd(trait); n != numberless && seen[n] {
				t.Errorf("%v: two messages have the number %d", r.from, n)
			} else {
				seen[n] = true
			}
		}
		// 6 to 15 set masters, add and delete routes and redistribute; ROUTER_ID_ADD up to 9.1
		// is the harmless end of a redistribution from 10.0 on.
		for _, trait := range []trait{routerIDAdd, hello, nexthopRegister, nexthopUnregister, nexthopLookup} {
			if n := r.cmd(trait); n < 15 {
				t.Errorf("%v: request %d", r.from, n)
			}
		}
	}
}

// FRR 10.0 put "local" in at 3; everything behind it moved by one.
func TestProtocols(t *testing.T) {
	for _, tt := range []struct {
		release   version
		routeType uint8
		want      rib.Protocol
	}{
		{version{8, 4}, 2, rib.Connected}, {version{8, 4}, 3, rib.Static}, {version{8, 4}, 4, rib.RIP},
		{version{8, 4}, 6, rib.OSPF}, {version{8, 4}, 8, rib.ISIS}, {version{8, 4}, 9, rib.BGP},
		{version{8, 4}, 11, rib.EIGRP}, {version{8, 4}, 23, "sharp"}, {version{8, 4}, 200, ""},
		{version{10, 7}, 1, rib.Kernel}, {version{10, 7}, 2, rib.Connected}, {version{10, 7}, 3, rib.Local},
		{version{10, 7}, 4, rib.Static}, {version{10, 7}, 5, rib.RIP}, {version{10, 7}, 7, rib.OSPF},
		{version{10, 7}, 9, rib.ISIS}, {version{10, 7}, 10, rib.BGP}, {version{10, 7}, 24, "sharp"},
	} {
		r, _ := releaseOf(tt.release)
		if got := r.protocol(uint32(tt.routeType)); got != tt.want {
			t.Errorf("%v: type %d is %q, want %q", tt.release, tt.routeType, got, tt.want)
		}
	}
}

// frr82 is the newest that gobgp's package knows. Of what is compared here nothing moved
// between 8.2 and 8.4.
var frr82 = zebra.NewSoftware(zapiVersion, "frr8.2")

// gobgp's package names the route types up to 8.2 as our table does.
func TestProtocolsAgainstGobgp(t *testing.T) {
	theirs := map[rib.Protocol]string{rib.Connected: "connect", "ospf6": "ospf3"}
	r := releaseNamed(t, "8.2")
	for n := range uint32(len(protocols) - 2) { // but for local and table-direct, which came later
		name := r.protocol(n)
		word := string(name)
		if w, ok := theirs[name]; ok {
			word = w
		}
		got, err := zebra.RouteTypeFromString(word, zapiVersion, frr82)
		if err != nil || uint32(got) != n {
			t.Errorf("%s: theirs is %d (%v), ours %d", name, got, err, n)
		}
	}
}

// quiet is a logger for gobgp's package.
type quiet struct{}

func (quiet) Panic(string, log.Fields) {}
func (quiet) Fatal(string, log.Fields) {}
func (quiet) Error(string, log.Fields) {}
func (quiet) Warn(string, log.Fields)  {}
func (quiet) Info(string, log.Fields)  {}
func (quiet) Debug(string, log.Fields) {}
func (quiet) SetLevel(log.LogLevel)    {}
func (quiet) GetLevel() log.LogLevel   { return log.PanicLevel }

// oneMessage is a connection on which one message comes.
type oneMessage struct {
	net.Conn
	*bytes.Reader
}

func (c oneMessage) Read(b []byte) (int, error) { return c.Reader.Read(b) }

// gobgp's decoder reads the routes of the recording as ours does.
func TestUpdatesAgainstGobgp(t *testing.T) {
	messages, _ := recording(t, "8.4.4")
	r := release84(t)
	compared := 0
	for _, m := range messages {
		h, err := decodeHeader(m, r)
		if err != nil || h.cmd != r.cmd(nexthopUpdate) {
			continue
		}
		ours, err := decodeUpdate(m[headerLen:], r)
		if err != nil {
			t.Fatal(err)
		}
		msg, err := zebra.ReceiveSingleMsg(quiet{}, oneMessage{Reader: bytes.NewReader(m)}, zapiVersion, frr82, "test")
		if err != nil {
			t.Fatal(err)
		}
		theirs, ok := msg.Body.(*zebra.NexthopUpdateBody)
		if !ok {
			t.Fatalf("theirs is a %T", msg.Body)
		}
		if found := len(theirs.Nexthops) > 0; found != ours.found {
			t.Errorf("%x: theirs has a route: %v, ours %v", m, found, ours.found)
			continue
		}
		if !ours.found {
			continue
		}
		compared++
		their := rib.Route{
			Prefix:   netip.MustParsePrefix(fmt.Sprintf("%v/%d", theirs.Prefix.Prefix, theirs.Prefix.PrefixLen)),
			Protocol: r.protocol(uint32(theirs.Type)),
			Distance: theirs.Distance,
			Metric:   theirs.Metric, Multicast: ours.multicast,
		}
		for _, nh := range theirs.Nexthops {
			if nh.Type != hopBlackhole {
				their.NextHops = append(their.NextHops, gobgpHop(nh.Gate, int(nh.Ifindex)))
			}
		}
		their.NextHops = rib.SortNextHops(their.NextHops)
		if !their.Equal(ours.route) {
			t.Errorf("%x:\ntheirs %+v\nours   %+v", m, their, ours.route)
		}
	}
	if compared < 10 {
		t.Errorf("only %d routes compared", compared)
	}
}

func gobgpHop(gate net.IP, ifindex int) rib.NextHop {
	hop := rib.NextHop{Ifindex: ifindex}
	if b := gate.To4(); b != nil {
		hop.Gateway = ipv4.FromBytes(b)
	} else if a, ok := netip.AddrFromSlice(gate); ok {
		hop.Gateway6 = a
	}
	return hop
}

// Our HELLO is theirs with route type 0, which theirs cannot send by its Client.
func TestHelloAgainstGobgp(t *testing.T) {
	m := zebra.Message{
		Header: zebra.Header{Marker: zebra.HeaderMarker(zapiVersion), Version: zapiVersion, Command: zebra.Hello},
		Body:   &zebra.HelloBody{},
	}
	want, err := m.Serialize(frr82)
	if err != nil {
		t.Fatal(err)
	}
	if got := appendHello(nil, release84(t), 0); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	if got := appendHello(nil, release84(t), 77); got[headerLen] != routeTypeNone || be.Uint32(got[headerLen+3:]) != 77 {
		t.Errorf("session 77: %x", got)
	}
	r10, _ := releaseOf(version{10, 7})
	if got := appendHello(nil, r10, 77); len(got) != headerLen+8 || be.Uint16(got[8:]) != 19 {
		t.Errorf("10.7: %x", got)
	}
}

func TestRegister(t *testing.T) {
	rp := netip.MustParsePrefix("10.255.0.1/32")
	for _, tt := range []struct {
		v    version
		p    netip.Prefix
		on   bool
		want string
	}{
		{version{8, 4}, rp, true, "0015fe06000000000014" + "00" + "00" + "0002" + "0002" + "20" + "0aff0001" +
			"0015fe06000000000014" + "00" + "00" + "0001" + "0002" + "20" + "0aff0001"},
		{version{8, 4}, rp, false, "0015fe06000000000015" + "00" + "00" + "0002" + "0002" + "20" + "0aff0001" +
			"0015fe06000000000015" + "00" + "00" + "0001" + "0002" + "20" + "0aff0001"},
		{version{8, 4}, defaultPrefix, true, "0015fe06000000000014" + "00" + "01" + "0002" + "0002" + "00" + "00000000" +
			"0015fe06000000000014" + "00" + "01" + "0001" + "0002" + "00" + "00000000"},
		{version{8, 1}, rp, true, "0012fe06000000000014" + "00" + "0002" + "20" + "0aff0001"},
		{version{10, 0}, rp, true, "0015fe06000000000015" + "00" + "00" + "0002" + "0002" + "20" + "0aff0001" +
			"0015fe06000000000015" + "00" + "00" + "0001" + "0002" + "20" + "0aff0001"},
	} {
		r, _ := releaseOf(tt.v)
		if got := fmt.Sprintf("%x", appendRegister(nil, r, tt.p, tt.on)); got != tt.want {
			t.Errorf("%v %v %v:\ngot  %s\nwant %s", tt.v, tt.p, tt.on, got, tt.want)
		}
	}
}
