package main

import (
	"fmt"
	"sync"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// limit bounds one measurement.
const limit = 3 * time.Minute

// refreshPause is longer than the time within which a speaker passes an entry on once only.
const refreshPause = 31 * time.Second

// result is what one run of a workload gave.
type result struct {
	wall   time.Duration // from the first octet sent to the last entry received
	cpu    time.Duration // of the contender
	rss    int           // octets over what it had before
	peak   int
	probes latencies
	note   string
}

// workload measures one contender once.
type workload struct {
	key, name string
	run       func(r *run, n int) result
	// relayed: the relay can do it too, as a yardstick.
	relayed bool
	plan    plan
}

var workloads = []workload{
	{"a", "new, to one sink", func(r *run, n int) result { return r.flood(n, 1, 1, wire.MaxEntries, 1000) }, true, plan{}},
	{"a2", "new, a group for each source", func(r *run, n int) result { return r.flood(n, 1, 1, wire.MaxEntries, n) }, true, plan{}},
	{"b", "refresh", (*run).refresh, true, plan{}},
	{"c", "new, to 50 sinks", func(r *run, n int) result { return r.flood(n, 1, 50, wire.MaxEntries, 1000) }, true, plan{}},
	{"d", "new, from 200 peers at once", func(r *run, n int) result { return r.flood(n, 200, 1, wire.MaxEntries, 1000) }, true, plan{mesh: true}},
	{"e", "full cache to a new peer", (*run).fullCache, true, plan{}},
	{"f", "one entry per message", func(r *run, n int) result { return r.flood(n, 1, 1, 1, 1000) }, true, plan{}},
	{"g", "1000 idle peers", (*run).idlePeers, false, plan{idle: maxIdle}},
	{"h", "a slow sink among ten", (*run).slowSink, false, plan{}},
	{"j", "show ip msdp sa json meanwhile", (*run).showMeanwhile, false, plan{}},
}

// flood has senders announce n entries in all, and waits until every sink has them.
func (r *run) flood(n, senders, sinks, perTLV, groups int) result {
	from := r.senders(senders)
	to := r.sinks(sinks)
	streams := make([][]byte, senders)
	octets := 0
	for i, s := range from {
		streams[i] = stream(s.addr, n/senders, perTLV, groups)
		octets += len(streams[i])
	}
	p := r.probe(to[0])
	before := r.usage()
	began := time.Now()
	r.send(from, streams)
	for _, k := range to {
		r.must(k.await(n/senders*senders, octets, limit))
	}
	wall := time.Since(began)
	after := r.usage()
	return result{wall: wall, cpu: after.cpu - before.cpu, rss: after.rss - before.rss, peak: after.peak - before.rss, probes: p.end()}
}

// send writes each stream on its session, all at once.
func (r *run) send(from []*session, streams [][]byte) {
	var wg sync.WaitGroup
	for i, s := range from {
		wg.Go(func() {
			if _, err := s.conn.Write(streams[i]); err != nil {
				fmt.Printf("sending from %s: %v\n", s.addr, err)
			}
		})
	}
	wg.Wait()
}

func (r *run) refresh(n int) result {
	from, to := r.senders(1), r.sinks(1)
	all := [][]byte{stream(from[0].addr, n, wire.MaxEntries, 1000)}
	r.send(from, all)
	r.must(to[0].await(n, len(all[0]), limit))
	time.Sleep(refreshPause)
	p := r.probe(to[0])
	before := r.usage()
	began := time.Now()
	r.send(from, all)
	r.must(to[0].await(2*n, 2*len(all[0]), limit))
	wall := time.Since(began)
	after := r.usage()
	return result{wall: wall, cpu: after.cpu - before.cpu, probes: p.end()}
}

// fullCache: a peer comes when the cache has n entries. The relay's peer is there from the start.
func (r *run) fullCache(n int) result {
	from, to := r.senders(1), r.sinks(1)
	all := [][]byte{stream(from[0].addr, n, wire.MaxEntries, 1000)}
	if r.isRelay() {
		late := r.sink(1, 0)
		before, began := r.usage(), time.Now()
		r.send(from, all)
		r.must(late.await(n, len(all[0]), limit))
		return result{wall: time.Since(began), cpu: r.usage().cpu - before.cpu}
	}
	r.send(from, all)
	r.must(to[0].await(n, len(all[0]), limit))
	before, began := r.usage(), time.Now()
	late := newSink(r.connect(sinkBase+2), 0, true)
	r.must(late.await(n, len(all[0]), limit))
	return result{wall: time.Since(began), cpu: r.usage().cpu - before.cpu}
}

func (r *run) idlePeers(int) result {
	before := r.usage()
	began := time.Now()
	for i := range maxIdle {
		r.established(newSink(r.connect(idleBase+1+ipv4.Addr(i)), 0, true))
	}
	after := r.usage()
	return result{wall: time.Since(began), cpu: after.cpu - before.cpu, rss: after.rss - before.rss,
		note: fmt.Sprintf("%d octets a peer; %.1f MB before", (after.rss-before.rss)/maxIdle, float64(before.rss)/1e6)}
}

// slowSink measures ten sinks beside one that reads 10 kB a second.
func (r *run) slowSink(n int) result {
	slow := r.sink(maxSinks-1, 10_000)
	res := r.flood(n, 1, 10, wire.MaxEntries, 1000)
	res.note = fmt.Sprintf("the slow one had %d of %d then", slow.entries.Load(), n)
	return res
}

func (r *run) showMeanwhile(n int) result {
	shown := make(chan error, 1)
	var took time.Duration
	go func() {
		began := time.Now()
		_, err := r.b.router.Vty("msdpd", "show ip msdp sa json")
		took = time.Since(began)
		shown <- err
	}()
	res := r.flood(n, 1, 1, wire.MaxEntries, 1000)
	r.must(<-shown)
	res.note = fmt.Sprintf("the show took %v", took.Round(time.Millisecond))
	return res
}

func (r *run) isRelay() bool { return r.relay }

func (r *run) must(err error) {
	if err != nil {
		r.b.t.Fatalf("%v", err)
	}
}
