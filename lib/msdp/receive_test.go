package msdp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

var (
	sgA = sg("192.0.2.1", "239.1.1.1")
	sgB = sg("192.0.2.2", "239.1.1.1")
	sgC = sg("192.0.2.3", "239.2.2.2")
)

// farRP is an RP that is no peer; farRig has the route to it lead through below1.
const farRP = "203.0.113.1"

func farRig(t testing.TB, c Config) *rig {
	t.Helper()
	r := newRig(t, c)
	for _, p := range r.s.ordered {
		r.up(p.Addr)
	}
	r.s.AskRPF(r.now, ip(farRP))
	r.route(farRP, 20, below1)
	r.forgetSent()
	return r
}

func TestEntryExpires(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	r.sa(below1, below1.String(), sgA, sgB)
	r.advanceAlive(150 * time.Second)
	r.sa(below1, below1.String(), sgB)
	r.advanceAlive(59 * time.Second)
	r.wantCached(true, sgA, sgB)
	r.advanceAlive(2 * time.Second)
	r.wantCached(false, sgA)
	r.wantCached(true, sgB)
	if st, _ := r.s.SA(sgB); !st.Expires.Equal(start.Add(360 * time.Second)) {
		t.Errorf("expires after %v", st.Expires.Sub(start))
	}
	r.advanceAlive(150 * time.Second)
	r.wantCached(false, sgB)
	if n := r.s.peers[below1].saCount; n != 0 {
		t.Errorf("the peer still counts %d", n)
	}
}

// A session that ends takes nothing from the cache: its entries live their time.
func TestEntriesOutliveTheSession(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	r.sa(below1, below1.String(), sgA)
	r.s.Closed(r.now, r.conn(below1), nil)
	r.advance(200 * time.Second)
	r.wantCached(true, sgA)
	r.advance(11 * time.Second)
	r.wantCached(false, sgA)
}

func TestExpiryOfALargeCache(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	var sgs []ipv4.SG
	for i := range ipv4.Addr(150_000) {
		sgs = append(sgs, ipv4.SG{Source: ip("20.0.0.0") + i, Group: ip("239.0.0.0") + i%1000})
	}
	r.sa(below1, below1.String(), sgs...)
	if r.s.cache.count() != len(sgs) {
		t.Fatalf("%d entries are cached", r.s.cache.count())
	}
	r.advanceAlive(209 * time.Second)
	if r.s.cache.count() != len(sgs) {
		t.Errorf("%d entries are left before their time", r.s.cache.count())
	}
	r.advanceAlive(12 * time.Second)
	if r.s.cache.count() != 0 {
		t.Errorf("%d entries are left after their time", r.s.cache.count())
	}
}

func TestClearCache(t *testing.T) {
	r := farRig(t, peersConfig(below1, below2))
	r.s.KernelEntry(r.now, sg("0.0.0.0", "239.1.1.1"), 2, 0)
	r.sa(below1, farRP, sgA, sgB)
	r.sa(below1, "203.0.113.99", sgC) // waits for its route
	if n := r.s.ClearCache(r.now); n != 2 || r.s.cache.count() != 0 || len(r.env.joined) != 0 || r.s.Summary().Pending != 0 {
		t.Errorf("%d cleared, %d left, %d joined, %d pending", n, r.s.cache.count(), len(r.env.joined), r.s.Summary().Pending)
	}
	r.sa(below1, farRP, sgA)
	r.wantCached(true, sgA)
	if !r.env.joined[sgA] {
		t.Error("not joined again")
	}
}

func TestOwnershipByRPF(t *testing.T) {
	r := farRig(t, peersConfig(below1, below2))
	r.sa(below1, farRP, sgA)
	r.advanceAlive(40 * time.Second)
	r.forgetSent()
	// The wrong way round: neither refreshed nor flooded.
	r.sa(below2, farRP, sgA)
	r.wantRefused(below2, ReasonRPF, 1)
	r.wantSAs(below1)
	if st, _ := r.s.SA(sgA); !st.Expires.Equal(start.Add(SGStatePeriod)) {
		t.Error("a copy from the wrong peer refreshed the entry")
	}
	// The route changes, and with it the RPF peer.
	r.route(farRP, 20, below2)
	r.sa(below1, farRP, sgA)
	r.wantRefused(below1, ReasonRPF, 1)
	r.sa(below2, farRP, sgA)
	if got := r.owner(sgA); got != below2 {
		t.Errorf("owner %s, want %s", got, below2)
	}
	r.wantSAs(below1, sgA)
	if r.s.peers[below1].saCount != 0 || r.s.peers[below2].saCount != 1 {
		t.Error("the peers' counts are wrong")
	}
}

