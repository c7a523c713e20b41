package pim

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

// Sender sends Null-Registers to RP addresses of this very host, and to nowhere else.
//
// A Null-Register that leaves the host would make the other router with a shared RP
// address (Anycast, RFC 3446) take a remote source for one of its own and announce it
// for ever. Two things keep it in, each of them alone:
//
//   - Outer source and outer destination are the RP address, and the socket is bound to it
//     for each batch: once the address is taken off this host, bind fails, and so does a
//     send on a socket bound before.
//   - The socket is bound to the device that has the address, so that the kernel considers
//     no route by another one. Unless that is the loopback, the socket also has an IPsec
//     policy of its own that blocks what leaves by that device. What goes to an address of
//     this host leaves by the loopback and is not touched, but arrives, for sockets, on the
//     device with the address: pimd has a socket bound to each of its interfaces.
//
// The second holds even if the address goes between the kernel's check of the source and
// its look at the routing table. On a kernel without IPsec policies, or without
// CAP_NET_ADMIN, SO_DONTROUTE stands in for it: no gateway is used.
type Sender struct {
	buf []byte
	// devices remembers which interface has an RP address, as long as sending works.
	devices map[ipv4.Addr]device
}

// device is an interface with an RP address.
type device struct {
	index    int
	name     string
	loopback bool
}

// NewSender returns a Sender. It opens nothing yet.
func NewSender() *Sender { return &Sender{devices: make(map[ipv4.Addr]device)} }

// Send sends one Null-Register for each of sgs to rp, an address of this host, and says
// how many were sent: the first sent of sgs. It must be called in the network namespace
// of the PIM daemon, by one goroutine at a time.
//
// The error matches unix.EADDRNOTAVAIL where rp is not (or no longer) an address of this
// host. ENOBUFS is possible; delivery to the PIM daemon is never acknowledged.
func (s *Sender) Send(rp ipv4.Addr, sgs []ipv4.SG) (sent int, err error) {
	if len(sgs) == 0 {
		return 0, nil
	}
	if !isHost(rp) {
		return 0, fmt.Errorf("Null-Register to %s: %w", rp, unix.EADDRNOTAVAIL)
	}
	_, remembered := s.devices[rp]
	sent, err = s.sendBatch(rp, sgs)
	if err != nil && remembered {
		// The address may have moved to another interface.
		var more int
		more, err = s.sendBatch(rp, sgs[sent:])
		sent += more
	}
	if err != nil {
		return sent, fmt.Errorf("Null-Register for %s to %s: %w", sgs[sent], rp, err)
	}
	return sent, nil
}

// sendBatch sends over one socket. After an error, the RP's device is looked up anew.
func (s *Sender) sendBatch(rp ipv4.Addr, sgs []ipv4.SG) (sent int, err error) {
	defer func() {
		if err != nil {
			delete(s.devices, rp)
		}
	}()
	fd, err := s.open(rp)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrInet4{Addr: rp.As4()}
	for _, sg := range sgs {
		s.buf = AppendNullRegister(s.buf[:0], sg)
		err := unix.Sendto(fd, s.buf, 0, to)
		for errors.Is(err, unix.EINTR) {
			err = unix.Sendto(fd, s.buf, 0, to)
		}
		switch {
		case err == nil:
			sent++
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EPERM):
			// The source address is gone, or the local route, or the policy held it.
			return sent, fmt.Errorf("%w (%w)", unix.EADDRNOTAVAIL, err)
		default:
			return sent, err
		}
	}
	return sent, nil
}

// open returns a socket bound to rp and its device. It receives nothing.
func (s *Sender) open(rp ipv4.Addr) (fd int, err error) {
	dev, ok := s.devices[rp]
	if !ok {
		if dev, err = deviceWith(rp); err != nil {
			return -1, err
		}
		s.devices[rp] = dev
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocolPIM)
	if err != nil {
		return -1, fmt.Errorf("raw PIM socket: %w", err)
	}
	if err := prepareSender(fd, rp, dev); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func prepareSender(fd int, rp ipv4.Addr, dev device) error {
	if err := attach(fd, rejectAll()); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, 1); err != nil {
		return fmt.Errorf("set TTL: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DONTROUTE, 1); err != nil {
		return fmt.Errorf("set SO_DONTROUTE: %w", err)
	}
	if err := unix.BindToDevice(fd, dev.name); err != nil {
		return fmt.Errorf("bind to device %s: %w", dev.name, err)
	}
	if !dev.loopback {
		// Where the kernel has no such policies, SO_DONTROUTE has to do.
		_ = unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_XFRM_POLICY, blockPolicy(dev.index))
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: rp.As4()}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

// blockPolicy is an IPsec policy that blocks any IPv4 packet which leaves by a device.
func blockPolicy(ifindex int) string {
	const (
		outgoing = 1 // XFRM_POLICY_OUT
		block    = 1 // XFRM_POLICY_BLOCK
	)
	p := nl.XfrmUserpolicyInfo{Dir: outgoing, Action: block}
	p.Sel.Family = unix.AF_INET
	p.Sel.Ifindex = int32(ifindex)
	p.Lft.SoftByteLimit, p.Lft.HardByteLimit = nl.XFRM_INF, nl.XFRM_INF
	p.Lft.SoftPacketLimit, p.Lft.HardPacketLimit = nl.XFRM_INF, nl.XFRM_INF
	return string(p.Serialize())
}

// deviceWith finds the interface that has an address. The error matches
// unix.EADDRNOTAVAIL where none has.
func deviceWith(a ipv4.Addr) (device, error) {
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return device{}, fmt.Errorf("list addresses: %w", err)
	}
	for _, have := range addrs {
		if have.IPNet == nil || !have.IP.Equal(net.IP(a.Append(nil))) {
			continue
		}
		ifc, err := net.InterfaceByIndex(have.LinkIndex)
		if err != nil {
			return device{}, fmt.Errorf("interface with %s: %w", a, err)
		}
		return device{index: ifc.Index, name: ifc.Name, loopback: ifc.Flags&net.FlagLoopback != 0}, nil
	}
	return device{}, unix.EADDRNOTAVAIL
}
