package msdp

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
	"msdpd/lib/wire"
)

// seconds returns the times less the first of them, in whole seconds.
func seconds(times []time.Duration) []int {
	var out []int
	for _, t := range times {
		out = append(out, int((t-times[0]+time.Second/2)/time.Second))
	}
	return out
}

func TestLowerAddressConnectsHigherListens(t *testing.T) {
	r := newRig(t, peersConfig(below1, above1))
	r.advance(time.Second)
	r.wantState(above1, StateConnecting) // E2
	r.wantState(below1, StateListen)     // E3
	if len(r.dialTimes(below1)) != 0 {
		t.Error("the higher address connected")
	}
	if d := r.lastDial(above1); d.local != rigLocal {
		t.Errorf("connected from %s, want the configured source %s", d.local, rigLocal)
	}
	if !slices.Equal(r.env.listen, []ipv4.Addr{rigLocal}) || !slices.Equal(r.env.allowed, []ipv4.Addr{below1}) {
		t.Errorf("listens on %v for %v", r.env.listen, r.env.allowed)
	}
}

func TestUnansweredAttemptsAreEagerThenRegular(t *testing.T) {
	r := newRig(t, peersConfig(above1))
	r.advance(2*time.Minute + time.Second)
	if got, want := seconds(r.dialTimes(above1)), []int{0, 1, 3, 7, 15, 31, 61, 91}; !slices.Equal(got, want) {
		t.Errorf("attempts at %v s, want %v", got, want)
	}
	// Each attempt is given up before the next begins (E6, A6).
	for i, d := range r.env.dials {
		if last := i == len(r.env.dials)-1; r.env.closed[d.conn] == last {
			t.Errorf("attempt %d of %d: closed %t", i+1, len(r.env.dials), !last)
		}
	}
}

func TestConnectRetryBelowTheEagerDelays(t *testing.T) {
	c := peersConfig(above1)
	c.Timers.ConnectRetry = 5 * time.Second
	r := newRig(t, c)
	r.advance(30 * time.Second)
	if got, want := seconds(r.dialTimes(above1)), []int{0, 1, 3, 7, 12, 17, 22, 27}; !slices.Equal(got, want) {
		t.Errorf("attempts at %v s, want %v", got, want)
	}
}

// answerDials has answer called for every attempt at once while time passes.
func answerDials(r *rig, d time.Duration, answer func(conn ConnID)) {
	answered := 0
	for end := r.now.Add(d); r.now.Before(end); {
		r.advance(TickInterval)
		for ; answered < len(r.env.dials); answered++ {
			answer(r.env.dials[answered].conn)
		}
	}
}

// failDials answers every attempt with err at once while time passes.
func failDials(r *rig, d time.Duration, err error) {
	answerDials(r, d, func(conn ConnID) { r.s.DialFailed(r.now, conn, err) })
}

func TestRefusedAttemptsStayCloseForTwoMinutes(t *testing.T) {
	for _, err := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL} {
		t.Run(err.Error(), func(t *testing.T) { refusedAttempts(t, err) })
	}
}

func refusedAttempts(t *testing.T, err error) {
	r := newRig(t, peersConfig(above1))
	failDials(r, 5*time.Minute, err)
	times := r.dialTimes(above1)
	for i := 1; i < len(times); i++ {
		gap := times[i] - times[i-1]
		if times[i-1] < eagerPeriod-2*time.Second && gap > eagerRefused+2*TickInterval {
			t.Errorf("at %v the next attempt came after %v, want at most %v", times[i-1], gap, eagerRefused)
		}
		if times[i-1] > eagerPeriod+time.Second && gap < 29*time.Second {
			t.Errorf("at %v the next attempt came after %v, want the ConnectRetry period", times[i-1], gap)
		}
	}
	if n := len(times); n < 60 || n > 75 {
		t.Errorf("%d attempts in five minutes", n)
	}
	if st, _ := r.s.Peer(r.now, above1); st.Why == "" {
		t.Error("the status does not say why there is no session")
	}
}

