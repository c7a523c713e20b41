package vty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// recordingShell notes what it is told to configure.
func recordingShell(log *zap.Logger, notes *[]string) *Shell {
	s := New(Config{Log: log, MaxLine: 128})
	note := func(c *Call) error {
		*notes = append(*notes, c.Session.Mode().Name+": "+c.Line)
		if c.Arg("A.B.C.D") == "0.0.0.0" {
			return errors.New("0.0.0.0 is no RP")
		}
		return nil
	}
	router := &Mode{Name: "router", Parent: s.Config}
	af := &Mode{Name: "family", Parent: router}
	enter := func(m *Mode) func(*Call) error {
		return func(c *Call) error {
			c.Session.Enter(m)
			return note(c)
		}
	}
	s.Install(s.Config, "router pim", "Router\nPIM", enter(router))
	s.Install(s.Config, "[no] rp A.B.C.D", "Negate\nRP\nIts address", note)
	s.Install(s.Config, "old", "Of no use", func(*Call) error { return Warningf("old is of no use") })
	s.Install(router, "timers (1-9)", "Timers\nSeconds", note)
	s.Install(router, "family ipv4", "Family\nIPv4", enter(af))
	s.Install(af, "name LINE...", "Name\nText", note)
	return s
}

func TestLoad(t *testing.T) {
	for _, tc := range []struct {
		name, file  string
		notes, errs []string
	}{
		{name: "empty"},
		{name: "as people write them", file: "\ufeff! msdpd\r\n\n  # a comment\n\trp 10.0.0.1  \r\nno rp 10.0.0.2",
			notes: []string{"configuration: rp 10.0.0.1", "configuration: no rp 10.0.0.2"}},
		{name: "submodes by indentation alone", file: "router pim\n timers 5\n family ipv4\n  name a b\n timers 6\nrp 10.0.0.1\n",
			notes: []string{"router: router pim", "router: timers 5", "family: family ipv4", "family: name a b", "router: timers 6", "configuration: rp 10.0.0.1"}},
		{name: "submodes with exit and end", file: "router pim\n timers 5\nexit\n!\nrp 10.0.0.1\nend\nrp 10.0.0.2\nexit\nexit\nrp 10.0.0.3\n",
			notes: []string{"router: router pim", "router: timers 5", "configuration: rp 10.0.0.1", "configuration: rp 10.0.0.2", "configuration: rp 10.0.0.3"}},
		{name: "every bad line", file: "rp 10.0.0\n\nrouter pim\n timers 10\n timers 9\n bogus\nrp 0.0.0.0\nrp\nrp 10.0.0.1\n",
			notes: []string{"router: router pim", "router: timers 9", "configuration: rp 0.0.0.0", "configuration: rp 10.0.0.1"},
			errs: []string{
				"line 1: rp 10.0.0",
				"           ^ not an IPv4 address A.B.C.D",
				"line 4: timers 10",
				"               ^ expected (1-9)",
				"line 6: bogus",
				"        ^ expected do, end, exit, family, find, list, quit or timers",
				"line 7: rp 0.0.0.0: 0.0.0.0 is no RP",
				"line 8: rp",
				"           ^ expected A.B.C.D"}},
		{name: "a refused line leaves no submode", file: "router pim\n rp 0.0.0.0\n timers 5\n",
			notes: []string{"router: router pim", "configuration: rp 0.0.0.0", "router: timers 5"},
			errs:  []string{"line 2: rp 0.0.0.0: 0.0.0.0 is no RP"}},
		{name: "too long a line", file: "rp 10.0.0.1\n" + strings.Repeat("x", 1000) + "\nrp 10.0.0.2\n" + strings.Repeat("y", 1000),
			notes: []string{"configuration: rp 10.0.0.1", "configuration: rp 10.0.0.2"},
			errs: []string{
				"line 2: " + strings.Repeat("x", 40) + "…: the line is too long",
				"line 4: " + strings.Repeat("y", 40) + "…: the line is too long"}},
		{name: "a warning", file: "old\nrp 10.0.0.1\n", notes: []string{"configuration: rp 10.0.0.1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var notes []string
			s := recordingShell(nil, &notes)
			session := s.NewSession()
			err := s.Load(t.Context(), strings.NewReader(tc.file), session)
			if fmt.Sprintf("%q", notes) != fmt.Sprintf("%q", tc.notes) {
				t.Errorf("ran %q, want %q", notes, tc.notes)
			}
			got := ""
			if err != nil {
				got = err.Error()
			}
			if want := strings.Join(tc.errs, "\n"); got != want {
				t.Errorf("errors\n%s\nwant\n%s", got, want)
			}
			if session.Mode() != s.View {
				t.Errorf("the session is in mode %s", session.Mode().Name)
			}
		})
	}
}

func TestLoadErrorsHoldTheLines(t *testing.T) {
	var notes []string
	s := recordingShell(nil, &notes)
	err := s.Load(t.Context(), strings.NewReader("rp 10.0.0.1\n  rp 0.0.0.0 \nbogus\n"), s.NewSession())
	var lines LineErrors
	if !errors.As(err, &lines) || len(lines) != 2 {
		t.Fatalf("%v", err)
	}
	if e := lines[0]; e.Number != 2 || e.Line != "rp 0.0.0.0" || e.Status != ConfigFailed || e.Err.Error() != "0.0.0.0 is no RP" {
		t.Errorf("%+v", e)
	}
	if e := lines[1]; e.Number != 3 || e.Line != "bogus" || e.Status != NoMatch {
		t.Errorf("%+v", e)
	}
	var one *LineError
	if !errors.As(err, &one) || one != lines[0] {
		t.Errorf("the first error is %v", one)
	}
}

func TestLoadLogsWarnings(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	var notes []string
	s := recordingShell(zap.New(core), &notes)
	if err := s.Load(t.Context(), strings.NewReader("\nold\n"), s.NewSession()); err != nil {
		t.Fatal(err)
	}
	entries := logs.FilterField(zap.Int("line", 2)).FilterField(zap.String("command", "old")).All()
	if len(entries) != 1 {
		t.Errorf("logged %v", logs.All())
	}
}

func TestLoadPassesReadErrors(t *testing.T) {
	var notes []string
	s := recordingShell(nil, &notes)
	err := s.Load(t.Context(), io.MultiReader(strings.NewReader("rp 10.0.0.1\n"), iotest.ErrReader(io.ErrClosedPipe)), s.NewSession())
	if !errors.Is(err, io.ErrClosedPipe) || !strings.HasPrefix(err.Error(), "line 2: ") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Load(ctx, strings.NewReader("rp 10.0.0.1\n"), s.NewSession()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
