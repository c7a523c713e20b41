package msdp

import (
	"math/bits"
	"math/rand/v2"
	"time"

	"msdpd/lib/ipv4"
)

// stamp is a time in tenths of a second since the Speaker began. Four bytes hold 13 years.
type stamp uint32

const stampUnit = 100 * time.Millisecond

func (t stamp) since(earlier stamp) time.Duration {
	if earlier >= t {
		return 0
	}
	return time.Duration(t-earlier) * stampUnit
}

// number names a cache entry. It stays the same for as long as the entry lives.
type number uint32

// none ends a chain of entries.
const none number = 0

const (
	pageBits = 10
	pageSize = 1 << pageBits
	// maxLoad is the mean length of a bucket's chain at which the hash table grows.
	maxLoad = 2
)

// entryFlags say how an entry came to be and where it stands.
type entryFlags uint8

const (
	// flagMesh: accepted from a mesh-group member, without a peer-RPF check.
	flagMesh entryFlags = 1 << iota
	// flagWanted: the owner was asked to join it.
	flagWanted
	// flagDuplicateRP: the same (S,G) was offered with another RP.
	flagDuplicateRP
)

// entry is one (S,G) of the SA cache (RFC 3618 §4). It holds no pointer, so that the
// collector need not walk a million of them.
type entry struct {
	sg        ipv4.SG
	rp        ipv4.Addr
	heard     stamp // last accepted SA: expiry runs from here
	firstSeen stamp
	sent      stamp // last flooded; 0 = never
	peer      peerIndex
	flags     entryFlags
	used      bool
	// seq is the sequence of the last change that other peers must hear of.
	seq       uint64
	hashNext  number // also chains the free entries
	groupNext number
	groupPrev number
}

// groupChain heads the entries of one group.
type groupChain struct {
	first number
	count uint32
}

// table is the SA cache: entries in pages of fixed size, known by number; a linear hash
// table that grows by one bucket at a time; and the entries of each group chained.
type table struct {
	pages []*[pageSize]entry
	free  number
	count int

	seed     uint64     // of the hash
	segments [][]number // of pageSize buckets each
	buckets  uint32     // in use
	groups   map[ipv4.Addr]groupChain
}

func newTable() *table {
	t := &table{seed: rand.Uint64(), groups: make(map[ipv4.Addr]groupChain)}
	t.segments = append(t.segments, make([]number, pageSize))
	t.buckets = 1
	t.addPage() // page 0; number 0 is none and never given out
	return t
}

func (t *table) addPage() {
	base := number(len(t.pages) << pageBits)
	page := new([pageSize]entry)
	t.pages = append(t.pages, page)
	for i := pageSize - 1; i >= 0; i-- {
		n := base + number(i)
		if n == none {
			continue
		}
		page[i].hashNext = t.free
		t.free = n
	}
}

// at returns the entry of number n, which must be in [1, limit).
func (t *table) at(n number) *entry { return &t.pages[n>>pageBits][n&(pageSize-1)] }

// limit is one above the highest number that was ever given out.
func (t *table) limit() number { return number(len(t.pages) << pageBits) }

// hash is seeded, so that nobody can make up sources that all fall into one bucket.
func (t *table) hash(sg ipv4.SG) uint32 {
	h := (uint64(sg.Source)<<32 | uint64(sg.Group)) ^ t.seed
	h *= 0x9e3779b97f4a7c15
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return uint32(h >> 32)
}

// bucketOf follows linear hashing: the buckets below the split point use one bit more.
func (t *table) bucketOf(h uint32) uint32 {
	mask := uint32(1) << bits.Len32(t.buckets-1)
	b := h & (mask - 1)
	if b >= t.buckets {
		b = h & (mask>>1 - 1)
	}
	return b
}

func (t *table) bucket(b uint32) *number { return &t.segments[b>>pageBits][b&(pageSize-1)] }

// find returns the number of (S,G), or none.
func (t *table) find(sg ipv4.SG) number {
	n := *t.bucket(t.bucketOf(t.hash(sg)))
	for n != none {
		e := t.at(n)
		if e.sg == sg {
			return n
		}
		n = e.hashNext
	}
	return none
}

// insert adds (S,G), which must not be in the table.
func (t *table) insert(sg ipv4.SG) (number, *entry) {
	if t.free == none {
		t.addPage()
	}
	n := t.free
	e := t.at(n)
	t.free = e.hashNext
	*e = entry{sg: sg, used: true}

	head := t.bucket(t.bucketOf(t.hash(sg)))
	e.hashNext = *head
	*head = n

	g := t.groups[sg.Group]
	e.groupNext = g.first
	if g.first != none {
		t.at(g.first).groupPrev = n
	}
	t.groups[sg.Group] = groupChain{first: n, count: g.count + 1}

	t.count++
	if t.count > int(t.buckets)*maxLoad {
		t.split()
	}
	return n, e
}

// split adds one bucket and moves to it what belongs there of the bucket it splits.
func (t *table) split() {
	mask := uint32(1)
	for mask <= t.buckets {
		mask <<= 1
	}
	from := t.buckets - mask>>1
	if int(t.buckets>>pageBits) == len(t.segments) {
		t.segments = append(t.segments, make([]number, pageSize))
	}
	t.buckets++

	head := t.bucket(from)
	n := *head
	*head = none
	for n != none {
		e := t.at(n)
		next := e.hashNext
		to := t.bucket(t.bucketOf(t.hash(e.sg)))
		e.hashNext = *to
		*to = n
		n = next
	}
}

// remove takes entry n out of the table; its number may be given out again.
func (t *table) remove(n number) {
	e := t.at(n)
	at := t.bucket(t.bucketOf(t.hash(e.sg)))
	for *at != n {
		at = &t.at(*at).hashNext
	}
	*at = e.hashNext

	g := t.groups[e.sg.Group]
	if g.first == n {
		g.first = e.groupNext
	}
	if e.groupPrev != none {
		t.at(e.groupPrev).groupNext = e.groupNext
	}
	if e.groupNext != none {
		t.at(e.groupNext).groupPrev = e.groupPrev
	}
	g.count--
	if g.count == 0 {
		delete(t.groups, e.sg.Group)
	} else {
		t.groups[e.sg.Group] = g
	}

	*e = entry{hashNext: t.free}
	t.free = n
	t.count--
}

// eachOfGroup calls f with every entry of group g; f may remove the entry it is given.
func (t *table) eachOfGroup(g ipv4.Addr, f func(number, *entry)) {
	for n := t.groups[g].first; n != none; {
		e := t.at(n)
		next := e.groupNext
		f(n, e)
		n = next
	}
}

// each calls f with every entry in use from number 'from' up to below 'to', in number order. f
// may remove the entry it is given.
func (t *table) each(from, to number, f func(number, *entry) bool) {
	if from == none {
		from = 1
	}
	if lim := t.limit(); to > lim {
		to = lim
	}
	// A cache with few entries has them at the beginning of its page: the rest is not looked at.
	for left := t.count; left > 0 && from < to; from++ {
		if e := t.at(from); e.used {
			left--
			if !f(from, e) {
				return
			}
		}
	}
}
