package transport

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

const (
	// tosCS6 marks network control traffic (RFC 2474, class selector 6), as routing daemons do.
	tosCS6 = 0xc0
	// sentTTL is that of all we send, so that any peer can check it (RFC 5082 §3). A listener,
	// whose answers to a SYN have its own TTL, serves those that do and those that do not.
	sentTTL = 255
	// unsentBytes bounds what the kernel holds beyond the peer's window. Without it, megabytes
	// of an SA cache that has changed meanwhile would wait there for a slow peer.
	unsentBytes = 64 << 10
)

// before makes of f what package net calls before a socket connects or listens.
func before(f func(fd int) error) func(network, address string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error { return controlRaw(raw, f) }
}

// control calls f with the descriptor of a socket that is there.
func control(s syscall.Conn, f func(fd int) error) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	return controlRaw(raw, f)
}

func controlRaw(raw syscall.RawConn, f func(fd int) error) error {
	var err error
	if ctlErr := raw.Control(func(fd uintptr) { err = f(int(fd)) }); ctlErr != nil {
		return ctlErr
	}
	return err
}

// setDialOptions prepares a socket that is about to connect to a peer.
func setDialOptions(fd int, remote ipv4.Addr, g guard.Guard) error {
	if err := setSocketOptions(fd); err != nil {
		return err
	}
	if g.Key != "" {
		if err := setKey(fd, remote, g.Key); err != nil {
			return err
		}
	}
	return setMinTTL(fd, g)
}

// setListenOptions prepares a socket that is about to listen. Accepted connections inherit all
// of it, and the key of their peer.
func setListenOptions(fd int) error {
	if err := setSocketOptions(fd); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SAVE_SYN, 1); err != nil {
		return fmt.Errorf("setting TCP_SAVE_SYN: %w", err)
	}
	return nil
}

func setSocketOptions(fd int) error {
	for _, o := range []struct {
		name              string
		level, opt, value int
	}{
		{"IP_TOS", unix.IPPROTO_IP, unix.IP_TOS, tosCS6},
		{"IP_TTL", unix.IPPROTO_IP, unix.IP_TTL, sentTTL},
		{"TCP_NOTSENT_LOWAT", unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.value); err != nil {
			return fmt.Errorf("setting %s: %w", o.name, err)
		}
	}
	return nil
}

// setKey sets the key of segments to and from a peer; "" takes it away, if there is one.
func setKey(fd int, peer ipv4.Addr, k guard.Key) error {
	var sig unix.TCPMD5Sig
	sig.Addr.Family = unix.AF_INET
	addr := peer.As4()
	copy(sig.Addr.Data[2:], addr[:]) // behind the port, which is 0
	sig.Keylen = uint16(len(k))
	if copy(sig.Key[:], k.Reveal()) < len(k) {
		return k.Validate()
	}
	err := unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG, &sig)
	switch {
	case k == "" && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOPROTOOPT)):
		return nil // there was none; or this kernel knows no keys
	case err != nil:
		return fmt.Errorf("setting TCP_MD5SIG: %w", err)
	}
	return nil
}

// setMinTTL has the kernel drop what came from further away than g permits.
func setMinTTL(fd int, g guard.Guard) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MINTTL, g.MinTTL()); err != nil {
		return fmt.Errorf("setting IP_MINTTL: %w", err)
	}
	return nil
}

// savedSYN returns the IP and TCP headers of the SYN that an accepted connection began with, nil
// if the kernel has not kept them. Package unix has no such getsockopt.
func savedSYN(fd int) []byte {
	b := make([]byte, 60+60) // the longest headers
	n := uint32(len(b))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_SAVED_SYN,
		uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return nil
	}
	return b[:n]
}

// cause takes off what package net wraps around an error: the addresses, which the caller names.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
