package releases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// keyring holds the keys by which a suite must be signed. Debian's package debian-archive-keyring brings it.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// mirrorEnv names another mirror than debootstrap's own.
const mirrorEnv = "MSDPD_LAB_MIRROR"

// fetch makes a tree at root, which appears when it is whole.
func fetch(ctx context.Context, s Suite, root string) error {
	work := filepath.Join(filepath.Dir(root), ".fetching")
	// An attempt that was killed has left it; the lock says that nobody else is at it.
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	defer os.RemoveAll(work) // in /var/cache
	packages, tree := filepath.Join(work, "packages"), filepath.Join(work, "tree")
	if err := download(ctx, s, packages); err != nil {
		return err
	}
	if err := build(ctx, packages, tree); err != nil {
		return err
	}
	// One without versionFile is of no use to anybody.
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(tree, root)
}

// download has debootstrap find out what frr needs in the suite, and fetch and verify it. No package is installed: their
// scripts would want systemd, and root's trust.
func download(ctx context.Context, s Suite, dir string) error {
	args := []string{
		"--download-only", "--variant=minbase", "--include=frr",
		"--force-check-gpg", "--keyring=" + keyring, s.Name, dir,
	}
	if mirror := os.Getenv(mirrorEnv); mirror != "" {
		args = append(args, mirror)
	}
	return run(ctx, "debootstrap", args...)
}

// run runs a command; its error holds the end of what it said. When ctx ends it gets SIGTERM first, by which
// debootstrap tidies up.
func run(ctx context.Context, command string, args ...string) error {
	cmd := exec.CommandContext(ctx, command, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, errors.Join(ctx.Err(), err), lastLines(out.Bytes(), 3))
	}
	return nil
}

func lastLines(text []byte, count int) []byte {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-count):], []byte("; "))
}

// lock waits until no other process fetches.
func lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(Dir(), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(Dir(), ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil // which lets go of it
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for another program that fetches: %w", ctx.Err())
		case <-time.After(time.Second):
		}
	}
}
