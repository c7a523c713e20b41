package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/bgpd"
	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/mroute"
	"msdpd/lib/msdp"
	"msdpd/lib/pim"
	"msdpd/lib/pimd"
	"msdpd/lib/rib"
	"msdpd/lib/transport"
	"msdpd/zclient"
)

// instance is one routing instance: a Speaker, the goroutine that owns it, and what moves
// data between it and the world. Everything below "owned" belongs to that goroutine.
type instance struct {
	log     *zap.Logger
	debug   *debug.Log
	options options
	events  chan func()
	inbox   *inbox        // what sessions bring
	stopped chan struct{} // closed when the owner no longer takes events

	transport *transport.Transport
	zebra     *zclient.Client
	bgpd      *bgpd.Asker
	pimd      *pimd.Watcher
	registers *pim.Listener
	forwarder *mroute.Forwarder

	// owned
	now      time.Time
	deferred []func() // what an event's callbacks asked for, to be done behind it
	settings *settings
	speaker  *msdp.Speaker
	joiner   *pim.Joiner
	tracker  *rib.Tracker
	world    neighbors
	// zebraPaths are asked for while bgpd does not answer.
	zebraPaths zebraPaths
	closing    bool
	history    history

	mismatches mismatches
	// applied is told of new settings, which it must not change, and does not wait; nil: nobody is.
	applied  func(*settings)
	watchdog *watchdog
}

// errStopping says that the daemon is about to end.
var errStopping = errors.New("msdpd is stopping")

func newInstance(log *zap.Logger, watched *debug.Log, o options, s *settings) (*instance, error) {
	in := &instance{
		log: log, debug: watched, options: o, settings: s,
		events:  make(chan func(), 256),
		inbox:   newInbox(),
		stopped: make(chan struct{}),
		now:     time.Now(),

		mismatches: make(mismatches),
		watchdog:   newWatchdog(log),
	}
	registers, err := in.listenForRegisters()
	if err != nil {
		return nil, err
	}
	in.registers = registers
	in.forwarder = mroute.NewForwarder(log.Named("mroute"))
	in.transport = transport.New(transport.Config{Batched: true, Log: log.Named("transport")}, sessions{in})
	in.zebra = zclient.New(zclient.Config{
		Socket: o.zserv, Release: in.zebraRelease, Log: log.Named("zebra"), Handler: routing{in},
	})
	in.tracker = rib.NewTracker(rib.TrackerConfig{
		ZebraTrack: in.zebra.Track, ZebraUntrack: in.zebra.Untrack,
		Kernel: rib.KernelRoute, Deliver: in.routeDelivered, Log: log.Named("rib"),
	})
	in.bgpd = bgpd.New(bgpd.Config{Socket: o.neighborVty("bgpd"), Log: log.Named("bgpd"), Handler: paths{in}})
	in.pimd = pimd.New(pimd.Config{Socket: o.neighborVty("pimd"), Log: log.Named("pimd"), Handler: in.pimdAnswered})
	sender := pim.NewSender()
	in.joiner = pim.NewJoiner(pim.JoinerConfig{Send: in.debugSender(sender.Send), RPFor: in.ownRP, Log: log.Named("join")})
	in.limitJoins(defaultGroupJoins)
	in.speaker = msdp.New(in.now, speakerEnv{in}, log.Named("msdp"))
	in.speaker.Debug(watched)
	in.world.init()
	return in, nil
}

// begin applies the configuration and what an earlier run left behind; then run may start.
func (in *instance) begin() {
	in.warnOfMissingLists(newSettings(), in.settings)
	in.watchConfigured(newSettings(), in.settings)
	in.handOverData()
	in.speaker.Apply(in.now, in.settings.msdp)
	in.kernelInterfaces()
	in.judgeRPs()
	saved, err := loadState(in.options.stateFile())
	if err != nil {
		in.log.Warn("what was known before the restart cannot be read", zap.Error(err))
	}
	in.speaker.Restore(in.now, saved)
	in.drain()
}

// run owns the Speaker until ctx ends, then ends the sessions.
func (in *instance) run(ctx context.Context) {
	var wg sync.WaitGroup
	adapters, cancel := context.WithCancel(ctx)
	for name, f := range map[string]func(context.Context) error{
		"zebra":     func(c context.Context) error { in.zebra.Run(c); return nil },
		"pimd":      func(c context.Context) error { in.pimd.Run(c); return nil },
		"bgpd":      in.bgpd.Run,
		"registers": in.registerListener(),
		"mroute":    mroute.New(mroute.Config{Log: in.log.Named("mroute"), Handler: forwarding{in}}).Run,
		"forwarder": in.forwarder.Run,
		"kernel":    func(c context.Context) error { return rib.WatchKernel(c, in.log.Named("rib"), in.kernelChanged) },
		"counters":  in.readCounters,
		"signature": in.watchSignatures,
		"state":     in.writeState,
		"watchdog":  in.watchdog.run,
	} {
		wg.Go(func() { in.keepRunning(adapters, name, f) })
	}
	in.loop(ctx)
	saved := in.saved()
	in.shutDown()
	cancel()
	wg.Wait()
	// Last of all: no session waits for the disk, and nobody else writes the file any more.
	if err := storeState(in.options.stateFile(), saved); err != nil {
		in.log.Warn("what is known cannot be kept for the next start", zap.Error(err))
	}
}

// adapterPause is how long an adapter that failed rests.
const adapterPause = time.Second

