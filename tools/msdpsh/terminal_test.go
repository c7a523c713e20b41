package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// TestMain makes a program of the test binary: one that a terminal can be given to.
func TestMain(m *testing.M) {
	if os.Getenv("MSDPSH_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// person sits at a terminal at which msdpsh runs.
type person struct {
	t      *testing.T
	tty    *os.File
	cmd    *exec.Cmd
	mu     sync.Mutex
	more   chan struct{} // holds one when there is more to see
	seen   string        // what came since the last thing that was waited for
	closed bool
}

// sits starts msdpsh at a terminal of 80 columns and 24 rows.
func sits(t *testing.T, dir string, env ...string) *person {
	return sitsWith(t, []string{"--vty_socket", dir}, env...)
}

func sitsWith(t *testing.T, args []string, env ...string) *person {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, cmd: exec.Command(self, args...), more: make(chan struct{}, 1)}
	p.cmd.Env = append([]string{
		"MSDPSH_MAIN=1", "TERM=xterm", "NO_COLOR=1", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "PAGER=",
	}, env...)
	if p.tty, err = pty.StartWithSize(p.cmd, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		octets := make([]byte, 4096)
		for {
			n, err := p.tty.Read(octets)
			p.mu.Lock()
			p.seen += string(octets[:n])
			p.closed = err != nil
			p.mu.Unlock()
			select {
			case p.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may be gone
		p.tty.Close()
		<-reading
		_ = p.cmd.Wait()
	})
	return p
}

// types sends keys.
func (p *person) types(keys string) {
	p.t.Helper()
	if _, err := p.tty.WriteString(keys); err != nil {
		p.t.Fatalf("%q: %v", keys, err)
	}
}

// sees waits for text, and returns what came before it.
func (p *person) sees(text string) string {
	p.t.Helper()
	late := time.After(time.Minute)
	for {
		p.mu.Lock()
		before, after, ok := strings.Cut(p.seen, text)
		if ok {
			p.seen = after
		}
		seen, closed := p.seen, p.closed
		p.mu.Unlock()
		if ok {
			return before
		}
		if closed {
			p.t.Fatalf("the terminal was closed before %q; there was %q", text, seen)
		}
		select {
		case <-p.more:
		case <-late:
			p.t.Fatalf("no %q came; there was %q", text, seen)
		}
	}
}

// exits waits for the end and checks the exit code.
func (p *person) exits(code int) {
	p.t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || p.cmd.ProcessState.ExitCode() != code {
		p.t.Errorf("it ended with %v, want %d", p.cmd.ProcessState, code)
	}
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	ctrlR = "\x12"
	ctrlZ = "\x1a"
	up    = "\x1b[A"
)

func TestTyping(t *testing.T) {
	p := sits(t, startDaemon(t))
	p.sees("rp1# ")
	p.types("sh ver\r")
	p.sees("msdpd 1\r\n")
	p.sees("rp1# ")
	// Help, abbreviated and not, and the line that it was asked for is there again.
	p.types("sh ip msdp ?")
	p.sees("sh ip msdp ?\r\n  peer  Peers\r\n")
	p.sees("rp1# sh ip msdp ")
	p.types("peer ?")
	p.sees("  json     As JSON\r\n  A.B.C.D  One of them\r\n  |        Filter the output\r\n  <cr>\r\n")
	p.types("10.0.0.1\r")
	p.sees("no peers 10.0.0.1\r\n")
	// Tab completes one word, and lists several.
	p.types("sho\ti\tms\tpe\tj\t\r")
	p.sees("{}\r\n")
	p.types("show \t")
	p.sees("history ip lines users version\r\n")
	p.types("bogus \t")
	p.sees("% There is no matched command.\r\n")
	// Ctrl-C gives a line up; Ctrl-D deletes, and Ctrl-V takes a key for itself.
	p.types(ctrlC)
	p.sees("^C\r\n")
	p.types("show xversion\x01\x1bf \x1b[D\x1b[C" + ctrlD + "\r")
	p.sees("msdpd 1\r\n")
	p.types("show \x16?\r")
	p.sees("% [MSDP] Unknown command: show ?\r\n")
	// Errors show where, and end nothing.
	p.types("show bogus\r")
	p.sees("% [MSDP] Unknown command: show bogus\r\n" + strings.Repeat(" ", 31) + "^ expected history, ip, lines, users or version\r\n")
	// Modes.
	p.types("conf t\r")
	p.sees("rp1(config)# ")
	p.types("router pim\r")
	p.sees("rp1(config-pim)# ")
	p.types("?")
	p.sees("  msdp  MSDP\r\n")
	p.types("exit\r")
	p.sees("rp1(config)# ")
	p.types(ctrlC)
	p.sees("rp1# ")
	p.types("conf t\r")
	p.sees("rp1(config)# ")
	p.types("ip msdp" + ctrlZ)
	p.sees("ip msdp^Z\r\n")
	p.sees("rp1# ")
	p.types("\r \r" + ctrlD)
	p.exits(0)
}

func TestExitEndsTheSession(t *testing.T) {
	p := sits(t, startDaemon(t))
	p.sees("rp1# ")
	// What is typed ahead is not lost.
	p.types("conf t\rexit\rbogus\rexit\r")
	p.sees("Unknown command: bogus")
	p.exits(0)
}

func TestPager(t *testing.T) {
	p := sits(t, startDaemon(t), "PAGER=sed s/^/paged:/", "VTYSH_PAGER=sed s/^/paged-/")
	p.sees("rp1# ")
	p.types("show lines 22\r")
	p.sees("\r\nline 1\r\n")
	p.sees("line 22\r\nrp1# ")
	p.types("show lines 23\r")
	p.sees("paged-line 1\r\n")
	p.sees("paged-line 23\r\nrp1# ")
	p.types("terminal no paginate\rshow lines 23\r")
	p.sees("\r\nline 1\r\n")
	p.sees("\nline 23\r\nrp1# ")
	p.types("term pag\rshow lines 30 | begin 2\r")
	p.sees("paged-line 2\r\n")
	p.sees("paged-line 30\r\nrp1# ")
	p.types("term ?")
	p.sees("paginate ")
	p.types(ctrlC)
	p.sees("^C")
	// A window that is smaller holds less.
	if err := pty.Setsize(p.tty, &pty.Winsize{Rows: 6, Cols: 40}); err != nil {
		t.Fatal(err)
	}
	p.types("show lines 5\r")
	p.sees("paged-line 5\r\nrp1# ")
}

// TestPagerThatIsLeft: what is not read any more is not asked for any more, and no memory holds it.
func TestPagerThatIsLeft(t *testing.T) {
	p := sits(t, startDaemon(t), "PAGER=head -n 3", "GOMEMLIMIT=off")
	p.sees("rp1# ")
	p.types("show lines 100000000\r")
	p.sees("line 3\r\n")
	p.sees("rp1# ")
	p.types("show version\r")
	p.sees("msdpd 1\r\n")
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(peak)[0])
	if err != nil {
		t.Fatal(err)
	}
	if kb > 400<<10 { // the output is over a gigabyte
		t.Errorf("it held %d kB", kb)
	}
}

func TestInterrupt(t *testing.T) {
	p := sits(t, startDaemon(t))
	p.sees("rp1# ")
	p.types("show lines 100000000\r")
	p.sees("line 100\r\n")
	p.types(ctrlC)
	p.sees("^C\r\n")
	p.sees("rp1# ")
	p.types("show version\r")
	p.sees("msdpd 1\r\n")
	// In the configuration the session is kept, which costs the rest of the output …
	p.sees("rp1# ")
	p.types("conf t\rrouter pim\r")
	p.sees("rp1(config-pim)# ")
	p.types("do show lines 300000\r")
	p.sees("line 100\r\n")
	p.types(ctrlC)
	p.sees("^C\r\n")
	p.sees("rp1(config-pim)# ")
	p.types("end\rcollect\r")
	p.sees("rp1[session]# ")
	p.types("show lines 300000\r")
	p.sees("line 100\r\n")
	p.types(ctrlC)
	p.sees("^C\r\n")
	p.sees("rp1[session]# ")
	p.types("conf t\r")
	p.sees("rp1[session](config)# ")
	// … unless Ctrl-C insists.
	p.types("do show lines 100000000\r")
	p.sees("line 100\r\n")
	p.types(ctrlC)
	p.sees("^C\r\n")
	p.types(ctrlC)
	p.sees("^C\r\n")
	p.sees("rp1# ")
	p.types(ctrlD)
	p.exits(0)
}

func TestHistory(t *testing.T) {
	dir, home := startDaemon(t), t.TempDir()
	file := filepath.Join(home, ".history_msdpsh")
	p := sits(t, dir, "HOME="+home)
	p.sees("rp1# ")
	p.types("show version\rshow version\rshow ip msdp peer\r")
	p.sees("no peers")
	p.types("conf t\rip msdp authentication 10.0.0.1 hunter2\rip msdp passwrd 10.0.0.1 hunter3\r")
	p.sees("Unknown command")
	p.types("ip msdp athentication 10.0.0.1 hunter4\r")
	p.sees("Unknown command")
	p.types("enable secret hunter5\r")
	p.sees("Unknown command")
	// Neither do the arrow keys bring it back.
	p.types(up + "\r")
	p.sees("rp1(config)# conf t\r\n")
	p.sees("rp1(config)# ")
	p.types("end\rexit\r")
	p.exits(0)
	text, err := os.ReadFile(file)
	if want := "show version\nshow ip msdp peer\nconf t\nend\nexit\n"; err != nil || string(text) != want {
		t.Errorf("the file holds %q, %v; want %q", text, err, want)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// The next session has it.
	p = sits(t, dir, "HOME="+home)
	p.sees("rp1# ")
	p.types(up + up + up + up + "\r")
	p.sees("no peers")
	p.sees("rp1# ")
	p.types("ver" + ctrlR + "\r")
	p.sees("msdpd 1\r\n")
	p.types("bogus" + ctrlR)
	p.sees("\a")
	p.types(ctrlC + ctrlD)
	p.exits(0)
	// And there can be none.
	p = sitsWith(t, []string{"--vty_socket", dir, "-H", "/dev/null"}, "HOME="+home)
	p.sees("rp1# ")
	p.types("show ip msdp peer 10.9.9.9\r" + ctrlD)
	p.exits(0)
	if after, err := os.ReadFile(file); err != nil || strings.Contains(string(after), "10.9.9.9") {
		t.Errorf("%q, %v", after, err)
	}
}

func TestHistoryFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	h, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxHistory {
		if err := h.keep("show lines " + strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.keep(strings.Repeat("x", maxRemembered+1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := openHistory(path)
	if err != nil || again.Len() != maxHistory || again.At(0) != "show lines 2999" || again.At(maxHistory-1) != "show lines 2000" {
		t.Fatalf("%d lines, the first %q: %v", again.Len(), again.At(again.Len()-1), err)
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "\n") != maxHistory {
		t.Errorf("%d lines: %v", strings.Count(string(text), "\n"), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := openHistory(filepath.Join(path, "x")); err == nil {
		t.Error("a file below a file was opened")
	}
}

func TestMsdpdGoesAway(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "msdpd.vty")
	stop := serve(t, newShell(), socket)
	p := sits(t, dir)
	p.sees("rp1# ")
	p.types("show version\r")
	p.sees("msdpd 1\r\n")
	p.sees("rp1# ")
	stop()
	p.types("show version\r")
	p.sees("% there is no socket " + socket)
	p.sees("rp1 (not connected)# ")
	p.types("show ?")
	p.sees("% There is no matched command.\r\n")
	stop = serve(t, newShell(), socket)
	p.types("version\r")
	p.sees("% msdpd was away; the session begins anew\r\nmsdpd 1\r\n")
	p.sees("rp1# ")
	// What was meant for the configuration does not act elsewhere.
	p.types("conf t\r")
	p.sees("rp1(config)# ")
	stop()
	serve(t, newShell(), socket)
	p.types("do show version\r")
	p.sees("% not run: ")
	p.sees("rp1# ")
	p.types("show version\r")
	p.sees("msdpd 1\r\n")
	p.types("exit\r")
	p.exits(0)
}

func TestColours(t *testing.T) {
	dir := startDaemon(t)
	p := sits(t, dir, "NO_COLOR=")
	p.sees("\x1b[1mrp1#\x1b[0m ")
	p.types("bogus\r")
	p.sees("\x1b[31m% [MSDP] Unknown command: bogus\x1b[0m\r\n")
	p.types("show ip msdp peer 10.0.0.1\r")
	p.sees("\r\nno peers 10.0.0.1\r\n")
	// Where it is no terminal there are none.
	_, stdout, _ := runs(t, dir, "-c", "bogus")
	if strings.Contains(stdout, "\x1b") {
		t.Errorf("%q", stdout)
	}
}

// TestTerminalIsLeftAsItWas: whatever ends the program.
func TestTerminalIsLeftAsItWas(t *testing.T) {
	for name, end := range map[string]func(*person){
		"Ctrl-D":  func(p *person) { p.types(ctrlD); p.exits(0) },
		"SIGHUP":  func(p *person) { _ = p.cmd.Process.Signal(unix.SIGHUP); p.exits(128 + 1) },
		"SIGTERM": func(p *person) { _ = p.cmd.Process.Signal(unix.SIGTERM); p.exits(128 + 15) },
	} {
		t.Run(name, func(t *testing.T) {
			fresh, slave, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer fresh.Close()
			defer slave.Close()
			want, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			p := sits(t, startDaemon(t))
			name, err := os.Open(ptsName(t, p.tty))
			if err != nil {
				t.Fatal(err)
			}
			defer name.Close()
			p.sees("rp1# ")
			end(p)
			got, err := unix.IoctlGetTermios(int(name.Fd()), unix.TCGETS)
			if err != nil || *got != *want {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func ptsName(t *testing.T, master *os.File) string {
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return "/dev/pts/" + strconv.Itoa(n)
}
