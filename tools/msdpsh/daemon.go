package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"msdpd/lib/frrvty"
	"msdpd/vty"
)

// daemon is msdpd behind its vty socket.
type daemon struct {
	path   string
	view   bool           // stay in the view mode
	client *frrvty.Client // nil: not connected
	// silent says that it knows no enquiries: it is older than they are.
	silent bool
}

// connect dials the socket and enters the enable mode. Its errors tell an operator what to look at.
func (d *daemon) connect(ctx context.Context) error {
	client, err := frrvty.Dial(ctx, d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no socket %s: is msdpd running, and with the same -N and --vty_socket?", d.path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no permission for the socket %s: run as root or as a member of its group, frrvty", d.path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody answers on the socket %s: msdpd has died, or is not up yet", d.path)
	case err != nil:
		return err
	}
	lines := []string{"enable", "terminal error-marks"}
	if d.view {
		lines = lines[1:]
	}
	for _, line := range lines {
		_, _, err := client.Ask(ctx, line)
		// One that has no marks is asked without them.
		if err != nil && !(line != "enable" && errors.As(err, new(*frrvty.StatusError))) {
			client.Close()
			return fmt.Errorf("socket %s: %w", d.path, err)
		}
	}
	d.client, d.silent = client, false
	return nil
}

// drop ends the connection.
func (d *daemon) drop() {
	if d.client != nil {
		d.client.Close()
		d.client = nil
	}
}

// stream gives a line and copies the answer; an error that is no *StatusError ends the connection.
func (d *daemon) stream(ctx context.Context, line string, w *held) error {
	if d.client == nil {
		return errNotConnected
	}
	_, err := d.client.Stream(ctx, line, w)
	if err != nil && !errors.As(err, new(*frrvty.StatusError)) {
		d.drop()
	}
	return err
}

var errNotConnected = errors.New("not connected to msdpd")

// ask makes an enquiry; ok is false where the daemon knows none.
func (d *daemon) ask(ctx context.Context, enquiry string, into any) (ok bool, err error) {
	if d.client == nil {
		return false, errNotConnected
	}
	if d.silent {
		return false, nil
	}
	text, _, err := d.client.Ask(ctx, enquiry)
	if errors.As(err, new(*frrvty.StatusError)) {
		d.silent = true
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), into)
	}
	if err != nil {
		d.drop()
		return false, fmt.Errorf("socket %s: %w", d.path, err)
	}
	return true, nil
}

// standing is where the session stands.
func (d *daemon) standing(ctx context.Context) (vty.Standing, error) {
	var s vty.Standing
	ok, err := d.ask(ctx, vty.AskStanding, &s)
	if err == nil && !ok {
		// Whether it is there shows when it is asked for nothing.
		if _, _, err = d.client.Ask(ctx, ""); err != nil {
			d.drop()
		}
		s.Prompt = "msdpd# "
	}
	if s.Neighbors == "" {
		s.Neighbors = filepath.Dir(d.path)
	}
	return s, err
}

// candidates are what the end of a line can be or become.
func (d *daemon) candidates(ctx context.Context, line string) ([]vty.Candidate, error) {
	var list []vty.Candidate
	_, err := d.ask(ctx, vty.AskComplete+line, &list)
	return list, err
}

// shown returns a line as it may be printed: as msdpd would, and not at all where it looks as if
// it had a secret that msdpd does not see, or cannot be asked about.
func (d *daemon) shown(ctx context.Context, line string) string {
	shown := line
	if _, err := d.ask(ctx, vty.AskShown+line, &shown); err == nil && shown != line {
		return shown
	}
	if shown = frrvty.Shown(line); shown == line && confidential(line) {
		return "(not shown here, as it may hold a password)"
	}
	return shown
}

// hides reports whether a line has a secret; of one that is not connected nothing is known.
func (d *daemon) hides(ctx context.Context, line string) bool {
	shown := line
	_, err := d.ask(ctx, vty.AskShown+line, &shown)
	return err != nil || shown != line
}
