package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"msdpd/vty"
)

// neighbor serves a shell with one command that answers with the daemon's name.
func neighbor(t *testing.T, dir, name string, syntax ...string) {
	sh := vty.New(vty.Config{Daemon: strings.ToUpper(name)})
	for _, s := range syntax {
		sh.Install(sh.Enable, s, strings.Repeat("Help\n", len(strings.Fields(s))-1)+"Help", func(c *vty.Call) error {
			c.Printf("%s: %s\nsecond line\n", name, c.Line)
			return nil
		})
	}
	serve(t, sh, filepath.Join(dir, name+".vty"))
}

func TestPass(t *testing.T) {
	dir := startDaemon(t)
	neighbor(t, dir, "zebra", "show ip route [json]", "show version", "clear zebra", "ip zebra", "show memory")
	neighbor(t, dir, "pimd", "show ip pim rp-info", "show ip mroute", "show memory")
	neighbor(t, dir, "bgpd", "show bgp summary", "show ip route [json]", "show ip bgp", "show memory")
	// One that is dead, and one that hangs up.
	for name, answer := range map[string]bool{"dead": false, "ospfd": true} {
		l, err := net.Listen("unix", filepath.Join(dir, name+".vty"))
		if err != nil {
			t.Fatal(err)
		}
		if !answer {
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			l.Close()
			continue
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Close()
			}
		}()
	}
	for _, tc := range []struct {
		line   string
		code   int
		stdout string
	}{
		{"show ip route", 0, "zebra: show ip route\nsecond line\n"},
		{"sh ip rou", 0, "zebra: sh ip rou\nsecond line\n"},
		{"show bgp summary", 0, "bgpd: show bgp summary\nsecond line\n"},
		{"show ip bgp", 0, "bgpd: show ip bgp\nsecond line\n"},
		{"show ip pim rp-info", 0, "pimd: show ip pim rp-info\nsecond line\n"},
		{"show ip mroute", 0, "pimd: show ip mroute\nsecond line\n"},
		{"show memory", 0, "zebra: show memory\nsecond line\n"},
		{"show ip route | include route", 0, "zebra: show ip route\n"},
		{"show ip route | count", 0, "Number of lines = 2\n"},
		{"show ip route | bogus", 2, "% Unknown command: show ip route | bogus\n"},
		{"show version", 0, "msdpd 1\n"},
		{"conf t\ndo show ip route", 0, "zebra: show ip route\nsecond line\n"},
		{"show bgp", 4, "% Command incomplete: show bgp\n"},
		// msdpd's own answer, where nobody else has one.
		{"show nothing", 2, "% [MSDP] Unknown command: show nothing\n"},
		// Nothing but what shows something.
		{"clear zebra", 2, "% [MSDP] Unknown command: clear zebra\n"},
		{"conf t\nip zebra", 2, "% [MSDP] Unknown command: ip zebra\n"},
		{"conf t\nshow ip route", 2, "% [MSDP] Unknown command: show ip route\n"},
	} {
		t.Run(tc.line, func(t *testing.T) {
			if code, stdout, _ := runs(t, dir, "-c", tc.line); code != tc.code || stdout != tc.stdout {
				t.Errorf("exit code %d, %q; want %d, %q", code, stdout, tc.code, tc.stdout)
			}
		})
	}
	t.Run("without privileges", func(t *testing.T) {
		// The neighbours have their commands in the enable mode alone.
		wants(t, dir, []string{"-u", "-c", "show ip mroute"}, 2, "% [MSDP] Unknown command: show ip mroute\n", "")
	})
	t.Run("in JSON", func(t *testing.T) {
		wants(t, dir, []string{"--json", "-c", "show ip route"}, 0, "zebra: show ip route json\nsecond line\n", "")
	})
}

// TestPassWhereMsdpdSays: the sockets of FRR's daemons are where msdpd itself looks for them.
func TestPassWhereMsdpdSays(t *testing.T) {
	dir, frr := t.TempDir(), t.TempDir()
	sh := vty.New(vty.Config{Daemon: "MSDP", Neighbors: frr})
	sh.Install(sh.View, "show version", "Show\nVersion", func(*vty.Call) error { return nil })
	serve(t, sh, filepath.Join(dir, "msdpd.vty"))
	neighbor(t, frr, "zebra", "show ip route")
	neighbor(t, dir, "staticd", "show ip route")
	wants(t, dir, []string{"-c", "show ip route"}, 0, "zebra: show ip route\nsecond line\n", "")
}

func TestNeighbors(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bgpd", "msdpd", "pimd", "staticd", "zebra"} {
		if err := os.WriteFile(filepath.Join(dir, name+".vty"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]string{
		"show ip route":        "zebra bgpd pimd staticd",
		"show bgp summary":     "bgpd zebra pimd staticd",
		"show ip igmp groups":  "pimd zebra bgpd staticd",
		"show ip pim neighbor": "pimd zebra bgpd staticd",
	} {
		var names []string
		for _, socket := range neighbors(dir, strings.Fields(line)) {
			names = append(names, strings.TrimSuffix(filepath.Base(socket), ".vty"))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	if got := neighbors("[", nil); !slices.Equal(got, nil) {
		t.Error(got)
	}
}

func TestJSON(t *testing.T) {
	dir := startDaemon(t)
	for _, tc := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"show ip msdp peer", 0, "{}\n", ""},
		{"sh ip msdp peer 10.0.0.1", 0, "{}\n", ""},
		{"show ip msdp peer json", 0, "{}\n", ""},
		{"show ip msdp peer | count", 0, "Number of lines = 1\n", ""},
		{"show version", 1, "", "msdpsh: \"show version\" has no JSON\n"},
		{"show ip", 4, "% Command incomplete: show ip\n", ""},
		{"show bogus", 2, "% [MSDP] Unknown command: show bogus json\n", ""},
		{"clear ip msdp sa-cache", 1, "% the cache is empty\n", ""},
		{"", 0, "", ""},
		{"do", 2, "% [MSDP] Unknown command: do\n", ""},
	} {
		wants(t, dir, []string{"--json", "-c", tc.line}, tc.code, tc.stdout, tc.stderr)
	}
}
