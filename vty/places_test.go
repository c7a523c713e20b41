package vty

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are pipes, so that a test's clock is that of its bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipes) dial(t *testing.T) net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	t.Cleanup(func() { ours.Close() })
	return ours
}

// TestSilentSessionMakesRoom: the longest silent one goes, however it is silent, and nobody who
// said something a moment ago.
func TestSilentSessionMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := New(Config{MaxSessions: 3})
		s.Install(s.View, "show much", "Show\nMuch", func(c *Call) error {
			for {
				if _, err := c.Write(bytes.Repeat([]byte("x"), 1<<15)); err != nil {
					return err
				}
			}
		})
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), l) }()
		defer func() {
			l.Close()
			if err := <-served; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}()
		const ok = "\x00\x00\x00\x00"
		deaf := l.dial(t) // asks, and does not read
		exchange(t, deaf, "show much\x00", "")
		time.Sleep(time.Second)
		mute := l.dial(t)
		time.Sleep(time.Second)
		busy := l.dial(t)
		exchange(t, busy, "enable\x00", ok)

		time.Sleep(patience - 3*time.Second) // of silence, deaf has one second less than that
		if text, err := io.ReadAll(l.dial(t)); err != nil || string(text) != "% Too many sessions\n\x00\x00\x00\x01" {
			t.Fatalf("the fourth got %q, %v", text, err)
		}
		time.Sleep(time.Second)
		fourth := l.dial(t)
		exchange(t, fourth, "enable\x00", ok)
		if _, err := io.ReadAll(deaf); err != nil {
			t.Errorf("the session of who does not read: %v", err)
		}
		exchange(t, busy, "disable\x00", ok)
		time.Sleep(time.Second)
		exchange(t, l.dial(t), "enable\x00", ok)
		if n, err := mute.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("the session of who says nothing: %d, %v", n, err)
		}
		exchange(t, busy, "enable\x00", ok)
		exchange(t, fourth, "disable\x00", ok)
	})
}
