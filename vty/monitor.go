package vty

import (
	"sync"
	"sync/atomic"
)

// Monitor hands lines of a log to the sessions that gave `terminal monitor`. Its zero value is
// usable, by any number of goroutines.
type Monitor struct {
	count    atomic.Int32
	mu       sync.Mutex
	watchers map[*watcher]struct{}
}

// maxWatched is how many lines wait for a session that is busy or slow.
const maxWatched = 256

// watcher is one session's share of a Monitor.
type watcher struct {
	lines   chan string
	dropped atomic.Uint64
}

// Watched reports whether any session wants lines: if not, none need be made.
func (m *Monitor) Watched() bool { return m.count.Load() > 0 }

// Publish hands a line to every session that wants it and never waits: what a session has no
// room for is dropped, and the session is told how many lines were.
func (m *Monitor) Publish(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.watchers {
		select {
		case w.lines <- line:
		default:
			w.dropped.Add(1)
		}
	}
}

func (m *Monitor) watch() *watcher {
	w := &watcher{lines: make(chan string, maxWatched)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watchers == nil {
		m.watchers = make(map[*watcher]struct{})
	}
	m.watchers[w] = struct{}{}
	m.count.Add(1)
	return w
}

func (m *Monitor) unwatch(w *watcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.watchers[w]; ok {
		delete(m.watchers, w)
		m.count.Add(-1)
	}
}
