package msdp

import (
	"bytes"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// twoMeshes: below1 is a peer, below2 and below3 form mesh m, above1 and above2 mesh n.
func twoMeshes() Config {
	c := meshConfig([]ipv4.Addr{below1, above1, above2}, below2, below3)
	g := c.AddMeshGroup("n")
	g.AddMember(above1)
	g.AddMember(above2)
	return c
}

func TestMeshRules(t *testing.T) {
	all := []ipv4.Addr{below1, below2, below3, above1, above2}
	for name, tc := range map[string]struct {
		from ipv4.Addr // 0: a source of ours
		to   []ipv4.Addr
	}{
		"from a member, rule (i)":         {below2, []ipv4.Addr{below1, above1, above2}},
		"from the other mesh":             {above2, []ipv4.Addr{below1, below2, below3}},
		"from outside, rule (ii)":         {below1, []ipv4.Addr{below2, below3, above1, above2}},
		"a source of our own goes to all": {0, all},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, twoMeshes())
			r.s.SetRPs(r.now, rpIs(rigRP))
			r.up(all...)
			r.forgetSent()
			if tc.from == 0 {
				r.register(sgA)
			} else {
				r.sa(tc.from, tc.from.String(), sgA)
			}
			for _, a := range tc.to {
				r.wantSAs(a, sgA)
			}
			for _, a := range all {
				r.wantSAs(a) // nothing more
			}
		})
	}
}

func TestCatchUpFollowsTheMeshRules(t *testing.T) {
	r := newRig(t, twoMeshes())
	r.s.SetRPs(r.now, rpIs(rigRP))
	own := sg("10.1.0.7", "239.9.9.9")
	r.register(own)
	r.up(below1, below2, above1)
	r.sa(below1, below1.String(), sgA)
	r.sa(below2, below2.String(), sgB)
	r.sa(above1, above1.String(), sgC)
	r.up(below3, above2)
	r.wantSAs(below3, own, sgA, sgC)
	r.wantSAs(above2, own, sgA, sgB)
	r.s.Closed(r.now, r.conn(below1), nil)
	r.up(below1)
	r.wantSAs(below1, own, sgB, sgC)
}

func TestCatchUpLeavesOutWhatIsOld(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2, below3))
	r.up(below1, below2)
	r.sa(below1, below1.String(), sgA, sgB)
	r.advanceAlive(60 * time.Second)
	r.sa(below1, below1.String(), sgB)
	r.advanceAlive(31 * time.Second)
	r.up(below3)
	r.wantSAs(below3, sgB)
	r.wantCached(true, sgA)
}

func TestCatchUpLeavesOutSilentLocalSources(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.register(sgA)
	r.register(sgB)
	r.advance(60 * time.Second)
	r.heard(sgB)
	r.advance(31 * time.Second)
	r.up(below1)
	r.wantSAs(below1, sgB)
	r.wantLocal(true, sgA)
}

func TestFloodedAtMostTwiceAPeriod(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.taken(below2)
	var times []time.Time
	for range 600 { // an SA each second for ten minutes
		r.sa(below1, below1.String(), sgA)
		if len(r.takenSAs(below2)) > 0 {
			times = append(times, r.now)
		}
		r.advance(time.Second)
		r.keepAlive()
	}
	for i := range times {
		if i+2 < len(times) && times[i+2].Sub(times[i]) < SAAdvertisementPeriod {
			t.Errorf("three floods within %v", times[i+2].Sub(times[i]))
		}
		if i+1 < len(times) && times[i+1].Sub(times[i]) > SAAdvertisementPeriod {
			t.Errorf("%v between two floods", times[i+1].Sub(times[i]))
		}
	}
	if len(times) < 10 {
		t.Errorf("%d floods in ten minutes", len(times))
	}
}

func TestPeriodicSAsAreAllForwarded(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.taken(below2)
	for i := range 5 {
		r.sa(below1, below1.String(), sgA)
		r.wantSAs(below2, sgA)
		r.advanceAlive(SAAdvertisementPeriod - time.Duration(i)*time.Second)
	}
}

