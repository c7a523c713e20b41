package vty

import (
	"context"
	"errors"
	"io"
	"strings"
)

// Execute runs one line of a session and returns when it is done. Output and error texts go
// to w as they come, through the filters behind the command if there are some ("| include
// REGEX"). A blank line and a comment, one that begins with ! or #, are successes.
func (s *Shell) Execute(ctx context.Context, session *Session, line string, w io.Writer) Status {
	f := s.run(ctx, session, line, w)
	if f == nil {
		return Success
	}
	// A reader that is gone needs no error text.
	_, _ = io.WriteString(w, f.text(s.config.Daemon, session.marks))
	return f.status
}

// failure is the result of a line that did not succeed: no command, or one that refused.
type failure struct {
	status   Status
	mismatch *mismatch
	err      error
}

func (f *failure) text(daemon string, marks bool) string {
	if f.mismatch != nil {
		return f.mismatch.text(daemon, marks)
	}
	return "% " + f.err.Error() + "\n"
}

// vtysh says these around the lines of a file; each line is a command of its own here.
const fileBegins, fileEnds = "XFRR_start_configuration", "XFRR_end_configuration"

// runningHeading is above a configuration that was shown, and saved by whoever saw it.
const runningHeading = "Current configuration:"

// run does the work of Execute.
func (s *Shell) run(ctx context.Context, session *Session, line string, w io.Writer) *failure {
	line = strings.Trim(line, " \t\r\n")
	if line == "" || line[0] == '!' || line[0] == '#' || line == fileBegins || line == fileEnds || line == runningHeading {
		return nil
	}
	from := session.mode
	m, mode, stages, bad := s.understand(from, line)
	if bad != nil {
		if bad.mismatch != nil {
			bad.mismatch.hide(s)
		}
		return bad
	}
	w, closePipe := piped(w, stages)
	session.Enter(mode)
	call := &Call{Session: session, Line: line, ctx: ctx, w: w, args: m.args}
	call.No = m.args[0].tok.kind == keyword && m.args[0].tok.text == "no"
	err := m.cmd.run(call)
	_ = closePipe() // a reader that is gone misses nothing
	refused := err != nil && !errors.As(err, new(*warning))
	if m.do || refused {
		session.Enter(from)
	}
	switch {
	case err == nil:
		return nil
	case refused && mode.within(s.Config):
		return &failure{status: ConfigFailed, err: err}
	}
	return &failure{status: Warning, err: err}
}

// understand finds the command of a line, the mode that has it and the filters behind it. In the
// configuration a bar is a character like any other in what a command takes.
func (s *Shell) understand(mode *Mode, line string) (match, *Mode, []stage, *failure) {
	command, pipe, isPiped := cutPipe(line)
	m, at, bad := s.resolve(mode, command)
	if isPiped && mode.within(s.Config) && !m.do {
		if whole, found, wrong := s.resolve(mode, line); wrong == nil || bad != nil {
			m, at, bad, pipe = whole, found, wrong, ""
		}
	}
	if bad != nil {
		bad.line = line
		return match{}, mode, nil, &failure{status: bad.status, mismatch: bad}
	}
	stages, wrong := parsePipe(line, pipe)
	return m, at, stages, wrong
}

// resolve finds the command of a line, and the mode that has it: the session's, for a line
// that begins with `do` Enable, where vtysh says it, too, or one of the mode's ancestors.
func (s *Shell) resolve(mode *Mode, line string) (match, *Mode, *mismatch) {
	if bad := checkLine(line); bad != nil {
		return match{}, mode, bad
	}
	words := split(line)
	if len(words) > 1 && words[0].text == "do" && mode.within(s.Enable) {
		m, bad := s.lookup(s.Enable).parse(line, words[1:])
		m.do = true
		return m, s.Enable, bad
	}
	var worst *mismatch
	for at := mode; at != nil; at = at.Parent {
		m, bad := s.lookup(at).parse(line, words)
		if bad == nil {
			return m, at, nil
		}
		if worst == nil || bad.word > worst.word {
			worst = bad
		}
		if bad.status == Ambiguous || !at.within(s.Config) || at == s.Config {
			break
		}
	}
	if worst.status == NoMatch {
		s.pointElsewhere(mode, words, worst)
	}
	return match{}, mode, worst
}

// pointElsewhere says of a line that is a command of another mode how to give it.
func (s *Shell) pointElsewhere(mode *Mode, words []span, bad *mismatch) {
	knows := func(m *Mode) bool {
		_, bad := s.lookup(m).parse(bad.line, words)
		return bad == nil
	}
	switch {
	case mode.within(s.Config) && knows(s.Enable):
		bad.note = "a command of the enable mode: put do before it"
	case mode == s.View && knows(s.Enable):
		bad.note = "a command of the enable mode: enable comes first"
	case !mode.within(s.Config) && knows(s.Config):
		bad.note = "a command of the configuration: configure terminal comes first"
	}
}
