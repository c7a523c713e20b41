package zclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
)

// A zebra that refuses is an error that says what to do, once however often it refuses.
func TestClientRefused(t *testing.T) {
	for _, tt := range []struct {
		name, word string
		send       []byte
	}{
		{"closed at the greeting", "say which one by --zebra-version", nil},
		{"another version", "only version 6 is known here: run FRR 7.5 to 10.7", []byte{0, 10, 254, 5, 0, 0, 0, 0, 0, 19}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t).listen()
			for range 4 {
				z := s.accept()
				z.send(tt.send)
				z.Close()
			}
			z := s.accept() // so the fourth is over
			warnings := s.logs.FilterMessageSnippet("no session comes up").All()
			// Who closes is seen by the reader or, in other words, by the writer.
			said := map[string]bool{}
			for _, w := range warnings {
				why := w.ContextMap()["error"].(string)
				if said[why] || !strings.Contains(why, tt.word) {
					t.Errorf("warnings %v, want each once, and with %q", warnings, tt.word)
				}
				said[why] = true
			}
			if len(said) == 0 {
				t.Error("no warning")
			}
			if st := s.client.Status(); st.Connected || !strings.Contains(st.Error, tt.word) {
				t.Errorf("status %+v", st)
			}
			z.send(greeting(t)) // a better one has come
			s.want("up 8.4.4")
		})
	}
}

// After refusals the pauses grow, but another zebra is not kept waiting.
func TestClientRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := filepath.Join(t.TempDir(), "zserv.api")
		put := func() {
			// Not the same file again: its number may be reused.
			fresh := socket + ".new"
			if err := os.WriteFile(fresh, nil, 0o600); err != nil {
				t.Error(err)
			}
			if err := os.Rename(fresh, socket); err != nil {
				t.Error(err)
			}
		}
		put()
		c := New(Config{Socket: socket, Log: zap.NewNop()})
		for refused, want := range []time.Duration{1, 1, 2, 4, 8, 16, 30, 30} {
			began := time.Now()
			if c.rest(context.Background(), refused); time.Since(began) != want*time.Second {
				t.Errorf("after %d refusals %v, want %d s", refused, time.Since(began), want)
			}
		}
		began := time.Now()
		time.AfterFunc(2500*time.Millisecond, put)
		if c.rest(context.Background(), 100); time.Since(began) != 3*time.Second {
			t.Errorf("another zebra waits %v, want until the next second", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
		defer cancel()
		began = time.Now()
		if c.rest(ctx, 100); time.Since(began) != 1500*time.Millisecond {
			t.Errorf("the end was noticed after %v", time.Since(began))
		}
	})
}

func TestCheckRelease(t *testing.T) {
	for _, s := range []string{"8.4", "10.7.1", "7.5.1"} {
		if err := CheckRelease(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", "8", "frr8.4", "8.4-dev", "8.4.4.4", " 8.4"} {
		if err := CheckRelease(s); err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// What is logged of troubles, and how many in a row slow the attempts down.
func TestTroubles(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	log := zap.New(core)
	closed := &greetingError{release: "8.4", err: errors.New("closed")}
	other := &greetingError{release: "8.4", err: otherProtocolError{version: 5}}
	denied := fmt.Errorf("connect to zebra: %w", &os.SyscallError{Syscall: "connect", Err: syscall.EACCES})
	absent := fmt.Errorf("connect to zebra: %w", syscall.ECONNREFUSED)
	var tr troubles
	for i, step := range []struct {
		up      bool
		err     error
		refused int
		logged  string
	}{
		{false, absent, 0, "not there"},
		{false, absent, 0, ""},
		{false, denied, 1, "run msdpd as FRR's user and group"},
		{false, denied, 2, ""},
		{false, closed, 3, "no session comes up"},
		{false, closed, 4, ""},
		{false, other, 5, "no session comes up"},
		{true, errors.New("zebra closed the session"), 6, "lost zebra"}, // it greets, and hangs up
		{true, errors.New("zebra closed the session"), 7, ""},
		{false, absent, 0, ""},
	} {
		if got := tr.note(log, step.up, step.err); got != step.refused {
			t.Errorf("step %d: %d refused, want %d", i, got, step.refused)
		}
		lines := logs.TakeAll()
		if len(lines) > 1 || (len(lines) == 1) != (step.logged != "") || len(lines) == 1 && !strings.Contains(lines[0].Message, step.logged) {
			t.Errorf("step %d: logged %v, want %q", i, lines, step.logged)
		}
	}
}

// A zebra that refuses, and one that greets and hangs up, is tried less and less often: by Run,
// not only by what it calls.
func TestClientRetriesLessOften(t *testing.T) {
	for name, greets := range map[string]bool{"refused": false, "greeted": true} {
		t.Run(name, func(t *testing.T) {
			const retry = 20 * time.Millisecond
			s := start(t, func(c *Client) { c.cfg.Retry = retry }).listen()
			var last time.Time
			for i := range 5 {
				z := s.accept()
				// The pauses are at least 1, 2, 4, 8 times the first one; the time that passes can only be more.
				if pause := retry << max(i-1, 0); i > 0 && time.Since(last) < pause {
					t.Errorf("attempt %d came after %v, want at least %v", i, time.Since(last), pause)
				}
				if greets {
					z.send(greeting(t))
					s.want("up 8.4.4")
					s.next()
				}
				last = time.Now()
				z.Close()
				if greets {
					s.wantDown("") // closed, seen by the reader or the writer
				}
			}
		})
	}
}

// At boot zebra's shell may answer later than its socket: what was assumed is found out, and a
// zebra that speaks otherwise is greeted again.
func TestClientAsksForTheReleaseAgain(t *testing.T) {
	said := make(chan string)
	s := start(t, func(c *Client) {
		c.askAgainTime = time.Millisecond
		c.cfg.Release = func(ctx context.Context) (string, error) {
			select {
			case v := <-said:
				return v, nil
			default:
				return "", errors.New("busy")
			}
		}
	}).listen()
	z := s.accept()
	z.send(greeting(t))
	s.want("up 8.4")
	s.next()
	said <- "8.4.4" // as assumed: the session stays
	s.client.Track(ipv4.MustParse("10.0.0.9"))
	z.wantRequest("+0.0.0.0/0")
	z.wantRequest("+10.0.0.9/32")
	z.Close()
	s.wantDown("closed")

	z = s.accept()
	z.send(greeting(t))
	s.want("up 8.4")
	s.next()
	said <- "7.5.1"
	s.wantDown("zebra is FRR 7.5.1, and was taken for 8.4")
	z = s.accept()
	z.send(greetingOf(t, "7.5.1"))
	s.want("up 7.5")
}
