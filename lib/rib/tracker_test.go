package rib

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
)

var (
	rp1 = ipv4.MustParse("10.255.0.1")
	rp2 = ipv4.MustParse("10.255.0.2")
)

// via is a route to a /32 of rp1's block over one interface.
func via(ifindex int, prefix string) Route {
	return Route{
		Prefix: netip.MustParsePrefix(prefix), Protocol: OSPF, Distance: 110, Metric: 20,
		NextHops: []NextHop{{Gateway: ipv4.MustParse("10.0.12.2"), Ifindex: ifindex}},
	}
}

// world is a Tracker and everything around it.
type world struct {
	*Tracker
	t         *testing.T
	now       time.Time
	kernel    map[ipv4.Addr]Route
	kernelErr error
	asked     int // questions to the kernel
	delivered []string
	zebra     []string // what it was told
	logs      *observer.ObservedLogs
}

func newWorld(t *testing.T) *world {
	core, logs := observer.New(zapcore.InfoLevel)
	w := &world{t: t, now: time.Unix(1000, 0), kernel: make(map[ipv4.Addr]Route), logs: logs}
	w.Tracker = NewTracker(TrackerConfig{
		ZebraTrack:   func(a ipv4.Addr) { w.zebra = append(w.zebra, "+"+a.String()) },
		ZebraUntrack: func(a ipv4.Addr) { w.zebra = append(w.zebra, "-"+a.String()) },
		Kernel: func(a ipv4.Addr) (Route, error) {
			w.asked++
			return w.kernel[a], w.kernelErr
		},
		Deliver: func(a ipv4.Addr, r Route) {
			if got, ok := w.Route(a); !ok || !got.Equal(r) {
				t.Errorf("delivered %+v, but Route says %+v, %v", r, got, ok)
			}
			w.delivered = append(w.delivered, w.words(a, r))
		},
		Log: zap.New(core),
	})
	return w
}

func (w *world) words(a ipv4.Addr, r Route) string {
	if !r.Reachable() {
		return fmt.Sprintf("%v none %s", a, r.From)
	}
	return fmt.Sprintf("%v %v if%d %s", a, r.Prefix, r.NextHops[0].Ifindex, r.From)
}

// pass lets time go by, with a Tick every 100 ms and one at the end.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); w.Tick(w.now) {
		w.now = w.now.Add(min(100*time.Millisecond, end.Sub(w.now)))
	}
}

// want compares what was delivered since the last call.
func (w *world) want(words ...string) {
	w.t.Helper()
	if !slices.Equal(w.delivered, words) {
		w.t.Errorf("delivered %q\nwant      %q", w.delivered, words)
	}
	w.delivered = nil
}

func (w *world) wantLogs(n int) {
	w.t.Helper()
	if got := w.logs.TakeAll(); len(got) != n {
		w.t.Errorf("%d log lines, want %d: %v", len(got), n, got)
	}
}

func TestTrackerZebraFromTheStart(t *testing.T) {
	w := newWorld(t)
	w.Track(w.now, rp1)
	w.kernel[rp1] = via(9, "10.255.0.1/32")
	w.pass(500 * time.Millisecond)
	w.ZebraUp(w.now)
	w.pass(ZebraPatience - time.Millisecond) // no answer, nothing delivered
	w.want()
	w.ZebraRoute(w.now, rp1, via(2, "10.255.0.1/32"))
	w.want("10.255.0.1 10.255.0.1/32 if2 zebra")
	w.ZebraRoute(w.now, rp1, via(2, "10.255.0.1/32")) // the same again
	w.ZebraRoute(w.now, rp2, via(2, "10.255.0.2/32")) // nobody asked
	w.want()
	w.KernelChanged(w.now)
	w.pass(time.Minute)
	w.ZebraRoute(w.now, rp1, Route{})
	w.want("10.255.0.1 none zebra")
	if w.asked != 0 {
		t.Errorf("the kernel was asked %d times beside zebra", w.asked)
	}
	w.wantLogs(0)
}