func TestForwardedTLVs(t *testing.T) {
	ipPacket := func(s ipv4.SG, size int) []byte {
		b := make([]byte, size)
		b[0], b[2], b[3] = 0x45, byte(size>>8), byte(size)
		copy(b[12:], s.Source.Append(nil))
		copy(b[16:], s.Group.Append(nil))
		return b
	}
	withData, err := wire.AppendSourceActiveData(nil, below1, sgA, ipPacket(sgA, 500))
	if err != nil {
		t.Fatal(err)
	}
	long := make([]byte, 9300)
	copy(long, rawSA(9300, 1, below1.String(), rawEntry(32, sgA)))
	for name, tc := range map[string]struct {
		tlv  []byte
		want []byte
	}{
		"as it came":      {wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA, sgB}), wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA, sgB})},
		"without data":    {withData, wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA})},
		"without surplus": {long, wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA})},
		"reserved octets zero": {rawSA(20, 1, below1.String(), append([]byte{9, 9, 9}, rawEntry(32, sgA)[3:]...)),
			wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA})},
		"without what is refused": {wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA, sg("192.0.2.1", "232.1.1.1"), sgB}),
			wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA, sgB})},
		"the same entry twice": {wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA, sgA}), wire.AppendSourceActive(nil, below1, []ipv4.SG{sgA})},
		"255 entries":          {wire.AppendSourceActive(nil, below1, many(255)), wire.AppendSourceActive(nil, below1, many(255))},
		"nothing left":         {wire.AppendSourceActive(nil, below1, []ipv4.SG{sg("192.0.2.1", "232.1.1.1")}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, peersConfig(below1, below2))
			r.up(below1, below2)
			r.forgetSent()
			r.tlv(below1, tc.tlv)
			if got := r.env.sent[r.conn(below2)]; !bytes.Equal(got, tc.want) {
				t.Errorf("forwarded % x, want % x", got, tc.want)
			}
			if len(r.env.sent[r.conn(below1)]) != 0 {
				t.Error("something went back")
			}
		})
	}
}

func TestNothingMoreThan255EntriesPerTLV(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1)
	for _, s := range many(1000) {
		r.sa(below1, below1.String(), s)
	}
	r.up(below2)
	total := 0
	for _, m := range r.taken(below2) {
		if len(m.sgs) > wire.MaxEntries || len(m.raw) > wire.MaxTLVLen {
			t.Errorf("%d entries, %d octets", len(m.sgs), len(m.raw))
		}
		total += len(m.sgs)
	}
	if total != 1000 {
		t.Errorf("%d entries in all", total)
	}
}

// slowPeer reads only from time to time: what is in the queue when it does is what it gets.
func TestSlowPeerIsServedFromTheCache(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2, below3))
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.up(below1, below2, below3)
	slow := r.conn(below2)
	got := make(map[ipv4.SG]int)
	read := func() {
		for s := range r.takenSAs(below2) {
			got[s]++
		}
	}
	want := make(map[ipv4.SG]bool)
	r.env.full[slow] = true
	sources := many(5000)
	for i := 0; i < len(sources); i += 100 {
		r.sa(below1, below1.String(), sources[i:i+100]...)
		for _, s := range sources[i : i+100] {
			want[s] = true
		}
		local := ipv4.SG{Source: ip("10.1.0.2"), Group: ip("239.8.0.0") + ipv4.Addr(i)}
		r.register(local)
		want[local] = true
		if i%500 == 0 { // the queue takes one piece, and is full again
			r.env.full[slow] = false
			r.env.limit = 3000
			r.s.Writable(r.now, slow)
			r.env.full[slow] = true
			read()
		}
	}
	if st, _ := r.s.Peer(r.now, below2); !st.CatchingUp || st.Counters.CatchUps == 0 {
		t.Errorf("catching up %t, %d times", st.CatchingUp, st.Counters.CatchUps)
	}
	if n := len(r.takenSAs(below3)); n != len(want) {
		t.Errorf("a fast peer got %d of %d while another was slow", n, len(want))
	}
	r.env.full[slow] = false
	r.env.limit = 0
	r.s.Writable(r.now, slow)
	read()
	for s := range want {
		if got[s] != 1 {
			t.Fatalf("%s came %d times to the slow peer", s, got[s])
		}
	}
	if st, _ := r.s.Peer(r.now, below2); st.CatchingUp {
		t.Error("still catching up")
	}
	// And from here on it is flooded to again.
	r.sa(below1, below1.String(), sgA)
	r.wantSAs(below2, sgA)
}

