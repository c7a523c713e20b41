//go:build lab

package zclient

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/tools/lab"
)

var record = flag.Bool("record", false, "record a conversation with zebra into testdata")

// tape is a conversation with a zebra: what is done, and what zebra says to it.
type tape struct {
	t       *testing.T
	n       *lab.Network
	a, b    *lab.Node
	release *release
	static  string // the daemon that takes static routes
	conn    net.Conn
	out     bytes.Buffer
}

// silence is how long zebra says nothing when it has said all.
const silence = 700 * time.Millisecond

func (r *tape) note(format string, args ...any) { fmt.Fprintf(&r.out, "# "+format+"\n", args...) }

// hear writes down what zebra says until it is silent.
func (r *tape) hear() {
	r.t.Helper()
	for {
		if err := r.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			r.t.Fatal(err)
		}
		b := make([]byte, headerLen)
		if _, err := io.ReadFull(r.conn, b); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			r.t.Fatal(err)
		}
		h, err := decodeHeader(b, r.release)
		if err != nil {
			r.t.Fatal(err)
		}
		b = append(b, make([]byte, h.length-headerLen)...)
		if _, err := io.ReadFull(r.conn, b[headerLen:]); err != nil {
			r.t.Fatal(err)
		}
		fmt.Fprintln(&r.out, hex.EncodeToString(b))
	}
}

func (r *tape) say(what string, message []byte) {
	r.t.Helper()
	r.note("%s", what)
	if _, err := r.conn.Write(message); err != nil {
		r.t.Fatal(err)
	}
	r.hear()
}

func (r *tape) register(prefix string) {
	r.t.Helper()
	r.say("register "+prefix, appendRegister(nil, r.release, netip.MustParsePrefix(prefix), true))
}

func (r *tape) lookup(addr string) {
	r.t.Helper()
	if r.release.tellsPaths() {
		r.say("look up "+addr, appendLookup(nil, r.release, ipv4.MustParse(addr)))
	}
}

// do runs a command on a node.
func (r *tape) do(nd *lab.Node, command string) {
	r.t.Helper()
	r.note("%s: %s", nd.Name(), command)
	if out, err := nd.Exec("sh", "-c", command); err != nil {
		r.note("this kernel cannot: %s", strings.TrimSpace(out))
	}
	r.hear()
}

// route configures a static route.
func (r *tape) route(line string) {
	r.t.Helper()
	r.note("%s", line)
	if _, err := r.a.Vty(r.static, "enable", "configure terminal", line, "end"); err != nil {
		r.t.Fatal(err)
	}
	r.hear()
}

func (r *tape) connect() {
	r.t.Helper()
	conn, err := net.Dial("unix", r.a.ZservSocket())
	if err != nil {
		r.t.Fatal(err)
	}
	r.conn = conn
	r.say("HELLO", appendHello(nil, r.release, 4711))
	r.say("interfaces, please", appendInterfaceRequest(nil))
	r.say("router id, please", appendRouterIDRequest(nil, r.release))
}

