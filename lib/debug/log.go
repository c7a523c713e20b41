package debug

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"msdpd/lib/ipv4"
)

const (
	// lineRate is how many lines a second are written, lineBurst how many at once: a line is
	// some microseconds of the goroutine that it tells of.
	lineRate  = 1000
	lineBurst = 5000
	// leftOutPeriod is how often it is told how many were not.
	leftOutPeriod = time.Second
)

// Log writes what is watched. It may be used by several goroutines; nil watches nothing.
type Log struct {
	on      atomic.Uint32 // a bit a kind
	set     atomic.Pointer[Set]
	loggers [numKinds]*zap.Logger
	bound   *rate.Limiter
	leftOut atomic.Uint64 // since the start

	mu     sync.Mutex
	told   uint64      // of leftOut
	teller *time.Timer // nil: all is told
}

// New returns a Log that watches nothing. What it writes goes to log, named by its kind, at
// debugging level.
func New(log *zap.Logger) *Log {
	l := &Log{bound: rate.NewLimiter(lineRate, lineBurst)}
	for _, k := range Kinds() {
		l.loggers[k] = log.Named(k.String())
	}
	l.set.Store(new(Set))
	return l
}

// Watch makes s what is watched. It must not be changed afterwards.
func (l *Log) Watch(s Set) {
	l.set.Store(&s)
	l.on.Store(s.kinds())
}

// Watched returns what is watched.
func (l *Log) Watched() Set { return *l.set.Load() }

// LeftOut is how many lines were not written since the start because too many came at once.
func (l *Log) LeftOut() uint64 { return l.leftOut.Load() }

// On reports whether a kind is watched, of any peer.
func (l *Log) On(k Kind) bool { return l != nil && l.on.Load()&(1<<k) != 0 }

// Of reports whether a kind is watched of that peer; 0.0.0.0 is a peer that is not known.
func (l *Log) Of(k Kind, peer ipv4.Addr) bool { return l.On(k) && l.set.Load().includes(k, peer) }

// Write writes a line, unless too many came lately. The caller has asked On or Of.
func (l *Log) Write(k Kind, text string, fields ...zap.Field) {
	if l.bound.Allow() {
		l.loggers[k].Debug(text, fields...)
		return
	}
	l.leftOut.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.teller == nil {
		l.teller = time.AfterFunc(leftOutPeriod, l.tell)
	}
}

// tell says how many lines were left out since it last did.
func (l *Log) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.leftOut.Load()
	l.loggers[Events].Debug("more was to tell than is written: narrow it to a kind or a peer", zap.Uint64("lines left out", all-l.told))
	l.told, l.teller = all, nil
}
