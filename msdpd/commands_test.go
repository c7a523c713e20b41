package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// part is a word of a command's notation, or a bracket with its alternatives.
type part struct {
	text, name string
	alts       [][]part
	optional   bool
}

// notation reads what Describe gives as a command's syntax.
func notation(t *testing.T, syntax string) []part {
	t.Helper()
	alts, rest := readAlternatives(syntax)
	if len(alts) != 1 || rest != "" {
		t.Fatalf("%q: %q is left", syntax, rest)
	}
	return alts[0]
}

// readAlternatives reads up to a closing bracket, which it takes off, or the end.
func readAlternatives(s string) (alts [][]part, rest string) {
	alts = [][]part{nil}
	for s != "" {
		last := &alts[len(alts)-1]
		switch s[0] {
		case ' ':
			s = s[1:]
		case '|':
			alts, s = append(alts, nil), s[1:]
		case ']', '>':
			return alts, s[1:]
		case '[', '<':
			p := part{optional: s[0] == '['}
			p.alts, s = readAlternatives(s[1:])
			if strings.HasPrefix(s, "$") { // the name of whichever is chosen
				s = s[len(s)-len(strings.TrimLeft(s[1:], "abcdefghijklmnopqrstuvwxyz")):]
			}
			*last = append(*last, p)
		default:
			end := strings.IndexAny(s, " |[]<>")
			if s[0] == '(' {
				end = strings.IndexAny(s, ")") + 1
				end += max(strings.IndexAny(s[end:]+" ", " |[]<>"), 0)
			}
			if end < 0 {
				end = len(s)
			}
			text, name, _ := strings.Cut(s[:end], "$")
			*last, s = append(*last, part{text: text, name: name}), s[end:]
		}
	}
	return alts, ""
}

// every returns all the lines that a notation allows, with the same value for a variable each time.
func every(parts []part, value func(part) string) []string {
	lines := []string{""}
	for _, p := range parts {
		var choices []string
		if p.text != "" {
			choices = []string{value(p)}
		}
		for _, alt := range p.alts {
			choices = append(choices, every(alt, value)...)
		}
		if p.optional {
			choices = append(choices, "")
		}
		var longer []string
		for _, l := range lines {
			for _, c := range choices {
				longer = append(longer, strings.TrimSpace(l+" "+c))
			}
		}
		lines = longer
	}
	return lines
}

// one returns a line that a notation allows.
func one(r *rand.Rand, parts []part, value func(part) string) string {
	var words []string
	for _, p := range parts {
		switch {
		case p.text != "":
			words = append(words, value(p))
		case !p.optional || r.IntN(2) == 0:
			words = append(words, one(r, p.alts[r.IntN(len(p.alts))], value))
		}
	}
	return strings.Join(words, " ")
}

// isVariable reports whether something else stands for the part in a line.
func (p part) isVariable() bool { return p.text[0] == '(' || p.text[0] >= 'A' && p.text[0] <= 'Z' }

// bounds are those of a number.
func (p part) bounds(t *testing.T) (lo, hi uint64) {
	t.Helper()
	if _, err := fmt.Sscanf(p.text, "(%d-%d)", &lo, &hi); err != nil {
		t.Fatalf("%s: %v", p.text, err)
	}
	return lo, hi
}

// number is one within the bounds of p, often a small one.
func (p part) number(t *testing.T, r *rand.Rand) string {
	lo, hi := p.bounds(t)
	if r.IntN(3) > 0 {
		hi = min(hi, lo+20)
	}
	return strconv.FormatUint(lo+r.Uint64N(hi-lo+1), 10)
}

func TestNotation(t *testing.T) {
	value := func(p part) string {
		if p.isVariable() {
			return "{" + p.name + "}"
		}
		return p.text
	}
	got := every(notation(t, "[no] a A.B.C.D$x [<as|remote-as> (1-9)$n] <in$in|out [b]>"), value)
	for _, want := range []string{"no a {x} as {n} in", "a {x} remote-as {n} out b", "a {x} out"} {
		if n := strings.Count("\n"+strings.Join(got, "\n")+"\n", "\n"+want+"\n"); n != 1 {
			t.Errorf("%q stands there %d times: %q", want, n, got)
		}
	}
	if len(got) != 2*3*3 {
		t.Errorf("%d lines: %q", len(got), got)
	}
}
