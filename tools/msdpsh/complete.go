package main

import (
	"context"
	"fmt"
	"strings"

	"msdpd/vty"
)

// completeWord is for the completion of bash behind -c: it prints what the line can become, one a
// line. Where that is but one, what can follow it is printed, too, so that bash does not take the
// quoted command for finished; what is to be filled in stands there in the notation of the help.
func (s *session) completeWord(ctx context.Context, line string) int {
	if s.daemon.connect(ctx) != nil {
		return exitUnavailable
	}
	for _, before := range s.commands {
		// Of what was to be run before only the mode counts; nothing is run because of a Tab.
		words := strings.Fields(before)
		if len(words) > 0 && len(words[0]) > 3 && strings.HasPrefix("configure", words[0]) {
			_ = s.configure(ctx) // the next question meets the error
		}
	}
	list, err := s.daemon.candidates(ctx, line)
	if err != nil {
		return exitUnavailable
	}
	at := strings.LastIndexAny(line, " \t|") + 1
	head := line[:at]
	for begun := at < len(line); ; begun = false {
		word := unique(list, begun)
		if word == "" {
			break
		}
		head += word + " "
		if list, err = s.daemon.candidates(ctx, head); err != nil {
			return exitUnavailable
		}
	}
	lines := possible(line, head, list)
	if len(lines) == 1 && lines[0] != head && list[0].Variable && list[0].Text != "|" {
		lines = append(lines, head) // of two, bash takes what they have in common
	}
	for _, text := range lines {
		if !strings.HasPrefix(text, line) {
			continue // bash would take away what was typed
		}
		if _, err := fmt.Fprintln(s.stdout, text); err != nil {
			return exitIO
		}
	}
	return 0
}

// unique returns the one keyword of a list, "" if there are several or something else can stand
// there. Begun says that it has been begun to be typed, and thus is meant.
func unique(list []vty.Candidate, begun bool) string {
	word := ""
	for _, c := range list {
		keyword := !c.Variable && c.Text != vty.CR
		switch {
		case keyword && word != "", !keyword && !begun:
			return ""
		case keyword:
			word = c.Text
		}
	}
	return word
}

// possible are the lines that begin with head, which is the line or what it becomes.
func possible(line, head string, list []vty.Candidate) []string {
	var lines []string
	for _, c := range list {
		switch c.Text {
		case vty.CR:
			if head != line {
				head = strings.TrimRight(head, " ")
			}
			lines = append(lines, head)
		case "|": // a filter can always follow
		default:
			lines = append(lines, head+c.Text)
		}
	}
	return lines
}
