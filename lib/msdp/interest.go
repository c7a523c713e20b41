package msdp

import (
	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
)

// considerJoin asks for (S,G) to be joined if its group has local receivers: RFC 3618 §3.
func (s *Speaker) considerJoin(e *entry) {
	want := s.interest[e.sg.Group] && !s.isOnLink(e.sg.Source)
	switch {
	case want && e.flags&flagWanted == 0:
		e.flags |= flagWanted
		s.env.Join(e.sg)
		if s.debug.On(debug.SAs) {
			s.debugEntry(e, "to be joined", "")
		}
	case !want && e.flags&flagWanted != 0:
		e.flags &^= flagWanted
		s.env.Leave(e.sg)
		if s.debug.On(debug.SAs) {
			s.debugEntry(e, "no longer to be joined", "")
		}
	}
}

// interestChanged acts on every cached SA of a group whose receivers came or went.
func (s *Speaker) interestChanged(group ipv4.Addr) {
	s.cache.eachOfGroup(group, func(_ number, e *entry) { s.considerJoin(e) })
}

// isOnLink reports whether a is on a subnet of ours: there, the stream comes by itself.
func (s *Speaker) isOnLink(a ipv4.Addr) bool {
	for _, ifc := range s.interfaces.All() {
		if s.interfaces.OnLink(a, ifc.Index) {
			return true
		}
	}
	return false
}