// A speaker that does not know us yet takes the connection and closes it at once.
func TestAcceptedThenClosedCountsAsRefused(t *testing.T) {
	r := newRig(t, peersConfig(above1))
	answerDials(r, 5*time.Minute, func(conn ConnID) {
		r.s.Connected(r.now, conn, addrPort(rigLocal, 40000), addrPort(above1, 639))
		r.s.Closed(r.now, conn, io.EOF)
	})
	times := r.dialTimes(above1)
	if n := len(times); n < 40 || n > 75 {
		t.Errorf("%d attempts in five minutes", n)
	}
	last := len(times) - 1
	if gap := times[last] - times[last-1]; gap < 29*time.Second {
		t.Errorf("after five minutes attempts come every %v", gap)
	}
	st, _ := r.s.Peer(r.now, above1)
	if st.Why == "" {
		t.Error("the status does not say why there is no session")
	}
}

// A peer that speaks and then hangs up each time is not hammered.
func TestSessionsLostAtOnceBackOff(t *testing.T) {
	r := newRig(t, peersConfig(above1))
	answerDials(r, 10*time.Minute, func(conn ConnID) {
		r.s.Connected(r.now, conn, addrPort(rigLocal, 40000), addrPort(above1, 639))
		r.s.Received(r.now, conn, wire.AppendKeepAlive(nil))
		r.s.Closed(r.now, conn, io.EOF)
	})
	if n := len(r.dialTimes(above1)); n > 50 {
		t.Errorf("%d sessions in ten minutes", n)
	}
}

func TestLostSessionIsTriedAgainSoon(t *testing.T) {
	r := newRig(t, peersConfig(above1))
	r.up(above1)
	r.advanceAlive(10 * time.Minute)
	n := len(r.env.dials)
	r.s.Closed(r.now, r.conn(above1), errors.New("connection reset by peer"))
	r.wantState(above1, StateInactive)
	lost := r.now.Sub(start)
	r.advance(40 * time.Second)
	var got []int
	for _, d := range r.env.dials[n:] {
		got = append(got, int((d.at-lost+time.Second/2)/time.Second))
	}
	if want := []int{1, 3, 7, 15, 31}; !slices.Equal(got, want) {
		t.Errorf("attempts at %v s after the loss, want %v", got, want)
	}
	if st, _ := r.s.Peer(r.now, above1); st.LastReset != "connection reset by peer" || !st.ResetAt.Equal(start.Add(lost)) {
		t.Errorf("last reset %q at %v", st.LastReset, st.ResetAt)
	}
}

// A peer that was away for long and comes back for a moment only is tried eagerly again.
func TestShortSessionAfterALongAbsence(t *testing.T) {
	r := newRig(t, peersConfig(above1))
	failDials(r, 10*time.Minute, syscall.ECONNREFUSED)
	n := len(r.env.dials)
	for len(r.env.dials) == n {
		r.advance(TickInterval)
	}
	r.up(above1)
	r.advance(5 * time.Second)
	r.s.Closed(r.now, r.conn(above1), io.EOF)
	n = len(r.env.dials)
	r.advance(1100 * time.Millisecond)
	if len(r.env.dials) != n+1 {
		t.Error("no attempt within a second")
	}
}

func TestSourceAddressMissingThenThere(t *testing.T) {
	r := newRig(t, peersConfig(above1))
	none := rib.NewInterfaces(nil)
	r.s.SetInterfaces(r.now, none)
	failDials(r, 3*time.Minute, syscall.EADDRNOTAVAIL)
	r.wantState(above1, StateInactive)
	st, _ := r.s.Peer(r.now, above1)
	if want := "no interface has the source address 10.0.0.10"; st.Why != want {
		t.Errorf("why: %q, want %q", st.Why, want)
	}
	// Another interface event does not hide the reason.
	r.s.SetInterfaces(r.now, none)
	if again, _ := r.s.Peer(r.now, above1); again.Why != st.Why {
		t.Errorf("why after an interface event: %q", again.Why)
	}
	n := len(r.env.dials)
	r.s.SetInterfaces(r.now, rigInterfaces())
	r.advance(TickInterval)
	if len(r.env.dials) != n+1 {
		t.Fatal("the address appeared, and no attempt came at once")
	}
	r.up(above1)
	if st, _ := r.s.Peer(r.now, above1); st.Why != "" {
		t.Errorf("why of an established session: %q", st.Why)
	}
}

