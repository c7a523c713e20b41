package vty

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"
)

// TelnetSettings are what holds for sessions over Telnet; they may change at any time.
type TelnetSettings struct {
	// Password lets a user in. Without one nobody is.
	Password PasswordHash
	// Enable lets a user into the enable mode; without one everybody is who is in.
	Enable PasswordHash
	// Advanced has sessions start in the enable mode where there is no password for it.
	Advanced bool
	// Banner is shown before the password is asked for; lines end with a single newline.
	Banner string
	// Timeout ends a session in which no key is pressed; 0: never.
	Timeout time.Duration
	// Lines is the length of a page; 0: no paging, below 0: that of the window.
	Lines int
	// Permit says who may connect; nil: everybody.
	Permit func(netip.Addr) bool
}

// TelnetConfig is what ServeTelnet takes.
type TelnetConfig struct {
	// Settings is asked whenever one of the settings is needed.
	Settings func() TelnetSettings
	// MaxSessions is the number of connections at once; 0: 16. Where all places are taken, one
	// who has not given his password and says nothing makes room.
	MaxSessions int
}

// passwordTime is how long a user may take to give a password.
const passwordTime = time.Minute

// maxTries is how many passwords a connection may try.
const maxTries = 3

// ServeTelnet serves the shell to people: line editing with history, help by ?, completion by
// Tab, and paging. It closes the listener and returns when ctx ends (nil) or the listener fails,
// once all its connections are closed.
func (s *Shell) ServeTelnet(ctx context.Context, l net.Listener, c TelnetConfig) error {
	if c.MaxSessions <= 0 {
		c.MaxSessions = 16
	}
	return s.accept(ctx, l, server{
		limit: c.MaxSessions,
		full:  "% Too many sessions\r\n",
		serve: func(ctx context.Context, p *place) { s.serveTelnet(ctx, p, c) },
	})
}

func (s *Shell) serveTelnet(ctx context.Context, conn *place, c TelnetConfig) {
	ctx, cancel := context.WithCancel(ctx)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer conn.Close()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	from := remote(conn)
	if settings := c.Settings(); settings.Permit != nil && !settings.Permit(from) {
		s.config.Log.Warn("vty: the access class refuses a connection", zap.Stringer("from", from))
		return
	}
	if _, err := conn.Write(telnetHello); err != nil {
		return
	}
	line := s.roster.enter("telnet", conn)
	defer s.roster.leave(line)
	t := newTerminal(ctx, s, conn, c.Settings)
	reader.Go(t.in.read)
	defer t.in.end(net.ErrClosed)
	defer t.unwatch()
	err := t.login(from)
	if err == nil {
		t.session.sitsAt(line)
		err = t.converse()
	}
	if err == errIdle {
		_, _ = t.out.WriteString("\r\nVty connection is timed out.\r\n")
	}
	_ = t.out.Flush() // whoever has gone misses nothing
}

func remote(conn net.Conn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// login asks for the password; an error ends the session.
func (t *terminal) login(from netip.Addr) error {
	settings := t.settings()
	t.print(settings.Banner)
	if settings.Password == "" {
		t.print("Vty password is not set.\n")
		return net.ErrClosed
	}
	t.print("\nUser Access Verification\n\n")
	ok, err := t.authenticate(guess{from, false}, func() PasswordHash { return t.settings().Password })
	switch {
	case err != nil:
		return err
	case !ok:
		t.print("% Bad passwords, too many failures!\n")
		t.shell.config.Log.Warn("vty: wrong passwords", zap.Stringer("from", from))
		return net.ErrClosed
	}
	t.conn.kept.Store(true)
	if settings.Advanced && settings.Enable == "" {
		t.session.Enter(t.shell.Enable)
	}
	t.session.gate = func() error { return t.enable(from) }
	return nil
}

// enable asks for the password of the enable mode if there is one.
func (t *terminal) enable(from netip.Addr) error {
	if t.settings().Enable == "" {
		return nil
	}
	t.in.interruptible(nil) // Ctrl-C is for the question
	ok, err := t.authenticate(guess{from, true}, func() PasswordHash { return t.settings().Enable })
	switch {
	case err != nil:
		t.session.End()
		return err
	case !ok && t.aborted:
		return Warningf("no password was given")
	case !ok:
		t.shell.config.Log.Warn("vty: wrong enable passwords", zap.Stringer("from", from))
		return Warningf("Bad enable passwords, too many failures!")
	}
	return nil
}

// authenticate asks for a password a few times.
func (t *terminal) authenticate(by guess, hash func() PasswordHash) (bool, error) {
	for range maxTries {
		password, given, err := t.askPassword()
		if err != nil || !given {
			return false, err
		}
		if t.shell.verifying.matches(hash(), password) {
			t.shell.failures.forget(by)
			return true, nil
		}
		if err := t.rest(t.shell.failures.add(by)); err != nil {
			return false, err
		}
	}
	return false, nil
}

// rest lets the one who is guessing wait.
func (t *terminal) rest(d time.Duration) error {
	if err := t.out.Flush(); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

func (t *terminal) print(text string) { _, _ = t.out.Write(crlf([]byte(text))) }

// failures remembers who gave wrong passwords, to let him wait longer each time.
type failures struct {
	mu    sync.Mutex
	known map[guess]guesser
}

// guess is from where one of the two passwords is guessed: who knows the first may guess the other.
type guess struct {
	from   netip.Addr
	enable bool
}

type guesser struct {
	count int
	last  time.Time
}

const (
	firstDelay   = time.Second
	longestDelay = 30 * time.Second
	// forgetAfter is how long a wrong password counts.
	forgetAfter = 15 * time.Minute
	// maxGuessers bounds memory; the addresses beyond are treated as one.
	maxGuessers = 1024
)

// add counts a wrong password and returns how long its giver is to wait.
func (f *failures) add(by guess) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for a, g := range f.known {
		if now.Sub(g.last) > forgetAfter {
			delete(f.known, a)
		}
	}
	if f.known == nil {
		f.known = make(map[guess]guesser)
	}
	if _, ok := f.known[by]; !ok && len(f.known) >= maxGuessers {
		by.from = netip.Addr{}
	}
	g := guesser{f.known[by].count + 1, now}
	f.known[by] = g
	return min(firstDelay<<min(g.count-1, 10), longestDelay)
}

// forget forgives somebody who knows the password.
func (f *failures) forget(by guess) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.known, by)
}
