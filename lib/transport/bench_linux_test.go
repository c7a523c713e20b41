package transport

import (
	"fmt"
	"io"
	"net"
	"testing"

	"msdpd/lib/wire"
)

// counting is a Handler that releases batches and counts their octets.
type counting struct {
	*recorder
	octets chan int
}

func (c counting) Received(_ ConnID, b *Batch) {
	n := len(b.TLVs)
	b.Release()
	c.octets <- n
}

// benchPair is a Transport with a session, and the far end of it.
func benchPair(b *testing.B, h func(*recorder) Handler) (*Transport, ConnID, *net.TCPConn) {
	a := addresses(2)
	r := &recorder{t: b, more: make(chan struct{})}
	tr := New(Config{Batched: true}, h(r))
	b.Cleanup(func() { tr.Shutdown(b.Context()) })
	tr.Allow(a[:1])
	tr.Listen(a[1:])
	r.await(listenerUp)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: a[0].Netip().AsSlice()}}
	c, err := d.Dial("tcp4", net.JoinHostPort(a[1].String(), fmt.Sprint(wire.Port)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return tr, r.await(accepted).id, c.(*net.TCPConn)
}

// BenchmarkReceive: messages come from the kernel and are handed over. An operation is one message.
func BenchmarkReceive(b *testing.B) {
	for _, size := range []int{20, 3068} {
		b.Run(fmt.Sprintf("octets=%d", size), func(b *testing.B) {
			octets := make(chan int, 100)
			_, _, c := benchPair(b, func(r *recorder) Handler { return counting{r, octets} })
			go func() {
				message := tlv(size, 1)
				var all []byte
				for len(all) < 1<<16 {
					all = append(all, message...)
				}
				for left := b.N * size; left > 0; left -= len(all) {
					if _, err := c.Write(all[:min(left, len(all))]); err != nil {
						return
					}
				}
			}()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for got := 0; got < b.N*size; {
				got += <-octets
			}
		})
	}
}

// BenchmarkSend: messages are sent to one peer, which reads them. An operation is one message.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{20, 3068} {
		b.Run(fmt.Sprintf("octets=%d", size), func(b *testing.B) {
			writable := make(chan struct{}, 1)
			tr, id, c := benchPair(b, func(r *recorder) Handler { return awakened{r, writable} })
			message := tlv(size, 1)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			done := make(chan error, 1)
			go func() {
				_, err := io.CopyN(io.Discard, c, int64(b.N*size))
				done <- err
			}()
			for range b.N {
				for !tr.Send(id, message) {
					<-writable
				}
			}
			tr.Flush()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// awakened is a Handler that tells when there is room again.
type awakened struct {
	*recorder
	writable chan struct{}
}

func (a awakened) Writable(ConnID) { a.writable <- struct{}{} }
