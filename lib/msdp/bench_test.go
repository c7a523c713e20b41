package msdp

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
	"msdpd/lib/wire"
)

// sinkEnv takes what is sent and forgets it.
type sinkEnv struct {
	last ConnID
	sent int
}

func (e *sinkEnv) Dial(_, _ ipv4.Addr) ConnID {
	e.last++
	return e.last
}
func (e *sinkEnv) Close(ConnID) {}
func (e *sinkEnv) Send(_ ConnID, b []byte) bool {
	e.sent += len(b)
	return true
}
func (e *sinkEnv) SendData(id ConnID, b []byte) bool           { return e.Send(id, b) }
func (e *sinkEnv) ForwardData(ipv4.Addr, ipv4.SG, []byte) bool { return true }
func (e *sinkEnv) Listen([]ipv4.Addr)                          {}
func (e *sinkEnv) Allow([]ipv4.Addr)                           {}
func (e *sinkEnv) Guard(map[ipv4.Addr]guard.Guard)             {}
func (e *sinkEnv) TrackRoute(ipv4.Addr)                        {}
func (e *sinkEnv) UntrackRoute(ipv4.Addr)                      {}
func (e *sinkEnv) AskBGP(_, _ ipv4.Addr)                       {}
func (e *sinkEnv) WatchBGP(ipv4.Addr)                          {}
func (e *sinkEnv) UnwatchBGP(ipv4.Addr)                        {}
func (e *sinkEnv) Join(ipv4.SG)                                {}
func (e *sinkEnv) Leave(ipv4.SG)                               {}

// hotPath is a Speaker with one peer that sends, and others that get everything.
type hotPath struct {
	now   time.Time
	env   *sinkEnv
	s     *Speaker
	tlv   []byte
	sinks int
}

// newHotPath has below1 as the sender and RP. change, if any, is made to the configuration.
func newHotPath(t testing.TB, sinks int, change func(*Config)) *hotPath {
	t.Helper()
	h := &hotPath{now: start, env: &sinkEnv{last: 10_000}, tlv: wire.AppendSourceActive(nil, below1, many(wire.MaxEntries)), sinks: sinks}
	h.s = New(start, h.env, zap.NewNop())
	peers := []ipv4.Addr{below1}
	c := Config{Timers: DefaultTimers()}
	for i := range ipv4.Addr(sinks) {
		peers = append(peers, ip("10.0.0.254")-i*256) // all below the local address
	}
	for _, p := range peers {
		c.AddPeer(p).Local = benchLocal
	}
	c.Peer(below1).Limits.Entries.Max = Unlimited // a benchmark brings more than the default
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	h.s.Apply(start, c)
	for i, a := range peers {
		h.s.Accepted(start, ConnID(i+1), addrPort(benchLocal, 639), addrPort(a, 40000))
		if !h.s.peers[a].established() {
			t.Fatal("no session")
		}
	}
	return h
}

var (
	benchLocal   = ip("10.255.255.255") // above all peers
	benchSources = ip("20.0.0.0")
	benchGroups  = ip("230.0.0.0")
)

// next makes every entry of the TLV another source, of a group of its own or of a hundred's.
func (h *hotPath) next(i int, groupEach bool) {
	for at := wire.SAHeaderLen; at < len(h.tlv); at += wire.EntryLen {
		n := i*wire.MaxEntries + at/wire.EntryLen
		group := n % 100
		if groupEach {
			group = n
		}
		binary.BigEndian.PutUint32(h.tlv[at+4:], uint32(benchGroups)+uint32(group))
		binary.BigEndian.PutUint32(h.tlv[at+8:], uint32(benchSources)+uint32(n))
	}
}

// fill brings so many TLVs of other entries.
func (h *hotPath) fill(t testing.TB, tlvs int) {
	for i := range tlvs {
		h.next(i, false)
		h.receive(t)
	}
}

