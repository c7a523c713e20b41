package main

import (
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// probeEvery is how often a probe is sent.
const probeEvery = 10 * time.Millisecond

// probeBase is the first source of probes.
var probeBase = ipv4.MustParse("30.0.0.0")

// latencies are how long probes took, in ascending order.
type latencies []time.Duration

func (l latencies) at(share float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(int(share*float64(len(l))), len(l)-1)]
}

// prober is a peer of its own that announces a source every few milliseconds while others flood. Its
// SAs tell how long anybody's take through the speaker.
type prober struct {
	s    *session
	k    *sink
	stop chan struct{}
	done chan []time.Time // when each was sent
}

// probe begins to send. The sink notes when it hears of each. Through a relay, nothing is probed.
func (r *run) probe(k *sink) *prober {
	if r.isRelay() {
		return nil
	}
	p := &prober{s: r.connect(proberAddr), k: k, stop: make(chan struct{}), done: make(chan []time.Time, 1)}
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
		sg := ipv4.SG{Source: probeBase + ipv4.Addr(len(sent)), Group: ipv4.MustParse("237.0.0.1")}
		sent = append(sent, time.Now())
		if _, err := p.s.conn.Write(wire.AppendSourceActive(nil, proberAddr, []ipv4.SG{sg})); err != nil {
			p.done <- sent
			return
		}
	}
}

// end waits until the last probe is heard, and returns how long each took.
func (p *prober) end() latencies {
	if p == nil {
		return nil
	}
	close(p.stop)
	sent := <-p.done
	deadline := time.Now().Add(limit)
	for p.k.probesHeard() < len(sent) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	var all latencies
	for i, at := range p.k.probes() {
		if i < len(sent) {
			all = append(all, at.Sub(sent[i]))
		}
	}
	slices.Sort(all)
	return all
}