// What a peer got before it fell behind does not come again.
func TestSlowPeerGetsOnlyWhatChanged(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.sa(below1, below1.String(), many(1000)...)
	r.forgetSent()
	conn := r.conn(below2)
	r.env.full[conn] = true
	r.sa(below1, below1.String(), sgA)
	r.sa(below1, below1.String(), sgB)
	r.env.full[conn] = false
	r.s.Writable(r.now, conn)
	r.wantSAs(below2, sgA, sgB)
}

// Entries that change while a catch-up is past them come with its next pass.
func TestCatchUpMeetsChangesBehindItsCursor(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1)
	sources := many(6000)
	r.sa(below1, below1.String(), sources...)
	r.advanceAlive(40 * time.Second)
	conn := r.env.last + 1
	r.env.full[conn] = true
	if r.accept(below2, rigLocal) != conn {
		t.Fatal("another connection")
	}
	r.s.peers[below2].catchUp.next = r.s.cache.limit() / 2 // half is behind it
	r.sa(below1, below1.String(), sources[:10]...)         // refreshed: flooded again
	r.env.full[conn] = false
	r.s.Writable(r.now, conn)
	got := r.takenSAs(below2)
	for _, s := range sources[:10] {
		if _, ok := got[s]; !ok {
			t.Errorf("%s changed and was not sent", s)
		}
	}
}

func TestFloodsFitInAnEmptyQueue(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.env.limit = 64 << 10
	r.sa(below1, farRP, many(100_000)...) // all of them wait for the route
	r.route(farRP, 20, below1)
	if n := len(r.env.refused); n != 0 {
		t.Fatalf("%d Sends were larger than %d octets", r.env.refused[r.conn(below2)], r.env.limit)
	}
	if n := len(r.takenSAs(below2)); n != 100_000 {
		t.Errorf("%d entries flooded", n)
	}
}

// A peer that never reads costs no more than its queue.
func TestPeerThatNeverReads(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	conn := r.conn(below2)
	r.env.full[conn] = true
	r.sa(below1, below1.String(), many(1000)...)
	calls := r.env.refused[conn]
	for range 50 {
		r.advanceAlive(31 * time.Second)
		r.sa(below1, below1.String(), many(1000)...)
	}
	// While it catches up nothing but KeepAlives is tried.
	if n := r.env.refused[conn] - calls; n > 50 {
		t.Errorf("%d more attempts to send", n)
	}
	r.wantState(below2, StateEstablished)
}

func TestSAsSentAreCounted(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1)
	r.sa(below1, below1.String(), many(600)...)
	r.up(below2)
	r.sa(below1, below1.String(), sgA)
	if n := r.s.peers[below2].stats.SAsSent; n != 4 { // 255 + 255 + 90, and 1
		t.Errorf("%d", n)
	}
	if n := r.s.peers[below1].stats.SAsReceived; n != 4 {
		t.Errorf("%d", n)
	}
}

// TestPaceIsExact: a peer that says an SA all the time is passed on twice a minute, and not
// a third time some hundredths of a second before the minute is over.
func TestPaceIsExact(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.now = r.now.Add(99 * time.Millisecond)
	r.forgetSent()
	var passed []time.Duration
	began := r.now
	for r.now.Sub(began) < 2*time.Minute {
		r.sa(below1, below1.String(), sgA)
		if len(r.takenSAs(below2)) > 0 {
			passed = append(passed, r.now.Sub(began))
		}
		r.now = r.now.Add(11 * time.Millisecond)
	}
	if len(passed) < 4 {
		t.Fatalf("passed on after %v only", passed)
	}
	for i := range passed[2:] {
		if apart := passed[i+2] - passed[i]; apart < SAAdvertisementPeriod {
			t.Errorf("passed on three times within %v", apart)
		}
	}
}