func TestListenerTroubleIsShown(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.s.ListenerFailed(r.now, rigLocal, syscall.EADDRINUSE)
	r.wantState(below1, StateInactive)
	if st, _ := r.s.Peer(r.now, below1); st.Why == "" {
		t.Error("the status does not say why there is no session")
	}
	r.s.ListenerUp(r.now, rigLocal)
	r.wantState(below1, StateListen)
	if st, _ := r.s.Peer(r.now, below1); st.Why != "" {
		t.Errorf("why: %q", st.Why)
	}
	r.up(below1)
	r.s.ListenerFailed(r.now, rigLocal, syscall.EADDRNOTAVAIL)
	r.wantState(below1, StateEstablished)
}

func TestWhoIsLetIn(t *testing.T) {
	c := peersConfig(below1, above1)
	c.AddPeer(below2).Local = rigLocal
	c.Peer(below2).Shutdown = true
	for name, from := range map[string]struct{ peer, local ipv4.Addr }{
		"a stranger":                   {below3, rigLocal},
		"to another address":           {below1, ip("10.9.9.9")},
		"a peer that is shut down":     {below2, rigLocal},
		"a peer that is to be dialled": {above1, rigLocal},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c)
			conn := r.accept(from.peer, from.local)
			if !r.env.closed[conn] {
				t.Error("the connection was kept")
			}
			if len(r.env.sent[conn]) != 0 {
				t.Error("something was sent")
			}
			r.s.Received(r.now, conn, wire.AppendKeepAlive(nil)) // what was on its way
			r.s.Closed(r.now, conn, nil)
		})
	}
}

func TestKeepAliveAtOnceThenOnlyInSilence(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.up(below1)
	if got := r.taken(below1); len(got) != 1 || got[0].kind != wire.TypeKeepAlive {
		t.Fatalf("sent at once: %v, want one KeepAlive", got)
	}
	r.advance(59 * time.Second)
	if got := r.taken(below1); len(got) != 0 {
		t.Fatalf("sent within the KeepAlive period: %v", got)
	}
	r.keepAlive()
	r.advance(2 * time.Second)
	if got := r.taken(below1); len(got) != 1 || got[0].kind != wire.TypeKeepAlive {
		t.Fatalf("sent after the KeepAlive period: %v", got)
	}
	// An SA resets the timer (§5.5).
	r.advance(30 * time.Second)
	r.keepAlive()
	r.register(sg("192.0.2.1", "239.1.1.1"))
	r.taken(below1)
	r.advance(59 * time.Second)
	for _, m := range r.taken(below1) {
		if m.kind == wire.TypeKeepAlive {
			t.Error("a KeepAlive within the period after an SA")
		}
	}
}

func TestHoldTimer(t *testing.T) {
	r := newRig(t, peersConfig(below1, above1))
	r.up(below1, above1)
	for name, tlv := range map[string][]byte{
		"KeepAlive": wire.AppendKeepAlive(nil),
		"SA":        wire.AppendSourceActive(nil, ip("192.0.2.9"), []ipv4.SG{sg("192.0.2.1", "239.1.1.1")}),
		"unknown":   {99, 0, 3},
	} {
		r.advance(70 * time.Second)
		r.tlv(below1, tlv)
		r.tlv(above1, tlv)
		r.advance(4 * time.Second)
		if !r.s.peers[below1].established() || !r.s.peers[above1].established() {
			t.Fatalf("%s does not reset the hold timer", name)
		}
	}
	conn := r.conn(below1)
	r.advance(70 * time.Second)
	r.wantState(below1, StateEstablished)
	r.advance(time.Second)
	r.wantState(below1, StateListen) // E8, A8
	if !r.env.closed[conn] {
		t.Error("the connection was not closed")
	}
	if st, _ := r.s.Peer(r.now, below1); st.LastReset != "hold timer expired" {
		t.Errorf("last reset: %q", st.LastReset)
	}
}

