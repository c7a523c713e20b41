package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"msdpd/vty"
)

// shellRig is a daemon whose owner is the test, so that time passes when the test says so.
type shellRig struct {
	t testing.TB
	d *daemon
	s *vty.Session
}

func newShellRig(t testing.TB) *shellRig {
	d := newDaemon(options{})
	d.instance = newIdleInstance()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case f := <-d.instance.events:
				f()
			case <-d.instance.stopped:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(d.instance.stopped)
		<-ended
	})
	r := &shellRig{t: t, d: d, s: d.shell.NewSession()}
	r.run("enable")
	return r
}

// run runs lines, each of which must be taken, and returns what the last one printed.
func (r *shellRig) run(lines ...string) string {
	r.t.Helper()
	out := ""
	for _, line := range lines {
		var b strings.Builder
		if status := r.d.shell.Execute(r.t.Context(), r.s, line, &b); status != vty.Success {
			r.t.Fatalf("%s: %v: %s", line, status, &b)
		}
		out = b.String()
	}
	return out
}

// refused runs a line that must be refused with a complaint.
func (r *shellRig) refused(line, complaint string) {
	r.t.Helper()
	var b strings.Builder
	if status := r.d.shell.Execute(r.t.Context(), r.s, line, &b); status == vty.Success || !strings.Contains(b.String(), complaint) {
		r.t.Errorf("%s: %v: %q, want %q", line, status, &b, complaint)
	}
}

// another is a second session with the same daemon.
func (r *shellRig) another() *shellRig {
	o := &shellRig{r.t, r.d, r.d.shell.NewSession()}
	o.run("enable")
	return o
}

func (r *shellRig) wantRunning(want ...string) {
	r.t.Helper()
	s, err := r.d.instance.snapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	if got := lines(s); !slices.Equal(got, want) {
		r.t.Errorf("running: %q, want %q", got, want)
	}
}

// pass lets time pass.
func (r *shellRig) pass(d time.Duration) {
	r.t.Helper()
	if _, err := r.d.ask(func(time.Time) {
		r.d.instance.now = r.d.instance.now.Add(d)
		r.d.instance.endTrial()
	}); err != nil {
		r.t.Fatal(err)
	}
}

const (
	peerX = "ip msdp peer 10.0.0.2 source 10.0.0.1"
	peerY = "ip msdp peer 10.0.0.3 source 10.0.0.1"
)

func TestConfigureSession(t *testing.T) {
	r := newShellRig(t)
	r.refused("commit", "there is no configuration session")
	r.refused("abort", "there is no configuration session")
	r.refused("show configuration diff", "there is no configuration session")

	r.run("configure terminal", peerX, "end", "configure session", peerY, "no "+peerX)
	if got := r.s.Prompt(); !strings.Contains(got, "[session](config)#") {
		t.Errorf("prompt %q", got)
	}
	r.wantRunning(peerX)
	if got, want := r.run("do show configuration diff"), "-"+peerX+"\n+"+peerY+"\n"; got != want {
		t.Errorf("diff %q, want %q", got, want)
	}
	// What is collected stays when the mode is left, and is gone on with.
	r.run("end")
	if got := r.s.Prompt(); !strings.Contains(got, "[session]#") {
		t.Errorf("prompt %q", got)
	}
	r.run("configure terminal", "hostname z")
	r.wantRunning(peerX)
	r.run("commit")
	r.wantRunning("hostname z", peerY)
	if got := r.s.Prompt(); strings.Contains(got, "session") {
		t.Errorf("prompt %q after the commit", got)
	}
	// From now on, each command acts at once.
	r.run("no hostname")
	r.wantRunning(peerY)

	r.run("end", "configure session", peerX, "abort")
	r.wantRunning(peerY)
	r.refused("commit", "there is no configuration session")
}

// TestCommitOfALogFile: one that cannot be written is told at the commit, and nothing is lost.
func TestCommitOfALogFile(t *testing.T) {
	r := newShellRig(t)
	r.d.logDir = t.TempDir()
	dir := filepath.Join(r.d.logDir, "later")
	command := "log file " + dir + "/msdpd.log errors"
	r.run("configure session", peerX, command)
	r.refused("commit", dir+": no such file or directory")
	r.wantRunning()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.run("commit")
	r.wantRunning(command, peerX)
	if _, err := os.Stat(dir + "/msdpd.log"); err != nil {
		t.Error(err)
	}
	// One that is in force already is nothing new.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	r.run("end", "configure session", peerY, "commit")
	r.wantRunning(command, peerX, peerY)
	// One that another took out meanwhile is.
	r.run("end", "configure session", "hostname x")
	r.another().run("configure terminal", "no log file")
	r.refused("commit", "has changed meanwhile")
	r.refused("commit force", dir+": no such file or directory")
	r.wantRunning(peerX, peerY)
}

// TestCommitOfAnOldBase: what another changed meanwhile is not lost without a word.
func TestCommitOfAnOldBase(t *testing.T) {
	r := newShellRig(t)
	r.run("configure session", peerX)
	o := r.another()
	o.run("configure terminal", peerY)
	r.refused("commit", "has changed meanwhile")
	r.wantRunning(peerY)
	if got, want := r.run("do show configuration diff"), "-"+peerY+"\n+"+peerX+"\n"; got != want {
		t.Errorf("diff %q, want %q", got, want)
	}
	r.run("commit force")
	r.wantRunning(peerX)
}

