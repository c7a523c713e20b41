package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// textWidth is how many columns a line of text for a person has at most, where its words allow it.
const textWidth = 80

// writeWrapped writes text behind head, on more lines if one does not hold it; those that follow
// begin where the text did. What stands between backticks is to be copied, and stays whole.
func writeWrapped(w io.Writer, head, text string) {
	indent := utf8.RuneCountInString(head)
	line, begun := head, false
	for _, word := range unbroken(text) {
		switch {
		case !begun:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > textWidth:
			fmt.Fprintf(w, "%s\n", line)
			line = strings.Repeat(" ", indent) + word
		default:
			line += " " + word
		}
		begun = true
	}
	fmt.Fprintf(w, "%s\n", strings.TrimRight(line, " "))
}

// unbroken cuts text into what a line may not end within: words, and what stands between backticks.
func unbroken(text string) []string {
	var out []string
	open := false
	for _, word := range strings.Fields(text) {
		if open {
			out[len(out)-1] += " " + word
		} else {
			out = append(out, word)
		}
		if strings.Count(word, "`")%2 == 1 {
			open = !open
		}
	}
	return out
}
