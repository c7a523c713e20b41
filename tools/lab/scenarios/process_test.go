//go:build lab

package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// runDir is where the sockets and files of a node's msdpd are.
func runDir(nd *lab.Node) string { return filepath.Dir(nd.VtySocket("msdpd")) }

func pidFile(nd *lab.Node) string { return filepath.Join(runDir(nd), "msdpd.pid") }

// exists is false only if there is certainly no such file.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// run runs a binary in a node's namespace and returns what it wrote to standard error, and its exit code.
func run(t *testing.T, n *lab.Network, nd *lab.Node, args ...string) (stderr string, code int) {
	t.Helper()
	cmd := exec.Command(n.Binary("msdpd"), args...)
	var out bytes.Buffer
	cmd.Stderr = &out
	// A daemon that stays in the background has this file open too, so that Wait would wait for it.
	cmd.WaitDelay = time.Second
	if err := nd.InNamespace(cmd.Start); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() }) // it may have ended
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// writeFile writes a file into the network's directory.
func writeFile(t *testing.T, n *lab.Network, name, text string) string {
	t.Helper()
	path := filepath.Join(n.Dir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const badConfig = "hostname rp1\nip msdp peer 10.0.0.2 source 10.0.0.1\nip msdp peer 10.0.0.256 source 10.0.0.1\n"

// expectBadLine checks that a message names the third line of badConfig: number, text and what is wrong.
func expectBadLine(t *testing.T, where, message string) {
	t.Helper()
	for _, want := range []string{"line 3", "ip msdp peer 10.0.0.256 source 10.0.0.1", "10.0.0.256"} {
		if !strings.Contains(message, want) {
			t.Errorf("%s says %q, want %q in it", where, message, want)
		}
	}
}

// A mistake in the file is told before anything is touched: number, line and what is wrong on standard error, exit
// code 1, no socket and no port. --dryrun says the same, and nothing of a good file.
func TestBadFileAtStart(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	r := n.Router("r")
	good := writeFile(t, n, "good.conf", connectsConfig)
	bad := writeFile(t, n, "bad.conf", badConfig)
	// msdpd makes the directory of its socket first, so that a missing directory tells that it came nowhere.
	dir := filepath.Join(n.Dir(), "run")
	start := func(file string, more ...string) (string, int) {
		return run(t, n, r, append([]string{"-f", file, "--vty_socket", dir, "-i", filepath.Join(dir, "msdpd.pid"), "-z", filepath.Join(dir, "zserv.api")}, more...)...)
	}
	for _, more := range [][]string{nil, {"-C"}, {"--dryrun"}, {"-d"}, {"-u", "frr", "-g", "frr"}} {
		stderr, code := start(bad, more...)
		t.Logf("msdpd -f bad.conf %v: exit code %d\n%s", more, code, stderr)
		expectBadLine(t, "standard error", stderr)
		if code != 1 {
			t.Errorf("msdpd -f bad.conf %v: exit code %d, want 1", more, code)
		}
	}
	for _, more := range []string{"-C", "--dryrun"} {
		if stderr, code := start(good, more); code != 0 || stderr != "" {
			t.Errorf("msdpd -f good.conf %s: exit code %d, %q, want 0 and silence", more, code, stderr)
		}
	}
	if exists(dir) {
		t.Errorf("%s is there: something was opened", dir)
	}

	// The same with the good file makes it, and so the check above says something.
	if stderr, code := start(good, "-d"); code != 0 || !exists(filepath.Join(dir, "msdpd.vty")) {
		t.Fatalf("msdpd -f good.conf -d: exit code %d, %q, want 0 and a socket", code, stderr)
	}
	endByPidFile(t, filepath.Join(dir, "msdpd.pid"))
}

// endByPidFile ends a daemon as an init script would, and waits until it has tidied up.
func endByPidFile(t *testing.T, path string) {
	t.Helper()
	pid := readPid(t, path)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, patience, poll, func() error {
		for _, left := range []string{path, filepath.Join(filepath.Dir(path), "msdpd.vty"), fmt.Sprintf("/proc/%d", pid)} {
			if exists(left) {
				return fmt.Errorf("%s is still there", left)
			}
		}
		return nil
	})
}

func readPid(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// An init script starts it with -d: the command returns when the shell answers, the pid file names the process, a
// second start is refused and does not disturb the first, and SIGTERM leaves nothing behind.
func TestDaemonMode(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	r := n.Router("r")
	r.StartFRR("zebra", "")
	config := writeFile(t, n, "msdpd.conf", connectsConfig)
	args := []string{"-d", "-N", r.Space(), "-f", config}
	if stderr, code := run(t, n, r, args...); code != 0 {
		t.Fatalf("msdpd -d: exit code %d, %q", code, stderr)
	}
	if _, err := r.Vty("msdpd", "show version"); err != nil {
		t.Errorf("the shell does not answer when msdpd -d has returned: %v", err)
	}
	pid := readPid(t, pidFile(r))
	if name, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || filepath.Base(name) != "msdpd" {
		t.Errorf("process %d of the pid file is %q (%v), want msdpd", pid, name, err)
	}
	// Who started it and reads what it writes, as $(msdpd -d 2>&1) does, waits no longer; nor is a directory kept busy.
	for link, want := range map[string]string{"fd/0": os.DevNull, "fd/1": os.DevNull, "fd/2": os.DevNull, "cwd": "/"} {
		lab.Eventually(t, patience, poll, func() error {
			if got, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, link)); err != nil || got != want {
				return fmt.Errorf("/proc/%d/%s is %q (%v), want %s", pid, link, got, err, want)
			}
			return nil
		})
	}

	for _, again := range [][]string{args, args[1:], append(args, "--vty_socket", filepath.Join(n.Dir(), "elsewhere"))} {
		stderr, code := run(t, n, r, again...)
		t.Logf("msdpd %v a second time: exit code %d\n%s", again, code, stderr)
		if code != 1 || stderr == "" {
			t.Errorf("msdpd %v a second time: exit code %d, %q, want 1 and a reason", again, code, stderr)
		}
	}
	if now := readPid(t, pidFile(r)); now != pid {
		t.Errorf("the pid file names %d, want %d as before", now, pid)
	}
	if out, err := r.Msdpsh("show ip msdp peer"); err != nil || !strings.Contains(out, "10.0.0.2") {
		t.Errorf("the first msdpd: %q, %v", out, err)
	}
	endByPidFile(t, pidFile(r))

	// What a kill -9 leaves behind stops nobody.
	if stderr, code := run(t, n, r, args...); code != 0 {
		t.Fatalf("msdpd -d: exit code %d, %q", code, stderr)
	}
	if err := syscall.Kill(readPid(t, pidFile(r)), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, patience, poll, func() error {
		if _, err := r.Vty("msdpd", "show version"); err == nil {
			return errors.New("it still answers")
		}
		return nil
	})
	if stderr, code := run(t, n, r, args...); code != 0 {
		t.Fatalf("msdpd -d after a kill -9: exit code %d, %q", code, stderr)
	}
	endByPidFile(t, pidFile(r))
}

