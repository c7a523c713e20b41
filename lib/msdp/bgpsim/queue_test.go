package bgpsim

import "time"

// event is something that happens at a time.
type event struct {
	at    time.Duration // since the simulation began
	order uint64
	f     func()
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.order < o.order }

// queue is a binary heap of events, the next one first.
type queue []event

func (q *queue) push(e event) {
	*q = append(*q, e)
	all := *q
	for i := len(all) - 1; i > 0; {
		up := (i - 1) / 2
		if !all[i].before(all[up]) {
			return
		}
		all[i], all[up] = all[up], all[i]
		i = up
	}
}

func (q *queue) pop() event {
	all := *q
	first, last := all[0], len(all)-1
	all[0] = all[last]
	all[last] = event{}
	all = all[:last]
	*q = all
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			return first
		}
		if down+1 < last && all[down+1].before(all[down]) {
			down++
		}
		if !all[down].before(all[i]) {
			return first
		}
		all[i], all[down] = all[down], all[i]
		i = down
	}
}
