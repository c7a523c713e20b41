package vty

import (
	"fmt"
	"strings"
)

// Help is the answer to `?`: what Complete returned, one a line, in columns.
func Help(list []Candidate) string {
	if len(list) == 0 {
		return "% There is no matched command.\n"
	}
	width := 0
	for _, c := range list {
		width = max(width, len(c.Text))
	}
	var b strings.Builder
	for _, c := range list {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, c.Text, c.Help), " "))
	}
	return b.String()
}

// Tab is that key: it adds to the line at pos, an octet, what all candidates for line[:pos] have
// in common, and a space where there is but one. Where that is nothing, show is text that lists
// them, and "" otherwise.
func Tab(line string, pos int, list []Candidate) (newLine string, newPos int, show string) {
	var words []string
	for _, c := range list {
		if !c.Variable && c.Text != CR {
			words = append(words, c.Text)
		}
	}
	last := line[strings.LastIndexAny(line[:pos], " \t|")+1 : pos]
	switch {
	case len(words) == 0:
		return line, pos, Help(list)
	case len(words) == 1:
		words[0] += " "
	}
	common := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, common) {
			common = common[:len(common)-1]
		}
	}
	if len(common) <= len(last) {
		return line, pos, strings.Join(words, " ") + "\n"
	}
	added := common[len(last):]
	if strings.HasPrefix(line[pos:], " ") {
		added = strings.TrimSuffix(added, " ")
	}
	return line[:pos] + added + line[pos:], pos + len(added), ""
}
