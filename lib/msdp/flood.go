package msdp

import (
	"slices"
	"time"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

const (
	// floodInterval keeps an (S,G) from being flooded more than twice in an advertisement
	// period, however often it is received (RFC 3618 §4). Stamps are cut to their unit, so
	// that two of them can be half a period apart when less has passed.
	floodInterval = SAAdvertisementPeriod/2 + stampUnit
	// freshPeriod: what was last heard longer ago is left out when a peer gets the cache.
	freshPeriod = 90 * time.Second
	// catchUpChunk is how many entries a catch-up hands to the transport at once, each
	// perhaps in a TLV of its own.
	catchUpChunk = 1024
	// floodChunk is how many entries a flood does, so that they fit in an empty queue.
	floodChunk = 16 * wire.MaxEntries
)

// beginBatch starts to gather the entries of one TLV that are to be flooded.
func (s *Speaker) beginBatch() {
	s.sgs = s.sgs[:0]
	s.recent.note(s.stamp(), s.seq)
	s.seq++
}

// recent tells by its sequence whether a change was flooded within floodInterval.
type recent struct {
	// settled is the last sequence that was given before that.
	settled sequence
	marks   []mark // in order of time, at most one for each stamp of the interval
}

// mark is the last sequence that was given before a stamp.
type mark struct {
	at  stamp
	seq sequence
}

// note says that the sequences behind last are given at now or later.
func (r *recent) note(now stamp, last sequence) {
	if n := len(r.marks); n > 0 && r.marks[n-1].at == now {
		return
	}
	r.marks = append(r.marks, mark{now, last})
	old := 0
	for old < len(r.marks) && now.since(r.marks[old].at) >= floodInterval {
		// What was given at that stamp ends where the next one's begins.
		r.settled = r.marks[old+1].seq
		old++
	}
	r.marks = slices.Delete(r.marks, 0, old)
}

// floodedLately reports whether e was flooded so short a time ago that it is not flooded again.
func (s *Speaker) floodedLately(e *entry) bool { return e.seq.after(s.recent.settled) }

// floodLater marks e as changed and adds it to the batch.
func (s *Speaker) floodLater(e *entry) {
	e.seq = s.seq
	s.sgs = append(s.sgs, e.sg)
}

// floodBatch sends the batch to every peer that is to have it from 'from'. sa is the TLV
// they came in, if they came in one: it goes on as it is where all of it does.
func (s *Speaker) floodBatch(from *peer, rp ipv4.Addr, sa *wire.SourceActive) {
	for sgs := s.sgs; len(sgs) > 0; {
		n := min(len(sgs), floodChunk)
		if sa != nil && sa.Len() == n {
			s.bytes = sa.AppendStripped(s.bytes[:0])
		} else {
			s.bytes = wire.AppendSourceActive(s.bytes[:0], rp, sgs[:n])
		}
		s.flood(from, rp, sgs[:n])
		sgs = sgs[n:]
	}
}

// flood sends s.bytes, which are the SAs of rp for sgs, to all that are to hear what 'from' said.
func (s *Speaker) flood(from *peer, rp ipv4.Addr, sgs []ipv4.SG) {
	all := uint64(tlvCount(len(sgs)))
	for _, p := range s.up {
		if !mayHear(p, from) || p.catchUp != nil {
			continue // a peer that is catching up finds it in the cache
		}
		tlvs, messages := s.bytes, all
		if some, n, filtered := s.filterBatch(p, rp, sgs); filtered {
			tlvs, messages = some, n
		}
		if len(tlvs) == 0 {
			continue
		}
		if s.send(p, tlvs) {
			p.stats.SAsSent += messages
		} else {
			s.fallBehind(p)
		}
	}
}

func tlvCount(entries int) int { return (entries + wire.MaxEntries - 1) / wire.MaxEntries }

// mayHear reports whether p is to have what came from 'from': not the peer itself, nor a
// fellow member of its mesh group (§10.2). A nil 'from' is this router.
func mayHear(p, from *peer) bool {
	return from == nil || (p != from && (p.mesh == "" || p.mesh != from.mesh))
}

// catchUp is a cursor over the local sources, then over the cache in number order. A peer
// is given the whole cache by it when its session comes up, and whatever changed since
// its queue was full. It ends when a pass met every change later than its start.
type catchUp struct {
	all     bool     // whatever is there is due
	since   sequence // else what changed later than this
	started sequence // when this pass began
	local   int      // next local source
	next    number   // next cache entry
}

// beginCatchUp has p given all there is.
func (s *Speaker) beginCatchUp(p *peer) {
	p.catchUp = &catchUp{all: true, started: s.seq}
	s.serve(p)
}

// due reports whether what changed then is to be sent in this pass. What changed after it began is
// the next one's, so that nothing is sent twice.
func (c *catchUp) due(seq sequence) bool {
	return (c.all || seq.after(c.since)) && !seq.after(c.started)
}

// fallBehind: the queue to p is full. What is in it goes out in time; the rest is taken
// from the cache.
func (s *Speaker) fallBehind(p *peer) {
	p.stats.CatchUps++
	if s.debug.Of(debug.Events, p.Addr) {
		s.debugPeer(debug.Events, p, "slow: served from the cache")
	}
	p.catchUp = &catchUp{since: s.seq - 1, started: s.seq}
}

// Writable tells that the queue of conn has room again.
func (s *Speaker) Writable(now time.Time, conn ConnID) {
	s.now = now
	if p := s.conns[conn]; p != nil && p.conn == conn && p.catchUp != nil {
		s.serve(p)
	}
}

// serve goes on with p's catch-up until the queue is full or nothing is due.
func (s *Speaker) serve(p *peer) {
	c := p.catchUp
	for {
		done := s.serveLocals(p, c) && s.serveCache(p, c)
		if !done {
			return // Writable goes on
		}
		if c.started == s.seq {
			p.catchUp = nil
			if s.debug.Of(debug.Events, p.Addr) {
				s.debugPeer(debug.Events, p, "has been sent all that the cache has for it")
			}
			return
		}
		*c = catchUp{since: c.started, started: s.seq}
	}
}

// chunk gathers entries by RP for one hand-over to the transport.
type chunk struct {
	lots  []lot
	byRP  map[ipv4.Addr]int // in lots
	last  int               // the lot that was added to last: the next entry mostly has its RP
	count int
}

type lot struct {
	rp  ipv4.Addr
	sgs []ipv4.SG
}

// reset empties it, and keeps its memory.
func (c *chunk) reset() {
	c.lots, c.count = c.lots[:0], 0
	clear(c.byRP)
}

func (c *chunk) add(rp ipv4.Addr, sg ipv4.SG) {
	if c.count == 0 || c.lots[c.last].rp != rp {
		c.last = c.lotOf(rp)
	}
	l := &c.lots[c.last]
	l.sgs = append(l.sgs, sg)
	c.count++
}

func (c *chunk) lotOf(rp ipv4.Addr) int {
	if i, ok := c.byRP[rp]; ok {
		return i
	}
	if c.byRP == nil {
		c.byRP = make(map[ipv4.Addr]int)
	}
	i := len(c.lots)
	if i < cap(c.lots) {
		c.lots = c.lots[:i+1]
		c.lots[i] = lot{rp, c.lots[i].sgs[:0]}
	} else {
		c.lots = append(c.lots, lot{rp: rp})
	}
	c.byRP[rp] = i
	return i
}

// sendChunk reports whether the queue took all of it.
func (s *Speaker) sendChunk(p *peer, c *chunk) bool {
	if c.count == 0 {
		return true
	}
	s.bytes = s.bytes[:0]
	messages := 0
	for _, l := range c.lots {
		s.bytes = wire.AppendSourceActive(s.bytes, l.rp, l.sgs)
		messages += tlvCount(len(l.sgs))
	}
	if !s.send(p, s.bytes) {
		return false
	}
	p.stats.SAsSent += uint64(messages)
	return true
}

func (s *Speaker) serveLocals(p *peer, c *catchUp) bool {
	for c.local < len(s.locals) {
		out := &s.chunk
		out.reset()
		i := c.local
		for ; i < len(s.locals) && out.count < catchUpChunk; i++ {
			l := &s.locals[i]
			if !l.used || !c.due(l.seq) || s.now.Sub(l.lastHeard()) > freshPeriod {
				continue
			}
			rp, ok := s.announcedRP(l)
			if !ok {
				continue
			}
			if p.out.judgeEntry(l.sg, rp) != ReasonNone {
				p.stats.FilteredOut++
				continue
			}
			out.add(rp, l.sg)
		}
		if !s.sendChunk(p, out) {
			return false
		}
		c.local = i
	}
	return true
}

func (s *Speaker) serveCache(p *peer, c *catchUp) bool {
	now := s.stamp()
	for limit := s.cache.limit(); c.next < limit; {
		out := &s.chunk
		out.reset()
		next := limit
		s.cache.each(c.next, limit, func(n number, e *entry) bool {
			if c.due(e.seq) && now.since(e.heard) <= freshPeriod && mayHear(p, s.slots[e.peer]) && s.stillPermitted(e) {
				if p.out.judgeEntry(e.sg, e.rp) == ReasonNone {
					out.add(e.rp, e.sg)
				} else {
					p.stats.FilteredOut++
				}
			}
			if out.count == catchUpChunk {
				next = n + 1
				return false
			}
			return true
		})
		if !s.sendChunk(p, out) {
			return false
		}
		c.next = next
	}
	return true
}
