package vty

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a connection may be silent before it has to make room where all places
// are taken: long enough for a script between two commands.
const patience = 10 * time.Second

// places are the connections that a server holds at once. Where all are taken, the one that has
// been silent for longest makes room for a new one: somebody who opens them and leaves them
// lying about locks nobody out.
type places struct {
	limit int

	mu   sync.Mutex
	held map[*place]struct{}
}

func newPlaces(limit int) *places {
	return &places{limit: limit, held: make(map[*place]struct{})}
}

// place is that of one connection. Its octets in either direction are a sign of life.
type place struct {
	net.Conn
	last  atomic.Int64 // the time of the last sign of life, in nanoseconds
	heard atomic.Int64 // that of the last octets from the client
	kept  atomic.Bool  // it need not make room
}

func newPlace(conn net.Conn) *place {
	p := &place{Conn: conn}
	p.alive()
	p.heard.Store(p.last.Load())
	return p
}

func (p *place) alive() { p.last.Store(time.Now().UnixNano()) }

// Read implements net.Conn.
func (p *place) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if n > 0 {
		p.alive()
		p.heard.Store(p.last.Load())
	}
	return n, err
}

// Write implements net.Conn.
func (p *place) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	if n > 0 {
		p.alive()
	}
	return n, err
}

// take gives a connection a place, if need be that of one who is silent and whose connection it
// closes; nil if all are taken.
func (ps *places) take(conn net.Conn) (p *place, evicted bool) {
	p = newPlace(conn)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.held) >= ps.limit {
		old := ps.silent(time.Now().Add(-patience).UnixNano())
		if old == nil {
			return nil, false
		}
		old.Conn.Close()
		delete(ps.held, old)
		evicted = true
	}
	ps.held[p] = struct{}{}
	return p, evicted
}

// silent returns the place that has been silent for longest and since some time, nil if none has.
func (ps *places) silent(since int64) *place {
	var silent *place
	for p := range ps.held {
		if last := p.last.Load(); !p.kept.Load() && last <= since {
			silent, since = p, last
		}
	}
	return silent
}

// leave gives a place back.
func (ps *places) leave(p *place) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	delete(ps.held, p)
}
