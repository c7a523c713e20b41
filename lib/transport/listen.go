package transport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

const (
	// listenRetry is how long a listening address that failed waits for the next attempt.
	listenRetry = time.Second
	// maxAccepted bounds the connections that one peer may have opened at a time. A peer needs
	// two, for a moment: the one that it has lost and the one that replaces it.
	maxAccepted = 8
)

// listener is one listening address with its goroutine. There is none for 0.0.0.0: only the
// addresses that a session is configured to use answer.
type listener struct {
	t     *Transport
	local ipv4.Addr
	wake  chan struct{}
	tried chan struct{} // closed after the first attempt to listen
	done  chan struct{} // closed by stop

	mu      sync.Mutex
	stopped bool
	tcp     *net.TCPListener // nil while it does not listen
	gone    error            // why Wake closed tcp
	keys    map[ipv4.Addr]guard.Key
}

// Listen sets the addresses that are listened on, all of them: new ones are opened, those that
// are not there any more closed. Connections stay.
func (t *Transport) Listen(locals []ipv4.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return
	}
	wanted := make(map[ipv4.Addr]struct{}, len(locals))
	for _, a := range locals {
		wanted[a] = struct{}{}
	}
	for a, l := range t.listeners {
		if _, ok := wanted[a]; !ok {
			l.stop()
			delete(t.listeners, a)
		}
	}
	for a := range wanted {
		if _, ok := t.listeners[a]; ok {
			continue
		}
		l := &listener{t: t, local: a, wake: make(chan struct{}, 1), tried: make(chan struct{}), done: make(chan struct{}), keys: t.keys()}
		t.listeners[a] = l
		t.wg.Go(l.run)
	}
}

// Opened waits until each address that Listen was given last has been tried once, or ctx ends. One that is not there
// yet holds nobody up.
func (t *Transport) Opened(ctx context.Context) {
	t.mu.Lock()
	listeners := slices.Collect(maps.Values(t.listeners))
	t.mu.Unlock()
	for _, l := range listeners {
		select {
		case <-l.tried:
		case <-ctx.Done():
			return
		}
	}
}

// run tries to listen, and accepts while that works, until stop is called.
func (l *listener) run() {
	told := "" // the error that the handler knows
	tried := sync.OnceFunc(func() { close(l.tried) })
	for {
		tcp, err := l.open()
		tried()
		if err == nil && tcp != nil {
			told = ""
			l.t.handler.ListenerUp(l.local)
			err = l.accept(tcp)
		}
		if err == nil {
			return // stopped
		}
		err = fmt.Errorf("listening on %v: %w", netip.AddrPortFrom(l.local.Netip(), l.t.port), err)
		if err.Error() != told {
			told = err.Error()
			l.t.handler.ListenerFailed(l.local, err)
		}
		retry := time.NewTimer(listenRetry)
		select {
		case <-retry.C:
		case <-l.wake:
		case <-l.done:
		}
		retry.Stop()
	}
}

// open begins to listen. It returns nil and nil after stop. The lock is held throughout, so that
// the port is free when stop has returned.
func (l *listener) open() (*net.TCPListener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil, nil
	}
	if l.local.IsUnspecified() {
		return nil, errors.New("this is no address of a router")
	}
	// Go sets SO_REUSEADDR, without which a restart would have to wait for old connections.
	lc := net.ListenConfig{KeepAlive: -1, Control: before(l.setOptions)} // MSDP has a hold timer
	lc.SetMultipathTCP(false)                                            // it is on by default, and takes no MD5 keys
	nl, err := lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(l.local.Netip(), l.t.port).String())
	if err != nil {
		return nil, cause(err)
	}
	l.tcp = nl.(*net.TCPListener)
	return l.tcp, nil
}

// setOptions prepares a socket that is about to listen; the lock is held.
func (l *listener) setOptions(fd int) error {
	if err := setListenOptions(fd); err != nil {
		return err
	}
	for a, k := range l.keys {
		l.setKey(fd, a, k)
	}
	return nil
}

// accept takes connections until that fails. It returns nil after stop.
func (l *listener) accept(tcp *net.TCPListener) error {
	for {
		nc, err := tcp.AcceptTCP()
		if err != nil {
			return l.failed(err)
		}
		l.t.accept(nc)
	}
}

// failed closes the listener that returned err; it returns nil when the reason is stop.
func (l *listener) failed(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil
	}
	l.tcp.Close() // the error to report is err
	l.tcp = nil
	if l.gone != nil {
		err, l.gone = l.gone, nil
	}
	return cause(err)
}

// stop closes the listener and ends its goroutine, without waiting for that.
func (l *listener) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	close(l.done)
	if l.tcp != nil {
		l.tcp.Close() // what it could return changes nothing
	}
}

// wakeUp has run look again whether it can listen, after the address came or went.
func (l *listener) wakeUp() {
	if l.endIfGone() {
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// endIfGone closes a listener whose address is no longer there. The kernel would let it
// listen on, to nobody.
func (l *listener) endIfGone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.tcp == nil {
		return false
	}
	err := bindable(l.local)
	if !errors.Is(err, unix.EADDRNOTAVAIL) {
		return false
	}
	l.gone = os.NewSyscallError("bind", err) // in the words of the next attempt
	l.tcp.Close()                            // what it could return changes nothing
	return true
}

// bindable asks the kernel whether local is an address of this router.
func bindable(local ipv4.Addr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Addr: local.As4()})
}

// accept lets the connection in, or closes it where its peer may not have one.
func (t *Transport) accept(tcp *net.TCPConn) {
	remote, _ := ipv4.FromNetip(addrPort(tcp.RemoteAddr()).Addr())
	t.mu.Lock()
	_, known := t.allowed[remote]
	surplus := t.accepted[remote] >= maxAccepted
	var err error
	if known && !surplus && !t.down {
		err = admit(tcp, remote, t.guards[remote])
	}
	if known && !surplus && !t.down && err == nil {
		c := t.addConn(t.newID(), tcp, true)
		t.wg.Go(c.run)
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()

	local := addrPort(tcp.LocalAddr())
	tcp.SetLinger(0) // a reset: nothing of it stays in the kernel
	tcp.Close()
	switch {
	case !known:
		t.refused.add(time.Now(), remote, local, "no peer is configured at this address")
	case surplus:
		t.refused.add(time.Now(), remote, local, "the peer has too many connections already")
	case err != nil:
		t.refused.add(time.Now(), remote, local, err.Error())
	}
}
