package msdp

import (
	"testing"
	"time"

	"msdpd/lib/ipv4"
)

// However large the cache, whose sweep takes several steps, a source of our own is gone
// [SG-State-Period] + 60 s after its last Register.
func TestLocalSourceGoesInTimeBesideALargeCache(t *testing.T) {
	r := rpRig(t)
	p := r.s.ordered[0].Addr
	for i := range ipv4.Addr(300) {
		var sgs []ipv4.SG
		for j := range ipv4.Addr(500) {
			sgs = append(sgs, ipv4.SG{Source: ip("20.0.0.0") + i*500 + j, Group: ip("239.7.7.7")})
		}
		r.sa(p, p.String(), sgs...)
	}
	r.register(sgA)
	r.advanceAlive(registeredPeriod - time.Second)
	r.wantLocal(true, sgA)
	r.advanceAlive(SGStatePeriod + 60*time.Second - registeredPeriod + time.Second)
	r.wantLocal(false, sgA)
}
