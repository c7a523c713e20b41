package msdp

import (
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

const (
	// takenPeriod is how long the kernel's (S,G) may come after a Register: pimd has taken
	// the Register only when it stands there.
	takenPeriod = time.Second
	// maxRegistersWaiting bounds what made-up Registers can cost.
	maxRegistersWaiting = 1 << 16
)

// Register is a PIM Register that reached this router with a right checksum.
type Register struct {
	OuterSource      ipv4.Addr // the DR
	OuterDestination ipv4.Addr // the RP it registers with
	SG               ipv4.SG
	// Denied: pimd's configuration, as it was told last, does not let it take this. Where (S,G)
	// stands in the kernel's table already, that proves nothing then: a remote source that was
	// joined does, too. One that comes there is the newer word.
	Denied bool
	// Packet is the packet inside; nil in a Null-Register, and where data encapsulation is off.
	Packet []byte
}

// RegisterCounters say what became of the Registers heard.
type RegisterCounters struct {
	Heard    uint64
	Own      uint64 // our own Null-Registers
	NotRP    uint64 // to an address that is not our RP address for that group
	NoGroup  uint64 // (S,G) that is never announced
	NotTaken uint64 // pimd did not take it: denied, or no (S,G) in the kernel within a second
	Limited  uint64 // of a new source, and its DR has brought in too many; an on-link source, too
}

// pendingRegister waits for pimd to take a Register.
type pendingRegister struct {
	dr       ipv4.Addr
	heard    time.Time
	deadline time.Time
	packets  heldPackets
}

// kernelEntry is an (S,G) of the kernel's multicast forwarding cache.
type kernelEntry struct {
	iif     int
	packets uint64
	since   time.Time // when it came
	active  time.Time // when packets last grew
}

// RegisterHeard tells of a Register. It makes a local source only if it came from a
// stranger to our RP(G), G may be announced, and pimd took it.
func (s *Speaker) RegisterHeard(now time.Time, r Register) {
	s.now = now
	s.registerSeen.Heard++
	rp, mine, ok := s.rps.Lookup(r.SG.Group)
	switch {
	case s.interfaces.OwnAddr(r.OuterSource), r.OuterSource == r.OuterDestination:
		s.registerSeen.Own++
	case !groupMayCross(r.SG.Group) || !sourceMayBe(r.SG.Source):
		s.registerSeen.NoGroup++
	case !ok || !mine || rp != r.OuterDestination:
		s.registerSeen.NotRP++
	default:
		k, there := s.kernel[r.SG]
		switch {
		case there && r.Denied && now.Sub(k.since) > takenPeriod:
			s.registerSeen.NotTaken++
		case s.isNewRegister(r.SG) && !s.mayRegister(r.OuterSource):
		case there:
			s.registered(r.SG, r.OuterSource, now)
			s.sendLocalData(r.SG, r.Packet)
		case len(s.registers) < maxRegistersWaiting:
			packets := s.hold(s.registers[r.SG].packets, r.Packet)
			s.registers[r.SG] = pendingRegister{dr: r.OuterSource, heard: now, deadline: now.Add(takenPeriod), packets: packets}
		}
	}
}

// isNewRegister reports whether a Register brings in a source: it is not local yet, and no
// other Register of it waits.
func (s *Speaker) isNewRegister(sg ipv4.SG) bool {
	_, local := s.localIndex[sg]
	_, waits := s.registers[sg]
	return !local && !waits
}

func (s *Speaker) registered(sg ipv4.SG, dr ipv4.Addr, heard time.Time) {
	l, silent := s.addLocal(sg)
	l.registered = true
	l.dr = dr
	l.lastRegister = heard
	if silent {
		l.data = dataWindow{began: s.now}
	}
	s.learnt(l, silent)
}

func (s *Speaker) expireRegisters() {
	for sg, r := range s.registers {
		if s.now.After(r.deadline) {
			delete(s.registers, sg)
			s.release(r.packets)
			s.registerSeen.NotTaken++
		}
	}
}

// KernelEntry tells of an entry of the kernel's multicast forwarding cache: that it is
// there, and how many packets it has passed. Source 0.0.0.0 is (*,G): local interest in G.
func (s *Speaker) KernelEntry(now time.Time, sg ipv4.SG, iif int, packets uint64) {
	s.now = now
	if sg.Source == 0 {
		if !s.interest[sg.Group] {
			s.interest[sg.Group] = true
			s.interestChanged(sg.Group)
			s.request(sg.Group)
		}
		return
	}
	old, was := s.kernel[sg]
	k := kernelEntry{iif: iif, packets: packets, since: now, active: now}
	if was {
		k.since = old.since
	}
	if was && packets == old.packets {
		k.active = old.active
	}
	s.kernel[sg] = k
	if r, ok := s.registers[sg]; ok {
		delete(s.registers, sg)
		if !now.After(r.deadline) {
			s.registered(sg, r.dr, r.heard)
		}
		for _, packet := range s.release(r.packets) {
			s.sendLocalData(sg, packet)
		}
	}
	s.judgeOnLink(sg, k)
}

// KernelCounters tells how many packets an entry has passed by now. An entry that was not
// told by KernelEntry, or went since, is left alone.
func (s *Speaker) KernelCounters(now time.Time, sg ipv4.SG, packets uint64) {
	if k, ok := s.kernel[sg]; ok {
		s.KernelEntry(now, sg, k.iif, packets)
	}
}

// KernelEntryGone tells that an entry is no longer there.
func (s *Speaker) KernelEntryGone(now time.Time, sg ipv4.SG) {
	s.now = now
	if sg.Source == 0 {
		delete(s.interest, sg.Group)
		s.interestChanged(sg.Group)
		return
	}
	delete(s.kernel, sg) // a local source lives on its Registers and packets, not on this
}

// judgeOnLink makes (S,G) a local source, or no longer one, by its place: on a subnet of
// the incoming interface, where this router is the DR (RFC 3618 §3).
func (s *Speaker) judgeOnLink(sg ipv4.SG, k kernelEntry) {
	if s.isDR == nil {
		return
	}
	if !s.isOnLinkHere(sg, k.iif) {
		if i, ok := s.localIndex[sg]; ok {
			s.noLongerOnLink(&s.locals[i])
		}
		return
	}
	if s.now.Sub(k.active) >= onLinkPeriod {
		return
	}
	i, known := s.localIndex[sg]
	if known && s.locals[i].onLink && !k.active.After(s.locals[i].lastPacket) {
		return // silent since it was last looked at
	}
	if !known && !s.mayRegister(0) {
		return // it is looked at again with the kernel's counters
	}
	l, silent := s.addLocal(sg)
	l.onLink = true
	l.lastPacket = k.active
	s.learnt(l, silent)
}

// noLongerOnLink: no packet of ours makes l a local source any more. One from before a
// restart waits until the RP of its group is known.
func (s *Speaker) noLongerOnLink(l *localSource) {
	if _, _, known := s.rps.Lookup(l.sg.Group); !l.onLink || l.restored && !known {
		return
	}
	l.onLink = false
	if !l.registered {
		s.removeLocal(l)
	}
}

func (s *Speaker) isOnLinkHere(sg ipv4.SG, iif int) bool {
	if !groupMayCross(sg.Group) || !sourceMayBe(sg.Source) || !s.interfaces.OnLink(sg.Source, iif) {
		return false
	}
	ifc, ok := s.interfaces.ByIndex(iif)
	if !ok || !s.isDR[ifc.Name] {
		return false
	}
	_, ok = s.originRP(sg.Group)
	return ok
}

// judgeOnLinkAgain is due when interfaces, DRs or RPs changed.
func (s *Speaker) judgeOnLinkAgain() {
	for sg, k := range s.kernel {
		s.judgeOnLink(sg, k)
	}
	for i := range s.locals {
		l := &s.locals[i]
		if _, there := s.kernel[l.sg]; l.onLink && !there && !s.mayBeOnLinkHere(l.sg) {
			s.noLongerOnLink(l)
		}
	}
	s.announceChanged()
}

// mayBeOnLinkHere judges a source that is no longer in the kernel's table by all interfaces.
func (s *Speaker) mayBeOnLinkHere(sg ipv4.SG) bool {
	if s.isDR == nil {
		return true
	}
	return slices.ContainsFunc(s.interfaces.All(), func(ifc rib.Interface) bool { return s.isOnLinkHere(sg, ifc.Index) })
}
