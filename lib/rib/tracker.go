package rib

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

const (
	// ZebraHold is how long what zebra said last stays in force after zebra went away:
	// a restart of it is no change of routes.
	ZebraHold = 120 * time.Second
	// ZebraGrace is how long after our own start the kernel is not asked yet, because
	// zebra may be about to answer.
	ZebraGrace = time.Second
	// KernelPause is the least time between two rounds of questions to the kernel,
	// however often its table changes.
	KernelPause = time.Second
	// ZebraPatience is how long zebra, being there, may leave a first question unanswered:
	// then the kernel answers until zebra does.
	ZebraPatience = 5 * time.Second
	// KernelSlice is how many questions to the kernel a Tick asks at most, each some 30 µs
	// long: a round over many addresses must not hold up sessions.
	KernelSlice = 500
)

// TrackerConfig says where a Tracker asks and whom it tells. All functions are called
// from within the Tracker's methods; none may be nil.
type TrackerConfig struct {
	// ZebraTrack and ZebraUntrack say which addresses zebra is to answer for, now and
	// after each of its returns. They must not block.
	ZebraTrack   func(ipv4.Addr)
	ZebraUntrack func(ipv4.Addr)
	// Kernel answers from the kernel's table, as KernelRoute does.
	Kernel func(ipv4.Addr) (Route, error)
	// Deliver takes the first answer for an address, and each that differs from the one
	// before. It may call Track and Untrack.
	Deliver func(ipv4.Addr, Route)
	Log     *zap.Logger
}

// Tracker keeps the routes to a set of addresses, and decides who answers for them.
// While zebra is there, only zebra does, but for what it says nothing intelligible about
// (ZebraUnknown, ZebraPatience): there the kernel does. When it goes away, what it said last stays in
// force for ZebraHold; after that the kernel answers, and at once for an address that
// zebra never answered for. When zebra returns, each old answer stays until zebra's new
// one is there. A zebra that has just been started has no routes but the connected ones,
// until the routing daemons have found it and the network again; so for what is left of
// ZebraHold, no route at all and a shorter prefix than before do not count as an answer.
//
// It has no goroutine and no clock: its owner calls it with events and the time, and
// calls Tick several times a second.
type Tracker struct {
	cfg     TrackerConfig
	entries map[ipv4.Addr]*tracked

	up    bool // zebra is there
	seen  bool // zebra has been there once
	heard bool // zebra answered since it came last
	// takeover is when the kernel answers for everything, if zebra is still away then.
	// The first event of all sets it.
	takeover time.Time
	kernel   bool // the kernel answers for everything
	// settled is until when a zebra that came back is not believed where it knows less
	// than before.
	settled     time.Time
	withholding bool // some entry has an answer withheld until then

	dirty     bool // the kernel's table changed since the last round, or a question failed
	lastRound time.Time
	todo      []ipv4.Addr // of the round that is under way
	waiting   bool        // some entry may wait for zebra's first answer
	nextLook  time.Time   // when it is looked for those that have waited too long
	helping   bool        // zebra is there, and the kernel may answer for some entry all the same
	failing   bool        // the last question to the kernel failed
}

// tracked is one address. Its route counts once answered is set.
type tracked struct {
	refs     int
	answered bool
	route    Route
	fresh    bool   // the route is from zebra since it came last
	withheld *Route // zebra's answer, not believed yet
	// asked is since when zebra, being there, has been asked.
	asked time.Time
	// elsewhere: zebra is there and of no help, so the kernel answers.
	elsewhere bool
}

// NewTracker returns a Tracker that tracks nothing. For it zebra is away until ZebraUp.
func NewTracker(cfg TrackerConfig) *Tracker {
	return &Tracker{cfg: cfg, entries: make(map[ipv4.Addr]*tracked)}
}

// Track asks for the route to addr from now on, until Untrack was called as often.
func (t *Tracker) Track(now time.Time, addr ipv4.Addr) {
	t.begin(now)
	if e := t.entries[addr]; e != nil {
		e.refs++
		return
	}
	e := &tracked{refs: 1, asked: now}
	t.entries[addr] = e
	t.waiting = true
	t.cfg.ZebraTrack(addr)
	if !t.up && t.mayAskKernel() {
		t.askKernel(addr, e)
	}
}