func meshConfig(peers []ipv4.Addr, members ...ipv4.Addr) Config {
	c := peersConfig(append(peers, members...)...)
	g := c.AddMeshGroup("m")
	g.Source = rigLocal
	for _, m := range members {
		g.AddMember(m)
	}
	return c
}

func TestOwnershipInAMesh(t *testing.T) {
	t.Run("a member's copy does not replace what passed RPF", func(t *testing.T) {
		r := farRig(t, meshConfig([]ipv4.Addr{below1}, below2, below3))
		r.sa(below1, farRP, sgA)
		r.advanceAlive(40 * time.Second)
		r.sa(below2, farRP, sgA)
		r.wantRefused(below2, ReasonNotOwner, 1)
		if r.owner(sgA) != below1 {
			t.Error("the member owns it now")
		}
	})
	t.Run("what passes RPF replaces a member's copy", func(t *testing.T) {
		r := farRig(t, meshConfig([]ipv4.Addr{below1}, below2, below3))
		r.sa(below2, farRP, sgA)
		if st, _ := r.s.SA(sgA); st.Peer != below2 || !st.MeshGroup {
			t.Fatalf("a member's copy was not taken: %+v", st)
		}
		r.sa(below1, farRP, sgA)
		if st, _ := r.s.SA(sgA); st.Peer != below1 || st.MeshGroup {
			t.Errorf("%+v", st)
		}
	})
	t.Run("the first member keeps it", func(t *testing.T) {
		r := farRig(t, meshConfig([]ipv4.Addr{below1}, below2, below3))
		r.sa(below2, farRP, sgA)
		r.sa(below3, farRP, sgA)
		r.wantRefused(below3, ReasonNotOwner, 1)
		if r.owner(sgA) != below2 {
			t.Error("another member owns it now")
		}
	})
	t.Run("until its session ends", func(t *testing.T) {
		r := farRig(t, meshConfig([]ipv4.Addr{below1}, below2, below3))
		r.sa(below2, farRP, sgA)
		r.s.Closed(r.now, r.conn(below2), nil)
		r.sa(below3, farRP, sgA)
		if r.owner(sgA) != below3 {
			t.Error("a member without a session keeps it")
		}
	})
	t.Run("or until it does not refresh it any more", func(t *testing.T) {
		r := farRig(t, meshConfig([]ipv4.Addr{below1}, below2, below3))
		r.sa(below2, farRP, sgA)
		for range 5 {
			r.advanceAlive(50 * time.Second)
			r.sa(below3, farRP, sgA)
		}
		if st, _ := r.s.SA(sgA); !st.FirstSeen.Equal(start) {
			t.Errorf("first seen %v after the beginning: it went in between", st.FirstSeen.Sub(start))
		}
		if r.owner(sgA) != below3 {
			t.Error("a member that says nothing keeps it")
		}
	})
}

func TestDuplicateRP(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.sa(below1, below1.String(), sgA)
	r.forgetSent()
	r.sa(below2, below2.String(), sgA)
	r.wantRefused(below2, ReasonDuplicateRP, 1)
	r.wantSAs(below1)
	st, _ := r.s.SA(sgA)
	if st.RP != below1 || !st.DuplicateRP {
		t.Errorf("%+v", st)
	}
	r.advanceAlive(211 * time.Second)
	r.sa(below2, below2.String(), sgA)
	if st, _ := r.s.SA(sgA); st.RP != below2 || st.DuplicateRP {
		t.Errorf("after the first expired: %+v", st)
	}
}

func TestLocalBeatsRemote(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.up(below1, below2)
	r.s.KernelEntry(r.now, sg("0.0.0.0", "239.1.1.1"), 2, 0)
	r.sa(below1, below1.String(), sgA)
	if !r.env.joined[sgA] {
		t.Fatal("not joined")
	}
	r.register(sgA)
	if r.env.joined[sgA] {
		t.Error("a local source stays joined")
	}
	r.sa(below1, below1.String(), sgA)
	r.wantRefused(below1, ReasonLocal, 1)
	r.wantCached(false, sgA)
	if st, ok := r.s.SA(sgA); !ok || !st.Local {
		t.Errorf("%+v", st)
	}
}

