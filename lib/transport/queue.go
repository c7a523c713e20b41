package transport

import "msdpd/lib/wire"

// queue is a ring of whole TLVs. It grows as needed, up to max octets, and gives its memory
// back when it is empty.
type queue struct {
	max  int
	buf  []byte
	head int // of the first octet
	n    int // octets in the queue
}

const (
	queueMin = 4 << 10
	// chunkBytes is how much is taken out at a time: little, because what is being written
	// cannot be dropped any more.
	chunkBytes = 16 << 10
)

// put copies tlvs to the end. The caller has seen to it that they fit in max.
func (q *queue) put(tlvs []byte) {
	q.grow(q.n + len(tlvs))
	at := (q.head + q.n) % len(q.buf)
	copied := copy(q.buf[at:], tlvs)
	copy(q.buf, tlvs[copied:])
	q.n += len(tlvs)
}

// take moves whole TLVs from the front to the end of b: up to chunkBytes, or one that is longer.
func (q *queue) take(b []byte) []byte {
	size := 0
	for size < q.n {
		next := q.lengthAt(size)
		if size > 0 && size+next > chunkBytes {
			break
		}
		size += next
	}
	if size == 0 {
		return b
	}
	end := min(q.head+size, len(q.buf))
	b = append(b, q.buf[q.head:end]...)
	b = append(b, q.buf[:q.head+size-end]...)
	q.head = (q.head + size) % len(q.buf)
	q.n -= size
	if q.n == 0 {
		q.clear()
	}
	return b
}

// clear forgets everything and gives the memory back, but for a little.
func (q *queue) clear() {
	q.head, q.n = 0, 0
	if len(q.buf) > queueMin {
		q.buf = nil
	}
}

// lengthAt reads the length of the TLV at offset off; a length that leads out of the queue
// stands for all that is left, so that no octet is lost where something else than TLVs was put.
func (q *queue) lengthAt(off int) int {
	left := q.n - off
	if left < wire.HeaderLen {
		return left
	}
	at := func(i int) int { return int(q.buf[(q.head+off+i)%len(q.buf)]) }
	n := at(1)<<8 | at(2)
	if n < wire.HeaderLen || n > left {
		return left
	}
	return n
}

func (q *queue) grow(need int) {
	if need <= len(q.buf) {
		return
	}
	size := max(queueMin, 2*len(q.buf))
	for size < need {
		size *= 2
	}
	buf := make([]byte, max(need, min(size, q.max)))
	if q.n > 0 {
		copied := copy(buf, q.buf[q.head:min(q.head+q.n, len(q.buf))])
		copy(buf[copied:q.n], q.buf)
	}
	q.buf, q.head = buf, 0
}
