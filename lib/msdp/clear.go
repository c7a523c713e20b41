package msdp

import (
	"time"

	"msdpd/lib/ipv4"
)

const clearedByOperator = "cleared by the operator"

// ClearCache empties the SA cache of what peers announced, and returns how many entries went.
func (s *Speaker) ClearCache(now time.Time) int {
	s.now = now
	count := s.cache.count()
	s.cache.each(1, s.cache.limit(), func(n number, e *entry) bool {
		s.removeEntry(n, e, clearedByOperator)
		return true
	})
	s.dropWaiting(func(waitingSA) bool { return true })
	return count
}

// ClearGroup is ClearCache for one group.
func (s *Speaker) ClearGroup(now time.Time, group ipv4.Addr) int {
	s.now = now
	count := 0
	s.cache.eachOfGroup(group, func(n number, e *entry) {
		s.removeEntry(n, e, clearedByOperator)
		count++
	})
	s.dropWaiting(func(w waitingSA) bool { return w.sg.Group == group })
	return count
}

// ClearCounters sets to 0 what was counted of the peer with addr, or of every peer where addr
// is 0.0.0.0. It reports whether there is such a peer.
func (s *Speaker) ClearCounters(now time.Time, addr ipv4.Addr) bool {
	s.now = now
	found := false
	for _, p := range s.ordered {
		if addr.IsUnspecified() || p.Addr == addr {
			found = true
			p.stats = PeerCounters{}
			p.countedFrom = now
		}
	}
	return found
}
