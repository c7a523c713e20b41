package rib

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

// kernelProtocols says who wrote a route of the kernel's table, by the number that
// routing daemons leave there (rtm_protocol; FRR's from 186 on).
var kernelProtocols = map[netlink.RouteProtocol]Protocol{
	unix.RTPROT_KERNEL: Kernel,
	unix.RTPROT_STATIC: Static,
	11:                 Kernel, // FRR's zebra on its own behalf
	186:                BGP,
	187:                ISIS,
	188:                OSPF,
	189:                RIP,
	192:                EIGRP,
	196:                Static, // FRR's staticd
}

// KernelRoute asks the kernel's forwarding table for the route to addr: the entry it
// would forward by, with its prefix (RTM_F_FIB_MATCH). A destination without a route,
// or with a blackhole, unreachable or prohibit route, is no error: the Route has no next hops.
//
// Metric is the kernel's priority of the route. It is not the protocol's own metric:
// FRR's zebra writes 20 for every route it installs.
func KernelRoute(addr ipv4.Addr) (Route, error) {
	b := addr.As4()
	found, err := netlink.RouteGetWithOptions(net.IP(b[:]), &netlink.RouteGetOptions{FIBMatch: true})
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH),
		errors.Is(err, unix.EACCES), errors.Is(err, unix.EINVAL):
		// No route; unreachable; prohibit; blackhole. The kernel tells no more of these.
		return Route{From: FromKernel}, nil
	case err != nil:
		return Route{}, fmt.Errorf("kernel route to %v: %w", addr, err)
	case len(found) == 0:
		return Route{From: FromKernel}, nil
	}
	return routeFromKernel(&found[0]), nil
}

func routeFromKernel(k *netlink.Route) Route {
	r := Route{
		Prefix:   netip.PrefixFrom(netip.IPv4Unspecified(), 0),
		Protocol: protocolFromKernel(k),
		Metric:   uint32(k.Priority),
		From:     FromKernel,
	}
	if k.Dst != nil {
		if a, ok := netip.AddrFromSlice(k.Dst.IP.To4()); ok {
			ones, _ := k.Dst.Mask.Size()
			r.Prefix = netip.PrefixFrom(a, ones)
		}
	}
	const unusable = unix.RTNH_F_DEAD | unix.RTNH_F_LINKDOWN
	if len(k.MultiPath) == 0 {
		if k.LinkIndex != 0 && k.Flags&unusable == 0 {
			r.NextHops = []NextHop{nextHop(k.Gw, k.Via, k.LinkIndex)}
		}
		return r
	}
	for _, nh := range k.MultiPath {
		if nh.Flags&unusable == 0 {
			r.NextHops = append(r.NextHops, nextHop(nh.Gw, nh.Via, nh.LinkIndex))
		}
	}
	r.NextHops = SortNextHops(r.NextHops)
	return r
}

func protocolFromKernel(k *netlink.Route) Protocol {
	if k.Type == unix.RTN_LOCAL {
		return Local
	}
	// What the kernel itself adds for an interface's address has link scope.
	if k.Protocol == unix.RTPROT_KERNEL && k.Scope == netlink.SCOPE_LINK {
		return Connected
	}
	if p, ok := kernelProtocols[k.Protocol]; ok {
		return p
	}
	// Whatever else stands there was put in by hand or by a program (ip route, DHCP),
	// which is what zebra calls a kernel route.
	return Kernel
}

// nextHop has the gateway in gw, or in via where it is of the other family (RTA_VIA).
func nextHop(gw net.IP, via netlink.Destination, ifindex int) NextHop {
	nh := NextHop{Ifindex: ifindex}
	if v, ok := via.(*netlink.Via); ok {
		gw = v.Addr
	}
	if b := gw.To4(); b != nil {
		nh.Gateway = ipv4.FromBytes(b)
	} else if a, ok := netip.AddrFromSlice(gw); ok {
		nh.Gateway6 = a
	}
	return nh
}

// KernelInterfaces asks the kernel for every interface with its IPv4 addresses, sorted by index.
func KernelInterfaces() ([]Interface, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("kernel's list of interfaces: %w", err)
	}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("kernel's list of addresses: %w", err)
	}
	byLink := make(map[int][]netip.Prefix, len(links))
	for _, a := range addrs {
		if p, ok := localPrefix(a); ok {
			byLink[a.LinkIndex] = append(byLink[a.LinkIndex], p)
		}
	}
	all := make([]Interface, 0, len(links))
	for _, l := range links {
		at := l.Attrs()
		const up = unix.IFF_UP | unix.IFF_RUNNING
		all = append(all, Interface{
			Index: at.Index,
			Name:  at.Name,
			Up:    at.RawFlags&up == up,
			MTU:   at.MTU,
			Addrs: byLink[at.Index],
		})
	}
	return NewInterfaces(all).All(), nil
}

// localPrefix is the interface's own address. One with a peer's address beside it has
// the length 32, as zebra tells it; 127.0.0.0/8 is left out, as zebra does.
func localPrefix(a netlink.Addr) (netip.Prefix, bool) {
	if a.IPNet == nil {
		return netip.Prefix{}, false
	}
	ip, ok := netip.AddrFromSlice(a.IP.To4())
	if !ok || ip.IsLoopback() {
		return netip.Prefix{}, false
	}
	ones, _ := a.Mask.Size()
	return netip.PrefixFrom(ip, ones), true
}
