package msdp

import (
	"time"

	"msdpd/lib/ipv4"
)

// Saved is what a Speaker hands to the one that follows it on this router, so that a
// restart makes no source disappear and no remote source look local.
type Saved struct {
	Locals []SavedLocal `json:"localSources"`
	Joined []SavedEntry `json:"joined"`
}

// SavedLocal is a local source.
type SavedLocal struct {
	Source       ipv4.Addr `json:"source"`
	Group        ipv4.Addr `json:"group"`
	DR           ipv4.Addr `json:"dr"`
	Registered   bool      `json:"registered"`
	OnLink       bool      `json:"onLink"`
	FirstSeen    time.Time `json:"firstSeen"`
	LastRegister time.Time `json:"lastRegister"`
	LastPacket   time.Time `json:"lastPacket"`
}

// SavedEntry is a remote source that was joined.
type SavedEntry struct {
	Source    ipv4.Addr `json:"source"`
	Group     ipv4.Addr `json:"group"`
	RP        ipv4.Addr `json:"rp"`
	Peer      ipv4.Addr `json:"peer"`
	FirstSeen time.Time `json:"firstSeen"`
	Heard     time.Time `json:"heard"`
}

// Save returns the local sources, and the cached ones among joined. The owner says which
// are joined because a cache of a million entries in groups with receivers holds few of them,
// and to write down the others every few seconds would hold up the protocol.
func (s *Speaker) Save(joined []ipv4.SG) Saved {
	var out Saved
	for i := range s.locals {
		if l := &s.locals[i]; l.used {
			out.Locals = append(out.Locals, SavedLocal{
				Source: l.sg.Source, Group: l.sg.Group, DR: l.dr, Registered: l.registered, OnLink: l.onLink,
				FirstSeen: l.firstSeen.Round(0), LastRegister: l.lastRegister.Round(0), LastPacket: l.lastPacket.Round(0),
			})
		}
	}
	for _, sg := range joined {
		n := s.cache.find(sg)
		if n == none {
			continue
		}
		e := s.cache.at(n)
		if p := s.slots[e.peer]; p != nil {
			out.Joined = append(out.Joined, SavedEntry{
				Source: sg.Source, Group: sg.Group, RP: e.rp, Peer: p.Addr,
				FirstSeen: s.timeOf(e.firstSeen).Round(0), Heard: s.timeOf(e.heard).Round(0),
			})
		}
	}
	return out
}

// Restore takes back what an earlier Speaker saved, as far as it is younger than
// [SG-State-Period]. Call it after Apply and before any event. What comes from peers that
// are not configured any more, and times in the future, are left out.
func (s *Speaker) Restore(now time.Time, saved Saved) {
	s.now = now
	fresh := func(t time.Time) bool { age := now.Sub(t); return age >= 0 && age < SGStatePeriod }
	for _, v := range saved.Locals {
		sg := ipv4.SG{Source: v.Source, Group: v.Group}
		registered := v.Registered && fresh(v.LastRegister)
		onLink := v.OnLink && fresh(v.LastPacket)
		if !groupMayCross(v.Group) || !sourceMayBe(v.Source) || !registered && !onLink {
			continue
		}
		l, _ := s.addLocal(sg)
		l.registered, l.onLink, l.dr = registered, onLink, v.DR
		l.restored = true
		l.firstSeen, l.lastRegister, l.lastPacket = s.monotonic(v.FirstSeen), s.monotonic(v.LastRegister), s.monotonic(v.LastPacket)
	}
	for _, v := range saved.Joined {
		sg := ipv4.SG{Source: v.Source, Group: v.Group}
		p := s.peers[v.Peer]
		_, local := s.localIndex[sg]
		if p == nil || local || !fresh(v.Heard) || !groupMayCross(v.Group) || !sourceMayBe(v.Source) || s.cache.find(sg) != none {
			continue
		}
		r := s.rp(v.RP, p)
		if r == nil {
			continue
		}
		k := s.cache.seek(sg)
		_, e := s.addEntry(&k, s.stampOf(s.monotonic(v.Heard)), p, r)
		if p.mesh != "" {
			e.flags |= flagMesh
		}
		if v.FirstSeen.After(s.epoch) {
			e.firstSeen = s.stampOf(s.monotonic(v.FirstSeen))
		}
		e.seq = s.recent.settled // never flooded
		s.considerJoin(e)
	}
	s.announceChanged()
}

// monotonic turns a wall-clock time into one that subtracts from s.now without regard to
// later steps of the clock.
func (s *Speaker) monotonic(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return s.now.Add(-s.now.Round(0).Sub(t))
}
