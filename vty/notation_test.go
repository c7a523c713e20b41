package vty

import (
	"fmt"
	"strings"
	"testing"
)

// helpFor gives each token of a syntax a line of help.
func helpFor(syntax string) string {
	tokens := strings.FieldsFunc(syntax, func(r rune) bool { return strings.ContainsRune(" []<>|", r) })
	var lines []string
	for _, t := range tokens {
		if !strings.HasPrefix(t, "$") { // the name of a bracket
			lines = append(lines, "help")
		}
	}
	return strings.Join(lines, "\n")
}

func TestSyntaxTakesLines(t *testing.T) {
	for _, tc := range []struct {
		syntax string
		takes  []string
		not    []string
	}{
		{"show version", []string{"show version", "s v"}, []string{"show", "show version x", "versio"}},
		{"a [b] [c] d", []string{"a d", "a b d", "a c d", "a b c d"}, []string{"a c b d", "a b c", "a b b d"}},
		{"a [b|c|d e] f", []string{"a f", "a b f", "a c f", "a d e f"}, []string{"a d f", "a b c f"}},
		{"a <b|c d [e]>", []string{"a b", "a c d", "a c d e"}, []string{"a", "a c", "a b d"}},
		{"a [<b|<c|d>> e]", []string{"a", "a b e", "a c e", "a d e"}, []string{"a e", "a b"}},
		{"<show|clear> x", []string{"show x", "clear x"}, []string{"x"}},
		{"a A.B.C.D", []string{"a 10.0.0.1"}, []string{"a 10.0.0", "a 10.0.0.1/8", "a ::1", "a 010.0.0.1", "a 10.0.0.256"}},
		{"a A.B.C.D/M", []string{"a 10.0.0.0/8", "a 10.1.2.3/8", "a 0.0.0.0/0"}, []string{"a 10.0.0.0", "a 10.0.0.0/33", "a ::/0", "a 10.0.0.0/"}},
		{"a (1-65535)", []string{"a 1", "a 65535"}, []string{"a 0", "a 65536", "a -1", "a 1x", "a 99999999999999999999"}},
		{"[no] [[seq] (1-65535)] <b|c>", []string{"b", "10 b", "seq 10 b", "no 10 c", "no c"}, []string{"10", "seq b", "0 b", "10 no b"}},
		{"a (0-18446744073709551615)", []string{"a 18446744073709551615"}, []string{"a 18446744073709551616"}},
		{"a WORD IFNAME", []string{"a x y", "a 10.0.0.1 eth0"}, []string{"a x", "a x y z"}},
		{"a LINE...", []string{"a x", "a x y z"}, []string{"a"}},
		{"a [LINE...]", []string{"a", "a x y z"}, nil},
		{"a <b [WORD]|LINE...>", []string{"a b", "a b c", "a x y z", "a b c d"}, nil},
		{"[no] a b", []string{"a b", "no a b"}, []string{"no", "no no a b"}},
	} {
		t.Run(tc.syntax, func(t *testing.T) {
			tr := newTree()
			items, err := parseSyntax(tc.syntax, helpFor(tc.syntax))
			if err != nil {
				t.Fatal(err)
			}
			cmd := &command{}
			if rest, ok := cutNo(items); ok {
				if err := tr.add(rest, cmd); err != nil {
					t.Fatal(err)
				}
				items = withNo(items)
			}
			if err := tr.add(items, cmd); err != nil {
				t.Fatal(err)
			}
			for _, line := range tc.takes {
				if _, bad := tr.parse(line, split(line)); bad != nil {
					t.Errorf("%q is not taken: %v", line, bad)
				}
			}
			for _, line := range tc.not {
				if _, bad := tr.parse(line, split(line)); bad == nil {
					t.Errorf("%q is taken", line)
				}
			}
		})
	}
}

func TestInstallPanicsOnBadDeclarations(t *testing.T) {
	run := func(*Call) error { return nil }
	for _, tc := range []struct{ syntax, help, want string }{
		{"", "x", "nothing between"},
		{"show version", "Show", "1 lines of help for 2 tokens"},
		{"show version", "Show\n\n", "no help for version"},
		{"show [version", "Show\nVersion", "']' is missing"},
		{"show version]", "Show\nVersion", "unexpected ']'"},
		{"show <a]", "Show\nA", "unexpected ']'"},
		{"show <a|>", "Show\nA", "nothing between"},
		{"show []", "Show", "nothing between"},
		{"show | version", "Show\nVersion", "alternatives stand in"},
		{"show (5-1)", "Show\nN", "no range"},
		{"show (1-x)", "Show\nN", "no range"},
		{"show (1-5", "Show\nN", "no range"},
		{"show X:X::X:X", "Show\nN", "no token"},
		{"show {a|b}", "Show\nA\nB", "no token"},
		{"show WORD$", "Show\nN", "no name behind $"},
		{"show LINE... x", "Show\nText\nX", "nothing can follow LINE..."},
		{"[show]", "Show", "an empty line would match"},
		{"WORD x", "W\nX", "begins with a keyword or a number, not with WORD"},
		{"[no] WORD x", "No\nW\nX", "begins with a keyword or a number, not with WORD"},
		{"show ip [json]", "Show\nIP\nJSON", `says the same as "show ip json"`},
		{"show ip <NAME|A.B.C.D>", "Show\nIP\nN\nA", `says the same as "show ip WORD`},
	} {
		t.Run(tc.syntax, func(t *testing.T) {
			s := New(Config{})
			s.Install(s.Enable, "show ip json", "Show\nIP\nJSON", run)
			s.Install(s.Enable, "show ip WORD$name [x]", "Show\nIP\nName\nX", run)
			defer func() {
				got := fmt.Sprint(recover())
				if !strings.Contains(got, tc.want) {
					t.Errorf("panic %q, want %q", got, tc.want)
				}
			}()
			s.Install(s.Enable, tc.syntax, tc.help, run)
		})
	}
	t.Run("nothing to run", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		s := New(Config{})
		s.Install(s.Enable, "show it", "Show\nIt", nil)
	})
}

func TestNames(t *testing.T) {
	s := New(Config{})
	var got string
	s.Install(s.Enable, "peer A.B.C.D$peer <up|down>$state [speed (1-9)] [net A.B.C.D/M] [key WORD$secret] LINE...",
		"Peer\nAddress\nUp\nDown\nSpeed\nN\nNet\nPrefix\nKey\nSecret\nText", func(c *Call) error {
			addr, ok := c.AddrOK("peer")
			n, numbered := c.UintOK("(1-9)")
			got = fmt.Sprintln(addr, ok, c.Addr("peer"), c.Arg("state"), c.Has("up"), c.Has("down"), c.Has("speed"), n, numbered,
				c.Uint("(1-9)"), c.Prefix("A.B.C.D/M"), c.Has("secret"), c.Arg("LINE..."), c.Arg("bogus"), c.Has("bogus"))
			return nil
		})
	for line, want := range map[string]string{
		"peer 10.0.0.1 u text":                           "10.0.0.1 true 10.0.0.1 up true false false 0 false 0 invalid Prefix false text  false",
		"p 10.0.0.2 down sp 7 net 10.1.1.1/8 key x a  b": "10.0.0.2 true 10.0.0.2 down false true true 7 true 7 10.1.1.1/8 true a  b  false",
	} {
		if out, status, _ := execute(t, s, "enable", line); status != Success || got != want+"\n" {
			t.Errorf("%q: %v %s\n%s\nwant\n%s", line, status, out, got, want)
		}
	}
}
