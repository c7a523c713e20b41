package msdp

import (
	"slices"

	"msdpd/lib/ipv4"
)

// maxPendingOfPeer bounds what one peer may have waiting for routes, so that it leaves room
// for others in what may wait in all.
const maxPendingOfPeer = maxPending / 4

// quota is what holds for one peer.
type quota struct {
	bound
	gauge   gauge
	pending int // entries that wait for a route
	rate    Rate
	bucket  bucket
}

// limiter keeps the entries of the cache within the limits.
type limiter struct {
	all      bound
	allGauge gauge

	// finer: there is a limit on groups, sources or RPs. counting: there is one on sources,
	// whose entries are counted while there is; those below counted are.
	finer, counting bool
	counted         number

	group        bound
	groups       prefixTable
	groupState   family
	groupRefused uint64 // of groups in no range

	source      bound
	sourceCount map[ipv4.Addr]uint32 // nil: not counted
	sourceState family
	sources     prefixTable

	rp      bound
	rpState family

	drs    drBuckets
	alarms []alarm
	survey *survey
}

// applyLimits brings the configured limits into force. Nothing that is cached goes for it.
func (s *Speaker) applyLimits(old Limits) {
	l, c := &s.limiter, &s.config.Limits
	l.all = newBound(c.Entries, DefaultEntries)
	for _, p := range s.ordered {
		p.quota.bound = newBound(p.Limits.Entries, DefaultPeerEntries)
		p.quota.rate = p.Limits.Rate
	}
	l.group, l.rp = plainBound(c.Group), plainBound(c.RP)
	l.groups = newPrefixTable(c.Groups, l.groups)
	l.source = plainBound(c.Source)
	l.sources = newPrefixTable(c.Sources, l.sources)
	l.counting = c.Source != 0 || len(c.Sources) > 0
	l.finer = l.counting || c.Group != 0 || len(c.Groups) > 0 || c.RP != 0
	if (c.Source != 0) != (old.Source != 0) || !slices.Equal(c.Sources, old.Sources) {
		s.countSources()
	}
	s.tidyLimits()
}

// countSources begins to count the entries of each source, or prefix, that has a limit: anew, as
// what was counted may have been by other prefixes.
func (s *Speaker) countSources() {
	l := &s.limiter
	l.sourceCount = nil
	if s.config.Limits.Source != 0 {
		l.sourceCount = make(map[ipv4.Addr]uint32)
	}
	for _, length := range l.sources {
		for _, p := range length.of {
			p.count = 0
		}
	}
	l.counted = 1
	s.countMore()
}

// countStep is how many entries are counted at a time: some milliseconds.
const countStep = 1 << 15

// countMore goes on counting where it stands: a small cache at once, a large one in steps, between
// which the protocol goes on. A limit is exact once all is counted.
func (s *Speaker) countMore() {
	l := &s.limiter
	if !l.counting || l.counted == countedAll {
		return
	}
	to := l.counted + countStep
	s.cache.each(l.counted, to, func(_ number, e *entry) bool {
		l.entryCame(e.sg)
		return true
	})
	l.counted = to
	if to >= s.cache.limit() {
		l.counted = countedAll
	}
}

// countedAll is above all numbers.
const countedAll = ^number(0)

// counts reports whether entry n counts by now.
func (l *limiter) counts(n number) bool { return l.counting && n < l.counted }

func (l *limiter) entryCame(sg ipv4.SG) {
	if l.sourceCount != nil {
		l.sourceCount[sg.Source]++
	}
	if p := l.sources.find(sg.Source); p != nil {
		p.count++
	}
}

func (l *limiter) entryWent(sg ipv4.SG) {
	if l.sourceCount != nil {
		if n := l.sourceCount[sg.Source]; n > 1 {
			l.sourceCount[sg.Source] = n - 1
		} else {
			delete(l.sourceCount, sg.Source)
		}
	}
	if p := l.sources.find(sg.Source); p != nil {
		p.count--
	}
}

// limits says which limit keeps p from having one more entry, sg with r, in the cache.
func (s *Speaker) limits(p *peer, r *rpInfo, sg ipv4.SG) Reason {
	if s.limiter.finer {
		if why := s.finerLimits(p, r, sg); why != ReasonNone {
			return why
		}
	}
	if !s.peerMayHave(p, 0) {
		return ReasonPeerLimit
	}
	l := &s.limiter
	ok, tell := l.allGauge.meet(s.cache.count(), l.all)
	if tell != nothing {
		s.tell(tell, alarm{limit: "sa-limit of all peers", max: l.all.max, peer: p, gauge: &l.allGauge, all: true})
	}
	if !ok {
		return ReasonGlobalLimit
	}
	if q := &p.quota; q.rate.limited() && !q.bucket.take(s.now, q.rate) {
		if q.bucket.again.isNews(s.now) {
			s.queue(nowFull, alarm{limit: "sa-rate of the peer", max: q.rate.PerSecond, peer: p, of: ofPeer(p)})
		}
		return ReasonRate
	}
	return ReasonNone
}

