package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"msdpd/lib/frrvty"
)

// session gives lines to msdpd.
type session struct {
	options
	daemon         *daemon
	stdout, stderr io.Writer
}

// runAll runs the commands of -c; like vtysh it takes several lines in one.
func (s *session) runAll(ctx context.Context, commands []string) int {
	var lines []string
	for _, c := range commands {
		lines = append(lines, strings.Split(c, "\n")...)
	}
	for i, line := range lines {
		code, over := s.command(ctx, line)
		if code != 0 && len(lines) > 1 {
			fmt.Fprintf(s.stderr, "msdpsh: stopped at command %d of %d: %s\n", i+1, len(lines), s.daemon.shown(ctx, line))
		}
		if code == 0 && over && i+1 < len(lines) {
			fmt.Fprintf(s.stderr, "msdpsh: command %d of %d ended the session: %s\n", i+1, len(lines), s.daemon.shown(ctx, line))
			return exitUnavailable
		}
		if code != 0 || over {
			return code
		}
	}
	return 0
}

// runLines runs lines up to the first that fails, and tells its number; name is that of the file,
// with what goes between it and a message.
func (s *session) runLines(ctx context.Context, r io.Reader, name string) int {
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			if name == "" {
				name = "standard input: "
			}
			fmt.Fprintf(s.stderr, "msdpsh: %s%v\n", name, err)
			return exitIO
		}
		if line == "" {
			return 0
		}
		line = strings.TrimRight(line, "\r\n")
		code, over := s.command(ctx, line)
		if code != 0 {
			fmt.Fprintf(s.stderr, "msdpsh: %sstopped at line %d: %s\n", name, number, s.daemon.shown(ctx, line))
		}
		if over || code != 0 {
			return code
		}
	}
}

// command runs one line and returns the exit code that stands for its result, and whether
// the session is over.
func (s *session) command(ctx context.Context, line string) (code int, over bool) {
	if s.echo {
		// Should msdpd have gone, the command itself will tell.
		standing, _ := s.daemon.standing(ctx)
		if _, err := fmt.Fprintf(s.stdout, "%s%s\n", standing.Prompt, line); err != nil {
			return s.outputFailed(err), true
		}
	}
	out := &output{w: s.stdout}
	err := s.run(ctx, line, out)
	var status *frrvty.StatusError
	switch {
	case out.err != nil:
		return s.outputFailed(out.err), true
	case errors.As(err, &status):
		return int(status.Status), false
	case errors.As(err, new(refusal)):
		fmt.Fprintf(s.stderr, "msdpsh: %v\n", err)
		return int(frrvty.Warning), false
	case err != nil:
		fmt.Fprintf(s.stderr, "msdpsh: msdpd ended the connection: %v\n", err)
		return exitUnavailable, true
	}
	if leaves(line) {
		// Whether that left a mode or the shell shows when msdpd is asked.
		_, err := s.daemon.standing(ctx)
		return 0, err != nil
	}
	return 0, false
}

func (s *session) outputFailed(err error) int {
	fmt.Fprintf(s.stderr, "msdpsh: standard output: %v\n", err)
	return exitIO
}

// run gives one line to msdpd, or to the daemon that knows it. The error is a *StatusError, whose
// text the output has, a refusal, the output's, or that of the connection to msdpd.
func (s *session) run(ctx context.Context, line string, w io.Writer) error {
	if s.json {
		var err error
		if line, err = s.inJSON(ctx, line); err != nil {
			return err
		}
	}
	if strings.ContainsAny(line, "\x00\n") {
		return refusal("a command has neither NUL nor line break within")
	}
	answer := &held{w: w}
	err := s.daemon.stream(ctx, line, answer)
	if e := (*frrvty.StatusError)(nil); errors.As(err, &e) && e.Status == frrvty.NoMatch {
		if passed, err := s.pass(ctx, line, w); passed {
			return err
		}
	}
	if flushed := answer.flush(); err == nil {
		err = flushed
	}
	return err
}

// leaves reports whether a line may end the session.
func leaves(line string) bool {
	words := strings.Fields(line)
	return len(words) == 1 && (strings.HasPrefix("exit", words[0]) || strings.HasPrefix("quit", words[0]))
}

// output keeps the error of standard output apart from those of the connection.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}

// held is a writer that keeps back what may be the text of an error until it is known whether
// that is wanted: all that begins with a percent sign, while it is short.
type held struct {
	w    io.Writer
	text []byte
	open bool
}

// maxHeld is the length of a text, in octets, that is no error any more.
const maxHeld = 64 << 10

// Write implements io.Writer.
func (h *held) Write(p []byte) (int, error) {
	if h.open {
		return h.w.Write(p)
	}
	h.text = append(h.text, p...)
	if len(h.text) > 0 && h.text[0] != '%' || len(h.text) > maxHeld {
		if err := h.flush(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// flush writes what was kept back.
func (h *held) flush() error {
	h.open = true
	if len(h.text) == 0 {
		return nil
	}
	_, err := h.w.Write(h.text)
	h.text = nil
	return err
}
