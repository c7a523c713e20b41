package transport

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// tosCS6 marks network control traffic (RFC 2474, class selector 6), as routing daemons do.
	tosCS6 = 0xc0
	// unsentBytes bounds what the kernel holds beyond the peer's window. Without it, megabytes
	// of an SA cache that has changed meanwhile would wait there for a slow peer.
	unsentBytes = 64 << 10
)

// setOptions sets what has to be set on a socket before it connects or listens. Accepted
// connections inherit it from the listener.
func setOptions(_, _ string, raw syscall.RawConn) error {
	var err error
	if ctlErr := raw.Control(func(fd uintptr) { err = setSocketOptions(int(fd)) }); ctlErr != nil {
		return ctlErr
	}
	return err
}

func setSocketOptions(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, tosCS6); err != nil {
		return fmt.Errorf("setting IP_TOS: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes); err != nil {
		return fmt.Errorf("setting TCP_NOTSENT_LOWAT: %w", err)
	}
	return nil
}

// cause takes off what package net wraps around an error: the addresses, which the caller names.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
