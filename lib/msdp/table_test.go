package msdp

import (
	"math/rand/v2"
	"testing"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// TestTableAgainstMap does at random what a cache does, and compares with a map.
func TestTableAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table := newTable()
	model := make(map[ipv4.SG]number)
	var keys []ipv4.SG
	random := func() ipv4.SG {
		return ipv4.SG{Source: ipv4.Addr(rng.Uint32N(300)), Group: ipv4.Addr(rng.Uint32N(60))}
	}
	for round := range 200_000 {
		// It grows to some ten thousand entries, shrinks to few, and grows again.
		insert := rng.IntN(10) < 7
		if round/50_000%2 == 1 {
			insert = rng.IntN(10) < 3
		}
		key := random()
		n := table.find(key)
		if n != model[key] {
			t.Fatalf("round %d: find %s = %d, want %d", round, key, n, model[key])
		}
		switch {
		case insert && n == none:
			n, e := add(table, key)
			if e != table.at(n) || e.sg != key || n == none || n >= table.limit() {
				t.Fatalf("round %d: inserted %s as %d", round, key, n)
			}
			model[key] = n
			keys = append(keys, key)
		case !insert && len(keys) > 0:
			i := rng.IntN(len(keys))
			key := keys[i]
			keys[i] = keys[len(keys)-1]
			keys = keys[:len(keys)-1]
			table.remove(model[key])
			delete(model, key)
		}
		if table.count() != len(model) {
			t.Fatalf("round %d: count %d, want %d", round, table.count(), len(model))
		}
		if round%10_000 == 0 {
			compareTable(t, table, model)
		}
	}
	compareTable(t, table, model)
	for key, n := range model {
		table.remove(n)
		delete(model, key)
	}
	compareTable(t, table, model)
}

// add adds (S,G), which must not be in the table.
func add(t *table, sg ipv4.SG) (number, *entry) {
	k := t.seek(sg)
	return t.insert(&k)
}

// compareTable looks at the table in every way there is.
func compareTable(t *testing.T, table *table, model map[ipv4.SG]number) {
	t.Helper()
	last, seen := none, 0
	table.each(1, table.limit(), func(n number, e *entry) bool {
		if n <= last {
			t.Fatalf("number %d after %d", n, last)
		}
		if model[e.sg] != n || table.find(e.sg) != n {
			t.Fatalf("%s has number %d, want %d", e.sg, n, model[e.sg])
		}
		last = n
		seen++
		return true
	})
	if seen != len(model) {
		t.Fatalf("%d entries in number order, want %d", seen, len(model))
	}
	groups := make(map[ipv4.Addr]int)
	for key := range model {
		groups[key.Group]++
	}
	if len(groups) != table.groups.count {
		t.Fatalf("%d groups, want %d", table.groups.count, len(groups))
	}
	for g, want := range groups {
		got := 0
		prev := number(want) // the first has their number there
		table.eachOfGroup(g, func(n number, e *entry) {
			if e.sg.Group != g || e.groupPrev != prev || (e.flags&flagHead != 0) != (got == 0) {
				t.Fatalf("entry %d of group %s: %s, previous %d, want %d; flags %b", n, g, e.sg, e.groupPrev, prev, e.flags)
			}
			prev = n
			got++
		})
		if got != want || table.countOf(g) != want {
			t.Fatalf("group %s has %d entries, its count is %d, want %d", g, got, table.countOf(g), want)
		}
	}
	free := 0
	for n := table.free; n != none; n = table.at(n).groupNext {
		if table.at(n).used() {
			t.Fatalf("entry %d is free and used", n)
		}
		free++
	}
	if free+len(model) != int(table.limit())-1 {
		t.Fatalf("%d free and %d used of %d numbers", free, len(model), table.limit()-1)
	}
}

