package vty

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"msdpd/lib/frrvty"
)

// TestWho: who sits there, since when and in what mode, over the socket and over telnet.
func TestWho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTelnetShell()
		a, b := loggedIn(t, s, TelnetSettings{}), loggedIn(t, s, TelnetSettings{})
		stranger := sits(t, s, TelnetSettings{Password: quickHash(t, "x")})
		stranger.types("")
		time.Sleep(61 * time.Second) // of the bubble; the stranger may take less for a password
		if !stranger.ended() {
			t.Error("one who gives no password stays")
		}
		b.types("enable\r")
		const head = "  Line  Kind    From                                Idle  Mode\r\n"
		b.wants("who\r", "who\r\n"+head+
			"     0  telnet  -                               00:01:01  view\r\n"+
			"*    1  telnet  -                               00:00:00  enable\r\nrp1# ")
		b.wants("clear line 1\r", "clear line 1\r\n% line 1 is this session; exit ends it\r\nrp1# ")
		b.wants("clear line 7\r", "clear line 7\r\n% there is no line 7; who shows which there are\r\nrp1# ")
		if a.ended() {
			t.Fatal("the other has gone")
		}
		b.wants("clear line 0\r", "clear line 0\r\nrp1# ")
		if !a.ended() {
			t.Error("clear line left the session alone")
		}
		a = sits(t, s, TelnetSettings{Password: quickHash(t, "x")})
		a.types("")
		if got := b.types("show users\r"); !strings.Contains(got, "     0  telnet  -                               00:00:00  login\r\n*    1 ") {
			t.Errorf("%q", got)
		}
	})
}

func TestWhoOnTheSocket(t *testing.T) {
	path, _ := start(t, newTestShell())
	out, err := frrvty.Query(t.Context(), path, "enable", "who json")
	if err != nil {
		t.Fatal(err)
	}
	var got []who
	if err := json.Unmarshal([]byte(out[1]), &got); err != nil || len(got) != 1 {
		t.Fatalf("%s, %v", out[1], err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	want := who{Kind: "unix", From: fmt.Sprintf("%s (pid %d)", me.Username, os.Getpid()), User: me.Username, Pid: int32(os.Getpid()), Mode: "enable", Own: true}
	got[0].Idle, got[0].Connected = 0, 0
	if got[0] != want {
		t.Errorf("%+v, want %+v", got[0], want)
	}
}

func TestHistoryIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loggedIn(t, newTelnetShell(), TelnetSettings{})
		p.types("show lights\ren\rconf t\rsecret abracadabra\rend\r")
		p.wants("show history\r", "show history\r\n  show lights\r\n  en\r\n  conf t\r\n  end\r\n  show history\r\nrp1# ")
	})
}

// TestMonitorOnTheSocket: the answer to `terminal monitor` goes on until the client says something else.
func TestMonitorOnTheSocket(t *testing.T) {
	for _, filter := range []string{"", " | exclude nothing"} {
		m := &Monitor{}
		path, _ := start(t, New(Config{Daemon: "MSDP", Monitor: m}))
		conn := dial(t, path)
		exchange(t, conn, "terminal monitor"+filter+"\x00", "")
		awaitWatched(t, m, true)
		m.Publish("one\n")
		exchange(t, conn, "", "one\n")
		m.Publish("two\n")
		exchange(t, conn, "", "two\n")
		exchange(t, conn, "terminal no monitor\x00who | count unix\x00",
			"\x00\x00\x00\x00\x00\x00\x00\x00Number of lines which match regexp = 1\n\x00\x00\x00\x00")
		awaitWatched(t, m, false)

		exchange(t, conn, "terminal monitor\x00", "")
		awaitWatched(t, m, true)
		conn.Close()
		awaitWatched(t, m, false)
	}
}

func awaitWatched(t *testing.T, m *Monitor, want bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); m.Watched() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("watched: %v", !want)
		}
	}
}

// TestMonitorDoesNotWait: a client that watches and does not read holds up nobody, and goes with the shell.
func TestMonitorDoesNotWait(t *testing.T) {
	m := &Monitor{}
	s := New(Config{Daemon: "MSDP", Monitor: m})
	ours, theirs := net.Pipe() // has no buffer: the first octet waits for the reader
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.ServeConn(ctx, theirs) }()
	if _, err := io.WriteString(ours, "terminal monitor\x00"); err != nil {
		t.Fatal(err)
	}
	awaitWatched(t, m, true)
	for range 10 * maxWatched {
		m.Publish("line\n")
	}
	cancel()
	<-done
	if m.Watched() {
		t.Error("it is watched still")
	}
}
