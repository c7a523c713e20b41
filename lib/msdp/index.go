package msdp

import (
	"math/bits"
	"slices"
)

// index finds the numbers of entries by a hash of what they are about. It grows by one
// bucket at a time (linear hashing), so that no growth moves more than a handful. A bucket
// keeps a part of each hash beside the number: what is not there is seen without a look at any
// entry, and a bucket is split without one. Memory that is far apart is what costs time here.
type index struct {
	segments [][]indexBucket // of segmentSize buckets each
	buckets  uint32          // in use
	count    int
	spare    [][]indexBucket // further buckets for those that are full, by number less 1
	spareEnd uint32          // number of the last spare bucket that was ever in use
	free     uint32          // first spare bucket that is free; linked by next
}

const (
	// slots is how many numbers a bucket holds: it has 64 octets then, which is one cache line.
	slots = 10
	// meanLoad is the mean of numbers in a bucket at which the index grows. Buckets that are not
	// split yet have up to twice that, and a spare one behind them: 9.5 to 10.1 octets a number.
	meanLoad = 8

	segmentBits = 9
	segmentSize = 1 << segmentBits
	// The low bits of a hash choose the bucket, and those from tagShift on are in its tag: the
	// bit that decides a split is always one of them.
	tagShift   = 8
	minBuckets = 1 << tagShift
	maxBuckets = 1 << (tagShift + 16)
)

type indexBucket struct {
	tags    [slots]uint16
	next    uint32        // number of the spare bucket behind it, 0: none
	numbers [slots]number // none from the first free slot on
}

// used is how many slots are in use.
func (b *indexBucket) used() int {
	for i, n := range b.numbers {
		if n == none {
			return i
		}
	}
	return slots
}

func newIndex() index {
	x := index{buckets: minBuckets}
	x.segments = append(x.segments, make([]indexBucket, segmentSize))
	return x
}

func tagOf(hash uint32) uint16 { return uint16(hash >> tagShift) }

// bucketOf returns the bucket of a hash. Those below the split point use one bit more.
func (x *index) bucketOf(hash uint32) *indexBucket { return x.at(bucketNumber(hash, x.buckets)) }

func bucketNumber(hash, buckets uint32) uint32 {
	mask := roundUp(buckets) - 1
	b := hash & mask
	if b >= buckets {
		b &= mask >> 1
	}
	return b
}

// roundUp returns the least power of two that is not below n, which is not 0.
func roundUp(n uint32) uint32 { return 1 << (32 - bits.LeadingZeros32(n-1)) }

func (x *index) at(b uint32) *indexBucket { return &x.segments[b>>segmentBits][b&(segmentSize-1)] }

// behind returns the spare bucket that goes on where b is full, nil if there is none.
func (x *index) behind(b *indexBucket) *indexBucket {
	if b.next == 0 {
		return nil
	}
	return x.spareAt(b.next)
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
	for b.numbers[slots-1] != none {
		if b.next == 0 {
			b.next = x.takeSpare()
		}
		b = x.spareAt(b.next)
	}
	i := b.used()
	b.tags[i], b.numbers[i] = tag, n
}

func (x *index) takeSpare() uint32 {
	if s := x.free; s != 0 {
		x.free = x.spareAt(s).next
		*x.spareAt(s) = indexBucket{}
		return s
	}
	if int(x.spareEnd>>segmentBits) == len(x.spare) {
		x.spare = append(x.spare, make([]indexBucket, segmentSize))
	}
	x.spareEnd++
	return x.spareEnd
}

// split adds one bucket and moves to it what belongs there of the bucket it splits.
func (x *index) split() {
	half := roundUp(x.buckets+1) >> 1
	from := x.buckets - half
	if int(x.buckets>>segmentBits) == len(x.segments) {
		x.segments = append(x.segments, make([]indexBucket, segmentSize))
	}
	to := x.at(x.buckets)
	x.buckets++
	moves := uint16(half >> tagShift) // the bit of the tag that decides

	b := x.at(from)
	old := *b
	*b = indexBucket{}
	for {
		for i, n := range old.numbers[:old.used()] {
			if old.tags[i]&moves != 0 {
				x.place(to, old.tags[i], n)
			} else {
				x.place(b, old.tags[i], n)
			}
		}
		if old.next == 0 {
			return
		}
		s := old.next
		old = *x.spareAt(s)
		*x.spareAt(s) = indexBucket{next: x.free}
		x.free = s
	}
}

// slot returns where n is, which must be there under this hash, and the bucket before it.
func (x *index) slot(hash uint32, n number) (b, before *indexBucket, i int) {
	for b = x.bucketOf(hash); ; b = x.behind(b) {
		if i := slices.Index(b.numbers[:], n); i >= 0 {
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
	for last.next != 0 {
		before, last = last, x.spareAt(last.next)
	}
	end := last.used() - 1
	b.tags[i], b.numbers[i] = last.tags[end], last.numbers[end]
	last.numbers[end] = none
	x.count--
	if end == 0 && before != nil { // it is a spare one
		s := before.next
		before.next = 0
		*last = indexBucket{next: x.free}
		x.free = s
	}
}
