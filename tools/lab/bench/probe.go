package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// probeEvery is how often a probe is sent: 100 a second.
const probeEvery = 10 * time.Millisecond

var (
	// probeBase is the first source of probes, and probeGroups are the groups that they are for.
	probeBase   = ipv4.MustParse("40.0.0.0")
	probeGroups = ipv4.MustParse("237.0.0.0")
)

// probeGroupCount is so large that no group has more sources than a PIM daemon bears.
const probeGroupCount = 200

func probeSG(i int) ipv4.SG {
	return ipv4.SG{Source: probeBase + ipv4.Addr(i), Group: probeGroups + ipv4.Addr(i%probeGroupCount)}
}

// latencies are how long something took, in ascending order.
type latencies []time.Duration

func (l latencies) at(share float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(int(share*float64(len(l))), len(l)-1)]
}

func (l latencies) most() time.Duration { return l.at(1) }

// prober is a peer of its own that announces a source every few milliseconds while others flood. Its
// SAs tell how long anybody's take through the speaker.
type prober struct {
	s    *session
	stop chan struct{}
	done chan []time.Time // when each was sent
}

// probe begins to send. Through a relay, nothing is probed.
func (r *run) probe() *prober {
	if r.c.relay {
		return nil
	}
	p := &prober{s: r.connect(proberAddr), stop: make(chan struct{}), done: make(chan []time.Time, 1)}
	r.established(newSink(p.s, 0, true))
	go p.send()
	return p
}

func (p *prober) send() {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	var sent []time.Time
	for {
		select {
		case <-p.stop:
			p.done <- sent
			return
		case <-ticker.C:
		}
		sent = append(sent, time.Now())
		if _, err := p.s.conn.Write(wire.AppendSourceActive(nil, proberAddr, []ipv4.SG{probeSG(len(sent) - 1)})); err != nil {
			p.done <- sent
			return
		}
	}
}

// end waits until the last probe is heard of, and returns how long each took.
func (p *prober) end(heard func() map[int]time.Time) (latencies, error) {
	if p == nil {
		return nil, nil
	}
	close(p.stop)
	sent := <-p.done
	deadline := time.Now().Add(10 * time.Second)
	for len(heard()) < len(sent) {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d of %d probes were heard of", len(heard()), len(sent))
		}
		time.Sleep(time.Millisecond)
	}
	var all latencies
	for i, at := range heard() {
		if i < len(sent) {
			all = append(all, at.Sub(sent[i]))
		}
	}
	slices.Sort(all)
	return all, nil
}

// probes returns when each probe that was heard came.
func (k *sink) probes() map[int]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.probed)
}
