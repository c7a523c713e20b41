package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// addAddress puts a on the loopback interface of the tests' namespace.
func addAddress(t *testing.T, a ipv4.Addr) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	addr, err := netlink.ParseAddr(a.String() + "/32")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(lo, addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netlink.AddrDel(lo, addr); err != nil {
			t.Error(err)
		}
	})
}

// retryTwice makes the listener on a try again until at least one more attempt has ended.
func retryTwice(tr *Transport, a ipv4.Addr) {
	tr.mu.Lock()
	l := tr.listeners[a]
	tr.mu.Unlock()
	for range 3 {
		l.wake <- struct{}{} // has room when the one before was taken out
	}
}

func TestAddressAppears(t *testing.T) {
	a := ipv4.MustParse("192.0.2.1")
	tr, r := start(t, Config{})
	tr.Allow(addresses(1))
	tr.Listen([]ipv4.Addr{a})
	if e := r.await(listenerFailed); e.addr != a || !errors.Is(e.err, syscall.EADDRNOTAVAIL) {
		t.Errorf("%v: %v, want %v", e.addr, e.err, syscall.EADDRNOTAVAIL)
	}
	retryTwice(tr, a)
	r.none() // the same error is told once

	everywhere, err := net.Listen("tcp4", ":639")
	if err != nil {
		t.Fatal(err)
	}
	defer everywhere.Close()
	addAddress(t, a)
	tr.Wake()
	e := r.await(listenerFailed)
	if e.addr != a || !errors.Is(e.err, syscall.EADDRINUSE) {
		t.Errorf("%v: %v, want %v", e.addr, e.err, syscall.EADDRINUSE)
	}
	if n := strings.Count(e.err.Error(), "192.0.2.1"); n != 1 {
		t.Errorf("%q has the address %d times", e.err, n)
	}
	retryTwice(tr, a)
	r.none()
	everywhere.Close()
	tr.Wake()
	if e := r.await(listenerUp); e.addr != a {
		t.Errorf("listening on %v", e.addr)
	}
	tr.Wake() // changes nothing
	shutdown(t, tr)
	r.none()
}

// TestAddressDisappears: the kernel says nothing to a listener whose address goes, Wake does.
func TestAddressDisappears(t *testing.T) {
	a := ipv4.MustParse("192.0.2.3")
	addAddress(t, a)
	tr, r := startListening(t, Config{}, a)
	tr.Wake() // it is still there
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	addr, err := netlink.ParseAddr(a.String() + "/32")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrDel(lo, addr); err != nil {
		t.Fatal(err)
	}
	tr.Wake()
	if e := r.await(listenerFailed); e.addr != a || !errors.Is(e.err, syscall.EADDRNOTAVAIL) {
		t.Errorf("%v: %v, want %v", e.addr, e.err, syscall.EADDRNOTAVAIL)
	}
	retryTwice(tr, a)
	r.none() // the same error is told once
	if err := netlink.AddrAdd(lo, addr); err != nil {
		t.Fatal(err)
	}
	tr.Wake()
	if e := r.await(listenerUp); e.addr != a {
		t.Errorf("listening on %v", e.addr)
	}
	shutdown(t, tr)
	r.none()
}

// TestRetriesWithoutWake: an address of which nobody tells is found as well.
func TestRetriesWithoutWake(t *testing.T) {
	a := ipv4.MustParse("192.0.2.2")
	tr, r := start(t, Config{})
	tr.Listen([]ipv4.Addr{a})
	r.await(listenerFailed)
	addAddress(t, a)
	r.await(listenerUp)
	r.none()
}

func TestListenChanges(t *testing.T) {
	a := addresses(4)
	tr, r := start(t, Config{})
	tr.Allow(a[:1])
	tr.Listen([]ipv4.Addr{a[1], a[2], a[1]})
	r.await(listenerUp)
	r.await(listenerUp)
	first := rawDial(t, a[0], a[1])
	r.await(accepted)

	tr.Listen([]ipv4.Addr{a[2], a[3]})
	if e := r.await(listenerUp); e.addr != a[3] {
		t.Errorf("listening on %v, want %v", e.addr, a[3])
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: a[0].Netip().AsSlice()}, Timeout: patience}
	if c, err := d.Dial("tcp4", netip.AddrPortFrom(a[1].Netip(), wire.Port).String()); err == nil {
		c.Close()
		t.Errorf("%v still listens", a[1])
	}
	write(t, first, wire.AppendKeepAlive(nil))
	r.awaitTLVs(3) // the connection has stayed

	// Closing and opening again needs no second attempt.
	for range 20 {
		tr.Listen(nil)
		tr.Listen(a[1:])
		for range 3 {
			r.await(listenerUp)
		}
	}
	rawDial(t, a[0], a[1])
	rawDial(t, a[0], a[3])
	r.await(accepted)
	r.await(accepted)
	r.none()
}

