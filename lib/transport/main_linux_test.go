package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

const inNamespace = "MSDPD_TRANSPORT_TEST_IN_NAMESPACE"

// patience is how long a test waits for an event before it gives up.
const patience = 30 * time.Second

// TestMain runs the tests in a network namespace without a name, which ends with them: port 639 is
// free there, and addresses can come and go.
func TestMain(m *testing.M) {
	if os.Getenv(inNamespace) != "" {
		lo, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.LinkSetUp(lo)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "taking lo up:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // the child ends with the thread that started it
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(max(1, exit.ExitCode()))
	case err != nil:
		fmt.Fprintln(os.Stderr, "these tests need a network namespace:", err)
		os.Exit(1)
	}
}

type kind string

const (
	connected      kind = "Connected"
	dialFailed     kind = "DialFailed"
	accepted       kind = "Accepted"
	received       kind = "Received"
	writable       kind = "Writable"
	closed         kind = "Closed"
	listenerUp     kind = "ListenerUp"
	listenerFailed kind = "ListenerFailed"
)

type event struct {
	kind          kind
	id            ConnID
	local, remote netip.AddrPort
	addr          ipv4.Addr
	tlvs          []byte
	err           error
}

// recorder is a Handler that writes down what it is told.
type recorder struct {
	t testing.TB
	// onReceived, where set, is called instead of releasing the batch.
	onReceived func(*Batch)

	mu     sync.Mutex
	more   chan struct{} // closed and replaced when an event is added
	events []event
}

func (r *recorder) add(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	close(r.more)
	r.more = make(chan struct{})
}

func (r *recorder) Connected(id ConnID, local, remote netip.AddrPort) {
	r.add(event{kind: connected, id: id, local: local, remote: remote})
}
func (r *recorder) DialFailed(id ConnID, err error) {
	r.add(event{kind: dialFailed, id: id, err: err})
}
func (r *recorder) Accepted(id ConnID, local, remote netip.AddrPort) {
	r.add(event{kind: accepted, id: id, local: local, remote: remote})
}
func (r *recorder) Received(id ConnID, b *Batch) {
	r.add(event{kind: received, id: id, tlvs: append([]byte(nil), b.TLVs...)})
	if r.onReceived != nil {
		r.onReceived(b)
		return
	}
	b.Release()
}
func (r *recorder) Writable(id ConnID)          { r.add(event{kind: writable, id: id}) }
func (r *recorder) Closed(id ConnID, err error) { r.add(event{kind: closed, id: id, err: err}) }
func (r *recorder) ListenerUp(local ipv4.Addr)  { r.add(event{kind: listenerUp, addr: local}) }
func (r *recorder) ListenerFailed(local ipv4.Addr, err error) {
	r.add(event{kind: listenerFailed, addr: local, err: err})
}

// await takes out the first event of kind k, and waits for it if need be.
func (r *recorder) await(k kind) event {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		for i, e := range r.events {
			if e.kind == k {
				r.events = append(r.events[:i:i], r.events[i+1:]...)
				r.mu.Unlock()
				return e
			}
		}
		more := r.more
		r.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			r.t.Fatalf("no %s; there are %v", k, r.left())
		}
	}
}

// awaitTLVs takes out Received until they have n octets; batches must be whole TLVs.
func (r *recorder) awaitTLVs(n int) []byte {
	r.t.Helper()
	var got []byte
	for len(got) < n {
		e := r.await(received)
		if end, _ := frame(e.tlvs); end != len(e.tlvs) || end == 0 {
			r.t.Fatalf("a batch of %d octets, %d of them whole TLVs", len(e.tlvs), end)
		}
		got = append(got, e.tlvs...)
	}
	return got
}

// left is what no await took.
func (r *recorder) left() []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]event(nil), r.events...)
}

// none fails the test if there are events that no await took.
func (r *recorder) none() {
	r.t.Helper()
	for _, e := range r.left() {
		r.t.Errorf("unexpected %s: id %d, %v, % .40x, error %v", e.kind, e.id, e.addr, e.tlvs, e.err)
	}
}

// start makes a Transport that is shut down with the test.
func start(t *testing.T, cfg Config) (*Transport, *recorder) {
	t.Helper()
	r := &recorder{t: t, more: make(chan struct{})}
	tr := New(cfg, r)
	t.Cleanup(func() { shutdown(t, tr) })
	return tr, r
}

func shutdown(t *testing.T, tr *Transport) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := tr.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// startListening makes a Transport that listens on local and lets remotes in.
func startListening(t *testing.T, cfg Config, local ipv4.Addr, remotes ...ipv4.Addr) (*Transport, *recorder) {
	t.Helper()
	tr, r := start(t, cfg)
	tr.Allow(remotes)
	tr.Listen([]ipv4.Addr{local})
	if e := r.await(listenerUp); e.addr != local {
		t.Fatalf("listening on %v, want %v", e.addr, local)
	}
	return tr, r
}

// addresses returns n addresses that no other test has.
func addresses(n int) []ipv4.Addr {
	nextAddress.Lock()
	defer nextAddress.Unlock()
	out := make([]ipv4.Addr, n)
	for i := range out {
		nextAddress.last++
		out[i] = nextAddress.last
	}
	return out
}

var nextAddress = struct {
	sync.Mutex
	last ipv4.Addr
}{last: ipv4.MustParse("127.1.0.0")}

// rawDial connects as a peer that is no Transport.
func rawDial(t *testing.T, local, remote ipv4.Addr) *net.TCPConn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: local.Netip().AsSlice()}, Timeout: patience}
	c, err := d.Dial("tcp4", netip.AddrPortFrom(remote.Netip(), wire.Port).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// rawListen listens as a peer that is no Transport, with little room for what it has not read.
func rawListen(t *testing.T, local ipv4.Addr) *net.TCPListener {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if ctlErr := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10)
		}); ctlErr != nil {
			return ctlErr
		}
		return err
	}}
	l, err := lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(local.Netip(), wire.Port).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

func rawAccept(t *testing.T, l *net.TCPListener) *net.TCPConn {
	t.Helper()
	if err := l.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

func readFull(t *testing.T, c net.Conn, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// tlv is a TLV of an unknown type with n octets in all, the last four of them number.
func tlv(n, number int) []byte {
	b := make([]byte, n)
	b[0], b[1], b[2] = 99, byte(n>>8), byte(n)
	b[n-4], b[n-3], b[n-2], b[n-1] = byte(number>>24), byte(number>>16), byte(number>>8), byte(number)
	return b
}
