package msdp

import (
	"math/bits"
	"slices"

	"msdpd/lib/offheap"
)

// index finds the numbers of entries by a hash of what they are about. It grows by one
// bucket at a time (linear hashing), so that no growth moves more than a handful. A bucket
// keeps a part of each hash beside the number: what is not there is seen without a look at any
// entry, and a bucket is split without one. Memory that is far apart is what costs time here.
type index struct {
	memory   *offheap.Memory
	segments [][]indexBucket // of segmentSize buckets each
	buckets  uint32          // in use
	mask     uint32          // the least power of two that is not below buckets, less 1
	count    int
	spare    [][]indexBucket // further buckets for those that are full, by number less 1
	spareEnd uint32          // number of the last spare bucket that was ever in use
	free     uint32          // first spare bucket that is free; linked by next
}

const (
	// slots is how many numbers a bucket holds: it has 64 octets then, which is one cache line.
	slots = 10
	// meanLoad is the mean of numbers in a bucket at which the index grows. Buckets that are not
	// split yet have up to twice that, and then a spare one behind them: 11.4 to 11.8 octets a
	// number in all. A higher load takes less, and has more to be looked for in two places.
	meanLoad = 6

	segmentBits = 12
	segmentSize = 1 << segmentBits
	// The low bits of a hash choose the bucket, and those from tagShift on are in its tag: the
	// bit that decides a split is always one of them.
	tagShift   = 8
	minBuckets = 1 << tagShift
	maxBuckets = 1 << (tagShift + 16)
)

type indexBucket struct {
	tags [slots]uint16
	// link holds how many slots are in use, in its low usedBits; a bit that changes when the bucket is
	// split; and above these the number of the spare bucket behind it, 0: none.
	link    uint32
	numbers [slots]number
}

const (
	usedBits = 4
	usedMask = 1<<usedBits - 1
	splitBit = 1 << usedBits
	linkBits = usedBits + 1
)

func (b *indexBucket) used() int        { return int(b.link & usedMask) }
func (b *indexBucket) setUsed(n int)    { b.link = b.link&^usedMask | uint32(n) }
func (b *indexBucket) next() uint32     { return b.link >> linkBits }
func (b *indexBucket) setNext(s uint32) { b.link = s<<linkBits | b.link&(1<<linkBits-1) }

// add puts a number into a bucket that has a free slot.
func (b *indexBucket) add(tag uint16, n number) {
	i := b.used()
	b.tags[i], b.numbers[i] = tag, n
	b.link++
}

func newIndex(memory *offheap.Memory) index {
	x := index{memory: memory, buckets: minBuckets, mask: minBuckets - 1}
	x.segments = append(x.segments, x.segment())
	return x
}

func (x *index) segment() []indexBucket { return offheap.Slice[indexBucket](x.memory, segmentSize) }

func tagOf(hash uint32) uint16 { return uint16(hash >> tagShift) }

// bucketOf returns the bucket of a hash. Those below the split point use one bit more.
func (x *index) bucketOf(hash uint32) *indexBucket {
	b := hash & x.mask
	if b >= x.buckets {
		b &= x.mask >> 1
	}
	return x.at(b)
}

func (x *index) at(b uint32) *indexBucket { return &x.segments[b>>segmentBits][b&(segmentSize-1)] }

// behind returns the spare bucket that goes on where b is full, nil if there is none.
func (x *index) behind(b *indexBucket) *indexBucket {
	s := b.next()
	if s == 0 {
		return nil
	}
	return x.spareAt(s)
}

func (x *index) spareAt(s uint32) *indexBucket {
	s--
	return &x.spare[s>>segmentBits][s&(segmentSize-1)]
}

// add adds a number under a hash.
func (x *index) add(hash uint32, n number) {
	x.place(x.bucketOf(hash), tagOf(hash), n)
	x.count++
	if x.count > int(x.buckets)*meanLoad && x.buckets < maxBuckets {
		x.split()
	}
}

// place puts a number into a bucket or one behind it.
func (x *index) place(b *indexBucket, tag uint16, n number) {
	for b.used() == slots {
		if b.next() == 0 {
			b.setNext(x.takeSpare())
		}
		b = x.spareAt(b.next())
	}
	b.add(tag, n)
}

func (x *index) takeSpare() uint32 {
	if s := x.free; s != 0 {
		b := x.spareAt(s)
		x.free = b.next()
		b.link = 0
		return s
	}
	if int(x.spareEnd>>segmentBits) == len(x.spare) {
		x.spare = append(x.spare, x.segment())
	}
	x.spareEnd++
	return x.spareEnd
}

// giveSpare makes spare bucket s a free one.
func (x *index) giveSpare(s uint32) {
	b := x.spareAt(s)
	b.link = 0
	b.setNext(x.free)
	x.free = s
}

// split adds one bucket and moves to it what belongs there of the bucket it splits.
func (x *index) split() {
	if x.buckets > x.mask {
		x.mask = x.mask<<1 | 1
	}
	half := (x.mask + 1) >> 1
	from := x.buckets - half
	if int(x.buckets>>segmentBits) == len(x.segments) {
		x.segments = append(x.segments, x.segment())
	}
	b, to := x.at(from), x.at(x.buckets)
	x.buckets++
	decides := bits.TrailingZeros32(half) - tagShift // which bit of the tag

	// Which way a number goes cannot be foreseen: it is written to both, and counts in one.
	behind, used := b.next(), b.used()
	kept, moved := 0, 0
	for i := range used {
		tag, n := b.tags[i], b.numbers[i]
		b.tags[kept], b.numbers[kept] = tag, n
		to.tags[moved], to.numbers[moved] = tag, n
		moves := int(tag>>decides) & 1
		kept, moved = kept+1-moves, moved+moves
	}
	b.link, to.link = b.link&splitBit^splitBit|uint32(kept), uint32(moved)
	for behind != 0 {
		old := x.spareAt(behind)
		for i, tag := range old.tags[:old.used()] {
			if tag>>decides&1 != 0 {
				x.place(to, tag, old.numbers[i])
			} else {
				x.place(b, tag, old.numbers[i])
			}
		}
		next := old.next()
		x.giveSpare(behind)
		behind = next
	}
}

// slot returns where n is, which must be there under this hash, and the bucket before it.
func (x *index) slot(hash uint32, n number) (b, before *indexBucket, i int) {
	for b = x.bucketOf(hash); ; b = x.behind(b) {
		if i := slices.Index(b.numbers[:b.used()], n); i >= 0 {
			return b, before, i
		}
		before = b
	}
}

// replace puts another number in the place of n, which must be there under this hash.
func (x *index) replace(hash uint32, n, by number) {
	b, _, i := x.slot(hash, n)
	b.numbers[i] = by
}

// remove takes away n, which must be there under this hash.
func (x *index) remove(hash uint32, n number) {
	b, before, i := x.slot(hash, n)
	last := b
	for last.next() != 0 {
		before, last = last, x.spareAt(last.next())
	}
	end := last.used() - 1
	b.tags[i], b.numbers[i] = last.tags[end], last.numbers[end]
	last.setUsed(end)
	x.count--
	if end == 0 && before != nil { // it is a spare one
		s := before.next()
		before.setNext(0)
		x.giveSpare(s)
	}
}
