package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// writePidFile writes the process id and holds the file's lock, so that nobody else holds the
// file until remove is called or the process has ended, in whatever way: a number alone may have become another's.
func writePidFile(path string) (remove func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of the pid file: %w", err)
	}
	for {
		if err := removeStalePidFile(path); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue // another one starts at this moment
		}
		if err != nil {
			return nil, fmt.Errorf("writing the pid file: %w", err)
		}
		if err := lockPidFile(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if !inPlace(f) { // another one took it for stale before it was locked
			_ = f.Close() // nothing is written yet
			continue
		}
		if _, err := f.WriteString(strconv.Itoa(os.Getpid()) + "\n"); err != nil {
			return nil, errors.Join(fmt.Errorf("writing the pid file: %w", err), f.Close())
		}
		return func() {
			_ = os.Remove(path) // whoever starts next does it otherwise
			_ = f.Close()
		}, nil
	}
}

func lockPidFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		pid, _ := os.ReadFile(f.Name()) // gone by now, or being written: the error stands without it
		return fmt.Errorf("%s: msdpd runs already as process %s", f.Name(), strings.TrimSpace(string(pid)))
	}
	if err != nil {
		return fmt.Errorf("locking the pid file %s: %w", f.Name(), err)
	}
	return nil
}

// inPlace reports whether f is what its name stands for: somebody may have removed or replaced it.
func inPlace(f *os.File) bool {
	here, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(f.Name())
	return err == nil && os.SameFile(here, there)
}

// removeStalePidFile removes a pid file that nobody holds. One that is held is an error.
func removeStalePidFile(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the pid file: %w", err)
	}
	defer f.Close()
	if err := lockPidFile(f); err != nil {
		return err
	}
	if !inPlace(f) {
		return nil // another one was faster
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("replacing the pid file: %w", err)
	}
	return nil
}
