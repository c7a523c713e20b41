package vty

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxPath is what Linux takes of a socket's path.
const maxPath = 107

// ListenUnix opens a daemon's vty socket with FRR's rights: mode 0770, so that the members
// of the group may give commands. Owner and group are names; one that this machine does not
// know, or "", leaves what the process creates, and so does a process that may not change
// them. A socket file on which nobody answers is replaced; one on which somebody does, and a
// file of another kind, is an error that names it. Closing the listener removes the file,
// unless it has been replaced since.
func ListenUnix(path, owner, group string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("vty socket %s: a socket's path has at most %d octets", path, maxPath)
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("vty socket %s: %w", path, err)
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		// The file is made with the rights of the socket: nobody else's until the group is set.
		var chmod error
		err := c.Control(func(fd uintptr) { chmod = unix.Fchmod(int(fd), 0o700) })
		return errors.Join(err, chmod)
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("vty socket: %w", err)
	}
	inner := l.(*net.UnixListener)
	inner.SetUnlinkOnClose(false)
	u := &unixListener{UnixListener: inner, path: path}
	if err := u.open(owner, group); err != nil {
		u.Close()
		return nil, fmt.Errorf("vty socket %s: %w", path, err)
	}
	return u, nil
}

// unixListener removes its file when it is closed.
type unixListener struct {
	*net.UnixListener
	path string
	file fs.FileInfo
}

// open lets the group in, once the listener is there.
func (l *unixListener) open(owner, group string) error {
	file, err := os.Stat(l.path)
	if err != nil {
		return err
	}
	l.file = file
	uid, gid := -1, -1
	if u, err := user.Lookup(owner); err == nil {
		uid, _ = strconv.Atoi(u.Uid)
	}
	if g, err := user.LookupGroup(group); err == nil {
		gid, _ = strconv.Atoi(g.Gid)
	}
	if err := os.Chown(l.path, uid, gid); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return os.Chmod(l.path, 0o770)
}

// Close stops listening and removes the file.
func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && l.file != nil && os.SameFile(now, l.file) {
		os.Remove(l.path)
	}
	return l.UnixListener.Close()
}

// removeStale removes a socket file that nobody listens on.
func removeStale(path string) error {
	file, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if file.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("there is a file that is no socket")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("another process answers there")
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("cannot tell whether another process listens there: %w", err)
	}
	return os.Remove(path)
}

// isExhausted reports whether accept failed for want of descriptors or memory.
func isExhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) ||
		errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}
