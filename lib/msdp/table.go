package msdp

import (
	"math/rand/v2"
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/offheap"
	"msdpd/lib/wire"
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
	pageBits = 13
	pageSize = 1 << pageBits
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
	// flagHead: it is the first of its group's chain.
	flagHead
	// flagUsed: it is an entry, and not a free place for one.
	flagUsed
)

// entry is one (S,G) of the SA cache (RFC 3618 §4), in 36 octets. It holds no pointer: a million
// of them are nothing that the collector has to know.
type entry struct {
	sg        ipv4.SG
	rp        ipv4.Addr
	heard     stamp // last accepted SA: expiry runs from here
	firstSeen stamp
	// seq is the sequence of the last change that other peers must hear of, which was flooded.
	seq       sequence
	groupNext number // also chains the free entries
	groupPrev number // of the first: how many the group has
	peer      peerIndex
	flags     entryFlags
}

func (e *entry) used() bool { return e.flags&flagUsed != 0 }

// sequence numbers changes. It may wrap: those that are compared are minutes apart at most.
type sequence uint32

func (a sequence) after(b sequence) bool { return int32(a-b) > 0 }

// table is the SA cache: entries in pages of fixed size, known by number; an index of them by
// (S,G); and the entries of each group chained, with an index of the first ones.
type table struct {
	memory *offheap.Memory
	pages  [][]entry // of pageSize each
	fresh  number    // the first that was never given out
	free   number    // the last of those that are free again; chained by groupNext

	seed    uint64 // of the hashes
	entries index
	groups  index
}

func newTable() *table {
	memory := offheap.New()
	t := &table{memory: memory, seed: rand.Uint64(), entries: newIndex(memory), groups: newIndex(memory)}
	t.fresh = none + 1
	return t
}

// count is how many entries there are.
func (t *table) count() int { return t.entries.count }

// take returns a number that is not in use, and its entry.
func (t *table) take() (number, *entry) {
	if n := t.free; n != none {
		e := t.at(n)
		t.free = e.groupNext
		return n, e
	}
	n := t.fresh
	if int(n>>pageBits) == len(t.pages) {
		t.pages = append(t.pages, offheap.Slice[entry](t.memory, pageSize))
	}
	t.fresh++
	return n, t.at(n)
}

// at returns the entry of number n, which must be in [1, limit).
func (t *table) at(n number) *entry { return &t.pages[n>>pageBits][n&(pageSize-1)] }

// limit is one above the highest number that was ever given out.
func (t *table) limit() number { return t.fresh }

// hash is seeded, so that nobody can make up sources that all fall into one bucket.
func (t *table) hash(sg ipv4.SG) uint32 {
	h := (uint64(sg.Source)<<32 | uint64(sg.Group)) ^ t.seed
	h *= 0x9e3779b97f4a7c15
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return uint32(h >> 32)
}

func (t *table) groupHash(g ipv4.Addr) uint32 { return t.hash(ipv4.SG{Group: g}) }

// sought is an (S,G) on the way to its entry.
type sought struct {
	sg   ipv4.SG
	hash uint32
	seen number // an entry that may be it; none: no entry was seen
	// without was its bucket and the link of that, if nothing in it may be it.
	without *indexBucket
	link    uint32
}

func (t *table) seek(sg ipv4.SG) sought { return sought{sg: sg, hash: t.hash(sg)} }

// find returns the number of (S,G), or none.
func (t *table) find(sg ipv4.SG) number {
	k := t.seek(sg)
	return t.locate(&k)
}

// locate returns the number of what is sought, or none.
func (t *table) locate(k *sought) number {
	if k.seen != none && t.at(k.seen).sg == k.sg {
		return k.seen
	}
	b := t.entries.bucketOf(k.hash)
	if b == k.without && b.link == k.link {
		return none // nothing was added to it since, nor was it split
	}
	tag := tagOf(k.hash)
	for ; b != nil; b = t.entries.behind(b) {
		for i, bt := range b.tags[:b.used()] {
			if n := b.numbers[i]; bt == tag && t.at(n).sg == k.sg {
				return n
			}
		}
	}
	return none
}

// head returns the first entry of group g, or none.
func (t *table) head(g ipv4.Addr) number {
	hash := t.groupHash(g)
	tag := tagOf(hash)
	for b := t.groups.bucketOf(hash); b != nil; b = t.groups.behind(b) {
		for i, bt := range b.tags[:b.used()] {
			if n := b.numbers[i]; bt == tag && t.at(n).sg.Group == g {
				return n
			}
		}
	}
	return none
}

