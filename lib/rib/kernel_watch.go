package rib

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

const (
	// watchPause is the least time between two reports of changes. Whoever loads a
	// full table makes hundreds of thousands of events a second, all of which say the same.
	watchPause = 100 * time.Millisecond
	// watchBuffer is the size of the socket's buffer in octets. Losing events does no harm.
	watchBuffer = 1 << 20
)

// WatchKernel calls changed once at the start, and then whenever the kernel's IPv4 routes,
// its interfaces or their IPv4 addresses changed, at most ten times a second. What changed
// is not said: several events are one call, and where the kernel lost some (ENOBUFS) it is
// a call too. It holds its caller, whose goroutine the calls come from, until ctx ends,
// and returns nil then; an error says that the events cannot be had.
func WatchKernel(ctx context.Context, log *zap.Logger, changed func()) error {
	sock, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE)
	if err != nil {
		return fmt.Errorf("subscribe to the kernel's route events: %w", err)
	}
	defer context.AfterFunc(ctx, sock.Close)()
	defer sock.Close()
	if err := sock.SetReceiveBufferSize(watchBuffer, true); err != nil {
		log.Debug("the buffer for the kernel's events stays small", zap.Error(err))
	}

	dirty := make(chan struct{}, 1)
	dirty <- struct{}{} // what happened before the subscription
	failed := make(chan error, 1)
	receive := func() error {
		_, _, err := sock.Receive()
		return err
	}
	go func() { failed <- readEvents(receive, dirty) }()

	for {
		select {
		case <-dirty:
			changed()
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read the kernel's route events: %w", err)
		}
		select {
		case <-time.After(watchPause):
		case <-ctx.Done():
			sock.Close()
			<-failed
			return nil
		}
	}
}

// readEvents marks dirty for everything that comes, until receive fails for good.
func readEvents(receive func() error, dirty chan<- struct{}) error {
	for {
		err := receive()
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case dirty <- struct{}{}:
		default:
		}
	}
}
