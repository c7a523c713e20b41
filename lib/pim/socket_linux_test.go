package pim

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"msdpd/lib/internal/netnstest"
	"msdpd/lib/ipv4"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, err)
	return l
}

func address(t *testing.T, cidr string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(cidr)
	must(t, err)
	return a
}

// listen starts a listener and returns what it hears.
func listen(t *testing.T) (*Listener, <-chan Register) {
	t.Helper()
	heard := make(chan Register, 100)
	l, err := Listen(ListenConfig{Handler: func(r Register) { heard <- r }})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return l, heard
}

func TestSenderIsHeard(t *testing.T) {
	netnstest.Enter(t)
	must(t, netlink.AddrAdd(link(t, "lo"), address(t, "10.255.0.1/32")))
	_, heard := listen(t)
	sgs := []ipv4.SG{sgN(0, 0), sgN(1, 1), sgN(2, 2)}
	n, err := NewSender().Send(rpOne, sgs)
	if n != 3 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	for _, sg := range sgs {
		want := Register{OuterSource: rpOne, OuterDestination: rpOne, SG: sg, Null: true}
		if got := <-heard; got != want {
			t.Errorf("heard %+v, want %+v", got, want)
		}
	}
	if n, err := NewSender().Send(rpOne, nil); n != 0 || err != nil {
		t.Errorf("nothing to send: %d, %v", n, err)
	}
}

// pimd has a socket bound to each of its interfaces: the one with the RP address has to hear
// it, be that the loopback or a LAN.
func TestSenderIsHeardOnTheInterfaceWithTheAddress(t *testing.T) {
	for _, name := range []string{"lo", "lan"} {
		t.Run(name, func(t *testing.T) {
			netnstest.Enter(t)
			must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan"}, PeerName: "peer"}))
			must(t, netlink.LinkSetUp(link(t, "lan")))
			must(t, netlink.LinkSetUp(link(t, "peer")))
			must(t, netlink.AddrAdd(link(t, name), address(t, "10.255.0.1/24")))
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocolPIM)
			must(t, err)
			defer unix.Close(fd)
			must(t, unix.BindToDevice(fd, name))
			must(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
			if n, err := NewSender().Send(rpOne, []ipv4.SG{sgOne}); n != 1 || err != nil {
				t.Fatalf("sent %d, %v", n, err)
			}
			buf := make([]byte, 2000)
			n, _, err := unix.Recvfrom(fd, buf, 0)
			must(t, err)
			if r, err := ParseRegister(buf[:n]); err != nil || r.SG != sgOne || r.OuterDestination != rpOne {
				t.Errorf("heard %+v, %v", r, err)
			}
		})
	}
}

func TestSenderNeedsTheAddress(t *testing.T) {
	netnstest.Enter(t)
	for _, rp := range []ipv4.Addr{rpOne, 0, ipv4.MustParse("127.0.0.1"), ipv4.MustParse("224.0.0.13")} {
		if n, err := NewSender().Send(rp, []ipv4.SG{sgOne}); n != 0 || !errors.Is(err, unix.EADDRNOTAVAIL) {
			t.Errorf("to %s: sent %d, %v", rp, n, err)
		}
	}
}

