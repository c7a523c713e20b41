package transport

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

const (
	refusalLogPeriod = time.Minute
	// maxRefusalsLogged bounds the addresses that are remembered, and with them the lines of
	// one period. Refusals of further addresses are counted only.
	maxRefusalsLogged = 256
)

// refusals counts refused connections, and logs them at most once a period for each address.
// Every listener adds to it.
type refusals struct {
	total atomic.Uint64
	log   *zap.Logger

	mu     sync.Mutex
	logged map[ipv4.Addr]time.Time
}

func (r *refusals) add(now time.Time, remote ipv4.Addr, local netip.AddrPort, reason string) {
	total := r.total.Add(1)
	if r.due(now, remote) {
		r.log.Warn("connection refused", zap.Stringer("remote", remote), zap.Stringer("local", local),
			zap.String("reason", reason), zap.Uint64("refused", total))
	}
}

// due reports whether a line about remote may be logged, and remembers that it was.
func (r *refusals) due(now time.Time, remote ipv4.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.logged[remote]; ok && now.Sub(at) < refusalLogPeriod {
		return false
	}
	if len(r.logged) >= maxRefusalsLogged {
		for a, at := range r.logged {
			if now.Sub(at) >= refusalLogPeriod {
				delete(r.logged, a)
			}
		}
		if len(r.logged) >= maxRefusalsLogged {
			return false
		}
	}
	if r.logged == nil {
		r.logged = make(map[ipv4.Addr]time.Time)
	}
	r.logged[remote] = now
	return true
}