func TestTrackerNeverAnyZebra(t *testing.T) {
	w := newWorld(t)
	w.kernel[rp1] = via(3, "10.255.0.0/24")
	w.Track(w.now, rp1)
	w.pass(ZebraGrace - time.Millisecond)
	w.want()
	w.pass(time.Millisecond)
	w.want("10.255.0.1 10.255.0.0/24 if3 kernel")
	w.wantLogs(1)
	w.Track(w.now, rp2) // from now on at once
	w.want("10.255.0.2 none kernel")
	w.pass(time.Hour)
	w.want()
	w.wantLogs(0)
}

func TestTrackerZebraGoesAway(t *testing.T) {
	w := newWorld(t)
	w.Track(w.now, rp1)
	w.ZebraUp(w.now)
	w.ZebraRoute(w.now, rp1, via(2, "10.255.0.1/32"))
	w.want("10.255.0.1 10.255.0.1/32 if2 zebra")
	w.kernel[rp1] = via(3, "10.255.0.0/24")

	w.ZebraDown(w.now)
	w.KernelChanged(w.now)
	w.pass(ZebraHold - time.Millisecond)
	w.want() // the last word is in force
	w.wantLogs(0)
	w.pass(time.Millisecond)
	w.want("10.255.0.1 10.255.0.0/24 if3 kernel")
	w.wantLogs(1)

	w.ZebraUp(w.now)
	w.pass(time.Minute)
	w.want() // the kernel's answer is in force until zebra has one
	w.ZebraRoute(w.now, rp1, Route{})
	w.want("10.255.0.1 none zebra") // nothing of zebra's is being held
	w.wantLogs(1)
}

func TestTrackerNewAddressWhileZebraIsAway(t *testing.T) {
	w := newWorld(t)
	w.Track(w.now, rp1)
	w.ZebraUp(w.now)
	w.kernel[rp1], w.kernel[rp2] = via(3, "10.255.0.1/32"), via(3, "10.255.0.2/32")
	w.ZebraDown(w.now) // before it answered
	w.want("10.255.0.1 10.255.0.1/32 if3 kernel")
	w.Track(w.now, rp2)
	w.want("10.255.0.2 10.255.0.2/32 if3 kernel")
	w.kernel[rp2] = via(4, "10.255.0.2/32")
	w.KernelChanged(w.now)
	w.pass(2 * time.Second) // the kernel answers for these two, so its changes count
	w.want("10.255.0.2 10.255.0.2/32 if4 kernel")
	w.ZebraUp(w.now)
	w.ZebraRoute(w.now, rp2, via(4, "10.255.0.2/32"))
	w.want() // it says the same
	if r, _ := w.Route(rp2); r.From != FromZebra {
		t.Errorf("the route is from %s", r.From)
	}
}

// A restarted zebra knows the connected routes only, until the others are learnt again.
func TestTrackerRestartedZebraKnowsLess(t *testing.T) {
	start := func(t *testing.T) *world {
		w := newWorld(t)
		w.Track(w.now, rp1)
		w.Track(w.now, rp2)
		w.ZebraUp(w.now)
		w.ZebraRoute(w.now, rp1, via(2, "10.255.0.0/24"))
		w.ZebraRoute(w.now, rp2, via(2, "10.255.0.2/32"))
		w.ZebraDown(w.now)
		w.pass(3 * time.Second)
		w.ZebraUp(w.now)
		w.delivered = nil
		w.ZebraRoute(w.now, rp1, Route{})
		w.ZebraRoute(w.now, rp2, via(7, "0.0.0.0/0"))
		w.want()
		return w
	}
	t.Run("and learns", func(t *testing.T) {
		w := start(t)
		w.pass(10 * time.Second)
		w.ZebraRoute(w.now, rp1, via(2, "10.255.0.0/24"))
		w.ZebraRoute(w.now, rp2, via(3, "10.255.0.2/32"))
		w.want("10.255.0.2 10.255.0.2/32 if3 zebra")
		w.ZebraRoute(w.now, rp1, Route{}) // now that it knew the route, it is believed
		w.want("10.255.0.1 none zebra")
		w.pass(time.Hour)
		w.want()
	})
	t.Run("and does not learn", func(t *testing.T) {
		w := start(t)
		w.pass(ZebraHold - 3*time.Second - time.Millisecond)
		w.want()
		w.pass(time.Millisecond)
		w.want("10.255.0.1 none zebra", "10.255.0.2 0.0.0.0/0 if7 zebra")
	})
	t.Run("and goes away again", func(t *testing.T) {
		w := start(t)
		w.kernel[rp1] = via(8, "10.255.0.1/32")
		w.ZebraDown(w.now)
		w.pass(ZebraHold - 3*time.Second - time.Millisecond)
		w.want()
		w.pass(time.Millisecond) // it added nothing to what the first one said
		w.want("10.255.0.1 10.255.0.1/32 if8 kernel", "10.255.0.2 none kernel")
	})
}

