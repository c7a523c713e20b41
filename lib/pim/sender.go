package pim

import (
	"encoding/binary"
	"errors"
	"fmt"

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
//   - The socket takes no route by a gateway (SO_DONTROUTE), and that is how another router
//     with the address is reached, whatever becomes of the address in the middle of a send.
//
// It is not bound to the loopback device, which would keep packets in as well: what is sent
// so arrives there, and pimd, with a socket bound to each of its interfaces, would not
// hear it where the RP address is a LAN's. By the local route it arrives, for sockets, on the
// interface with that address.
type Sender struct {
	buf []byte
}

// NewSender returns a Sender. It opens nothing yet.
func NewSender() *Sender { return new(Sender) }

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
	fd, err := s.open(rp)
	if err != nil {
		return 0, fmt.Errorf("Null-Register to %s: %w", rp, err)
	}
	defer unix.Close(fd)
	to := &unix.SockaddrInet4{Addr: rp.As4()}
	for _, sg := range sgs {
		s.buf = AppendNullRegister(s.buf[:0], sg)
		err := unix.Sendto(fd, s.buf, 0, to)
		for errors.Is(err, unix.EINTR) {
			err = unix.Sendto(fd, s.buf, 0, to)
		}
		if err != nil {
			// What the kernel says of a source address or of a local route that is just gone.
			if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENETUNREACH) {
				err = fmt.Errorf("%w (%w)", unix.EADDRNOTAVAIL, err)
			}
			return sent, fmt.Errorf("Null-Register for %s to %s: %w", sg, rp, err)
		}
		sent++
	}
	return sent, nil
}

// open returns a socket bound to rp that receives nothing.
func (s *Sender) open(rp ipv4.Addr) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocolPIM)
	if err != nil {
		return -1, fmt.Errorf("raw PIM socket: %w", err)
	}
	if err := s.prepare(fd, rp); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (s *Sender) prepare(fd int, rp ipv4.Addr) error {
	if err := attach(fd, rejectAll()); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, 1); err != nil {
		return fmt.Errorf("set TTL: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DONTROUTE, 1); err != nil {
		return fmt.Errorf("set SO_DONTROUTE: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: rp.As4()}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

func nativeUint32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
