package transport

import (
	"errors"
	"sync"

	"msdpd/lib/wire"
)

const (
	// batchBytes holds five of the longest Source-Actives that have no data. A TLV that is longer
	// gets a batch of maxBatchBytes, which holds the longest that the wire can announce.
	batchBytes    = 16 << 10
	maxBatchBytes = 64 << 10
	// maxBatches is how many batches of one connection may be held at a time. With all of them
	// held, nothing more is read from the peer.
	maxBatches = 4
)

// Batch is a run of whole TLVs as they came in.
type Batch struct {
	// TLVs is valid until Release. Where the peer sent a length of 0 to 2, which cannot be
	// followed, the last 3 octets are that header; nothing more is read from this peer then.
	TLVs []byte

	held  chan struct{} // the connection's count of batches
	buf   []byte        // small, or what was made for a longer TLV
	small [batchBytes]byte
}

var batches = sync.Pool{New: func() any { return new(Batch) }}

// takeBatch returns a batch that begins with carry.
func takeBatch(carry []byte) *Batch {
	b := batches.Get().(*Batch)
	b.buf = b.small[:]
	if len(carry) >= len(b.buf) {
		b.buf = make([]byte, maxBatchBytes)
	}
	copy(b.buf, carry)
	return b
}

// Release gives the batch back; it must be called exactly once, from any goroutine. As long as
// 4 batches of a connection are not released, nothing is read from its peer.
func (b *Batch) Release() {
	if b.held == nil {
		panic("transport: a batch released twice")
	}
	held := b.held
	b.giveBack()
	<-held
}

func (b *Batch) giveBack() {
	b.held, b.TLVs, b.buf = nil, nil, nil
	batches.Put(b)
}

// frame returns the end of the last whole TLV in b. A length that cannot be followed counts as
// whole with its header; last says that one is there.
func frame(b []byte) (end int, last bool) {
	for {
		h, err := wire.ParseHeader(b[end:])
		switch {
		case errors.Is(err, wire.ErrFormat):
			return end + wire.HeaderLen, true
		case err != nil || len(b)-end < h.Length:
			return end, false
		}
		end += h.Length
	}
}
