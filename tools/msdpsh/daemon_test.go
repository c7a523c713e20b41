package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"msdpd/vty"
)

// newShell is a daemon's shell with a few commands.
func newShell() *vty.Shell {
	sh := vty.New(vty.Config{Daemon: "MSDP", Hostname: func() string { return "rp1" }})
	say := func(text string) func(*vty.Call) error {
		return func(c *vty.Call) error {
			_, err := io.WriteString(c, text)
			return err
		}
	}
	sh.Install(sh.View, "show version", "Show\nVersion", say("msdpd 1\n"))
	sh.Install(sh.View, "show ip msdp peer [A.B.C.D] [json]", "Show\nIP\nMSDP\nPeers\nOne of them\nAs JSON", func(c *vty.Call) error {
		if c.Has("json") {
			c.Printf("{}\n")
		} else {
			c.Printf("no peers %s\n", c.Arg("A.B.C.D"))
		}
		return nil
	})
	sh.Install(sh.View, "show lines (1-100000000)", "Show\nLines\nSo many", func(c *vty.Call) error {
		for i := range c.Uint("(1-100000000)") {
			if _, err := fmt.Fprintf(c, "line %d\n", i+1); err != nil {
				return err
			}
		}
		return nil
	})
	sh.Install(sh.Enable, "clear ip msdp sa-cache", "Clear\nIP\nMSDP\nCache", func(*vty.Call) error {
		return vty.Warningf("the cache is empty")
	})
	sh.Install(sh.Config, "ip msdp timers (1-65535)$keepalive (1-65535)$hold", "IP\nMSDP\nTimers\nKeepalive\nHold",
		func(c *vty.Call) error {
			if c.Uint("hold") <= c.Uint("keepalive") {
				return errors.New("the hold time must be longer than the keepalive")
			}
			c.Printf("timers %d %d\n", c.Uint("keepalive"), c.Uint("hold"))
			return nil
		})
	sh.Install(sh.Config, "ip msdp authentication A.B.C.D PHRASE!", "IP\nMSDP\nMD5\nPeer\nThe phrase", say(""))
	sh.Install(sh.Enable, "collect", "Collect changes", func(c *vty.Call) error {
		c.Session.SetNote("[session]")
		return nil
	})
	router := &vty.Mode{Name: "router pim", Prompt: "(config-pim)#", Parent: sh.Config}
	sh.Install(sh.Config, "router pim", "Router\nPIM", func(c *vty.Call) error {
		c.Session.Enter(router)
		return nil
	})
	sh.Install(router, "msdp shutdown", "MSDP\nNo session", say("shut down\n"))
	return sh
}

// startDaemon serves that shell on DIR/msdpd.vty.
func startDaemon(t *testing.T) (dir string) {
	dir = t.TempDir()
	serve(t, newShell(), filepath.Join(dir, "msdpd.vty"))
	return dir
}

// serve serves a shell on a socket until the test ends or stop is called.
func serve(t *testing.T, sh *vty.Shell, path string) (stop func()) {
	l, err := vty.ListenUnix(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sh.Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// runs runs the program without a terminal.
func runs(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), append([]string{"--vty_socket", dir}, args...), strings.NewReader(""), &out, &errs)
	return code, withoutMarks(out.String()), errs.String()
}

// wants compares what a run without a terminal printed.
func wants(t *testing.T, dir string, args []string, code int, stdout, stderr string) {
	t.Helper()
	gotCode, gotOut, gotErr := runs(t, dir, args...)
	if gotCode != code || gotOut != stdout || gotErr != stderr {
		t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %d, %q, %q", args, gotCode, gotOut, gotErr, code, stdout, stderr)
	}
}
