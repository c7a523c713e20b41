package main

import (
	"fmt"
	"slices"
	"testing"

	"msdpd/lib/ipv4"
	"msdpd/lib/transport"
	"msdpd/lib/wire"
)

// sources are so many messages of 255 entries each.
func sources(messages int) []byte {
	sgs := make([]ipv4.SG, wire.MaxEntries*messages)
	for i := range sgs {
		sgs[i] = ipv4.SG{Source: 0x0a000000 + ipv4.Addr(i), Group: 0xee000001}
	}
	return wire.AppendSourceActive(nil, 0x0a010101, sgs)
}

// tlv is a message of an unknown type.
func tlv(n int) []byte {
	b := make([]byte, n)
	b[0], b[1], b[2] = 99, byte(n>>8), byte(n)
	return b
}

// turns takes what there is, at most n, as "session:octets" or "session:event".
func turns(b *inbox, n int) []string {
	var got []string
	for range n {
		t, ok := b.next()
		if !ok {
			break
		}
		if t.do != nil {
			got = append(got, fmt.Sprintf("%d:event", t.id))
			continue
		}
		got = append(got, fmt.Sprintf("%d:%d", t.id, len(t.tlvs)))
	}
	return got
}

func TestInboxTurns(t *testing.T) {
	batch := func(tlvs []byte) *transport.Batch { return &transport.Batch{TLVs: tlvs} }
	keepAlive := wire.AppendKeepAlive(nil)
	b := newInbox()
	b.received(1, batch(sources(4)))
	b.received(2, batch(sources(4)))
	b.happened(1, func() {})
	for _, step := range []struct {
		what string
		add  func()
		n    int
		want []string
	}{
		{"those that flood take turns", nil, 4, []string{"1:3068", "1:3068", "2:3068", "1:3068"}},
		{"who says little waits for one of them at most", func() {
			b.received(3, batch(keepAlive))
			b.received(4, batch(keepAlive))
		}, 5, []string{"3:3", "2:3068", "4:3", "1:3068", "1:event"}},
		{"and again", func() { b.received(3, batch(keepAlive)) }, 2, []string{"3:3", "2:3068"}},
		{"until nothing is left", nil, 10, []string{"2:3068"}},
		{"short messages are one turn", func() {
			var all []byte
			for range 300 {
				all = wire.AppendSourceActive(all, 0x0a010101, []ipv4.SG{{Source: 0x0a000001, Group: 0xee000001}})
			}
			b.received(4, batch(all))
			b.received(5, batch(sources(1)))
		}, 9, []string{"4:4080", "4:1920", "5:3068"}},
		{"short batches are one turn, too", func() {
			for range 3 {
				b.received(6, batch(keepAlive))
			}
			b.received(7, batch(keepAlive))
		}, 9, []string{"6:3", "6:3", "6:3", "7:3"}},
		{"a message is never cut", func() { b.received(8, batch(append(slices.Clone(keepAlive), tlv(9192)...))) }, 9, []string{"8:3", "8:9192"}},
	} {
		if step.add != nil {
			step.add()
		}
		if got := turns(b, step.n); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
	}
}

// TestInboxReleases: a batch is given back with its last TLV, and a length that cannot be followed is its end.
func TestInboxReleases(t *testing.T) {
	b := newInbox()
	batch := &transport.Batch{TLVs: append(sources(2), 1, 0, 0)}
	b.received(1, batch)
	var sizes []int
	for {
		next, ok := b.next()
		if !ok {
			t.Fatal("the batch is not given back")
		}
		sizes = append(sizes, len(next.tlvs))
		if next.done != nil {
			if next.done != batch || !slices.Equal(sizes, []int{3068, 3071}) {
				t.Errorf("given back behind %v", sizes)
			}
			break
		}
	}
	if len(b.ready) != 1 {
		t.Error("the owner was not woken")
	}
	if _, ok := b.next(); ok || len(b.sessions) != 0 {
		t.Errorf("%d sessions are remembered", len(b.sessions))
	}
}
