package msdp

import (
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

func requesting(r PeerRequests, peers ...ipv4.Addr) Config {
	c := peersConfig(below1, below2, below3)
	for _, p := range peers {
		c.Peer(p).Requests = r
	}
	return c
}

func (r *rig) request(from ipv4.Addr, group string) {
	r.t.Helper()
	r.tlv(from, wire.AppendSARequest(nil, ip(group)))
}

// responses returns the (S,G)s in the SA-Responses sent to the peer, and the groups it was asked about.
func (r *rig) responses(to ipv4.Addr) (answered map[ipv4.SG]ipv4.Addr, asked []ipv4.Addr) {
	r.t.Helper()
	answered = make(map[ipv4.SG]ipv4.Addr)
	for _, m := range r.taken(to) {
		switch m.kind {
		case wire.TypeSARequest:
			request, err := wire.ParseSARequest(m.raw)
			if err != nil {
				r.t.Fatal(err)
			}
			asked = append(asked, request.Group)
		case wire.TypeSAResponse:
			sa, err := wire.ParseSourceActive(m.raw)
			if err != nil {
				r.t.Fatal(err)
			}
			for i := range sa.Len() {
				sg, _ := sa.Entry(i)
				answered[sg] = sa.RP
			}
		}
	}
	return answered, asked
}

// TestRequestIsAnswered with what the peer may hear of the group, local and remote, and nothing else.
func TestRequestIsAnswered(t *testing.T) {
	c := requesting(PeerRequests{Accept: true}, below1, below2)
	c.Lists = lists(t, "access-list some permit ip host 192.0.2.1 any")
	c.Peer(below2).Filters.Out.SG = "some"
	r := newRig(t, c)
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.up(below1, below2, below3)
	local := sg("192.0.2.9", "239.1.1.1")
	r.register(local)
	of1, of3 := sg("192.0.2.7", "239.1.1.1"), sg("192.0.2.1", "239.1.1.1")
	r.sa(below1, below1.String(), of1)
	r.sa(below3, below3.String(), of3, sg("192.0.2.1", "239.1.1.2"))
	r.forgetSent()
	r.request(below1, "239.1.1.1")
	got, _ := r.responses(below1)
	if len(got) != 2 || got[local] != ip(rigRP) || got[of3] != below3 {
		t.Errorf("%v, want the local source and that of %s", got, below3)
	}
	r.request(below2, "239.1.1.1")
	if got, _ := r.responses(below2); len(got) != 1 || got[of3] != below3 {
		t.Errorf("%v, want what the filter permits", got)
	}
	r.request(below3, "239.1.1.1") // it may not ask
	if got, _ := r.responses(below3); len(got) != 0 {
		t.Errorf("%v for a peer whose requests are not accepted", got)
	}
	if n := r.s.peers[below3].stats; n.RequestsReceived != 1 || n.RequestsRefused != 1 {
		t.Errorf("%+v", n)
	}
	if n := r.s.peers[below1].stats; n.RequestsReceived != 1 || n.RequestsRefused != 0 || n.ResponsesSent != 2 {
		t.Errorf("%+v", n)
	}
	// What is no longer fresh is no answer.
	r.advanceAlive(freshPeriod + time.Second)
	r.forgetSent()
	r.request(below1, "239.1.1.1")
	if got, _ := r.responses(below1); len(got) != 0 {
		t.Errorf("%v, of which nothing was heard for long", got)
	}
}

func TestRequestsByList(t *testing.T) {
	c := requesting(PeerRequests{Accept: true, List: "groups"}, below1)
	r := newRig(t, c)
	r.up(below1, below2)
	in, out := sg("192.0.2.1", "239.1.1.1"), sg("192.0.2.1", "238.1.1.1")
	r.sa(below2, below2.String(), in, out)
	ask := func() map[ipv4.SG]ipv4.Addr {
		r.forgetSent()
		r.request(below1, "239.1.1.1")
		r.request(below1, "238.1.1.1")
		got, _ := r.responses(below1)
		return got
	}
	if got := ask(); len(got) != 0 {
		t.Errorf("%v, though the list does not exist", got)
	}
	if missing := c.MissingLists(); len(missing) != 1 {
		t.Errorf("missing: %v", missing)
	}
	c.Lists = lists(t, "access-list groups permit 239.0.0.0/8")
	r.apply(c)
	if got := ask(); len(got) != 1 || got[in] != below2 {
		t.Errorf("%v", got)
	}
}

// TestManyRequests: a peer that asks without end is answered so many times a second.
func TestManyRequests(t *testing.T) {
	r := newRig(t, requesting(PeerRequests{Accept: true}, below1))
	r.up(below1)
	for range 2 * requestBurst {
		r.request(below1, "239.1.1.1")
	}
	if n := r.s.peers[below1].stats.RequestsRefused; n != requestBurst {
		t.Errorf("%d refused of %d, want %d", n, 2*requestBurst, requestBurst)
	}
	r.advance(time.Second)
	for range 2 * requestsPerSecond {
		r.request(below1, "239.1.1.1")
	}
	if n := r.s.peers[below1].stats.RequestsRefused; n != requestBurst+requestsPerSecond {
		t.Errorf("%d refused a second later, want %d", n, requestBurst+requestsPerSecond)
	}
}

// TestInterestIsAskedFor: when receivers come, and when a session does while they are there.
func TestInterestIsAskedFor(t *testing.T) {
	r := newRig(t, requesting(PeerRequests{Send: true}, below1))
	r.up(below1, below2)
	r.forgetSent()
	group := sgInside.Group
	r.s.KernelEntry(r.now, ipv4.SG{Group: group}, 2, 0)
	r.s.KernelEntry(r.now, ipv4.SG{Group: ip("232.1.1.1")}, 2, 0) // never crosses
	if _, asked := r.responses(below1); len(asked) != 1 || asked[0] != group {
		t.Errorf("asked about %v, want %s", asked, group)
	}
	if _, asked := r.responses(below2); len(asked) != 0 {
		t.Errorf("a peer that is not to be asked was, about %v", asked)
	}
	// Receivers that come and go ask no more often than answers are awaited.
	r.s.KernelEntryGone(r.now, ipv4.SG{Group: group})
	r.s.KernelEntry(r.now, ipv4.SG{Group: group}, 2, 0)
	if _, asked := r.responses(below1); len(asked) != 0 {
		t.Errorf("asked again about %v", asked)
	}
	// The answer is taken as an SA is: joined, and passed on.
	r.tlv(below1, wire.AppendSAResponse(nil, below1, []ipv4.SG{sgInside}))
	r.wantCached(true, sgInside)
	if !r.env.joined[sgInside] {
		t.Error("not joined")
	}
	r.wantSAs(below2, sgInside)
	// With a new session it is asked anew.
	r.s.Closed(r.now, r.conn(below1), nil)
	r.up(below1)
	if _, asked := r.responses(below1); len(asked) != 1 {
		t.Errorf("asked about %v with the new session", asked)
	}
}

// TestAnswersThatNobodyAskedFor are refused, as are those to what was asked long ago.
func TestAnswersThatNobodyAskedFor(t *testing.T) {
	r := newRig(t, requesting(PeerRequests{Send: true}, below1))
	r.up(below1, below2)
	answer := func(from ipv4.Addr) { r.tlv(from, wire.AppendSAResponse(nil, from, []ipv4.SG{sgInside})) }
	answer(below1)
	r.wantRefused(below1, ReasonNotRequested, 1)
	answer(below2)
	if n := r.s.peers[below2].stats.UnknownTLVs; n != 1 {
		t.Errorf("%d unknown TLVs of a peer that is never asked, want 1", n)
	}
	r.s.KernelEntry(r.now, ipv4.SG{Group: sgInside.Group}, 2, 0)
	r.advance(answerPeriod + time.Second)
	answer(below1)
	r.wantRefused(below1, ReasonNotRequested, 2)
	r.wantCached(false, sgInside)
	r.wantState(below1, StateEstablished)
}

// TestRequestThatIsCutShort is no reason to reset a session.
func TestRequestThatIsCutShort(t *testing.T) {
	r := newRig(t, requesting(PeerRequests{Accept: true}, below1))
	r.up(below1)
	r.tlv(below1, []byte{byte(wire.TypeSARequest), 0, 5, 0, 239})
	r.wantState(below1, StateEstablished)
	if n := r.s.peers[below1].stats; n.UnknownTLVs != 1 || n.RequestsReceived != 0 {
		t.Errorf("%+v", n)
	}
}