// countOf returns how many entries group g has.
func (t *table) countOf(g ipv4.Addr) int {
	n := t.head(g)
	if n == none {
		return 0
	}
	return int(t.at(n).groupPrev)
}

// insert adds what is sought, which must not be in the table.
func (t *table) insert(k *sought) (number, *entry) {
	n, e := t.take()
	*e = entry{sg: k.sg, flags: flagUsed}
	t.entries.add(k.hash, n)

	h := t.head(k.sg.Group)
	if h == none {
		e.flags |= flagHead
		e.groupPrev = 1
		t.groups.add(t.groupHash(k.sg.Group), n)
		return n, e
	}
	first := t.at(h)
	first.groupPrev++
	e.groupPrev, e.groupNext = h, first.groupNext
	if e.groupNext != none {
		t.at(e.groupNext).groupPrev = n
	}
	first.groupNext = n
	return n, e
}

// remove takes entry n out of the table; its number may be given out again.
func (t *table) remove(n number) {
	e := t.at(n)
	t.entries.remove(t.hash(e.sg), n)
	next := e.groupNext
	switch {
	case e.flags&flagHead == 0:
		t.at(t.head(e.sg.Group)).groupPrev--
		t.at(e.groupPrev).groupNext = next
		if next != none {
			t.at(next).groupPrev = e.groupPrev
		}
	case next == none:
		t.groups.remove(t.groupHash(e.sg.Group), n)
	default:
		t.groups.replace(t.groupHash(e.sg.Group), n, next)
		t.at(next).flags |= flagHead
		t.at(next).groupPrev = e.groupPrev - 1
	}
	*e = entry{groupNext: t.free}
	t.free = n
}

// eachOfGroup calls f with every entry of group g; f may remove the entry it is given.
func (t *table) eachOfGroup(g ipv4.Addr, f func(number, *entry)) {
	for n := t.head(g); n != none; {
		e := t.at(n)
		next := e.groupNext
		f(n, e)
		n = next
	}
}

// warmer brings what is needed to find some (S,G)s into the processor's cache, all at once: one
// after the other, each would wait for memory. Where to read is found out first, so that as many
// reads as the processor can have under way follow each other at once.
type warmer struct {
	count   int // of the sought that were added
	sought  [wire.MaxEntries]sought
	buckets [wire.MaxEntries]*indexBucket
	reads   [2 * wire.MaxEntries]*uint32
	sum     uint32 // of what was read, so that it is read
}

// add adds the entries of an SA and reports whether there was room for them.
func (w *warmer) add(sa *wire.SourceActive) bool {
	n := sa.Len()
	if w.count+n > len(w.sought) {
		return false
	}
	for i := range n {
		w.sought[w.count+i].sg, _ = sa.Entry(i)
	}
	w.count += n
	return true
}

// warm makes ready for what was added, and leaves room for more. What it finds out holds as long as
// entries are added only, and fewer than the index has buckets.
func (t *table) warm(w *warmer) {
	n := w.count
	w.count = 0
	for i := range w.sought[:n] {
		k := t.seek(w.sought[i].sg)
		w.sought[i], w.buckets[i] = k, t.entries.bucketOf(k.hash)
	}
	sum := w.sum
	for _, b := range w.buckets[:n] {
		sum += b.link
	}
	reads := w.reads[:0]
	for i, b := range w.buckets[:n] {
		k := &w.sought[i]
		if at := slices.Index(b.tags[:b.used()], tagOf(k.hash)); at >= 0 {
			k.seen = b.numbers[at]
			reads = append(reads, (*uint32)(&t.at(k.seen).heard))
			continue
		}
		if behind := t.entries.behind(b); behind != nil {
			reads = append(reads, &behind.link)
		} else {
			k.without, k.link = b, b.link
		}
		reads = append(reads, &t.groups.bucketOf(t.groupHash(k.sg.Group)).link)
	}
	for _, at := range reads {
		sum += *at
	}
	w.sum = sum
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
	for left := t.count(); left > 0 && from < to; from++ {
		if e := t.at(from); e.used() {
			left--
			if !f(from, e) {
				return
			}
		}
	}
}
