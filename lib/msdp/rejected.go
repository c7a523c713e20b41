package msdp

import (
	"time"

	"msdpd/lib/ipv4"
)

// DefaultRejectedSAs is how many refused entries are remembered where nothing is configured.
const DefaultRejectedSAs = 1000

// RejectedSA is an entry that was not taken from a peer.
type RejectedSA struct {
	SG          ipv4.SG
	RP, Peer    ipv4.Addr
	Reason      Reason // of the last time
	First, Last time.Time
	Count       uint64
}

// rejectedKey names what is remembered once, however often it is refused.
type rejectedKey struct {
	sg   ipv4.SG
	rp   ipv4.Addr
	peer peerIndex
}

type rejectedEntry struct {
	key         rejectedKey
	reason      Reason
	used        bool
	first, last stamp
	count       uint64
}

// rejections are the entries refused last: the one that has been there longest makes room.
type rejections struct {
	ring  []rejectedEntry
	index map[rejectedKey]int
	next  int
}

// resize keeps room for so many; what is remembered is lost unless the size stays.
func (r *rejections) resize(size int) {
	if size != len(r.ring) {
		*r = rejections{ring: make([]rejectedEntry, size), index: make(map[rejectedKey]int)}
	}
}

func (r *rejections) add(key rejectedKey, why Reason, now stamp) {
	if len(r.ring) == 0 {
		return
	}
	i, known := r.index[key]
	if !known {
		i = r.next
		r.next = (i + 1) % len(r.ring)
		if r.ring[i].used {
			delete(r.index, r.ring[i].key)
		}
		r.index[key] = i
		r.ring[i] = rejectedEntry{key: key, used: true, first: now}
	}
	e := &r.ring[i]
	e.reason, e.last = why, now
	e.count++
}

// forget drops what fits, and returns how many that were.
func (r *rejections) forget(fits func(rejectedKey) bool) int {
	count := 0
	for i := range r.ring {
		if r.ring[i].used && fits(r.ring[i].key) {
			delete(r.index, r.ring[i].key)
			r.ring[i] = rejectedEntry{}
			count++
		}
	}
	return count
}

// RejectedSAs returns what is remembered of the entries that were refused, the newest first
// seen last; those of one (S,G) where that is not zero.
func (s *Speaker) RejectedSAs(only ipv4.SG) []RejectedSA {
	var out []RejectedSA
	r := &s.rejected
	for i := range r.ring {
		e := &r.ring[(r.next+i)%len(r.ring)]
		p := s.slots[e.key.peer]
		if !e.used || p == nil || only != (ipv4.SG{}) && e.key.sg != only {
			continue
		}
		out = append(out, RejectedSA{
			SG: e.key.sg, RP: e.key.rp, Peer: p.Addr, Reason: e.reason,
			First: s.timeOf(e.first), Last: s.timeOf(e.last), Count: e.count,
		})
	}
	return out
}

// ClearRejectedSAs forgets the entries that were refused, and returns how many there were.
func (s *Speaker) ClearRejectedSAs(now time.Time) int {
	s.now = now
	return s.rejected.forget(func(rejectedKey) bool { return true })
}
