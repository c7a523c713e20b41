package vty

import (
	"errors"
	"strings"
	"testing"
)

// newTestShell has a handful of commands as a daemon declares them. Each writes its first
// word of output and what it was given.
func newTestShell() *Shell {
	s := New(Config{Hostname: func() string { return "rp1" }, Daemon: "MSDP"})
	router := &Mode{Name: "router pim", Prompt: "(config-router-pim)#", Parent: s.Config}
	s.Install(s.View, "show ip msdp peer [<A.B.C.D$peer|detail>] [json]",
		"Show\nIP\nMSDP\nPeers\nOne peer\nAll there is\nJSON", say("peer", "peer", "detail", "json"))
	s.Install(s.View, "show ip msdp sa [detail] [json]", "Show\nIP\nMSDP\nCache\nAll there is\nJSON", say("sa", "detail", "json"))
	s.Install(s.View, "show ip mroute [json]", "Show\nIP\nThe kernel's cache\nJSON", say("mroute", "json"))
	s.Install(s.View, "show ip multicast", "Show\nIP\nState", say("multicast"))
	s.Install(s.Enable, "clear ip msdp sa-cache", "Clear\nIP\nMSDP\nCache", func(*Call) error {
		return Warningf("the cache is empty")
	})
	s.Install(s.Enable, "write file", "Write\nFile", func(*Call) error { return errors.New("the disk is full") })
	s.Install(s.Config, "[no] ip msdp timers (1-65535)$keepalive (1-65535)$hold [(1-65535)$retry]",
		"Negate\nIP\nMSDP\nTimers\nKeepalive\nHold\nRetry", func(c *Call) error {
			if c.Uint("hold") <= c.Uint("keepalive") {
				return errors.New("the hold time must be longer than the keepalive")
			}
			return say("timers", "keepalive", "hold", "retry")(c)
		})
	s.Install(s.Config, "ip msdp peer A.B.C.D$peer source A.B.C.D$source [as (1-4294967295)$asn]",
		"IP\nMSDP\nPeer\nIts address\nSource\nOurs\nAS\nIts number", say("peer", "peer", "source", "asn"))
	s.Install(s.Config, "[no] ip msdp peer A.B.C.D$peer description LINE...$text",
		"Negate\nIP\nMSDP\nPeer\nIts address\nDescription\nThe text", say("description", "peer", "text"))
	s.Install(s.Config, "ip msdp old-timers", "IP\nMSDP\nTimers of old", func(*Call) error { return Warningf("no longer of use") })
	s.Install(s.Config, "router pim", "Router\nPIM", func(c *Call) error {
		c.Session.Enter(router)
		return nil
	})
	s.Install(router, "msdp originator-id A.B.C.D$id", "MSDP\nRP of our SAs\nAddress", say("originator", "id"))
	s.Install(router, "msdp timers", "MSDP\nTimers", func(*Call) error { return errors.New("not here") })
	return s
}

// say is a command that writes its word and its arguments: "peer no detail=detail".
func say(word string, names ...string) func(*Call) error {
	return func(c *Call) error {
		c.Printf("%s", word)
		if c.No {
			c.Printf(" no")
		}
		for _, name := range names {
			if c.Has(name) {
				c.Printf(" %s=%s", name, c.Arg(name))
			}
		}
		c.Printf("\n")
		return nil
	}
}

