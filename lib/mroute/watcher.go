package mroute

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

// Handler hears what happens to the table. All calls come from the goroutine that runs
// Watcher.Run, one after the other.
type Handler interface {
	// MFCUpdate tells of a new entry, and of one whose interfaces changed. The counters
	// are those of the moment; a change of counters alone is not told.
	MFCUpdate(e Entry)
	// MFCDelete tells of an entry that is gone.
	MFCDelete(sg ipv4.SG)
	// MFCSynced is called after each full dump: all that the kernel holds has been told.
	MFCSynced()
}

// Config is what a Watcher needs.
type Config struct {
	Log     *zap.Logger
	Handler Handler
	// ReceiveBuffer is the socket's buffer in octets; 0 means 8 MiB, room for some ten
	// thousand changes that have not been read yet.
	ReceiveBuffer int
}

// Watcher follows the default table.
type Watcher struct {
	cfg   Config
	known map[ipv4.SG]Entry
}

// New returns a Watcher that does nothing before Run.
func New(cfg Config) *Watcher {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.ReceiveBuffer == 0 {
		cfg.ReceiveBuffer = 8 << 20
	}
	return &Watcher{cfg: cfg, known: make(map[ipv4.SG]Entry)}
}

// Run subscribes to changes, tells the handler of all entries there are, then of every
// change, until ctx ends; then it returns nil. It must be called in the network
// namespace that is to be watched, and only once.
//
// When the kernel had to drop changes because they were not read in time, the table is
// read again and only the differences are told. Run returns an error where the kernel
// does not let it subscribe, or does not answer.
func (w *Watcher) Run(ctx context.Context) error {
	sock, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV4_MROUTE)
	if err != nil {
		return fmt.Errorf("subscribe to the kernel's multicast routes: %w", err)
	}
	defer sock.Close()
	stop := context.AfterFunc(ctx, sock.Close)
	defer stop()
	if err := sock.SetReceiveBufferSize(w.cfg.ReceiveBuffer, true); err != nil {
		// Without CAP_NET_ADMIN the kernel's limit holds; what does not fit is made up by dumps.
		w.cfg.Log.Debug("small buffer for multicast route changes", zap.Error(err))
		_ = sock.SetReceiveBufferSize(w.cfg.ReceiveBuffer, false)
	}
	if err := w.resync(ctx, sock); err != nil {
		return err
	}
	for {
		msgs, _, err := sock.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			w.cfg.Log.Info("the kernel dropped multicast route changes, reading the table again")
			if err := w.resync(ctx, sock); err != nil {
				return err
			}
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("changes of the kernel's multicast routes: %w", err)
		default:
			for _, m := range msgs {
				w.change(m)
			}
		}
	}
}

// change applies one message of the subscription.
func (w *Watcher) change(m syscall.NetlinkMessage) {
	if m.Header.Type != unix.RTM_NEWROUTE && m.Header.Type != unix.RTM_DELROUTE {
		return
	}
	d, ok, err := decode(m.Data)
	if err != nil {
		w.cfg.Log.Warn("multicast route change not understood", zap.Error(err))
		return
	}
	if !ok {
		return
	}
	// A resolved entry and an unresolved one of the same (S,G) never exist together, so
	// news of an unresolved one means that no entry is there (any more).
	if m.Header.Type == unix.RTM_DELROUTE || d.unresolved {
		w.remove(d.entry.SG())
		return
	}
	w.update(d.entry)
}

func (w *Watcher) update(e Entry) {
	old, ok := w.known[e.SG()]
	if ok && old.sameForwarding(e) {
		return
	}
	w.known[e.SG()] = e
	w.cfg.Handler.MFCUpdate(e)
}

func (w *Watcher) remove(sg ipv4.SG) {
	if _, ok := w.known[sg]; !ok {
		return
	}
	delete(w.known, sg)
	w.cfg.Handler.MFCDelete(sg)
}

// resync makes known the same as the kernel's table and tells of the differences.
//
// What waits in the subscription is older than the dump that follows, and is thrown
// away. Removals that happen during the dump can hide other entries from it (see Dump),
// so the dump is repeated until none came in between, and an entry seen in any of them
// counts as there; the changes that came meanwhile are applied behind it.
func (w *Watcher) resync(ctx context.Context, sock *nl.NetlinkSocket) error {
	if _, err := drain(sock); err != nil && !errors.Is(err, unix.ENOBUFS) {
		return err
	}
	seen := make(map[ipv4.SG]Entry)
	var later []syscall.NetlinkMessage
	for try := 1; ; try++ {
		entries, err := Dump()
		if err != nil {
			return err
		}
		for _, e := range entries {
			seen[e.SG()] = e
		}
		msgs, err := drain(sock)
		if errors.Is(err, unix.ENOBUFS) {
			// Dropped again while dumping: nothing read so far is certain.
			clear(seen)
			later = nil
			if !pause(ctx, time.Duration(min(try, 10))*10*time.Millisecond) {
				return nil
			}
			continue
		}
		if err != nil {
			return err
		}
		later = append(later, msgs...)
		if try >= dumpTries || !hasRemoval(msgs) {
			break
		}
	}
	for sg := range w.known {
		if _, ok := seen[sg]; !ok {
			w.remove(sg)
		}
	}
	for _, e := range seen {
		w.update(e)
	}
	for _, m := range later {
		w.change(m)
	}
	w.cfg.Handler.MFCSynced()
	return nil
}

func hasRemoval(msgs []syscall.NetlinkMessage) bool {
	for _, m := range msgs {
		if m.Header.Type == unix.RTM_DELROUTE {
			return true
		}
	}
	return false
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// drain takes all that waits in the socket without waiting for more. ENOBUFS is
// returned when something had been dropped, after the rest is read.
func drain(sock *nl.NetlinkSocket) ([]syscall.NetlinkMessage, error) {
	var (
		all  []syscall.NetlinkMessage
		lost error
		buf  = make([]byte, nl.RECEIVE_BUFFER_SIZE)
	)
	for {
		n, _, err := unix.Recvfrom(sock.GetFd(), buf, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return all, lost
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOBUFS):
			lost = err
		case err != nil:
			return nil, fmt.Errorf("changes of the kernel's multicast routes: %w", err)
		default:
			msgs, err := syscall.ParseNetlinkMessage(append([]byte(nil), buf[:n]...))
			if err != nil {
				return nil, fmt.Errorf("changes of the kernel's multicast routes: %w", err)
			}
			all = append(all, msgs...)
		}
	}
}
