package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"msdpd/vty"
)

// TestCompletions: bash itself completes options, and commands behind -c as the daemon tells them.
func TestCompletions(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	bin, dir := t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin+"/", "msdpd/msdpd", "msdpd/tools/msdpsh").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	if err := write(programs{msdpd: bin + "/msdpd", msdpsh: bin + "/msdpsh"}, "2026-11-22", dir); err != nil {
		t.Fatal(err)
	}
	shell := vty.New(vty.Config{Daemon: "MSDP"})
	nothing := func(*vty.Call) error { return nil }
	shell.Install(shell.View, "show ip msdp peer [A.B.C.D] [json]", "Show\nIP\nMSDP\nPeers\nOne\nJSON", nothing)
	shell.Install(shell.View, "show version", "Show\nVersion", nothing)
	shell.Install(shell.Config, "router pim", "Router\nPIM", nothing)
	l, err := vty.ListenUnix(filepath.Join(dir, "msdpd.vty"), "", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- shell.Serve(ctx, l) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	for _, tc := range []struct {
		words []string // of the line, as they are typed
		want  string
	}{
		{[]string{"msdpsh", "--pa"}, "--pathspace"},
		{[]string{"msdpsh", "-f", dir + "/msdpd.con"}, dir + "/msdpd.conf.5"},
		{[]string{"msdpsh", "--vty_socket", dir, "-c", "'sh"}, "show history|show ip|show users|show version"},
		{[]string{"msdpsh", "--vty_socket", "=", dir, "-c", `"show ver`}, "show version"},
		{[]string{"msdpsh", "--vty_socket", dir, "-c", "sh"}, "'show history|'show ip|'show users|'show version"},
		{[]string{"msdpsh", "--vty_socket", dir, "-c", "show", "-c", "'show version'", "--command", "'show ip msdp peer js"}, "show ip msdp peer json"},
		{[]string{"msdpsh", "--vty_socket", dir, "-c", "'configure terminal'", "-c", "rou"}, "'router pim'"},
		{[]string{"msdpsh", "--vty_socket", dir + "/no", "-c", "'sh"}, ""},
		{[]string{"msdpd", "--metr"}, "--metrics"},
		{[]string{"msdpd", "--log-level", "d"}, "debug"},
		{[]string{"msdpd", "--zebra-version", "8"}, ""},
		{[]string{"msdpd", "-f", dir + "/msdpd.con"}, dir + "/msdpd.conf.5"},
	} {
		name := tc.words[0]
		script := fmt.Sprintf(`source %[1]s/%[2]s.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _%[2]s; IFS='|'; echo "${COMPREPLY[*]}"`, dir, name)
		cmd := exec.Command(bash, append([]string{"-c", script, "bash"}, tc.words...)...)
		cmd.Env = append(cmd.Environ(), "PATH="+bin+":/usr/bin:/bin")
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != tc.want {
			t.Errorf("%q: %q, %v; want %q", tc.words, got, err, tc.want)
		}
	}
}
