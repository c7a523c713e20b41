package main

import (
	"bytes"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"msdpd/vty"
)

// editor reads lines at a terminal. It is the line editor of the Telnet server, golang.org/x/term,
// with the same keys: one that asks the terminal where the cursor is would wait forever on a serial
// console, and for programs such as expect(1).
type editor struct {
	in, out  *os.File
	history  *history
	complete func(line string) []vty.Candidate

	terminal *term.Terminal
	prompt   string
	keys     vty.Keys
	typed    []byte // keys that are still to be looked at
	pending  []byte // those that go before
	action   rune   // the key that ended the line, 0: Enter
	literal  bool   // the next ? is one
	// sought is what Ctrl-R looks for, found the line that it found last, and at its place.
	sought, found string
	at            int
}

func newEditor(in, out *os.File, h *history, complete func(string) []vty.Candidate) *editor {
	e := &editor{in: in, out: out, history: h, complete: complete}
	e.terminal = term.NewTerminal(e, "")
	e.terminal.AutoCompleteCallback = e.key
	e.terminal.History = h
	e.resize()
	return e
}

// readLine reads a line. A key other than Enter that ended it is returned: Ctrl-C, Ctrl-D on an
// empty line, Ctrl-Z. The error is io.EOF where the terminal has gone.
func (e *editor) readLine(prompt string) (line string, key rune, err error) {
	state, err := term.MakeRaw(int(e.in.Fd()))
	if err != nil {
		return "", 0, err
	}
	e.prompt, e.action, e.found, e.sought = prompt, 0, "", ""
	e.terminal.SetPrompt(prompt)
	line, err = e.terminal.ReadLine()
	if restored := term.Restore(int(e.in.Fd()), state); err == nil {
		err = restored
	}
	return line, e.action, err
}

// resize follows the window.
func (e *editor) resize() {
	width, height, err := term.GetSize(int(e.out.Fd()))
	if err != nil || width <= 0 {
		width, height = 80, 24
	}
	_ = e.terminal.SetSize(max(width, 20), height) // the next key meets the error
}

// Write implements io.Writer for term.Terminal.
func (e *editor) Write(p []byte) (int, error) { return e.out.Write(p) }

// Read implements io.Reader for term.Terminal: it hands over no key behind one that ends a line.
func (e *editor) Read(p []byte) (int, error) {
	if len(e.pending) > 0 {
		n := copy(p, e.pending)
		e.pending = e.pending[n:]
		return n, nil
	}
	for len(e.typed) == 0 {
		octets := make([]byte, 1024)
		n, err := e.in.Read(octets)
		if err != nil {
			return 0, err
		}
		e.typed = e.keys.Filter(e.typed, bytes.ReplaceAll(octets[:n], []byte("\n"), []byte("\r")))
	}
	n := copy(p, e.typed)
	if i := bytes.IndexAny(p[:n], vty.KeyStops); i >= 0 {
		n = i + 1
	}
	e.typed = e.typed[:copy(e.typed, e.typed[n:])]
	return n, nil
}

// key is the callback for keys that term.Terminal has no use for itself.
func (e *editor) key(line string, pos int, key rune) (newLine string, newPos int, ok bool) {
	literal := e.literal
	e.literal = false
	switch key {
	case '?':
		if literal {
			return "", 0, false
		}
		e.show(line+"?", vty.Help(e.complete(line[:pos])))
	case '\t':
		var text string
		if line, pos, text = vty.Tab(line, pos, e.complete(line[:pos])); text != "" {
			e.show(line, text)
		}
	case vty.KeyLiteral:
		e.literal = true
	case vty.KeySearch:
		line = e.search(line)
		pos = len(line)
	case vty.KeyInterrupt:
		return e.leave(line+"^C", key)
	case vty.KeyEnd:
		return e.leave(line+"^Z", key)
	case vty.KeyEOF:
		if line == "" {
			return e.leave("", key)
		}
		_, size := utf8.DecodeRuneInString(line[pos:])
		line = line[:pos] + line[pos+size:]
	default:
		return "", 0, false
	}
	return line, pos, true
}

// leave ends the line with what was typed for a key.
func (e *editor) leave(line string, key rune) (string, int, bool) {
	e.action = key
	e.pending = []byte("\r")
	return line, len(line), true
}

// show shows text below the line; term.Terminal then shows the line anew.
func (e *editor) show(line, text string) {
	// The Read that comes next reports what went wrong.
	_, _ = e.terminal.Write([]byte(e.prompt + line + "\n" + text))
}

// search is Ctrl-R: the latest line of the history that has what was typed in it, and the one
// before with each further Ctrl-R. The line stays where there is none.
func (e *editor) search(line string) string {
	if e.found == "" || line != e.found {
		e.sought, e.at = line, -1
	}
	for i := e.at + 1; i < e.history.Len(); i++ {
		if had := e.history.At(i); strings.Contains(had, e.sought) && had != line {
			e.found, e.at = had, i
			return had
		}
	}
	_, _ = e.out.Write([]byte("\a"))
	return line
}