// TestRecord has a conversation with a zebra and writes it to testdata, where the other tests
// find it: go test -tags lab ./zclient -run TestRecord -record
func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("no -record")
	}
	r := &tape{t: t, n: lab.ForTest(t)}
	r.a, r.b = r.n.Router("a"), r.n.Router("b")
	r.n.Connect(r.a, "va0", "10.0.12.1/24", r.b, "vb0", "10.0.12.2/24")
	r.n.Connect(r.a, "va1", "10.0.14.1/24", r.b, "vb1", "10.0.14.2/24")
	r.a.AddAddr("va0", "10.0.99.1/24")
	if out, err := r.a.Exec("ip", "addr", "add", "10.0.13.1", "peer", "10.0.13.9", "dev", "va1"); err != nil {
		t.Fatal(err, out)
	}
	r.a.AddAddr("lo", "10.255.0.1/32")
	if out, err := r.a.Exec("sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/va0/disable_ipv6; ip -6 addr add fe80::1/64 dev va0 nodad"); err != nil {
		t.Fatal(err, out)
	}
	r.a.StartFRR("zebra", "")
	r.b.StartFRR("zebra", "")
	r.a.StartFRR("staticd", "")
	// From FRR 10 on static routes are mgmtd's to take.
	r.static = "mgmtd"
	if _, err := r.a.Vty(r.static, "show version"); err != nil {
		r.static = "staticd"
	}
	said, err := r.a.Vty("zebra", "show version")
	if err != nil {
		t.Fatal(err)
	}
	v, name, _ := parseVersion(said)
	r.release, _ = releaseOf(v)
	bgp := func(own, other int, peer, more string) string {
		return fmt.Sprintf("router bgp %d\n no bgp ebgp-requires-policy\n no bgp network import-check\n neighbor %s remote-as %d\n neighbor %s timers connect 1\n%sexit\n",
			own, peer, other, peer, more)
	}
	extra := ""
	if r.release.tellsPaths() {
		extra = " bgp send-extra-data zebra\n"
	}
	r.a.StartFRR("bgpd", bgp(65001, 65002, "10.0.12.2", extra))
	r.b.StartFRR("bgpd", bgp(65002, 65001, "10.0.12.1", " address-family ipv4 unicast\n  network 198.18.0.0/16\n  network 198.19.0.0/16 route-map far\n  network 198.20.0.0/16 route-map cut\n exit-address-family\n")+
		"route-map far permit 10\n set as-path prepend 65003 65004\nexit\nroute-map cut permit 10\n set as-path prepend"+strings.Repeat(" 4200000001", 40)+"\nexit\n")
	r.a.AwaitRoute(30*time.Second, "198.18.0.0/16", "bgp")
	r.a.AwaitRoute(30*time.Second, "198.19.0.0/16", "bgp")
	r.a.AwaitRoute(30*time.Second, "198.20.0.0/16", "bgp")

	fmt.Fprintf(&r.out, "# Recorded from zebra %s: '#' says what was done to the router or asked of zebra, each\n", name)
	fmt.Fprintf(&r.out, "# other line is a message of zebra's, header included, as it came.\n")
	fmt.Fprintf(&r.out, "# a has va0 (10.0.12.1/24, 10.0.99.1/24), va1 (10.0.14.1/24, 10.0.13.1 peer 10.0.13.9) and lo (10.255.0.1/32), b the other ends.\n")
	r.connect()
	if r.release.has(asksForSAFI) {
		r.register("0.0.0.0/0")
	}
	for _, p := range []string{"10.0.12.2/32", "10.0.12.2/32", "10.255.0.1/32", "192.0.2.1/32", "198.18.0.1/32", "203.0.113.1/32"} {
		r.register(p)
	}
	r.route("ip route 192.0.2.0/24 10.0.12.3")
	r.route("ip route 192.0.2.0/24 10.0.14.3")
	r.route("ip route 192.0.2.1/32 blackhole")
	r.route("no ip route 192.0.2.1/32 blackhole")
	r.route("ip mroute 192.0.2.0/24 10.0.14.2")
	r.route("no ip mroute 192.0.2.0/24 10.0.14.2")
	r.route("ip route 0.0.0.0/0 10.0.12.3")
	r.route("no ip route 0.0.0.0/0 10.0.12.3")
	r.do(r.a, "ip route add 203.0.113.0/24 via 10.0.12.2 metric 77")
	r.do(r.a, "ip route del 203.0.113.0/24 metric 77")
	r.do(r.a, "ip route add 203.0.113.0/24 nexthop via 10.0.12.2 weight 5 nexthop via 10.0.14.2 weight 7")
	r.do(r.a, "ip route del 203.0.113.0/24")
	r.do(r.a, "ip route add 203.0.113.0/24 via inet6 fe80::2 dev va0")
	r.do(r.a, "ip route del 203.0.113.0/24")
	r.do(r.a, "ip route add 203.0.113.0/24 dev va1")
	r.route("ip route 203.0.113.1/32 192.0.2.9")
	r.lookup("198.18.0.1")
	r.lookup("198.19.0.1")
	r.lookup("198.20.0.1")
	r.lookup("192.0.2.1")
	r.lookup("203.0.113.200")
	r.lookup("8.8.8.8")
	r.do(r.a, "ip addr add 10.0.55.1/30 dev va1")
	r.do(r.a, "ip addr del 10.0.55.1/30 dev va1")
	r.do(r.a, "ip addr add 10.0.66.1/24 peer 10.0.67.2/24 dev va1")
	r.do(r.a, "ip addr del 10.0.66.1/24 peer 10.0.67.2/24 dev va1")
	r.do(r.a, "ip addr add 10.0.99.9/24 dev va0")
	r.do(r.a, "ip addr del 10.0.99.9/24 dev va0")
	r.do(r.b, "ip link set vb0 down")
	r.do(r.b, "ip link set vb0 up")
	r.do(r.a, "ip link set va0 mtu 1400")
	r.do(r.a, "ip link add va9 type veth peer name vb9")
	r.do(r.a, "ip link set va9 name va8")
	r.do(r.a, "ip link del va8")
	r.say("unregister 192.0.2.1/32", appendRegister(nil, r.release, netip.MustParsePrefix("192.0.2.1/32"), false))
	r.route("ip route 192.0.2.1/32 blackhole")
	r.say("a command that does not exist", appendFrame(nil, 999, nil))
	r.note("a second session, begun while va0 is down")
	r.conn.Close()
	if out, err := r.a.Exec("ip", "link", "set", "va0", "down"); err != nil {
		t.Fatal(err, out)
	}
	r.connect()
	r.do(r.a, "ip link set va0 up")
	r.conn.Close()
	if err := os.WriteFile("testdata/frr-"+name+".txt", r.out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
