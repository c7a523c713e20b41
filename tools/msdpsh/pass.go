package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"msdpd/lib/frrvty"
	"msdpd/vty"
)

// pass gives a line that msdpd does not know to the daemon of FRR on this host that does. Only
// what shows something is passed: nothing typed here changes another daemon. Passed is false where
// none of them knows the line; then msdpd's own answer stands.
func (s *session) pass(ctx context.Context, line string, w io.Writer) (passed bool, err error) {
	standing, err := s.daemon.standing(ctx)
	if err != nil {
		return false, nil // what was asked has been answered; the next line meets the error
	}
	words := strings.Fields(line)
	if len(words) > 0 && words[0] == "do" {
		words, line = words[1:], strings.TrimSpace(strings.TrimSpace(line)[len("do"):])
	} else if standing.Configuring {
		return false, nil
	}
	if !shows(words) {
		return false, nil
	}
	line, out, finish, err := vty.Filtered(line, w)
	if err != nil {
		if _, err := fmt.Fprintf(w, "%% %v\n", err); err != nil {
			return true, err
		}
		return true, &frrvty.StatusError{Line: line, Status: frrvty.NoMatch}
	}
	var best *held
	var refusal error
	for _, socket := range neighbors(standing.Neighbors, words) {
		answer := &held{w: out}
		err := question(ctx, socket, line, standing.Mode != "view", answer)
		var status *frrvty.StatusError
		switch {
		case errors.As(err, &status) && status.Status == frrvty.NoMatch:
			continue
		case errors.As(err, &status) && (status.Status == frrvty.Ambiguous || status.Status == frrvty.Incomplete):
			// Another may know it whole.
			if best == nil {
				best, refusal = answer, err
			}
			continue
		case err != nil && status == nil && !answer.open && ctx.Err() == nil:
			continue // it is not there, or not ours to ask
		}
		if flushed := answer.flush(); err == nil {
			err = flushed
		}
		if finished := finish(); err == nil {
			err = finished
		}
		if err != nil && status == nil {
			name := strings.TrimSuffix(filepath.Base(socket), ".vty")
			err = &frrvty.StatusError{Line: line, Status: frrvty.Warning, Text: name + " ended the connection"}
		}
		return true, err
	}
	if best == nil {
		return false, nil
	}
	if flushed := best.flush(); flushed != nil {
		return true, flushed
	}
	return true, refusal
}

// question asks one daemon one thing, in its enable mode where we are in ours.
func question(ctx context.Context, socket, line string, enable bool, w io.Writer) error {
	client, err := frrvty.Dial(ctx, socket)
	if err != nil {
		return err
	}
	defer client.Close()
	if enable {
		if _, _, err := client.Ask(ctx, "enable"); err != nil && !errors.As(err, new(*frrvty.StatusError)) {
			return err
		}
	}
	_, err = client.Stream(ctx, line, w)
	return err
}

// shows reports whether words are those of a command that shows something.
func shows(words []string) bool {
	return len(words) > 1 && len(words[0]) > 1 && strings.HasPrefix("show", words[0])
}

// concerns are words that name no daemon, and the daemon that they are about.
var concerns = map[string]string{"igmp": "pimd", "mroute": "pimd", "multicast": "pimd", "mld": "pim6d"}

// neighbors are the vty sockets of FRR's daemons in a directory, in the order in which they are to
// be asked: those that the words name first, then zebra.
func neighbors(dir string, words []string) []string {
	sockets, err := filepath.Glob(filepath.Join(dir, "*.vty"))
	if err != nil {
		return nil // a directory with brackets in its name
	}
	rank := func(socket string) int {
		name := strings.TrimSuffix(filepath.Base(socket), ".vty")
		for _, w := range words {
			if w+"d" == name || concerns[w] == name {
				return 0
			}
		}
		if name == "zebra" {
			return 1
		}
		return 2
	}
	sockets = slices.DeleteFunc(sockets, func(s string) bool { return filepath.Base(s) == "msdpd.vty" })
	slices.SortStableFunc(sockets, func(a, b string) int { return rank(a) - rank(b) })
	return sockets
}
