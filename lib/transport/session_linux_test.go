package transport

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

func TestSession(t *testing.T) {
	a := addresses(2)
	listening, lr := startListening(t, Config{}, a[1], a[0])
	dialling, dr := start(t, Config{})

	id := dialling.Dial(a[0], a[1])
	up := dr.await(connected)
	in := lr.await(accepted)
	switch {
	case id == 0 || up.id != id || in.id == 0:
		t.Errorf("Dial %d, Connected %d, Accepted %d", id, up.id, in.id)
	case up.local.Addr() != a[0].Netip() || up.remote != netip.AddrPortFrom(a[1].Netip(), wire.Port):
		t.Errorf("connected from %v to %v", up.local, up.remote)
	case in.local != up.remote || in.remote != up.local:
		t.Errorf("accepted at %v from %v", in.local, in.remote)
	}

	sa := wire.AppendSourceActive(nil, 1, make([]ipv4.SG, 300))
	if !dialling.Send(up.id, sa) || !listening.Send(in.id, wire.AppendKeepAlive(nil)) {
		t.Error("the queue is full")
	}
	if got := lr.awaitTLVs(len(sa)); !bytes.Equal(got, sa) {
		t.Errorf("%d octets arrived otherwise than they were sent", len(sa))
	}
	if got := dr.awaitTLVs(3); !bytes.Equal(got, wire.AppendKeepAlive(nil)) {
		t.Errorf("got % x", got)
	}
	for _, tr := range []*Transport{dialling, listening} {
		checkOptions(t, tr)
	}

	dialling.Close(id)
	dialling.Close(id)
	if e := dr.await(closed); e.id != id || e.err != nil {
		t.Errorf("closed %d: %v", e.id, e.err)
	}
	if e := lr.await(closed); e.id != in.id || e.err != io.EOF {
		t.Errorf("closed %d: %v, want EOF", e.id, e.err)
	}
	if dialling.Send(id, sa) || listening.Send(in.id, sa) || dialling.Send(999, sa) {
		t.Error("Send took TLVs for a connection that is not there")
	}
	dialling.Close(id)
	shutdown(t, dialling)
	shutdown(t, listening)
	dr.none()
	lr.none()
}

// checkOptions looks at the socket of the only connection of tr.
func checkOptions(t *testing.T, tr *Transport) {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, c := range tr.conns {
		raw, err := c.tcp.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		for _, opt := range []struct {
			name        string
			level, what int
			want        int
		}{
			{"IP_TOS", unix.IPPROTO_IP, unix.IP_TOS, 0xc0},
			{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0},
			{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 0},
			{"SO_PROTOCOL", unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_TCP},
			{"TCP_NOTSENT_LOWAT", unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes},
			{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		} {
			var got int
			if ctlErr := raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), opt.level, opt.what) }); ctlErr != nil || err != nil {
				t.Fatalf("%s: %v, %v", opt.name, ctlErr, err)
			}
			if got != opt.want {
				t.Errorf("%s is %d, want %d", opt.name, got, opt.want)
			}
		}
	}
}

func TestDialFails(t *testing.T) {
	a := addresses(2)
	tr, r := start(t, Config{})
	for _, tt := range []struct {
		local, remote ipv4.Addr
		want          error
	}{
		{a[0], a[1], syscall.ECONNREFUSED},
		{ipv4.MustParse("192.0.2.77"), a[1], syscall.EADDRNOTAVAIL},
		{a[0], ipv4.MustParse("192.0.2.77"), syscall.ENETUNREACH},
	} {
		id := tr.Dial(tt.local, tt.remote)
		e := r.await(dialFailed)
		if e.id != id || !errors.Is(e.err, tt.want) {
			t.Errorf("from %v to %v: id %d, error %v, want %d, %v", tt.local, tt.remote, e.id, e.err, id, tt.want)
		}
		for _, part := range []string{tt.local.String(), tt.remote.String()} {
			if n := strings.Count(e.err.Error(), part); n != 1 {
				t.Errorf("%q has %s %d times", e.err, part, n)
			}
		}
	}
	r.none()
}

