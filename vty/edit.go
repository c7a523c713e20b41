package vty

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// key is the editor's callback for keys that it has no use for itself.
func (t *terminal) key(line string, pos int, key rune) (newLine string, newPos int, ok bool) {
	literal := t.literal
	t.literal = false
	switch key {
	case '?':
		if literal {
			return "", 0, false
		}
		t.show(line+"?", t.help(line[:pos]))
	case '\t':
		line, pos = t.complete(line, pos)
	case editLiteral:
		t.literal = true
	case editRedraw:
		_, _ = t.editor.Write(nil) // clears the line and shows it again
	case editInterrupt:
		return t.leave(line+"^C", key)
	case editEnd:
		return t.leave(line+"^Z", key)
	case editEOF:
		if line == "" {
			return t.leave("", key)
		}
		_, size := utf8.DecodeRuneInString(line[pos:])
		line = line[:pos] + line[pos+size:]
	default:
		return "", 0, false
	}
	return line, pos, true
}

// leave ends the line with what was typed for a key.
func (t *terminal) leave(line string, key rune) (string, int, bool) {
	t.action = key
	t.pending = []byte("\r")
	return line, len(line), true
}

// show shows text below the line; the editor then shows the line anew.
func (t *terminal) show(line, text string) {
	// The Read that comes next reports what went wrong.
	_, _ = t.editor.Write([]byte(t.session.Prompt() + line + "\n" + text))
}

// help is the answer to `?`.
func (t *terminal) help(line string) string {
	list := t.shell.Complete(t.session, line)
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

// complete is Tab: it adds what all candidates have in common, and a space where there is but
// one; where that is nothing, it shows them.
func (t *terminal) complete(line string, pos int) (string, int) {
	var words []string
	for _, c := range t.shell.Complete(t.session, line[:pos]) {
		if !c.Variable && c.Text != CR {
			words = append(words, c.Text)
		}
	}
	last := line[strings.LastIndexAny(line[:pos], " \t|")+1 : pos]
	switch {
	case len(words) == 0:
		t.show(line, t.help(line[:pos]))
		return line, pos
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
		t.show(line, strings.Join(words, " ")+"\n")
		return line, pos
	}
	added := common[len(last):]
	if strings.HasPrefix(line[pos:], " ") {
		added = strings.TrimSuffix(added, " ")
	}
	return line[:pos] + added + line[pos:], pos + len(added)
}