func TestPendingUntilTheRouteIsKnown(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2, below3))
	r.up(below1, below2, below3)
	r.s.KernelEntry(r.now, sg("0.0.0.0", "239.1.1.1"), 2, 0)
	r.forgetSent()
	r.sa(below2, farRP, sgA) // the wrong way round, and first
	r.sa(below1, farRP, sgA, sgB)
	r.wantCached(false, sgA, sgB)
	if len(r.env.joined) != 0 || r.env.tracked[ip(farRP)] != 1 || r.s.Summary().Pending != 3 {
		t.Errorf("%d joined, tracked %d times, %d pending", len(r.env.joined), r.env.tracked[ip(farRP)], r.s.Summary().Pending)
	}
	r.advance(TickInterval)
	r.wantSAs(below3)
	r.route(farRP, 20, below1)
	r.wantCached(true, sgA, sgB)
	r.wantRefused(below2, ReasonRPF, 1)
	if r.owner(sgA) != below1 || !r.env.joined[sgA] || r.s.Summary().Pending != 0 {
		t.Error("not admitted from the RPF peer alone")
	}
	r.wantSAs(below3, sgA, sgB)
	r.wantSAs(below2, sgA, sgB)
	r.wantSAs(below1)
	// The remembered answer decides from now on, also while a new one is awaited.
	r.sa(below1, farRP, sgC)
	r.wantCached(true, sgC)
}

func TestNoAnswerAboutTheRoute(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		r := newRig(t, peersConfig(below1))
		r.up(below1)
		r.sa(below1, farRP, sgA)
		r.advance(pendingPeriod - TickInterval)
		r.wantRefused(below1, ReasonNoRoute, 0)
		r.advance(TickInterval)
		r.wantRefused(below1, ReasonNoRoute, 1)
		r.sa(below1, farRP, sgA)
		r.wantRefused(below1, ReasonNoRoute, 2)
		r.wantCached(false, sgA)
		r.route(farRP, 20, below1) // late, but good
		r.sa(below1, farRP, sgA)
		r.wantCached(true, sgA)
	})
	t.Run("default peer", func(t *testing.T) {
		c := peersConfig(below1, below2)
		c.DefaultPeers = defaultPeers(below1)
		r := newRig(t, c)
		r.up(below1, below2)
		r.sa(below2, farRP, sgB)
		r.sa(below1, farRP, sgA)
		r.advance(pendingPeriod)
		r.wantCached(true, sgA)
		r.wantCached(false, sgB)
		r.wantRefused(below2, ReasonRPF, 1)
	})
}

func TestPendingOfAPeerThatGoes(t *testing.T) {
	for _, removed := range []bool{true, false} {
		t.Run(fmt.Sprintf("removed %t", removed), func(t *testing.T) {
			r := newRig(t, peersConfig(below1, below2))
			r.up(below1, below2)
			r.sa(below1, farRP, sgA)
			r.sa(below2, farRP, sgB)
			if removed {
				r.apply(peersConfig(below2))
			} else {
				r.s.Closed(r.now, r.conn(below1), nil)
			}
			r.route(farRP, 20, below1)
			r.wantCached(false, sgA, sgB)
			if n := r.s.Summary().Pending; n != 0 {
				t.Errorf("%d pending", n)
			}
		})
	}
}

// The peer that takes the place of a removed one does not take over what it said.
func TestPendingOfAPeerThatIsReplaced(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.sa(below1, farRP, sgA)
	r.sa(below2, farRP, sgB)
	r.apply(peersConfig(below2))
	r.apply(peersConfig(below2, below3))
	r.up(below3)
	r.route(farRP, 20, below3)
	r.wantCached(false, sgA, sgB)
}

func TestRPsAreForgotten(t *testing.T) {
	r := farRig(t, peersConfig(below1))
	r.sa(below1, farRP, sgA)
	r.advanceAlive(200 * time.Second)
	if r.env.tracked[ip(farRP)] != 1 {
		t.Error("the RP of an entry is not tracked")
	}
	r.advanceAlive(rpIdlePeriod + 30*time.Second)
	if r.env.tracked[ip(farRP)] != 0 || r.s.Summary().RPs != 0 {
		t.Error("an RP without entries is still tracked")
	}
}

