package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// trap is a directory beside another one that nothing may be written to, and what leads from one to
// the other.
type trap struct{ dir, outside string }

func newTrap(t *testing.T) trap {
	top := t.TempDir()
	r := trap{filepath.Join(top, "in"), filepath.Join(top, "in-between")}
	socket, err := net.Listen("unix", filepath.Join(top, "socket"))
	if err == nil {
		t.Cleanup(func() { socket.Close() })
	}
	for _, err := range []error{
		err,
		os.MkdirAll(filepath.Join(r.dir, "own"), 0o755), os.Mkdir(r.outside, 0o755),
		os.WriteFile(filepath.Join(r.outside, "msdpd.theirs"), []byte("theirs"), 0o644),
		os.Symlink(r.outside, filepath.Join(r.dir, "msdpd-out")),
		os.Symlink("../../in-between", filepath.Join(r.dir, "own", "out")),
		os.Symlink("own", filepath.Join(r.dir, "alias")),
		os.Symlink(filepath.Join(r.outside, "msdpd.theirs"), filepath.Join(r.dir, "msdpd.link")),
		os.Symlink(filepath.Join(r.outside, "msdpd.none"), filepath.Join(r.dir, "msdpd.dangling")),
		os.Symlink(filepath.Join(r.outside, "msdpd.theirs"), filepath.Join(r.dir, "msdpd.prepared.new")),
		os.Mkdir(filepath.Join(r.dir, "msdpd.dir"), 0o755),
		syscall.Mkfifo(filepath.Join(r.dir, "msdpd.pipe"), 0o644),
		os.Rename(filepath.Join(top, "socket"), filepath.Join(r.dir, "msdpd.socket")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// strange are paths that nothing may be written to, with what is said of them.
func (r trap) strange() map[string]string {
	in := func(name string) string { return r.dir + "/" + name }
	return map[string]string{
		r.outside + "/msdpd.x":             "is not a path below " + r.dir,
		"/msdpd.x":                         "is not a path below " + r.dir,
		in("../in-between/msdpd.x"):        "is not a path below " + r.dir,
		in("own/../../in-between/msdpd.x"): "is not a path below " + r.dir,
		in("own//msdpd.x"):                 "is not a path below " + r.dir,
		in("./msdpd.x"):                    "is not a path below " + r.dir,
		in("msdpd-out/msdpd.theirs"):       "is not a path below " + r.dir + ": " + in("msdpd-out") + " is " + r.outside,
		in("own/out/msdpd.x"):              "is not a path below " + r.dir + ": " + in("own/out") + " is " + r.outside,
		in("msdpd.link"):                   "is no plain file",
		in("msdpd.dangling"):               "is no plain file",
		in("msdpd.dir"):                    "is no plain file",
		in("msdpd.pipe"):                   "is no plain file",
		in("msdpd.socket"):                 "is no plain file",
		in("none/msdpd.x"):                 "no such file or directory",
	}
}

// untouched checks that nothing outside has changed.
func (r trap) untouched(t *testing.T) {
	t.Helper()
	there, err := os.ReadDir(r.outside)
	if err != nil || len(there) != 1 {
		t.Errorf("outside there is %v, %v", there, err)
	}
	if text, err := os.ReadFile(filepath.Join(r.outside, "msdpd.theirs")); err != nil || string(text) != "theirs" {
		t.Errorf("the file outside has %q, %v", text, err)
	}
}

func TestLogFileOnlyBelowTheDirectory(t *testing.T) {
	r := newTrap(t)
	for path, complaint := range r.strange() {
		if f, err := openLogFile(r.dir, path); err == nil {
			f.Close()
			t.Errorf("%s was opened", path)
		} else if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: want %q: %v", path, complaint, err)
		}
	}
	for _, name := range []string{"x.log", "own/x.log", "alias/y.log"} {
		path := filepath.Join(r.dir, name)
		f, err := openLogFile(r.dir, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("ours"); err != nil {
			t.Error(err)
		}
		f.Close()
		if text, err := os.ReadFile(path); err != nil || string(text) != "ours" {
			t.Errorf("%s has %q, %v", path, text, err)
		}
	}
	r.untouched(t)
}

func TestCopyOnlyBelowTheDirectory(t *testing.T) {
	r := newTrap(t)
	shell := newShellRig(t)
	o := &shell.d.options
	o.configFile, o.pidFile, o.vtyDir = r.dir+"/msdpd.conf", r.dir+"/msdpd.pid", r.dir
	for path, complaint := range r.strange() {
		shell.refused("copy running-config "+path, path)
		shell.refused("copy running-config "+path, complaint)
		if name, inside := strings.CutPrefix(path, r.dir+"/"); inside {
			shell.refused("copy running-config "+name, complaint)
		}
	}
	for _, name := range []string{"bgpd.conf", "own/frr.conf", r.dir + "/bgpd.conf"} {
		shell.refused("copy running-config "+name, name+": the name has to begin with msdpd")
	}
	for _, name := range []string{"msdpd.pid", "msdpd.state", "msdpd.vty"} {
		shell.refused("copy running-config "+name, name+" is msdpd's own")
	}
	r.untouched(t)
	shell.run("configure terminal", peerX, "end")
	for _, name := range []string{"msdpd.conf", "msdpd.old", "own/msdpd.old", "alias/msdpd.older", "msdpd.prepared"} {
		for _, path := range []string{name, r.dir + "/" + name} {
			if got := shell.run("copy running-config " + path); !strings.Contains(got, r.dir+"/"+name) {
				t.Errorf("copied to %s: %s", path, got)
			}
		}
		if text, err := os.ReadFile(filepath.Join(r.dir, name)); err != nil || !strings.Contains(string(text), peerX) {
			t.Errorf("%s has %q, %v", name, text, err)
		}
	}
	r.untouched(t)
}

// TestCopyOfATrial: the configuration file is not replaced under its own name either while the
// running configuration is on trial.
func TestCopyOfATrial(t *testing.T) {
	r := newShellRig(t)
	r.d.options.configFile = filepath.Join(t.TempDir(), "msdpd.conf")
	r.run("configure session", peerX, "commit confirmed 5")
	r.run("end")
	for _, path := range []string{"msdpd.conf", r.d.options.configFile} {
		r.refused("copy running-config "+path, "is on trial")
	}
	if _, err := os.Stat(r.d.options.configFile); !os.IsNotExist(err) {
		t.Errorf("the configuration file: %v", err)
	}
}
