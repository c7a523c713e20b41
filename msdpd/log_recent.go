package main

import (
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// recentLength is how many lines of the log are kept for `show logging`.
const recentLength = 200

// recentLog keeps the latest lines of the log, and counts all of them by level. What is debugged is
// not in it: it would leave no room for the rest.
type recentLog struct {
	mu      sync.Mutex
	encoder zapcore.Encoder
	lines   []string // a ring
	next    int
	counts  map[zapcore.Level]uint64
}

func newRecentLog() *recentLog {
	return &recentLog{encoder: zapcore.NewConsoleEncoder(logEncoding(-1)), counts: make(map[zapcore.Level]uint64)}
}

// all returns the lines, the oldest first, and how many there were of each level.
func (r *recentLog) all() (lines []string, counts map[zapcore.Level]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts = make(map[zapcore.Level]uint64, len(r.counts))
	for level, n := range r.counts {
		counts[level] = n
	}
	return append(append(lines, r.lines[r.next:]...), r.lines[:r.next]...), counts
}

// Enabled implements zapcore.Core.
func (r *recentLog) Enabled(level zapcore.Level) bool { return level >= zap.InfoLevel }

// With implements zapcore.Core; targetsCore keeps the fields.
func (r *recentLog) With([]zapcore.Field) zapcore.Core { return r }

// Check implements zapcore.Core.
func (r *recentLog) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if r.Enabled(e.Level) {
		return ce.AddCore(e, r)
	}
	return ce
}

// Write implements zapcore.Core.
func (r *recentLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	line, err := r.encoder.EncodeEntry(e, fields)
	if err != nil {
		return err
	}
	defer line.Free()
	text := line.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[e.Level]++
	if len(r.lines) < recentLength {
		r.lines = append(r.lines, text)
		return nil
	}
	r.lines[r.next] = text
	r.next = (r.next + 1) % recentLength
	return nil
}

// Sync implements zapcore.Core.
func (r *recentLog) Sync() error { return nil }
