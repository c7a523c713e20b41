package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// childEnv marks the process that does the work, and readyFD is where it says that it is
// ready: a Go process cannot fork, so -d and -u start it anew.
const (
	childEnv = "MSDPD_CHILD"
	readyFD  = 3
)

func (o options) needsChild() bool {
	return (o.daemonize || o.user != "" || o.group != "") && os.Getenv(childEnv) == ""
}

// runChild starts the process that does the work: in a session of its own for -d, and as
// the user and group asked for, with no more than the capabilities it needs.
func runChild(o options, stderr io.Writer) int {
	cmd, err := childCommand(o)
	if err != nil {
		fmt.Fprintf(stderr, "msdpd: %v\n", err)
		return 1
	}
	readyR, readyW, err := os.Pipe()
	if err != nil {
		fmt.Fprintf(stderr, "msdpd: %v\n", err)
		return 1
	}
	cmd.ExtraFiles = []*os.File{readyW}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(stderr, "msdpd: starting as %s:%s: %v\n", o.user, o.group, err)
		return 1
	}
	readyW.Close()
	if o.daemonize {
		if n, _ := readyR.Read(make([]byte, 1)); n == 1 {
			return 0
		}
		return exitCode(cmd.Wait())
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		for sig := range signals {
			_ = cmd.Process.Signal(sig) // it may have ended already
		}
	}()
	return exitCode(cmd.Wait())
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	}
	return 1
}

func childCommand(o options) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program's own file: %w", err)
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: o.daemonize}
	if !o.daemonize {
		cmd.Stdout = os.Stdout
		cmd.SysProcAttr.Setpgid = true // Ctrl-C comes through us, once
	} else {
		cmd.Dir = "/"
	}
	if o.user == "" && o.group == "" {
		return cmd, nil
	}
	uid, gid, groups, err := lookUpIdentity(o.user, o.group)
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}
	if uid != 0 {
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_NET_RAW, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE}
	}
	return cmd, prepareDirectories(o, int(uid), int(gid))
}

// lookUpIdentity returns the numbers of a user and a group; the group defaults to the user's own.
func lookUpIdentity(userName, groupName string) (uid, gid uint32, groups []uint32, err error) {
	if userName == "" {
		uid, gid = uint32(os.Getuid()), uint32(os.Getgid())
	} else {
		u, err := user.Lookup(userName)
		if err != nil {
			return 0, 0, nil, fmt.Errorf("--user %s: %w", userName, err)
		}
		uid, gid = number(u.Uid), number(u.Gid)
		names, err := u.GroupIds()
		if err != nil {
			return 0, 0, nil, fmt.Errorf("--user %s: its groups: %w", userName, err)
		}
		for _, g := range names {
			groups = append(groups, number(g))
		}
	}
	if groupName != "" {
		g, err := user.LookupGroup(groupName)
		if err != nil {
			return 0, 0, nil, fmt.Errorf("--group %s: %w", groupName, err)
		}
		gid = number(g.Gid)
	}
	return uid, gid, groups, nil
}

func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32) // os/user on Linux gives numbers only
	return uint32(n)
}

// prepareDirectories makes the run-time directories, while we may, and gives those that
// it made to the user that will write there.
func prepareDirectories(o options, uid, gid int) error {
	for _, dir := range []string{o.vtyDir, filepath.Dir(o.pidFile)} {
		if _, err := os.Stat(dir); err == nil {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making a run-time directory: %w", err)
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			return fmt.Errorf("giving away a run-time directory: %w", err)
		}
	}
	return nil
}

// ready tells the process that started us in the background that all is well.
func ready() {
	if os.Getenv(childEnv) == "" {
		return
	}
	f := os.NewFile(readyFD, "ready")
	_, _ = f.Write([]byte{1}) // whoever waited may have gone
	_ = f.Close()
}

// writePidFile writes the process id, unless another msdpd holds the file.
func writePidFile(path string) (remove func(), err error) {
	if text, err := os.ReadFile(path); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && isMSDPD(pid) && pid != os.Getpid() {
			return nil, fmt.Errorf("%s: msdpd runs already as process %d", path, pid)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the pid file: %w", err)
	}
	if err := replaceFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("writing the pid file: %w", err)
	}
	return func() { _ = os.Remove(path) }, nil
}

// isMSDPD reports whether process pid runs the same program as this one.
func isMSDPD(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	own, ownErr := os.ReadFile("/proc/self/comm")
	return err == nil && ownErr == nil && string(name) == string(own)
}
