package vty

import (
	"context"
	"strings"
	"testing"
)

// testShell is a shell with a few commands that write what they were given.
func testShell(t testing.TB) *Shell {
	s := New(Config{Hostname: func() string { return "rp1" }, Daemon: "MSDP"})
	say := func(format string, names ...string) func(*Call) error {
		return func(c *Call) error {
			c.Printf("%s", format)
			if c.No {
				c.Printf(" no")
			}
			for _, n := range names {
				if c.Has(n) {
					c.Printf(" %s=%s", n, c.Arg(n))
				}
			}
			c.Printf("\n")
			return nil
		}
	}
	router := &Mode{Name: "router pim", Prompt: "(config-router-pim)#", Parent: s.Config}
	s.Install(s.View, "show ip msdp peer [<A.B.C.D$peer|detail>] [json]",
		"Show\nIP\nMSDP\nPeers\nOne peer\nAll there is\nJSON", say("peer", "peer", "detail", "json"))
	s.Install(s.View, "show ip msdp sa [detail] [json]", "Show\nIP\nMSDP\nCache\nAll\nJSON", say("sa", "detail", "json"))
	s.Install(s.View, "show ip mroute [json]", "Show\nIP\nKernel's cache\nJSON", say("mroute", "json"))
	s.Install(s.View, "show ip multicast", "Show\nIP\nState", say("multicast"))
	s.Install(s.Config, "[no] ip msdp timers (1-65535)$keepalive (1-65535)$hold [(1-65535)$retry]",
		"Negate\nIP\nMSDP\nTimers\nKeepalive\nHold\nRetry", say("timers", "keepalive", "hold", "retry"))
	s.Install(s.Config, "ip msdp peer A.B.C.D$peer source A.B.C.D$source [as (1-4294967295)$asn]",
		"IP\nMSDP\nPeer\nIts address\nSource\nOurs\nAS\nIts number", say("peer", "peer", "source", "asn"))
	s.Install(s.Config, "[no] ip msdp peer A.B.C.D$peer description LINE...$text",
		"Negate\nIP\nMSDP\nPeer\nIts address\nDescription\nThe text", say("description", "peer", "text"))
	s.Install(s.Config, "router pim", "Router\nPIM", func(c *Call) error { c.Session.Enter(router); return nil })
	s.Install(router, "msdp originator-id A.B.C.D$id", "MSDP\nRP of our SAs\nAddress", say("originator", "id"))
	return s
}

// execute runs a line in a mode and returns what came.
func execute(s *Shell, mode *Mode, line string) (string, Status, *Session) {
	session := s.NewSession()
	session.Enter(mode)
	var out strings.Builder
	status := s.Execute(context.Background(), session, line, &out)
	return out.String(), status, session
}

func TestDemo(t *testing.T) {
	s := testShell(t)
	for _, l := range []string{"sh ip ms pe", "sh ip m", "sh ip", "sh ip ms pe 1.2.3", "sh ip ms pe 10.0.0.1 j", "bogus cmd", "show ip msdp peer json detail", "list", "ena", "e"} {
		o, st, _ := execute(s, s.View, l)
		t.Logf("%s -> %d\n%s", l, st, o)
	}
	for _, l := range []string{"no ip ms t 10 20", "ip ms t 0 20", "ip msdp peer 10.0.0.1 des  hello  world ", "do sh ip ms sa", "do bogus", "do", "router pim"} {
		o, st, _ := execute(s, s.Config, l)
		t.Logf("%s -> %d\n%s", l, st, o)
	}
	t.Log(s.Load(t.Context(), strings.NewReader("! hi\nrouter pim\n msdp originator-id 1.2.3\n msdp originator-id 1.2.3.4\nip msdp peer 1.1.1.1 source 2.2.2.2\nexit\nfoo\n"), s.NewSession()))
	t.Log(s.Complete(s.NewSession(), "show ip m"), s.Complete(s.NewSession(), "show ip ms pe "))
}
