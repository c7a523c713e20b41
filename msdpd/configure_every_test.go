package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"msdpd/vty"
)

// configurationForm is a configuration command, or its `no` form.
type configurationForm struct {
	mode, syntax string
	parts        []part
}

// configurationForms are all there are, by the shell's own word, but for those that leave a mode, or
// that are about sessions.
func configurationForms(t *testing.T, sh *vty.Shell) []configurationForm {
	others := []string{"abort", "commit", "do", "end", "exit", "find", "ip access-list", "line", "list", "quit", "router", "show"}
	var out []configurationForm
	for _, c := range sh.Describe() {
		if c.Mode == "view" || c.Mode == "enable" || slices.ContainsFunc(others, func(o string) bool { return strings.HasPrefix(c.Syntax+" ", o+" ") }) {
			continue
		}
		positive, both := strings.CutPrefix(c.Syntax, "[no] ")
		out = append(out, configurationForm{c.Mode, positive, notation(t, positive)})
		if both {
			out = append(out, configurationForm{c.Mode, "no " + positive, notation(t, "no "+positive)})
		}
	}
	return out
}

// configurationValue is something to stand for a variable: of a few, so that `no` forms meet what is there.
func configurationValue(t *testing.T, r *rand.Rand, mode string, p part) string {
	of := func(values ...string) string { return values[r.IntN(len(values))] }
	switch {
	case !p.isVariable():
		return p.text
	case p.text[0] == '(':
		if p.name == "seq" {
			return of("5", "10", "15")
		}
		return p.number(t, r)
	}
	switch p.text + " " + p.name {
	case "A.B.C.D peer", "A.B.C.D member":
		return of("10.0.0.2", "10.0.0.3", "10.0.0.4", "0.0.0.0") // the last must leave nothing that is not printed
	case "A.B.C.D source":
		return of("10.0.0.1", "10.0.0.1", "0.0.0.0")
	case "A.B.C.D id", "A.B.C.D rp":
		return of("10.0.0.1", "10.0.0.100", "0.0.0.0")
	case "A.B.C.D xhost", "A.B.C.D xaddr", "A.B.C.D shost", "A.B.C.D saddr":
		return of("192.0.2.1", "198.51.100.7")
	case "A.B.C.D ghost", "A.B.C.D gaddr":
		return of("233.1.1.1", "234.1.1.1")
	case "A.B.C.D xwild", "A.B.C.D swild", "A.B.C.D gwild":
		return of("0.0.0.0", "0.0.0.255", "255.255.255.255")
	case "A.B.C.D/M prefix", "A.B.C.D/M group", "A.B.C.D/M gprefix":
		return of("233.1.0.0/16", "239.0.0.0/8")
	case "A.B.C.D/M xprefix", "A.B.C.D/M sprefix":
		return of("192.0.2.0/24", "10.0.0.0/8")
	case "IFNAME interface", "WORD interface":
		return of("lo", "eth0")
	case "WORD list", "WORD rps":
		return of("7", "107", "EDGE", "p", "in")
	case "WORD hash":
		return zebraHash
	case "KEY key":
		return of("k", "a|key", "08")
	case "FILE path", "FILE ":
		return "/var/log/frr/msdpd.log"
	case "LINE... text", "LINE... ", "WORD ", "WORD name", "WORD password":
		return of("one", "two")
	}
	t.Fatalf("%s: say what stands for %s$%s", mode, p.text, p.name)
	return ""
}

// TestEveryConfigurationCommand: each command that there is, in each of its forms, is taken at some
// time, and what is printed after any of them reads back as what is in force. A new command is tried by
// being there.
func TestEveryConfigurationCommand(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	sh := newDaemon(options{}).shell
	modes := map[string]string{
		"router pim": "router pim", "line vty": "line vty",
		"ip access-list standard": "ip access-list standard 8", "ip access-list extended": "ip access-list extended 108",
	}
	draft := newSettings()
	run := func(mode, line string) (taken bool) {
		s := sh.NewSession()
		s.SetValue(draftKey{}, draft)
		s.Enter(sh.Config)
		if enter := modes[mode]; enter != "" {
			if status := sh.Execute(t.Context(), s, enter, io.Discard); status != vty.Success {
				t.Fatalf("%s: %v", enter, status)
			}
		} else if mode != "configuration" {
			t.Fatalf("say how the mode %q is entered", mode)
		}
		var out strings.Builder
		switch status := sh.Execute(t.Context(), s, line, &out); status {
		case vty.Success, vty.Warning:
			return true
		case vty.NoMatch, vty.Ambiguous, vty.Incomplete:
			t.Fatalf("%s: %s: %s", mode, line, &out)
		}
		return false
	}
	todo, known := make(map[string]bool), make(map[string]bool)
	forms := configurationForms(t, sh)
	for _, f := range forms {
		todo[f.mode+": "+f.syntax], known[f.mode+": "+f.syntax] = true, true
	}
	const rounds = 400
	for i := 0; i < 20 || i < rounds && len(todo) > 0; i++ {
		r.Shuffle(len(forms), func(a, b int) { forms[a], forms[b] = forms[b], forms[a] })
		for _, f := range forms {
			name := f.mode + ": " + f.syntax
			if !todo[name] && strings.Contains(f.syntax, "WORD$password") {
				continue // to hash it takes long
			}
			line := one(r, f.parts, func(p part) string { return configurationValue(t, r, name, p) })
			before := lines(draft)
			if !run(f.mode, line) {
				continue
			}
			delete(todo, name)
			if negated := f.mode + ": no " + f.syntax; known[negated] && r.IntN(4) == 0 {
				adds := slices.ContainsFunc(lines(draft), func(l string) bool { return !slices.Contains(before, l) })
				if !run(f.mode, "no "+line) && adds {
					t.Fatalf("%s adds something, and its no form is not taken in\n%s", line, written(draft))
				}
				delete(todo, negated)
			}
			if r.IntN(50) == 0 {
				wantReadBack(t, draft)
			}
		}
		wantReadBack(t, draft)
		if i%10 == 9 {
			draft = newSettings()
		}
	}
	for name := range todo {
		t.Errorf("never taken in %d rounds: %s", rounds, name)
	}
}

// wantReadBack reads what is printed of s.
func wantReadBack(t *testing.T, s *settings) {
	t.Helper()
	text := written(s)
	back, err := read(t, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(fmt.Sprint(lines(s)), fmt.Sprint(lines(back))); diff != "" {
		t.Fatalf("-printed +printed of what was read back\n%s\n%s", diff, text)
	}
	if diff := cmp.Diff(s, back, settingsEqual); diff != "" {
		t.Fatalf("-in force +read back\n%s\n%s", diff, text)
	}
}