// TestCloseWhileDialling has a peer that does not answer: its backlog is full.
func TestCloseWhileDialling(t *testing.T) {
	a := addresses(2)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: wire.Port, Addr: a[1].As4()}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	rawDial(t, a[0], a[1])

	tr, r := start(t, Config{})
	tr.Close(tr.Dial(a[0], a[1]))

	id := tr.Dial(a[0], a[1])
	awaitSynSent(t)
	if tr.Send(id, wire.AppendKeepAlive(nil)) {
		t.Error("Send took TLVs before the connection was there")
	}
	tr.CloseAfterFlush(id, time.Hour)
	tr.Dial(a[0], a[1]) // for Shutdown to give up
	shutdown(t, tr)
	r.none()
}

// awaitSynSent waits until a connection of this namespace waits for its peer's first answer.
func awaitSynSent(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		table, err := os.ReadFile("/proc/thread-self/net/tcp")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			if f := strings.Fields(line); len(f) > 3 && f[3] == "02" {
				return
			}
		}
	}
	t.Fatal("nothing connects")
}

func TestPeerEndsWithinTLV(t *testing.T) {
	a := addresses(2)
	tr, r := startListening(t, Config{}, a[1], a[0])
	for _, tt := range []struct {
		sent  []byte
		whole int
		reset bool
		want  error
	}{
		{nil, 0, false, io.EOF},
		{[]byte{4, 0, 3}, 3, false, io.EOF},
		{[]byte{4, 0, 3, 4}, 3, false, io.ErrUnexpectedEOF},
		{[]byte{1, 0, 20, 1}, 0, false, io.ErrUnexpectedEOF},
		{[]byte{4, 0, 3}, 3, true, syscall.ECONNRESET},
	} {
		c := rawDial(t, a[0], a[1])
		id := r.await(accepted).id
		write(t, c, tt.sent)
		r.awaitTLVs(tt.whole)
		if tt.reset {
			if err := c.SetLinger(0); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
		if e := r.await(closed); e.id != id || !errors.Is(e.err, tt.want) {
			t.Errorf("after % x: %v, want %v", tt.sent, e.err, tt.want)
		}
	}
	shutdown(t, tr)
	r.none()
}

// TestHalfClosedByPeer: the end of the peer's stream ends the session.
func TestHalfClosedByPeer(t *testing.T) {
	a := addresses(2)
	_, r := startListening(t, Config{}, a[1], a[0])
	c := rawDial(t, a[0], a[1])
	r.await(accepted)
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if e := r.await(closed); e.err != io.EOF {
		t.Errorf("closed: %v", e.err)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the peer reads %v, want EOF", err)
	}
}

func TestCloseAfterFlush(t *testing.T) {
	a := addresses(2)
	tr, r := start(t, Config{QueueBytes: 1 << 20})
	l := rawListen(t, a[1])
	id := tr.Dial(a[0], a[1])
	peer := rawAccept(t, l)
	r.await(connected)

	sent := fill(t, tr, id)
	tr.CloseAfterFlush(id, patience)
	tr.CloseAfterFlush(id, 0) // the first counts
	if tr.Send(id, wire.AppendKeepAlive(nil)) {
		t.Error("Send took TLVs for a connection that is to be closed")
	}
	write(t, peer, tlv(1000, 1)) // unread octets would make a reset of our FIN
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("the peer got %d octets of %d, error %v", len(got), len(sent), err)
	}
	peer.Close()
	if e := r.await(closed); e.err != nil {
		t.Errorf("closed: %v", e.err)
	}
	shutdown(t, tr)
	for _, e := range r.left() {
		if e.kind != writable { // Send was refused once
			t.Errorf("unexpected %s", e.kind)
		}
	}
}

// TestCloseAfterFlushGivesUp has a peer that neither reads nor closes.
func TestCloseAfterFlushGivesUp(t *testing.T) {
	a := addresses(2)
	tr, r := start(t, Config{})
	l := rawListen(t, a[1])
	for _, full := range []bool{false, true} {
		id := tr.Dial(a[0], a[1])
		rawAccept(t, l)
		r.await(connected)
		if full {
			fill(t, tr, id)
		}
		tr.CloseAfterFlush(id, time.Millisecond)
		if e := r.await(closed); e.id != id || e.err != nil {
			t.Errorf("closed: %v", e.err)
		}
	}
}