// What the socket hears of packets that a sender of any kind makes.
func TestListenerRefuses(t *testing.T) {
	netnstest.Enter(t)
	must(t, netlink.AddrAdd(link(t, "lo"), address(t, "10.255.0.1/32")))
	l, heard := listen(t)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocolPIM)
	must(t, err)
	defer unix.Close(fd)
	must(t, attach(fd, rejectAll()))
	send := func(message []byte) {
		t.Helper()
		must(t, unix.Sendto(fd, message, 0, &unix.SockaddrInet4{Addr: rpOne.As4()}))
	}
	bad := dataRegister(sgOne, 1200, true)
	bad[len(bad)-1]++
	send(bad)
	send([]byte{0x20, 0, 0xdf, 0xff, 0, 0, 0, 0})
	inside := AppendNullRegister(nil, ipv4.SG{Source: sgOne.Group, Group: sgOne.Group})
	send(inside)
	send(dataRegister(sgN(0, 1), 1200, true))
	send(dataRegister(sgN(0, 2), 30000, false))
	for n := 1; n <= 2; n++ {
		if r := <-heard; r.SG != sgN(0, n) || r.Null {
			t.Errorf("heard %+v", r)
		}
	}
	if got, want := l.Stats(), (ListenerStats{Registers: 2, BadChecksum: 1, Malformed: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestListenerHandsOverData: whole packets only while they are asked for, none that is cut short or
// of a Null-Register, and so many a second.
func TestListenerHandsOverData(t *testing.T) {
	netnstest.Enter(t)
	must(t, netlink.AddrAdd(link(t, "lo"), address(t, "10.255.0.1/32")))
	l, heard := listen(t)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocolPIM)
	must(t, err)
	defer unix.Close(fd)
	must(t, attach(fd, rejectAll()))
	hear := func(message []byte) string {
		t.Helper()
		must(t, unix.Sendto(fd, message, 0, &unix.SockaddrInet4{Addr: rpOne.As4()}))
		return (<-heard).Packet
	}
	message := dataRegister(sgOne, 1200, false)
	inside := string(message[pimHeader:])
	if got := hear(message); got != "" {
		t.Errorf("unasked: %d octets", len(got))
	}
	must(t, l.HandOverData(true))
	if got := hear(message); got != inside {
		t.Errorf("%d octets, want %d", len(got), len(inside))
	}
	if got := hear(dataRegister(sgOne, 1201, true)); len(got) != len(inside)+1 {
		t.Errorf("checksum over all: %d octets", len(got))
	}
	if got := hear(append(message[:len(message):len(message)], 1, 2, 3)); got != inside {
		t.Errorf("with something behind it: %d octets, want %d", len(got), len(inside))
	}
	if got := hear(message[:len(message)-1]); got != "" {
		t.Errorf("shorter than it says: %d octets", len(got))
	}
	if got := hear(AppendNullRegister(nil, sgOne)); got != "" {
		t.Errorf("Null-Register: %d octets", len(got))
	}
	must(t, l.HandOverData(false))
	if got := hear(message); got != "" {
		t.Errorf("no longer asked for: %d octets", len(got))
	}
}

func TestDataPerSecond(t *testing.T) {
	var l Listener
	now := time.Unix(1000, 0)
	for second := range 3 {
		taken := 0
		for range dataPerSecond + 5 {
			if l.mayCopy(now.Add(time.Duration(second) * time.Second)) {
				taken++
			}
		}
		if taken != dataPerSecond {
			t.Errorf("%d packets in second %d", taken, second)
		}
	}
}

// wire is a link to a router that has the RP address, too.
type wire struct {
	*testing.T
	fd     int
	out    netlink.Link
	probes int
}

// newWire makes the link "out" with 10.9.0.1/24 on it. Whoever is asked for an address on
// that network, or for a route to the RP, sends to its other end.
func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{T: t}
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "out"}, PeerName: "peer"}))
	w.out = link(t, "out")
	peer := link(t, "peer")
	must(t, netlink.LinkSetUp(w.out))
	must(t, netlink.LinkSetUp(peer))
	must(t, netlink.AddrAdd(w.out, address(t, "10.9.0.1/24")))
	for _, a := range []net.IP{net.IPv4(10, 9, 0, 2), net.IPv4(10, 9, 0, 7)} {
		must(t, netlink.NeighAdd(&netlink.Neigh{
			LinkIndex: w.out.Attrs().Index, IP: a, HardwareAddr: peer.Attrs().HardwareAddr, State: netlink.NUD_PERMANENT,
		}))
	}
	must(t, netlink.RouteAdd(&netlink.Route{
		LinkIndex: w.out.Attrs().Index, Dst: address(t, "10.255.0.1/32").IPNet, Gw: net.IPv4(10, 9, 0, 2), Priority: 500,
	}))
	var err error
	w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(w.fd) })
	const etherTypeIPv4 = 0x0008 // in network order
	must(t, unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: etherTypeIPv4, Ifindex: peer.Attrs().Index}))
	must(t, unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50000}))
	// The kernel takes a moment to notice that both ends are up, and drops until then.
	w.nothing()
	return w
}

// nothing checks that no packet came by the wire since the last time: it sends probes, one
// of which has to be the first to arrive.
func (w *wire) nothing() {
	w.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocolPIM)
	must(w.T, err)
	defer unix.Close(fd)
	must(w.T, attach(fd, rejectAll()))
	buf := make([]byte, 2000)
	for first := w.probes; ; {
		must(w.T, unix.Sendto(fd, AppendNullRegister(nil, sgN(7, w.probes)), 0, &unix.SockaddrInet4{Addr: [4]byte{10, 9, 0, 2}}))
		w.probes++
		n, _, err := unix.Recvfrom(w.fd, buf, 0)
		if errors.Is(err, unix.EAGAIN) && w.probes-first < 200 {
			continue
		}
		must(w.T, err)
		r, err := ParseRegister(buf[:n])
		switch {
		case err != nil || r.SG.Group != sgN(7, 0).Group:
			w.Errorf("%+v left this host, %v", r, err)
			return
		case r.SG.Source >= sgN(7, first).Source:
			return
		}
	}
}

// Where an RP address may be: on the loopback, with a route by a gateway to another router
// that has it, or on a link that such a router is on as well.
var rpPlaces = []struct{ dev, cidr string }{{"lo", "10.255.0.1/32"}, {"out", "10.9.0.7/24"}}

