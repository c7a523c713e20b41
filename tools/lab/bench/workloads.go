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

// watchedPeers are those whose KeepAlives are watched: there is one every 50 ms.
const watchedPeers = 20

// manyGroups is over how many groups the sources are spread.
const manyGroups = 1000

// result is what one run of a workload gave.
type result struct {
	wall      time.Duration // from the first octet sent to the last entry received
	cpu       time.Duration // of the contender
	rss, peak int           // octets over what it had before: at the end, and the most
	probes    latencies     // of another peer's SAs
	late      latencies     // KeepAlives, behind their time
	joins     latencies     // from an SA to its Null-Register
	note      string
}

// workload measures one contender once.
type workload struct {
	key, name string
	run       func(r *run, n int) result
	// relayed: the relays can do it too, as a yardstick.
	relayed bool
	plan    plan
}

var workloads = []workload{
	{"a", "new, to one sink", floodOf(1, 1, wire.MaxEntries, false), true, plan{}},
	{"a2", "new, a group for each source", floodOf(1, 1, wire.MaxEntries, true), true, plan{}},
	{"b", "refresh", (*run).refresh, true, plan{}},
	{"c", "new, to 50 sinks", floodOf(1, 50, wire.MaxEntries, false), true, plan{}},
	{"d", "new, from 200 peers at once", floodOf(200, 1, wire.MaxEntries, false), true, plan{mesh: true}},
	{"e", "full cache to a new peer", (*run).fullCache, true, plan{}},
	{"f", "one entry per message", floodOf(1, 1, 1, false), true, plan{}},
	{"g", "1000 idle peers", (*run).idlePeers, false, plan{idle: maxIdle}},
	{"g0", "no peers", (*run).noPeers, false, plan{bare: true}},
	{"h0", "ten sinks", floodOf(1, 10, wire.MaxEntries, false), false, plan{}},
	{"h", "ten sinks, and a slow one", (*run).slowSink, false, plan{}},
	{"i", "joins while new ones come", (*run).joinsMeanwhile, false, plan{rp: true}},
	{"j", "show sa json while new ones come", (*run).showMeanwhile, false, plan{}},
	{"k", "KeepAlives while new ones come", (*run).keepAlivesMeanwhile, false, plan{mesh: true, everySecond: true, idle: watchedPeers}},
}

// flood is senders that announce so many entries in all.
type flood struct {
	r       *run
	from    []*session
	spreads []spread
	streams [][]byte
	entries int
	octets  int
}

func (r *run) flood(n, senders, perTLV int, groupEach bool) *flood {
	f := &flood{r: r, from: r.senders(senders)}
	for _, s := range f.from {
		sp := spread{rp: s.addr, entries: n / senders, groups: manyGroups}
		if groupEach {
			sp.groups = sp.entries
		}
		f.spreads = append(f.spreads, sp)
		f.streams = append(f.streams, sp.stream(perTLV))
		f.entries += sp.entries
		f.octets += len(f.streams[len(f.streams)-1])
	}
	return f
}

// send writes each stream on its session, all at once.
func (f *flood) send() {
	var wg sync.WaitGroup
	for i, s := range f.from {
		wg.Go(func() {
			if _, err := s.conn.Write(f.streams[i]); err != nil {
				fmt.Printf("sending from %s: %v\n", s.addr, err)
			}
		})
	}
	wg.Wait()
}

// measure sends it, waits until every sink has got it, and says what that took. Before it, they had
// got 'had' entries. What goes on besides is awaited last, with probes still coming.
func (f *flood) measure(to []*sink, had int, besides ...func()) result {
	p := f.r.probe()
	before := f.r.usage()
	began := time.Now()
	f.send()
	for _, k := range to {
		f.r.must(k.await(had+f.entries, had/f.entries*f.octets+f.octets, limit))
	}
	wall := time.Since(began)
	after := f.r.usage()
	for _, wait := range besides {
		wait()
	}
	probes, err := p.end(to[0].probes)
	f.r.must(err)
	return result{wall: wall, cpu: after.cpu - before.cpu, rss: after.rss - before.rss, peak: after.peak - before.rss, probes: probes}
}

