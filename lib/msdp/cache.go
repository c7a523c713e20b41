package msdp

import (
	"time"
)

const (
	// sweepStep is how often the expiry sweep goes on, and sweepSteps how many of its steps
	// take it through a large cache.
	sweepStep  = time.Second
	sweepSteps = 10
	// sweepSmall is how many entries a step looks at in any case.
	sweepSmall = 8 * pageSize
)

func (s *Speaker) addEntry(k *sought, heard stamp, p *peer, r *rpInfo) (number, *entry) {
	n, e := s.cache.insert(k)
	e.rp = r.addr
	e.peer = p.index
	e.heard, e.firstSeen = heard, heard
	r.entries++
	s.watchBGP(r)
	p.saCount++
	if s.limiter.counts(n) {
		s.limiter.entryCame(k.sg)
	}
	s.noteEntry(e, true, "")
	return n, e
}

func (s *Speaker) changeOwner(e *entry, p *peer) {
	if old := s.slots[e.peer]; old != nil {
		old.saCount--
	}
	e.peer = p.index
	p.saCount++
}

// removeEntry forgets an entry; why is in words, for the log.
func (s *Speaker) removeEntry(n number, e *entry, why string) {
	s.noteEntry(e, false, why)
	if e.flags&flagWanted != 0 {
		s.env.Leave(e.sg)
	}
	if p := s.slots[e.peer]; p != nil {
		p.saCount--
	}
	if r := s.rpTable[e.rp]; r != nil {
		r.entries--
		s.watchBGP(r)
		r.used = s.now
	}
	if s.limiter.counts(n) {
		s.limiter.entryWent(e.sg)
	}
	s.cache.remove(n)
}

// sweep expires entries that no SA refreshed for [SG-State-Period] (RFC 3618 §5.3), a
// slice of the table at a time.
func (s *Speaker) sweep() {
	if s.now.Sub(s.sweepT) < sweepStep {
		return
	}
	s.sweepT = s.now
	s.expireLocals()
	limit := s.cache.limit()
	step := max(limit/sweepSteps, sweepSmall)
	from := s.swept
	to := min(from+step, limit)
	now := s.stamp()
	s.cache.each(from, to, func(n number, e *entry) bool {
		if now.since(e.heard) >= SGStatePeriod {
			s.removeEntry(n, e, "no SA came any more")
		}
		return true
	})
	s.swept = to
	if to == limit {
		s.swept = 0
		s.forgetIdleRPs()
		s.tidyLimits()
	}
}
