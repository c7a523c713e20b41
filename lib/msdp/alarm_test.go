package msdp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msdpd/lib/ipv4"
)

// The threshold is told, then the limit, each once; again only when the count was below.
func TestLimitIsToldOnceUntilItFell(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) { c.Peer(below1).Limits.Entries = EntryLimit{Max: 100, Threshold: 50} })
	rp := below1.String()
	r.announce(below1, rp, junk(0, 49))
	r.advance(2 * nearPause)
	wantTold(t, logs)
	for i := 49; i < 60; i++ {
		r.announce(below1, rp, junk(i, 1))
		r.advance(2 * nearPause)
	}
	wantTold(t, logs, "near sa-limit of the peer")
	r.announce(below1, rp, junk(60, 60))
	r.advance(2 * nearPause)
	wantTold(t, logs, "full sa-limit of the peer")
	for range 5 { // it stays between the threshold and the limit, and at it
		r.advanceAlive(SAAdvertisementPeriod)
		r.announce(below1, rp, junk(0, 60))
		r.announce(below1, rp, junk(200, 60))
		r.advance(2 * nearPause)
	}
	wantTold(t, logs)
	r.expire()
	r.announce(below1, rp, junk(0, 60))
	r.advance(2 * nearPause)
	r.announce(below1, rp, junk(60, 60))
	r.advance(2 * nearPause)
	wantTold(t, logs, "near sa-limit of the peer", "full sa-limit of the peer")
}

// A flood that runs through the threshold into the limit is one warning.
func TestFloodIsToldOnce(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) { c.Peer(below1).Limits.Entries.Max = 1000 })
	for i := range 20 {
		r.announce(below1, below1.String(), junk(i*1000, 1000))
		r.advance(TickInterval)
	}
	r.advance(10 * time.Second)
	wantTold(t, logs, "full sa-limit of the peer")
	if n := r.s.peers[below1].saCount; n != 1000 {
		t.Errorf("%d entries", n)
	}
}

// The survey behind a warning goes through a large cache in steps, and finds what is busy.
func TestWarningOfALargeCacheComesInSteps(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) {
		c.Peer(below1).Limits.Entries.Max = 3 * surveyEntries
		c.Peer(below1).Limits.Entries.Threshold = 100
	})
	for i := range 3*surveyEntries/256 + 1 {
		r.sa(below1, below1.String(), junk(i*254, 254)...)
		r.sa(below1, below1.String(), ipv4.SG{Source: ip("30.0.0.1"), Group: ip("239.0.1.0") + ipv4.Addr(i)},
			ipv4.SG{Source: ip("30.0.0.2"), Group: ip("239.0.1.0") + ipv4.Addr(i)})
	}
	r.sa(below1, below1.String(), junk(1<<20, 10)...)
	r.advance(TickInterval)
	wantTold(t, logs)
	r.advance(time.Minute - time.Second)
	fields := wantTold(t, logs, "full sa-limit of the peer")[0].ContextMap()
	if fields["entries"] != int64(3*surveyEntries) {
		t.Errorf("%v entries", fields["entries"])
	}
	if rps := fmt.Sprint(fields["busiest_rps"]); rps != fmt.Sprintf("[%s: %d]", below1, 3*surveyEntries) {
		t.Errorf("busiest RPs %s", rps)
	}
}

func TestBusiestFindsWhatIsOften(t *testing.T) {
	b := newBusiest()
	n := 0
	for i := range ipv4.Addr(100_000) {
		b.add(ip("20.0.0.0") + i)
		n++
		for j := range ipv4.Addr(3) {
			if i%(20+j) == 0 {
				b.add(1 + j)
				n++
			}
		}
	}
	got := b.top()
	for j := range 3 {
		occurs := 100_000/(20+j) + 1
		if !strings.HasPrefix(got[j], fmt.Sprintf("0.0.0.%d: ", j+1)) {
			t.Fatalf("%v", got)
		}
		var count int
		fmt.Sscanf(got[j][len("0.0.0.1: "):], "%d", &count)
		if count > occurs+1 || count < occurs-n/busiestCounters-1 {
			t.Errorf("%s, it occurs %d times", got[j], occurs)
		}
	}
	if b.work > 4*n {
		t.Errorf("%d counters touched for %d addresses", b.work, n)
	}
}

// What a warning forgets when its peer goes.
func TestWarningOfARemovedPeer(t *testing.T) {
	r, logs := limitRig(t, func(c *Config) { c.Peer(below1).Limits.Entries.Max = 10 })
	r.announce(below1, below1.String(), junk(0, 20))
	c := r.s.config.Clone()
	c.RemovePeer(below1)
	r.apply(c)
	r.advance(time.Second)
	wantTold(t, logs)
}

// However many are at their limits, so many are remembered; the limits hold for all.
func TestGaugesAreBounded(t *testing.T) {
	var f family
	b := plainBound(1)
	for i := range ipv4.Addr(2 * maxGauges) {
		if ok, _, _ := f.meet(1+i, 0, b); !ok {
			t.Fatal("refused below the limit")
		}
		if ok, _, _ := f.meet(1+i, 1, b); ok {
			t.Fatal("taken at the limit")
		}
	}
	if len(f.gauges) != maxGauges || f.refused != 2*maxGauges {
		t.Errorf("%d gauges, %d refused", len(f.gauges), f.refused)
	}
	f.tidy(func(ipv4.Addr) (int, bound) { return 0, b })
	if len(f.gauges) != 0 {
		t.Errorf("%d gauges are left", len(f.gauges))
	}
}
