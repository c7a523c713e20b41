package pim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"msdpd/lib/ipv4"
)

func TestGroupLimit(t *testing.T) {
	b := newBench(t, JoinerConfig{MaxPerGroup: 3})
	b.confirms = true
	for n := range 6 {
		b.want(sgN(0, n), sgN(1, n%3))
	}
	b.run(time.Second)
	for n := range 3 {
		b.expect(sgN(0, n), JoinConfirmed)
		b.expect(sgN(0, n+3), JoinLimited)
		b.expect(sgN(1, n), JoinConfirmed)
	}
	if n := b.warnings("group has more sources"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	if s := b.j.Stats(); s.Wanted != 9 || s.Limited != 3 || s.Registers != 6 {
		t.Errorf("%+v", s)
	}

	// The kernel still forwards what is not wanted any more: its place is not free yet.
	b.j.Unwant(b.now, sgN(0, 1))
	b.run(10 * time.Minute)
	b.expect(sgN(0, 3), JoinLimited)
	b.j.Kernel(b.now, sgN(0, 1), 0, true)
	b.expect(sgN(0, 3), JoinLimited) // the next receiver makes pimd join it again
	b.j.Kernel(b.now, sgN(0, 1), 0, false)
	b.run(time.Second)
	b.expect(sgN(0, 3), JoinConfirmed)
	b.expect(sgN(0, 4), JoinLimited)

	// Who gave up waiting does not move up.
	b.j.Unwant(b.now, sgN(0, 4))
	b.j.Unwant(b.now, sgN(0, 0))
	b.j.Kernel(b.now, sgN(0, 0), 0, false)
	b.run(time.Second)
	b.expect(sgN(0, 5), JoinConfirmed)
	if n := b.warnings("group has more sources"); n != 1 {
		t.Errorf("%d warnings in the end", n)
	}
}

func TestUnconfirmedKeepsItsPlaceForAMoment(t *testing.T) {
	b := newBench(t, JoinerConfig{MaxPerGroup: 1})
	b.want(sgN(0, 0), sgN(0, 1))
	b.run(0)
	b.j.Unwant(b.now, sgN(0, 0))
	b.run(5*time.Second - 1)
	b.expect(sgN(0, 1), JoinLimited)
	b.run(1)
	b.expect(sgN(0, 1), JoinSent)

	// It was taken after all, a moment later.
	b.want(sgN(0, 2))
	b.j.Unwant(b.now, sgN(0, 1))
	b.j.Kernel(b.now, sgN(0, 1), 1, true)
	b.run(10 * time.Second)
	b.expect(sgN(0, 2), JoinLimited)
	b.j.Kernel(b.now, sgN(0, 1), 0, false)
	b.run(0)
	b.expect(sgN(0, 2), JoinSent)
}

func TestOthersUseUpTheLimit(t *testing.T) {
	b := newBench(t, JoinerConfig{MaxPerGroup: 3})
	b.confirms = true
	b.j.Kernel(b.now, sgN(0, 100), 1, true)
	b.j.Kernel(b.now, sgN(0, 101), 0, true) // not forwarded: in no Join
	b.j.Kernel(b.now, ipv4.SG{Group: sgN(0, 0).Group}, 2, true)
	b.want(sgN(0, 0), sgN(0, 1), sgN(0, 2))
	b.run(time.Second)
	b.expect(sgN(0, 1), JoinConfirmed)
	b.expect(sgN(0, 2), JoinLimited)

	// More come: those joined last make room, and come back when there is room again.
	b.j.Kernel(b.now, sgN(0, 101), 1, true)
	b.expect(sgN(0, 0), JoinConfirmed)
	b.expect(sgN(0, 1), JoinLimited)
	b.sent = nil
	b.run(2 * time.Minute)
	if got := b.times(sgN(0, 1)); len(got) != 0 {
		t.Errorf("limited, and sent at %v", got)
	}
	b.j.Kernel(b.now, sgN(0, 1), 0, false)
	b.expect(sgN(0, 1), JoinLimited)
	b.j.Kernel(b.now, sgN(0, 101), 0, false)
	b.run(time.Second)
	b.expect(sgN(0, 1), JoinConfirmed)
	b.expect(sgN(0, 2), JoinLimited)

	// One of the others becomes wanted: it is joined already, and takes no second place.
	b.j.Unwant(b.now, sgN(0, 2))
	b.want(sgN(0, 100))
	b.run(time.Second)
	b.expect(sgN(0, 100), JoinConfirmed)
}

func TestTotalLimit(t *testing.T) {
	b := newBench(t, JoinerConfig{MaxJoins: 4, MaxPerGroup: 2})
	b.confirms = true
	for g := range 3 {
		for n := range 3 {
			b.want(sgN(g, n))
		}
	}
	b.run(time.Second)
	for _, sg := range []ipv4.SG{sgN(0, 0), sgN(0, 1), sgN(1, 0), sgN(1, 1)} {
		b.expect(sg, JoinConfirmed)
	}
	if s := b.j.Stats(); s.Limited != 5 {
		t.Errorf("%+v", s)
	}
	if n := b.warnings("in all groups together"); n != 1 {
		t.Errorf("%d warnings about the whole", n)
	}
	// A place becomes free: group 0 is full, the oldest of group 2 gets it.
	b.j.Kernel(b.now, sgN(1, 0), 0, false)
	b.j.Unwant(b.now, sgN(1, 0))
	b.run(time.Second)
	b.expect(sgN(0, 2), JoinLimited)
	b.expect(sgN(2, 0), JoinConfirmed)
	b.expect(sgN(1, 2), JoinLimited)
	// The kernel lets go of (1,0) only later, but the whole has no place for (1,2) then.
	b.run(10 * time.Second)
	b.expect(sgN(1, 2), JoinLimited)
	b.j.SetLimits(b.now, 100, 2)
	b.run(time.Second)
	b.expect(sgN(1, 2), JoinConfirmed)
	b.expect(sgN(2, 1), JoinConfirmed)
	b.expect(sgN(2, 2), JoinLimited)
}

func TestSetLimits(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.confirms = true
	for n := range 10 {
		b.want(sgN(0, n), sgN(1, n))
	}
	b.run(time.Second)
	if s := b.j.Stats(); s.Confirmed != 20 {
		t.Fatalf("%+v", s)
	}
	b.j.SetLimits(b.now, 0, 7)
	for n := range 10 {
		want := JoinConfirmed
		if n >= 7 {
			want = JoinLimited
		}
		b.expect(sgN(0, n), want)
		b.expect(sgN(1, n), want)
	}
	b.j.SetLimits(b.now, 5, 7)
	if s := b.j.Stats(); s.Confirmed != 5 || s.Limited != 15 {
		t.Errorf("%+v", s)
	}
	b.expect(sgN(0, 2), JoinConfirmed)
	b.expect(sgN(1, 2), JoinLimited)
	b.j.SetLimits(b.now, 0, 0)
	b.run(time.Second)
	if s := b.j.Stats(); s.Confirmed != 20 {
		t.Errorf("%+v", s)
	}
}

// Limited joins of which there are many cost nothing while they wait.
func TestManyLimited(t *testing.T) {
	b := newBench(t, JoinerConfig{MaxJoins: 100, MaxPerGroup: 180})
	b.confirms = true
	const many = 50000
	for n := range many {
		b.want(sgN(n%10, n/10))
	}
	b.run(time.Second)
	for n := range 1000 {
		b.j.Kernel(b.now, sgN(n%10, n/10), 0, false)
		b.j.Unwant(b.now, sgN(n%10, n/10))
	}
	b.run(time.Minute)
	if s := b.j.Stats(); s.Confirmed != 100 || s.Limited != many-1000-100 {
		t.Errorf("%+v", s)
	}
}

// checkBooks compares what the Joiner counts with what it has.
func (b *bench) checkBooks() {
	b.Helper()
	j := b.j
	var admitted int
	states := [numJoinStates]int{}
	counts := map[ipv4.Addr][numJoinClasses]int{}
	inHeaps := 0
	for sg, i := range j.index {
		e := &j.joins[i]
		if e.sg != sg {
			b.Fatalf("%s is kept as %s", sg, e.sg)
		}
		c := counts[sg.Group]
		c[e.class]++
		counts[sg.Group] = c
		if e.wanted {
			states[e.state]++
		}
		if e.admitted {
			admitted++
			if e.where != inFresh && e.where != inTimed {
				b.Fatalf("%s is admitted and will never be sent", sg)
			}
		}
		if e.where != nowhere {
			inHeaps++
		}
		if e.state == JoinLimited && e.wanted != (e.where == inWaiting || e.where == inGroup) {
			b.Fatalf("%s is limited and in no queue, or not wanted and in one", sg)
		}
		if !e.wanted && e.class == classNone {
			b.Fatalf("%s is kept for nothing", sg)
		}
	}
	queued := len(j.fresh.items) + len(j.timed.items) + len(j.waiting.items)
	waiting := map[ipv4.Addr]int{}
	for _, i := range j.waiting.items {
		waiting[j.joins[i].sg.Group]++
	}
	for group, g := range j.groups {
		queued += len(g.waiting.items)
		c := counts[group]
		for class := classJoined; class < numJoinClasses; class++ {
			if g.counts[class] != c[class] {
				b.Fatalf("%s counts %v, has %v", group, g.counts, c)
			}
		}
		if g.inWaiting != waiting[group] {
			b.Fatalf("%s has %d waiting for a place, counts %d", group, waiting[group], g.inWaiting)
		}
		if j.cfg.MaxPerGroup > 0 && c[classJoined] > j.cfg.MaxPerGroup {
			b.Fatalf("%s is over its limit: %v", group, c)
		}
		if len(g.waiting.items) > 0 && j.room(g, &j.joins[g.waiting.items[0]]) {
			b.Fatalf("%s has room, and somebody waits", group)
		}
	}
	if len(j.groups) != len(counts) || queued != inHeaps {
		b.Fatalf("%d groups for %d, %d queued for %d", len(j.groups), len(counts), queued, inHeaps)
	}
	if admitted != j.admitted || admitted > j.cfg.MaxJoins {
		b.Fatalf("%d admitted, %d counted, at most %d", admitted, j.admitted, j.cfg.MaxJoins)
	}
	if states != j.states {
		b.Fatalf("states %v, counted %v", states, j.states)
	}
}

// Anything may happen in any order: the books stay right, and the limits hold.
func TestRandomEvents(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		b := newBench(t, JoinerConfig{MaxJoins: 12, MaxPerGroup: 4, Rate: 100})
		b.confirms = seed%2 == 0
		for range 2000 {
			sg := sgN(rnd.IntN(5), rnd.IntN(9))
			switch rnd.IntN(20) {
			case 0, 1, 2, 3, 4:
				b.want(sg)
			case 5, 6, 7:
				b.j.Unwant(b.now, sg)
			case 8, 9:
				b.j.Kernel(b.now, sg, 1, true)
			case 10:
				b.j.Kernel(b.now, sg, 0, true)
			case 11, 12:
				b.j.Kernel(b.now, sg, 0, false)
			case 13:
				b.j.SetLimits(b.now, 5+rnd.IntN(20), rnd.IntN(6))
			case 14:
				b.all = rpOne * ipv4.Addr(rnd.IntN(2))
				b.j.RPChanged(b.now)
			case 15:
				b.j.PIMRestarted(b.now)
			case 16:
				b.gone[rpOne] = !b.gone[rpOne]
			case 17:
				if rnd.IntN(2) == 0 {
					b.j.Block(b.now, "test")
				} else {
					b.j.Unblock(b.now)
				}
			default:
				b.run(time.Duration(rnd.IntN(20000)) * time.Millisecond)
			}
			b.checkBooks()
		}
		// All is well in the end, and everything that can be joined is.
		b.all, b.confirms = rpOne, true
		clear(b.gone)
		b.j.Unblock(b.now)
		b.j.SetLimits(b.now, 1000, 0)
		b.j.RPChanged(b.now)
		b.run(2 * time.Minute)
		if s := b.j.Stats(); s.Confirmed != s.Wanted {
			t.Errorf("seed %d: %+v", seed, s)
		}
	}
}

