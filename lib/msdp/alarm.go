package msdp

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"
)

const (
	// nearPause is how long a warning that a threshold is reached waits: a flood that runs into
	// the limit meanwhile is told once.
	nearPause = time.Second
	// familyPause is how often the limits of groups, of sources or of RPs are told: there can
	// be thousands at their limit at once.
	familyPause = 10 * time.Second
	// surveyEntries and surveyWork bound what looking for the busiest costs in one go, in entries
	// passed and counters touched. It holds up the protocol for a millisecond or two.
	surveyEntries = 1 << 16
	surveyWork    = 1 << 15
	// maxAlarms bounds the warnings that wait to be told.
	maxAlarms = 1000
)

// alarm is a warning that is due about a limit.
type alarm struct {
	limit  string
	max    uint32
	peer   *peer // whose SA met the limit
	gauge  *gauge
	full   bool // it was reached; else its threshold
	due    time.Time
	others int // warnings like this that were not told
	// of says which entries count; all: those of every peer.
	of  func(*entry) bool
	all bool
}

// survey is a pass over the cache for what a warning tells.
type survey struct {
	alarm
	next         number
	entries      int
	rps, sources *busiest
}

func ofPeer(p *peer) func(*entry) bool {
	index := p.index
	return func(e *entry) bool { return e.peer == index }
}

func ofSources(prefix netip.Prefix) func(*entry) bool {
	return func(e *entry) bool { return prefix.Contains(e.sg.Source.Netip()) }
}

// tell has a warning told as soon as what it says has been gathered. That a limit is reached
// is told instead of its threshold, where that was not told yet.
func (s *Speaker) tell(what news, a alarm) {
	l := &s.limiter
	a.full, a.due = what == nowFull, s.now
	if !a.full {
		a.due = s.now.Add(nearPause)
	}
	if i := s.nearAlarm(a.gauge); a.full && i >= 0 {
		a.others = l.alarms[i].others
		l.alarms[i] = a
	} else if len(l.alarms) < maxAlarms {
		l.alarms = append(l.alarms, a)
	}
}

// nearAlarm returns where the warning about the threshold of g waits, -1 if there is none.
func (s *Speaker) nearAlarm(g *gauge) int {
	return slices.IndexFunc(s.limiter.alarms, func(a alarm) bool { return g != nil && a.gauge == g && !a.full })
}

// tellFamily is tell for what is one of many.
func (s *Speaker) tellFamily(f *family, what news, a alarm) {
	if what == nowFull && s.nearAlarm(a.gauge) >= 0 {
		s.tell(what, a)
		return
	}
	if s.now.Before(f.quietUntil) {
		f.untold++
		return
	}
	a.others, f.untold = f.untold, 0
	f.quietUntil = s.now.Add(familyPause)
	s.tell(what, a)
}

// tellLimits goes on with the warnings that are due.
func (s *Speaker) tellLimits() {
	l := &s.limiter
	if l.survey == nil && len(l.alarms) > 0 {
		s.nextAlarm()
	}
	if l.survey != nil {
		s.goOnWith(l.survey)
	}
}

// nextAlarm begins with the first alarm that is due.
func (s *Speaker) nextAlarm() {
	l := &s.limiter
	l.alarms = slices.DeleteFunc(l.alarms, func(a alarm) bool { return s.slots[a.peer.index] != a.peer }) // it was removed
	for i, a := range l.alarms {
		if !a.due.After(s.now) {
			l.survey = &survey{alarm: a, rps: newBusiest(), sources: newBusiest()}
			l.alarms = slices.Delete(l.alarms, i, i+1)
			return
		}
	}
}

func (s *Speaker) goOnWith(v *survey) {
	limit := s.cache.limit()
	next := min(v.next+surveyEntries, limit)
	enough := v.rps.work + v.sources.work + surveyWork
	s.cache.each(v.next, next, func(n number, e *entry) bool {
		if v.all || v.of(e) {
			v.entries++
			v.rps.add(e.rp)
			v.sources.add(e.sg.Source)
		}
		if v.rps.work+v.sources.work >= enough {
			next = n + 1
			return false
		}
		return true
	})
	v.next = next
	if next == limit {
		s.limiter.survey = nil
		s.warn(v)
	}
}

func (s *Speaker) warn(v *survey) {
	fields := []zap.Field{
		zap.Stringer("peer", v.peer.Addr), zap.String("limit", v.limit), zap.Uint32("max", v.max), zap.Int("entries", v.entries),
		zap.Strings("busiest_rps", v.rps.top()), zap.Strings("busiest_sources", v.sources.top()),
	}
	if v.all {
		fields = append(fields, zap.Strings("busiest_peers", s.busiestPeers()))
	}
	if v.others > 0 {
		fields = append(fields, zap.Int("others_untold", v.others))
	}
	text := "SA limit is nearly reached"
	if v.full {
		text = "SA limit is reached, new entries are refused"
	}
	s.log.Warn(text, fields...)
}

// busiestPeers names the peers with the most entries.
func (s *Speaker) busiestPeers() []string {
	all := slices.Clone(s.ordered)
	slices.SortStableFunc(all, func(a, b *peer) int { return cmp.Compare(b.saCount, a.saCount) })
	var out []string
	for _, p := range all[:min(busiestTold, len(all))] {
		if p.saCount > 0 {
			out = append(out, p.Addr.String()+": "+strconv.Itoa(p.saCount))
		}
	}
	return out
}
