package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConfigIsHandedOn: what root opened is read by the user that msdpd becomes, who may not open it.
func TestConfigIsHandedOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msdpd.conf")
	if err := os.WriteFile(path, []byte("hostname rp1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	value, err := handOnConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	t.Setenv(identityEnv, value)
	s, err := newDaemon(options{configFile: path}).startConfig()
	if err != nil || s.hostname != "rp1" {
		t.Errorf("read %+v, error %v", s, err)
	}
}

func TestNoConfigIsHandedOn(t *testing.T) {
	value, err := handOnConfig(filepath.Join(t.TempDir(), "none.conf"))
	if err != nil {
		t.Fatal(err)
	}
	// What lies there by the time of the second look is not what root found.
	path := filepath.Join(t.TempDir(), "msdpd.conf")
	if err := os.WriteFile(path, []byte("hostname rp1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(identityEnv, value)
	s, err := newDaemon(options{configFile: path}).startConfig()
	if err != nil || s.hostname != "" {
		t.Errorf("read %+v, error %v", s, err)
	}
}

func TestBadHandedConfig(t *testing.T) {
	for _, value := range []string{"", "x", "-1", "999999"} {
		t.Setenv(identityEnv, value)
		if _, err := newDaemon(options{configFile: "none.conf"}).startConfig(); err == nil {
			t.Errorf("%s=%q: no error", identityEnv, value)
		}
	}
}

func TestUnknownUser(t *testing.T) {
	_, err := lookUpIdentity("no-such-user", "")
	if err == nil || !strings.Contains(err.Error(), "-u root") {
		t.Errorf("%v: names no remedy", err)
	}
}

func TestRemedies(t *testing.T) {
	other := errors.New("it burns")
	for _, tc := range []struct {
		err  error
		want []string
	}{
		{&fs.PathError{Op: "open", Path: "/etc/frr/msdpd.conf.new", Err: unix.EACCES}, []string{"open /etc/frr/msdpd.conf.new: permission denied", "chown ", "/etc/frr /etc/frr/msdpd.conf"}},
		{fmt.Errorf("replacing: %w", unix.EROFS), []string{"replacing: read-only file system", "ReadWritePaths=/etc/frr"}},
		{other, []string{"it burns"}},
	} {
		got := withRemedy(tc.err, "/etc/frr/msdpd.conf")
		for _, want := range tc.want {
			if !strings.Contains(got.Error(), want) {
				t.Errorf("%v: %q is not in %q", tc.err, want, got)
			}
		}
		if !errors.Is(got, tc.err) {
			t.Errorf("%v is not in %v", tc.err, got)
		}
	}
	if withRemedy(other, "x") != other {
		t.Error("a remedy for what is no matter of rights")
	}
}
