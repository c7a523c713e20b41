package main

import (
	"slices"
	"sync"

	"msdpd/lib/transport"
	"msdpd/lib/wire"
)

const (
	// turnBytes is how much of what a session has received is taken before it is another
	// session's turn: one TLV of 255 entries, or more of shorter ones. With two hundred sessions
	// that all flood, each has a turn every 20 ms or so.
	turnBytes = 4 << 10
	// burstTurns is how many turns follow each other before the owner looks at its other events,
	// and what they made it send goes out: a millisecond or two.
	burstTurns = 16
)

// inbox holds what sessions bring until the owner takes it. The order of each session is kept.
// Among them, one that was silent comes first, and the others take turns: a peer that floods
// delays neither the keepalives nor the SAs of others (the order of RFC 8290, without the time).
type inbox struct {
	ready chan struct{} // has an element when something may be there

	mu       sync.Mutex
	sessions map[transport.ConnID]*mail
	fresh    []*mail // that were silent
	waiting  []*mail // that had their turn
}

// mail is what one session brings.
type mail struct {
	id     transport.ConnID
	items  []item
	listed bool // it is in fresh or waiting
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
		m = &mail{id: id}
		b.sessions[id] = m
	}
	m.items = append(m.items, it)
	if !m.listed {
		m.listed = true
		b.fresh = append(b.fresh, m)
	}
	b.mu.Unlock()
	b.wake()
}

func (b *inbox) wake() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// turn is what is to be done next: something, or TLVs of a session to be taken. done, where it
// is not nil, is to be released then.
type turn struct {
	id   transport.ConnID
	do   func()
	tlvs []byte
	done *transport.Batch
}

// next returns the next turn; false: there is none.
func (b *inbox) next() (turn, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		from := &b.fresh
		if len(*from) == 0 {
			from = &b.waiting
		}
		if len(*from) == 0 {
			return turn{}, false
		}
		m := (*from)[0]
		*from = slices.Delete(*from, 0, 1)
		if len(m.items) == 0 {
			delete(b.sessions, m.id)
			continue
		}
		// It is among those that had their turn even when nothing is left, so that it does not
		// come first again and again.
		b.waiting = append(b.waiting, m)
		return m.take(), true
	}
}

func (m *mail) take() turn {
	it := &m.items[0]
	t := turn{id: m.id, do: it.do}
	if it.batch != nil {
		n := turnEnd(it.rest)
		t.tlvs, it.rest = it.rest[:n], it.rest[n:]
		if len(it.rest) > 0 {
			return t
		}
		t.done = it.batch
	}
	m.items = slices.Delete(m.items, 0, 1)
	return t
}

// turnEnd is how much of some TLVs is one turn: at least one of them.
func turnEnd(tlvs []byte) int {
	end := 0
	for end < len(tlvs) {
		h, err := wire.ParseHeader(tlvs[end:])
		if err != nil {
			return len(tlvs) // its last 3 octets, with a length that cannot be followed
		}
		if end > 0 && end+h.Length > turnBytes {
			break
		}
		end += h.Length
	}
	return min(end, len(tlvs))
}