// fill sends to a peer that does not read until the queue is full, and returns what was taken.
func fill(t *testing.T, tr *Transport, id ConnID) []byte {
	t.Helper()
	var sent []byte
	for i := 0; ; i++ {
		b := append(tlv(1000+i%2000, 2*i), tlv(10, 2*i+1)...)
		if !tr.Send(id, b) {
			return sent
		}
		if sent = append(sent, b...); len(sent) > 100<<20 {
			t.Fatal("the queue has no end")
		}
	}
}

func TestQueueFull(t *testing.T) {
	a := addresses(2)
	const queueBytes = 100_000
	tr, r := start(t, Config{QueueBytes: queueBytes})
	l := rawListen(t, a[1])
	id := tr.Dial(a[0], a[1])
	peer := rawAccept(t, l)
	r.await(connected)

	sent := fill(t, tr, id)
	c := tr.conn(id)
	c.mu.Lock()
	if n := c.queue.n + c.writing; n > queueBytes {
		t.Errorf("%d octets queued, the bound is %d", n, queueBytes)
	}
	c.mu.Unlock()

	got := readFull(t, peer, len(sent))
	if !bytes.Equal(got, sent) {
		t.Error("the peer got something else than what was sent")
	}
	if e := r.await(writable); e.id != id {
		t.Errorf("Writable for %d, want %d", e.id, id)
	}
	if !tr.Send(id, tlv(5000, 7)) {
		t.Error("no room after Writable")
	}
	if got := readFull(t, peer, 5000); !bytes.Equal(got, tlv(5000, 7)) {
		t.Error("the peer got something else than what was sent")
	}
	if tr.Send(id, make([]byte, queueBytes+1)) {
		t.Error("Send took more than there is room for")
	}
	if !tr.Send(id, nil) {
		t.Error("no room for nothing")
	}
	tr.Close(id)
	r.await(closed)
}

// TestSlowPeerHoldsNobodyUp has one peer that does not read and one that does.
func TestSlowPeerHoldsNobodyUp(t *testing.T) {
	a := addresses(3)
	tr, r := start(t, Config{})
	slowListener, goodListener := rawListen(t, a[1]), rawListen(t, a[2])
	slow := tr.Dial(a[0], a[1])
	rawAccept(t, slowListener)
	r.await(connected)
	fill(t, tr, slow)

	good := tr.Dial(a[0], a[2])
	peer := rawAccept(t, goodListener)
	r.await(connected)
	for i := range 1000 {
		if !tr.Send(good, tlv(1000, i)) {
			t.Fatal("the queue is full")
		}
		if got := readFull(t, peer, 1000); !bytes.Equal(got, tlv(1000, i)) {
			t.Fatal("the peer got something else than what was sent")
		}
	}
}

// TestFlush: a batched Transport sends what there is little of with Flush, and much of it at once.
func TestFlush(t *testing.T) {
	a := addresses(2)
	tr, r := start(t, Config{Batched: true})
	l := rawListen(t, a[1])
	id := tr.Dial(a[0], a[1])
	peer := rawAccept(t, l)
	r.await(connected)
	c := tr.conn(id)
	waiting := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.queue.n
	}
	for round := range 3 {
		for i := range 2 {
			if !tr.Send(id, tlv(100, i)) {
				t.Fatal("the queue is full")
			}
		}
		if n := waiting(); n != 200 {
			t.Errorf("round %d: %d octets wait for Flush, want 200", round, n)
		}
		tr.Flush()
		if got, want := readFull(t, peer, 200), append(tlv(100, 0), tlv(100, 1)...); !bytes.Equal(got, want) {
			t.Errorf("round %d: the peer got something else than what was sent", round)
		}
	}
	if much := tlv(blockBytes, 1); !tr.Send(id, much) || !bytes.Equal(readFull(t, peer, len(much)), much) {
		t.Error("much of it is not sent without Flush")
	}
	tr.Flush() // nothing is left for it
	if !tr.Send(id, tlv(100, 5)) {
		t.Fatal("the queue is full")
	}
	tr.CloseAfterFlush(id, patience)
	if got := readFull(t, peer, 100); !bytes.Equal(got, tlv(100, 5)) {
		t.Error("CloseAfterFlush has left something")
	}
	peer.Close()
	if e := r.await(closed); e.id != id {
		t.Errorf("%d is closed, want %d", e.id, id)
	}
}
