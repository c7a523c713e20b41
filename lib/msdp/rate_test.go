package msdp

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
)

func TestPeerRate(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) { c.Peer(below1).Limits.Rate = Rate{PerSecond: 10, Burst: 100} })
	rp := below1.String()
	r.announce(below1, rp, junk(0, 150))
	r.wantCached(true, junk(0, 100)...)
	r.wantCached(false, junk(100, 50)...)
	r.wantRefused(below1, ReasonRate, 50)
	r.advance(time.Second)
	r.announce(below1, rp, junk(0, 150)) // refreshes take no token
	r.wantCached(true, junk(0, 110)...)
	r.wantCached(false, junk(110, 40)...)
	r.announce(below2, below2.String(), junk(5000, 500)) // others have no rate
	r.wantRefused(below2, ReasonRate, 0)
	wantTold(t, logs, "full sa-rate of the peer")
	r.advance(15 * time.Second) // full again
	r.announce(below1, rp, junk(1000, 150))
	r.advance(time.Second)
	wantTold(t, logs, "full sa-rate of the peer")
}

// Each DR may bring in so many new sources; those that are there are refreshed.
func TestRegisterRate(t *testing.T) {
	c := peersConfig(below1)
	c.Limits.Registers = Rate{PerSecond: 1, Burst: 5}
	r := newRig(t, c)
	core, logs := observer.New(zap.WarnLevel)
	r.s.log = zap.New(core)
	r.s.SetRPs(r.now, rpIs(rigRP))
	for range 3 { // again and again, as a DR does until it is told to stop
		for _, s := range junk(0, 8) {
			r.register(s)
		}
	}
	for i, s := range junk(0, 8) {
		r.wantLocal(i < 5, s)
	}
	if n := r.s.registerSeen.Limited; n != 9 {
		t.Errorf("%d Registers refused, want 9", n)
	}
	if n := logs.Len(); n != 1 {
		t.Errorf("told %d times", n)
	}
	other := Register{OuterSource: dr + 1, OuterDestination: ip(rigRP), SG: junk(50, 1)[0]}
	r.s.RegisterHeard(r.now, other)
	r.s.KernelEntry(r.now, other.SG, 2, 0)
	r.wantLocal(true, other.SG)
	r.advance(2 * time.Second)
	for _, s := range junk(5, 3) {
		r.register(s)
	}
	for i, s := range junk(5, 3) {
		r.wantLocal(i < 2, s)
	}
	r.advance(10 * time.Second)
	for _, s := range junk(100, 8) {
		r.register(s)
	}
	if n := logs.Len(); n != 2 { // it was full in between
		t.Errorf("told %d times", n)
	}
}

// Made-up DRs share what one DR has, and cost no memory.
func TestMadeUpDRsShareOneBucket(t *testing.T) {
	var d drBuckets
	rate := Rate{PerSecond: 1, Burst: 2}
	taken := 0
	for i := range ipv4.Addr(10 * maxDRs) {
		if d.of(start, 1+i, rate).take(start, rate) {
			taken++
		}
	}
	if len(d.own) != maxDRs || taken != maxDRs+2 {
		t.Errorf("%d DRs remembered, %d let in", len(d.own), taken)
	}
	d.of(start.Add(time.Minute), 1<<30, rate)
	if len(d.own) != 1 {
		t.Errorf("%d DRs remembered that rest", len(d.own))
	}
}

// Sources on this router's own subnets are let in as fast as those of another DR; what was too
// much is looked at again with the kernel's counters.
func TestRegisterRateOfThisRouter(t *testing.T) {
	c := peersConfig(below1)
	c.Limits.Registers = Rate{PerSecond: 1, Burst: 2}
	r := newRig(t, c)
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.s.SetDR(r.now, map[string]bool{"lan0": true})
	sources := []ipv4.SG{sg("10.1.0.5", "239.1.1.1"), sg("10.1.0.6", "239.1.1.1"), sg("10.1.0.7", "239.1.1.1")}
	for _, s := range sources {
		r.s.KernelEntry(r.now, s, 3, 1)
	}
	for i, s := range sources {
		r.wantLocal(i < 2, s)
	}
	r.advance(2 * time.Second)
	for _, s := range sources {
		r.s.KernelCounters(r.now, s, 2)
	}
	r.wantLocal(true, sources[2])
	if n := r.s.registerSeen.Limited; n != 1 {
		t.Errorf("%d sources refused, want 1", n)
	}
}
