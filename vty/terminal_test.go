package vty

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// quickHash is a hash that costs a test little.
func quickHash(t testing.TB, password string) PasswordHash {
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return PasswordHash(h)
}

// person is somebody at a Telnet client, within a bubble of synctest.
type person struct {
	t    *testing.T
	conn net.Conn
	mu   sync.Mutex
	text strings.Builder
	gone bool
}

// sits connects a person to a shell.
func sits(t *testing.T, s *Shell, settings TelnetSettings) *person {
	ours, theirs := net.Pipe()
	p := &person{t: t, conn: ours}
	go s.serveTelnet(t.Context(), newPlace(theirs), TelnetConfig{Settings: func() TelnetSettings { return settings }})
	go func() {
		octets := make([]byte, 1024)
		for {
			n, err := ours.Read(octets)
			p.mu.Lock()
			p.text.Write(octets[:n])
			p.gone = err != nil
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { ours.Close() })
	return p
}

// types sends keys and returns what came in answer.
func (p *person) types(keys string) string {
	p.t.Helper()
	if keys != "" {
		if _, err := p.conn.Write([]byte(keys)); err != nil {
			p.t.Fatalf("%q: %v", keys, err)
		}
	}
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	text := p.text.String()
	p.text.Reset()
	return text
}

func (p *person) wants(keys, want string) {
	p.t.Helper()
	if got := p.types(keys); got != want {
		p.t.Errorf("%q showed\n%q, want\n%q", keys, got, want)
	}
}

// ended reports whether the connection is gone.
func (p *person) ended() bool {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

func newTelnetShell() *Shell {
	s := New(Config{Hostname: func() string { return "rp1" }, Daemon: "MSDP", Monitor: &Monitor{}})
	s.Install(s.View, "show lines (1-100)$n", "Show\nLines\nHow many", func(c *Call) error {
		for i := range c.Uint("n") {
			c.Printf("line %d\n", i+1)
		}
		return nil
	})
	s.Install(s.View, "show lights", "Show\nLights", say("lights"))
	s.Install(s.View, "show forever", "Show\nWithout an end", func(c *Call) error {
		<-c.Context().Done()
		return nil
	})
	s.Install(s.Config, "secret KEY!", "Secret\nIts text", func(*Call) error { return nil })
	return s
}

const greeting = "\xff\xfb\x01\xff\xfb\x03\xff\xfd\x1f\r\nUser Access Verification\r\n\r\nPassword: "

// loggedIn is a person who gave the password "x".
func loggedIn(t *testing.T, s *Shell, settings TelnetSettings) *person {
	settings.Password = quickHash(t, "x")
	if settings.Lines == 0 {
		settings.Lines = -1
	}
	p := sits(t, s, settings)
	p.wants("", greeting)
	p.wants("x\r\n", "\r\nrp1> ")
	return p
}

func TestTelnetEditing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loggedIn(t, newTelnetShell(), TelnetSettings{})
		p.wants("sho\t", "sho\x1b[3Dshow ")
		p.wants("li\t", "li\x1b[12D\x1b[Krp1> show li\r\nlights lines\r\nrp1> show li\x1b[7Dshow li")
		p.wants("?", "\x1b[12D\x1b[Krp1> show li?\r\n  lights  Lights\r\n  lines   Lines\r\nrp1> show li\x1b[7Dshow li")
		p.wants("g\t\r\n", "g\x1b[8Dshow lights \r\nlights\r\nrp1> ")
		p.wants("\x1b[A\x17\r", "show lights \x1b[7D       \x1b[7D\r\n% Command incomplete: show\r\n                           ^ expected forever, history, lights, lines or users\r\nrp1> ")
		p.wants("bogus\r", "bogus\r\n% [MSDP] Unknown command: bogus\r\n                          ^\r\nrp1> ")
		p.wants("abc\x03", "abc\x1b[3Dabc^C\r\nrp1> ")
		p.wants("en\rconf t\r", "en\r\nrp1# conf t\r\nrp1(config)# ")
		p.wants("half a line\x1a", "half a line\x1b[11Dhalf a line^Z\r\nrp1# ")
		p.wants("conf t\r\x04\x03", "conf t\r\nrp1(config)# \r\nrp1# ^C\r\nrp1# ")
		p.types("conf t\rsecret abracadabra\rend\r")
		if got := p.types("\x1b[A\x1b[A"); strings.Contains(got, "abra") || !strings.Contains(got, "conf t") {
			t.Errorf("the arrows brought back %q", got)
		}
		p.types("\x03")
		p.types("\x04")
		if !p.ended() {
			t.Error("Ctrl-D in an empty line did not end the session")
		}
	})
}

func TestTelnetPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loggedIn(t, newTelnetShell(), TelnetSettings{})
		p.types("\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x04\xff\xf0")
		const lines = "show lines 9\r\nline 1\r\nline 2\r\nline 3\r\n--More--"
		p.wants("show lines 9\r", lines)
		p.wants("\r", eraseMore+"line 4\r\n--More--")
		p.wants("x \r", eraseMore+"line 5\r\nline 6\r\nline 7\r\n--More--"+eraseMore+"line 8\r\n--More--")
		p.wants(" ", eraseMore+"line 9\r\nrp1> ")
		p.wants("show lines 9\r", lines)
		p.wants("q", eraseMore+"rp1> ")
		p.wants("show lines 9\r", lines)
		p.wants("\x03", eraseMore+"rp1> ")
		p.wants("show lines 9 | include [35]\r", "show lines 9 | include [35]\r\nline 3\r\nline 5\r\nrp1> ")
		p.wants("terminal length 0\r", "terminal length 0\r\nrp1> ")
		if got := p.types("show lines 100\r"); !strings.HasSuffix(got, "line 100\r\nrp1> ") {
			t.Errorf("%q", got)
		}
		p.types("show forever\r")
		p.wants("\x03", "rp1> ")
	})
}

func TestTelnetPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTelnetShell()
		settings := TelnetSettings{Password: quickHash(t, "x"), Enable: quickHash(t, "y"), Lines: -1, Banner: "\nHello\n"}
		start := time.Now()
		for range 2 {
			p := sits(t, s, settings)
			p.types("")
			for range maxTries {
				if got := p.types("wrong\r"); strings.Contains(got, "wrong") {
					t.Errorf("a password was shown: %q", got)
				}
				time.Sleep(longestDelay)
			}
			if got := p.types(""); !strings.HasSuffix(got, "% Bad passwords, too many failures!\r\n") || !p.ended() {
				t.Errorf("after wrong passwords: %q, ended %v", got, p.ended())
			}
		}
		if took := time.Since(start); took != 6*longestDelay {
			t.Errorf("took %v", took)
		}
		p := sits(t, s, settings)
		p.wants("", "\xff\xfb\x01\xff\xfb\x03\xff\xfd\x1f\r\nHello\r\n\r\nUser Access Verification\r\n\r\nPassword: ")
		p.wants("x\r", "\r\nrp1> ")
		p.wants("enable\r", "enable\r\nPassword: ")
		// The window changes while half of it is typed.
		p.wants("yz\xff\xfa\x1f\x00\x40\x00\x04\xff\xf0", "")
		p.wants("\x08\r", "\r\nrp1# \x1b[5D\x1b[Krp1# ") // and follows the window now
		p.wants("disable\r", "disable\r\nrp1> ")
		p.wants("enable\r", "enable\r\nPassword: ")
		p.wants("abc\x03", "\r\n% no password was given\r\nrp1> ")
		p.types("enable\rwrong\r")
		if got := p.types("show lights\r"); got != "" {
			t.Errorf("an answer during the delay: %q", got)
		}
	})
}