func TestMadeUpRPsAreBounded(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	for i := range ipv4.Addr(maxRPs + 500) {
		r.sa(below1, (ip("20.0.0.0") + i).String(), sgA)
	}
	if n := r.s.Summary().RPs; n != maxRPs {
		t.Errorf("%d RPs", n)
	}
	r.wantRefused(below1, ReasonTableFull, 500)
	r.advanceAlive(rpIdlePeriod + 30*time.Second)
	if n := r.s.Summary().RPs; n != 0 {
		t.Errorf("%d RPs after a while", n)
	}
}

func TestOwnSAs(t *testing.T) {
	const anycast = "10.9.9.9" // on lo, and RP of everything
	for name, tc := range map[string]struct {
		originator ipv4.Addr
		from       ipv4.Addr
		rp         string
		rpsKnown   bool
		own        bool
	}{
		"what we would send, from a member":          {0, below2, "10.0.0.10", true, true},
		"what we would send, from a peer":            {0, below1, "10.0.0.10", true, true},
		"shared RP from a member":                    {0, below2, anycast, true, false},
		"shared RP from a member, RPs not known yet": {0, below2, anycast, false, false},
		"shared RP from a peer":                      {0, below1, anycast, true, true},
		"originator-id from a member":                {ip(anycast), below2, anycast, true, true},
		"another address of ours from a peer":        {0, below1, "10.1.0.1", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := meshConfig([]ipv4.Addr{below1}, below2)
			c.OriginatorID = tc.originator
			r := newRig(t, c)
			if tc.rpsKnown {
				r.s.SetRPs(r.now, rpIs(anycast))
			}
			r.up(below1, below2)
			r.sa(tc.from, tc.rp, sgA)
			r.wantCached(!tc.own, sgA)
			if tc.own {
				r.wantRefused(tc.from, ReasonOwn, 1)
			}
		})
	}
}

// keepingEnv keeps what is sent, to whomever.
type keepingEnv struct {
	*sinkEnv
	sent *bytes.Buffer
}

func (e keepingEnv) Send(_ ConnID, b []byte) bool {
	e.sent.Write(b)
	return true
}

// TestTLVsAtOnceAreTLVsOneByOne: what comes in one piece does what the same TLVs do one after the
// other, few entries in each or many, with some of them again and again.
func TestTLVsAtOnceAreTLVsOneByOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	newSpeaker := func() (*hotPath, *bytes.Buffer) {
		h, sent := newHotPath(t, 2, nil), &bytes.Buffer{}
		h.s.env = keepingEnv{h.env, sent}
		return h, sent
	}
	together, sent := newSpeaker()
	apart, sentApart := newSpeaker()
	for round := range 200 {
		var run []byte
		for range 1 + rng.IntN(60) {
			if rng.IntN(10) == 0 {
				run = wire.AppendKeepAlive(run)
			}
			most := 3
			if rng.IntN(8) == 0 {
				most = wire.MaxEntries
			}
			var sgs []ipv4.SG
			for range 1 + rng.IntN(most) {
				sgs = append(sgs, ipv4.SG{Source: benchSources + ipv4.Addr(rng.IntN(500)), Group: benchGroups + ipv4.Addr(rng.IntN(50))})
			}
			run = wire.AppendSourceActive(run, below1, sgs)
		}
		together.s.Received(together.now, 1, run)
		for rest := run; len(rest) > 0; {
			_, tlv, next, err := wire.Next(rest)
			if err != nil {
				t.Fatal(err)
			}
			apart.s.Received(apart.now, 1, tlv)
			rest = next
		}
		if !bytes.Equal(sent.Bytes(), sentApart.Bytes()) || together.s.Summary() != apart.s.Summary() {
			t.Fatalf("round %d: %d octets sent and %+v, one by one %d and %+v", round, sent.Len(), together.s.Summary(), sentApart.Len(), apart.s.Summary())
		}
		sent.Reset()
		sentApart.Reset()
		if round%20 == 0 {
			together.now, apart.now = together.now.Add(SAAdvertisementPeriod), apart.now.Add(SAAdvertisementPeriod)
		}
	}
	apart.s.cache.each(1, apart.s.cache.limit(), func(_ number, e *entry) bool {
		if together.s.cache.find(e.sg) == none {
			t.Errorf("%s is missing", e.sg)
		}
		return true
	})
}