// floodOf is senders that announce the entries to sinks.
func floodOf(senders, sinks, perTLV int, groupEach bool) func(*run, int) result {
	return func(r *run, n int) result {
		f := r.flood(n, senders, perTLV, groupEach)
		res := f.measure(r.sinks(sinks), 0)
		if r.first && r.c.vty == "msdpd" {
			res.note = f.check(len(res.probes))
		}
		return res
	}
}

func (r *run) refresh(n int) result {
	f, to := r.flood(n, 1, wire.MaxEntries, false), r.sinks(1)
	f.send()
	r.must(to[0].await(f.entries, f.octets, limit))
	if !r.c.relay {
		time.Sleep(refreshPause)
	}
	return f.measure(to, n)
}

// fullCache: a peer comes when the cache has n entries. A relay's peer is there from the start.
func (r *run) fullCache(n int) result {
	f, to := r.flood(n, 1, wire.MaxEntries, false), r.sinks(1)
	if r.c.relay {
		late := r.sink(1, 0)
		before, began := r.usage(), time.Now()
		f.send()
		r.must(late.await(f.entries, f.octets, limit))
		return result{wall: time.Since(began), cpu: r.usage().cpu - before.cpu}
	}
	f.send()
	r.must(to[0].await(f.entries, f.octets, limit))
	p := r.probe()
	before, began := r.usage(), time.Now()
	late := newSink(r.connect(sinkBase+2), 0, true)
	r.must(late.await(f.entries, f.octets, limit))
	wall := time.Since(began)
	after := r.usage()
	probes, err := p.end(to[0].probes)
	r.must(err)
	return result{wall: wall, cpu: after.cpu - before.cpu, rss: after.rss - before.rss, peak: after.peak - before.peak, probes: probes}
}

func (r *run) noPeers(int) result {
	time.Sleep(time.Second) // what it looks for at its start is over
	u := r.usage()
	return result{rss: u.rss, peak: u.peak, note: fmt.Sprintf("%.1f MB resident", float64(u.rss)/1e6)}
}

func (r *run) idlePeers(int) result {
	before := r.usage()
	began := time.Now()
	for i := range maxIdle {
		r.established(newSink(r.connect(idleBase+1+ipv4.Addr(i)), 0, true))
	}
	wall := time.Since(began)
	after := r.usage()
	return result{wall: wall, cpu: after.cpu - before.cpu, rss: after.rss, peak: after.peak,
		note: fmt.Sprintf("%.1f MB resident; %.1f MB before they came", float64(after.rss)/1e6, float64(before.rss)/1e6)}
}

// slowSink measures ten sinks beside one that reads 10 kB a second, and then has that one read on.
func (r *run) slowSink(n int) result {
	slow := r.sink(maxSinks-1, 10_000)
	f := r.flood(n, 1, wire.MaxEntries, false)
	res := f.measure(r.sinks(10), 0)
	had := slow.entries.Load()
	slow.rate.Store(0)
	r.must(slow.await(f.entries, f.octets, limit))
	res.note = fmt.Sprintf("the slow one had %d then, and all at last", had)
	return res
}

// keepAlivesMeanwhile has peers that are sent nothing but a KeepAlive a second, each at its own time.
func (r *run) keepAlivesMeanwhile(n int) result {
	var watched []*sink
	for i := range watchedPeers {
		watched = append(watched, newSink(r.connect(idleBase+1+ipv4.Addr(i)), 0, true))
		time.Sleep(time.Second / watchedPeers)
	}
	f := r.flood(n, 1, wire.MaxEntries, false)
	res := f.measure(r.sinks(1), 0)
	time.Sleep(1500 * time.Millisecond) // until the next one of each
	for _, k := range watched {
		r.established(k)
		res.late = append(res.late, k.late(time.Second)...)
	}
	res.late = sorted(res.late)
	return res
}
