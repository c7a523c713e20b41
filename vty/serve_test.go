package vty

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msdpd/lib/frrvty"
)

// start serves a shell on a socket of its own and returns the path, and what ends it and
// returns Serve's result.
func start(t *testing.T, s *Shell) (path string, stop func() error) {
	path = filepath.Join(t.TempDir(), "msdpd.vty")
	l, err := ListenUnix(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stop = func() error {
		cancel()
		err := <-done
		done <- err
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return path, stop
}

func dial(t *testing.T, path string) net.Conn {
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// exchange sends octets and expects these in return.
func exchange(t *testing.T, conn net.Conn, send, want string) {
	t.Helper()
	if _, err := io.WriteString(conn, send); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	n, err := io.ReadFull(conn, got)
	if err != nil || string(got) != want {
		t.Fatalf("%q was answered by %q, %v; want %q", send, got[:n], err, want)
	}
}

func TestServeSpeaksTheProtocol(t *testing.T) {
	path, _ := start(t, newTestShell())
	conn := dial(t, path)
	exchange(t, conn, "show ip msdp sa\x00", "sa\n\x00\x00\x00\x00")
	exchange(t, conn, "\x00", "\x00\x00\x00\x00")
	exchange(t, conn, "show ip\x00", "% Command incomplete: show ip\n\x00\x00\x00\x04")
	exchange(t, conn, "enable\x00conf t\x00router pim\x00msdp timers\x00", strings.Repeat("\x00", 12)+"% not here\n\x00\x00\x00\x0d")
	exchange(t, conn, "msdp origi", "")
	exchange(t, conn, "nator-id 10.0.0.1\x00", "originator id=10.0.0.1\n\x00\x00\x00\x00")
	exchange(t, dial(t, path), "msdp originator-id 10.0.0.1\x00", "% [MSDP] Unknown command: msdp originator-id 10.0.0.1\n\x00\x00\x00\x02")
	exchange(t, conn, "do terminal error-marks\x00do sh ip\x00do terminal no error-marks\x00do sh ip\x00", "\x00\x00\x00\x00"+
		"% Command incomplete: do sh ip\n                               ^ expected mroute, msdp or multicast\n\x00\x00\x00\x04"+
		"\x00\x00\x00\x00% Command incomplete: do sh ip\n\x00\x00\x00\x04")
	exchange(t, conn, "XFRR_start_configuration\x00XFRR_end_configuration\x00", "\x00\x00\x00\x00\x00\x00\x00\x00")
	exchange(t, conn, "end\x00do show ip msdp sa\x00", "\x00\x00\x00\x00sa\n\x00\x00\x00\x00") // vtysh says do there
	exchange(t, conn, "exit\x00show ip msdp sa\x00", "\x00\x00\x00\x00")
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("after exit: %d octets, %v", n, err)
	}
}

// Lines as FRR 8.4.4's pimd was given them, and its statuses and texts.
func TestServeAnswersAsFRR(t *testing.T) {
	s := New(Config{Daemon: "PIM"})
	ok := func(*Call) error { return nil }
	lo := &Mode{Name: "interface", Parent: s.Config}
	s.Install(s.View, "show ip pim neighbor [json]", "Show\nIP\nPIM\nNeighbors\nJSON", ok)
	s.Install(s.View, "show ip mroute", "Show\nIP\nRoutes", ok)
	s.Install(s.View, "show ip multicast", "Show\nIP\nMulticast", ok)
	s.Install(s.Config, "[no] ip pim ecmp", "No\nIP\nPIM\nECMP", ok)
	s.Install(s.Config, "ip msdp timers (1-65535) (1-65535)", "IP\nMSDP\nTimers\nHold\nKeepalive", ok)
	s.Install(s.Config, "ip pim rp A.B.C.D", "IP\nPIM\nRP\nAddress", ok)
	s.Install(s.Config, "interface IFNAME", "Interface\nName", func(c *Call) error { c.Session.Enter(lo); return nil })
	s.Install(s.Config, "log file FILE", "Log\nFile\nName", func(*Call) error { return errors.New("can't open logfile") })
	s.Install(lo, "ip igmp version (2-3)", "IP\nIGMP\nVersion\nNumber", ok)
	path, _ := start(t, s)
	c, err := frrvty.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, tc := range []struct {
		line   string
		status Status
		text   string
	}{
		{"bogus cmd", 2, "% [PIM] Unknown command: bogus cmd"},
		{"show ip", 4, "% Command incomplete"},
		{"sh ip pi nei", 0, ""},
		{"sh ip m", 3, "% Ambiguous command"},
		{"show ip m g", 2, "% [PIM] Unknown command: show ip m g"},
		{"show ip pim neighbor bogus extra words", 2, "% [PIM] Unknown command: show ip pim neighbor bogus extra words"},
		{"", 0, ""}, {"   ", 0, ""}, {"! c", 0, ""}, {"# c", 0, ""},
		{"configure terminal", 2, "% [PIM] Unknown command: configure terminal"},
		{"no", 2, "% [PIM] Unknown command: no"},
		{"enable", 0, ""}, {"configure terminal", 0, ""}, {"conf t", 2, "% [PIM] Unknown command: conf t"},
		{"ip msdp timers 70000 3", 2, "% [PIM] Unknown command: ip msdp timers 70000 3"},
		{"ip pim", 4, "% Command incomplete"},
		{"i", 4, "% Command incomplete"},
		{"no ip p", 4, "% Command incomplete"},
		{"ip pim rp 1.2.3", 2, "% [PIM] Unknown command: ip pim rp 1.2.3"},
		{"show ip pim neighbor", 2, "% [PIM] Unknown command: show ip pim neighbor"},
		{"do show ip pim neighbor", 0, ""}, {"do s", 4, "% Command incomplete"}, {"do", 4, "% Command incomplete"},
		{"do bogus", 2, "% [PIM] Unknown command: do bogus"},
		{"log file /nonexistent/x/y", 13, "% can't open logfile"},
		{"interface lo", 0, ""},
		{"ip igmp version 9", 2, "% [PIM] Unknown command: ip igmp version 9"},
		{"ip pim rp 10.0.0.1", 0, ""},                                          // leaves the interface
		{"ip igmp version 2", 2, "% [PIM] Unknown command: ip igmp version 2"}, // so this fails
		{"exit", 0, ""}, {"exit", 0, ""},
	} {
		text, status, err := c.Ask(t.Context(), tc.line)
		first, _, _ := strings.Cut(text, "\n")
		if status != tc.status || !strings.HasPrefix(first, tc.text) || status == NoMatch && first != tc.text || status == Success && text != "" {
			t.Errorf("%q: %v %q, %v; FRR says %v %q", tc.line, status, text, err, tc.status, tc.text)
		}
	}
	if _, _, err := c.Ask(t.Context(), "show ip mroute"); err == nil {
		t.Error("the second exit did not end the connection")
	}
}

// A reader that takes a NUL at the end of a read for the end of the answer, as monitoring
// programs for FRR do, must not find one earlier.
func TestServeSendsNoNULBeforeTheEnd(t *testing.T) {
	s := New(Config{})
	text := bytes.Repeat([]byte("0123456\x00\x00\x00\n"), 10000)
	s.Install(s.View, "show it", "Show\nIt", func(c *Call) error {
		_, err := c.Write(text)
		return err
	})
	path, _ := start(t, s)
	conn := dial(t, path)
	if _, err := io.WriteString(conn, "show it\x00"); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for chunk := make([]byte, 4096); len(got) == 0 || got[len(got)-1] != 0; {
		n, err := conn.Read(chunk)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, chunk[:n]...)
	}
	if want := bytes.ReplaceAll(text, []byte{0}, nil); !bytes.Equal(bytes.TrimRight(got, "\x00"), want) {
		t.Errorf("got %d octets, want %d", len(got), len(want))
	}
}

func TestServeRefusesLongLines(t *testing.T) {
	s := New(Config{MaxLine: 100, Daemon: "MSDP"})
	path, _ := start(t, s)
	conn := dial(t, path)
	exchange(t, conn, strings.Repeat("x", 1<<20)+"\x00", "% Command is too long.\n\x00\x00\x00\x01")
	exchange(t, conn, strings.Repeat(" ", 94)+"enable\x00", "\x00\x00\x00\x00")
	exchange(t, conn, strings.Repeat(" ", 95)+"enable\x00", "% Command is too long.\n\x00\x00\x00\x01")
	exchange(t, conn, "list", "")
}

func TestServeClientThatDoesNotRead(t *testing.T) {
	s := New(Config{})
	running, ended := make(chan struct{}), make(chan error, 1)
	s.Install(s.View, "show much", "Show\nMuch", func(c *Call) error {
		close(running)
		line := bytes.Repeat([]byte("x"), 4096)
		for {
			if _, err := c.Write(line); err != nil {
				<-c.Context().Done()
				ended <- err
				return err
			}
		}
	})
	path, stop := start(t, s)
	exchange(t, dial(t, path), "show much\x00", "")
	<-running
	exchange(t, dial(t, path), "enable\x00", "\x00\x00\x00\x00")
	select {
	case err := <-ended:
		t.Fatalf("the command ended: %v", err)
	default:
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the command ended without an error")
	}
}

func TestServeClientThatGoesAway(t *testing.T) {
	s := New(Config{})
	ended := make(chan error, 1)
	s.Install(s.View, "show much", "Show\nMuch", func(c *Call) error {
		for c.Context().Err() == nil {
			c.Printf("line\n")
		}
		ended <- c.Context().Err()
		return nil
	})
	path, _ := start(t, s)
	conn := dial(t, path)
	exchange(t, conn, "show much\x00", "line\n")
	conn.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestServeHoldsSoManySessions(t *testing.T) {
	s := New(Config{MaxSessions: 2})
	path, _ := start(t, s)
	first, second := dial(t, path), dial(t, path)
	exchange(t, first, "enable\x00", "\x00\x00\x00\x00")
	exchange(t, second, "enable\x00", "\x00\x00\x00\x00")
	answer, err := io.ReadAll(dial(t, path))
	if want := "% Too many sessions\n\x00\x00\x00\x01"; err != nil || string(answer) != want {
		t.Fatalf("the third got %q, %v", answer, err)
	}
	// The place is free again some time after the server has seen the end.
	first.Close()
	for {
		conn := dial(t, path)
		if _, err := io.WriteString(conn, "enable\x00"); err != nil {
			continue
		}
		if got, err := bufio.NewReader(conn).ReadByte(); err == nil && got == 0 {
			return
		}
		conn.Close()
	}
}

func TestServeManySessionsAtOnce(t *testing.T) {
	path, _ := start(t, newTestShell())
	errs := make(chan error)
	const clients = 50
	for i := range clients {
		go func() {
			line := fmt.Sprintf("ip msdp peer 10.0.0.%d description text", i)
			out, err := frrvty.Query(context.Background(), path, "enable", "configure terminal", line)
			if want := fmt.Sprintf("description peer=10.0.0.%d text=text\n", i); err == nil && out[2] != want {
				err = fmt.Errorf("%q", out)
			}
			errs <- err
		}()
	}
	for range clients {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestServeEndsWithItsListener(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "x.vty"))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := New(Config{}).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestServeConnOverAPipe(t *testing.T) {
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		newTestShell().ServeConn(t.Context(), theirs)
	}()
	c := frrvty.NewClient(ours)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, _, err := c.Ask(ctx, "show ip msdp peer detail"); err != nil || out != "peer detail=detail\n" {
		t.Errorf("%q, %v", out, err)
	}
	c.Close()
	<-done
}
