package main

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/lib/msdp"
	"msdpd/lib/pim"
	"msdpd/lib/pimd"
	"msdpd/lib/rib"
	"msdpd/lib/transport"
)

// newIdleInstance is an instance with nothing of the outside world and no goroutine of its own.
func newIdleInstance() *instance {
	log := zap.NewNop()
	in := &instance{
		log: log, debug: debug.New(log), settings: newSettings(), now: time.Now(),
		inbox: newInbox(), events: make(chan func(), 256), stopped: make(chan struct{}),
		pimd: pimd.New(pimd.Config{}),
	}
	in.transport = transport.New(transport.Config{}, sessions{in})
	in.tracker = rib.NewTracker(rib.TrackerConfig{Log: log})
	in.joiner = pim.NewJoiner(pim.JoinerConfig{RPFor: in.ownRP})
	in.speaker = msdp.New(in.now, speakerEnv{in}, log)
	in.world.init()
	return in
}

// TestJoinsFollowTheMTU: FRR's pimd before 10.7 dies of a Join that does not fit, also where an
// interface's MTU is lowered while all is up.
func TestJoinsFollowTheMTU(t *testing.T) {
	in := newIdleInstance()
	mtu := func(octets int) {
		in.setInterfaces([]rib.Interface{
			{Index: 1, Name: "lo", Up: true, MTU: 60},
			{Index: 2, Name: "eth0", Up: true, MTU: octets},
			{Index: 3, Name: "mgmt", Up: true, MTU: 70},
		})
	}
	want := func(n int) {
		t.Helper()
		if in.world.groupJoins != n {
			t.Errorf("%d joins a group, want %d", in.world.groupJoins, n)
		}
	}
	mtu(1500)
	in.pimdChanged(pimd.State{Present: true, Release: "8.4.4", Interfaces: map[string]pimd.Interface{
		"lo": {PIM: true}, "eth0": {PIM: true}, "mgmt": {},
	}})
	want(180)
	mtu(1000)
	want(118)
	mtu(9000)
	want(180)
}
