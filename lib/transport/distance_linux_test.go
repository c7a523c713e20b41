package transport

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

// dialTTL connects with segments of that TTL.
func dialTTL(local, remote ipv4.Addr, ttl int) (*net.TCPConn, error) {
	d := net.Dialer{
		LocalAddr: &net.TCPAddr{IP: local.Netip().AsSlice()}, Timeout: patience,
		Control: before(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl) }),
	}
	c, err := d.Dial("tcp4", remote.String()+":639")
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

func dialWithTTL(t *testing.T, local, remote ipv4.Addr, ttl int) *net.TCPConn {
	t.Helper()
	c, err := dialTTL(local, remote, ttl)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// dialRefused connects and returns the error with which the connection ends, in the middle of
// connecting or after it.
func dialRefused(local, remote ipv4.Addr, ttl int) error {
	c, err := dialTTL(local, remote, ttl)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

// TestDistance: what comes from too far is dropped on either side; all that we send has a TTL
// that any peer's check lets through.
func TestDistance(t *testing.T) {
	near := guard.Guard{Hops: 1}
	t.Run("both check", func(t *testing.T) {
		p := startPair(t)
		p.guard(near, near)
		p.connect(t)
	})
	t.Run("one checks", func(t *testing.T) {
		p := startPair(t)
		p.guard(near, guard.Guard{})
		p.connect(t)
	})
	t.Run("with a key", func(t *testing.T) {
		p := startPair(t)
		p.guard(guard.Guard{Key: "k", Hops: 2}, guard.Guard{Key: "k", Hops: 1})
		p.connect(t)
	})
	t.Run("the peer that connects", func(t *testing.T) {
		a := addresses(3)
		tr, r := startListening(t, Config{}, a[0], a[1], a[2])
		tr.Guard(guards{a[1]: {Hops: 5}})
		if err := dialRefused(a[1], a[0], 250); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a peer six hops away: %v", err)
		}
		r.none()
		dialWithTTL(t, a[1], a[0], 251)
		if e := r.await(accepted); e.remote.Addr() != a[1].Netip() {
			t.Errorf("accepted from %v", e.remote)
		}
		dialWithTTL(t, a[2], a[0], 3) // is not guarded
		r.await(accepted)
	})
	t.Run("within a session", func(t *testing.T) {
		a := addresses(2)
		tr, r := startListening(t, Config{}, a[0], a[1])
		tr.Guard(guards{a[1]: {Hops: 1}})
		c := dialWithTTL(t, a[1], a[0], 255)
		r.await(accepted)
		ttl := func(ttl int) {
			if err := control(c, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl) }); err != nil {
				t.Fatal(err)
			}
		}
		ttl(254)
		was := readCounter(t, "TCPMinTTLDrop")
		write(t, c, tlv(10, 1))
		awaitCounter(t, "TCPMinTTLDrop", was)
		r.none()
		ttl(255)
		r.awaitTLVs(10) // sent again by the kernel
	})
	t.Run("the peer that listens", func(t *testing.T) {
		a := addresses(2)
		l := rawListen(t, a[0]) // sends with a TTL of 64
		tr, r := start(t, Config{})
		tr.Guard(guards{a[0]: {Hops: 1}})
		was := readCounter(t, "TCPMinTTLDrop")
		id := tr.Dial(a[1], a[0])
		awaitCounter(t, "TCPMinTTLDrop", was)
		r.none()
		tr.Close(id)
		l.Close()
	})
	t.Run("changed", func(t *testing.T) {
		p := startPair(t)
		listens, dials := p.connect(t)
		p.listens.Guard(guards{p.dialer: near})
		if e := p.heardL.await(closed); e.id != listens || e.err != errGuardChanged {
			t.Errorf("connection %d closed: %v, want %d", e.id, e.err, listens)
		}
		if e := p.heardD.await(closed); e.id != dials {
			t.Errorf("connection %d closed, want %d", e.id, dials)
		}
		p.connect(t)
	})
}
