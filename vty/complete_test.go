package vty

import (
	"fmt"
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	s := newTestShell()
	for _, tc := range []struct{ mode, line, want string }{
		{"view", "", "disable enable exit find list quit show terminal who"},
		{"view", "e", "enable exit"},
		{"view", "show ip m", "mroute msdp multicast"},
		{"view", "sh ip ms ", "peer sa"},
		{"view", "show ip msdp peer", "peer"},
		{"view", "show ip msdp peer ", "detail json +A.B.C.D +| <cr>"},
		{"view", "show ip msdp peer 10.", "+A.B.C.D"},
		{"view", "show ip msdp peer detail\t", "json +| <cr>"},
		{"view", "show ip msdp peer detail json ", "+| <cr>"},
		{"view", "show ip m ", "json peer sa +| <cr>"},
		{"view", "bogus ", ""},
		{"configuration", "ip msdp timers ", "+(1-65535)"},
		{"configuration", "ip msdp timers 10 20 ", "+(1-65535) <cr>"},
		{"configuration", "ip msdp timers x", ""},
		{"configuration", "ip msdp peer 10.0.0.1 description ", "+LINE..."},
		{"configuration", "ip msdp peer 10.0.0.1 description some te", "+LINE..."},
		{"configuration", "ip msdp peer 10.0.0.1 description some text ", "+LINE... <cr>"},
		{"configuration", "do sh ip ms ", "peer sa"},
		{"configuration", "do ", "clear configure disable enable exit find list quit show terminal who write"},
		{"view", "show ip msdp sa |", "begin count exclude include"},
		{"view", "show ip msdp sa | e", "exclude"},
		{"view", "show ip msdp sa | include ", "+REGEX"},
		{"view", "show ip msdp sa | include x ", "+REGEX +| <cr>"},
		{"view", "show ip msdp sa | include x | c", "count"},
		{"view", "show ip msdp sa | bogus ", ""},
		{"view", "show ip | ", ""},
		{"view", "show\x00", ""},
	} {
		session := s.NewSession()
		session.Enter(modeNamed(t, s, tc.mode))
		var got []string
		for _, c := range s.Complete(session, tc.line) {
			text := c.Text
			if c.Variable {
				text = "+" + text
			}
			if c.Help == "" != (c.Text == CR) {
				t.Errorf("%q: help of %s is %q", tc.line, c.Text, c.Help)
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q: %q, want %q", tc.mode, tc.line, got, tc.want)
		}
	}
	if got := fmt.Sprint(s.Complete(s.NewSession(), "show ip msdp ")); got != "[{peer Peers false} {sa Cache false}]" {
		t.Error(got)
	}
}
