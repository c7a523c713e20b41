package vty

import (
	"strings"
	"testing"
)

// treeOf compiles declarations whose commands are known by their syntax.
func treeOf(t testing.TB, syntaxes ...string) *tree {
	tr := newTree()
	for _, syntax := range syntaxes {
		items, err := parseSyntax(syntax, helpFor(syntax))
		if err == nil {
			err = tr.add(items, &command{syntax: syntax})
		}
		if err != nil {
			t.Fatalf("%s: %v", syntax, err)
		}
	}
	return tr
}

func TestMatchPrefers(t *testing.T) {
	tr := treeOf(t, "show peer", "show peers [all]", "show WORD$name", "show A.B.C.D$address", "show A.B.C.D/M",
		"show (1-99)", "show ip mroute", "show ip msdp peer", "show ip msdp sa", "show ip LINE...",
		"set (1-5)$low", "set (3-9)$high", "get abc x", "get abd y", "get WORD z")
	for _, tc := range []struct{ line, syntax string }{
		{"show peer", "show peer"},                // a whole keyword before the beginning of a longer one
		{"show peer all", ""},                     // and for good: no guess at peers
		{"show peers all", "show peers [all]"},    //
		{"show pee", "?"},                         // peer or peers
		{"show pee all", "show peers [all]"},      // what follows decides
		{"show 10.0.0.1", "show A.B.C.D$address"}, // the more particular before WORD
		{"show 10.0.0.0/8", "show A.B.C.D/M"},
		{"show 7", "show (1-99)"},
		{"show 100", "show WORD$name"},
		{"show other", "show WORD$name"},
		{"sh ip ms pe", "show ip msdp peer"},
		{"sh ip m s", "show ip msdp sa"},
		{"sh ip m x", "show ip LINE..."},
		{"show ip msdp sa json", "show ip LINE..."},
		{"set 1", "set (1-5)$low"},
		{"set 4", "set (1-5)$low"}, // the one declared first
		{"set 9", "set (3-9)$high"},
		{"get ab x", "get abc x"},
		{"get ab y", "get abd y"},
		{"get ab z", "get WORD z"},
	} {
		m, bad := tr.parse(tc.line, split(tc.line))
		got := ""
		switch {
		case bad == nil:
			got = m.cmd.syntax
		case bad.status == Ambiguous:
			got = "?"
		}
		if got != tc.syntax {
			t.Errorf("%q is %q, want %q (%v)", tc.line, got, tc.syntax, bad)
		}
	}
}

func TestMatchAmbiguityNamesTheFirstWord(t *testing.T) {
	tr := treeOf(t, "show ip mroute summary", "show ip msdp sa", "show ip msdp state", "show ip multicast sources")
	for _, tc := range []struct {
		line, want string
		at         int
	}{
		{"show ip m s", "mroute msdp multicast", 8},
		{"show ip ms s", "sa state", 11},
		{"show ip m so", "", 0},
	} {
		_, bad := tr.parse(tc.line, split(tc.line))
		if tc.want == "" {
			if bad != nil {
				t.Errorf("%q: %v", tc.line, bad)
			}
			continue
		}
		if bad == nil || bad.status != Ambiguous || bad.at != tc.at || strings.Join(bad.expected, " ") != tc.want {
			t.Errorf("%q: %+v, want %s at %d", tc.line, bad, tc.want, tc.at)
		}
	}
}

// A line with two meanings for every word has 2^40 of them all told.
func TestMatchDoesNotTryEveryWay(t *testing.T) {
	const words = 40
	tr := treeOf(t, "x"+strings.Repeat(" [<aa|ab>]", words)+" end", "y"+strings.Repeat(" [<WORD|A.B.C.D>]", words)+" end")
	for _, tc := range []struct {
		line string
		want Status
	}{
		{"x" + strings.Repeat(" a", words) + " end", Ambiguous},
		{"x" + strings.Repeat(" a", words/2) + " end", Ambiguous},
		{"x" + strings.Repeat(" a", words+1) + " end", NoMatch},
		{"y" + strings.Repeat(" 10.0.0.1", words), Incomplete},
		{"y" + strings.Repeat(" a", 5000), NoMatch},
	} {
		_, bad := tr.parse(tc.line, split(tc.line))
		if bad == nil || bad.status != tc.want {
			t.Errorf("%.30q…: %v, want %v", tc.line, bad, tc.want)
		}
	}
}

func FuzzExecute(f *testing.F) {
	for _, line := range []string{
		"show ip msdp peer 10.0.0.1 json", "sh ip m", "no ip msdp timers 1 2 3", "ip msdp peer 1.1.1.1 description a  b",
		"do sh ip", "! x", "\xff\xfe", "do", "ip\tmsdp\tpeer", "exit", "end", "router pim",
		"|", "| include a", "do |", "do | count",
	} {
		f.Add(line)
	}
	s := newTestShell()
	f.Fuzz(func(t *testing.T, line string) {
		for mode := range s.trees {
			session := s.NewSession()
			session.Enter(mode)
			var out strings.Builder
			status := s.Execute(t.Context(), session, line, &out)
			text := out.String()
			if status != Success && (!strings.HasPrefix(text, "% ") || !strings.HasSuffix(text, "\n")) {
				t.Errorf("%s: %q gave %v and %q", mode.Name, line, status, text)
			}
			if status != Success && strings.ContainsAny(text, "\x00\x1b\r") {
				t.Errorf("%s: %q was echoed as %q", mode.Name, line, text)
			}
			for _, c := range s.Complete(session, line) {
				if c.Text == "" {
					t.Errorf("%s: %q has an empty candidate", mode.Name, line)
				}
			}
		}
	})
}
