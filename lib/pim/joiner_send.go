package pim

import (
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

// Next returns when Tick has something to do at the earliest; ok is false when it has
// nothing to do until another method is called.
func (j *Joiner) Next() (next time.Time, ok bool) {
	var at int64
	earlier := func(t int64) {
		if !ok || t < at {
			at, ok = t, true
		}
	}
	if !j.blocked {
		if len(j.fresh.items) > 0 {
			earlier(0)
		}
		if len(j.timed.items) > 0 {
			earlier(j.joins[j.timed.items[0]].due)
		}
		if ok && j.stepLeft == 0 {
			at = max(at, j.stepStart+j.stepEvery)
		}
	}
	if len(j.linger) > 0 {
		earlier(j.linger[0].until)
	}
	return j.base.Add(time.Duration(at)), ok
}

// Tick sends what is due, one step's worth at most.
func (j *Joiner) Tick(now time.Time) {
	t := j.at(now)
	j.expireLingering(t)
	if j.blocked {
		return
	}
	if t-j.stepStart >= j.stepEvery {
		j.stepStart, j.stepLeft = t, j.perStep
	}
	j.batch = j.batch[:0]
	for j.stepLeft > 0 {
		i, ok := j.pop(t)
		if !ok {
			break
		}
		e := &j.joins[i]
		rp, ok := j.cfg.RPFor(e.sg.Group)
		if !ok {
			g := j.groups[e.sg.Group]
			j.withoutRP(i)
			j.fill(t, g)
			continue
		}
		if rp != e.rp {
			e.rp, e.tries = rp, 0
		}
		j.stepLeft--
		j.batch = append(j.batch, i)
	}
	// Nearly always all of them go to one RP address.
	for len(j.batch) > 0 {
		rp := j.joins[j.batch[0]].rp
		rest := j.batch[:0]
		var mine []int32
		for _, i := range j.batch {
			if j.joins[i].rp == rp {
				mine = append(mine, i)
			} else {
				rest = append(rest, i)
			}
		}
		j.batch = rest
		j.send(t, rp, mine)
	}
}

// pop takes the next join that is due out of its heap: new ones first.
func (j *Joiner) pop(t int64) (int32, bool) {
	h := &j.fresh
	if len(h.items) == 0 {
		h = &j.timed
		if len(h.items) == 0 || j.joins[h.items[0]].due > t {
			return none, false
		}
	}
	i := h.items[0]
	h.remove(i)
	return i, true
}

func (j *Joiner) send(t int64, rp ipv4.Addr, batch []int32) {
	j.sgs = j.sgs[:0]
	for _, i := range batch {
		j.sgs = append(j.sgs, j.joins[i].sg)
	}
	sent, err := j.cfg.Send(rp, j.sgs)
	sent = max(0, min(sent, len(batch)))
	if err == nil {
		sent = len(batch)
	}
	j.registers += uint64(sent)
	j.failed += uint64(len(batch) - sent)
	switch {
	case err != nil && !j.failingRPs[rp]:
		j.failingRPs[rp] = true
		j.cfg.Log.Warn("Null-Registers cannot be sent", zap.Stringer("rp", rp), zap.Error(err))
	case err == nil && j.failingRPs[rp]:
		delete(j.failingRPs, rp)
		j.cfg.Log.Info("Null-Registers can be sent again", zap.Stringer("rp", rp))
	}
	for _, i := range batch[:sent] {
		j.sentOne(t, i)
	}
	for _, i := range batch[sent:] {
		e := &j.joins[i]
		e.fails++
		j.setState(e, JoinQueued)
		j.schedule(i, t+backoff(e.fails))
	}
}

func (j *Joiner) sentOne(t int64, i int32) {
	e := &j.joins[i]
	e.ours, e.fails = true, 0
	if e.confirmed() {
		j.confirm(t, i)
	} else {
		e.tries++
		j.setState(e, JoinSent)
		j.schedule(i, t+backoff(e.tries))
		if e.tries == warnAfter+1 {
			j.warnTries(t, e)
		}
	}
	j.reclass(i)
}

// confirm makes a join one that only has to be refreshed. Each has a moment of its own
// within the refresh period, so that those which began together do not stay together.
func (j *Joiner) confirm(t int64, i int32) {
	e := &j.joins[i]
	j.setState(e, JoinConfirmed)
	e.tries = 0
	j.groups[e.sg.Group].toldTries = false
	period := int64(j.cfg.Refresh)
	phase := int64(mix(e.sg) % uint64(period))
	j.schedule(i, t+period-(t-phase+period)%period)
}

// mix spreads (S,G)s over 64 bits (the finalizer of MurmurHash3).
func mix(sg ipv4.SG) uint64 {
	x := uint64(sg.Source)<<32 | uint64(sg.Group)
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// backoff is the time after the n-th try: 1, 2, 4 … 60 s.
func backoff(n int32) int64 {
	return int64(min(time.Second<<min(max(n-1, 0), 6), maxBackoff))
}

// schedule puts a join where it is tried again or refreshed at t.
func (j *Joiner) schedule(i int32, t int64) {
	j.dequeue(i)
	j.joins[i].due = t
	j.timed.push(i)
}

// restart makes an admitted join one that is to be sent from the start.
func (j *Joiner) restart(t int64, i int32) {
	j.dequeue(i)
	e := &j.joins[i]
	e.tries, e.fails, e.due = 0, 0, t
	j.setState(e, JoinQueued)
	j.fresh.push(i)
}

// dequeue takes a join out of the heap it is in, if any.
func (j *Joiner) dequeue(i int32) {
	e := &j.joins[i]
	switch e.where {
	case inFresh:
		j.fresh.remove(i)
	case inTimed:
		j.timed.remove(i)
	case inWaiting:
		j.waiting.remove(i)
		j.groups[e.sg.Group].inWaiting--
	case inGroup:
		j.groups[e.sg.Group].waiting.remove(i)
	}
}

// expireLingering gives up the places kept by joins that went unconfirmed.
func (j *Joiner) expireLingering(t int64) {
	for len(j.linger) > 0 && j.linger[0].until <= t {
		l := j.linger[0]
		j.linger = j.linger[1:]
		i, e := j.lookup(l.sg)
		if e == nil || !e.linger || e.due != l.until {
			continue
		}
		g := j.groups[l.sg.Group]
		e.linger = false
		e.ours = e.present
		j.reclass(i)
		j.forget(i)
		j.fill(t, g)
	}
}

func (j *Joiner) warnTries(t int64, e *join) {
	g := j.groups[e.sg.Group]
	if g.toldTries {
		return
	}
	g.toldTries = true
	more, ok := j.toldTries.allow(t)
	if !ok {
		return
	}
	j.cfg.Log.Warn("the PIM daemon does not join: no outgoing interface after three Null-Registers. "+
		"Look for 'ip pim' (not passive) on the interface with the RP's address, 'ip pim register-accept-list', "+
		"a route and a PIM neighbour towards the source",
		zap.Stringer("group", e.sg.Group), zap.Stringer("source", e.sg.Source), zap.Stringer("rp", e.rp),
		zap.Int("groups_untold", more))
}

// rateLimit lets one message through each ten seconds.
type rateLimit struct {
	next   int64
	untold int
}

func (r *rateLimit) allow(t int64) (untold int, ok bool) {
	if t < r.next {
		r.untold++
		return 0, false
	}
	untold, r.untold = r.untold, 0
	r.next = t + int64(10*time.Second)
	return untold, true
}
