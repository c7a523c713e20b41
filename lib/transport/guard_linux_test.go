package transport

import (
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

type guards = map[ipv4.Addr]guard.Guard

func keyed(k guard.Key) guard.Guard { return guard.Guard{Key: k} }

// awaitCounter waits until one of the kernel's counters of the namespace is beyond what it was.
func awaitCounter(t *testing.T, name string, was uint64) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for readCounter(t, name) <= was {
		if time.Now().After(deadline) {
			t.Fatalf("%s stays %d", name, was)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func readCounter(t *testing.T, name string) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/net/netstat")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j, n := range names {
			if n == name {
				var v uint64
				for _, digit := range values[j] {
					v = v*10 + uint64(digit-'0')
				}
				return v
			}
		}
	}
	t.Fatalf("the kernel does not count %s", name)
	return 0
}

// pair is two Transports, the first of which listens.
type pair struct {
	listens, dials   *Transport
	heardL, heardD   *recorder
	listener, dialer ipv4.Addr
}

func startPair(t *testing.T) *pair {
	a := addresses(2)
	p := &pair{listener: a[0], dialer: a[1]}
	p.listens, p.heardL = startListening(t, Config{}, p.listener, p.dialer)
	p.dials, p.heardD = start(t, Config{})
	return p
}

func (p *pair) guard(listens, dials guard.Guard) {
	p.listens.Guard(guards{p.dialer: listens})
	p.dials.Guard(guards{p.listener: dials})
}

// connect expects a session, and returns its two ends.
func (p *pair) connect(t *testing.T) (listens, dials ConnID) {
	t.Helper()
	id := p.dials.Dial(p.dialer, p.listener)
	if e := p.heardD.await(connected); e.id != id {
		t.Fatalf("connection %d, want %d", e.id, id)
	}
	e := p.heardL.await(accepted)
	p.carries(t, e.id, id)
	return e.id, id
}

// carries sends a TLV each way.
func (p *pair) carries(t *testing.T, listens, dials ConnID) {
	t.Helper()
	for _, end := range []struct {
		from *Transport
		id   ConnID
		to   *recorder
	}{{p.dials, dials, p.heardL}, {p.listens, listens, p.heardD}} {
		if !end.from.Send(end.id, tlv(100, 1)) {
			t.Fatal("Send took nothing")
		}
		end.to.awaitTLVs(100)
	}
}

// refuse expects that the kernel drops the attempt, and counts it.
func (p *pair) refuse(t *testing.T, counter string) {
	t.Helper()
	was := readCounter(t, counter)
	id := p.dials.Dial(p.dialer, p.listener)
	awaitCounter(t, counter, was)
	p.dials.Close(id)
	p.heardL.none()
	p.heardD.none()
}

func TestKeys(t *testing.T) {
	const longest = "0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijklmnopqrstuvwxyz-é!$%&"
	for _, tc := range []struct {
		name           string
		listens, dials guard.Key
		counter        string // "": there is a session
	}{
		{"none", "", "", ""},
		{"the same", "right", "right", ""},
		{"the longest", longest, longest, ""},
		{"different", "right", "wrong", "TCPMD5Failure"},
		{"different at the end", longest, guard.Key(longest[:len(longest)-1] + "?"), "TCPMD5Failure"},
		{"only the listener's", "right", "", "TCPMD5NotFound"},
		{"only the dialer's", "", "right", "TCPMD5Unexpected"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := startPair(t)
			p.guard(keyed(tc.listens), keyed(tc.dials))
			if tc.counter == "" {
				p.connect(t)
			} else {
				p.refuse(t, tc.counter)
			}
		})
	}
}

// TestKeyBeforeListening: a key that was there before the socket is on it, too.
func TestKeyBeforeListening(t *testing.T) {
	a := addresses(2)
	tr, r := start(t, Config{})
	tr.Guard(guards{a[1]: keyed("right")})
	tr.Allow(a[1:])
	tr.Listen(a[:1])
	r.await(listenerUp)
	p := &pair{listens: tr, heardL: r, listener: a[0], dialer: a[1]}
	p.dials, p.heardD = start(t, Config{})
	p.refuse(t, "TCPMD5NotFound")
	p.dials.Guard(guards{p.listener: keyed("right")})
	p.connect(t)
}