func TestCommitConfirmed(t *testing.T) {
	r := newShellRig(t)
	r.run("configure terminal", peerX, "end")
	try := func() {
		t.Helper()
		r.run("configure session", peerY, "commit confirmed 5", "end")
		r.wantRunning(peerX, peerY)
	}
	try()
	r.pass(5*time.Minute - time.Second)
	r.wantRunning(peerX, peerY)
	if got := r.run("show configuration history"); !strings.Contains(got, "on trial for 00:00:01 more") {
		t.Errorf("history: %s", got)
	}
	r.pass(time.Second)
	r.wantRunning(peerX)

	try()
	r.another().run("commit") // somebody who still gets in confirms it
	r.pass(time.Hour)
	r.wantRunning(peerX, peerY)

	// A second trial in time goes back to what was confirmed last, not to the first trial.
	r.run("configure session", "hostname a", "commit confirmed 5", "end", "configure session", "hostname b", "commit confirmed 5", "end")
	r.pass(5 * time.Minute)
	r.wantRunning(peerX, peerY)
}

// TestTrialIsNotSaved: whoever is cut off by a change can still start the router again to have it
// undone; and a file that is read again meanwhile is not replaced by what was before the trial.
func TestTrialIsNotSaved(t *testing.T) {
	r := newShellRig(t)
	r.d.options.configFile = filepath.Join(t.TempDir(), "msdpd.conf")
	r.run("configure terminal", peerX, "end", "write", "configure session", peerY, "commit confirmed 5", "end")
	for _, line := range []string{"write", "write memory", "copy running-config startup-config"} {
		r.refused(line, "on trial for 00:05:00 more")
	}
	if s, err := r.d.readConfig(r.d.options.configFile); err != nil || !slices.Equal(lines(s), []string{peerX}) {
		t.Errorf("the file: %v", err)
	}
	r.run("commit", "write")
	if s, err := r.d.readConfig(r.d.options.configFile); err != nil || !slices.Equal(lines(s), []string{peerX, peerY}) {
		t.Errorf("the file after the commit: %v", err)
	}

	r.run("configure session", "hostname z", "commit confirmed 5", "end")
	r.d.log = zap.NewNop()
	r.d.reload()
	r.pass(time.Hour)
	r.wantRunning(peerX, peerY)
	r.run("write")
}

func TestRollBack(t *testing.T) {
	r := newShellRig(t)
	r.refused("rollback configuration 1", "there is no configuration 1: 0 are kept")
	r.run("configure terminal", peerX, peerY, "end") // line by line, and one change
	r.run("configure session", "hostname a", "commit", "end")
	r.wantRunning("hostname a", peerX, peerY)
	r.run("rollback configuration 1")
	r.wantRunning(peerX, peerY)
	r.run("rollback configuration 3") // before all that
	r.wantRunning()
	r.run("rollback configuration 1")
	r.wantRunning(peerX, peerY)
	before := len(r.d.instance.history.before)
	for range historyLength { // scripts that say what is so already, each in a session of its own
		r.another().run("configure terminal", peerX)
	}
	if n := len(r.d.instance.history.before); n != before {
		t.Errorf("%d configurations are kept, %d before anything was said again", n, before)
	}
	for i := range 3 * historyLength {
		r.run("configure session", "hostname r"+strings.Repeat("x", i), "commit", "end")
	}
	if n := len(r.d.instance.history.before); n != historyLength {
		t.Errorf("%d configurations are kept, want %d", n, historyLength)
	}
	r.run("rollback configuration 10")
	r.wantRunning("hostname r"+strings.Repeat("x", 3*historyLength-historyLength-1), peerX, peerY)
}

// TestSessionsMissingList: a commit says what names a list that does not exist, once it acts.
func TestSessionsMissingList(t *testing.T) {
	r := newShellRig(t)
	r.run("configure session", peerX, "ip msdp peer 10.0.0.2 sa-filter EDGE in")
	if out := r.run("commit"); !strings.Contains(out, "there is no list EDGE") {
		t.Errorf("commit says %q", out)
	}
}

func TestDiffLines(t *testing.T) {
	for _, tc := range []struct{ a, b, want string }{
		{"", "", ""},
		{"a b c", "a b c", ""},
		{"a b c", "a c", "-b"},
		{"a c", "a b c", "+b"},
		{"a b c d", "d a b c", "+d -d"},
		{"a b", "c d", "-a -b +c +d"},
		{"x y", "y x", "-x +x"},
	} {
		got := strings.Join(diffLines(strings.Fields(tc.a), strings.Fields(tc.b)), " ")
		if got != tc.want {
			t.Errorf("%q to %q: %q, want %q", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestCopyRunningConfig(t *testing.T) {
	r := newShellRig(t)
	dir := t.TempDir()
	r.d.options.configFile = filepath.Join(dir, "msdpd.conf")
	r.run("configure terminal", peerX, "access-list a permit any", "end", "copy running-config msdpd.conf.old")
	if s, err := r.d.readConfig(filepath.Join(dir, "msdpd.conf.old")); err != nil || !slices.Equal(lines(s), []string{"access-list a seq 5 permit any", peerX}) {
		t.Errorf("the copy: %v", err)
	}
	if got := r.run("show running-config brief"); strings.Contains(got, "access-list") || !strings.Contains(got, peerX) {
		t.Errorf("brief: %s", got)
	}
	var shown struct{ Lines []string }
	if err := json.Unmarshal([]byte(r.run("show running-config json")), &shown); err != nil || !slices.Contains(shown.Lines, peerX) {
		t.Errorf("as JSON: %v, %q", err, shown.Lines)
	}
}
