package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"msdpd/lib/frrvty"
)

// load adds the lines of a configuration file to the configuration in force, as vtysh -b does. It
// goes on behind a bad line and tells all of them; the exit code is that of the first.
func (s *session) load(ctx context.Context, path string) int {
	file, err := os.Open(path)
	if err != nil {
		fmt.Fprintf(s.stderr, "msdpsh: %v\n", err)
		return exitNoInput
	}
	defer file.Close()
	first := 0
	lines := bufio.NewReader(file)
	lost := func(err error) int {
		fmt.Fprintf(s.stderr, "msdpsh: msdpd ended the connection: %v\n", err)
		return exitUnavailable
	}
	if err := s.configure(ctx); err != nil {
		return lost(err)
	}
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintf(s.stderr, "msdpsh: %v\n", err)
			return exitIO
		}
		if line == "" {
			return first
		}
		line = strings.TrimSpace(line)
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		var text bytes.Buffer
		err = s.daemon.stream(ctx, line, &held{w: &text, open: true})
		var status *frrvty.StatusError
		switch {
		case errors.As(err, &status):
			fmt.Fprintf(s.stderr, "msdpsh: %s: line %d: %s\n%s", path, number, s.daemon.shown(ctx, line), text.String())
			if first == 0 && status.Status != frrvty.Warning {
				first = int(status.Status)
			}
		case err != nil:
			return lost(err)
		}
		if leaves(line) || strings.HasPrefix("end", line) && line != "" {
			if err := s.configure(ctx); err != nil {
				return lost(err)
			}
		}
	}
}

// configure has the session stand in the configuration.
func (s *session) configure(ctx context.Context) error {
	standing, err := s.daemon.standing(ctx)
	if err != nil || standing.Configuring {
		return err
	}
	return s.daemon.stream(ctx, "configure terminal", &held{w: io.Discard, open: true})
}

// checkFile is -C: msdpd itself reads the file, and need not run for it.
func (o *options) checkFile(ctx context.Context, stdout, stderr io.Writer) int {
	program := ""
	if self, err := os.Executable(); err == nil {
		program = filepath.Join(filepath.Dir(self), "msdpd")
	}
	for _, candidate := range []string{program, "msdpd", "/usr/sbin/msdpd", "/usr/local/sbin/msdpd", "/usr/local/bin/msdpd"} {
		found, err := exec.LookPath(candidate)
		if err != nil {
			continue
		}
		args := []string{"-C", "-f", o.configFile()}
		if o.pathspace != "" {
			args = append(args, "-N", o.pathspace)
		}
		cmd := exec.CommandContext(ctx, found, args...)
		cmd.Stdout, cmd.Stderr = stdout, stderr
		err = cmd.Run()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit):
			return int(frrvty.Warning)
		case err != nil:
			fmt.Fprintf(stderr, "msdpsh: %v\n", err)
			return exitUnavailable
		}
		return 0
	}
	fmt.Fprintln(stderr, "msdpsh: there is no msdpd beside msdpsh, in PATH or /usr/sbin; it is what checks a file")
	return exitUnavailable
}