// TestKeyChanges: on a live listener a key is set, changed and removed; each time the session of
// that peer ends on the side that changes it, the session of another on the same listener lives.
func TestKeyChanges(t *testing.T) {
	p := startPair(t)
	other, heardOther := start(t, Config{})
	without := addresses(1)[0]
	p.listens.Allow([]ipv4.Addr{p.dialer, without})
	otherDials := other.Dial(without, p.listener)
	heardOther.await(connected)
	otherListens := p.heardL.await(accepted).id
	another := &pair{listens: p.listens, heardL: p.heardL, dials: other, heardD: heardOther}

	before := guard.Key("")
	for _, key := range []guard.Key{"first", "second", ""} {
		listens, dials := p.connect(t)
		p.listens.Guard(guards{p.dialer: keyed(key)})
		if e := p.heardL.await(closed); e.id != listens || e.err != errGuardChanged {
			t.Errorf("connection %d closed: %v, want %d", e.id, e.err, listens)
		}
		if e := p.heardD.await(closed); e.id != dials {
			t.Errorf("connection %d closed, want %d", e.id, dials)
		}
		switch {
		case before == "":
			p.refuse(t, "TCPMD5NotFound")
		case key == "":
			p.refuse(t, "TCPMD5Unexpected")
		default:
			p.refuse(t, "TCPMD5Failure")
		}
		p.dials.Guard(guards{p.listener: keyed(key)})
		another.carries(t, otherListens, otherDials)
		before = key
	}
	p.connect(t)
	p.guard(keyed(""), keyed("")) // no change
	another.carries(t, otherListens, otherDials)
	p.heardL.none()
	heardOther.none()
	p.heardD.none()
}

// TestDialerChangesItsKey: the session ends on both sides.
func TestDialerChangesItsKey(t *testing.T) {
	p := startPair(t)
	p.guard(keyed("one"), keyed("one"))
	listens, dials := p.connect(t)
	p.dials.Guard(guards{p.listener: keyed("two")})
	if e := p.heardD.await(closed); e.id != dials || e.err != errGuardChanged {
		t.Errorf("connection %d closed: %v, want %d", e.id, e.err, dials)
	}
	if e := p.heardL.await(closed); e.id != listens {
		t.Errorf("connection %d closed, want %d", e.id, listens)
	}
	p.refuse(t, "TCPMD5Failure")
}

// TestAttemptInAChange: an attempt to connect that was begun with another key fails.
func TestAttemptInAChange(t *testing.T) {
	p := startPair(t)
	p.guard(keyed("one"), keyed("other"))
	was := readCounter(t, "TCPMD5Failure")
	id := p.dials.Dial(p.dialer, p.listener)
	awaitCounter(t, "TCPMD5Failure", was)
	p.dials.Guard(guards{p.listener: keyed("one")})
	if e := p.heardD.await(dialFailed); e.id != id || !strings.Contains(e.err.Error(), errGuardChanged.Error()) {
		t.Errorf("attempt %d failed: %v, want %d", e.id, e.err, id)
	}
	p.heardL.none()
	p.connect(t)
}

// TestAcceptedInAChange: a connection that the kernel took with the key of before, and that was
// not handed over yet, is not let in; one with the key of now is.
func TestAcceptedInAChange(t *testing.T) {
	for _, tc := range []struct {
		name          string
		before, after guard.Guard
		reason        string // "": it is let in
	}{
		{"set", keyed(""), keyed("two"), "it is not signed, and the peer has a key"},
		{"changed", keyed("one"), keyed("two"), "it is signed with another key than the peer's"},
		{"removed", keyed("one"), keyed(""), "it is signed, and the peer has no key"},
		{"as it was", keyed("one"), keyed("one"), ""},
		{"still none", keyed(""), keyed(""), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log, logged := observer.New(zap.DebugLevel)
			a := addresses(2)
			tr, r := startListening(t, Config{Log: zap.New(log)}, a[0], a[1])
			tr.Guard(guards{a[1]: tc.before})
			tr.mu.Lock() // nothing is handed over meanwhile
			c := guardedDial(t, a[1], a[0], tc.before)
			tr.setGuards(guards{a[1]: tc.after})
			tr.mu.Unlock()
			if tc.reason == "" {
				r.await(accepted)
				write(t, c, tlv(10, 1))
				r.awaitTLVs(10)
				return
			}
			// Its end may not be seen: a reset that is not signed as the peer wants it is dropped.
			deadline := time.Now().Add(patience)
			for logged.FilterField(zap.String("reason", tc.reason)).Len() == 0 {
				if time.Now().After(deadline) {
					t.Fatalf("not refused: %v", logged.All())
				}
				time.Sleep(5 * time.Millisecond)
			}
			r.none()
			if n := tr.Refused(); n != 1 {
				t.Errorf("%d connections refused", n)
			}
		})
	}
}