// modeNamed finds a mode of a shell.
func modeNamed(t *testing.T, s *Shell, name string) *Mode {
	for m := range s.trees {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no mode %q", name)
	return nil
}

// execute runs a line in a mode and returns what came.
func execute(t *testing.T, s *Shell, mode, line string) (out string, status Status, after string) {
	session := s.NewSession()
	session.Enter(modeNamed(t, s, mode))
	session.marks = true
	var b strings.Builder
	status = s.Execute(t.Context(), session, line, &b)
	return b.String(), status, session.Mode().Name
}

func TestExecute(t *testing.T) {
	s := newTestShell()
	for _, tc := range []struct {
		mode, line string
		out        string
		status     Status
		after      string // the mode, if another
	}{
		{mode: "view", line: "show ip msdp peer", out: "peer\n"},
		{mode: "view", line: "\t sh  ip\tms pe \r\n", out: "peer\n"},
		{mode: "view", line: "sh ip ms pe 10.0.0.1 j", out: "peer peer=10.0.0.1 json=json\n"},
		{mode: "view", line: "sh ip ms pe d j", out: "peer detail=detail json=json\n"},
		{mode: "enable", line: "show ip msdp sa", out: "sa\n"},
		{mode: "view", line: ""},
		{mode: "view", line: " \t"},
		{mode: "view", line: "! anything"},
		{mode: "view", line: " # anything"},

		{mode: "configuration", line: "ip ms t 10 20", out: "timers keepalive=10 hold=20\n"},
		{mode: "configuration", line: "no ip ms t 10 20 30", out: "timers no keepalive=10 hold=20 retry=30\n"},
		{mode: "configuration", line: "ip msdp peer 10.0.0.1 source 10.0.0.2 as 4200000000", out: "peer peer=10.0.0.1 source=10.0.0.2 asn=4200000000\n"},
		{mode: "configuration", line: "ip msdp peer 10.0.0.1 desc  to  the ! north \t", out: "description peer=10.0.0.1 text=to  the ! north\n"},
		{mode: "configuration", line: "ip msdp timers 20 10", status: ConfigFailed, out: "% the hold time must be longer than the keepalive\n"},
		{mode: "configuration", line: "ip msdp old-timers", status: Warning, out: "% no longer of use\n"},
		{mode: "enable", line: "clear ip msdp sa-cache", status: Warning, out: "% the cache is empty\n"},
		{mode: "enable", line: "write file", status: Warning, out: "% the disk is full\n"},

		{mode: "view", line: "enable", after: "enable"},
		{mode: "enable", line: "ena", after: "enable"},
		{mode: "enable", line: "disable", after: "view"},
		{mode: "enable", line: "conf t", after: "configuration"},
		{mode: "enable", line: "configure", after: "configuration"},
		{mode: "configuration", line: "router pim", after: "router pim"},
		{mode: "configuration", line: "exit", after: "enable"},
		{mode: "router pim", line: "quit", after: "configuration"},
		{mode: "router pim", line: "end", after: "enable"},

		{mode: "configuration", line: "do sh ip msdp sa", out: "sa\n"},
		{mode: "router pim", line: "do conf t"},
		{mode: "configuration", line: "do write file", status: Warning, out: "% the disk is full\n"},

		{mode: "router pim", line: "msdp originator-id 10.0.0.1", out: "originator id=10.0.0.1\n"},
		{mode: "router pim", line: "ip msdp timers 10 20", out: "timers keepalive=10 hold=20\n", after: "configuration"},
		{mode: "router pim", line: "ip msdp old-timers", status: Warning, out: "% no longer of use\n", after: "configuration"},
		{mode: "router pim", line: "ip msdp timers 20 10", status: ConfigFailed, out: "% the hold time must be longer than the keepalive\n"},
		{mode: "router pim", line: "msdp timers", status: ConfigFailed, out: "% not here\n"},
	} {
		out, status, after := execute(t, s, tc.mode, tc.line)
		if tc.after == "" {
			tc.after = tc.mode
		}
		if out != tc.out || status != tc.status || after != tc.after {
			t.Errorf("%s: %q gave %v in %s and wrote %q; want %v in %s and %q",
				tc.mode, tc.line, status, after, out, tc.status, tc.after, tc.out)
		}
	}
}

func TestExecutePointsAtErrors(t *testing.T) {
	s := newTestShell()
	for _, tc := range []struct {
		mode, line string
		status     Status
		want       []string
	}{
		{"view", "sh ip m", Ambiguous, []string{
			"% Ambiguous command: sh ip m",
			"                           ^ could be mroute or multicast"}},
		{"view", "show ip", Incomplete, []string{
			"% Command incomplete: show ip",
			"                              ^ expected mroute, msdp or multicast"}},
		{"view", "sh ip ms pe 1.2.3", NoMatch, []string{
			"% [MSDP] Unknown command: sh ip ms pe 1.2.3",
			"                                      ^ expected detail, json, A.B.C.D or the end"}},
		{"view", "show ip msdp peer json detail", NoMatch, []string{
			"% [MSDP] Unknown command: show ip msdp peer json detail",
			"                                                 ^ nothing can follow here"}},
		{"view", "bogus cmd", NoMatch, []string{
			"% [MSDP] Unknown command: bogus cmd",
			"                          ^"}},
		{"configuration", "ip msdp peer 10.0.0.256 source 10.0.0.1", NoMatch, []string{
			"% [MSDP] Unknown command: ip msdp peer 10.0.0.256 source 10.0.0.1",
			"                                       ^ not an IPv4 address A.B.C.D"}},
		{"configuration", "ip msdp timers 10 70000", NoMatch, []string{
			"% [MSDP] Unknown command: ip msdp timers 10 70000",
			"                                            ^ expected (1-65535)"}},
		{"configuration", "do bogus", NoMatch, []string{
			"% [MSDP] Unknown command: do bogus",
			"                             ^"}},
		{"configuration", "do", Incomplete, []string{
			"% Command incomplete: do",
			"                         ^ expected COMMAND..."}},
		{"router pim", "msdp originator-id x", NoMatch, []string{
			"% [MSDP] Unknown command: msdp originator-id x",
			"                                             ^ not an IPv4 address A.B.C.D"}},
		{"router pim", "ip msdp timers x", NoMatch, []string{
			"% [MSDP] Unknown command: ip msdp timers x",
			"                                         ^ expected (1-65535)"}},
		{"configuration", "show ip msdp sa", NoMatch, []string{
			"% [MSDP] Unknown command: show ip msdp sa",
			"                          ^ a command of the enable mode: put do before it"}},
		{"view", "clear ip msdp sa-cache", NoMatch, []string{
			"% [MSDP] Unknown command: clear ip msdp sa-cache",
			"                          ^ a command of the enable mode: enable comes first"}},
		{"enable", "ip msdp timers 10 20", NoMatch, []string{
			"% [MSDP] Unknown command: ip msdp timers 10 20",
			"                          ^ a command of the configuration: configure terminal comes first"}},
		{"configuration", "ip msdp peer 10.0.0.1 description a\nip msdp peer", NoMatch, []string{
			"% [MSDP] Unknown command: ip msdp peer 10.0.0.1 description a?ip msdp peer",
			"                                                             ^ a control character"}},
		{"configuration", "ip msdp peer 10.0.0.1 description Z\xfcrich", NoMatch, []string{
			"% [MSDP] Unknown command: ip msdp peer 10.0.0.1 description Z?rich",
			"                                                             ^ not UTF-8"}},
		{"configuration", "Zürich\tbogus", NoMatch, []string{
			"% [MSDP] Unknown command: Zürich bogus",
			"                          ^"}},
	} {
		out, status, after := execute(t, s, tc.mode, tc.line)
		if want := strings.Join(tc.want, "\n") + "\n"; out != want || status != tc.status {
			t.Errorf("%s: %q gave %v and\n%swant %v and\n%s", tc.mode, tc.line, status, out, tc.status, want)
		}
		if after != tc.mode {
			t.Errorf("%s: %q moved the session to %s", tc.mode, tc.line, after)
		}
	}
}

func TestExitEndsTheSession(t *testing.T) {
	s := newTestShell()
	for _, mode := range []*Mode{s.View, s.Enable, s.Config} {
		session := s.NewSession()
		session.Enter(mode)
		var b strings.Builder
		if status := s.Execute(t.Context(), session, "exit", &b); status != Success || session.Ended() != (mode != s.Config) {
			t.Errorf("%s: %v, ended %v", mode.Name, status, session.Ended())
		}
	}
}

func TestPromptFollowsTheMode(t *testing.T) {
	s := newTestShell()
	session := s.NewSession()
	prompts := []string{session.Prompt()}
	for _, line := range []string{"enable", "conf t", "router pim"} {
		s.Execute(t.Context(), session, line, &strings.Builder{})
		prompts = append(prompts, session.Prompt())
	}
	if got, want := strings.Join(prompts, "|"), "rp1> |rp1# |rp1(config)# |rp1(config-router-pim)# "; got != want {
		t.Errorf("prompts %q, want %q", got, want)
	}
}

func TestListShowsTheDeclarations(t *testing.T) {
	out, status, _ := execute(t, newTestShell(), "router pim", "list")
	want := "    do COMMAND...\n    end\n    exit\n    find REGEX...\n    list\n    msdp originator-id A.B.C.D$id\n    msdp timers\n    quit\n"
	if status != Success || out != want {
		t.Errorf("%v, %s", status, out)
	}
}

func TestValuesBelongToTheSession(t *testing.T) {
	type key struct{}
	s := newTestShell()
	a, b := s.NewSession(), s.NewSession()
	a.SetValue(key{}, "mine")
	if a.Value(key{}) != "mine" || b.Value(key{}) != nil {
		t.Errorf("%v, %v", a.Value(key{}), b.Value(key{}))
	}
}

func TestModeWithoutCommands(t *testing.T) {
	s := newTestShell()
	session := s.NewSession()
	session.Enter(&Mode{Name: "bare", Parent: s.Config})
	var b strings.Builder
	if status := s.Execute(t.Context(), session, "router pim", &b); status != Success || session.Mode().Name != "router pim" {
		t.Errorf("%v, %s", status, b.String())
	}
}
