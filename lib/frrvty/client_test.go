package frrvty

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipe returns a client whose daemon is a function that gets each line and the connection.
func pipe(t *testing.T, daemon func(line string, w io.Writer)) *Client {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	go serve(theirs, daemon)
	return NewClient(ours)
}

func serve(conn net.Conn, daemon func(line string, w io.Writer)) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString(0)
		if err != nil {
			return
		}
		daemon(strings.TrimSuffix(line, "\x00"), conn)
	}
}

func TestAskReadsAnswers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		chunks []string
		text   string
		status Status
	}{
		{"as FRR 8.4.4 sends it", []string{"% [PIM] Unknown command: bogus cmd\n\x00\x00\x00\x02"}, "% [PIM] Unknown command: bogus cmd\n", NoMatch},
		{"no output", []string{"\x00\x00\x00\x00"}, "", Success},
		{"the end in pieces", []string{"a\n\x00", "\x00", "\x00", "\x01"}, "a\n", Warning},
		{"status 13, which is a carriage return", []string{"can't open logfile\n\x00\x00\x00\r"}, "can't open logfile\n", ConfigFailed},
		{"single NULs within", []string{"a\x00b\x00\x00c\x00\x00\x00\x00"}, "abc", Success},
		{"many chunks", append(slices.Repeat([]string{"0123456789"}, 5000), "\x00\x00\x00\x00"), strings.Repeat("0123456789", 5000), Success},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := pipe(t, func(_ string, w io.Writer) {
				for _, chunk := range tc.chunks {
					io.WriteString(w, chunk)
				}
			})
			for range 2 { // the second shows that the first was read to its end
				text, status, err := c.Ask(t.Context(), "show it")
				if text != tc.text || status != tc.status {
					t.Errorf("got %.60q and %v", text, status)
				}
				var se *StatusError
				if errors.As(err, &se) != (tc.status != Success) {
					t.Fatalf("error %v with %v", err, status)
				}
				if se != nil && (se.Text != tc.text || se.Line != "show it" || se.Status != tc.status) {
					t.Errorf("error holds %+v", se)
				}
			}
		})
	}
}

func TestAskSendsTheLine(t *testing.T) {
	c := pipe(t, func(line string, w io.Writer) { io.WriteString(w, line+"\x00\x00\x00\x00") })
	for _, line := range []string{"show ip pim rp-info json", "", "ü"} {
		if got, _, err := c.Ask(t.Context(), line); err != nil || got != line {
			t.Errorf("daemon got %q for %q, %v", got, line, err)
		}
	}
	for _, line := range []string{"a\x00b", "a\nb"} {
		if _, _, err := c.Ask(t.Context(), line); err == nil {
			t.Errorf("%q was sent", line)
		}
	}
	if got, _, err := c.Ask(t.Context(), "still here"); err != nil || got != "still here" {
		t.Errorf("after a refused line: %q, %v", got, err)
	}
}

func TestStuckDaemonDoesNotOutlastContext(t *testing.T) {
	for name, daemon := range map[string]func(io.Writer){
		"silent":      func(io.Writer) {},
		"half answer": func(w io.Writer) { io.WriteString(w, "half\n\x00\x00") },
		"never ending": func(w io.Writer) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, "more\n")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					serve(theirs, func(_ string, w io.Writer) { daemon(w) })
				}()
				c := NewClient(ours)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				_, err := c.Stream(ctx, "show ip route json", slow{})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				if _, _, err := c.Ask(t.Context(), "show version"); err == nil {
					t.Error("a connection that is out of step was used again")
				}
				<-done
			})
		})
	}
}

// slow takes a millisecond of the test's clock for each write.
type slow struct{}

func (slow) Write(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return len(p), nil
}

func TestAnswerIsBounded(t *testing.T) {
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	c := pipe(t, func(_ string, w io.Writer) {
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	out, _, err := c.Ask(t.Context(), "show bgp json")
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	if len(out) > MaxAnswer {
		t.Errorf("kept %d octets", len(out))
	}
}

func TestDaemonThatGoesAway(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		bufio.NewReader(theirs).ReadString(0)
		io.WriteString(theirs, "half")
		theirs.Close()
	}()
	c := NewClient(ours)
	if _, _, err := c.Ask(t.Context(), "show version"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

func TestQueryStopsAtTheFirstError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bgpd.vty")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var asked []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		serve(conn, func(line string, w io.Writer) {
			asked = append(asked, line)
			status := "\x00"
			if line == "bad" {
				status = "\x02"
			}
			io.WriteString(w, "to "+line+"\x00\x00\x00"+status)
		})
	}()
	outputs, err := Query(t.Context(), path, "one", "two", "bad", "three")
	<-done
	if want := []string{"to one", "to two"}; !slices.Equal(outputs, want) {
		t.Errorf("outputs %q", outputs)
	}
	if want := []string{"one", "two", "bad"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
	if want := `command "bad": to bad`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestDialNamesTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bgpd.vty")
	_, err := Query(t.Context(), path, "show version")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

func TestStreamPassesTheWritersError(t *testing.T) {
	c := pipe(t, func(_ string, w io.Writer) { io.WriteString(w, "text\x00\x00\x00\x00") })
	if _, err := c.Stream(t.Context(), "show version", failing{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestErrorsShowNoPasswords: whoever logs one must not tell the key.
func TestErrorsShowNoPasswords(t *testing.T) {
	for line, want := range map[string]string{
		"show version":                            "show version",
		"ip msdp peer 10.0.0.2 password hush":     "ip msdp peer 10.0.0.2 password <hidden>",
		"ip msdp p 10.0.0.2 pa hush hush":         "ip msdp p 10.0.0.2 pa <hidden>",
		"ip msdp password peer 10.0.0.2 7 hush":   "ip msdp password <hidden>",
		"  neighbor 10.0.0.2  PASSWORDS   hush  ": "  neighbor 10.0.0.2  PASSWORDS <hidden>",
		"no ip msdp peer 10.0.0.2 password ":      "no ip msdp peer 10.0.0.2 password ",
	} {
		if got := Shown(line); got != want {
			t.Errorf("%q is shown as %q, want %q", line, got, want)
		}
	}
	c := pipe(t, func(_ string, w io.Writer) { io.WriteString(w, "no\n\x00\x00\x00\x0d") })
	const line = "ip msdp peer 10.0.0.2 password hush"
	_, _, refused := c.Ask(t.Context(), line)
	_, _, bad := c.Ask(t.Context(), line+"\n")
	c.Close()
	_, _, gone := c.Ask(t.Context(), line)
	for _, err := range []error{refused, bad, gone} {
		if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "password <hidden>") {
			t.Errorf("error: %v", err)
		}
	}
}
