package main

import (
	"slices"
	"sync"

	"msdpd/lib/transport"
	"msdpd/lib/wire"
)

const (
	// turnBytes is how much of what a session has received is taken in its turn: one TLV of 255
	// entries, or more of shorter ones. With two hundred sessions that all flood, each has a turn
	// every 20 ms or so.
	turnBytes = 4 << 10
	// burstTurns is how many turns follow each other before the owner looks at its other events,
	// and what they made it send goes out: a millisecond or two.
	burstTurns = 16
)

// inbox holds what sessions bring until the owner takes it. The order of each session is kept.
// Among them, those that left something behind in their last turn wait in one line, and those
// that did not in another; the two lines take turns. So a peer that floods delays neither the
// KeepAlives nor the SAs of others, whose line is short, and gets half of the time at least.
type inbox struct {
	ready chan struct{} // has an element when something may be there

	mu       sync.Mutex
	sessions map[transport.ConnID]*mail
	lines    [2][]*mail
	line     int // whose turn it is
}

const (
	lightLine = iota
	heavyLine
)

// mail is what one session brings. It is there as long as there is something.
type mail struct {
	id    transport.ConnID
	items []item
	left  int // octets of its turn, if it has one
}

// item is an event of a session: a batch, or else something to do.
type item struct {
	batch *transport.Batch
	rest  []byte // of the batch's TLVs
	do    func()
}

func newInbox() *inbox {
	return &inbox{ready: make(chan struct{}, 1), sessions: make(map[transport.ConnID]*mail)}
}

// received adds a batch, which is released when all of it was taken.
func (b *inbox) received(id transport.ConnID, batch *transport.Batch) {
	b.add(id, item{batch: batch, rest: batch.TLVs})
}

// happened adds something to do.
func (b *inbox) happened(id transport.ConnID, do func()) { b.add(id, item{do: do}) }

func (b *inbox) add(id transport.ConnID, it item) {
	b.mu.Lock()
	m := b.sessions[id]
	if m == nil {
		m = &mail{id: id, left: turnBytes}
		b.sessions[id] = m
		b.lines[lightLine] = append(b.lines[lightLine], m)
	}
	m.items = append(m.items, it)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox) wake() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// piece is what is to be done next: something, or TLVs of a session to be taken. done, where it
// is not nil, is to be released then.
type piece struct {
	id   transport.ConnID
	do   func()
	tlvs []byte
	done *transport.Batch
	last bool // of the session's turn
}

// next returns the next piece; false: there is none.
func (b *inbox) next() (piece, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines[b.line]) == 0 {
		b.line = 1 - b.line
	}
	line := b.lines[b.line]
	if len(line) == 0 {
		return piece{}, false
	}
	m := line[0]
	p := m.take()
	if p.last = m.left <= 0 || len(m.items) == 0; p.last {
		b.lines[b.line] = slices.Delete(line, 0, 1)
		b.line = 1 - b.line
		if len(m.items) > 0 {
			m.left = turnBytes
			b.lines[heavyLine] = append(b.lines[heavyLine], m)
		} else {
			delete(b.sessions, m.id)
		}
	}
	return p, true
}

// take is what fits into what is left of m's turn, and one TLV in any case.
func (m *mail) take() piece {
	it := &m.items[0]
	p := piece{id: m.id, do: it.do}
	if it.batch != nil {
		n := turnEnd(it.rest, m.left)
		p.tlvs, it.rest = it.rest[:n], it.rest[n:]
		m.left -= n
		if len(it.rest) > 0 {
			m.left = 0
			return p
		}
		p.done = it.batch
	}
	m.items = slices.Delete(m.items, 0, 1)
	return p
}

// turnEnd is how many octets of some TLVs, but at least one of these, are not more than limit.
func turnEnd(tlvs []byte, limit int) int {
	end := 0
	for end < len(tlvs) {
		h, err := wire.ParseHeader(tlvs[end:])
		if err != nil {
			return len(tlvs) // its last 3 octets, with a length that cannot be followed
		}
		if end > 0 && end+h.Length > limit {
			break
		}
		end += h.Length
	}
	return min(end, len(tlvs))
}
