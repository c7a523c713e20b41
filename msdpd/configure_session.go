package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"msdpd/lib/guard"
	"msdpd/vty"
)

// baseKey is under what name a session keeps the settings that its draft began as.
type baseKey struct{}

const (
	sessionNote    = "[session]"
	commitHelp     = "Put the session's changes into force\n"
	configShowHelp = "Show running system information\nConfigurations\n"
)

// installConfigureSession declares what collects changes and puts them into force at once.
func (d *daemon) installConfigureSession(sh *vty.Shell) {
	sh.Install(sh.Enable, "configure session", "Change the configuration\nCollect changes until they are committed\n", d.openSession)
	for _, mode := range []*vty.Mode{sh.Enable, sh.Config} {
		sh.Install(mode, "commit [force$force]", commitHelp+"Even if the running configuration has changed meanwhile\n", d.commit)
		sh.Install(mode, "commit confirmed (1-1440)$minutes", commitHelp+"Go back unless a commit confirms it in time\nMinutes\n", d.commit)
		sh.Install(mode, "abort", "Throw the session's changes away\n", d.abort)
		sh.Install(mode, "show configuration diff [json$json]", configShowHelp+"What a commit would change\nAs JSON\n", d.showDiff)
	}
	sh.Install(sh.Enable, "show configuration history [json$json]", configShowHelp+"Those that were in force before\nAs JSON\n", d.showHistory)
	sh.Install(sh.Enable, "rollback configuration (1-10)$number", "Go back\nTo an earlier configuration\nThe last one is 1\n", d.rollBack)
}

var errNoSession = errors.New("there is no configuration session: `configure session` begins one")

// draftOf returns the session's draft and what it began as.
func draftOf(c *vty.Call) (draft, base *settings, err error) {
	draft, _ = c.Session.Value(draftKey{}).(*settings)
	base, _ = c.Session.Value(baseKey{}).(*settings)
	if draft == nil || base == nil {
		return nil, nil, errNoSession
	}
	return draft, base, nil
}

func (d *daemon) openSession(c *vty.Call) error {
	if _, _, err := draftOf(c); err != nil {
		s, err := d.instance.snapshot()
		if err != nil {
			return err
		}
		c.Session.SetValue(draftKey{}, s)
		c.Session.SetValue(baseKey{}, s.clone())
		c.Session.SetNote(sessionNote)
	}
	c.Session.Enter(d.shell.Config)
	return nil
}

func closeSession(s *vty.Session) {
	s.SetValue(draftKey{}, nil)
	s.SetValue(baseKey{}, nil)
	s.SetNote("")
}

func (d *daemon) abort(c *vty.Call) error {
	if _, _, err := draftOf(c); err != nil {
		return err
	}
	closeSession(c.Session)
	return nil
}

// errChanged says that a session's changes were made to a configuration that is not in force.
var errChanged = errors.New("the running configuration has changed meanwhile: `show configuration diff` shows what a commit would do; `commit force` does it")

// commit puts the session's changes into force. Without a session it confirms an earlier commit.
func (d *daemon) commit(c *vty.Call) error {
	minutes := c.Uint("minutes")
	draft, base, err := draftOf(c)
	if err != nil {
		var confirmed bool
		if _, askErr := d.ask(func(time.Time) { confirmed = minutes == 0 && d.instance.confirm() }); askErr != nil {
			return askErr
		}
		if !confirmed {
			return err
		}
		c.Printf("Confirmed\n")
		return nil
	}
	if _, askErr := d.ask(func(time.Time) {
		running := d.instance.settings
		if !c.Has("force") && !sameSettings(running, base) {
			err = errChanged
			return
		}
		if path := draft.log.path; path != "" && path != running.log.path {
			if err = d.tryLogFile(path); err != nil {
				return
			}
		}
		d.instance.commit(draft.clone(), time.Duration(minutes)*time.Minute)
	}); askErr != nil {
		return askErr
	}
	if err != nil {
		return err
	}
	for _, m := range without(draft.msdp.MissingLists(), base.msdp.MissingLists()) {
		c.Printf("%% Warning: %s until it is there\n", m)
	}
	closeSession(c.Session)
	if minutes > 0 {
		c.Printf("In force for %d minutes; `commit` keeps it\n", minutes)
	}
	return nil
}

