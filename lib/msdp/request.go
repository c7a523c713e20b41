package msdp

import (
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// PeerRequests say what becomes of SA-Requests: RFC 3618 §12.2 has their type, and no format;
// it is that of the drafts before it, which routers kept.
type PeerRequests struct {
	// Accept has the peer's requests answered from the cache, those for groups that List
	// permits, if it is not "". A list that does not exist permits none.
	Accept bool
	List   string
	// Send has the peer asked for the sources of a group when it gets receivers here.
	Send bool
}

const (
	// requestsPerSecond bounds the work that a peer's requests can make; requestBurst is how many
	// are answered at once, as after a restart of the peer.
	requestsPerSecond = 10
	requestBurst      = 1000
	// answerPeriod is how long after a request its answers are taken.
	answerPeriod = 30 * time.Second
	// maxAsked bounds the groups that a peer is asked about in that period.
	maxAsked = 10000
)

// requests is what is remembered of SA-Requests with one peer.
type requests struct {
	asked   map[ipv4.Addr]stamp // by group: when the peer was asked
	budget  float64             // requests that may still be answered
	updated time.Time           // of budget
}

// mayAnswer takes one request out of the peer's budget, if there is one.
func (r *requests) mayAnswer(now time.Time) bool {
	if r.updated.IsZero() {
		r.budget = requestBurst
	} else {
		r.budget = min(requestBurst, r.budget+now.Sub(r.updated).Seconds()*requestsPerSecond)
	}
	r.updated = now
	if r.budget < 1 {
		return false
	}
	r.budget--
	return true
}

// wasAsked reports whether an answer about group is awaited.
func (r *requests) wasAsked(group ipv4.Addr, now stamp) bool {
	at, ok := r.asked[group]
	return ok && now.since(at) <= answerPeriod
}

// receiveRequest answers an SA-Request with what p may hear of the group.
func (s *Speaker) receiveRequest(p *peer, group ipv4.Addr) {
	p.stats.RequestsReceived++
	if !p.Requests.Accept || !s.config.use(p.Requests.List).permitsGroup(group) || !p.requests.mayAnswer(s.now) {
		p.stats.RequestsRefused++
		return
	}
	var out chunk
	for i := range s.locals {
		l := &s.locals[i]
		if !l.used || l.sg.Group != group || s.now.Sub(l.lastHeard()) > freshPeriod {
			continue
		}
		if rp, ok := s.announcedRP(l); ok {
			s.answerWith(p, &out, l.sg, rp)
		}
	}
	now := s.stamp()
	s.cache.eachOfGroup(group, func(_ number, e *entry) {
		if now.since(e.heard) <= freshPeriod && mayHear(p, s.slots[e.peer]) && s.stillPermitted(e) {
			s.answerWith(p, &out, e.sg, e.rp)
		}
	})
	s.sendResponses(p, &out)
}

func (s *Speaker) answerWith(p *peer, out *chunk, sg ipv4.SG, rp ipv4.Addr) {
	if p.out.judgeEntry(sg, rp) != ReasonNone {
		p.stats.FilteredOut++
		return
	}
	out.add(rp, sg)
}

// sendResponses sends what out has. What the queue has no room for comes with the SAs.
func (s *Speaker) sendResponses(p *peer, out *chunk) {
	for _, l := range out.lots {
		for sgs := l.sgs; len(sgs) > 0; {
			n := min(len(sgs), floodChunk)
			s.bytes = wire.AppendSAResponse(s.bytes[:0], l.rp, sgs[:n])
			if !s.send(p, s.bytes) {
				return
			}
			p.stats.ResponsesSent += uint64(tlvCount(n))
			sgs = sgs[n:]
		}
	}
}

// request asks every peer that is to be asked for the sources of a group that has receivers now.
func (s *Speaker) request(group ipv4.Addr) {
	for _, p := range s.ordered {
		if p.Requests.Send && p.established() {
			s.requestFrom(p, group)
		}
	}
}

// requestAll asks p about all groups that have receivers: its session came up.
func (s *Speaker) requestAll(p *peer) {
	if !p.Requests.Send {
		return
	}
	for group := range s.interest {
		s.requestFrom(p, group)
	}
}

func (s *Speaker) requestFrom(p *peer, group ipv4.Addr) {
	now := s.stamp()
	if !groupMayCross(group) || p.requests.wasAsked(group, now) {
		return
	}
	if len(p.requests.asked) >= maxAsked {
		for g, at := range p.requests.asked {
			if now.since(at) > answerPeriod {
				delete(p.requests.asked, g)
			}
		}
		if len(p.requests.asked) >= maxAsked {
			return
		}
	}
	s.bytes = wire.AppendSARequest(s.bytes[:0], group)
	if !s.send(p, s.bytes) {
		return // its SAs tell in time
	}
	if p.requests.asked == nil {
		p.requests.asked = make(map[ipv4.Addr]stamp)
	}
	p.requests.asked[group] = now
	p.stats.RequestsSent++
}