// Untrack takes one Track of addr back. With the last one the answer is forgotten.
func (t *Tracker) Untrack(addr ipv4.Addr) {
	e := t.entries[addr]
	if e == nil {
		return
	}
	if e.refs--; e.refs == 0 {
		delete(t.entries, addr)
		t.cfg.ZebraUntrack(addr)
	}
}

// Route returns the answer in force for addr; ok is false while there is none, or where
// addr is not tracked.
func (t *Tracker) Route(addr ipv4.Addr) (r Route, ok bool) {
	if e := t.entries[addr]; e != nil && e.answered {
		return e.route, true
	}
	return Route{}, false
}

// ZebraUp says that zebra is there, and will answer for every tracked address.
func (t *Tracker) ZebraUp(now time.Time) {
	t.begin(now)
	if t.up {
		return
	}
	if t.seen && !t.kernel {
		t.settled = t.takeover
	}
	t.up, t.seen, t.heard = true, true, false
	t.todo = nil
	t.waiting = true
	for _, e := range t.entries {
		e.fresh, e.elsewhere, e.asked = false, false, now
	}
	if t.kernel {
		t.cfg.Log.Info("zebra is back and answers for routes again")
	}
}

// ZebraDown says that zebra went away.
func (t *Tracker) ZebraDown(now time.Time) {
	t.begin(now)
	if !t.up {
		return
	}
	t.up = false
	// A zebra that comes and goes without a word gives old answers no new life.
	if t.heard {
		t.takeover, t.kernel = now.Add(ZebraHold), false
	}
	t.dirty = true // its table may have changed while it was not asked
	if t.kernel {
		t.logKernel()
	}
	t.withholding = false
	for _, addr := range t.addrs() {
		e := t.entries[addr]
		if e == nil { // Deliver untracked it
			continue
		}
		e.withheld, e.elsewhere = nil, false
		if !e.answered {
			t.askKernel(addr, e)
		}
	}
}

// ZebraRoute takes zebra's answer for addr. Answers for what is not tracked are ignored.
func (t *Tracker) ZebraRoute(now time.Time, addr ipv4.Addr, r Route) {
	t.begin(now)
	e := t.entries[addr]
	if !t.up || e == nil {
		return
	}
	r.From = FromZebra
	if e.answered && !e.fresh && now.Before(t.settled) && saysLess(r, e.route) {
		e.withheld, e.elsewhere, t.withholding = &r, false, true
		return
	}
	t.believe(addr, e, r)
}

// ZebraUnknown says that zebra has an answer for addr that cannot be read, or that is none:
// the kernel answers in its place until ZebraRoute.
func (t *Tracker) ZebraUnknown(now time.Time, addr ipv4.Addr) {
	t.begin(now)
	if e := t.entries[addr]; t.up && e != nil {
		t.askElsewhere(now, addr, e)
	}
}

// askElsewhere has the kernel answer where zebra does not. What a zebra said that has been
// started again holds as long as against that one's own lesser answers.
func (t *Tracker) askElsewhere(now time.Time, addr ipv4.Addr, e *tracked) {
	e.elsewhere, e.withheld, t.helping = true, nil, true
	if t.holds(now, e) {
		t.withholding = true
		return
	}
	t.askKernel(addr, e)
}

// holds reports whether what zebra said before it went away is still to be believed.
func (t *Tracker) holds(now time.Time, e *tracked) bool {
	return e.answered && !e.fresh && e.route.From == FromZebra && now.Before(t.settled)
}

// believe takes an answer of zebra's.
func (t *Tracker) believe(addr ipv4.Addr, e *tracked, r Route) {
	t.heard, e.fresh, e.withheld, e.elsewhere = true, true, nil, false
	t.take(addr, e, r)
}

// saysLess reports whether r may be what is left of old while routes are being learnt.
func saysLess(r, old Route) bool {
	return old.Reachable() && (!r.Reachable() || r.Prefix.Bits() < old.Prefix.Bits())
}

// KernelChanged says that the kernel's table or the interfaces changed. What the kernel
// answers for is asked again at the next Tick that may.
func (t *Tracker) KernelChanged(now time.Time) {
	t.begin(now)
	t.dirty = true
}