func TestTableSpreadsNeighbouringAddresses(t *testing.T) {
	table := newTable()
	for source := range ipv4.Addr(100) {
		for group := range ipv4.Addr(1000) {
			add(table, ipv4.SG{Source: 0x0a000000 + source, Group: 0xef000000 + group})
		}
	}
	// A random spread leaves few buckets more than twice as full as the mean.
	if spare := int(table.entries.spareEnd); spare > int(table.entries.buckets)/2 {
		t.Errorf("%d spare buckets behind %d", spare, table.entries.buckets)
	}
}

func TestTableVisitorsMayRemove(t *testing.T) {
	table := newTable()
	for i := range ipv4.Addr(5000) {
		add(table, ipv4.SG{Source: i, Group: i % 2})
	}
	table.eachOfGroup(0, func(n number, _ *entry) { table.remove(n) })
	if table.count() != 2500 || table.groups.count != 1 {
		t.Fatalf("%d entries in %d groups are left", table.count(), table.groups.count)
	}
	table.each(1, table.limit(), func(n number, _ *entry) bool { table.remove(n); return true })
	if table.count() != 0 || table.groups.count != 0 {
		t.Fatalf("%d entries in %d groups are left", table.count(), table.groups.count)
	}
}

func TestTableStopsAndStarts(t *testing.T) {
	table := newTable()
	for i := range ipv4.Addr(3000) {
		add(table, ipv4.SG{Source: i})
	}
	seen := 0
	for next := number(0); next < table.limit(); {
		at := next
		next = table.limit()
		table.each(at, table.limit(), func(n number, _ *entry) bool {
			seen++
			if seen%7 == 0 {
				next = n + 1
				return false
			}
			return true
		})
	}
	if seen != 3000 {
		t.Errorf("%d of 3000 entries seen in slices", seen)
	}
}

func BenchmarkTableInsert(b *testing.B) {
	table := newTable()
	b.ReportAllocs()
	for i := range b.N {
		if i%1_000_000 == 0 {
			table = newTable()
		}
		add(table, ipv4.SG{Source: ipv4.Addr(i % 1_000_000), Group: 0xef000000 + ipv4.Addr(i%10_000)})
	}
}

func BenchmarkTableFind(b *testing.B) {
	table := newTable()
	for i := range ipv4.Addr(1_000_000) {
		add(table, ipv4.SG{Source: i, Group: 0xef000000 + i%10_000})
	}
	b.ReportAllocs()
	b.ResetTimer()
	found := 0
	for i := range b.N {
		s := ipv4.Addr(uint32(i)*2654435761) % 1_000_000
		if table.find(ipv4.SG{Source: s, Group: 0xef000000 + s%10_000}) != none {
			found++
		}
	}
	if found != b.N {
		b.Fatalf("%d of %d found", found, b.N)
	}
}

// TestWarmedEntriesAreFoundOnce: what was made ready before an entry was added, with more than one
// of the same, does not bring it in twice, while buckets fill up and are split.
func TestWarmedEntriesAreFoundOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	table, w := newTable(), new(warmer)
	model := make(map[ipv4.SG]number)
	for round := range 400 {
		var sgs []ipv4.SG
		for range wire.MaxEntries {
			sg := ipv4.SG{Source: ipv4.Addr(rng.Uint32N(200)), Group: ipv4.Addr(rng.Uint32N(uint32(10 + round)))}
			sgs = append(sgs, sg)
			if rng.IntN(3) == 0 {
				sgs = append(sgs, sg)
			}
		}
		sa, err := wire.ParseSourceActive(wire.AppendSourceActive(nil, below1, sgs[:wire.MaxEntries]))
		if err != nil {
			t.Fatal(err)
		}
		w.add(&sa)
		table.warm(w)
		for i := range sa.Len() {
			k := &w.sought[i]
			n := table.locate(k)
			if n != model[k.sg] {
				t.Fatalf("round %d: %s is %d, want %d", round, k.sg, n, model[k.sg])
			}
			if n == none {
				model[k.sg], _ = table.insert(k)
			}
		}
	}
	compareTable(t, table, model)
}