// keepRunning runs f until ctx ends, again and again where it fails: a router must not stay
// deaf because a socket broke. It is said once for each reason.
func (in *instance) keepRunning(ctx context.Context, name string, f func(context.Context) error) {
	said := ""
	for {
		err := f(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if err.Error() != said {
			said = err.Error()
			in.log.Error("adapter failed, it is started again", zap.String("adapter", name), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(adapterPause):
		}
	}
}

// registerListener returns what runs the listener that was opened at start, and a new one
// after that one failed.
func (in *instance) registerListener() func(context.Context) error {
	listener := in.registers
	return func(ctx context.Context) error {
		err := listener.Run(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if fresh, listenErr := in.listenForRegisters(); listenErr == nil {
			listener = fresh
			in.post(func() {
				in.registers = fresh
				in.handOverData()
			})
		}
		return err
	}
}

func (in *instance) listenForRegisters() (*pim.Listener, error) {
	return pim.Listen(pim.ListenConfig{Log: in.log.Named("pim"), Handler: in.registerHeard})
}

// loop runs events and timers until ctx ends.
func (in *instance) loop(ctx context.Context) {
	timer := time.NewTimer(msdp.TickInterval)
	nextTick := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-in.events:
			in.now = time.Now()
			f()
		case <-in.inbox.ready:
			in.now = time.Now()
			in.takeTurns()
		case <-timer.C:
			in.now = time.Now()
		}
		if !in.now.Before(nextTick) {
			nextTick = in.now.Add(msdp.TickInterval)
			in.speaker.Tick(in.now)
			in.tracker.Tick(in.now)
			in.world.tick(in)
			in.endTrial()
			in.askZebraForPaths()
			in.watchdog.alive(in.now)
		}
		if at, ok := in.joiner.Next(); ok && !in.now.Before(at) {
			in.joiner.Tick(in.now)
		}
		in.drain()
		next := nextTick
		if at, ok := in.joiner.Next(); ok && at.Before(next) {
			next = at
		}
		timer.Reset(time.Until(next))
	}
}

// takeTurns takes what some sessions have brought.
func (in *instance) takeTurns() {
	for turns := 0; turns < burstTurns; {
		p, ok := in.inbox.next()
		if !ok {
			return
		}
		if p.do != nil {
			p.do()
		} else {
			in.speaker.Received(in.now, msdp.ConnID(p.id), p.tlvs)
		}
		if p.done != nil {
			p.done.Release()
		}
		in.runDeferred()
		if p.last {
			turns++
		}
	}
	in.inbox.wake() // for what is left
}

// drain ends an event: what its callbacks asked for is done, and what it sent goes out.
func (in *instance) drain() {
	in.runDeferred()
	in.transport.Flush()
}

func (in *instance) runDeferred() {
	for len(in.deferred) > 0 {
		todo := in.deferred
		in.deferred = nil
		for _, f := range todo {
			f()
		}
	}
}

// afterwards runs f when the event at hand is done: for callbacks that would otherwise
// come back into a state machine that is in the middle of something.
func (in *instance) afterwards(f func()) { in.deferred = append(in.deferred, f) }

// post gives the owner something to do and waits only for a place in its queue.
func (in *instance) post(f func()) {
	select {
	case in.events <- f:
	case <-in.stopped:
	}
}

// do has the owner run f and waits for it.
func (in *instance) do(f func()) error {
	done := make(chan struct{})
	select {
	case in.events <- func() { f(); close(done) }:
	case <-in.stopped:
		return errStopping
	}
	select {
	case <-done:
		return nil
	case <-in.stopped:
		return errStopping
	}
}

// flushPeriod is how long what is queued to peers may take to go out at the end.
const flushPeriod = 300 * time.Millisecond

// shutDown ends the sessions.
func (in *instance) shutDown() {
	in.now = time.Now()
	in.closing = true
	in.speaker.Close(in.now)
	close(in.stopped)
	ctx, cancel := context.WithTimeout(context.Background(), 2*flushPeriod)
	defer cancel()
	if err := in.transport.Shutdown(ctx); err != nil {
		in.log.Warn("sessions did not end in time", zap.Error(err))
	}
}

// reconfigure runs f on a copy of the settings and puts the copy into force. Changes by the same
// session are one where it is to be gone back.
func (in *instance) reconfigure(by any, f func(*settings) error) error {
	var err error
	stop := in.do(func() {
		s := in.settings.clone()
		if err = f(s); err == nil {
			in.history.remember(in.now, in.settings, s, by)
			in.apply(s)
		}
	})
	return errors.Join(stop, err)
}

func (in *instance) apply(s *settings) {
	in.warnOfMissingLists(in.settings, s)
	in.watchConfigured(in.settings, s)
	data := in.settings.msdp.DataPeriod > 0
	in.settings = s
	if data != (s.msdp.DataPeriod > 0) {
		in.handOverData()
	}
	in.speaker.Apply(in.now, s.msdp)
	in.limitJoins(in.world.bearsJoins)
	in.judgeRPs()
	if in.applied != nil {
		in.applied(s)
	}
}

// snapshot returns the settings in force.
func (in *instance) snapshot() (*settings, error) {
	var s *settings
	err := in.do(func() { s = in.settings.clone() })
	return s, err
}

// ownRP returns our RP address that serves group.
func (in *instance) ownRP(group ipv4.Addr) (ipv4.Addr, bool) {
	rp, mine, ok := in.world.rps.Lookup(group)
	return rp, ok && mine
}
