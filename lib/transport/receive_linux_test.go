package transport

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"msdpd/lib/wire"
)

// manyTLVs has lengths about every border there is.
func manyTLVs() []byte {
	b := wire.AppendKeepAlive(nil)
	for i, n := range []int{7, 9192, 9193, 65535, 65535, 8, 65534, 32768, 65533, 7, 65535} {
		b = append(b, tlv(n, i)...)
		b = wire.AppendKeepAlive(b)
	}
	return append(b, 77, 0, 3)
}

func TestFrame(t *testing.T) {
	stream := append(wire.AppendKeepAlive(nil), tlv(300, 1)...)
	stream = append(stream, tlv(7, 2)...)
	ends := []int{0, 3, 303, 310}
	for n := range len(stream) + 1 {
		want := 0
		for _, e := range ends {
			if e <= n {
				want = e
			}
		}
		if end, last := frame(stream[:n]); end != want || last {
			t.Errorf("%d octets: whole up to %d, last %v; want %d", n, end, last, want)
		}
	}
	for _, bad := range [][]byte{{1, 0, 0}, {4, 0, 1}, {99, 0, 2}} {
		b := append(append(bytes.Clone(stream), bad...), stream...)
		if end, last := frame(b); end != len(stream)+3 || !last {
			t.Errorf("with % x: whole up to %d, last %v; want %d, true", bad, end, last, len(stream)+3)
		}
		if end, last := frame(b[:len(stream)+2]); end != len(stream) || last {
			t.Errorf("with % x: whole up to %d, last %v; want %d, false", bad[:2], end, last, len(stream))
		}
	}
}

func TestReceive(t *testing.T) {
	long := manyTLVs()
	short := append(append(wire.AppendKeepAlive(nil), tlv(500, 1)...), tlv(9, 2)...)
	for _, tt := range []struct {
		name   string
		stream []byte
		piece  int
	}{
		{"at once", long, len(long)},
		{"in pieces", long, 1460},
		{"in large pieces", long, 65536},
		{"in small pieces", long[:100_000], 97}, // ends within a TLV
		{"octet by octet", short, 1},
		{"giant octet by octet", tlv(65535, 3), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := addresses(2)
			_, r := startListening(t, Config{}, a[1], a[0])
			c := rawDial(t, a[0], a[1])
			id := r.await(accepted).id
			whole, _ := frame(tt.stream)
			var writer sync.WaitGroup
			writer.Go(func() {
				for b := tt.stream; len(b) > 0; b = b[min(tt.piece, len(b)):] {
					if _, err := c.Write(b[:min(tt.piece, len(b))]); err != nil {
						t.Error(err)
						return
					}
				}
			})
			if got := r.awaitTLVs(whole); !bytes.Equal(got, tt.stream[:whole]) {
				t.Errorf("%d octets arrived otherwise than they were sent", whole)
			}
			writer.Wait()
			for _, e := range r.left() {
				t.Errorf("%s for %d, the connection is %d", e.kind, e.id, id)
			}
		})
	}
}

func TestBadLength(t *testing.T) {
	for _, bad := range [][]byte{{1, 0, 0}, {4, 0, 1}, {99, 0, 2}} {
		for _, before := range [][]byte{nil, {4, 0, 3}, tlv(65535, 1)} {
			a := addresses(2)
			tr, r := startListening(t, Config{}, a[1], a[0])
			c := rawDial(t, a[0], a[1])
			id := r.await(accepted).id
			want := append(bytes.Clone(before), bad...)
			write(t, c, append(bytes.Clone(want), 4, 0, 3, 4, 0, 3))
			got := r.awaitTLVs(len(want))
			if !bytes.Equal(got, want) {
				t.Errorf("got %d octets, the last % x; want %d, % x", len(got), got[len(got)-3:], len(want), bad)
			}
			if _, err := wire.ParseHeader(got[len(before):]); !errors.Is(err, wire.ErrFormat) {
				t.Errorf("the tail is read with %v", err)
			}
			if !tr.Send(id, wire.AppendKeepAlive(nil)) {
				t.Error("the queue is full")
			}
			readFull(t, c, 3) // the connection is there until it is closed
			tr.Close(id)
			if e := r.await(closed); e.err != nil {
				t.Errorf("closed: %v", e.err)
			}
			shutdown(t, tr)
			r.none() // nothing behind the bad length
		}
	}
}

// TestBatchesHeld: with 4 batches held, the peer has to wait; each that is released is one more.
func TestBatchesHeld(t *testing.T) {
	a := addresses(2)
	tr, r := start(t, Config{})
	handed := make(chan *Batch, 100)
	r.onReceived = func(b *Batch) { handed <- b }
	tr.Allow(a[:1])
	tr.Listen(a[1:])
	r.await(listenerUp)
	c := rawDial(t, a[0], a[1])
	conn := tr.conn(r.await(accepted).id)
	var held []*Batch
	for i := range maxBatches {
		write(t, c, tlv(10, i))
		held = append(held, <-handed)
	}
	for i := maxBatches; i < 20; i++ {
		write(t, c, tlv(10, i))
		if n := len(conn.held); n != maxBatches {
			t.Errorf("%d batches are held, want %d", n, maxBatches)
		}
		if len(handed) > 0 {
			t.Fatal("a batch too many")
		}
		if want := tlv(10, i-maxBatches); !bytes.Equal(held[0].TLVs, want) {
			t.Errorf("a batch has changed while it was held: % x, want % x", held[0].TLVs, want)
		}
		held[0].Release()
		held = append(held[1:], <-handed)
	}
	c.Close()
	for _, b := range held {
		b.Release()
	}
	r.await(closed)
}

func TestReleaseTwice(t *testing.T) {
	b := &Batch{held: make(chan struct{}, 1)}
	b.held <- struct{}{}
	b.Release()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	b.Release()
}

// TestHandlerHoldsUp: a handler that does not return from Received keeps the others going, and
// Shutdown waits for it no longer than its context allows.
func TestHandlerHoldsUp(t *testing.T) {
	a := addresses(3)
	tr, r := start(t, Config{})
	enter, leave := make(chan struct{}), make(chan struct{})
	r.onReceived = func(b *Batch) {
		if len(b.TLVs) == 3 {
			close(enter)
			<-leave
		}
		b.Release()
	}
	tr.Allow(a[:2])
	tr.Listen(a[2:])
	r.await(listenerUp)
	slow := rawDial(t, a[0], a[2])
	slowID := r.await(accepted).id
	write(t, slow, wire.AppendKeepAlive(nil))
	<-enter

	good := rawDial(t, a[1], a[2])
	r.await(accepted)
	r.await(received)
	write(t, good, tlv(10, 1))
	r.awaitTLVs(10)
	tr.Close(slowID)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := tr.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	close(leave)
	r.await(closed)
	r.await(closed)
	shutdown(t, tr)
	r.none()
}

var _ Handler = (*recorder)(nil)
