package rib

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

func cidr(s string) *net.IPNet {
	_, n, err := net.ParseCIDR(s)
	if err != nil {
		panic(err)
	}
	return n
}

func TestRouteFromKernel(t *testing.T) {
	gw := net.ParseIP("10.0.12.2").To4()
	hop := func(gw string, ifindex int) NextHop {
		return NextHop{Gateway: ipv4.MustParse(gw), Ifindex: ifindex}
	}
	for _, tt := range []struct {
		name string
		in   netlink.Route
		want Route
	}{
		{
			"ospf through a gateway",
			netlink.Route{Dst: cidr("192.0.2.0/24"), Gw: gw, LinkIndex: 2, Protocol: 188, Priority: 20},
			Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Protocol: OSPF, Metric: 20, NextHops: []NextHop{hop("10.0.12.2", 2)}},
		},
		{
			"default route has no destination",
			netlink.Route{Gw: gw, LinkIndex: 2, Protocol: 196},
			Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Protocol: Static, NextHops: []NextHop{hop("10.0.12.2", 2)}},
		},
		{
			"connected",
			netlink.Route{Dst: cidr("10.0.12.0/24"), LinkIndex: 2, Protocol: unix.RTPROT_KERNEL, Scope: netlink.SCOPE_LINK},
			Route{Prefix: netip.MustParsePrefix("10.0.12.0/24"), Protocol: Connected, NextHops: []NextHop{hop("0.0.0.0", 2)}},
		},
		{
			"own address",
			netlink.Route{Dst: cidr("10.0.12.1/32"), LinkIndex: 2, Protocol: unix.RTPROT_KERNEL, Type: unix.RTN_LOCAL},
			Route{Prefix: netip.MustParsePrefix("10.0.12.1/32"), Protocol: Local, NextHops: []NextHop{hop("0.0.0.0", 2)}},
		},
		{
			"put in by hand",
			netlink.Route{Dst: cidr("192.0.2.0/24"), Gw: gw, LinkIndex: 2, Protocol: unix.RTPROT_BOOT},
			Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Protocol: Kernel, NextHops: []NextHop{hop("10.0.12.2", 2)}},
		},
		{
			"several next hops: sorted, without the one whose link is down",
			netlink.Route{Dst: cidr("192.0.2.0/24"), Protocol: 186, MultiPath: []*netlink.NexthopInfo{
				{LinkIndex: 3, Gw: gw},
				{LinkIndex: 4, Gw: gw, Flags: unix.RTNH_F_LINKDOWN},
				{LinkIndex: 2, Gw: gw},
				{LinkIndex: 2}, // an IPv6 gateway
			}},
			Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Protocol: BGP, NextHops: []NextHop{
				hop("0.0.0.0", 2), hop("10.0.12.2", 2), hop("10.0.12.2", 3),
			}},
		},
		{
			"link down",
			netlink.Route{Dst: cidr("192.0.2.0/24"), Gw: gw, LinkIndex: 2, Protocol: 189, Flags: unix.RTNH_F_DEAD | unix.RTNH_F_LINKDOWN},
			Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Protocol: RIP},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := routeFromKernel(&tt.in)
			if !got.Equal(tt.want) || got.From != FromKernel {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// The loopback interface is there wherever this runs.
func TestKernelLoopback(t *testing.T) {
	r, err := KernelRoute(ipv4.MustParse("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Reachable() || r.Protocol != Local || r.From != FromKernel || !r.Prefix.Contains(netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("route to 127.0.0.1: %+v", r)
	}
	all, err := KernelInterfaces()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(i Interface) bool { return i.Name == "lo" })
	if at < 0 || !all[at].Up || all[at].Index != r.NextHops[0].Ifindex || all[at].MTU <= 0 {
		t.Errorf("no loopback interface in %+v", all)
	}
}

// A destination without a route is no error. 240.0.0.1 is in a range that nobody routes,
// but a default route leads there: then the answer must at least not be an error.
func TestKernelNoRoute(t *testing.T) {
	r, err := KernelRoute(ipv4.MustParse("240.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if r.From != FromKernel || r.Reachable() && !r.Prefix.IsValid() {
		t.Errorf("got %+v", r)
	}
}

func TestLocalPrefix(t *testing.T) {
	addr := func(local, peer string) netlink.Addr {
		ip, n, _ := net.ParseCIDR(local)
		a := netlink.Addr{IPNet: &net.IPNet{IP: ip.To4(), Mask: n.Mask}}
		if peer != "" {
			a.Peer = cidr(peer)
		}
		return a
	}
	for _, tt := range []struct {
		in   netlink.Addr
		want string
		ok   bool
	}{
		{addr("10.0.12.1/24", ""), "10.0.12.1/24", true},
		{addr("10.0.13.1/32", "10.0.13.9/32"), "10.0.13.1/32", true},
		{addr("127.0.0.1/8", ""), "", false},
		{netlink.Addr{}, "", false},
	} {
		got, ok := localPrefix(tt.in)
		if ok != tt.ok || ok && got.String() != tt.want {
			t.Errorf("localPrefix(%v) = %v, %v", tt.in, got, ok)
		}
	}
}