func TestTrackerKernelRoundsAreLimited(t *testing.T) {
	w := newWorld(t)
	w.Track(w.now, rp1)
	w.Track(w.now, rp2)
	w.pass(ZebraGrace)
	w.asked = 0
	for range 1000 { // 10 s of a table being loaded
		w.KernelChanged(w.now)
		w.pass(10 * time.Millisecond)
	}
	if w.asked < 2*9 || w.asked > 2*10 {
		t.Errorf("%d questions in 10 s about two addresses", w.asked)
	}
}

// TestTrackerRoundsAreSliced: no Tick asks for long, and every address has its turn although
// the table never comes to rest.
func TestTrackerRoundsAreSliced(t *testing.T) {
	const count = 5*KernelSlice + 1
	w := newWorld(t)
	at := func(i int) ipv4.Addr { return rp1 + ipv4.Addr(i) }
	for i := range count {
		w.Track(w.now, at(i))
	}
	w.pass(ZebraGrace + time.Second) // all are answered
	for i := range count {
		w.kernel[at(i)] = via(3, "10.255.0.0/16")
	}
	w.delivered = nil
	for range 40 {
		w.KernelChanged(w.now)
		w.asked = 0
		w.now = w.now.Add(100 * time.Millisecond)
		w.Tick(w.now)
		if w.asked > KernelSlice {
			t.Fatalf("one Tick asked %d times", w.asked)
		}
	}
	if len(w.delivered) != count {
		t.Errorf("%d of %d changes were found", len(w.delivered), count)
	}
}

func TestTrackerKernelFails(t *testing.T) {
	w := newWorld(t)
	w.kernel[rp1] = via(3, "10.255.0.1/32")
	w.Track(w.now, rp1)
	w.pass(ZebraGrace)
	w.want("10.255.0.1 10.255.0.1/32 if3 kernel")
	w.wantLogs(1)
	w.kernelErr = errors.New("no buffer space")
	w.kernel[rp1] = via(4, "10.255.0.1/32")
	w.KernelChanged(w.now)
	w.pass(10 * time.Second)
	w.want() // what is known stays
	w.wantLogs(1)
	w.kernelErr = nil
	w.pass(time.Second) // asked again without another event
	w.want("10.255.0.1 10.255.0.1/32 if4 kernel")
}

func TestTrackerCountsReferences(t *testing.T) {
	w := newWorld(t)
	w.ZebraUp(w.now)
	w.Track(w.now, rp1) // an RP …
	w.Track(w.now, rp1) // … that is a peer too
	w.ZebraRoute(w.now, rp1, via(2, "10.255.0.1/32"))
	w.Untrack(rp1)
	if _, ok := w.Route(rp1); !ok {
		t.Error("forgotten although still tracked")
	}
	w.Untrack(rp1)
	if _, ok := w.Route(rp1); ok {
		t.Error("still known although not tracked")
	}
	w.Untrack(rp1)
	w.Track(w.now, rp1)
	if want := []string{"+10.255.0.1", "-10.255.0.1", "+10.255.0.1"}; !slices.Equal(w.zebra, want) {
		t.Errorf("zebra was told %q, want %q", w.zebra, want)
	}
	w.ZebraRoute(w.now, rp1, via(2, "10.255.0.1/32"))
	w.want("10.255.0.1 10.255.0.1/32 if2 zebra", "10.255.0.1 10.255.0.1/32 if2 zebra")
}