// needed are the capabilities that msdpd keeps, as bits of /proc/PID/status: net_bind_service, net_admin and net_raw.
const needed = 1<<10 | 1<<12 | 1<<13

// With -u frr -g frr, as distributions start FRR's daemons, it does its whole job without being root.
func TestWithoutRoot(t *testing.T) {
	t.Parallel()
	d := startDomains(t, domainsOptions{Args: []string{"-u", "frr", "-g", "frr"}})
	crossBothWays(t, d)
	frr, err := exec.Command("id", "-u", "frr").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dom := range d {
		pid := readPid(t, pidFile(dom.rp))
		if pid != dom.msdpd.Pid() {
			t.Errorf("msdpd works as process %d, but %d was started: whoever supervises it has the wrong one", pid, dom.msdpd.Pid())
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		status := make(map[string]string)
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			status[name] = strings.TrimSpace(value)
		}
		t.Logf("Uid %s, Gid %s, Groups %s, CapEff %s, CapPrm %s", status["Uid"], status["Gid"], status["Groups"], status["CapEff"], status["CapPrm"])
		if ids := strings.Fields(status["Uid"]); len(ids) != 4 || strings.Join(ids, " ") != strings.Repeat(ids[0]+" ", 3)+strings.TrimSpace(string(frr)) {
			t.Errorf("user ids %v, want all %s", ids, frr)
		}
		for _, set := range []string{"CapEff", "CapPrm"} {
			if caps, err := strconv.ParseUint(status[set], 16, 64); err != nil || caps != needed {
				t.Errorf("%s is %#x (%v), want %#x", set, caps, err, needed)
			}
		}
		dom.msdpd.Stop()
		for _, left := range []string{pidFile(dom.rp), dom.rp.VtySocket("msdpd")} {
			if exists(left) {
				t.Errorf("%s is left behind", left)
			}
		}
	}
}
