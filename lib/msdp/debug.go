package msdp

import (
	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// Debug has s write to l what an operator watches.
func (s *Speaker) Debug(l *debug.Log) { s.debug = l }

// debugPeer tells what happens to p; the kinds are Events and Timers.
func (s *Speaker) debugPeer(k debug.Kind, p *peer, text string, fields ...zap.Field) {
	s.debug.Write(k, text, append([]zap.Field{zap.Stringer("peer", p.Addr)}, fields...)...)
}

// debugTLVs tells of the TLVs that p sent, or was sent.
func (s *Speaker) debugTLVs(p *peer, text string, tlvs []byte) {
	for len(tlvs) > 0 {
		h, tlv, rest, err := wire.Next(tlvs)
		if err != nil {
			s.debugPeer(debug.Packets, p, text, zap.Error(err))
			return
		}
		fields := []zap.Field{zap.Stringer("type", h.Type), zap.Int("length", h.Length)}
		switch h.Type {
		case wire.TypeSourceActive, wire.TypeSAResponse:
			if sa, err := wire.ParseSourceActive(tlv); err == nil {
				fields = append(fields, zap.Stringer("rp", sa.RP), zap.Int("entries", sa.Len()))
				if n := len(sa.Data()); n > 0 {
					fields = append(fields, zap.Int("data", n))
				}
			}
		case wire.TypeSARequest:
			if request, err := wire.ParseSARequest(tlv); err == nil {
				fields = append(fields, zap.Stringer("group", request.Group))
			}
		}
		s.debugPeer(debug.Packets, p, text, fields...)
		tlvs = rest
	}
}

// debugTaken tells what became of an entry that p announced and that was not refused.
func (s *Speaker) debugTaken(p *peer, rp ipv4.Addr, sg ipv4.SG) {
	text := "waits for the route to its RP"
	if n := s.cache.find(sg); n != none {
		e := s.cache.at(n)
		switch flooded := e.seq == s.seq; {
		case e.firstSeen == e.heard && flooded:
			text = "new, flooded"
		case flooded:
			text = "refreshed, flooded"
		default:
			text = "refreshed"
		}
	}
	s.debug.Write(debug.SAs, "SA received", zap.Stringer("peer", p.Addr), zap.Stringer("sg", sg), zap.Stringer("rp", rp), zap.String("result", text))
}

// debugEntry tells of an entry of the cache; its owner may be gone.
func (s *Speaker) debugEntry(e *entry, text, why string) {
	var owner ipv4.Addr
	if p := s.slots[e.peer]; p != nil {
		owner = p.Addr
	}
	if !s.debug.Of(debug.SAs, owner) {
		return
	}
	fields := []zap.Field{zap.Stringer("peer", owner), zap.Stringer("sg", e.sg), zap.Stringer("rp", e.rp)}
	if why != "" {
		fields = append(fields, zap.String("reason", why))
	}
	s.debug.Write(debug.SAs, text, fields...)
}

// debugLocal tells of a local source.
func (s *Speaker) debugLocal(text string, l *localSource) {
	s.debug.Write(debug.SAs, text, zap.Stringer("sg", l.sg), zap.Bool("registered", l.registered), zap.Stringer("dr", l.dr), zap.Bool("on link", l.onLink))
}

// debugDecision tells of a peer-RPF decision that was made anew.
func (s *Speaker) debugDecision(r *rpInfo) {
	var addr ipv4.Addr
	if r.decision.peer != nil {
		addr = r.decision.peer.Addr
	}
	if !s.debug.Of(debug.RPF, addr) {
		return
	}
	s.debug.Write(debug.RPF, "RPF peer", zap.Stringer("rp", r.addr), zap.Stringer("peer", addr),
		zap.Stringer("rule", r.decision.rule), zap.String("why", r.decision.why))
}
