package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/vty"
)

// TestTelnetFollowsTheConfiguration: it comes with a password and goes with it, on a running daemon.
func TestTelnetFollowsTheConfiguration(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	d := newDaemon(options{})
	targets := newLogTargets(logDir, zapcore.NewNopCore(), "stdout", d.monitor, d.recent)
	tel := newTerminals(d.shell, options{vtyAddr: "127.0.0.1", vtyPort: port}, zap.NewNop(), targets)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); tel.run(ctx) }()
	defer func() { cancel(); <-done }()

	with, without := newSettings(), newSettings()
	with.vty.password = zebraHash
	with.vty.banner = banner{line: "Keep out"}
	for range 2 {
		tel.apply(with)
		conn := dialUntil(t, port, true)
		for text := ""; !strings.HasSuffix(text, "Password: "); {
			octets := make([]byte, 100)
			n, err := conn.Read(octets)
			if err != nil {
				t.Fatalf("%v behind %q", err, text)
			}
			text += string(octets[:n])
		}
		tel.apply(without)
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Error(err)
		}
		dialUntil(t, port, false)
	}
}

// dialUntil waits until the port is served, or no longer.
func dialUntil(t *testing.T, port int, served bool) net.Conn {
	for t.Context().Err() == nil {
		conn, err := net.Dial("tcp", netJoin("127.0.0.1", port))
		if (err == nil) == served {
			if served {
				t.Cleanup(func() { conn.Close() })
			}
			return conn
		}
		if err == nil {
			conn.Close()
		}
	}
	return nil
}

// TestLogTargets: what the configuration names is added to what the options do, each with its level.
func TestLogTargets(t *testing.T) {
	core, base := observer.New(zap.InfoLevel)
	targets := newLogTargets(t.TempDir(), core, "file", &vty.Monitor{}, newRecentLog())
	log := zap.New(targetsCore{logTargets: targets}).Named("x").With(zap.String("peer", "10.0.0.2"))
	path := filepath.Join(targets.dir, "log")
	l := newLogSettings()
	l.path, l.file, l.precision = path, "warnings", 0
	if err := targets.apply(l); err != nil {
		t.Fatal(err)
	}
	log.Info("one")
	log.Warn("two")
	if log.Core().Enabled(zap.DebugLevel) {
		t.Error("debug is on, and nobody wants it")
	}
	if err := targets.apply(newLogSettings()); err != nil {
		t.Fatal(err)
	}
	log.Warn("three")
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), `WARN x two {"peer": "10.0.0.2"}`) {
		t.Errorf("%s, %v", text, err)
	}
	if base.Len() != 3 {
		t.Errorf("the options' log has %d lines", base.Len())
	}
	l.path = filepath.Join(targets.dir, "none", "log")
	if err := targets.apply(l); err == nil || !strings.Contains(err.Error(), l.path) {
		t.Errorf("error %v", err)
	}
	log.Warn("four")
	if base.Len() != 4 {
		t.Error("a file that cannot be opened silences the rest")
	}
}

// TestLogFileIsRotated: behind a rename the lines go to a new file of the same name.
func TestLogFileIsRotated(t *testing.T) {
	targets := newLogTargets(t.TempDir(), zapcore.NewNopCore(), "stdout", &vty.Monitor{}, newRecentLog())
	if err := targets.reopen(); err != nil {
		t.Error(err)
	}
	log := zap.New(targetsCore{logTargets: targets})
	l := newLogSettings()
	l.path, l.file = filepath.Join(targets.dir, "log"), "warnings"
	if err := targets.apply(l); err != nil {
		t.Fatal(err)
	}
	log.Warn("one")
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		t.Fatal(err)
	}
	log.Warn("two")
	if err := targets.reopen(); err != nil {
		t.Fatal(err)
	}
	log.Warn("three")
	for path, want := range map[string]string{l.path + ".1": "WARN one\nWARN two\n", l.path: "WARN three\n"} {
		got := ""
		for line := range strings.Lines(fileText(t, path)) {
			_, message, _ := strings.Cut(line, " ")
			got += message
		}
		if got != want {
			t.Errorf("%s has %q, want %q", path, got, want)
		}
	}
}

// TestAllOfIPv4IsNotAllOfIPv6: 0.0.0.0 is what it says.
func TestAllOfIPv4IsNotAllOfIPv6(t *testing.T) {
	l, err := net.Listen(family("0.0.0.0"), "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ip := l.Addr().(*net.TCPAddr).IP; ip.To4() == nil {
		t.Errorf("telnet is on %s", ip)
	}
	for addr, want := range map[string]string{"127.0.0.1": "tcp4", "::": "tcp", "::1": "tcp", "localhost": "tcp"} {
		if got := family(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
