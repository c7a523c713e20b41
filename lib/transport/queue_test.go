package transport

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"msdpd/lib/wire"
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

// TestQueue puts in and takes out as it comes, beside a slice that does the same.
func TestQueue(t *testing.T) {
	const limit = 150_000
	random := rand.New(rand.NewPCG(1, 2))
	q := queue{max: limit}
	var model []byte
	lengths := []int{3, 3, 3, 20, 3068, 9192, 65535}
	for step := range 5_000 {
		switch random.IntN(8) {
		case 0, 1, 2, 3:
			var tlvs []byte
			for range 1 + random.IntN(3) {
				n := lengths[random.IntN(len(lengths))]
				b := bytes.Repeat([]byte{byte(step)}, n)
				b[1], b[2] = byte(n>>8), byte(n)
				tlvs = append(tlvs, b...)
			}
			if q.n+len(tlvs) <= limit {
				q.put(tlvs)
				model = append(model, tlvs...)
			}
		case 4, 5, 6:
			got := q.take([]byte{7})[1:]
			if len(model) > 0 && len(got) == 0 || !bytes.HasPrefix(model, got) {
				t.Fatalf("step %d: took %d octets that were not the first of %d", step, len(got), len(model))
			}
			if end, last := frame(got); end != len(got) || last {
				t.Fatalf("step %d: took %d octets, %d of them whole TLVs", step, len(got), end)
			}
			if h, err := wire.ParseHeader(got); err == nil && len(got) > max(chunkBytes, h.Length) {
				t.Fatalf("step %d: took %d octets", step, len(got))
			}
			model = model[len(got):]
		case 7:
			if random.IntN(20) == 0 {
				q.clear()
				model = nil
			}
		}
		if q.n != len(model) || len(q.buf) > limit {
			t.Fatalf("step %d: %d octets in %d, want %d", step, q.n, len(q.buf), len(model))
		}
		if q.n == 0 && len(q.buf) > queueMin {
			t.Fatalf("step %d: the empty queue keeps %d octets", step, len(q.buf))
		}
	}
}

// TestQueueOfSomethingElse: octets that are no TLVs come out as they went in.
func TestQueueOfSomethingElse(t *testing.T) {
	for _, in := range [][]byte{{1}, {1, 0}, {1, 0, 0}, {1, 0, 2, 3, 4}, {1, 0, 9, 9}, {4, 0, 3, 1, 0}, {4, 0, 3, 1, 0, 200, 1}} {
		q := queue{max: 100}
		q.put(in)
		var got []byte
		for q.n > 0 {
			got = q.take(got)
		}
		if !bytes.Equal(got, in) {
			t.Errorf("% x came out as % x", in, got)
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	q := queue{max: defaultQueueBytes}
	in := tlv(3068, 1)
	q.put(in) // never empty, as with a peer that is busy
	var out []byte
	b.ReportAllocs()
	b.SetBytes(int64(5 * len(in)))
	for b.Loop() {
		for range 5 {
			q.put(in)
		}
		out = q.take(out[:0])
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
	c := &conn{queue: queue{max: 100_000}}
	n := 0
	for c.sendIfIdle(packet) {
		n++
	}
	if n != idleBytes/len(packet)+1 {
		t.Errorf("%d packets queued", n)
	}
}
