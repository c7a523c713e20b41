package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// identityEnv marks the process that has the user and group asked for.
const identityEnv = "MSDPD_IDENTITY"

// capabilities are what msdpd needs of root's: raw PIM sockets, the kernel's tables, port 639.
var capabilities = []uintptr{unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}

// takeIdentity makes this process, by starting its program anew in it, one of the user and group asked for, with no
// more than the capabilities it needs. It keeps its number, so that whoever supervises it has the right one, and
// nothing of root stays behind. It returns if there is nothing to do, or with an error.
func takeIdentity(o options) error {
	if o.user == "" && o.group == "" || os.Getenv(identityEnv) != "" {
		return nil
	}
	id, err := lookUpIdentity(o.user, o.group)
	if err != nil {
		return err
	}
	if id.uid == os.Geteuid() && id.gid == os.Getegid() && id.uid != 0 {
		return nil // whoever started us has seen to it
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program's own file: %w", err)
	}
	if err := prepareDirectories(o, id.uid, id.gid); err != nil {
		return err
	}
	// Capabilities are the thread's, and exec takes those of the thread that calls it.
	runtime.LockOSThread()
	if err := id.take(); err != nil {
		return fmt.Errorf("becoming %s:%s: %w", o.user, o.group, err)
	}
	return fmt.Errorf("starting as %s:%s: %w", o.user, o.group, syscall.Exec(self, os.Args, append(os.Environ(), identityEnv+"=1")))
}

// identity is who a process is, in numbers.
type identity struct {
	uid, gid int
	groups   []int
}

// take changes the process's user and groups; the calling thread hands its capabilities on to what it executes.
func (id identity) take() error {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("keeping capabilities: %w", err)
	}
	for _, err := range []error{syscall.Setgroups(id.groups), syscall.Setresgid(id.gid, id.gid, id.gid), syscall.Setresuid(id.uid, id.uid, id.uid)} {
		if err != nil {
			return err
		}
	}
	if id.uid == 0 {
		return nil
	}
	var set uint32
	for _, c := range capabilities {
		set |= 1 << c
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: set, Permitted: set, Inheritable: set}}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("setting capabilities: %w", err)
	}
	for _, c := range capabilities {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0); err != nil {
			return fmt.Errorf("handing on capabilities: %w", err)
		}
	}
	return nil
}

// lookUpIdentity returns the numbers of a user and a group; the group defaults to the user's own.
func lookUpIdentity(userName, groupName string) (identity, error) {
	id := identity{uid: os.Geteuid(), gid: os.Getegid()}
	if userName != "" {
		u, err := user.Lookup(userName)
		if err != nil {
			return id, fmt.Errorf("--user %s: %w", userName, err)
		}
		names, err := u.GroupIds()
		if err != nil {
			return id, fmt.Errorf("--user %s: its groups: %w", userName, err)
		}
		var uidErr, gidErr error
		id.uid, uidErr = strconv.Atoi(u.Uid)
		id.gid, gidErr = strconv.Atoi(u.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return id, fmt.Errorf("--user %s: %w", userName, err)
		}
		for _, name := range names {
			gid, err := strconv.Atoi(name)
			if err != nil {
				return id, fmt.Errorf("--user %s: its groups: %w", userName, err)
			}
			id.groups = append(id.groups, gid)
		}
	}
	if groupName != "" {
		g, err := user.LookupGroup(groupName)
		if err != nil {
			return id, fmt.Errorf("--group %s: %w", groupName, err)
		}
		if id.gid, err = strconv.Atoi(g.Gid); err != nil {
			return id, fmt.Errorf("--group %s: %w", groupName, err)
		}
	}
	return id, nil
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
