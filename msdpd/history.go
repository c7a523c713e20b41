package main

import (
	"fmt"
	"time"

	"go.uber.org/zap"
)

// historyLength is how many configurations are kept to go back to.
const historyLength = 10

// history is the configurations that were in force before, the last one first, and the one that
// comes back if a commit is not confirmed. It is the owner's.
type history struct {
	before []pastSettings
	by     any // who changed line by line last: such changes are one
	trial  *trial
}

// pastSettings were in force until a time.
type pastSettings struct {
	until    time.Time
	settings *settings
}

// trial is a commit that waits to be confirmed.
type trial struct {
	deadline time.Time
	back     *settings
}

// remember keeps what is in force, before next replaces it. Changes by the same session, line by
// line, are kept as one, and what changes nothing is not kept.
func (h *history) remember(now time.Time, s, next *settings, by any) {
	if by != nil && by == h.by || sameSettings(s, next) {
		return
	}
	h.by = by
	h.before = append([]pastSettings{{now, s}}, h.before...)
	h.before = h.before[:min(len(h.before), historyLength)]
}

// at returns the nth last configuration. The error says how many there are.
func (h *history) at(n int) (*settings, error) {
	if n < 1 || n > len(h.before) {
		return nil, fmt.Errorf("there is no configuration %d: %d are kept", n, len(h.before))
	}
	return h.before[n-1].settings, nil
}

// commit puts s into force; with a trial period, for that long unless it is confirmed.
func (in *instance) commit(s *settings, trialPeriod time.Duration) {
	back := in.settings
	if in.history.trial != nil {
		back = in.history.trial.back // what was confirmed last
	}
	in.history.remember(in.now, in.settings, s, nil)
	in.apply(s)
	in.history.trial = nil
	if trialPeriod > 0 {
		in.history.trial = &trial{in.now.Add(trialPeriod), back}
	}
}

// mayBeSaved refuses to make what is on trial what the next start begins with: the way back would be
// gone for somebody whom the change cut off.
func (in *instance) mayBeSaved() error {
	if t := in.history.trial; t != nil {
		return fmt.Errorf("the running configuration is on trial for %s more: `commit` keeps it, then it can be written", uptime(t.deadline.Sub(in.now)))
	}
	return nil
}

// replace puts settings into force that come from outside, as from a file: no trial is left then.
func (in *instance) replace(s *settings) {
	in.history.remember(in.now, in.settings, s, nil)
	in.history.trial = nil
	in.apply(s)
}

// confirm keeps what was committed on trial, and reports whether something was.
func (in *instance) confirm() bool {
	was := in.history.trial != nil
	in.history.trial = nil
	return was
}

// endTrial brings back what was in force before a commit that nobody confirmed.
func (in *instance) endTrial() {
	t := in.history.trial
	if t == nil || in.now.Before(t.deadline) {
		return
	}
	in.history.trial = nil
	in.log.Warn("the commit was not confirmed: the configuration before it is back")
	in.history.remember(in.now, in.settings, t.back, nil)
	in.apply(t.back)
}

// rollBack puts the nth last configuration into force.
func (in *instance) rollBack(n int) error {
	s, err := in.history.at(n)
	if err != nil {
		return err
	}
	in.replace(s.clone())
	in.log.Info("rolled back", zap.Int("configuration", n))
	return nil
}