// Whoever hears of a route may track and untrack in the same breath.
func TestTrackerDeliverMayUntrack(t *testing.T) {
	w := newWorld(t)
	var got []ipv4.Addr
	w.cfg.Deliver = func(a ipv4.Addr, _ Route) {
		got = append(got, a)
		w.Untrack(rp1)
		w.Untrack(rp2)
	}
	w.Track(w.now, rp1)
	w.Track(w.now, rp2)
	w.pass(time.Minute)
	if want := []ipv4.Addr{rp1}; !slices.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}

// A zebra that is there but does not answer is stuck: the kernel does, until zebra speaks.
func TestTrackerStuckZebra(t *testing.T) {
	const count = KernelSlice + 1
	w := newWorld(t)
	w.ZebraUp(w.now)
	w.Track(w.now, rp1)
	w.kernel[rp1] = via(3, "10.255.0.0/24")
	w.pass(ZebraPatience - time.Millisecond)
	w.want()
	w.pass(2 * time.Second)
	w.want("10.255.0.1 10.255.0.0/24 if3 kernel")
	w.kernel[rp1] = via(4, "10.255.0.0/24")
	w.KernelChanged(w.now)
	w.pass(2 * time.Second)
	w.want("10.255.0.1 10.255.0.0/24 if4 kernel")
	w.ZebraRoute(w.now, rp1, via(2, "10.255.0.1/32"))
	w.want("10.255.0.1 10.255.0.1/32 if2 zebra")
	w.KernelChanged(w.now)
	w.asked = 0
	w.pass(time.Minute)
	if w.asked != 0 {
		t.Errorf("the kernel was asked %d times beside zebra", w.asked)
	}

	for i := range ipv4.Addr(count) {
		w.Track(w.now, rp2+i)
	}
	w.pass(ZebraPatience - time.Millisecond)
	w.delivered = nil
	for range 20 {
		w.asked = 0
		w.now = w.now.Add(100 * time.Millisecond)
		w.Tick(w.now)
		if w.asked > KernelSlice {
			t.Fatalf("one Tick asked %d times", w.asked)
		}
	}
	if len(w.delivered) != count {
		t.Errorf("%d of %d answers", len(w.delivered), count)
	}
}

// What zebra says cannot always be read.
func TestTrackerUnknownAnswers(t *testing.T) {
	w := newWorld(t)
	w.ZebraUnknown(w.now, rp1) // nobody asked
	w.Track(w.now, rp1)
	w.ZebraUp(w.now)
	w.kernel[rp1] = via(3, "10.255.0.0/24")
	w.ZebraUnknown(w.now, rp1)
	w.want("10.255.0.1 10.255.0.0/24 if3 kernel")
	w.ZebraRoute(w.now, rp1, via(2, "10.255.0.1/32"))
	w.want("10.255.0.1 10.255.0.1/32 if2 zebra")
	w.ZebraUnknown(w.now, rp1)
	w.want("10.255.0.1 10.255.0.0/24 if3 kernel")

	w.kernelErr = errors.New("no buffer space")
	w.kernel[rp1] = via(4, "10.255.0.0/24")
	w.KernelChanged(w.now)
	w.pass(5 * time.Second)
	w.want()
	w.kernelErr = nil
	w.pass(2 * time.Second)
	w.want("10.255.0.1 10.255.0.0/24 if4 kernel")
}

// A zebra that was started again and cannot say that it knows a default route only.
func TestTrackerRestartedZebraUnknown(t *testing.T) {
	w := newWorld(t)
	w.Track(w.now, rp1)
	w.ZebraUp(w.now)
	w.ZebraRoute(w.now, rp1, via(2, "10.255.0.0/24"))
	w.ZebraDown(w.now)
	w.pass(3 * time.Second)
	w.ZebraUp(w.now)
	w.kernel[rp1] = via(7, "0.0.0.0/0")
	w.want("10.255.0.1 10.255.0.0/24 if2 zebra")
	w.ZebraUnknown(w.now, rp1)
	w.KernelChanged(w.now)
	w.pass(ZebraHold - 3*time.Second - time.Millisecond)
	w.want()
	w.pass(time.Millisecond)
	w.want("10.255.0.1 0.0.0.0/0 if7 kernel")
}
