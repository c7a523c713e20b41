package msdp

import (
	"time"

	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// Received takes whole TLVs that came on conn. They are not kept.
func (s *Speaker) Received(now time.Time, conn ConnID, tlvs []byte) {
	s.now = now
	p := s.conns[conn]
	if p == nil {
		return
	}
	if p.candidate == conn {
		// Only a message of the protocol replaces the session that is there.
		h, err := wire.ParseHeader(tlvs)
		if err != nil || h.Type != wire.TypeKeepAlive {
			s.dropCandidate(p)
			return
		}
		s.reset(p, "peer connected anew")
	}
	for ahead := 0; len(tlvs) > 0 && p.conn == conn && p.established(); ahead-- {
		// What follows an SA that was refused for its RP often is, too.
		if ahead <= 0 && !s.refusedRP {
			ahead = s.lookAhead(tlvs)
		}
		h, tlv, rest, err := wire.Next(tlvs)
		if err == nil {
			p.heard = true
			p.holdAt = now.Add(p.timers.Hold)
			if s.debug.Of(debug.Packets, p.Addr) {
				s.debugTLVs(p, "received", tlv)
			}
			err = s.receiveTLV(p, h, tlv)
		}
		if err != nil {
			s.formatError(p, err)
			return
		}
		tlvs = rest
	}
}

// lookAhead brings what is needed for the next TLVs into the processor's cache, and returns how many
// they are: several where these are SAs with few entries, for which it would be waited one by one.
func (s *Speaker) lookAhead(tlvs []byte) int {
	s.warmer.count = 0
	count := 0
	for {
		h, tlv, rest, err := wire.Next(tlvs)
		if err != nil || h.Type != wire.TypeSourceActive {
			break
		}
		sa, err := wire.ParseSourceActive(tlv)
		if err != nil || sa.Len() > wire.MaxEntries/2 || !s.warmer.add(&sa) {
			break
		}
		count++
		tlvs = rest
	}
	if count > 1 {
		s.cache.warm(&s.warmer)
	}
	s.warmer.count = 0
	return max(count, 1)
}

// formatError is event E9 (RFC 3618 §13): the session is reset. A peer that goes on so is
// tried less and less often.
func (s *Speaker) formatError(p *peer, err error) {
	p.stats.FormatErrors++
	s.log.Log(p.news(zap.WarnLevel), "TLV format error, session reset", zap.Stringer("peer", p.Addr), zap.Error(err))
	s.reset(p, "TLV format error: "+err.Error())
}

func (s *Speaker) receiveTLV(p *peer, h wire.Header, tlv []byte) error {
	switch h.Type {
	case wire.TypeKeepAlive:
		p.stats.KeepAlivesReceived++
	case wire.TypeSourceActive:
		sa, err := wire.ParseSourceActive(tlv)
		if err != nil {
			return err
		}
		p.stats.SAsReceived++
		s.receiveSA(p, sa)
	case wire.TypeSARequest:
		request, err := wire.ParseSARequest(tlv)
		if err != nil { // of a type that RFC 3618 does not describe, this is no reason to reset
			p.stats.UnknownTLVs++
			return nil
		}
		s.receiveRequest(p, request.Group)
	case wire.TypeSAResponse:
		if !p.Requests.Send {
			p.stats.UnknownTLVs++
			return nil
		}
		sa, err := wire.ParseSourceActive(tlv)
		if err != nil {
			return err
		}
		p.stats.ResponsesReceived++
		s.receiveEntries(p, sa, true)
	default: // E10, A9: dropped, the session stays
		p.stats.UnknownTLVs++
	}
	return nil
}

// receiveSA runs RFC 3618 §11.3 on a Source-Active TLV: peer-RPF, cache, flood.
func (s *Speaker) receiveSA(p *peer, sa wire.SourceActive) { s.receiveEntries(p, sa, false) }

// receiveEntries takes the entries of a Source-Active, or of the answer to a request: of that,
// those for groups that p was asked about.
func (s *Speaker) receiveEntries(p *peer, sa wire.SourceActive, answer bool) {
	n := sa.Len()
	if n == 0 {
		return // nothing in it, no error
	}
	r, why := s.considerRP(p, sa.RP)
	s.refusedRP = why != ReasonNone
	if s.refusedRP {
		for i := range n {
			sg, _ := sa.Entry(i)
			s.refuse(p, sa.RP, sg, why)
		}
		s.receiveData(p, nil, ipv4.SG{}, sa.Data(), why)
		return
	}
	s.beginBatch()
	s.warmer.add(&sa)
	s.cache.warm(&s.warmer)
	o, watched := s.offer(p, r), s.debug.Of(debug.SAs, p.Addr)
	for i := range n {
		k := &s.warmer.sought[i]
		switch {
		case !groupMayCross(k.sg.Group):
			why = ReasonGroup
		case !sourceMayBe(k.sg.Source):
			why = ReasonSource
		case sa.PrefixLen(i) != 32:
			why = ReasonPrefixLength
		case answer && !p.requests.wasAsked(k.sg.Group, o.heard):
			why = ReasonNotRequested
		default:
			why = s.take(&o, k)
		}
		if why != ReasonNone {
			s.refuse(p, sa.RP, k.sg, why)
		} else if watched {
			s.debugTaken(p, sa.RP, k.sg)
		}
	}
	s.floodBatch(p, sa.RP, &sa)
	if !answer {
		last, _ := sa.Entry(n - 1)
		s.receiveData(p, r, last, sa.Data(), why)
	}
}

// considerRP returns what is known of the RP that an SA from p names, or why nothing that
// names it is taken from p.
func (s *Speaker) considerRP(p *peer, rp ipv4.Addr) (*rpInfo, Reason) {
	if !sourceMayBe(rp) {
		return nil, ReasonRPAddress
	}
	if s.carriesOurRP(p, rp) {
		return nil, ReasonOwn
	}
	s.noteRelayed(p, rp)
	if why := p.in.judgeRP(rp); why != ReasonNone {
		return nil, why
	}
	r := s.rp(rp, p)
	if r == nil {
		return nil, ReasonTableFull
	}
	return r, ReasonNone
}

// refuse is where every entry ends that is not taken from p.
func (s *Speaker) refuse(p *peer, rp ipv4.Addr, sg ipv4.SG, why Reason) {
	p.stats.Refused[why]++
	s.noteRefused(p, rp, sg, why)
	s.rejected.add(rejectedKey{sg, rp, p.index}, why, s.stamp())
}

// offer is what the entries of one SA have in common.
type offer struct {
	from    *peer
	rp      *rpInfo
	heard   stamp
	judged  bool // by peer-RPF, whose verdict is good for all of them
	verdict verdict
}

func (s *Speaker) offer(p *peer, r *rpInfo) offer { return offer{from: p, rp: r, heard: s.stamp()} }

// take caches one entry, or refreshes it, and notes it for flooding where it is due.
func (s *Speaker) take(o *offer, k *sought) Reason {
	if why := o.from.in.judge(k.sg); why != ReasonNone {
		return why
	}
	if !o.judged {
		o.judged, o.verdict = true, s.judge(o.from, o.rp)
	}
	switch o.verdict {
	case undecided:
		return s.wait(o.from, o.rp, k.sg)
	case refused:
		return s.refusal(o.rp)
	default:
		return s.admit(o, k)
	}
}

// admit brings an entry that passed peer-RPF into the cache.
func (s *Speaker) admit(o *offer, k *sought) Reason {
	if i, local := s.localIndex[k.sg]; local {
		l := &s.locals[i]
		if s.originates(l) || !l.restored {
			return ReasonLocal
		}
		s.removeLocal(l) // it was ours before the restart, and is no longer
	}
	p, r, fromMesh := o.from, o.rp, o.verdict == acceptedFromMesh
	n := s.cache.locate(k)
	if n == none {
		if why := s.limits(p, r, k.sg); why != ReasonNone {
			return why
		}
		_, e := s.addEntry(k, o.heard, p, r)
		if fromMesh {
			e.flags |= flagMesh
		}
		s.floodLater(e)
		s.considerJoin(e)
		return ReasonNone
	}
	e := s.cache.at(n)
	if e.rp != r.addr {
		e.flags |= flagDuplicateRP
		return ReasonDuplicateRP
	}
	if e.peer != p.index {
		if fromMesh && s.defended(r, e) {
			return ReasonNotOwner
		}
		if !s.peerMayHave(p, 0) {
			return ReasonPeerLimit
		}
		s.changeOwner(e, p)
	}
	e.flags &^= flagMesh
	if fromMesh {
		e.flags |= flagMesh
	}
	e.heard = o.heard
	if !s.floodedLately(e) {
		s.floodLater(e)
	}
	return ReasonNone
}

// defended reports whether the owner of e keeps it against a copy from a mesh member: a
// live mesh member does, and a peer that still is the RPF peer, as long as it refreshes it.
func (s *Speaker) defended(r *rpInfo, e *entry) bool {
	owner := s.slots[e.peer]
	if owner == nil || !owner.established() || s.stamp().since(e.heard) > freshPeriod {
		return false
	}
	return e.flags&flagMesh != 0 || s.rpfPeer(r).peer == owner
}
