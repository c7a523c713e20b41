package msdp

import (
	"time"

	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
)

const (
	// registeredPeriod is how long a source stays local after its last Register. A DR sends
	// one every 25 to 85 s; [SG-State-Period] + 60 s is when the last remote cache forgets
	// a source whose last SA went out 60 s after its last Register. It is gone here by
	// then too: the sweep takes up to two of its steps.
	registeredPeriod = SGStatePeriod + announcePeriod - 2*sweepStep
	// onLinkPeriod is how long an on-link source stays local after its last packet.
	onLinkPeriod = SGStatePeriod
	// announcePeriod is how long after the last Register or packet SAs are sent.
	announcePeriod = 60 * time.Second
	// advertiseSlot divides [SA-Advertisement-Period] so that the periodic SAs are spread over it (§5.2).
	advertiseSlot  = time.Second
	advertiseSlots = int(SAAdvertisementPeriod / advertiseSlot)
)

// localSource is a source in our own domain.
type localSource struct {
	sg   ipv4.SG
	used bool
	// registered: a DR told of it; onLink: it is on a subnet where this router is the DR.
	registered, onLink bool
	dr                 ipv4.Addr // who sent the last Register
	lastRegister       time.Time
	lastPacket         time.Time
	firstSeen          time.Time
	rp                 ipv4.Addr  // RP field of its last SA
	announced          time.Time  // its last SA
	data               dataWindow // since it is active
	seq                sequence
	// restored: it comes from before a restart, and no SA was sent since.
	restored bool
}

func (l *localSource) lastHeard() time.Time {
	if l.onLink && (!l.registered || l.lastPacket.After(l.lastRegister)) {
		return l.lastPacket
	}
	return l.lastRegister
}

// addLocal returns the local source sg, made anew if there was none. It is silent if it is
// new, or if there were no SAs for it lately because nothing came from it.
func (s *Speaker) addLocal(sg ipv4.SG) (l *localSource, silent bool) {
	if i, ok := s.localIndex[sg]; ok {
		l = &s.locals[i]
		return l, s.now.Sub(l.lastHeard()) > announcePeriod && s.now.Sub(l.announced) > announcePeriod
	}
	var i int
	if n := len(s.localFree); n > 0 {
		i = s.localFree[n-1]
		s.localFree = s.localFree[:n-1]
	} else {
		i = len(s.locals)
		s.locals = append(s.locals, localSource{})
	}
	s.locals[i] = localSource{sg: sg, used: true, firstSeen: s.now}
	s.localIndex[sg] = i
	s.noteLocal(sg, true)
	// What is local is not taken from a peer, nor joined.
	if n := s.cache.find(sg); n != none {
		s.removeEntry(n, s.cache.at(n), "the source is a local one now")
	}
	return &s.locals[i], true
}

func (s *Speaker) removeLocal(l *localSource) {
	i := s.localIndex[l.sg]
	s.noteLocal(l.sg, false)
	delete(s.localIndex, l.sg)
	*l = localSource{}
	s.localFree = append(s.localFree, i)
}

// learnt is the end of learning that l is active: the first SA, also after a silence, goes
// out at once (§5.1).
func (s *Speaker) learnt(l *localSource, silent bool) {
	if !silent || s.now.Sub(l.lastHeard()) > announcePeriod {
		return
	}
	if s.debug.On(debug.SAs) {
		s.debugLocal("local source", l)
	}
	if rp, ok := s.announcedRP(l); ok {
		s.beginBatch()
		s.announceLater(l, rp)
		s.floodBatch(nil, rp, nil)
	}
}

// announceLater adds l to the batch, with rp as the RP field of its SA.
func (s *Speaker) announceLater(l *localSource, rp ipv4.Addr) {
	l.seq, l.rp, l.announced, l.restored = s.seq, rp, s.now, false
	s.sgs = append(s.sgs, l.sg)
}

// announce floods SAs for the local sources in due.
func (s *Speaker) announce(due *chunk) {
	for _, of := range due.lots {
		s.beginBatch()
		for _, sg := range of.sgs {
			s.announceLater(&s.locals[s.localIndex[sg]], of.rp)
		}
		s.floodBatch(nil, of.rp, nil)
	}
}

// announceChanged announces the sources whose SAs would now carry another RP.
func (s *Speaker) announceChanged() {
	var due chunk
	for i := range s.locals {
		l := &s.locals[i]
		if !l.used || s.now.Sub(l.lastHeard()) > freshPeriod {
			continue
		}
		if rp, ok := s.announcedRP(l); ok && rp != l.rp {
			due.add(rp, l.sg)
		}
	}
	s.announce(&due)
}

// advertiseNextSlot sends the periodic SAs of one slot (§5.2).
func (s *Speaker) advertiseNextSlot() {
	slot := s.nextSlot
	s.nextSlot = (slot + 1) % advertiseSlots
	var due chunk
	for i := slot; i < len(s.locals); i += advertiseSlots {
		l := &s.locals[i]
		if !l.used || s.now.Sub(l.lastHeard()) > announcePeriod {
			continue
		}
		if rp, ok := s.announcedRP(l); ok {
			due.add(rp, l.sg)
		}
	}
	if due.count > 0 && s.debug.On(debug.Timers) {
		s.debug.Write(debug.Timers, "SA-Advertisement timer: SAs for local sources", zap.Int("entries", due.count))
	}
	s.announce(&due)
}

// expireLocals forgets the sources that are silent.
func (s *Speaker) expireLocals() {
	for i := range s.locals {
		l := &s.locals[i]
		if !l.used {
			continue
		}
		if l.registered && s.now.Sub(l.lastRegister) >= registeredPeriod {
			l.registered = false
		}
		if l.onLink && s.now.Sub(l.lastPacket) >= onLinkPeriod {
			l.onLink = false
		}
		if !l.registered && !l.onLink {
			if s.debug.On(debug.SAs) {
				s.debugLocal("local source is silent", l)
			}
			s.removeLocal(l)
		}
	}
}

// dropForeignLocals forgets the sources of groups whose RP this router no longer is. One
// from before a restart stays while no RP of its group is known: pimd may not have
// answered yet.
func (s *Speaker) dropForeignLocals() {
	for i := range s.locals {
		l := &s.locals[i]
		if !l.used || s.originates(l) {
			continue
		}
		if _, _, known := s.rps.Lookup(l.sg.Group); known || !l.restored {
			s.removeLocal(l)
		}
	}
}