// Tick does what is due at now: the kernel takes over, or is asked again, or zebra is
// believed.
func (t *Tracker) Tick(now time.Time) {
	t.begin(now)
	switch {
	case t.up && t.withholding && !now.Before(t.settled):
		t.settle()
	case len(t.todo) > 0:
		t.askSome(now)
	case t.up && t.waiting && !now.Before(t.nextLook):
		t.loseConfidence(now)
	case t.up && t.helping && t.dirty && !now.Before(t.lastRound.Add(KernelPause)):
		t.round(now)
	case t.up:
	case !t.kernel && !now.Before(t.takeover):
		t.kernel = true
		t.logKernel()
		t.round(now)
	case t.dirty && t.mayAskKernel() && !now.Before(t.lastRound.Add(KernelPause)):
		t.round(now)
	}
}

// begin gives zebra its grace, counted from the first event of all.
func (t *Tracker) begin(now time.Time) {
	if t.takeover.IsZero() {
		t.takeover = now.Add(ZebraGrace)
		t.lastRound = now.Add(-KernelPause)
	}
}

// mayAskKernel reports whether zebra, being away, has had its chance.
func (t *Tracker) mayAskKernel() bool { return t.seen || t.kernel }

// round asks the kernel about everything that is its to answer, over as many Ticks
// as that takes.
func (t *Tracker) round(now time.Time) {
	t.lastRound, t.dirty, t.helping = now, false, false
	t.todo = t.addrs()
	t.askSome(now)
}

// askSome goes on with the round.
func (t *Tracker) askSome(now time.Time) {
	some := t.todo[:min(len(t.todo), KernelSlice)]
	t.todo = t.todo[len(some):]
	for _, addr := range some {
		e := t.entries[addr]
		if e == nil { // Deliver untracked it
			continue
		}
		ask := t.kernel || !e.answered || e.route.From == FromKernel
		if t.up {
			ask = e.elsewhere && !t.holds(now, e)
			t.helping = t.helping || ask
		}
		if ask {
			t.askKernel(addr, e)
		}
	}
}

// loseConfidence has the kernel answer for what zebra has not answered for in time.
func (t *Tracker) loseConfidence(now time.Time) {
	t.waiting, t.nextLook = false, now.Add(time.Second)
	asked := 0
	for _, addr := range t.addrs() {
		e := t.entries[addr]
		switch {
		case asked == KernelSlice:
			t.waiting, t.nextLook = true, now
			return
		case e == nil || e.fresh || e.elsewhere || e.withheld != nil:
		case now.Sub(e.asked) < ZebraPatience || t.holds(now, e):
			t.waiting = true
		default:
			asked++
			t.askElsewhere(now, addr, e)
		}
	}
}

// settle believes what was withheld.
func (t *Tracker) settle() {
	t.withholding = false
	for _, addr := range t.addrs() {
		switch e := t.entries[addr]; {
		case e == nil:
		case e.withheld != nil:
			t.believe(addr, e, *e.withheld)
		case e.elsewhere && e.route.From == FromZebra:
			t.askKernel(addr, e)
		}
	}
}

func (t *Tracker) logKernel() {
	t.cfg.Log.Warn("zebra is not there: the kernel's table answers for routes")
}

func (t *Tracker) askKernel(addr ipv4.Addr, e *tracked) {
	r, err := t.cfg.Kernel(addr)
	if err != nil {
		if !t.failing {
			t.cfg.Log.Warn("the kernel does not answer for a route; what is known stays in force", zap.Error(err))
		}
		t.failing, t.dirty = true, true
		return
	}
	t.failing = false
	r.From = FromKernel
	t.take(addr, e, r)
}

func (t *Tracker) take(addr ipv4.Addr, e *tracked, r Route) {
	same := e.answered && e.route.Equal(r)
	e.answered, e.route = true, r
	if !same {
		t.cfg.Deliver(addr, r)
	}
}

// addrs returns the tracked addresses in order, so that a run can be repeated.
func (t *Tracker) addrs() []ipv4.Addr {
	as := make([]ipv4.Addr, 0, len(t.entries))
	for a := range t.entries {
		as = append(as, a)
	}
	slices.Sort(as)
	return as
}
