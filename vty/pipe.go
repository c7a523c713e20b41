package vty

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"strings"
)

// filters are what can follow a command behind a bar.
var filters = []Candidate{
	{Text: "begin", Help: "From the first line that matches"},
	{Text: "count", Help: "Only how many lines match"},
	{Text: "exclude", Help: "Only lines that do not match"},
	{Text: "include", Help: "Only lines that match"},
}

// bar is the candidate that says that a filter can follow.
var bar = Candidate{Text: "|", Help: "Filter the output", Variable: true}

// stage is one filter: its name and its argument.
type stage struct {
	filter  string
	pattern *regexp.Regexp
}

// cutPipe cuts a line before the first bar that stands alone or begins a word.
func cutPipe(line string) (command, pipe string, ok bool) {
	for _, w := range split(line) {
		if strings.HasPrefix(w.text, "|") {
			return strings.TrimRight(line[:w.at], " \t"), line[w.at:], true
		}
	}
	return line, "", false
}

// parsePipe reads what begins with a bar. A further bar that a filter's name follows begins
// another stage, any other is part of the expression. The line and the octet are for the error.
func parsePipe(line, pipe string) ([]stage, *failure) {
	var stages []stage
	for pipe != "" {
		at := len(line) - len(pipe)
		text := strings.TrimLeft(pipe[1:], " \t")
		name, text, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
		filter := filterNamed(name)
		if filter == "" {
			bad := &mismatch{status: NoMatch, line: line, at: at, input: name, expected: filterNames()}
			if name != "" {
				bad.at += 1 + strings.Index(pipe[1:], name)
			} else {
				bad.status, bad.at = Incomplete, len(line)
			}
			return nil, &failure{status: bad.status, mismatch: bad}
		}
		text, pipe = cutStage(text)
		expression := strings.TrimSpace(text)
		if expression == "" && filter != "count" {
			bad := &mismatch{status: Incomplete, line: line, at: len(line) - len(pipe), expected: []string{"REGEX"}}
			return nil, &failure{status: Incomplete, mismatch: bad}
		}
		pattern, err := regexp.Compile(expression)
		if err != nil {
			return nil, &failure{status: Warning, err: badExpression(filter, expression, err)}
		}
		stages = append(stages, stage{filter, pattern})
	}
	return stages, nil
}

// Filtered cuts the filters off a line and returns the command before them, and a writer to w
// through them; close is to be called behind the command's output. The error is what is wrong with
// the filters, as a person is to be shown it.
func Filtered(line string, w io.Writer) (command string, out io.Writer, close func() error, err error) {
	command, pipe, _ := cutPipe(line)
	stages, bad := parsePipe(line, pipe)
	if bad != nil {
		return "", nil, nil, errors.New(strings.TrimSuffix(strings.TrimPrefix(bad.text("", true), "% "), "\n"))
	}
	out, close = piped(w, stages)
	return command, out, close, nil
}

func badExpression(command, expression string, err error) error {
	why := err.Error()
	if e := (*syntax.Error)(nil); errors.As(err, &e) {
		why = e.Code.String()
		if e.Expr != expression {
			why += " " + e.Expr
		}
	}
	return fmt.Errorf("%s %s: not a regular expression: %s", command, expression, why)
}

// cutStage cuts an expression before a bar that begins another stage.
func cutStage(text string) (expression, pipe string) {
	words := split(text)
	for i, w := range words {
		name := strings.TrimPrefix(w.text, "|")
		if name == w.text {
			continue
		}
		if name == "" && i+1 < len(words) {
			name = words[i+1].text
		}
		if filterNamed(name) != "" {
			return text[:w.at], text[w.at:]
		}
	}
	return text, ""
}

// filterNamed returns the filter of a name or its abbreviation, "" if there is none.
func filterNamed(name string) string {
	for _, f := range filters { // they begin with different letters
		if name != "" && strings.HasPrefix(f.Text, name) {
			return f.Text
		}
	}
	return ""
}

func filterNames() []string {
	var names []string
	for _, f := range filters {
		names = append(names, f.Text)
	}
	return names
}

// completePipe lists what can stand at the end of what begins with a bar.
func completePipe(pipe string) []Candidate {
	for {
		text := strings.TrimLeft(pipe[1:], " \t")
		name, rest, more := strings.Cut(text, " ")
		if !more {
			var list []Candidate
			for _, f := range filters {
				if strings.HasPrefix(f.Text, name) {
					list = append(list, f)
				}
			}
			return list
		}
		filter := filterNamed(name)
		if filter == "" {
			return nil
		}
		expression, next := cutStage(rest)
		if next != "" {
			pipe = next
			continue
		}
		list := []Candidate{{Text: "REGEX", Help: "A regular expression", Variable: true}}
		if filter == "count" || strings.TrimSpace(expression) != "" && strings.HasSuffix(rest, " ") {
			list = append(list, bar, Candidate{Text: CR})
		}
		return list
	}
}

// maxFiltered is how much of a line is looked at as one, in octets.
const maxFiltered = 64 << 10

// piped is a writer through the stages; close says what is left to be said.
func piped(w io.Writer, stages []stage) (out io.Writer, close func() error) {
	closers := make([]func() error, len(stages))
	for i := len(stages) - 1; i >= 0; i-- {
		f := &filterWriter{stage: stages[i], w: w}
		w, closers[i] = f, f.close
	}
	return w, func() error {
		for _, c := range closers {
			if err := c(); err != nil {
				return err
			}
		}
		return nil
	}
}

// filterWriter writes some of the lines that it is given, as they come.
type filterWriter struct {
	stage
	w       io.Writer
	partial []byte
	begun   bool
	count   int
}

// Write implements io.Writer. The lines of one Write go out in one.
func (f *filterWriter) Write(p []byte) (int, error) {
	var out []byte
	for rest := p; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line = rest[:i+1]
		}
		rest = rest[len(line):]
		f.partial = append(f.partial, line...)
		if line[len(line)-1] == '\n' || len(f.partial) >= maxFiltered {
			out = f.line(out)
		}
	}
	if len(out) > 0 {
		if _, err := f.w.Write(out); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// line appends the line that has come to out, if it is to be seen.
func (f *filterWriter) line(out []byte) []byte {
	matches := f.pattern.Match(bytes.TrimSuffix(f.partial, []byte("\n")))
	f.begun = f.begun || matches
	if matches {
		f.count++
	}
	switch {
	case f.filter == "include" && matches, f.filter == "exclude" && !matches, f.filter == "begin" && f.begun:
		out = append(out, f.partial...)
	}
	f.partial = f.partial[:0]
	return out
}

func (f *filterWriter) close() error {
	var out []byte
	if len(f.partial) > 0 {
		out = f.line(out)
	}
	if f.filter == "count" {
		if f.pattern.String() == "" {
			out = fmt.Appendf(out, "Number of lines = %d\n", f.count)
		} else {
			out = fmt.Appendf(out, "Number of lines which match regexp = %d\n", f.count)
		}
	}
	if len(out) == 0 {
		return nil
	}
	_, err := f.w.Write(out)
	return err
}
