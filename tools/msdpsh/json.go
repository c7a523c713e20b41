package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"msdpd/vty"
)

// refusal is the error of a line that is given to nobody.
type refusal string

func (r refusal) Error() string { return string(r) }

// inJSON returns a line with `json` in it if it shows something. One that msdpd does not know has
// it too, for the daemon that it is passed to.
func (s *session) inJSON(ctx context.Context, line string) (string, error) {
	command, filters := line, ""
	for at := range line {
		if line[at] == '|' && at > 0 && (line[at-1] == ' ' || line[at-1] == '\t') {
			command, filters = line[:at], " "+line[at:]
			break
		}
	}
	command = strings.TrimSpace(command)
	words := strings.Fields(command)
	last := len(words) - 1
	if len(words) > 0 && words[0] == "do" {
		words = words[1:]
	}
	if !shows(words) && !slices.Equal(words, []string{"who"}) || words[len(words)-1] == "json" || last < 0 {
		return line, nil
	}
	list, err := s.daemon.candidates(ctx, command+" ")
	if err != nil {
		return "", err
	}
	has := func(text string) bool {
		return slices.ContainsFunc(list, func(c vty.Candidate) bool { return c.Text == text })
	}
	switch {
	case has("json"), len(list) == 0:
		return command + " json" + filters, nil
	case has(vty.CR):
		return "", refusal(fmt.Sprintf("%q has no JSON", command))
	}
	return line, nil // it is incomplete, which msdpd says
}