// peerMayHave reports whether p may have one more entry, with so many of its own waiting.
func (s *Speaker) peerMayHave(p *peer, waiting int) bool {
	q := &p.quota
	ok, tell := q.gauge.meet(p.saCount+waiting, q.bound)
	if tell != nothing {
		s.tell(tell, alarm{limit: "sa-limit of the peer", max: q.max, peer: p, gauge: &q.gauge, waiting: waiting, of: ofPeer(p)})
	}
	return ok
}

// finerLimits looks at the limits on sources, RPs and groups.
func (s *Speaker) finerLimits(p *peer, r *rpInfo, sg ipv4.SG) Reason {
	l := &s.limiter
	if in := l.sources.find(sg.Source); in != nil {
		ok, tell := in.gauge.meet(in.count, in.bound)
		if tell != nothing {
			s.tell(tell, alarm{limit: "source-limit " + in.prefix.String(), max: in.max, peer: p, gauge: &in.gauge, of: ofSources(in.prefix)})
		}
		if !ok {
			return ReasonSourceLimit
		}
	}
	if l.sourceCount != nil {
		ok, tell, g := l.sourceState.meet(sg.Source, int(l.sourceCount[sg.Source]), l.source)
		if tell != nothing {
			s.tellFamily(&l.sourceState, tell, alarm{limit: "source-limit of source " + sg.Source.String(), max: l.source.max, peer: p, gauge: g,
				of: func(e *entry) bool { return e.sg.Source == sg.Source }})
		}
		if !ok {
			return ReasonSourceLimit
		}
	}
	if l.rp.max != Unlimited {
		ok, tell, g := l.rpState.meet(r.addr, r.entries, l.rp)
		if tell != nothing {
			s.tellFamily(&l.rpState, tell, alarm{limit: "rp-limit of RP " + r.addr.String(), max: l.rp.max, peer: p, gauge: g,
				of: func(e *entry) bool { return e.rp == r.addr }})
		}
		if !ok {
			return ReasonRPLimit
		}
	}
	return s.groupLimit(p, sg)
}

func (s *Speaker) groupLimit(p *peer, sg ipv4.SG) Reason {
	l := &s.limiter
	b, in := l.groupBound(sg.Group)
	if b.max == Unlimited {
		return ReasonNone
	}
	ok, tell, g := l.groupState.meet(sg.Group, int(s.cache.countOf(sg.Group)), b)
	if tell != nothing {
		s.tellFamily(&l.groupState, tell, alarm{limit: "group-limit of group " + sg.Group.String(), max: b.max, peer: p, gauge: g,
			of: func(e *entry) bool { return e.sg.Group == sg.Group }})
	}
	if ok {
		return ReasonNone
	}
	if in != nil {
		in.gauge.refused++
	} else {
		l.groupRefused++
	}
	return ReasonGroupLimit
}

// groupBound returns the limit of a group, and the range that it is from; nil: none.
func (l *limiter) groupBound(group ipv4.Addr) (bound, *prefixLimit) {
	if in := l.groups.find(group); in != nil {
		return in.bound, in
	}
	return l.group, nil
}

// tidyLimits forgets what is well below its limit.
func (s *Speaker) tidyLimits() {
	l := &s.limiter
	l.groupState.tidy(s.groupGauge)
	l.sourceState.tidy(s.sourceGauge)
	l.rpState.tidy(s.rpGauge)
}

func (s *Speaker) groupGauge(g ipv4.Addr) (int, bound) {
	b, _ := s.limiter.groupBound(g)
	return int(s.cache.countOf(g)), b
}

func (s *Speaker) sourceGauge(a ipv4.Addr) (int, bound) {
	return int(s.limiter.sourceCount[a]), s.limiter.source
}

func (s *Speaker) rpGauge(a ipv4.Addr) (int, bound) {
	r := s.rpTable[a]
	if r == nil {
		return 0, s.limiter.rp
	}
	return r.entries, s.limiter.rp
}

// mayWait reports why an SA of p may not wait for the route to its RP. What is in the cache
// already takes no more room there.
func (s *Speaker) mayWait(p *peer, sg ipv4.SG) Reason {
	if s.pending >= maxPending || p.quota.pending >= maxPendingOfPeer {
		return ReasonTableFull
	}
	if n := s.cache.find(sg); n != none && s.cache.at(n).peer == p.index {
		return ReasonNone
	}
	if !s.peerMayHave(p, p.quota.pending) {
		return ReasonPeerLimit
	}
	return ReasonNone
}
