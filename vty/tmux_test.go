package vty

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tmux is a terminal with a person before it: telnet(1) runs in a window of it.
type tmux struct {
	t       *testing.T
	program string
	socket  string
}

func newTmux(t *testing.T, width, height string, command ...string) *tmux {
	t.Helper()
	m := &tmux{t, program(t, "tmux"), filepath.Join(t.TempDir(), "tmux")}
	m.do(append([]string{"-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height}, command...)...)
	t.Cleanup(func() { _ = exec.Command(m.program, "-S", m.socket, "kill-server").Run() }) // it may have ended
	return m
}

func (m *tmux) do(args ...string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, m.program, append([]string{"-S", m.socket}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// types presses keys by tmux's names: what is none is typed.
func (m *tmux) types(keys ...string) { m.do(append([]string{"send-keys"}, keys...)...) }

// sees waits until the last lines of the screen are these.
func (m *tmux) sees(want ...string) {
	m.t.Helper()
	tail := "\n" + strings.Join(want, "\n")
	var screen string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		lines := strings.Split(m.do("capture-pane", "-p"), "\n")
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " ")
		}
		screen = "\n" + strings.TrimRight(strings.Join(lines, "\n"), "\n")
		if strings.HasSuffix(screen, tail) {
			return
		}
	}
	m.t.Fatalf("the screen shows%s\nwant at its end%s", screen, tail)
}

// TestPersonAtATerminal: telnet(1) in a real terminal, typed at as people do.
func TestPersonAtATerminal(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newTelnetShell()
	s.Install(s.Config, "router pim", "Router\nPIM", func(*Call) error { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	settings := TelnetSettings{Password: quickHash(t, "x"), Enable: quickHash(t, "y"), Lines: -1, Banner: "Hello\n"}
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
	m := newTmux(t, "60", "12", "sh", "-c", program(t, "telnet")+" 127.0.0.1 "+port+"; exec sleep 1000")
	m.sees("Password:")
	m.types("x", "Enter") // no echo
	m.sees("Password:", "rp1>")
	m.types("sh", "Space", "lin", "Space", "3", "Enter") // an abbreviation
	m.sees("rp1> sh lin 3", "line 1", "line 2", "line 3", "rp1>")
	m.types("sho", "Tab", "li", "Tab")
	m.sees("rp1> show li", "lights lines", "rp1> show li")
	m.types("?")
	m.sees("rp1> show li?", "  lights  Lights", "  lines   Lines", "rp1> show li")
	m.types("n", "Tab", "100", "Enter") // a page of a window of 12 lines
	m.sees("line 9", "line 10", "line 11", "--More--")
	m.types("Enter")
	m.sees("line 11", "line 12", "--More--")
	m.types("Space")
	m.sees("line 22", "line 23", "--More--")
	m.do("resize-window", "-x", "50", "-y", "6")
	m.sees("line 23", "--More--")
	m.types("Space")
	m.sees("line 27", "line 28", "--More--")
	m.types("q")
	m.sees("line 28", "rp1>")
	m.types("show forever", "Enter")
	m.sees("rp1> show forever")
	m.types("C-c")
	m.sees("rp1> show forever", "rp1>")
	m.types("bogus", "Home", "Delete", "h", "End", "BSpace", "C-c")
	m.sees("rp1> hogu^C", "rp1>")
	m.types("en", "Enter", "y", "Enter", "conf", "Space", "t", "Enter")
	m.sees("Password:", "rp1# conf t", "rp1(config)#")
	m.types("router pim", "C-z")
	m.sees("rp1(config)# router pim^Z", "rp1#")
	m.types("Up", "Up", "Up")
	m.sees("rp1# show forever")
	m.types("C-u", "who | inc telnet", "Enter")
	m.sees("rp1#")
	if screen := m.do("capture-pane", "-p"); !strings.Contains(screen, "*    0  telnet  127.0.0.1:") {
		t.Errorf("who shows\n%s", screen)
	}
	m.types("C-d")
	m.sees("Connection closed by foreign host.")
}