func (h *hotPath) receive(t testing.TB) {
	before := h.env.sent
	h.s.Received(h.now, 1, h.tlv)
	if got, want := h.env.sent-before, h.sinks*len(h.tlv); got != want {
		t.Fatalf("%d octets flooded, want %d", got, want)
	}
}

// BenchmarkReceiveNew: a TLV of 255 new entries comes and is flooded. An operation is one entry.
func BenchmarkReceiveNew(b *testing.B) {
	for _, groupEach := range []bool{false, true} {
		name := "groups=100"
		if groupEach {
			name = "groups=each"
		}
		b.Run(name, func(b *testing.B) {
			var h *hotPath
			b.ReportAllocs()
			for i := 0; i < b.N; i += wire.MaxEntries {
				if i%(wire.MaxEntries*4000) == 0 { // a million entries at most
					b.StopTimer()
					h = newHotPath(b, 1, nil)
					b.StartTimer()
				}
				h.next(i/wire.MaxEntries%4000, groupEach)
				h.receive(b)
			}
		})
	}
}

// BenchmarkReceiveOnePerTLV: new entries come, each in a TLV of its own, 200 of them at a time, to one
// of a thousand peers of which two are up. An operation is one entry.
func BenchmarkReceiveOnePerTLV(b *testing.B) {
	const count = 200
	idle := func(c *Config) {
		for i := range ipv4.Addr(1000) {
			c.AddPeer(ip("10.9.0.0") + i).Local = benchLocal
		}
	}
	var h *hotPath
	run := make([]byte, 0, count*(wire.SAHeaderLen+wire.EntryLen))
	b.ReportAllocs()
	for i := 0; i < b.N; i += count {
		if i%1_000_000 == 0 {
			b.StopTimer()
			h = newHotPath(b, 1, idle)
			b.StartTimer()
		}
		run = run[:0]
		for k := range ipv4.Addr(count) {
			n := ipv4.Addr(i%1_000_000) + k
			run = wire.AppendSourceActive(run, below1, []ipv4.SG{{Source: benchSources + n, Group: benchGroups + n%100}})
		}
		h.s.Received(h.now, 1, run)
	}
}

// BenchmarkReceiveOwnRP: entries come that are refused for their RP, each in a TLV of its own, 200 of
// them at a time, while a million others are cached. An operation is one entry.
func BenchmarkReceiveOwnRP(b *testing.B) {
	const count = 200
	h := newHotPath(b, 1, func(c *Config) { c.OriginatorID = benchLocal })
	h.fill(b, 4000)
	run := make([]byte, 0, count*(wire.SAHeaderLen+wire.EntryLen))
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += count {
		run = run[:0]
		for k := range ipv4.Addr(count) {
			n := ipv4.Addr(i%1_000_000) + k
			run = wire.AppendSourceActive(run, benchLocal, []ipv4.SG{{Source: benchSources + 2_000_000 + n, Group: benchGroups + n%100}})
		}
		h.s.Received(h.now, 1, run)
	}
	if refused := h.s.peers[below1].stats.Refused[ReasonOwn]; refused < uint64(b.N) {
		b.Fatalf("%d of %d were refused", refused, b.N)
	}
}

// BenchmarkReceiveRefresh: entries that are cached already are refreshed and flooded. An operation is
// one entry.
func BenchmarkReceiveRefresh(b *testing.B) {
	for _, cached := range []int{255, 25_500, 1_020_000} {
		b.Run(fmt.Sprintf("cached=%d", cached), func(b *testing.B) {
			h := newHotPath(b, 1, nil)
			tlvs := cached / wire.MaxEntries
			h.fill(b, tlvs)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += wire.MaxEntries {
				round := i / wire.MaxEntries
				if round%tlvs == 0 {
					h.now = h.now.Add(SAAdvertisementPeriod)
				}
				h.next(round%tlvs, false)
				h.receive(b)
			}
		})
	}
}

