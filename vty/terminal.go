package vty

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/term"
)

// terminal is a session with a person at a terminal. All of it but input runs in one goroutine:
// what is to be shown between two keys is shown by the Read that waits for the next one.
type terminal struct {
	shell    *Shell
	session  *Session
	settings func() TelnetSettings
	ctx      context.Context
	conn     *place
	in       *input
	out      *bufio.Writer
	editor   *term.Terminal
	history  history

	reading  reading
	deadline time.Time // of a password; zero: the session's timeout holds
	lines    int       // of a page: 0 no paging, below 0 those of the window
	watcher  *watcher

	pending []byte // keys that go before those typed
	action  rune   // a key that ended the line
	literal bool   // the next ? is one
	aborted bool   // a password that was not given
}

// reading says for what a terminal reads keys.
type reading uint8

const (
	readingNothing reading = iota
	readingLine
	readingPassword
)

// errIdle ends a session whose user has gone.
var errIdle = errors.New("no key for too long")

func newTerminal(ctx context.Context, s *Shell, conn *place, settings func() TelnetSettings) *terminal {
	t := &terminal{shell: s, session: s.NewSession(), settings: settings, ctx: ctx, conn: conn, in: newInput(conn), lines: settings().Lines}
	t.out = bufio.NewWriterSize(patientWriter{t}, 8<<10)
	t.editor = term.NewTerminal(t, "")
	t.editor.AutoCompleteCallback = t.key
	t.editor.History = &t.history
	t.session.terminal, t.session.marks = t, true
	return t
}

// patientWriter gives up on a client that does not read for as long as it may be silent.
type patientWriter struct{ t *terminal }

func (w patientWriter) Write(p []byte) (int, error) {
	var deadline time.Time
	if timeout := w.t.settings().Timeout; timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	_ = w.t.conn.SetWriteDeadline(deadline) // of a connection that ended: Write says so
	return w.t.conn.Write(p)
}

// converse reads lines and runs them until the session ends.
func (t *terminal) converse() error {
	for !t.session.Ended() {
		t.editor.SetPrompt(t.session.Prompt())
		t.reading, t.action = readingLine, 0
		line, err := t.editor.ReadLine()
		t.reading = readingNothing
		if err != nil {
			return err
		}
		switch t.action {
		case editInterrupt, editEnd:
			if t.session.Mode().within(t.shell.Config) {
				t.session.Enter(t.shell.Enable)
			}
			continue
		case editEOF:
			line = "exit"
		default:
			t.remember(line)
		}
		t.run(line)
	}
	return nil
}

// run runs one line.
func (t *terminal) run(line string) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	t.in.interruptible(cancel)
	defer t.in.interruptible(nil)
	if t.out.Flush() != nil {
		return // Read reports it
	}
	p := &pager{t: t, ctx: ctx, cancel: cancel, flushed: time.Now()}
	t.shell.Execute(ctx, t.session, line, p)
	if p.column > 0 {
		_, _ = t.out.WriteString("\r\n") // Read flushes, and reports what went wrong
	}
}

// remember keeps a line for the arrow keys, unless it holds a secret.
func (t *terminal) remember(line string) {
	if shown, _ := t.shell.hide(line); shown == line {
		t.history.keep(line)
	}
}

// Write implements io.Writer for the editor.
func (t *terminal) Write(p []byte) (int, error) { return t.out.Write(p) }

// Read implements io.Reader for the editor: it waits for keys, and shows meanwhile what else
// there is to show.
func (t *terminal) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, io.ErrShortBuffer
	}
	if len(t.pending) == 0 {
		if err := t.wait(); err != nil {
			return 0, err
		}
		n := t.in.get(p, stops)
		if t.reading == readingPassword && n > 0 && (p[n-1] == editInterrupt || p[n-1] == editEOF || p[n-1] == editEnd) {
			t.aborted = true
			t.pending = append([]byte(nil), "\x05\x15\r"...)
			n--
		}
		if n > 0 {
			return n, nil
		}
	}
	n := copy(p, t.pending)
	t.pending = t.pending[n:]
	return n, nil
}

// wait waits until something was typed.
func (t *terminal) wait() error {
	for {
		t.resize()
		if err := t.out.Flush(); err != nil {
			return err
		}
		ready, last, err := t.in.state()
		switch {
		case ready:
			return nil
		case err != nil:
			return err
		}
		deadline := t.deadline
		if timeout := t.settings().Timeout; deadline.IsZero() && timeout > 0 {
			deadline = last.Add(timeout)
		}
		if err := t.waitOnce(deadline); err != nil {
			return err
		}
	}
}

func (t *terminal) waitOnce(deadline time.Time) error {
	var expired <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		expired = timer.C
	}
	var log <-chan string
	if t.watcher != nil && t.reading == readingLine {
		log = t.watcher.lines
	}
	select {
	case <-t.in.wake:
	case line := <-log:
		return t.showLog(line)
	case <-expired:
		return errIdle
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
	return nil
}

// showLog shows a line of the log above the line that is being edited.
func (t *terminal) showLog(line string) error {
	if n := t.watcher.dropped.Swap(0); n > 0 {
		line += fmt.Sprintf("%% %d lines of the log were dropped\n", n)
	}
	_, err := t.editor.Write([]byte(line))
	return err
}

// resize follows the window. Not while a password is typed: the editor would show it.
func (t *terminal) resize() {
	if t.reading != readingLine {
		return
	}
	if width, height, changed := t.in.size(); changed {
		_ = t.editor.SetSize(columns(width), height) // Flush says what went wrong
	}
}

// columns is the width to reckon with, whatever a client says.
func columns(width int) int {
	if width == 0 {
		return 80
	}
	return min(max(width, 20), 500)
}

// askPassword reads a password; ok is false if the user does not want to give one.
func (t *terminal) askPassword() (password string, ok bool, err error) {
	t.reading, t.aborted, t.deadline = readingPassword, false, time.Now().Add(passwordTime)
	password, err = t.editor.ReadPassword("Password: ")
	t.reading, t.deadline = readingNothing, time.Time{}
	return password, !t.aborted, err
}

// crlf is text as Telnet wants it.
func crlf(p []byte) []byte {
	p = bytes.ReplaceAll(p, []byte{telnetIAC}, []byte{telnetIAC, telnetIAC})
	return bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))
}

// history holds the lines that the arrow keys bring back. It implements term.History, but takes
// no line from the editor, which does not know what a secret is.
type history struct{ lines []string }

const maxHistory = 100

// Add implements term.History.
func (*history) Add(string) {}

// Len implements term.History.
func (h *history) Len() int { return len(h.lines) }

// At implements term.History.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

func (h *history) keep(line string) {
	if line == "" || len(h.lines) > 0 && h.At(0) == line {
		return
	}
	if len(h.lines) == maxHistory {
		h.lines = h.lines[:copy(h.lines, h.lines[1:])]
	}
	h.lines = append(h.lines, line)
}