// guardedDial connects as a peer that is no Transport, with a key.
func guardedDial(t *testing.T, local, remote ipv4.Addr, g guard.Guard) *net.TCPConn {
	t.Helper()
	d := net.Dialer{
		LocalAddr: &net.TCPAddr{IP: local.Netip().AsSlice()}, Timeout: patience,
		Control: before(func(fd int) error { return setKey(fd, remote, g.Key) }),
	}
	d.SetMultipathTCP(false)
	c, err := d.Dial("tcp4", remote.String()+":639")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// TestSYNCookies: where the kernel keeps no SYN, as in a flood of them, sessions come up all the
// same, and one of a moment before a change carries nothing.
func TestSYNCookies(t *testing.T) {
	const file = "/proc/sys/net/ipv4/tcp_syncookies" // of the tests' namespace
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("2"), 0); err != nil { // always
		t.Skip("no cookies to be had: ", err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(file, was, 0); err != nil {
			t.Error(err)
		}
	})
	p := startPair(t)
	p.guard(guard.Guard{Key: "one", Hops: 1}, guard.Guard{Key: "one", Hops: 1})
	cookies := readCounter(t, "SyncookiesRecv")
	p.connect(t)
	if readCounter(t, "SyncookiesRecv") == cookies {
		t.Error("there was no cookie")
	}
	p.guard(keyed("one"), keyed("other"))
	p.heardL.await(closed)
	p.heardD.await(closed)
	p.refuse(t, "TCPMD5Failure")

	p.listens.mu.Lock() // nothing is handed over meanwhile
	c := guardedDial(t, p.dialer, p.listener, keyed("one"))
	p.listens.setGuards(guards{p.dialer: keyed("other")})
	p.listens.mu.Unlock()
	p.heardL.await(accepted)
	dropped := readCounter(t, "TCPMD5Failure")
	write(t, c, tlv(10, 1))
	awaitCounter(t, "TCPMD5Failure", dropped)
	p.heardL.none()
}

// TestKernelTakesNoKey: what goes wrong with a key is an error of the attempt, and on a listener
// that of its peer alone.
func TestKernelTakesNoKey(t *testing.T) {
	log, logged := observer.New(zap.DebugLevel)
	a := addresses(3)
	tooLong := keyed(guard.Key(strings.Repeat("secret", 20)))
	tr, r := startListening(t, Config{Log: zap.New(log)}, a[0], a[1], a[2])
	tr.Guard(guards{a[1]: tooLong})
	rawDial(t, a[2], a[0])
	r.await(accepted)
	if err := dialRefused(a[1], a[0], sentTTL); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a peer without its key: %v", err)
	}
	r.none()
	tr.Dial(a[0], a[1])
	e := r.await(dialFailed)
	if !strings.Contains(e.err.Error(), "120 octets") || strings.Contains(e.err.Error(), "secret") {
		t.Errorf("the attempt failed: %v", e.err)
	}
	if logged.FilterField(zap.Stringer("peer", a[1])).FilterLevelExact(zap.ErrorLevel).Len() != 1 {
		t.Errorf("logged: %v", logged.All())
	}
	for _, entry := range logged.All() {
		if text := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(text, "secret") {
			t.Errorf("the log shows the key: %s", text)
		}
	}
}

// TestCheckSYN: the digest is the kernel's; headers that are cut short are no panic.
func TestCheckSYN(t *testing.T) {
	a := addresses(2)
	lc := net.ListenConfig{Control: before(func(fd int) error {
		if err := setListenOptions(fd); err != nil {
			return err
		}
		return setKey(fd, a[1], "key")
	})}
	lc.SetMultipathTCP(false)
	nl, err := lc.Listen(t.Context(), "tcp4", a[0].String()+":639")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nl.Close() })
	guardedDial(t, a[1], a[0], keyed("key"))
	c := rawAccept(t, nl.(*net.TCPListener))
	var syn []byte
	if err := control(c, func(fd int) error { syn = savedSYN(fd); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(syn) < ipv4HeaderLen+tcpHeaderLen+2+md5.Size {
		t.Fatalf("the SYN that the kernel keeps has %d octets", len(syn))
	}
	if err := checkSYN(syn, keyed("key")); err != nil {
		t.Error(err)
	}
	for _, g := range []guard.Guard{keyed("yek"), keyed(""), {Key: "key", Hops: 1}} {
		if checkSYN(syn, g) == nil {
			t.Errorf("%d octets of key, %d hops: taken", len(g.Key), g.Hops)
		}
	}
	for n := range syn {
		if checkSYN(syn[:n], keyed("key")) == nil {
			t.Errorf("the first %d octets were taken", n)
		}
	}
	for i := range syn {
		for _, bit := range []byte{0x01, 0x10, 0x80} {
			bad := append([]byte(nil), syn...)
			bad[i] ^= bit
			_ = checkSYN(bad, keyed("key")) // must not panic
		}
	}
}