// BenchmarkFlood: 255 entries that were refreshed go to so many peers; filtered: each of them has a
// filter that takes half of them out. An operation is the message to all.
func BenchmarkFlood(b *testing.B) {
	half := func(c *Config) {
		c.Lists = lists(b, "access-list half permit ip 20.0.0.0 0.255.255.254 any")
		for i := range c.Peers {
			c.Peers[i].Filters.Out.SG = "half"
		}
	}
	for _, sinks := range []int{1, 50, 1000} {
		for _, filtered := range []bool{false, true} {
			name, change := "plain", (func(*Config))(nil)
			if filtered {
				name, change = "filtered", half
			}
			b.Run(fmt.Sprintf("%s/sinks=%d", name, sinks), func(b *testing.B) {
				h := newHotPath(b, sinks, change)
				h.next(0, false)
				h.s.Received(h.now, 1, h.tlv)
				sgs := append([]ipv4.SG(nil), h.s.sgs...)
				sa, err := wire.ParseSourceActive(h.tlv)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					h.s.sgs = append(h.s.sgs[:0], sgs...)
					h.s.floodBatch(h.s.peers[below1], below1, &sa)
				}
			})
		}
	}
}

// BenchmarkCatchUp: a peer comes and gets the whole cache. An operation is one entry.
func BenchmarkCatchUp(b *testing.B) {
	for _, tlvs := range []int{100, 4000} {
		b.Run(fmt.Sprintf("cached=%d", tlvs*wire.MaxEntries), func(b *testing.B) {
			h := newHotPath(b, 1, nil)
			h.fill(b, tlvs)
			p := h.s.ordered[len(h.s.ordered)-1]
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += tlvs * wire.MaxEntries {
				before := h.env.sent
				h.s.beginCatchUp(p)
				if got := h.env.sent - before; got < tlvs*wire.MaxEntries*wire.EntryLen {
					b.Fatalf("%d octets sent", got)
				}
			}
		})
	}
}

// BenchmarkRPF: who is the RPF peer, among a thousand; remembered, and decided anew because a route,
// a peer or the configuration changed.
func BenchmarkRPF(b *testing.B) {
	h := newHotPath(b, 1000, nil)
	rp := ip("20.9.9.9")
	gateway := h.s.ordered[500].Addr
	h.s.AskRPF(h.now, rp)
	h.s.RouteChanged(h.now, rp, rib.Route{Protocol: rib.OSPF, Metric: 20, NextHops: []rib.NextHop{{Gateway: gateway, Ifindex: 2}}})
	r := h.s.rpTable[rp]
	for _, anew := range []bool{false, true} {
		name := "remembered"
		if anew {
			name = "decided"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if anew {
					h.s.rpfEpoch++
				}
				if d := h.s.rpfPeer(r); d.peer == nil || d.peer.Addr != gateway {
					b.Fatalf("%+v", d)
				}
			}
		})
	}
}

// BenchmarkSweep: the expiry goes once through a million entries. An operation is one entry.
func BenchmarkSweep(b *testing.B) {
	h := newHotPath(b, 1, nil)
	h.fill(b, 4000)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += h.s.cache.count() {
		for range sweepSteps + 1 {
			h.s.sweepT = time.Time{}
			h.s.sweep()
		}
	}
	if h.s.cache.count() != 4000*wire.MaxEntries {
		b.Fatal("entries have expired")
	}
}

func TestReceivingDoesNotAllocatePerEntry(t *testing.T) {
	h := newHotPath(t, 1, nil)
	h.receive(t)
	refresh := testing.AllocsPerRun(100, func() {
		h.now = h.now.Add(SAAdvertisementPeriod)
		h.receive(t)
	})
	if refresh != 0 {
		t.Errorf("a refresh of 255 entries allocates %v times", refresh)
	}
	i := 0
	fresh := testing.AllocsPerRun(400, func() { // 102,000 entries
		i++
		h.next(i, false)
		h.receive(t)
	})
	// A page of the table holds 1024 entries, a segment of buckets 4096.
	if fresh > 2 {
		t.Errorf("255 new entries allocate %v times", fresh)
	}
}
