package vty

import (
	"slices"
	"strings"
)

// span is one word of a line and the octet at which it begins.
type span struct {
	text string
	at   int
}

// split cuts a line at spaces and tabs.
func split(line string) []span {
	var words []span
	for at := 0; at < len(line); {
		if line[at] == ' ' || line[at] == '\t' {
			at++
			continue
		}
		end := at
		for end < len(line) && line[end] != ' ' && line[end] != '\t' {
			end++
		}
		words = append(words, span{line[at:end], at})
		at = end
	}
	return words
}

// state is a node that the words so far can lead to, by the best way.
type state struct {
	node *node
	prev *state
	// ties are other ways to the node, as good as the one over prev.
	ties []*state
	// at is the octet of the word that the node took first.
	at int
	// exact says that a keyword was typed in full.
	exact bool
	// order ranks the ways to the states of one step: the kinds of their words, compared
	// from the first word on. Smaller is better, equal is as good.
	order int
}

// class ranks what a word was taken as: a whole keyword, an abbreviated one, then the
// variables, the most particular first.
func (s *state) class() int {
	if s.exact {
		return 0
	}
	return 1 + int(s.node.tok.kind)
}

// step leads the states over one word. Every node stands in the result once, so the work is
// bounded by words times nodes, whatever the line.
func step(states []*state, w span) []*state {
	var found []*state
	index := make(map[*node]int)
	for _, from := range states {
		if from.node.tok != nil && from.node.tok.kind == rest {
			found = arrive(found, index, &state{node: from.node, prev: from.prev, ties: from.ties, at: from.at, order: from.order})
		}
		exact := slices.ContainsFunc(from.node.next, func(n *node) bool {
			return n.tok.kind == keyword && n.tok.text == w.text
		})
		for _, n := range from.node.next {
			full := n.tok.kind == keyword && n.tok.text == w.text
			if !n.tok.takes(w.text) || exact && n.tok.kind == keyword && !full {
				continue
			}
			found = arrive(found, index, &state{node: n, prev: from, at: w.at, exact: full, order: from.order})
		}
	}
	return rank(found)
}

// arrive adds a state, or keeps the better of two that reach the same node. The order of a
// new state is that of the one before it until rank gives it its own.
func arrive(found []*state, index map[*node]int, s *state) []*state {
	i, ok := index[s.node]
	if !ok {
		index[s.node] = len(found)
		return append(found, s)
	}
	have := found[i]
	switch better := compare(s, have); {
	case better < 0:
		found[i] = s
	case better == 0 && s.prev != have.prev:
		have.ties = append(slices.Clip(have.ties), s.prev)
	}
	return found
}

func compare(a, b *state) int {
	if a.order != b.order {
		return a.order - b.order
	}
	return a.class() - b.class()
}

// rank numbers the states of one step by how good their ways are.
func rank(states []*state) []*state {
	slices.SortStableFunc(states, compare)
	orders := make([]int, len(states))
	for i := 1; i < len(states); i++ {
		orders[i] = orders[i-1]
		if compare(states[i-1], states[i]) != 0 {
			orders[i] = i
		}
	}
	for i, s := range states {
		s.order = orders[i]
	}
	return states
}

// match is what a line means.
type match struct {
	// do: the command is one of Enable, and leaves the session where it is.
	do   bool
	cmd  *command
	args []arg
}

// parse finds the command of a line that has at least one word. The line is the whole one,
// for the text of errors; words may begin behind a `do`.
func (t *tree) parse(line string, words []span) (match, *mismatch) {
	states := []*state{{node: t.root}}
	for i, w := range words {
		next := step(states, w)
		if len(next) == 0 {
			return match{}, &mismatch{status: NoMatch, line: line, word: i, at: w.at, input: w.text, expected: expected(states)}
		}
		states = next
	}
	var ends []*state
	for _, s := range states {
		if s.node.end != nil && (len(ends) == 0 || s.order == ends[0].order) {
			ends = append(ends, s)
		}
	}
	if len(ends) == 0 {
		return match{}, &mismatch{status: Incomplete, line: line, word: len(words), at: len(line), expected: expected(states)}
	}
	if at, candidates := ambiguity(ends); candidates != nil {
		return match{}, &mismatch{status: Ambiguous, line: line, word: len(words), at: at, expected: candidates}
	}
	return match{cmd: ends[0].node.end, args: arguments(ends[0], line)}, nil
}

// ambiguity returns the first word that stands for several keywords among equally good
// ways, and these keywords in order; nil if there is none.
func ambiguity(ends []*state) (at int, candidates []string) {
	keywords := make(map[int][]string)
	seen := make(map[*state]bool)
	for todo := slices.Clone(ends); len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s == nil || s.node.tok == nil || seen[s] {
			continue
		}
		seen[s] = true
		if s.node.tok.kind == keyword && !slices.Contains(keywords[s.at], s.node.tok.text) {
			keywords[s.at] = append(keywords[s.at], s.node.tok.text)
		}
		todo = append(append(todo, s.prev), s.ties...)
	}
	at = -1
	for a, k := range keywords {
		if len(k) > 1 && (at < 0 || a < at) {
			at = a
		}
	}
	if at < 0 {
		return 0, nil
	}
	candidates = keywords[at]
	slices.Sort(candidates)
	return at, candidates
}

// arguments walks back over the best way.
func arguments(s *state, line string) []arg {
	var args []arg
	for ; s.node.tok != nil; s = s.prev {
		a := arg{tok: s.node.tok}
		switch a.tok.kind {
		case keyword:
			a.value = a.tok.text
		case rest:
			a.value = strings.TrimRight(line[s.at:], " \t")
		default:
			a.value = split(line[s.at:])[0].text
		}
		args = append(args, a)
	}
	slices.Reverse(args)
	return args
}

// theEnd stands for the end of the line where words are listed.
const theEnd = "the end"

// expected lists what could follow the states.
func expected(states []*state) []string {
	var words []string
	for _, c := range candidates(states, "") {
		if c == bar {
			continue
		}
		if c.Text == CR {
			c.Text = theEnd
		}
		words = append(words, c.Text)
	}
	return words
}