// TestTelnetGuessersWait: longer each time, each address by itself, until the right one.
func TestTelnetGuessersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f failures
		a, b := guess{from: netip.MustParseAddr("192.0.2.1")}, guess{from: netip.MustParseAddr("192.0.2.2")}
		var got []time.Duration
		for range 7 {
			got = append(got, f.add(a)/time.Second)
		}
		if fmt.Sprint(got) != "[1ns 2ns 4ns 8ns 16ns 30ns 30ns]" || f.add(b) != time.Second {
			t.Error(got)
		}
		// Whoever knows the first password is not forgiven for the other, which he guesses.
		other := guess{a.from, true}
		if f.add(other) != time.Second {
			t.Error("another password is not counted for itself")
		}
		if f.forget(a); f.add(other) != 2*time.Second {
			t.Error("forgiven")
		}
		time.Sleep(forgetAfter + 1)
		if f.add(a) != time.Second || f.add(b) != time.Second {
			t.Error("not forgotten")
		}
		for i := range 2 * maxGuessers {
			f.add(guess{from: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})})
		}
		if len(f.known) > maxGuessers+1 {
			t.Errorf("%d are known", len(f.known))
		}
	})
}

func TestTelnetEndsIdleSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTelnetShell()
		p := loggedIn(t, s, TelnetSettings{Timeout: 5 * time.Minute})
		time.Sleep(4 * time.Minute)
		p.wants("show lines 1\r", "show lines 1\r\nline 1\r\nrp1> ")
		time.Sleep(4 * time.Minute)
		if p.ended() {
			t.Fatal("too early")
		}
		time.Sleep(time.Minute)
		p.wants("", "\r\nVty connection is timed out.\r\n")
		if !p.ended() {
			t.Error("it goes on")
		}
		forever := loggedIn(t, s, TelnetSettings{})
		time.Sleep(24 * time.Hour)
		if forever.ended() {
			t.Error("a session without a timeout ended")
		}
		silent := sits(t, s, TelnetSettings{Password: quickHash(t, "x")})
		time.Sleep(passwordTime)
		if !silent.ended() {
			t.Error("a login without an end")
		}
	})
}

func TestTelnetMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTelnetShell()
		m := s.config.Monitor
		m.Publish("nobody sees this\n")
		p := loggedIn(t, s, TelnetSettings{})
		p.wants("terminal monitor\r", "terminal monitor\r\nrp1> ")
		if !m.Watched() {
			t.Error("nobody watches")
		}
		p.types("sh")
		m.Publish("a line\n")
		p.wants("", "\x1b[7D\x1b[Ka line\r\nrp1> sh")
		p.types("ow forever\r")
		for i := range maxWatched + 3 {
			m.Publish(fmt.Sprintf("line %d\n", i))
		}
		got := p.types("\x03")
		if !strings.Contains(got, "line 0\r\n% 3 lines of the log were dropped\r\n") || !strings.Contains(got, "line 255\r\n") {
			t.Errorf("%q", got)
		}
		p.types("terminal no monitor\r")
		if m.Watched() {
			t.Error("somebody watches")
		}
		p.types("terminal monitor\r")
		p.conn.Close()
		if synctest.Wait(); m.Watched() {
			t.Error("somebody who has gone watches")
		}
	})
}

func TestTelnetLetsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTelnetShell()
		p := sits(t, s, TelnetSettings{Password: quickHash(t, "x"), Permit: func(netip.Addr) bool { return false }})
		if got := p.types(""); got != "" || !p.ended() {
			t.Errorf("refused by %q", got)
		}
		p = sits(t, s, TelnetSettings{})
		if got := p.types(""); !strings.HasSuffix(got, "Vty password is not set.\r\n") || !p.ended() {
			t.Errorf("without a password: %q", got)
		}
		p = sits(t, s, TelnetSettings{Password: quickHash(t, "x"), Advanced: true})
		p.types("")
		p.wants("x\r", "\r\nrp1# ")
	})
}

// TestTelnetPaste: thousands of lines at once, and one without an end, are just many keys.
func TestTelnetPaste(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loggedIn(t, newTelnetShell(), TelnetSettings{})
		p.types(strings.Repeat("show lights\r\n", 5000))
		if got := p.types("show lines 1\r"); !strings.HasSuffix(got, "line 1\r\nrp1> ") {
			t.Errorf("%q", got)
		}
		p.types(strings.Repeat("x", 10<<20))
		if got := p.types("\x15show lines 1\r"); !strings.HasSuffix(got, "line 1\r\nrp1> ") {
			t.Errorf("%q", got)
		}
	})
}