func TestSecondConnectionReplacesAfterItsKeepAlive(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	first := r.conn(below1)
	second := r.accept(below1, rigLocal)
	if r.conn(below1) != first || r.env.closed[first] || r.env.closed[second] {
		t.Fatal("a mere connection touched the session")
	}
	r.advance(10 * time.Second)
	r.s.Received(r.now, second, wire.AppendKeepAlive(nil))
	if r.conn(below1) != second || !r.env.closed[first] {
		t.Fatal("the first KeepAlive did not replace the session")
	}
	r.wantState(below1, StateEstablished)
	if got := parse(t, r.env.sent[second]); len(got) != 1 || got[0].kind != wire.TypeKeepAlive {
		t.Errorf("sent on the new session: %v, want one KeepAlive", got)
	}
	r.s.Closed(r.now, first, nil) // it was on its way
	r.wantState(below1, StateEstablished)
}

func TestSecondConnection(t *testing.T) {
	t.Run("says something else", func(t *testing.T) {
		r := newRig(t, peersConfig(below1))
		r.up(below1)
		first, second := r.conn(below1), r.accept(below1, rigLocal)
		r.s.Received(r.now, second, wire.AppendSourceActive(nil, ip("192.0.2.9"), []ipv4.SG{sg("192.0.2.1", "239.1.1.1")}))
		if !r.env.closed[second] || r.conn(below1) != first || r.s.cache.count() != 0 {
			t.Error("it was listened to")
		}
	})
	t.Run("says rubbish", func(t *testing.T) {
		r := newRig(t, peersConfig(below1))
		r.up(below1)
		first, second := r.conn(below1), r.accept(below1, rigLocal)
		r.s.Received(r.now, second, []byte{4, 0, 1})
		if !r.env.closed[second] || r.conn(below1) != first {
			t.Error("the session was touched")
		}
	})
	t.Run("stays silent", func(t *testing.T) {
		r := newRig(t, peersConfig(below1))
		r.up(below1)
		first, second := r.conn(below1), r.accept(below1, rigLocal)
		r.advanceAlive(2 * time.Minute)
		if !r.env.closed[second] || r.conn(below1) != first {
			t.Error("it is held for ever")
		}
	})
	t.Run("gives way to a third", func(t *testing.T) {
		r := newRig(t, peersConfig(below1))
		r.up(below1)
		second := r.accept(below1, rigLocal)
		third := r.accept(below1, rigLocal)
		if !r.env.closed[second] || r.env.closed[third] {
			t.Error("the newest does not stand for the others")
		}
		r.s.Closed(r.now, second, nil)
		r.s.Received(r.now, third, wire.AppendKeepAlive(nil))
		if r.conn(below1) != third {
			t.Error("the third did not replace the session")
		}
	})
	t.Run("closes again", func(t *testing.T) {
		r := newRig(t, peersConfig(below1))
		r.up(below1)
		first, second := r.conn(below1), r.accept(below1, rigLocal)
		r.s.Closed(r.now, second, nil)
		if r.conn(below1) != first || len(r.s.conns) != 1 {
			t.Error("the session was touched")
		}
	})
	t.Run("stays when the first ends", func(t *testing.T) {
		r := newRig(t, peersConfig(below1))
		r.up(below1)
		first, second := r.conn(below1), r.accept(below1, rigLocal)
		r.s.Closed(r.now, first, syscall.ECONNRESET)
		r.wantState(below1, StateEstablished)
		if r.conn(below1) != second || len(parse(t, r.env.sent[second])) == 0 {
			t.Error("the new connection did not become the session")
		}
	})
}
