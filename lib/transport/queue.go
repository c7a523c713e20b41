package transport

import "sync"

const (
	// blockBytes is how much a block of a queue holds.
	blockBytes = 16 << 10
	// writeBlocks is how many blocks at most are written at once: little, because what is being
	// written is no longer in the queue.
	writeBlocks = 4
)

// block is a piece of a queue.
type block struct {
	n   int // octets in use
	buf [blockBytes]byte
}

var blocks = sync.Pool{New: func() any { return new(block) }}

func (b *block) free() {
	b.n = 0
	blocks.Put(b)
}

// queue holds octets in blocks, up to max of them, and no memory while it is empty.
type queue struct {
	max    int
	n      int // octets in the queue
	blocks []*block
}

// put copies octets to the end. The caller has seen to it that they fit in max.
func (q *queue) put(octets []byte) {
	q.n += len(octets)
	for len(octets) > 0 {
		last := len(q.blocks) - 1
		if last < 0 || q.blocks[last].n == blockBytes {
			q.blocks = append(q.blocks, blocks.Get().(*block))
			continue
		}
		b := q.blocks[last]
		n := copy(b.buf[b.n:], octets)
		b.n += n
		octets = octets[n:]
	}
}

// take moves the first blocks to the end of to, which has room for writeBlocks of them.
func (q *queue) take(to []*block) (taken []*block, octets int) {
	n := min(len(q.blocks), writeBlocks)
	for _, b := range q.blocks[:n] {
		octets += b.n
	}
	q.n -= octets
	to = append(to, q.blocks[:n]...)
	left := copy(q.blocks, q.blocks[n:])
	clear(q.blocks[left:])
	q.blocks = q.blocks[:left]
	return to, octets
}

// clear forgets everything.
func (q *queue) clear() {
	for _, b := range q.blocks {
		b.free()
	}
	q.n, q.blocks = 0, nil
}
