package debug

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
)

var a, b = ipv4.MustParse("10.0.0.1"), ipv4.MustParse("10.0.0.2")

func TestSet(t *testing.T) {
	steps := []struct {
		remove bool
		item   Item
		want   string
	}{
		{false, Item{Packets, b}, "[packets peer 10.0.0.2]"},
		{false, Item{Packets, a}, "[packets peer 10.0.0.1 packets peer 10.0.0.2]"},
		{false, Item{Packets, a}, "[packets peer 10.0.0.1 packets peer 10.0.0.2]"},
		{false, Item{Events, 0}, "[events packets peer 10.0.0.1 packets peer 10.0.0.2]"},
		{true, Item{Packets, a}, "[events packets peer 10.0.0.2]"},
		{false, Item{Packets, 0}, "[events packets]"},
		{false, Item{Packets, a}, "[events packets]"},
		{true, Item{Packets, a}, "[events packets]"},
		{true, Item{Events, 0}, "[packets]"},
		{false, Item{Packets, a}, "[packets]"},
		{true, Item{Packets, 0}, "[]"},
	}
	var s Set
	for i, step := range steps {
		before := slices.Clone(s)
		next := s.With(step.item)
		if step.remove {
			next = s.Without(step.item)
		}
		if !slices.Equal(s, before) {
			t.Fatalf("step %d changed the set it began with", i)
		}
		if s = next; fmt.Sprint(s) != step.want {
			t.Errorf("step %d: %v, want %s", i, s, step.want)
		}
	}
	var some Set
	some = some.With(Item{Events, a}).With(Item{Events, b})
	if got := fmt.Sprint(some.Without(Item{Kind: Events})); got != "[]" {
		t.Errorf("without the kind: %s", got)
	}
}

func TestWords(t *testing.T) {
	for _, k := range Kinds() {
		if got, ok := Parse(k.String()); !ok || got != k {
			t.Errorf("Parse(%q) = %v, %v", k, got, ok)
		}
	}
	if _, ok := Parse("nothing"); ok {
		t.Error("a word that is none is taken")
	}
}

func TestWatch(t *testing.T) {
	var none *Log
	if none.On(Events) || none.Of(Events, a) {
		t.Error("no log watches something")
	}
	l := New(zap.NewNop())
	if l.On(Events) || len(l.Watched()) > 0 {
		t.Error("a new log watches something")
	}
	l.Watch(Set{}.With(Item{Packets, a}).With(Item{RPF, 0}))
	for _, c := range []struct {
		kind Kind
		peer ipv4.Addr
		want bool
	}{{Packets, a, true}, {Packets, b, false}, {Packets, 0, true}, {RPF, a, true}, {RPF, 0, true}, {Events, a, false}, {SAs, 0, false}} {
		if got := l.Of(c.kind, c.peer); got != c.want {
			t.Errorf("Of(%v, %v) = %v", c.kind, c.peer, got)
		}
	}
	l.Watch(nil)
	if l.On(Packets) || l.Of(RPF, a) {
		t.Error("watched though nothing is")
	}
}

// A million lines cost no more than the bound, and it is told how many were left out, once they are.
func TestLinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logged := observer.New(zap.DebugLevel)
		l := New(zap.New(core))
		l.Watch(Set{}.With(Item{SAs, 0}))
		const n = 20_000
		for range n {
			l.Write(SAs, "SA received")
		}
		if got := logged.FilterMessage("SA received").Len(); got != lineBurst {
			t.Errorf("%d lines at once, want %d", got, lineBurst)
		}
		time.Sleep(2 * leftOutPeriod) // the bubble's time
		synctest.Wait()
		rest := logged.FilterField(zap.Uint64("lines left out", n-lineBurst))
		if rest.Len() != 1 || l.LeftOut() != n-lineBurst {
			t.Errorf("told %d times that %d lines were left out; LeftOut is %d", rest.Len(), n-lineBurst, l.LeftOut())
		}
		logged.TakeAll()
		l.Write(SAs, "SA received")
		time.Sleep(2 * leftOutPeriod)
		synctest.Wait()
		if got := logged.TakeAll(); len(got) != 1 || got[0].LoggerName != "sa" {
			t.Errorf("afterwards: %v", got)
		}
	})
}

// What is off allocates nothing.
func TestOffIsFree(t *testing.T) {
	l := New(zap.NewNop())
	l.Watch(Set{}.With(Item{Packets, a}))
	if n := testing.AllocsPerRun(100, func() {
		if l.Of(SAs, a) || l.Of(Packets, b) {
			t.Error("on")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	l := New(zap.NewNop())
	for b.Loop() {
		if l.Of(SAs, a) {
			b.Fatal("on")
		}
	}
}
