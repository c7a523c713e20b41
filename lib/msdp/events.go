package msdp

import (
	"cmp"
	"slices"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
)

// LogEvents says what is logged, at info level, beyond what every operator needs to know.
type LogEvents struct {
	Neighbors bool // each change of a peer's state
	SAs       bool // each SA that comes, goes, or is refused for the first time
}

const (
	// saLogBurst is how many lines about SAs may come at once, and saLogRate how many a
	// second after that: 10 a second are some 100 MB in a day.
	saLogBurst = 500
	saLogRate  = 10
	// leftOutPeriod is how often it is told how many were left out.
	leftOutPeriod = 10 * time.Second
	// refusalsKnown is how many refused SAs are remembered in one of two sets, so that one
	// that comes again and again is told once.
	refusalsKnown = 1 << 13
)

// enter brings p into a state.
func (s *Speaker) enter(p *peer, state State, reason string) {
	old := p.state
	s.setState(p, state)
	if old != state && s.debug.Of(debug.Events, p.Addr) {
		s.debugPeer(debug.Events, p, "peer state", zap.Stringer("from", old), zap.Stringer("to", state), zap.String("reason", reason))
	}
	if !s.config.Log.Neighbors || old == state {
		return
	}
	s.log.Log(p.news(zap.InfoLevel), "peer state", zap.Stringer("peer", p.Addr),
		zap.Stringer("from", old), zap.Stringer("to", state), zap.String("reason", reason))
}

// setState keeps those that are established in s.up.
func (s *Speaker) setState(p *peer, state State) {
	p.state = state
	at, up := s.upAt(p.Addr)
	switch {
	case up == p.established():
	case up:
		s.up = slices.Delete(s.up, at, at+1)
	default:
		s.up = slices.Insert(s.up, at, p)
	}
}

// upAt returns where the peer of that address is among those that are established, or would be.
func (s *Speaker) upAt(addr ipv4.Addr) (at int, is bool) {
	return slices.BinarySearchFunc(s.up, addr, func(p *peer, addr ipv4.Addr) int { return cmp.Compare(p.Addr, addr) })
}

// refusal is one SA that was refused.
type refusal struct {
	peer peerIndex
	why  Reason
	rp   ipv4.Addr
	sg   ipv4.SG
}

// saLog bounds what is logged about SAs.
type saLog struct {
	allowance int
	filled    time.Time // until when the allowance was given
	// leftOut counts the lines that were not written since leftOutTold.
	leftOut     struct{ came, gone, refused uint64 }
	leftOutTold time.Time
	// known are the refusals that were told, knownBefore those of the period before.
	known, knownBefore map[refusal]bool
	knownSince         time.Time
}

// allow reports whether one more line may be written.
func (l *saLog) allow(now time.Time) bool {
	if more := now.Sub(l.filled) / (time.Second / saLogRate); more > 0 {
		l.allowance += int(min(more, time.Duration(saLogBurst-l.allowance)))
		l.filled = now
	}
	if l.allowance == 0 {
		return false
	}
	l.allowance--
	return true
}

// first reports whether r was not refused lately, and remembers it.
func (l *saLog) first(now time.Time, r refusal) bool {
	if l.known == nil || len(l.known) == refusalsKnown || now.Sub(l.knownSince) >= SGStatePeriod {
		l.known, l.knownBefore = make(map[refusal]bool), l.known
		l.knownSince = now
	}
	known := l.known[r] || l.knownBefore[r]
	l.known[r] = true
	return !known
}

// noteEntry tells of an entry that came into the cache or leaves it.
func (s *Speaker) noteEntry(e *entry, came bool, why string) {
	if !came && s.debug.On(debug.SAs) {
		s.debugEntry(e, "SA gone", why)
	}
	if !s.config.Log.SAs {
		return
	}
	switch {
	case !s.saLog.allow(s.now):
		if came {
			s.saLog.leftOut.came++
		} else {
			s.saLog.leftOut.gone++
		}
	case came:
		s.log.Info("SA came", zap.Stringer("sg", e.sg), zap.Stringer("rp", e.rp), s.ownerField(e))
	default:
		s.log.Info("SA gone", zap.Stringer("sg", e.sg), zap.Stringer("rp", e.rp), s.ownerField(e), zap.String("reason", why))
	}
}

func (s *Speaker) ownerField(e *entry) zap.Field {
	if p := s.slots[e.peer]; p != nil {
		return zap.Stringer("peer", p.Addr)
	}
	return zap.Skip()
}

// noteLocal tells of a local source that came or goes.
func (s *Speaker) noteLocal(sg ipv4.SG, came bool) {
	if !s.config.Log.SAs {
		return
	}
	switch {
	case !s.saLog.allow(s.now):
		if came {
			s.saLog.leftOut.came++
		} else {
			s.saLog.leftOut.gone++
		}
	case came:
		s.log.Info("local source came", zap.Stringer("sg", sg))
	default:
		s.log.Info("local source gone", zap.Stringer("sg", sg))
	}
}

// noteRefused tells of an entry that is not taken from p.
func (s *Speaker) noteRefused(p *peer, rp ipv4.Addr, sg ipv4.SG, why Reason) {
	if s.debug.Of(debug.SAs, p.Addr) {
		s.debug.Write(debug.SAs, "SA received", zap.Stringer("peer", p.Addr), zap.Stringer("sg", sg), zap.Stringer("rp", rp),
			zap.String("result", "refused: "+why.Text()))
	}
	if why == ReasonOwn {
		s.noteOwn(p, rp, sg)
	}
	if !s.config.Log.SAs || !s.saLog.first(s.now, refusal{p.index, why, rp, sg}) {
		return
	}
	if !s.saLog.allow(s.now) {
		s.saLog.leftOut.refused++
		return
	}
	s.log.Info("SA refused", zap.Stringer("sg", sg), zap.Stringer("rp", rp), zap.Stringer("peer", p.Addr), zap.String("reason", why.Text()))
}

// tellLeftOut says how many lines about SAs were not written.
func (s *Speaker) tellLeftOut() {
	l := &s.saLog
	if l.leftOut.came+l.leftOut.gone+l.leftOut.refused == 0 || s.now.Sub(l.leftOutTold) < leftOutPeriod {
		return
	}
	s.log.Info("more SAs came and went than are logged", zap.Uint64("came", l.leftOut.came),
		zap.Uint64("gone", l.leftOut.gone), zap.Uint64("refused", l.leftOut.refused))
	l.leftOut.came, l.leftOut.gone, l.leftOut.refused = 0, 0, 0
	l.leftOutTold = s.now
}