func BenchmarkTickWithTenThousandJoins(b *testing.B) {
	now := time.Unix(1e9, 0)
	j := NewJoiner(JoinerConfig{
		RPFor: func(ipv4.Addr) (ipv4.Addr, bool) { return rpOne, true },
		Send:  func(_ ipv4.Addr, sgs []ipv4.SG) (int, error) { return len(sgs), nil },
	})
	for n := range 10000 {
		j.Want(now, sgN(n/100, n%100))
		j.Kernel(now, sgN(n/100, n%100), 1, true)
	}
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(10 * time.Millisecond)
		j.Tick(now)
	}
}

func TestJoinedLeavesOutWhatIsHeldBack(t *testing.T) {
	b := newBench(t, JoinerConfig{MaxPerGroup: 2})
	for n := range 5 {
		b.want(sgN(0, n))
	}
	b.j.Kernel(b.now, sgN(1, 0), 1, true) // forwarded, but nobody wants it
	got := b.j.Joined(10)
	if len(got) != 2 || !slices.Contains(got, sgN(0, 0)) || !slices.Contains(got, sgN(0, 1)) {
		t.Errorf("joined: %v", got)
	}
	if got := b.j.Joined(1); len(got) != 1 {
		t.Errorf("at most one: %v", got)
	}
}
