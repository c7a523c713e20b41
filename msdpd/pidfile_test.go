package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPidFileIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "frr", "msdpd.pid")
	remove, err := writePidFile(path)
	if err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprintf("%d\n", os.Getpid())
	if text, err := os.ReadFile(path); err != nil || string(text) != own {
		t.Errorf("the file holds %q (%v), want %q", text, err, own)
	}
	_, err = writePidFile(path)
	if err == nil || !strings.Contains(err.Error(), "process "+strings.TrimSpace(own)) {
		t.Errorf("a second one: %v, want an error that names the process", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != own {
		t.Errorf("after a second one's try the file holds %q (%v), want %q", text, err, own)
	}
	remove()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is left behind: %v", err)
	}
}

// TestStalePidFile: what is left of a process that was killed stops nobody, whosever number it is by now.
func TestStalePidFile(t *testing.T) {
	for _, left := range []string{"", "rubbish", "1\n", fmt.Sprintf("%d\n", os.Getpid()), fmt.Sprintf("%d\n", os.Getppid())} {
		path := filepath.Join(t.TempDir(), "msdpd.pid")
		if err := os.WriteFile(path, []byte(left), 0o444); err != nil {
			t.Fatal(err)
		}
		remove, err := writePidFile(path)
		if err != nil {
			t.Errorf("%q in the file: %v", left, err)
			continue
		}
		remove()
	}
}

// TestOnePidFileForMany: of many that start at once at most one has the file at a time.
func TestOnePidFileForMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msdpd.pid")
	if err := os.WriteFile(path, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	removes := make(chan func())
	const starters = 20
	for range starters {
		go func() {
			remove, err := writePidFile(path)
			if err != nil {
				remove = nil
			}
			removes <- remove
		}()
	}
	var held []func()
	for range starters {
		if remove := <-removes; remove != nil {
			held = append(held, remove)
		}
	}
	if len(held) > 1 {
		t.Errorf("%d hold the file at once", len(held))
	}
	for _, remove := range held {
		remove()
	}
}
