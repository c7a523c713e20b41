package msdp

import (
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

// bucket is a token bucket. The zero value is a full one.
type bucket struct {
	tokens  float64
	filled  time.Time
	told    bool // that it was empty, since it was last full
	refused uint64
}

// fill adds what came since it was last filled. A bucket that is full has nothing to tell.
func (b *bucket) fill(now time.Time, r Rate) {
	b.tokens = min(float64(r.Burst), b.tokens+now.Sub(b.filled).Seconds()*float64(r.PerSecond))
	b.filled = now
	if b.tokens >= float64(r.Burst) {
		b.told = false
	}
}

// take reports whether there is a token, and takes it.
func (b *bucket) take(now time.Time, r Rate) bool {
	b.fill(now, r)
	if b.tokens < 1 {
		b.refused++
		return false
	}
	b.tokens--
	return true
}

// maxDRs is how many DRs have a bucket of their own. Those above share one, so that made-up
// addresses of DRs cost no memory and get no more than one DR does.
const maxDRs = 1024

// drBuckets bound how fast each DR may register new sources. The address 0.0.0.0 is this
// router, the DR of the sources on its own subnets.
type drBuckets struct {
	own     map[ipv4.Addr]*bucket
	others  bucket
	tidied  time.Time
	refused uint64
}

func (d *drBuckets) of(now time.Time, dr ipv4.Addr, r Rate) *bucket {
	if b := d.own[dr]; b != nil {
		return b
	}
	if len(d.own) >= maxDRs && now.Sub(d.tidied) >= time.Second {
		d.tidy(now, r)
	}
	if len(d.own) >= maxDRs {
		return &d.others
	}
	if d.own == nil {
		d.own = make(map[ipv4.Addr]*bucket)
	}
	b := &bucket{}
	d.own[dr] = b
	return b
}

// tidy forgets the DRs whose buckets are full: a new one is full, too.
func (d *drBuckets) tidy(now time.Time, r Rate) {
	d.tidied = now
	for dr, b := range d.own {
		if b.fill(now, r); b.tokens >= float64(r.Burst) {
			delete(d.own, dr)
		}
	}
}

// mayRegister reports whether dr may bring in one more source that is not known yet.
func (s *Speaker) mayRegister(dr ipv4.Addr) bool {
	rate := s.config.Limits.RegisterRate()
	if !rate.limited() {
		return true
	}
	b := s.limiter.drs.of(s.now, dr, rate)
	if b.take(s.now, rate) {
		return true
	}
	s.registerSeen.Limited++
	s.limiter.drs.refused++
	if !b.told {
		b.told = true
		who := "this router"
		if dr != 0 {
			who = dr.String()
		}
		s.log.Warn("a DR brings in new sources faster than register-rate, those above are not announced", zap.String("dr", who),
			zap.Uint32("rate", rate.PerSecond), zap.Uint32("burst", rate.Burst))
	}
	return false
}
