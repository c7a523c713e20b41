package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestInputFile(t *testing.T) {
	dir := startDaemon(t)
	file := filepath.Join(t.TempDir(), "commands")
	write(t, file, "show version\nconf t\n! a comment\nip msdp timers 2 1\nend\n", 0o600)
	wants(t, dir, []string{"-f", file}, 13, "msdpd 1\n% the hold time must be longer than the keepalive\n",
		"msdpsh: "+file+": stopped at line 4: ip msdp timers 2 1\n")
	write(t, file, "ip msdp password 10.0.0.1 hunter2\n", 0o600)
	wants(t, dir, []string{"-f", file}, 2, "% [MSDP] Unknown command: ip msdp password 10.0.0.1 hunter2\n",
		"msdpsh: "+file+": stopped at line 1: ip msdp password <hidden>\n")
	write(t, file, "neighbor 10.0.0.1 md5 hunter2\n", 0o600)
	code, _, stderr := runs(t, dir, "-f", file)
	if code != 2 || strings.Contains(stderr, "hunter2") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

// TestBoot: the whole file is read, in the configuration, and each bad line is told.
func TestBoot(t *testing.T) {
	dir := startDaemon(t)
	file := filepath.Join(t.TempDir(), "msdpd.conf")
	write(t, file, "! msdpd\nip msdp timers 60 75\n!\nrouter pim\n msdp shutdown\nexit\nip msdp timers 60 75\nexit\nip msdp timers 60 75\nend\nip msdp timers 60 75\n", 0o600)
	wants(t, dir, []string{"-b", "-f", file}, 0, "", "")
	write(t, file, "ip msdp timers 2 1\nrouter pim\n bogus\nend\nexit\nshow version\nip msdp timers 60 75", 0o600)
	code, stdout, stderr := runs(t, dir, "-b", "-f", file)
	want := "msdpsh: " + file + ": line 1: ip msdp timers 2 1\n% the hold time must be longer than the keepalive\n" +
		"msdpsh: " + file + ": line 3: bogus\n% [MSDP] Unknown command: bogus\n" +
		"msdpsh: " + file + ": line 6: show version\n% [MSDP] Unknown command: show version\n"
	if code != 13 || stdout != "" || withoutMarks(stderr) != want {
		t.Errorf("exit code %d, stdout %q, stderr\n%s, want\n%s", code, stdout, stderr, want)
	}
	if code, _, _ := runs(t, dir, "-b", "-f", file+"x"); code != exitNoInput {
		t.Errorf("a file that is not there: exit code %d", code)
	}
}

// TestCheck: msdpd is run with the file, and its result is ours.
func TestCheck(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	write(t, filepath.Join(bin, "msdpd"), "#!/bin/sh\necho \"$@\" >&2\ngrep -q good \"$3\"\n", 0o755)
	file := filepath.Join(bin, "msdpd.conf")
	var b [2]string
	for i, text := range []string{"good\n", "bad\n"} {
		write(t, file, text, 0o600)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if code := run(t.Context(), []string{"-C", "-f", file, "-N", "rp1"}, nil, os.Stdout, w); code != i {
			t.Errorf("%s: exit code %d", text, code)
		}
		w.Close()
		buf := make([]byte, 4096)
		n, _ := r.Read(buf)
		r.Close()
		b[i] = string(buf[:n])
	}
	if want := "-C -f " + file + " -N rp1\n"; b[0] != want || b[1] != want {
		t.Errorf("msdpd was called with %q, want %q", b, want)
	}
}

func TestCompleteForBash(t *testing.T) {
	dir := startDaemon(t)
	for _, tc := range []struct {
		args   []string
		stdout string
	}{
		{[]string{"--complete", "show ip ms"}, "show ip msdp peer json\nshow ip msdp peer A.B.C.D\nshow ip msdp peer\n"},
		{[]string{"--complete", "sh "}, "sh history\nsh ip\nsh lines\nsh users\nsh version\n"},
		{[]string{"--complete", "show ver"}, "show version\n"},
		{[]string{"--complete", "show ip msdp pe"}, "show ip msdp peer json\nshow ip msdp peer A.B.C.D\nshow ip msdp peer\n"},
		{[]string{"--complete", "show ip msdp peer 10.0"}, ""},
		{[]string{"--complete", "show li"}, "show lines (1-100000000)\nshow lines \n"},
		{[]string{"--complete", "show lines "}, "show lines (1-100000000)\nshow lines \n"},
		{[]string{"--complete", "bogus "}, ""},
		{[]string{"-c", "conf t", "--complete", "router"}, "router pim\n"},
		{[]string{"-c", "clear ip msdp sa-cache", "--complete", "show ver"}, "show version\n"},
	} {
		wants(t, dir, tc.args, 0, tc.stdout, "")
	}
	if code, _, stderr := runs(t, t.TempDir(), "--complete", "show"); code != exitUnavailable || stderr != "" {
		t.Errorf("no msdpd: exit code %d, stderr %q", code, stderr)
	}
}