func (d *daemon) showDiff(c *vty.Call) error {
	draft, _, err := draftOf(c)
	if err != nil {
		return err
	}
	running, err := d.instance.snapshot()
	if err != nil {
		return err
	}
	diff := diffLines(lines(running), lines(draft))
	if c.Has("json") {
		return linesJSON(c, diff)
	}
	for _, line := range diff {
		c.Printf("%s\n", line)
	}
	return nil
}

func (d *daemon) showHistory(c *vty.Call) error {
	var before []pastSettings
	var now *settings
	var trialLeft time.Duration
	if _, err := d.ask(func(at time.Time) {
		before, now = d.instance.history.before, d.instance.settings
		if t := d.instance.history.trial; t != nil {
			trialLeft = t.deadline.Sub(at)
		}
	}); err != nil {
		return err
	}
	if c.Has("json") {
		return historyJSON(c, before, now, trialLeft)
	}
	if trialLeft > 0 {
		c.Printf("The running configuration is on trial for %s more; `commit` keeps it\n\n", uptime(trialLeft))
	}
	c.Printf("%-3s  %-25s  %s\n", "No.", "In force until", "Lines that differ from the running one")
	for i, p := range before {
		c.Printf("%3d  %-25s  %d\n", i+1, p.until.Format(time.RFC3339), len(diffLines(lines(p.settings), lines(now))))
	}
	return nil
}

func historyJSON(c *vty.Call, before []pastSettings, now *settings, trialLeft time.Duration) error {
	type past struct {
		Number int    `json:"number"`
		Until  string `json:"inForceUntil"`
		Differ int    `json:"linesThatDiffer"`
	}
	all := make([]past, 0, len(before))
	for i, p := range before {
		all = append(all, past{i + 1, p.until.UTC().Format(time.RFC3339), len(diffLines(lines(p.settings), lines(now)))})
	}
	out := newJSONObject(c)
	if trialLeft > 0 {
		out.member("trialSecondsLeft", int(trialLeft/time.Second))
	}
	out.member("configurations", all)
	return out.close()
}

func (d *daemon) rollBack(c *vty.Call) error {
	var err error
	if _, askErr := d.ask(func(time.Time) { err = d.instance.rollBack(int(c.Uint("number"))) }); askErr != nil {
		return askErr
	}
	return err
}

// lines are a configuration's, without what is in each, and with its keys: who may change it may
// see them.
func lines(s *settings) []string {
	var out []string
	var b bytes.Buffer
	s.write(&b, guard.Key.Reveal)
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimRight(line, "\n"); line != "!" && line != "end" {
			out = append(out, line)
		}
	}
	return out
}

func sameSettings(a, b *settings) bool { return fmt.Sprint(lines(a)) == fmt.Sprint(lines(b)) }

// diffLines tells what makes b of a: lines with "-" go, with "+" come, in the order in which they
// stand. A line stands once in a configuration, but for what leaves a mode; those in both that keep
// their order, as many as can be, are left out.
func diffLines(a, b []string) []string {
	place := make(map[string]int, len(b))
	for i, line := range b {
		place[line] = i
	}
	kept := longestRising(a, func(line string) (int, bool) {
		i, ok := place[line]
		return i, ok && b[i] == line
	})
	var out []string
	next := 0
	for i, line := range a {
		at, ok := kept[i]
		if !ok {
			out = append(out, "-"+line)
			continue
		}
		for ; next < at; next++ {
			out = append(out, "+"+b[next])
		}
		next = at + 1
	}
	for ; next < len(b); next++ {
		out = append(out, "+"+b[next])
	}
	return out
}

// longestRising picks as many lines of a as can be whose places rise, and returns the place of each
// by its index.
func longestRising(a []string, place func(string) (int, bool)) map[int]int {
	type end struct{ index, at int }
	var ends []end // of the best sequence of each length
	previous := make(map[int]int)
	places := make(map[int]int)
	for i, line := range a {
		at, ok := place(line)
		if !ok {
			continue
		}
		places[i] = at
		lo, hi := 0, len(ends)
		for lo < hi {
			if mid := (lo + hi) / 2; ends[mid].at < at {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		previous[i] = -1
		if lo > 0 {
			previous[i] = ends[lo-1].index
		}
		if lo == len(ends) {
			ends = append(ends, end{})
		}
		ends[lo] = end{i, at}
	}
	kept := make(map[int]int)
	if len(ends) > 0 {
		for i := ends[len(ends)-1].index; i >= 0; i = previous[i] {
			kept[i] = places[i]
		}
	}
	return kept
}
