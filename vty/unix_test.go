package vty

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestListenUnixRights(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msdpd.vty")
	l, err := ListenUnix(path, "no-such-user", "no-such-group")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o770 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after Close: %v", err)
	}
}

func TestListenUnixOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	who, err := user.Lookup("daemon")
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "msdpd.vty")
	l, err := ListenUnix(path, "daemon", "daemon")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || fmt.Sprint(st.Uid) != who.Uid || st.Gid == 0 {
		t.Errorf("owner %d:%d, %v", st.Uid, st.Gid, err)
	}
}

func TestListenUnixReplacesOnlyWhatIsStale(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "msdpd.vty")
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close()
	l, err := ListenUnix(path, "", "")
	if err != nil {
		t.Fatalf("a stale socket: %v", err)
	}
	defer l.Close()
	for file, want := range map[string]string{
		path:                                "another process answers there",
		dir:                                 "no socket",
		filepath.Join(dir, "none", "x.vty"): "no such file",
		filepath.Join(dir, strings.Repeat("x", 108)): "at most 107",
	} {
		if _, err := ListenUnix(file, "", ""); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", file, err, want)
		}
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the first listener: %v", err)
	}
	conn.Close()
}

func TestListenUnixCloseLeavesASuccessorsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msdpd.vty")
	first, err := ListenUnix(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := ListenUnix(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	first.Close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the second listener's file: %v", err)
	}
}
