package vty

import (
	"slices"
	"strings"
)

// Candidate is something that can stand at the end of a line.
type Candidate struct {
	// Text is a keyword in full, the notation of a variable ("A.B.C.D"), or CR.
	Text string `json:"text"`
	// Help is its line of help.
	Help string `json:"help,omitempty"`
	// Variable is true for what the user has to fill in.
	Variable bool `json:"variable,omitempty"`
}

// CR is the text of the candidate which says that the line is complete as it is.
const CR = "<cr>"

// Complete lists what the last word of a line can be or become, or, where the line is empty
// or ends with a space, what can follow: keywords by the alphabet, then variables, then CR.
// It is what `?` shows, and its keywords are what Tab offers.
func (s *Shell) Complete(session *Session, line string) []Candidate {
	if checkLine(line) != nil {
		return nil
	}
	mode := session.Mode()
	if command, pipe, ok := cutPipe(line); ok {
		if _, _, bad := s.resolve(mode, command); bad == nil {
			return completePipe(pipe)
		}
	}
	words := split(line)
	t := s.lookup(mode)
	last := ""
	if len(words) > 0 && !strings.HasSuffix(line, " ") && !strings.HasSuffix(line, "\t") {
		last = words[len(words)-1].text
		words = words[:len(words)-1]
	}
	if len(words) > 0 && words[0].text == "do" && mode.within(s.Config) {
		t, words = s.lookup(s.Enable), words[1:]
	}
	states := []*state{{node: t.root}}
	for _, w := range words {
		states = step(states, w)
	}
	return candidates(states, last)
}

// candidates lists the nodes behind the states that the beginning of a word fits.
func candidates(states []*state, last string) []Candidate {
	var list []Candidate
	add := func(c Candidate) {
		if !slices.ContainsFunc(list, func(have Candidate) bool { return have.Text == c.Text }) {
			list = append(list, c)
		}
	}
	end := false
	for _, s := range states {
		end = end || s.node.end != nil
		if s.node.tok != nil && s.node.tok.kind == rest {
			add(Candidate{s.node.tok.text, s.node.tok.help, true})
		}
		for _, n := range s.node.next {
			if n.tok.begins(last) {
				add(Candidate{n.tok.text, n.tok.help, n.tok.kind != keyword})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Candidate) int {
		switch {
		case a.Variable != b.Variable && b.Variable:
			return -1
		case a.Variable != b.Variable:
			return 1
		case a.Variable:
			return 0
		}
		return strings.Compare(a.Text, b.Text)
	})
	if end && last == "" {
		if shows(states) {
			add(bar)
		}
		add(Candidate{Text: CR})
	}
	return list
}

// begins reports whether a word that begins so could be taken by the token.
func (t *token) begins(w string) bool {
	switch t.kind {
	case address:
		return strings.Trim(w, digits+".") == ""
	case prefix:
		return strings.Trim(w, digits+"./") == ""
	case number:
		return strings.Trim(w, digits) == ""
	}
	return w == "" || t.takes(w)
}

// shows reports whether the words that led to the states begin with one that announces output.
func shows(states []*state) bool {
	for _, s := range states {
		for s.prev != nil && s.prev.node.tok != nil {
			s = s.prev
		}
		if s.node.tok != nil && (s.node.tok.text == "show" || s.node.tok.text == "list" || s.node.tok.text == "find") {
			return true
		}
	}
	return false
}
