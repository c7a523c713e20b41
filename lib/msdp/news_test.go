package msdp

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestSessionsThatComeAndGoAreNoNews: a peer that connects and is reset, again and again, fills
// no disk, and its session that stays is told.
func TestSessionsThatComeAndGoAreNoNews(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	core, logged := observer.New(zap.InfoLevel)
	r.s.log = zap.New(core)
	for range 1000 {
		r.up(below1)
		r.tlv(below1, []byte{1, 0, 2})
		r.wantState(below1, StateListen)
		r.advance(shortSessionPause)
	}
	if n := logged.Len(); n == 0 || n > 4*shortSessionsTold {
		t.Errorf("%d lines for 1000 sessions", n)
	}
	if n := logged.FilterMessageSnippet("sessions end as soon as they begin").Len(); n != 1 {
		t.Errorf("told %d times that sessions end at once", n)
	}
	if st, _ := r.s.Peer(r.now, below1); st.Counters.FormatErrors != 1000 || st.Counters.EstablishedChanges != 1000 {
		t.Errorf("counted %+v", st.Counters)
	}
	told := func(message string, n int) {
		t.Helper()
		if got := logged.FilterMessage(message).Len(); got != n {
			t.Errorf("%q %d times, want %d", message, got, n)
		}
		logged.TakeAll()
	}
	logged.TakeAll()
	r.up(below2) // another peer's session is news
	told("peer up", 1)

	r.up(below1)
	r.advance(settledPeriod - time.Second)
	told("peer up, and stays", 0)
	r.advance(time.Second)
	told("peer up, and stays", 1)
	r.tlv(below1, []byte{1, 0, 2})
	told("peer down", 1)
}

// TestPeerThatIsResetAtOnceHasToWait: it may try as often as it likes, and gets five
// sessions a second; one that stays is let in like any other.
func TestPeerThatIsResetAtOnceHasToWait(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	sessions := func() uint64 {
		st, _ := r.s.Peer(r.now, below1)
		return st.Counters.EstablishedChanges
	}
	for range 10000 {
		conn := r.accept(below1, rigLocal)
		r.s.Received(r.now, conn, []byte{1, 0, 2})
		r.now = r.now.Add(time.Millisecond)
	}
	if n := sessions(); n < 40 || n > 60 {
		t.Errorf("%d sessions in 10 s, want about 50", n)
	}
	r.advance(shortSessionPause)
	r.up(below1)
	r.advance(settledPeriod)
	r.wantState(below1, StateEstablished)
}
