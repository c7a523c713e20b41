package msdp

import (
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

// signPeriod is how long a sign of trouble counts after it was last seen, and how often a
// warning about one that goes on is repeated.
const signPeriod = 10 * time.Minute

// signs are what a peer's SAs show of trouble in the network.
type signs struct {
	own     map[ipv4.Addr]*ownSeen  // by the RP address of ours that they carry
	relayed map[ipv4.Addr]time.Time // by the member of our mesh group that is their RP
}

// ownSeen is about SAs that say that they come from this router.
type ownSeen struct {
	first  ipv4.SG
	count  uint64 // entries
	last   time.Time
	warned time.Time
	told   uint64 // count at the last warning
}

// noteOwn warns of an SA from p with an RP address of ours: a loop, or a spoof. There are
// no more of these addresses than this router has.
func (s *Speaker) noteOwn(p *peer, rp ipv4.Addr, sg ipv4.SG) {
	o := p.signs.own[rp]
	if o == nil {
		if p.signs.own == nil {
			p.signs.own = make(map[ipv4.Addr]*ownSeen)
		}
		o = &ownSeen{first: sg}
		p.signs.own[rp] = o
	}
	o.count++
	o.last = s.now
	if !o.warned.IsZero() && s.now.Sub(o.warned) < signPeriod {
		return
	}
	text := "SAs with an RP address of this router come from a peer: they went round in a loop, or somebody pretends to be this router"
	if p.mesh != "" {
		text = "SAs with this router's originator-id come from a mesh-group member: it has the same one, or it passes on what it got from the mesh group"
	}
	s.log.Warn(text, zap.Stringer("peer", p.Addr), zap.Stringer("rp", rp), zap.Stringer("sg", sg), zap.Uint64("refused", o.count-o.told))
	o.warned, o.told = s.now, o.count
}

// noteRelayed remembers that SAs of another member of our mesh group come from p. An SA
// says nothing of its way but its RP, so this sees the members whose RP field is the address
// that we peer with.
func (s *Speaker) noteRelayed(p *peer, rp ipv4.Addr) {
	member := s.peers[rp]
	if member == nil || member == p || member.mesh == "" {
		return
	}
	if p.signs.relayed == nil {
		p.signs.relayed = make(map[ipv4.Addr]time.Time)
	}
	p.signs.relayed[rp] = s.now
}
