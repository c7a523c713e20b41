package msdp

import (
	"testing"
	"time"

	"msdpd/lib/wire"
)

func TestTimersOver(t *testing.T) {
	global := Timers{KeepAlive: 60, Hold: 75, ConnectRetry: 30}
	for _, tc := range []struct{ own, want Timers }{
		{Timers{}, global},
		{Timers{KeepAlive: 1, Hold: 3}, Timers{KeepAlive: 1, Hold: 3, ConnectRetry: 30}},
		{Timers{KeepAlive: 1, Hold: 3, ConnectRetry: 2}, Timers{KeepAlive: 1, Hold: 3, ConnectRetry: 2}},
	} {
		if got := tc.own.over(global); got != tc.want {
			t.Errorf("%v over %v is %v, want %v", tc.own, global, got, tc.want)
		}
	}
}

// TestTimersOfOnePeer: they hold for that peer, and the others keep the global ones.
func TestTimersOfOnePeer(t *testing.T) {
	c := peersConfig(below1, below2)
	c.AddPeer(below1).Timers = Timers{KeepAlive: 2 * time.Second, Hold: 5 * time.Second}
	r := newRig(t, c)
	r.up(below1, below2)
	r.forgetSent()
	r.advance(4 * time.Second)
	if n := len(r.taken(below1)); n != 2 {
		t.Errorf("%d KeepAlives in 4 s, want 2", n)
	}
	if n := len(r.taken(below2)); n != 0 {
		t.Errorf("%d KeepAlives to the other peer, which has 60 s", n)
	}
	r.wantState(below1, StateEstablished)
	r.advance(time.Second)
	r.wantState(below1, StateListen) // held for 5 s
	r.wantState(below2, StateEstablished)
}

func TestConnectRetryOfOnePeer(t *testing.T) {
	c := peersConfig(above1, above2)
	c.AddPeer(above1).Timers.ConnectRetry = 10 * time.Second
	r := newRig(t, c)
	r.advance(2 * time.Minute) // the eager attempts are over
	before1, before2 := len(r.dialTimes(above1)), len(r.dialTimes(above2))
	r.advance(time.Minute)
	if n1, n2 := len(r.dialTimes(above1))-before1, len(r.dialTimes(above2))-before2; n1 != 6 || n2 != 2 {
		t.Errorf("%d and %d attempts in a minute, want 6 and 2", n1, n2)
	}
}

// TestChangedTimersActAtOnce: those of the peer and the global ones, shorter and longer, and
// the session stays.
func TestChangedTimersActAtOnce(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	conn := r.conn(below1)
	r.forgetSent()
	remaining := func() (keepAlive, hold time.Duration) {
		st, _ := r.s.Peer(r.now, below1)
		return st.KeepAliveTimer, st.HoldTimer
	}
	want := func(what string, keepAlive, hold time.Duration) {
		t.Helper()
		if gotK, gotH := remaining(); gotK != keepAlive || gotH != hold {
			t.Errorf("%s: keepalive in %v, hold for %v, want %v and %v", what, gotK, gotH, keepAlive, hold)
		}
	}
	r.advance(10 * time.Second)
	c := peersConfig(below1, below2)
	c.AddPeer(below1).Timers = Timers{KeepAlive: 3 * time.Second, Hold: 20 * time.Second}
	r.apply(c)
	want("shorter", 3*time.Second, 20*time.Second)

	r.advance(time.Second)
	c = c.Clone()
	c.AddPeer(below1).Timers = Timers{KeepAlive: 4 * time.Second, Hold: 50 * time.Second}
	r.apply(c)
	want("longer", 2*time.Second, 49*time.Second)

	r.advance(2 * time.Second)
	want("sent", 4*time.Second, 47*time.Second)
	r.tlv(below1, wire.AppendKeepAlive(nil))
	want("heard", 4*time.Second, 50*time.Second)

	c = c.Clone()
	c.AddPeer(below1).Timers = Timers{}
	c.Timers = Timers{KeepAlive: time.Second, Hold: 10 * time.Second, ConnectRetry: 30 * time.Second}
	r.apply(c)
	want("the global ones again", time.Second, 10*time.Second)
	if r.conn(below1) != conn {
		t.Error("the session did not stay")
	}
}

func TestTimersOfAPeerAreValidated(t *testing.T) {
	for _, tc := range []struct {
		global, own Timers
		bad         bool
	}{
		{DefaultTimers(), Timers{KeepAlive: time.Second, Hold: 3 * time.Second}, false},
		{DefaultTimers(), Timers{KeepAlive: 80 * time.Second}, true}, // with the global hold time
		{DefaultTimers(), Timers{KeepAlive: time.Second, Hold: 2 * time.Second}, true},
		{DefaultTimers(), Timers{KeepAlive: 5 * time.Second, Hold: 5 * time.Second}, true},
	} {
		c := peersConfig(below1)
		c.Timers = tc.global
		c.AddPeer(below1).Timers = tc.own
		if err := c.Validate(); (err != nil) != tc.bad {
			t.Errorf("%v: %v", tc.own, err)
		}
	}
}

// TestShutdownOfAllPeers: no session, no attempt and nobody let in until it is taken back;
// what was shut down by itself stays so.
func TestShutdownOfAllPeers(t *testing.T) {
	c := peersConfig(below1, below2, above1)
	c.AddPeer(below2).Shutdown = true
	r := newRig(t, c)
	r.up(below1)
	conn := r.conn(below1)
	r.advance(time.Second)
	dials := len(r.env.dials)

	down := c.Clone()
	down.Shutdown = true
	r.apply(down)
	for _, p := range r.s.Peers(r.now) {
		if p.State != StateDisabled || !p.Shutdown {
			t.Errorf("peer %s is %s", p.Addr, p.State)
		}
	}
	if st, _ := r.s.Peer(r.now, below1); st.Why != "shutdown of all peers" || st.LastReset != "shut down by the operator" {
		t.Errorf("why %q, last reset %q", st.Why, st.LastReset)
	}
	if !r.env.closed[conn] || len(r.env.listen) != 0 || len(r.env.allowed) != 0 {
		t.Errorf("closed %t, listens on %v for %v", r.env.closed[conn], r.env.listen, r.env.allowed)
	}
	if late := r.accept(below1, rigLocal); !r.env.closed[late] {
		t.Error("a peer was let in")
	}
	r.advance(time.Minute)
	if n := len(r.env.dials); n != dials {
		t.Errorf("%d attempts", n-dials)
	}

	r.apply(c)
	r.wantState(below1, StateListen)
	r.wantState(below2, StateDisabled)
	if st, _ := r.s.Peer(r.now, below2); st.Why != "shutdown" {
		t.Errorf("why %q", st.Why)
	}
	r.advance(TickInterval)
	if n := len(r.env.dials); n != dials+1 {
		t.Errorf("%d attempts after it was taken back", n-dials)
	}
	r.up(below1)
}

// TestKeepAliveIsNotLate: a session that came up between two ticks gets its KeepAlive before it is due.
func TestKeepAliveIsNotLate(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.now = r.now.Add(TickInterval / 3)
	r.up(below1)
	r.forgetSent()
	up := r.now
	for next := start; len(r.env.sent[r.conn(below1)]) == 0; next = next.Add(TickInterval) {
		if next.Sub(up) > DefaultKeepAlive {
			t.Fatal("no KeepAlive within the period")
		}
		if next.After(up) {
			r.now = next
			r.s.Tick(r.now)
		}
	}
	if early := DefaultKeepAlive - r.now.Sub(up); early > TickInterval {
		t.Errorf("it came %v too early", early)
	}
}
