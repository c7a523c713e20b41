package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// TestLogIsReopened: after logrotate has renamed the file, lines go into a new one.
func TestLogIsReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msdpd.log")
	core, destination, err := openLog(options{log: "file:" + path, logLevel: zapcore.InfoLevel})
	if err != nil {
		t.Fatal(err)
	}
	defer destination.Close()
	log := zap.New(core)
	log.Info("first")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	log.Info("second")
	if err := destination.reopen(); err != nil {
		t.Fatal(err)
	}
	log.Info("third")
	for file, want := range map[string][]string{path + ".1": {"first", "second"}, path: {"third"}} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if len(lines) != len(want) {
			t.Fatalf("%s: %q, want %d lines", file, text, len(want))
		}
		for i, w := range want {
			if !strings.HasSuffix(lines[i], w) {
				t.Errorf("%s: line %d is %q, want %s", file, i+1, lines[i], w)
			}
		}
	}
}

// TestLogCannotBeReopened: the old file is better than none.
func TestLogCannotBeReopened(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f := &logFile{path: filepath.Join(dir, "msdpd.log")}
	if err := f.reopen(); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.reopen(); err == nil || !strings.Contains(err.Error(), f.path) {
		t.Errorf("%v: want an error that names the file", err)
	}
	if _, err := f.Write([]byte("still here\n")); err != nil {
		t.Error(err)
	}
}
