package transport

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

// awaitNoGoroutine waits until none of this package's goroutines is left.
func awaitNoGoroutine(t *testing.T) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "transport.(*conn)") && !strings.Contains(stacks, "transport.(*listener)") &&
			!strings.Contains(stacks, "transport.(*Transport)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines are left:\n%s", stacks)
		}
	}
}

// takeAll is what the writer gets at once, as one piece.
func (q *queue) takeAll() []byte {
	taken, n := q.take(nil)
	var got []byte
	for _, b := range taken {
		got = append(got, b.buf[:b.n]...)
		b.free()
	}
	if len(got) != n {
		panic("take counts otherwise")
	}
	return got
}

// TestQueue puts in and takes out as it comes, beside a slice that does the same.
func TestQueue(t *testing.T) {
	const limit = 150_000
	random := rand.New(rand.NewPCG(1, 2))
	q := queue{max: limit}
	var model []byte
	lengths := []int{1, 3, 3, 3, 20, 3068, 9192, blockBytes, blockBytes + 1, 65535}
	for step := range 5_000 {
		switch random.IntN(8) {
		case 0, 1, 2, 3:
			in := make([]byte, lengths[random.IntN(len(lengths))])
			for i := range in {
				in[i] = byte(random.Uint32())
			}
			if q.n+len(in) <= limit {
				q.put(in)
				model = append(model, in...)
			}
		case 4, 5, 6:
			got := q.takeAll()
			if len(model) > 0 && len(got) == 0 || !bytes.HasPrefix(model, got) {
				t.Fatalf("step %d: took %d octets that were not the first of %d", step, len(got), len(model))
			}
			if len(got) > writeBlocks*blockBytes {
				t.Fatalf("step %d: took %d octets", step, len(got))
			}
			model = model[len(got):]
		case 7:
			if random.IntN(20) == 0 {
				q.clear()
				model = nil
			}
		}
		if q.n != len(model) {
			t.Fatalf("step %d: %d octets, want %d", step, q.n, len(model))
		}
		// The first block and the last one can be in use partly.
		if need := (q.n + blockBytes - 1) / blockBytes; len(q.blocks) > need+1 || q.n == 0 && len(q.blocks) > 0 {
			t.Fatalf("step %d: %d octets in %d blocks", step, q.n, len(q.blocks))
		}
	}
}

// BenchmarkQueue: five Source-Actives of 255 entries are queued, and taken for a write.
func BenchmarkQueue(b *testing.B) {
	q := queue{max: defaultQueueBytes}
	in := tlv(3068, 1)
	taken := make([]*block, 0, writeBlocks)
	b.ReportAllocs()
	b.SetBytes(int64(5 * len(in)))
	for b.Loop() {
		for range 5 {
			q.put(in)
		}
		taken, _ = q.take(taken[:0])
		for _, t := range taken {
			t.free()
		}
	}
}

// TestSendIfIdle: what can be lost is not put behind what waits, nor does Writable follow it.
func TestSendIfIdle(t *testing.T) {
	packet := make([]byte, 1500)
	for _, tc := range []struct {
		name string
		conn *conn
		want bool
	}{
		{"nothing waits", &conn{queue: queue{max: 100_000}}, true},
		{"little waits", &conn{queue: queue{max: 100_000}, writing: idleBytes}, true},
		{"much waits", &conn{queue: queue{max: 100_000}, writing: idleBytes + 1}, false},
		{"no room", &conn{queue: queue{max: 1499}}, false},
		{"Writable is to be told", &conn{queue: queue{max: 100_000}, starved: true}, false},
		{"ended", &conn{queue: queue{max: 100_000}, ended: true}, false},
	} {
		tc.conn.t = &Transport{}
		starved := tc.conn.starved
		if got := tc.conn.sendIfIdle(packet); got != tc.want {
			t.Errorf("%s: taken: %t", tc.name, got)
		}
		if tc.conn.starved != starved {
			t.Errorf("%s: Writable would follow", tc.name)
		}
		if queued := tc.conn.queue.n == len(packet); queued != tc.want {
			t.Errorf("%s: %d octets in the queue", tc.name, tc.conn.queue.n)
		}
	}
	c := &conn{t: &Transport{}, queue: queue{max: 100_000}}
	n := 0
	for c.sendIfIdle(packet) {
		n++
	}
	if n != idleBytes/len(packet)+1 {
		t.Errorf("%d packets queued", n)
	}
}
