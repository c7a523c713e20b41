package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := startDaemon(t)
	for _, tc := range []struct {
		name   string
		args   []string
		stdin  string
		code   int
		stdout string
		stderr string
	}{
		{name: "one command", args: []string{"-c", "show version"}, stdout: "msdpd 1\n"},
		{name: "modes last", args: []string{"-c", "conf t", "-c", "ip msdp timers 60 75", "--command", "end", "-c", "sh ver"},
			stdout: "timers 60 75\nmsdpd 1\n"},
		{name: "several lines in one", args: []string{"-c", "conf t\nip msdp timers 60 75"}, stdout: "timers 60 75\n"},
		{name: "a warning", args: []string{"-c", "clear ip msdp sa-cache"}, code: 1, stdout: "% the cache is empty\n"},
		{name: "unknown", args: []string{"-c", "bogus"}, code: 2, stdout: "% [MSDP] Unknown command: bogus\n"},
		{name: "ambiguous", args: []string{"-c", "e"}, code: 3, stdout: "% Ambiguous command: e\n"},
		{name: "incomplete", args: []string{"-c", "show"}, code: 4, stdout: "% Command incomplete: show\n"},
		{name: "refused, and the rest not run", args: []string{"-c", "conf t", "-c", "ip msdp timers 75 60", "-c", "do show version"}, code: 13,
			stdout: "% the hold time must be longer than the keepalive\n",
			stderr: "msdpsh: stopped at command 2 of 3: ip msdp timers 75 60\n"},
		{name: "leaving a mode goes on", args: []string{"-c", "conf t", "-c", "exit", "-c", "show version"}, stdout: "msdpd 1\n"},
		{name: "leaving the shell", args: []string{"-c", "exit"}},
		{name: "leaving the shell too early", args: []string{"-c", "exit", "-c", "show version"}, code: 69,
			stderr: "msdpsh: command 1 of 2 ended the session: exit\n"},
		{name: "from standard input", stdin: "! a comment\n\nconf t\n ip msdp timers 60 75\r\nend\nshow version", stdout: "timers 60 75\nmsdpd 1\n"},
		{name: "standard input up to an error", stdin: "show version\n\nconf t\nip msdp timers 2 1\nip msdp timers 60 75\n", code: 13,
			stdout: "msdpd 1\n% the hold time must be longer than the keepalive\n",
			stderr: "msdpsh: stopped at line 4: ip msdp timers 2 1\n"},
		{name: "a NUL", stdin: "show version\nshow\x00version\n", code: 1, stdout: "msdpd 1\n",
			stderr: "msdpsh: a command has neither NUL nor line break within\nmsdpsh: stopped at line 2: show\x00version\n"},
		{name: "prompt and command before the output", args: []string{"-E", "-c", "sh ver", "-c", "conf t", "-c", "ip msdp timers 60 75"},
			stdout: "rp1# sh ver\nmsdpd 1\nrp1# conf t\nrp1(config)# ip msdp timers 60 75\ntimers 60 75\n"},
		{name: "without privileges", args: []string{"-u", "-E", "-c", "clear ip msdp sa-cache"}, code: 2,
			stdout: "rp1> clear ip msdp sa-cache\n% [MSDP] Unknown command: clear ip msdp sa-cache\n"},
		{name: "version", args: []string{"-v"}, stdout: "msdpsh 0.1.0-dev\n"},
		{name: "a file that is not there", args: []string{"-f", "/no/such"}, code: 66, stderr: "msdpsh: open /no/such: no such file or directory\n"},
		{name: "-f - is standard input", args: []string{"-f", "-"}, stdin: "show version\n", stdout: "msdpd 1\n"},
		{name: "options that exclude each other", args: []string{"-c", "show version", "-f", "x"}, code: 64,
			stderr: "msdpsh: only one of -c, -b and -C, and -f with no -c; -h shows the options\n"},
		{name: "wrong option", args: []string{"--bogus"}, code: 64, stderr: "msdpsh: unknown flag: --bogus; -h shows the options\n"},
		{name: "a command without -c", args: []string{"show", "version"}, code: 64,
			stderr: "msdpsh: unexpected \"show\": commands follow -c; -h shows the options\n"},
		{name: "a path for a name", args: []string{"-N", "../etc"}, code: 64,
			stderr: "msdpsh: -N ../etc: a name has no slash and does not begin with a dot; -h shows the options\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := run(t.Context(), append([]string{"--vty_socket", dir}, tc.args...), strings.NewReader(tc.stdin), &stdout, &stderr)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			// What stands under the mark is the shell's matter.
			if got := withoutMarks(stdout.String()); got != tc.stdout {
				t.Errorf("stdout %q, want %q", got, tc.stdout)
			}
			if stderr.String() != tc.stderr {
				t.Errorf("stderr %q, want %q", stderr.String(), tc.stderr)
			}
		})
	}
}

func withoutMarks(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimLeft(line, " "), "^") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestHelpTellsOptionsAndExitCodes(t *testing.T) {
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"-h"}, nil, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit code %d, stderr %q", code, stderr.String())
	}
	for _, want := range []string{"-c, --command COMMAND", "-N, --pathspace NAME", "--vty_socket DIR", "69  msdpd could not be reached", "--json", "-H, --histfile FILE"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
	if strings.Contains(stdout.String(), "--complete") {
		t.Error("what is for the completion of bash is shown to people")
	}
}

func TestUnreachable(t *testing.T) {
	gone := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(gone, "msdpd.vty"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	closing := t.TempDir()
	l, err = net.Listen("unix", filepath.Join(closing, "msdpd.vty"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.Close()
		}
	}()
	for _, tc := range []struct{ name, dir, want string }{
		{"no socket", t.TempDir(), "there is no socket "},
		{"nobody behind it", gone, "nobody answers on the socket "},
		{"ends at once", closing, "socket "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := run(t.Context(), []string{"--vty_socket", tc.dir, "-c", "show version"}, nil, &stdout, &stderr)
			if want := "msdpsh: " + tc.want + tc.dir + "/msdpd.vty"; code != exitUnavailable || !strings.HasPrefix(stderr.String(), want) {
				t.Errorf("exit code %d, stderr %q, want %q", code, stderr.String(), want)
			}
		})
	}
}

func TestSocketPath(t *testing.T) {
	for want, o := range map[string]options{
		"/var/run/frr/msdpd.vty":     {},
		"/var/run/frr/rp1/msdpd.vty": {pathspace: "rp1"},
		"/tmp/x/msdpd.vty":           {pathspace: "rp1", dir: "/tmp/x"},
	} {
		if got := o.socket(); got != want {
			t.Errorf("%+v: %s, want %s", o, got, want)
		}
	}
}

func TestOutputThatFails(t *testing.T) {
	dir := startDaemon(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	var stderr strings.Builder
	code := run(t.Context(), []string{"--vty_socket", dir, "-c", "show version"}, nil, io.Writer(w), &stderr)
	if code != exitIO || !strings.HasPrefix(stderr.String(), "msdpsh: standard output: ") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}