// TestListenerBreaks: a listening socket that fails is replaced.
func TestListenerBreaks(t *testing.T) {
	a := addresses(2)
	tr, r := startListening(t, Config{}, a[1], a[0])
	for range 3 {
		tr.listeners[a[1]].tcp.Close()
		if e := r.await(listenerFailed); e.addr != a[1] || e.err == nil {
			t.Errorf("%v: %v", e.addr, e.err)
		}
		tr.Wake()
		r.await(listenerUp)
	}
	rawDial(t, a[0], a[1])
	r.await(accepted)
	r.none()
}

func TestListenNeverEverywhere(t *testing.T) {
	tr, r := start(t, Config{})
	tr.Listen([]ipv4.Addr{0})
	if e := r.await(listenerFailed); e.addr != 0 || e.err == nil {
		t.Errorf("%v: %v", e.addr, e.err)
	}
	shutdown(t, tr)
	r.none()
}

// TestPortIsNotShared: nobody gets half of our sessions, and we do not get theirs.
func TestPortIsNotShared(t *testing.T) {
	a := addresses(2)
	reusePort := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if ctlErr := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}); ctlErr != nil {
			return ctlErr
		}
		return err
	}}
	startListening(t, Config{}, a[0])
	if l, err := reusePort.Listen(context.Background(), "tcp4", netip.AddrPortFrom(a[0].Netip(), wire.Port).String()); err == nil {
		l.Close()
		t.Error("another listener with SO_REUSEPORT shares the port")
	}

	l, err := reusePort.Listen(context.Background(), "tcp4", netip.AddrPortFrom(a[1].Netip(), wire.Port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tr, r := start(t, Config{})
	tr.Listen(a[1:])
	if e := r.await(listenerFailed); !errors.Is(e.err, syscall.EADDRINUSE) {
		t.Errorf("%v, want %v", e.err, syscall.EADDRINUSE)
	}
}

// TestRestart: the connections that we closed are still known to the kernel, and do not keep the port.
func TestRestart(t *testing.T) {
	a := addresses(2)
	for range 3 {
		tr, r := startListening(t, Config{}, a[1], a[0])
		c := rawDial(t, a[0], a[1])
		r.await(accepted)
		shutdown(t, tr)
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the peer reads %v, want EOF", err)
		}
		r.await(closed)
		r.none()
	}
}

// refusedConn connects from local and sees to it that the connection is reset.
func refusedConn(t *testing.T, local, remote ipv4.Addr) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: local.Netip().AsSlice()}, Timeout: patience}
	c, err := d.Dial("tcp4", netip.AddrPortFrom(remote.Netip(), wire.Port).String())
	if err == nil {
		defer c.Close()
		if err = c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the stranger reads %v, want %v", err, syscall.ECONNRESET)
	}
}

func TestStranger(t *testing.T) {
	a := addresses(3)
	core, logs := observer.New(zap.InfoLevel)
	tr, r := startListening(t, Config{Log: zap.New(core)}, a[2], a[0])
	for range 5 {
		refusedConn(t, a[1], a[2])
	}
	rawDial(t, a[0], a[2]) // comes after them, through the same goroutine
	if e := r.await(accepted); e.remote.Addr() != a[0].Netip() {
		t.Errorf("accepted %v", e.remote)
	}
	if n := tr.Refused(); n != 5 {
		t.Errorf("%d refused, want 5", n)
	}
	if n := logs.FilterField(zap.Stringer("remote", a[1])).Len(); n != 1 || logs.Len() != 1 {
		t.Errorf("%d lines about the stranger, %d in all; want 1", n, logs.Len())
	}

	tr.Allow(a[1:2])
	refusedConn(t, a[0], a[2])
	rawDial(t, a[1], a[2])
	if e := r.await(accepted); e.remote.Addr() != a[1].Netip() {
		t.Errorf("accepted %v", e.remote)
	}
	r.none() // the connection of the one that is a stranger now has stayed
}

