package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

func TestStateFileReadsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msdpd.state")
	now := time.Now().Round(0).UTC()
	want := msdp.Saved{
		Locals: []msdp.SavedLocal{{
			Source: ipv4.MustParse("10.1.0.2"), Group: ipv4.MustParse("239.1.1.1"), DR: ipv4.MustParse("10.1.0.1"),
			Registered: true, FirstSeen: now.Add(-time.Hour), LastRegister: now,
		}},
		Joined: []msdp.SavedEntry{{
			Source: ipv4.MustParse("10.2.0.2"), Group: ipv4.MustParse("239.1.1.2"), RP: ipv4.MustParse("10.0.0.2"),
			Peer: ipv4.MustParse("10.0.0.3"), FirstSeen: now, Heard: now,
		}},
	}
	if err := storeState(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := loadState(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-stored +loaded\n%s", diff)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("left beside it: %v, %v", files, err)
	}
}

func TestStateThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := loadState(filepath.Join(dir, "none")); err != nil {
		t.Errorf("no file: %v", err)
	}
	path := filepath.Join(dir, "torn")
	if err := os.WriteFile(path, []byte(`{"localSources":[{"sou`), 0o600); err != nil {
		t.Fatal(err)
	}
	if saved, err := loadState(path); err == nil || len(saved.Locals) > 0 {
		t.Errorf("a torn file gave %v, %v", saved, err)
	}
	if err := storeState(filepath.Join(dir, "missing", "x"), msdp.Saved{}); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

func TestReplacedFileKeepsItsModeAndOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msdpd.conf")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 1234, 1235); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// What a kill left half-way is no obstacle.
	if err := os.WriteFile(path+".new", []byte("much longer than what comes"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, []byte("new"), 0o640); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t)
	if after.Mode() != before.Mode() || is.Uid != was.Uid || is.Gid != was.Gid {
		t.Errorf("%v %d:%d, want %v %d:%d", after.Mode(), is.Uid, is.Gid, before.Mode(), was.Uid, was.Gid)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "new" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Stat(path + ".new"); !os.IsNotExist(err) {
		t.Errorf("left beside it: %v", err)
	}
}

func TestTwoDaemonsKeepTheirStateApart(t *testing.T) {
	a, b := options{pidFile: "/run/x/a.pid"}, options{pidFile: "/run/x/b.pid"}
	if a.stateFile() == b.stateFile() {
		t.Error(a.stateFile())
	}
	if got := (options{pidFile: "/var/run/frr/msdpd.pid"}).stateFile(); got != "/var/run/frr/msdpd.state" {
		t.Error(got)
	}
}
