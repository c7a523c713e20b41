package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// identityEnv marks the process that has the user and group it is to have. It is the number of the file descriptor with
// the configuration, or noConfig.
const (
	identityEnv = "MSDPD_IDENTITY"
	noConfig    = "none"
)

// defaultUser is who root's msdpd becomes, as FRR's own daemons do.
const defaultUser = "frr"

// capabilities are what msdpd needs of root's: raw PIM sockets, the kernel's tables, port 639.
var capabilities = []uintptr{unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}

// takeIdentity makes this process, by starting its program anew in it, one of the user and group asked for, with no
// more than the capabilities it needs. It keeps its number, so that whoever supervises it has the right one, and
// nothing of root stays behind but the configuration file, open, which that user need not be able to read. It returns if
// there is nothing to do, or with an error.
func takeIdentity(o options) error {
	if os.Getenv(identityEnv) != "" {
		return nil
	}
	if o.user == "" && os.Geteuid() == 0 {
		o.user = defaultUser
	}
	if o.user == "" && o.group == "" {
		return nil
	}
	id, err := lookUpIdentity(o.user, o.group)
	if err != nil {
		return err
	}
	if id.uid == os.Geteuid() && id.gid == os.Getegid() {
		return nil // whoever started us has seen to it
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program's own file: %w", err)
	}
	if err := prepareDirectories(o, id.uid, id.gid); err != nil {
		return err
	}
	config, err := handOnConfig(o.configFile)
	if err != nil {
		return err
	}
	// Capabilities are the thread's, and exec takes those of the thread that calls it.
	runtime.LockOSThread()
	if err := id.take(); err != nil {
		return fmt.Errorf("becoming %s:%s: %w", o.user, o.group, err)
	}
	return fmt.Errorf("starting as %s:%s: %w", o.user, o.group, syscall.Exec(self, os.Args, append(os.Environ(), identityEnv+"="+config)))
}

// handOnConfig opens the configuration file for the program that takes this one's place, and returns what identityEnv is.
func handOnConfig(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY, 0) // without O_CLOEXEC
	if errors.Is(err, fs.ErrNotExist) {
		return noConfig, nil
	}
	if err != nil {
		return "", fmt.Errorf("opening the configuration %s: %w", path, err)
	}
	return strconv.Itoa(fd), nil
}

// handedConfig reads the configuration file that was handed on; if there was none, the error is fs.ErrNotExist.
func handedConfig() (text []byte, handed bool, err error) {
	value, handed := os.LookupEnv(identityEnv)
	if !handed {
		return nil, false, nil
	}
	if value == noConfig {
		return nil, true, fs.ErrNotExist
	}
	fd, err := strconv.Atoi(value)
	if err != nil {
		return nil, true, fmt.Errorf("%s in the environment: %w", identityEnv, err)
	}
	f := os.NewFile(uintptr(fd), "the configuration that was handed on")
	if f == nil {
		return nil, true, fmt.Errorf("%s in the environment is %s: no file descriptor", identityEnv, value)
	}
	defer f.Close()
	text, err = io.ReadAll(f)
	return text, true, err
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
	if id.uid != 0 {
		if err := giveUpForGood(); err != nil {
			return err
		}
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

// giveUpForGood keeps what this thread executes from ever having more than the capabilities needed, by whatever program.
func giveUpForGood() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up privileges: %w", err)
	}
	for c := uintptr(0); ; c++ {
		if slices.Contains(capabilities, c) {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) { // the kernel has no more than that
			return nil
		}
		if err != nil {
			return fmt.Errorf("giving up capability %d: %w", c, err)
		}
	}
}

// lookUpIdentity returns the numbers of a user and a group; the group defaults to the user's own.
func lookUpIdentity(userName, groupName string) (identity, error) {
	id := identity{uid: os.Geteuid(), gid: os.Getegid()}
	if userName != "" {
		u, err := user.Lookup(userName)
		if errors.As(err, new(user.UnknownUserError)) {
			return id, fmt.Errorf("--user %s: there is no such user; FRR's package makes %s, and -u root stays root", userName, defaultUser)
		}
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
