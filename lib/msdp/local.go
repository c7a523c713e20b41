package msdp

import (
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

const (
	// registeredPeriod is how long a source stays local after its last Register. A DR sends
	// one every 25 to 85 s; [SG-State-Period] + 60 s is when the last remote cache forgets
	// a source whose last SA went out 60 s after its last Register.
	registeredPeriod = SGStatePeriod + announcePeriod
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
	rp                 ipv4.Addr // RP field of its last SA
	seq                uint64
	slot               int
}

func (l *localSource) lastHeard() time.Time {
	if l.onLink && (!l.registered || l.lastPacket.After(l.lastRegister)) {
		return l.lastPacket
	}
	return l.lastRegister
}

// addLocal returns the local source sg, made anew if there was none.
func (s *Speaker) addLocal(sg ipv4.SG) (l *localSource, isNew bool) {
	if i, ok := s.localIndex[sg]; ok {
		return &s.locals[i], false
	}
	var i int
	if n := len(s.localFree); n > 0 {
		i = s.localFree[n-1]
		s.localFree = s.localFree[:n-1]
	} else {
		i = len(s.locals)
		s.locals = append(s.locals, localSource{})
	}
	s.locals[i] = localSource{sg: sg, used: true, firstSeen: s.now, slot: i % advertiseSlots}
	s.localIndex[sg] = i
	// What is local is not taken from a peer, nor joined.
	if n := s.cache.find(sg); n != none {
		s.removeEntry(n, s.cache.at(n))
	}
	return &s.locals[i], true
}

func (s *Speaker) removeLocal(l *localSource) {
	i := s.localIndex[l.sg]
	delete(s.localIndex, l.sg)
	*l = localSource{}
	s.localFree = append(s.localFree, i)
}

// learnt is the end of learning that l is active: its first SA goes out at once (§5.1).
func (s *Speaker) learnt(l *localSource, isNew bool) {
	if !isNew {
		return
	}
	s.log.Debug("local source", zap.Stringer("sg", l.sg), zap.Bool("registered", l.registered))
	s.announce(l)
}

// announce floods an SA for l now.
func (s *Speaker) announce(l *localSource) {
	rp, ok := s.originRP(l.sg.Group)
	if !ok {
		return
	}
	s.beginBatch()
	l.seq = s.seq
	l.rp = rp
	s.sgs = append(s.sgs, l.sg)
	s.floodBatch(nil, rp, nil)
}

// announceChanged announces the sources whose SAs would now carry another RP.
func (s *Speaker) announceChanged() {
	for i := range s.locals {
		l := &s.locals[i]
		if !l.used || s.now.Sub(l.lastHeard()) > freshPeriod {
			continue
		}
		if rp, ok := s.originRP(l.sg.Group); ok && rp != l.rp {
			s.announce(l)
		}
	}
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
		if rp, ok := s.originRP(l.sg.Group); ok {
			l.rp = rp
			due.add(rp, l.sg)
		}
	}
	for _, rp := range due.order {
		s.beginBatch()
		for _, sg := range due.byRP[rp] {
			s.locals[s.localIndex[sg]].seq = s.seq
		}
		s.sgs = append(s.sgs, due.byRP[rp]...)
		s.floodBatch(nil, rp, nil)
	}
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
			s.log.Debug("local source is silent", zap.Stringer("sg", l.sg))
			s.removeLocal(l)
		}
	}
}

// dropForeignLocals forgets the sources of groups whose RP this router no longer is.
func (s *Speaker) dropForeignLocals() {
	for i := range s.locals {
		if l := &s.locals[i]; l.used {
			if _, ok := s.originRP(l.sg.Group); !ok {
				s.removeLocal(l)
			}
		}
	}
}
