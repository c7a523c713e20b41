package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"msdpd/lib/frrvty"
)

// session is one connection to msdpd.
type session struct {
	client         *frrvty.Client
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
			fmt.Fprintf(s.stderr, "msdpsh: stopped at command %d of %d: %s\n", i+1, len(lines), line)
		}
		if code == 0 && over && i+1 < len(lines) {
			fmt.Fprintf(s.stderr, "msdpsh: command %d of %d ended the session: %s\n", i+1, len(lines), line)
			return exitUnavailable
		}
		if code != 0 || over {
			return code
		}
	}
	return 0
}

// runInput runs lines from standard input: with a prompt and past errors where a person
// types them, else up to the first error.
func (s *session) runInput(ctx context.Context, stdin io.Reader) int {
	typed := isTerminal(stdin)
	lines := bufio.NewReader(stdin)
	for number := 1; ; number++ {
		if typed {
			fmt.Fprint(s.stdout, "msdpd# ")
		}
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintf(s.stderr, "msdpsh: standard input: %v\n", err)
			return exitIO
		}
		if line == "" {
			if typed {
				fmt.Fprintln(s.stdout)
			}
			return 0
		}
		line = strings.TrimRight(line, "\r\n")
		code, over := s.command(ctx, line)
		if code != 0 && !typed {
			fmt.Fprintf(s.stderr, "msdpsh: stopped at line %d: %s\n", number, frrvty.Shown(line))
		}
		if over || code != 0 && !typed {
			return code
		}
	}
}

// command runs one line and returns the exit code that stands for its result, and whether
// the session is over.
func (s *session) command(ctx context.Context, line string) (code int, over bool) {
	out := &output{w: s.stdout}
	_, err := s.client.Stream(ctx, line, out)
	if e := (*frrvty.StatusError)(nil); errors.As(err, &e) {
		return int(e.Status), false
	}
	if out.err != nil {
		fmt.Fprintf(s.stderr, "msdpsh: standard output: %v\n", out.err)
		return exitIO, true
	}
	if err != nil {
		fmt.Fprintf(s.stderr, "msdpsh: msdpd ended the connection: %v\n", err)
		return exitUnavailable, true
	}
	if leaves(line) {
		// Whether that left a mode or the shell shows when msdpd is asked for nothing.
		_, _, err := s.client.Ask(ctx, "")
		return 0, err != nil
	}
	return 0, false
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

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
