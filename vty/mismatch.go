package vty

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mismatch says why a line is no command, and where.
type mismatch struct {
	status Status
	line   string
	// word counts the words that fitted, at is the octet of the one that did not, input
	// that word; behind the last word if something is missing.
	word  int
	at    int
	input string
	// expected is what could stand there, or what an abbreviation could mean.
	expected []string
	// note, if any, replaces what is made of expected.
	note string
}

// text is the answer: FRR's words and the line, and to a person, under the point of error, a mark
// with what is wrong there.
func (m *mismatch) text(daemon string, mark bool) string {
	head := "% Command incomplete: "
	switch m.status {
	case NoMatch:
		head = "% Unknown command: "
		if daemon != "" {
			head = "% [" + daemon + "] Unknown command: "
		}
	case Ambiguous:
		head = "% Ambiguous command: "
	}
	if !mark {
		return head + printable(m.line) + "\n"
	}
	return head + m.marked(utf8.RuneCountInString(head))
}

// marked is the line that follows indent columns of text, and the mark below it.
func (m *mismatch) marked(indent int) string {
	column := indent + utf8.RuneCountInString(printable(m.line[:m.at]))
	if m.status == Incomplete {
		column++
	}
	return strings.TrimRight(fmt.Sprintf("%s\n%*s^ %s", printable(m.line), column, "", m.reason()), " ") + "\n"
}

// maxExpected is how many possible words an error lists; where there are more, it lists
// those that are like the one that was typed, and `?` lists them all.
const maxExpected = 8

// near are those of what is expected for which the word is perhaps mistyped.
func (m *mismatch) near() []string {
	var out []string
	for _, e := range m.expected {
		if w := strings.ToLower(m.input); len(w) > 2 && distance(w, e) <= 2 {
			out = append(out, e)
		}
	}
	return out
}

// reason says what is wrong at the mark.
func (m *mismatch) reason() string {
	switch {
	case m.note != "":
		return m.note
	case len(m.expected) == 0:
		return ""
	case m.status == Ambiguous:
		return "could be " + list(m.expected)
	case len(m.expected) > maxExpected:
		near := m.near()
		if len(near) == 0 || len(near) > maxExpected {
			return ""
		}
		return "expected " + list(near)
	case len(m.expected) == 1 && m.expected[0] == theEnd:
		return "nothing can follow here"
	case len(m.expected) == 1 && m.expected[0] == "A.B.C.D" && m.input != "":
		return "not an IPv4 address A.B.C.D"
	case len(m.expected) == 1 && m.expected[0] == "A.B.C.D/M" && m.input != "":
		return "not an IPv4 prefix A.B.C.D/M"
	}
	return "expected " + list(m.expected)
}

func list(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// printable replaces what would move a terminal's cursor.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, line)
}

// checkLine refuses what no line of a configuration may hold: a line break within it would
// be two lines when it is read back.
func checkLine(line string) *mismatch {
	for at, r := range line {
		invalid := r == utf8.RuneError && !strings.HasPrefix(line[at:], string(utf8.RuneError))
		if !invalid && (r == '\t' || !unicode.IsControl(r)) {
			continue
		}
		m := &mismatch{status: NoMatch, line: line, at: at, note: "a control character"}
		if invalid {
			m.note = "not UTF-8"
		}
		return m
	}
	return nil
}

// Error is what is wrong at the point of error, without the line.
func (m *mismatch) Error() string {
	if r := m.reason(); r != "" {
		return m.status.String() + ": " + r
	}
	return m.status.String()
}
