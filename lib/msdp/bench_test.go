package msdp

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
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

// hotPath is a Speaker with one peer that sends and one that gets everything.
type hotPath struct {
	now time.Time
	env *sinkEnv
	s   *Speaker
	tlv []byte
}

func newHotPath(t testing.TB) *hotPath {
	h := &hotPath{now: start, env: &sinkEnv{last: 100}, tlv: wire.AppendSourceActive(nil, below1, many(wire.MaxEntries))}
	h.s = New(start, h.env, zap.NewNop())
	c := peersConfig(below1, below2)
	c.Peer(below1).Limits.Entries.Max = Unlimited // a benchmark brings more than the default
	h.s.Apply(start, c)
	for i, a := range []ipv4.Addr{below1, below2} {
		h.s.Accepted(start, ConnID(i+1), addrPort(rigLocal, 639), addrPort(a, 40000))
		if !h.s.peers[a].established() {
			t.Fatal("no session")
		}
	}
	return h
}

// next makes every entry of the TLV another source.
func (h *hotPath) next(i int) {
	for at := wire.SAHeaderLen; at < len(h.tlv); at += wire.EntryLen {
		source := ip("20.0.0.0") + ipv4.Addr(i*wire.MaxEntries+at/wire.EntryLen)
		binary.BigEndian.PutUint32(h.tlv[at+8:], uint32(source))
	}
}

func (h *hotPath) receive(t testing.TB) {
	before := h.env.sent
	h.s.Received(h.now, 1, h.tlv)
	if h.env.sent-before != len(h.tlv) {
		t.Fatalf("%d octets flooded, want %d", h.env.sent-before, len(h.tlv))
	}
}

// BenchmarkReceiveNew: a TLV of 255 new entries comes and is flooded. An operation is one entry.
func BenchmarkReceiveNew(b *testing.B) {
	h := newHotPath(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += wire.MaxEntries {
		if i%(wire.MaxEntries*4000) == 0 { // a million entries at most
			b.StopTimer()
			h = newHotPath(b)
			b.StartTimer()
		}
		h.next(i / wire.MaxEntries % 4000)
		h.receive(b)
	}
}

// BenchmarkReceiveRefresh: 255 entries that are cached already are refreshed and flooded.
func BenchmarkReceiveRefresh(b *testing.B) {
	for _, cached := range []int{255, 255_000} {
		b.Run(fmt.Sprintf("%d cached", cached), func(b *testing.B) {
			h := newHotPath(b)
			tlvs := cached / wire.MaxEntries
			for i := range tlvs {
				h.next(i)
				h.receive(b)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += wire.MaxEntries {
				round := i / wire.MaxEntries
				if round%tlvs == 0 {
					h.now = h.now.Add(SAAdvertisementPeriod)
				}
				h.next(round % tlvs)
				h.receive(b)
			}
		})
	}
}

func TestReceivingDoesNotAllocatePerEntry(t *testing.T) {
	h := newHotPath(t)
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
		h.next(i)
		h.receive(t)
	})
	// A page of the table holds 1024 entries, a segment of buckets 2048.
	if fresh > 2 {
		t.Errorf("255 new entries allocate %v times", fresh)
	}
}
