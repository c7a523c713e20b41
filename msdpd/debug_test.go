package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/vty"
)

func (r *shellRig) wantDebugging(want string) {
	r.t.Helper()
	if got := r.run("show debugging"); got != "MSDP debugging status:\n"+want {
		r.t.Errorf("show debugging:\n%swant\n%s", got, want)
	}
}

func TestDebugCommands(t *testing.T) {
	r := newShellRig(t)
	r.wantDebugging("")
	r.run("debug msdp sa peer 10.0.0.2", "debug msdp sa peer 10.0.0.1", "deb ms ev", "debug msdp zebra")
	r.wantDebugging(`  MSDP events debugging is on
  MSDP sa debugging is on for peer 10.0.0.1
  MSDP sa debugging is on for peer 10.0.0.2
  MSDP zebra debugging is on
`)
	if got := decode(t, r.run("show debugging json"))["debugging"].([]any); len(got) != 4 || got[1].(map[string]any)["peer"] != "10.0.0.1" {
		t.Errorf("as JSON: %v", got)
	}
	r.run("undebug msdp sa peer 10.0.0.1", "no debug msdp zebra")
	r.wantDebugging("  MSDP events debugging is on\n  MSDP sa debugging is on for peer 10.0.0.2\n")
	r.refused("debug msdp zebra peer 10.0.0.1", "Unknown command")
	r.refused("debug msdp packts", "Unknown command")
	r.refused("debug msdp events peer 0.0.0.0", "0.0.0.0 cannot be a router's address")
	r.refused("debug msdp events peer 239.1.1.1", "239.1.1.1 cannot be a router's address")
	r.run("undebug all")
	r.wantDebugging("")
	r.run("debug msdp")
	for _, k := range debug.Kinds() {
		if !r.d.instance.debug.Of(k, ipv4.MustParse("10.0.0.1")) {
			t.Errorf("`debug msdp` does not watch %v", k)
		}
	}
	r.run("no debug all")
	r.wantDebugging("")
	if got := r.run("show running-config"); strings.Contains(got, "debug") {
		t.Errorf("what was watched by hand is in the configuration:\n%s", got)
	}
}

// What the configuration names is watched from the start; what was asked for by hand is not lost when it changes.
func TestDebugInTheConfiguration(t *testing.T) {
	r := newShellRig(t)
	r.run("debug msdp rpf", "configure terminal", "debug msdp packets peer 10.0.0.1", "debug msdp pim")
	r.wantRunning("debug msdp packets peer 10.0.0.1", "debug msdp pim")
	r.run("no debug msdp pim", "end")
	r.wantDebugging("  MSDP packets debugging is on for peer 10.0.0.1\n  MSDP rpf debugging is on\n")
	r.run("undebug all")
	r.wantRunning("debug msdp packets peer 10.0.0.1")
	r.run("configure terminal", "no debug msdp packets", "end")
	r.wantRunning()
}

// What is watched is in the log of the options whatever --log-level is, and elsewhere where the level permits it.
func TestDebugLinesAreLogged(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	targets := newLogTargets(t.TempDir(), core, "file", &vty.Monitor{}, newRecentLog())
	quiet, loud := filepath.Join(targets.dir, "quiet"), filepath.Join(targets.dir, "loud")
	l := debug.New(zap.New(debugCore{targets}).Named("debug"))
	for path, level := range map[string]string{quiet: "informational", loud: "debugging"} {
		s := newLogSettings()
		s.path, s.file = path, level
		if err := targets.apply(s); err != nil {
			t.Fatal(err)
		}
		l.Write(debug.SAs, "SA received", zap.Stringer("peer", ipv4.MustParse("10.0.0.1")))
	}
	if n := logged.FilterMessage("SA received").Len(); n != 2 || logged.All()[0].LoggerName != "debug.sa" {
		t.Errorf("%d lines in the log of the options: %v", n, logged.All())
	}
	if got := fileText(t, quiet); got != "" {
		t.Errorf("in the file at informational: %s", got)
	}
	if got := fileText(t, loud); !strings.Contains(got, `DEBUG debug.sa SA received {"peer": "10.0.0.1"}`) {
		t.Errorf("in the file at debugging: %q", got)
	}
}

// A session key is in no line, whatever is watched.
func TestDebugHidesKeys(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	in := newIdleInstance()
	in.debug = debug.New(zap.New(core))
	in.speaker.Debug(in.debug)
	var all debug.Set
	for _, k := range debug.Kinds() {
		all = all.With(debug.Item{Kind: k})
	}
	in.debug.Watch(all)
	c := msdp.Config{Timers: msdp.DefaultTimers()}
	p := c.AddPeer(ipv4.MustParse("10.0.0.2"))
	p.Local, p.Guard.Key = ipv4.MustParse("10.0.0.1"), "the-secret"
	in.speaker.Apply(in.now, c)
	in.speaker.Tick(in.now)
	if logged.FilterMessage("peer state").Len() == 0 {
		t.Fatal("nothing is told of the peer")
	}
	for _, e := range logged.All() {
		if strings.Contains(e.Message, "the-secret") || strings.Contains(fmt.Sprint(e.ContextMap()), "the-secret") {
			t.Errorf("%v", e)
		}
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
