package vty

import (
	"slices"
	"strings"
)

// hidden stands where a line that is shown has a secret.
const hidden = "<hidden>"

// announcer is a keyword behind which a secret stands, and the one right before it, "" if that
// can be anything.
type announcer struct{ word, after string }

// noteSecrets remembers behind which keywords the secrets of a command stand. Before are those
// that can stand last before the items; it returns those that can behind them.
func (s *Shell) noteSecrets(items []item, before []announcer) []announcer {
	last := "" // the keyword right before, if there is just that one
	for i, it := range items {
		switch {
		case it.tok == nil:
			inner := before
			if last != "" {
				inner = []announcer{{word: last}}
			}
			var behind []announcer
			for _, alt := range it.alts {
				for _, a := range s.noteSecrets(alt, inner) {
					if a.after == "" && last != "" && alt[0].tok != nil && a.word == alt[0].tok.text {
						a.after = last
					}
					behind = append(behind, a)
				}
			}
			if it.optional {
				behind = append(behind, before...)
			}
			before, last = behind, ""
		case it.tok.secret:
			for _, a := range before {
				s.secrets[a] = true
			}
		case it.tok.kind == keyword:
			a := announcer{word: it.tok.text}
			if i > 0 {
				a.after = last
			}
			before, last = []announcer{a}, it.tok.text
		default:
			last = ""
		}
	}
	return before
}

// hide returns a line as it may be shown: what follows a word that announces a secret, or was
// perhaps meant to, is left out. The line may be of any mode, and need not be a command.
func (s *Shell) hide(line string) (shown string, from int) {
	words := split(line)
	for i, w := range words[:max(0, len(words)-1)] {
		if slices.Contains(foreign, strings.ToLower(w.text)) {
			return line[:words[i+1].at] + hidden, words[i+1].at
		}
		for a := range s.secrets {
			if a.after != "" && (i == 0 || !resembles(strings.ToLower(words[i-1].text), a.after)) {
				continue
			}
			if resembles(strings.ToLower(w.text), a.word) {
				at := words[i+1].at
				return line[:at] + hidden, at
			}
		}
	}
	return line, len(line)
}

// foreign are the words behind which other routers have secrets: they are typed here by habit.
var foreign = []string{"key", "key-string", "md5", "secret"}

// resembles reports whether a word is a keyword, an abbreviation of it or a mistyped one.
func resembles(w, k string) bool {
	if strings.HasPrefix(k, w) || strings.HasPrefix(w, k) {
		return true
	}
	most := 2
	if len(k) >= 8 {
		most = 3
	}
	return len(w) > 4 && distance(w, k) <= most
}

// distance counts the letters to insert, delete or replace to make b of a; two that changed
// places count as two.
func distance(a, b string) int {
	if abs(len(a)-len(b)) > 3 {
		return 4 // or more
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost = 1 + min(corner, row[j], row[j+1])
			}
			corner, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

func abs(n int) int { return max(n, -n) }

// hide takes the secrets out of a mismatch's line.
func (m *mismatch) hide(s *Shell) {
	shown, from := s.hide(m.line)
	switch {
	case shown == m.line:
		return
	case m.at >= len(m.line):
		m.at = len(shown)
	case m.at > from:
		m.at = from
	}
	m.line = shown
}
