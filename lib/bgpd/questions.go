package bgpd

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// questions are the addresses about which bgpd is to be asked. What Ask asked for and the
// watched addresses, the oldest answer first, take turns, so that neither can hold up the
// other for long; and so do those who called Ask, however much one of them wants to know.
type questions struct {
	wake chan struct{}

	mu      sync.Mutex
	all     map[ipv4.Addr]*question
	urgent  *list.List                  // of *line, none of them empty, by the time of their last turn
	lines   map[ipv4.Addr]*list.Element // of urgent, by asker
	watched *list.List                  // of *question, by the time of the last answer
	turn    bool                        // a watched one was asked last
}

// line is what one asker waits for, the oldest first.
type line struct {
	asker   ipv4.Addr
	waiting *list.List // of *question
}

// place is one of a question in a line.
type place struct {
	line *list.Element // of questions.urgent
	at   *list.Element
}

// question is one address. Its fields but addr are guarded by questions.mu.
type question struct {
	addr    ipv4.Addr
	urgent  []place       // in the line of each who asked for it
	watched *list.Element // nil: not watched
	asking  bool
	// promised are those who asked by Ask for what is being asked.
	promised []ipv4.Addr

	known    bool
	path     *rib.BGPPath // the answer that was told last
	answered time.Time
}

func (qs *questions) init() {
	qs.wake = make(chan struct{}, 1)
	qs.all = make(map[ipv4.Addr]*question)
	qs.lines = make(map[ipv4.Addr]*list.Element)
	qs.urgent, qs.watched = list.New(), list.New()
}

// Ask has bgpd asked about addr once, as soon as it is asker's turn. It never blocks.
func (qs *questions) Ask(addr, asker ipv4.Addr) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.lineUp(qs.at(addr), asker)
	qs.poke()
}

// lineUp puts q behind what asker waits for, unless it waits for q already.
func (qs *questions) lineUp(q *question, asker ipv4.Addr) {
	e := qs.lines[asker]
	if e == nil {
		e = qs.urgent.PushBack(&line{asker: asker, waiting: list.New()})
		qs.lines[asker] = e
	}
	if !slices.ContainsFunc(q.urgent, func(p place) bool { return p.line == e }) {
		q.urgent = append(q.urgent, place{e, e.Value.(*line).waiting.PushBack(q)})
	}
}

// takeOut takes q out of all lines and returns whose they are.
func (qs *questions) takeOut(q *question) (askers []ipv4.Addr) {
	for _, p := range q.urgent {
		l := p.line.Value.(*line)
		l.waiting.Remove(p.at)
		if l.waiting.Len() == 0 {
			qs.urgent.Remove(p.line)
			delete(qs.lines, l.asker)
		}
		askers = append(askers, l.asker)
	}
	q.urgent = nil
	return askers
}

// Watch has bgpd asked about addr every second from now on. It never blocks.
func (qs *questions) Watch(addr ipv4.Addr) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if q := qs.at(addr); q.watched == nil {
		q.watched = qs.watched.PushFront(q)
		qs.poke()
	}
}

// Unwatch ends what Watch began.
func (qs *questions) Unwatch(addr ipv4.Addr) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if q := qs.all[addr]; q != nil && q.watched != nil {
		qs.watched.Remove(q.watched)
		q.watched = nil
		qs.forgetIdle(q)
	}
}

func (qs *questions) at(addr ipv4.Addr) *question {
	q := qs.all[addr]
	if q == nil {
		q = &question{addr: addr}
		qs.all[addr] = q
	}
	return q
}

func (qs *questions) poke() {
	select {
	case qs.wake <- struct{}{}:
	default:
	}
}

// forgetIdle forgets a question that nobody asks.
func (qs *questions) forgetIdle(q *question) {
	if q.urgent == nil && q.watched == nil && !q.asking {
		delete(qs.all, q.addr)
	}
}

// next returns the question to ask at now, or nil and how long none is due. answered or
// failed must follow.
func (qs *questions) next(now time.Time) (*question, time.Duration) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	pause := questionPeriod
	var due *question
	if first := qs.watched.Front(); first != nil {
		q := first.Value.(*question)
		if pause = q.answered.Add(questionPeriod).Sub(now); pause <= 0 {
			due = q
		}
	}
	first := qs.urgent.Front()
	switch {
	case first != nil && (due == nil || qs.turn):
		due, qs.turn = first.Value.(*line).waiting.Front().Value.(*question), false
		qs.urgent.MoveToBack(first)
	case due != nil:
		qs.turn = true
	default:
		return nil, pause
	}
	// Whoever asks while bgpd is being asked wants an answer that is newer still.
	due.asking, due.promised = true, qs.takeOut(due)
	return due, 0
}

// answered notes an answer and reports whether it is to be told: one that was asked for, or
// that differs. Where learning is set, no path is no answer if there was one before.
func (qs *questions) answered(q *question, now time.Time, path *rib.BGPPath, learning bool) bool {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	tell := q.promised != nil || q.watched != nil && !(q.known && q.path.Equal(path))
	if learning && path == nil && q.path != nil {
		tell = false
	}
	if tell {
		q.known, q.path = true, path
	}
	q.answered, q.asking = now, false
	if q.watched != nil {
		qs.watched.MoveToBack(q.watched)
	}
	qs.forgetIdle(q)
	return tell
}

// tellAgain has the next answer about each address told, whatever it is: bgpd was away, and
// what it said may have been forgotten.
func (qs *questions) tellAgain() {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	for _, q := range qs.all {
		q.known = false
	}
}

// failed puts a question without an answer behind the others.
func (qs *questions) failed(q *question) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	q.asking = false
	for _, asker := range q.promised {
		qs.lineUp(q, asker)
	}
	if q.watched != nil {
		qs.watched.MoveToBack(q.watched)
	}
	qs.forgetIdle(q)
}
