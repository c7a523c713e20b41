package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
)

// supervisor stands in for systemd's end of the notification socket.
func supervisor(t *testing.T) func() string {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		t.Helper()
		b := make([]byte, 4096)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func TestSystemdIsTold(t *testing.T) {
	told := supervisor(t)
	log := zaptest.NewLogger(t)
	notify(log, reloading())
	first, usec, ok := strings.Cut(told(), "\nMONOTONIC_USEC=")
	if n, err := strconv.ParseUint(usec, 10, 64); !ok || first != "RELOADING=1" || err != nil || n == 0 {
		t.Errorf("before a reload: %q, time %q", first, usec)
	}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{nil, "READY=1\nSTATUS="},
		{errors.New("line 1"), "READY=1\nSTATUS=The configuration stays as it was, the file was refused: see the log"},
	} {
		notify(log, reloaded(tc.err))
		if got := told(); got != tc.want {
			t.Errorf("after a reload that ended with %v: %q, want %q", tc.err, got, tc.want)
		}
	}
}

func TestWatchdog(t *testing.T) {
	told := supervisor(t)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	w := newWatchdog(zaptest.NewLogger(t))
	if w.period != 15*time.Second {
		t.Fatalf("a sign every %v, want half of what systemd asks for", w.period)
	}
	now := time.Now()
	signs := 0
	for range 61 { // a minute of the owner's seconds
		w.alive(now)
		select {
		case <-w.signs:
			signs++
		default:
		}
		now = now.Add(time.Second)
	}
	if signs != 5 {
		t.Errorf("%d signs of life in a minute, want 5", signs)
	}
	// The owner waits for nobody, even if systemd is not told for hours.
	for range 10 {
		now = now.Add(time.Hour)
		w.alive(now)
	}
	go w.run(t.Context())
	if got := told(); got != "WATCHDOG=1" {
		t.Errorf("systemd is told %q", got)
	}
}

// TestWatchdogOfAnother: the process that -d leaves has another number than the one that systemd watches.
func TestWatchdogOfAnother(t *testing.T) {
	for name, env := range map[string][2]string{
		"none":         {"", ""},
		"another's":    {"30000000", strconv.Itoa(os.Getppid())},
		"not a number": {"soon", strconv.Itoa(os.Getpid())},
	} {
		t.Setenv("WATCHDOG_USEC", env[0])
		t.Setenv("WATCHDOG_PID", env[1])
		w := newWatchdog(zap.NewNop())
		w.alive(time.Now())
		if w.period != 0 || len(w.signs) != 0 {
			t.Errorf("%s: a sign every %v, %d given", name, w.period, len(w.signs))
		}
	}
}