// The RP address comes and goes while Null-Registers are sent: none leaves.
func TestNothingLeaves(t *testing.T) {
	for _, place := range rpPlaces {
		t.Run(place.dev, func(t *testing.T) {
			netnstest.Enter(t)
			w := newWire(t)
			rp, dev := address(t, place.cidr), link(t, place.dev)
			rpAddr, ok := ipv4.FromNetip(netip.MustParsePrefix(place.cidr).Addr())
			s := NewSender()
			sendAll := func(batches int) (sent, refused int) {
				for range batches {
					n, err := s.Send(rpAddr, []ipv4.SG{sgOne, sgN(0, 1)})
					sent += n
					if err != nil {
						refused++
						if !errors.Is(err, unix.EADDRNOTAVAIL) {
							t.Error(err)
						}
					}
				}
				return sent, refused
			}
			if sent, _ := sendAll(10); sent != 0 || !ok {
				t.Errorf("%d sent without the address", sent)
			}
			here, err := netlink.NewHandle()
			must(t, err)
			defer here.Close()
			stop, stopped := make(chan struct{}), make(chan error)
			go func() {
				for {
					for _, f := range []func(netlink.Link, *netlink.Addr) error{here.AddrAdd, here.AddrDel} {
						if err := f(dev, rp); err != nil {
							stopped <- err
							return
						}
					}
					select {
					case <-stop:
						stopped <- nil
						return
					default:
					}
				}
			}()
			sent, refused := 0, 0
			for tries := 0; (sent == 0 || refused == 0 || tries < 20) && tries < 10000; tries++ {
				n, r := sendAll(10)
				sent, refused = sent+n, refused+r
			}
			close(stop)
			must(t, <-stopped)
			if sent == 0 || refused == 0 {
				t.Errorf("%d sent, %d refused: the address did not come and go", sent, refused)
			}
			w.nothing()
		})
	}
}

// The address goes just after the kernel has found it to be one of its own. IP_TRANSPARENT
// is that moment at leisure: it leaves that check out.
func TestNothingLeavesAfterTheSourceCheck(t *testing.T) {
	for _, place := range rpPlaces {
		t.Run(place.dev, func(t *testing.T) {
			netnstest.Enter(t)
			w := newWire(t)
			must(t, netlink.AddrAdd(link(t, place.dev), address(t, place.cidr)))
			rp := ipv4.From4(netip.MustParsePrefix(place.cidr).Addr().As4())
			fd, err := NewSender().open(rp)
			must(t, err)
			defer unix.Close(fd)
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1))
			to := &unix.SockaddrInet4{Addr: rp.As4()}
			must(t, unix.Sendto(fd, AppendNullRegister(nil, sgOne), 0, to))
			must(t, netlink.AddrDel(link(t, place.dev), address(t, place.cidr)))
			// On the loopback it may go round without being heard by anyone.
			if err := unix.Sendto(fd, AppendNullRegister(nil, sgOne), 0, to); err == nil && place.dev != "lo" {
				t.Error("it was sent")
			}
			w.nothing()
		})
	}
}

func TestSenderFollowsTheAddress(t *testing.T) {
	netnstest.Enter(t)
	newWire(t)
	_, heard := listen(t)
	s := NewSender()
	for n, dev := range []string{"lo", "out", "peer", "lo"} {
		must(t, netlink.AddrAdd(link(t, dev), address(t, "10.255.0.1/32")))
		if sent, err := s.Send(rpOne, []ipv4.SG{sgN(0, n), sgN(1, n)}); sent != 2 || err != nil {
			t.Fatalf("address on %s: sent %d, %v", dev, sent, err)
		}
		for g := range 2 {
			if r := <-heard; r.SG != sgN(g, n) {
				t.Errorf("heard %+v", r)
			}
		}
		must(t, netlink.AddrDel(link(t, dev), address(t, "10.255.0.1/32")))
	}
}

func TestDroppedAreCounted(t *testing.T) {
	netnstest.Enter(t)
	must(t, netlink.AddrAdd(link(t, "lo"), address(t, "10.255.0.1/32")))
	first, release := make(chan bool), make(chan bool)
	heard := make(chan Register, 10000)
	var once sync.Once
	l, err := Listen(ListenConfig{ReceiveBuffer: 4096, Handler: func(r Register) {
		once.Do(func() {
			close(first)
			<-release
		})
		heard <- r
	}})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	const many = 500
	s := NewSender()
	for n := range many {
		if _, err := s.Send(rpOne, []ipv4.SG{sgN(0, n)}); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			<-first
		}
	}
	close(release)
	// A packet behind the lost ones brings their number. The buffer may still be full when
	// it is sent, so it is sent until it is heard.
	last := sgN(1, 1)
	for heardLast := false; !heardLast; {
		if _, err := s.Send(rpOne, []ipv4.SG{last}); err != nil {
			t.Fatal(err)
		}
		select {
		case r := <-heard:
			heardLast = r.SG == last
		default:
			runtime.Gosched()
		}
	}
	if d := l.Stats().Dropped; d == 0 {
		t.Errorf("none of %d counted as dropped with a buffer of 4096 octets: %+v", many, l.Stats())
	}
	cancel()
	must(t, <-done)
}
