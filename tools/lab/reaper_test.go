package lab

import (
	"os"
	"path/filepath"
	"testing"
)

// A network's directory says that its name is taken: were it removed before the rest, a new network of that name could
// lose what it has just made.
func TestReaperFreesTheNameLast(t *testing.T) {
	top := t.TempDir()
	dir, later := filepath.Join(top, "network"), filepath.Join(top, "configuration")
	removed := filepath.Join(top, "removed")
	for _, d := range []string{dir, later} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	rm := "#!/bin/sh\nfor path in \"$@\"; do echo \"$path\" >>" + removed + "; done\n"
	if err := os.WriteFile(filepath.Join(top, "rm"), []byte(rm), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", top+":"+os.Getenv("PATH"))
	r, err := startReaper()
	if err != nil {
		t.Fatal(err)
	}
	r.path(dir)
	r.path(later)
	if err := r.reap(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(removed)
	if err != nil {
		t.Fatal(err)
	}
	if want := "-rf\n" + later + "\n-rf\n" + dir + "\n"; string(got) != want {
		t.Errorf("removed\n%swant\n%s", got, want)
	}
}
