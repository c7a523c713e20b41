package lab

import (
	"bytes"
	_ "embed" // for reaperScript
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

//go:embed reaper.sh
var reaperScript string

// reaper is the process that takes a network down when this one has ended, however it
// ended. FRR's daemons change their user, which clears a parent-death signal, and go test's
// timeout runs no cleanup: so neither signals nor defers are enough.
type reaper struct {
	cmd    *exec.Cmd
	mu     sync.Mutex
	in     io.WriteCloser
	stderr bytes.Buffer
}

func startReaper() (*reaper, error) {
	r := &reaper{cmd: exec.Command("sh", "-c", reaperScript, "msdp-lab-reaper", strconv.Itoa(os.Getpid()))}
	in, err := r.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the reaper: %w", err)
	}
	r.in = in
	r.cmd.Stderr = &r.stderr
	r.cmd.Dir = "/"
	// A session of its own: a terminal's Ctrl-C does not reach it.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the reaper: %w", err)
	}
	return r, nil
}

// netns announces a namespace that is about to be made.
func (r *reaper) netns(name string) { r.tell("netns " + name) }

// path announces a file or directory that is about to be made; the last one announced is removed first. It must hold no
// spaces.
func (r *reaper) path(path string) { r.tell("path " + path) }

// tell ignores errors: a reaper that has gone is reported by reap.
func (r *reaper) tell(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	io.WriteString(r.in, line+"\n") // see above
}

// reap has everything removed and waits for it.
func (r *reaper) reap() error {
	r.mu.Lock()
	r.in.Close() // a broken pipe shows in Wait
	r.mu.Unlock()
	if err := r.cmd.Wait(); err != nil {
		return fmt.Errorf("taking the network down: %w: %s", err, bytes.TrimSpace(r.stderr.Bytes()))
	}
	return nil
}

// dismiss ends the reaper without its having done anything.
func (r *reaper) dismiss() error {
	r.tell("dismiss")
	return r.reap()
}

// Remove takes down the network of that name, which some process left behind by [Network.Leave].
func Remove(name string) error {
	if !nameOK(name) {
		return fmt.Errorf("%q is no name of a network", name)
	}
	spaces, err := filepath.Glob(filepath.Join(netnsDir, name+"-*"))
	if err != nil {
		return err
	}
	dir := filepath.Join(os.TempDir(), name)
	if _, err := os.Stat(dir); len(spaces) == 0 && errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no network %s", name)
	}
	r, err := startReaper()
	if err != nil {
		return err
	}
	r.path(dir)
	for _, s := range spaces {
		space := filepath.Base(s)
		r.netns(space)
		for _, dir := range spaceDirs(space) {
			r.path(dir)
		}
	}
	return r.reap()
}

const netnsDir = "/run/netns"

// nameOK reports whether name can be part of file names, namespace names and the reaper's lines.
func nameOK(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return name != "" && len(name) <= 24 && name[0] != '.' && name[0] != '-'
}
