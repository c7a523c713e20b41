package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"
	"go.uber.org/zap/zapcore"
)

func TestOptionsPaths(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		want options
	}{
		{nil, options{
			configFile: "/etc/frr/msdpd.conf", pidFile: "/var/run/frr/msdpd.pid", zserv: "/var/run/frr/zserv.api",
			vtyDir: "/var/run/frr", vtyAddr: "127.0.0.1", vtyPort: 2639, log: "stdout",
		}},
		{[]string{"-N", "blue", "-d", "-P", "0"}, options{
			configFile: "/etc/frr/blue/msdpd.conf", pidFile: "/var/run/frr/blue/msdpd.pid", zserv: "/var/run/frr/blue/zserv.api",
			vtyDir: "/var/run/frr/blue", vtyAddr: "127.0.0.1", log: "stdout", pathspace: "blue", daemonize: true,
		}},
		{[]string{"-f", "m.conf", "-i", "m.pid", "-z", "/z", "--vty_socket", "s", "-A", "::1", "--log", "file:m.log", "--log-level", "debug", "-u", "frr", "-g", "frr", "-C", "--zebra-version", "10.7"}, options{
			configFile: here + "/m.conf", pidFile: here + "/m.pid", zserv: "/z", vtyDir: here + "/s", vtyAddr: "::1", vtyPort: 2639,
			log: "file:" + here + "/m.log", logLevel: zapcore.DebugLevel, user: "frr", group: "frr", dryRun: true, zebraVersion: "10.7",
		}},
	} {
		got, err := parseOptions(tc.args, &bytes.Buffer{}, &bytes.Buffer{})
		if err != nil {
			t.Fatalf("%v: %v", tc.args, err)
		}
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(options{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%v: -want +got\n%s", tc.args, diff)
		}
	}
}

func TestNeighborSocketsLieBesideZebras(t *testing.T) {
	o, err := parseOptions([]string{"-z", "/run/x/zserv.api"}, &bytes.Buffer{}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if got := o.neighborVty("pimd"); got != "/run/x/pimd.vty" {
		t.Error(got)
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	for _, tc := range []struct {
		args  []string
		named string
	}{
		{[]string{"--nonsense"}, "--nonsense"},
		{[]string{"extra"}, `"extra"`},
		{[]string{"-N", "../x"}, `"../x"`},
		{[]string{"-P", "65536"}, "65536"},
		{[]string{"-P", "telnet"}, `"telnet"`},
		{[]string{"--zebra-version", "ten"}, `"ten"`},
		{[]string{"--log", "file:"}, `"file:"`},
		{[]string{"--log-level", "loud"}, `"loud"`},
		{[]string{"--log-level", "fatal"}, `"fatal"`},
	} {
		var stderr bytes.Buffer
		if _, err := parseOptions(tc.args, &bytes.Buffer{}, &stderr); !errors.Is(err, errUsage) {
			t.Errorf("%v: error %v", tc.args, err)
		}
		if !strings.Contains(stderr.String(), tc.named) {
			t.Errorf("%v: %q does not name %s", tc.args, stderr.String(), tc.named)
		}
	}
}

func TestHelpGoesToStdout(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if _, err := parseOptions([]string{"--help"}, &stdout, &stderr); !errors.Is(err, pflag.ErrHelp) {
		t.Fatal(err)
	}
	for _, option := range []string{"--daemon", "--config_file", "--pid_file", "--socket", "--zebra-version", "--pathspace", "--vty_addr", "--vty_port", "--vty_socket", "--user", "--group", "--dryrun", "--version", "--log", "--log-level"} {
		if !strings.Contains(stdout.String(), option) {
			t.Errorf("help does not tell of %s", option)
		}
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", stderr.String())
	}
}
