package vty

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.uber.org/zap"
)

// LineError is one bad line of a file.
type LineError struct {
	// Number counts lines from 1.
	Number int
	// Line is the line, without indentation and secrets.
	Line string
	// Status is that of the line as a command.
	Status Status
	// Err says what is wrong.
	Err error
}

// Error gives the number, the line, and what is wrong with it: under the point of error where
// the line is no command, behind it where the command refused it.
func (e *LineError) Error() string {
	head := fmt.Sprintf("line %d: ", e.Number)
	if m := (*mismatch)(nil); errors.As(e.Err, &m) {
		return head + strings.TrimSuffix(m.marked(len(head)), "\n")
	}
	return fmt.Sprintf("%s%s: %v", head, printable(e.Line), e.Err)
}

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// LineErrors are the bad lines of one file, in its order.
type LineErrors []*LineError

// Error gives all of them, one below the other.
func (es LineErrors) Error() string {
	texts := make([]string, len(es))
	for i, e := range es {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap returns the single errors.
func (es LineErrors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// Load runs the lines of a configuration file in the configuration mode: indentation, blank
// lines and comments as people write them, `exit` and `end` as `show running-config` does. It
// goes on behind a bad line, and returns LineErrors with every one of them, or the error of
// the reader. Warnings are logged. Output is not kept. The session ends up in the mode that it
// was in.
func (s *Shell) Load(ctx context.Context, r io.Reader, session *Session) error {
	var bad LineErrors
	defer session.Enter(session.Mode())
	session.Enter(s.Config)
	lines := bufio.NewReaderSize(r, s.config.MaxLine)
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, errTooLong) {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		line = strings.Trim(line, " \t\r\n")
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if err != nil {
			bad = append(bad, &LineError{number, s.beginning(line), NoMatch, err})
			continue
		}
		if e := s.loadLine(ctx, session, number, line); e != nil {
			bad = append(bad, e)
		}
	}
	if bad != nil {
		return bad
	}
	return nil
}

func (s *Shell) loadLine(ctx context.Context, session *Session, number int, line string) *LineError {
	f := s.run(ctx, session, line, io.Discard)
	line, _ = s.hide(line)
	if !session.Mode().within(s.Config) {
		session.Enter(s.Config)
	}
	switch {
	case f == nil:
		return nil
	case f.mismatch != nil:
		return &LineError{number, line, f.status, f.mismatch}
	case f.status == Warning:
		s.config.Log.Warn("configuration", zap.Int("line", number), zap.String("command", line), zap.Error(f.err))
		return nil
	}
	return &LineError{number, line, f.status, f.err}
}

// beginning is what is shown of a line that is too long.
func (s *Shell) beginning(line string) string {
	line, _ = s.hide(line)
	if cut := []rune(line); len(cut) > 40 {
		return string(cut[:40]) + "…"
	}
	return line + "…"
}

// errTooLong is the error of a line that does not fit the reader's buffer.
var errTooLong = errors.New("the line is too long")

// readLine reads a line with its end. Of one that is too long it returns what fits, and
// errTooLong, and skips the rest.
func readLine(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n')
	line := string(b)
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return line, errTooLong
	case errors.Is(err, io.EOF) && line != "":
		return line, nil
	}
	return line, err
}
