package msdp

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

func TestApplyTouchesOnlyWhatChanged(t *testing.T) {
	c := peersConfig(below1, below2, above1)
	r := newRig(t, c)
	r.up(below1, below2, above1)
	r.sa(below1, below1.String(), sg("192.0.2.1", "239.1.1.1"))
	r.sa(below2, below2.String(), sg("192.0.2.2", "239.1.1.1"))
	r.s.KernelEntry(r.now, sg("0.0.0.0", "239.1.1.1"), 1, 0)
	kept, gone, changed := r.conn(below1), r.conn(below2), r.conn(above1)

	c = c.Clone()
	c.Peer(below1).Description = "a neighbour"
	c.RemovePeer(below2)
	c.Peer(above1).Local = ip("10.0.0.11")
	r.apply(c)
	if r.env.closed[kept] || r.conn(below1) != kept {
		t.Error("a session whose peer did not change was reset")
	}
	if !r.env.closed[gone] || !r.env.closed[changed] {
		t.Error("the session of a removed peer, or of one with another source, stays")
	}
	r.wantCached(true, sg("192.0.2.1", "239.1.1.1"))
	r.wantCached(false, sg("192.0.2.2", "239.1.1.1"))
	if r.env.joined[sg("192.0.2.2", "239.1.1.1")] {
		t.Error("an entry of a removed peer stays joined")
	}
	if r.env.tracked[below2] != 0 {
		// The RP of the entry has the same address, and is asked for a little longer.
		r.advanceAlive(rpIdlePeriod + time.Minute)
		if r.env.tracked[below2] != 0 {
			t.Error("the route to a removed peer is still asked for")
		}
	}
	r.advance(TickInterval)
	if d := r.lastDial(above1); d.local != ip("10.0.0.11") {
		t.Errorf("the new session comes from %s", d.local)
	}
}

func TestShutdownAndBack(t *testing.T) {
	c := peersConfig(below1, above1)
	r := newRig(t, c)
	r.up(below1, above1)
	c = c.Clone()
	c.Peer(above1).Shutdown = true
	c.Peer(below1).Shutdown = true
	r.apply(c)
	r.wantState(above1, StateDisabled) // E7
	r.wantState(below1, StateDisabled)
	n := len(r.env.dials)
	r.advance(5 * time.Minute)
	if len(r.env.dials) != n || len(r.env.allowed) != 0 || len(r.env.listen) != 0 {
		t.Error("a peer that is shut down is connected to or let in")
	}
	c.Peer(above1).Shutdown = false
	c.Peer(below1).Shutdown = false
	r.apply(c)
	r.up(below1, above1)
}

func TestShorterTimersCountAtOnce(t *testing.T) {
	c := peersConfig(below1)
	r := newRig(t, c)
	r.up(below1)
	r.taken(below1)
	c.Timers = Timers{KeepAlive: 5 * time.Second, Hold: 15 * time.Second, ConnectRetry: 10 * time.Second}
	r.apply(c)
	r.advance(6 * time.Second)
	if got := r.taken(below1); len(got) != 1 {
		t.Errorf("%d messages within the new KeepAlive period", len(got))
	}
}

func TestClearPeer(t *testing.T) {
	r := newRig(t, peersConfig(below1, above1))
	r.up(below1, above1)
	low, high := r.conn(below1), r.conn(above1)
	if r.s.ClearPeer(r.now, ip("10.0.0.99")) {
		t.Error("there is no such peer")
	}
	if !r.s.ClearPeer(r.now, above1) || !r.env.closed[high] || r.env.closed[low] {
		t.Error("not just that one session was reset")
	}
	r.advance(TickInterval)
	r.wantState(above1, StateConnecting)
	if !r.s.ClearPeer(r.now, 0) || !r.env.closed[low] {
		t.Error("not every session was reset")
	}
	r.wantState(below1, StateListen)
}

