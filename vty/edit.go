package vty

import "unicode/utf8"

// key is the editor's callback for keys that it has no use for itself.
func (t *terminal) key(line string, pos int, key rune) (newLine string, newPos int, ok bool) {
	literal := t.literal
	t.literal = false
	switch key {
	case '?':
		if literal {
			return "", 0, false
		}
		t.show(line+"?", Help(t.shell.Complete(t.session, line[:pos])))
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

// complete is Tab.
func (t *terminal) complete(line string, pos int) (string, int) {
	list := t.shell.Complete(t.session, line[:pos])
	line, pos, text := Tab(line, pos, list)
	if text != "" {
		t.show(line, text)
	}
	return line, pos
}
