package main

import (
	"os"
	"path/filepath"
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