func TestNoSourceConfigured(t *testing.T) {
	c := Config{Timers: DefaultTimers()}
	c.AddPeer(above1)
	c.AddPeer(above2).LocalInterface = "eth7"
	r := newRig(t, c)
	r.advance(time.Minute)
	for _, a := range []ipv4.Addr{above1, above2} {
		r.wantState(a, StateInactive)
		if st, _ := r.s.Peer(r.now, a); st.Why == "" || st.ConnectRetryTimer >= 0 {
			t.Errorf("peer %s: why %q, connect-retry timer %v", a, st.Why, st.ConnectRetryTimer)
		}
	}
	if len(r.env.dials) != 0 {
		t.Error("connected without a source")
	}
	c.Peer(above2).LocalInterface = "eth0"
	r.apply(c)
	r.advance(TickInterval)
	if d := r.lastDial(above2); d.local != rigLocal {
		t.Errorf("connected from %s", d.local)
	}
}

func TestMeshMemberWithoutPeeringUsesTheGroupsSource(t *testing.T) {
	c := Config{Timers: DefaultTimers()}
	g := c.AddMeshGroup("m")
	g.AddMember(above1)
	r := newRig(t, c)
	r.wantState(above1, StateInactive)
	c.MeshGroup("m").Source = rigLocal
	r.apply(c)
	r.up(above1)
	c.RemoveMeshGroup("m")
	conn := r.conn(above1)
	r.apply(c)
	if r.s.peers[above1] != nil || !r.env.closed[conn] {
		t.Error("the member is still a peer")
	}
}

func TestCloseEndsEverySession(t *testing.T) {
	r := newRig(t, peersConfig(below1, above1, above2))
	r.up(below1, above1)
	r.advance(TickInterval)
	conns := []ConnID{r.conn(below1), r.conn(above1), r.conn(above2)}
	r.s.Close(r.now)
	for _, conn := range conns {
		if !r.env.closed[conn] {
			t.Errorf("connection %d stays", conn)
		}
	}
	n := len(r.env.dials)
	r.advance(time.Minute)
	if len(r.env.dials) != n || len(r.env.listen)+len(r.env.allowed) != 0 {
		t.Error("it went on")
	}
}

func TestRouteToPeerWakesTheAttempt(t *testing.T) {
	r := newRig(t, peersConfig(above1))
	failDials(r, 5*time.Minute, syscall.ENETUNREACH)
	n := len(r.env.dials)
	r.route(above1.String(), 10, above1)
	r.advance(TickInterval)
	if len(r.env.dials) != n+1 {
		t.Error("the route to the peer came, and no attempt followed at once")
	}
}

// TestConnectSourceStays: what is told of the interface may change its order, or stop for a
// while; the session stays until the interface has other addresses only.
func TestConnectSourceStays(t *testing.T) {
	c := Config{Timers: DefaultTimers()}
	c.AddPeer(above1).LocalInterface = "lo0"
	r := newRig(t, c)
	told := func(addrs ...string) {
		lo := rib.Interface{Index: 9, Name: "lo0", Up: true}
		for _, a := range addrs {
			lo.Addrs = append(lo.Addrs, netip.MustParsePrefix(a))
		}
		r.s.SetInterfaces(r.now, rib.NewInterfaces([]rib.Interface{lo}))
	}
	told("10.0.0.10/32", "10.0.0.11/32")
	r.up(above1)
	conn := r.conn(above1)
	told("10.0.0.11/32", "10.0.0.10/32")
	told()
	r.s.SetInterfaces(r.now, rib.NewInterfaces(nil))
	told("10.0.0.11/32", "10.0.0.10/32")
	if r.env.closed[conn] || r.conn(above1) != conn {
		t.Error("the session was reset")
	}
	told("10.0.0.11/32")
	if !r.env.closed[conn] {
		t.Error("the session stays although the interface has another address")
	}
	r.advance(TickInterval)
	if d := r.lastDial(above1); d.local != ip("10.0.0.11") {
		t.Errorf("the new session comes from %s", d.local)
	}
}