func TestTooManyConnections(t *testing.T) {
	a := addresses(3)
	tr, r := startListening(t, Config{}, a[2], a[0], a[1])
	var ids []ConnID
	for range maxAccepted {
		rawDial(t, a[0], a[2])
		ids = append(ids, r.await(accepted).id)
	}
	refusedConn(t, a[0], a[2])
	rawDial(t, a[1], a[2])
	r.await(accepted)
	tr.Close(ids[0])
	r.await(closed)
	rawDial(t, a[0], a[2])
	r.await(accepted)
	if n := tr.Refused(); n != 1 {
		t.Errorf("%d refused, want 1", n)
	}
	r.none()
}

func TestRefusalsLogged(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	r := refusals{log: zap.New(core)}
	now := time.Unix(1_000_000, 0)
	lines := func(want int) {
		t.Helper()
		if n := logs.Len(); n != want {
			t.Errorf("%d lines, want %d", n, want)
		}
	}
	add := func(at time.Duration, a ipv4.Addr) { r.add(now.Add(at), a, netip.AddrPort{}, "test") }
	add(0, 1)
	add(0, 1)
	add(59*time.Second, 1)
	lines(1)
	add(60*time.Second, 1)
	add(60*time.Second, 2)
	lines(3)

	// A flood from many addresses: no more lines a minute than addresses that are remembered.
	for i := range 10_000 {
		add(time.Hour, ipv4.Addr(100+i))
	}
	lines(3 + maxRefusalsLogged)
	if n := len(r.logged); n != maxRefusalsLogged {
		t.Errorf("%d addresses are remembered", n)
	}
	add(time.Hour+time.Minute, 1)
	lines(4 + maxRefusalsLogged)
	if got := r.total.Load(); got != 10_006 {
		t.Errorf("%d refused, want 10006", got)
	}
}

// TestShutdown: whatever is under way ends, and no goroutine stays.
func TestShutdown(t *testing.T) {
	a := addresses(4)
	tr, r := startListening(t, Config{QueueBytes: 1 << 20}, a[1], a[0], a[2])
	l := rawListen(t, a[3])
	rawDial(t, a[0], a[1])
	r.await(accepted)
	full := tr.Dial(a[2], a[3])
	rawAccept(t, l)
	r.await(connected)
	fill(t, tr, full)
	flushed := tr.Dial(a[2], a[3])
	peer := rawAccept(t, l)
	r.await(connected)
	tr.Send(flushed, tlv(5000, 1))
	tr.CloseAfterFlush(flushed, patience)
	tr.Listen([]ipv4.Addr{a[1], ipv4.MustParse("192.0.2.99")})
	r.await(listenerFailed)

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := tr.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if got, err := io.ReadAll(peer); err != nil || len(got) != 5000 {
			t.Errorf("the peer got %d octets, error %v", len(got), err)
		}
		peer.Close()
	})
	for range 3 {
		if e := r.await(closed); e.err != nil {
			t.Errorf("closed %d: %v", e.id, e.err)
		}
	}
	wg.Wait()
	r.none()
	if id := tr.Dial(a[2], a[3]); id != 0 {
		t.Errorf("Dial after Shutdown: %d", id)
	}
	tr.Listen(a[:1])
	shutdown(t, tr)
	if len(tr.conns)+len(tr.dials)+len(tr.listeners)+len(tr.accepted) != 0 {
		t.Errorf("%d connections, %d dials, %d listeners, %d counts are left", len(tr.conns), len(tr.dials), len(tr.listeners), len(tr.accepted))
	}
	awaitNoGoroutine(t)
	r.none()
}

// TestOpened: who waits for the listeners finds each of them open, or knows that it was tried.
func TestOpened(t *testing.T) {
	a := addresses(2)
	for range 20 {
		tr, r := start(t, Config{})
		tr.Allow(a[:1])
		tr.Listen([]ipv4.Addr{a[1], ipv4.MustParse("192.0.2.3")}) // the latter is not here
		tr.Opened(t.Context())
		rawDial(t, a[0], a[1])
		r.await(accepted)
		shutdown(t, tr)
	}
}
