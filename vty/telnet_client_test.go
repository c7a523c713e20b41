package vty

import (
	"context"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestTelnetOfTheSystem talks to the shell with telnet(1), its negotiation included.
func TestTelnetOfTheSystem(t *testing.T) {
	program, err := exec.LookPath("telnet")
	if err != nil {
		t.Fatal("telnet is not installed; tools/test installs it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	served := make(chan error, 1)
	settings := TelnetSettings{Password: quickHash(t, "x"), Lines: 3, Banner: "Hello\n"}
	s := newTelnetShell()
	go func() {
		served <- s.ServeTelnet(ctx, l, TelnetConfig{Settings: func() TelnetSettings { return settings }})
	}()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cmd := exec.CommandContext(ctx, program, "127.0.0.1", port)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	for _, step := range []struct{ wait, keys string }{
		{"Password: ", "x\r"},
		{"rp1> ", "sh lin 5\r"},
		{"line 2\r\n--More--", " "},
		{"line 4\r\n--More--", "q"},
		{"rp1> ", "exit\r"},
	} {
		for !strings.HasSuffix(seen.String(), step.wait) {
			octet := make([]byte, 1)
			if _, err := io.ReadFull(out, octet); err != nil {
				t.Fatalf("waiting for %q: %v behind\n%s", step.wait, err, seen.String())
			}
			seen.Write(octet)
		}
		if _, err := io.WriteString(in, step.keys); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.Copy(&seen, out)
	in.Close()
	_ = cmd.Wait() // its status is 1 when the other side has closed
	if text := seen.String(); strings.Contains(text, "\xff") || !strings.Contains(text, "Hello\r\n") {
		t.Errorf("%q", text)
	}
}
