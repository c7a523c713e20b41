package rib

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"msdpd/lib/internal/netnstest"
	"msdpd/lib/ipv4"
)

// The kernel says ENOBUFS when it lost events for us: something changed, go on reading.
func TestReadEventsSurvivesLostEvents(t *testing.T) {
	closed := errors.New("closed")
	results := []error{unix.ENOBUFS, nil, unix.EINTR, closed}
	dirty := make(chan struct{}, 1)
	n := 0
	err := readEvents(func() error {
		n++
		return results[n-1]
	}, dirty)
	if err != closed || n != len(results) {
		t.Errorf("ended after %d events with %v", n, err)
	}
	if len(dirty) != 1 {
		t.Error("nothing was reported")
	}
}

func TestWatchKernel(t *testing.T) {
	netnstest.Enter(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	called := 0
	dst := cidr("192.0.2.0/24")
	// WatchKernel has this goroutine until it returns, so everything else happens in its
	// callback: each change brings the next call.
	err := WatchKernel(ctx, zap.NewNop(), func() {
		called++
		switch called {
		case 1:
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				t.Error(err)
			}
			a := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 255, 0, 1).To4(), Mask: net.CIDRMask(32, 32)}}
			if err := netlink.AddrAdd(lo, a); err != nil {
				t.Error(err)
			}
		case 2:
			if err := netlink.RouteAdd(&netlink.Route{Dst: dst, LinkIndex: 1, Priority: 7, Protocol: 188}); err != nil {
				t.Error(err)
			}
		default:
			cancel()
		}
	})
	if err != nil || called < 3 {
		t.Errorf("ended after %d calls: %v", called, err)
	}

	r, err := KernelRoute(ipv4.MustParse("192.0.2.1"))
	if err != nil || r.Protocol != OSPF || r.Metric != 7 || r.Prefix.String() != "192.0.2.0/24" ||
		len(r.NextHops) != 1 || r.NextHops[0] != (NextHop{Ifindex: 1}) {
		t.Errorf("route: %+v, %v", r, err)
	}
	if r, err := KernelRoute(ipv4.MustParse("198.51.100.1")); err != nil || r.Reachable() || r.From != FromKernel {
		t.Errorf("no route: %+v, %v", r, err)
	}
	for _, typ := range []int{unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT} {
		if err := netlink.RouteReplace(&netlink.Route{Dst: dst, Priority: 5, Type: typ}); err != nil {
			t.Fatal(err)
		}
		if r, err := KernelRoute(ipv4.MustParse("192.0.2.1")); err != nil || r.Reachable() {
			t.Errorf("route of type %d: %+v, %v", typ, r, err)
		}
	}
	all, err := KernelInterfaces()
	if err != nil || len(all) != 1 || len(all[0].Addrs) != 1 || all[0].Addrs[0].String() != "10.255.0.1/32" {
		t.Errorf("interfaces: %+v, %v", all, err)
	}
}
