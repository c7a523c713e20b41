package lab

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
)

// Connect joins two nodes by a veth pair and sets it up. An address is like
// 10.0.12.1/24; an empty one leaves the interface without.
func (n *Network) Connect(a *Node, ifA, addrA string, b *Node, ifB, addrB string) {
	n.t.Helper()
	if err := n.whileOpen(func() error { return connect(a, ifA, b, ifB) }); err != nil {
		n.t.Fatalf("connecting %s %s and %s %s: %v", a.name, ifA, b.name, ifB, err)
	}
	ends := []Port{{a, ifA, addrA}, {b, ifB, addrB}}
	for _, end := range ends {
		end.setUp(n.t)
	}
	for _, end := range ends {
		end.Node.awaitUp(end.Iface)
	}
}

func connect(a *Node, ifA string, b *Node, ifB string) error {
	return a.nl.LinkAdd(&netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: ifA},
		PeerName:      ifB,
		PeerNamespace: netlink.NsFd(b.ns),
	})
}

// Port is a node's interface on a LAN. An empty address leaves it without.
type Port struct {
	Node  *Node
	Iface string
	Addr  string
}

func (p Port) setUp(t T) {
	t.Helper()
	if p.Addr != "" {
		p.Node.AddAddr(p.Iface, p.Addr)
	}
	p.Node.SetUp(p.Iface)
}

// LAN joins several nodes by a bridge, in a namespace of its own. Setting a port of the bridge
// down (they are p0, p1, … in the order given) takes the carrier from the node's interface.
func (n *Network) LAN(name string, ports ...Port) *Node {
	n.t.Helper()
	lan := n.node(name, false)
	// Snooping would need a querier and a second or two before it floods what nobody joined.
	snooping := false
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}, MulticastSnooping: &snooping}
	if err := n.whileOpen(func() error { return lan.nl.LinkAdd(bridge) }); err != nil {
		n.t.Fatalf("making LAN %s: %v", name, err)
	}
	lan.SetUp("br0")
	for i, p := range ports {
		port := fmt.Sprintf("p%d", i)
		if err := n.whileOpen(func() error { return attach(lan, port, bridge, p) }); err != nil {
			n.t.Fatalf("connecting %s %s to LAN %s: %v", p.Node.name, p.Iface, name, err)
		}
		lan.SetUp(port)
		p.setUp(n.t)
		p.Node.awaitUp(p.Iface)
		lan.awaitUp(port)
	}
	return lan
}

func attach(lan *Node, port string, bridge *netlink.Bridge, p Port) error {
	if err := connect(lan, port, p.Node, p.Iface); err != nil {
		return err
	}
	link, err := lan.nl.LinkByName(port)
	if err != nil {
		return err
	}
	return lan.nl.LinkSetMaster(link, bridge)
}

// AddAddr adds an address, 10.0.0.1/32 say, to an interface.
func (nd *Node) AddAddr(iface, cidr string) {
	nd.net.t.Helper()
	nd.change("adding "+cidr+" to", iface, func(l netlink.Link) error {
		a, err := netlink.ParseAddr(cidr)
		if err != nil {
			return err
		}
		return nd.nl.AddrAdd(l, a)
	})
}

// DelAddr takes an address from an interface.
func (nd *Node) DelAddr(iface, cidr string) {
	nd.net.t.Helper()
	nd.change("removing "+cidr+" from", iface, func(l netlink.Link) error {
		a, err := netlink.ParseAddr(cidr)
		if err != nil {
			return err
		}
		return nd.nl.AddrDel(l, a)
	})
}

// SetUp sets an interface administratively up.
func (nd *Node) SetUp(iface string) {
	nd.net.t.Helper()
	nd.change("setting up", iface, func(l netlink.Link) error { return nd.nl.LinkSetUp(l) })
}

// SetDown sets an interface administratively down; the other end of its veth pair loses its carrier.
func (nd *Node) SetDown(iface string) {
	nd.net.t.Helper()
	nd.change("setting down", iface, func(l netlink.Link) error { return nd.nl.LinkSetDown(l) })
}

// SetMTU sets an interface's MTU, in octets.
func (nd *Node) SetMTU(iface string, mtu int) {
	nd.net.t.Helper()
	nd.change("setting the MTU of", iface, func(l netlink.Link) error { return nd.nl.LinkSetMTU(l, mtu) })
}

// awaitUp waits until an interface carries packets. The kernel sees to that some time after
// both ends were set up, and until then drops what is sent; a bridge does not forward to it either.
func (nd *Node) awaitUp(iface string) {
	nd.net.t.Helper()
	Eventually(nd.net.t, startLimit, time.Millisecond, func() error {
		return nd.net.whileOpen(func() error {
			link, err := nd.nl.LinkByName(iface)
			if err == nil && link.Attrs().OperState != netlink.OperUp {
				err = fmt.Errorf("%s %s is %v", nd.name, iface, link.Attrs().OperState)
			}
			return err
		})
	})
}

func (nd *Node) change(what, iface string, f func(netlink.Link) error) {
	nd.net.t.Helper()
	err := nd.net.whileOpen(func() error {
		link, err := nd.nl.LinkByName(iface)
		if err != nil {
			return err
		}
		return f(link)
	})
	if err != nil {
		nd.net.t.Fatalf("%s: %s %s: %v", nd.name, what, iface, err)
	}
}

// AddRoute adds a kernel route to the destination prefix (0.0.0.0/0 for all) by a gateway.
func (nd *Node) AddRoute(destination, gateway string) {
	nd.net.t.Helper()
	r, err := parseRoute(destination, gateway)
	if err == nil {
		err = nd.net.whileOpen(func() error { return nd.nl.RouteAdd(r) })
	}
	if err != nil {
		nd.net.t.Fatalf("%s: adding route %s by %s: %v", nd.name, destination, gateway, err)
	}
}

// DelRoute removes what AddRoute added. A route that the kernel has removed already is no failure.
func (nd *Node) DelRoute(destination, gateway string) {
	nd.net.t.Helper()
	r, err := parseRoute(destination, gateway)
	if err == nil {
		err = nd.net.whileOpen(func() error { return nd.nl.RouteDel(r) })
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		nd.net.t.Fatalf("%s: removing route %s by %s: %v", nd.name, destination, gateway, err)
	}
}

func parseRoute(destination, gateway string) (*netlink.Route, error) {
	_, dst, err := net.ParseCIDR(destination)
	if err != nil {
		return nil, err
	}
	gw := net.ParseIP(gateway)
	if gw == nil {
		return nil, fmt.Errorf("%q is not an address", gateway)
	}
	return &netlink.Route{Dst: dst, Gw: gw}, nil
}
