package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"msdpd/lib/debug"
	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

// TestWrittenConfigurationReadsBack: what is printed, read back, is the same, for settings
// made at random.
func TestWrittenConfigurationReadsBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		s := randomSettings(r)
		if err := s.msdp.Validate(); err != nil {
			t.Fatalf("the generator made %v of\n%s", err, written(s))
		}
		back, err := read(t, written(s))
		if err != nil {
			t.Fatalf("%v\n%s", err, written(s))
		}
		if diff := cmp.Diff(s, back, settingsEqual); diff != "" {
			t.Fatalf("-written +read\n%s\n%s", diff, written(s))
		}
	}
}

func randomSettings(r *rand.Rand) *settings {
	s := newSettings()
	addr := func() ipv4.Addr {
		return ipv4.MustParse(fmt.Sprintf("10.%d.%d.%d", r.IntN(3), r.IntN(3), 1+r.IntN(20)))
	}
	if r.IntN(2) == 0 {
		s.hostname = fmt.Sprintf("router-%d", r.IntN(100))
	}
	randomShell(r, s)
	for range r.IntN(4) {
		kinds := debug.Kinds()
		i := debug.Item{Kind: kinds[r.IntN(len(kinds))]}
		if i.Kind.OfPeers() && r.IntN(2) == 0 {
			i.Peer = addr()
		}
		s.debug = s.debug.With(i)
	}
	if r.IntN(2) == 0 {
		hold := 3 + r.IntN(65000)
		s.msdp.Timers = msdp.Timers{
			KeepAlive: time.Duration(1+r.IntN(hold-1)) * time.Second, Hold: time.Duration(hold) * time.Second,
			ConnectRetry: time.Duration(1+r.IntN(65535)) * time.Second,
		}
	}
	switch r.IntN(3) {
	case 0:
		s.msdp.OriginatorID = addr()
	case 1:
		s.msdp.OriginatorInterface = "lo"
	}
	s.msdp.Shutdown = r.IntN(4) == 0
	s.msdp.Log = msdp.LogEvents{Neighbors: r.IntN(2) == 0, SAs: r.IntN(2) == 0}
	s.msdp.RejectedSAs = []int{msdp.DefaultRejectedSAs, 0, 1 + r.IntN(1000000)}[r.IntN(3)]
	if r.IntN(2) == 0 {
		s.msdp.Redistribute = msdp.Redistribution{Restricted: true, List: randomList(r)}
	}
	s.msdp.DataPeriod = []time.Duration{0, msdp.DefaultDataPeriod, seconds(uint64(1 + r.IntN(60)))}[r.IntN(3)]
	own := ipv4.MustParse("192.0.2.1")
	for range r.IntN(6) {
		p := s.msdp.AddPeer(addr())
		p.Local, p.LocalInterface = own, ""
		if r.IntN(3) == 0 {
			p.Local, p.LocalInterface = 0, "eth0"
		}
		p.ASN = uint32(r.IntN(3)) * r.Uint32()
		p.Shutdown = r.IntN(4) == 0
		p.Guard = randomGuard(r)
		p.Timers = randomTimers(r)
		p.Filters = randomFilters(r)
		p.Requests = randomRequests(r)
		p.Data = msdp.PeerData{Accept: r.IntN(2) == 0, TTLThreshold: uint8(r.IntN(2) * r.IntN(256))}
		p.Limits = randomPeerLimits(r)
		if r.IntN(3) == 0 {
			p.Description = "a  link | to \"somewhere\" ! # 7"
		}
	}
	for i := range r.IntN(3) {
		g := s.msdp.AddMeshGroup(fmt.Sprintf("g%d", i))
		if r.IntN(3) > 0 {
			g.Source = own
		}
		for range 1 + r.IntN(3) {
			member := ipv4.MustParse(fmt.Sprintf("10.9.%d.%d", i, 1+r.IntN(5)))
			g.AddMember(member)
			s.msdp.AddPeer(member).Guard = randomGuard(r)
			s.msdp.AddPeer(member).Timers = randomTimers(r)
			s.msdp.AddPeer(member).Filters = randomFilters(r)
			s.msdp.AddPeer(member).Limits = randomPeerLimits(r)
			s.msdp.DropEmptyPeer(member)
		}
	}
	for i := range r.IntN(3) {
		s.msdp.DefaultPeers = append(s.msdp.DefaultPeers, msdp.DefaultPeer{
			Addr: ipv4.MustParse(fmt.Sprintf("10.8.0.%d", 9-i)), PrefixList: randomList(r),
		})
	}
	randomLimits(r, s)
	for i := range r.IntN(3) {
		s.addStaticRP(staticRP{addr: addr(), group: netip.MustParsePrefix(fmt.Sprintf("239.%d.0.0/16", i))})
	}
	return s
}

// randomTimers are those of one peer, with or without a ConnectRetry period of its own.
func randomTimers(r *rand.Rand) msdp.Timers {
	if r.IntN(2) == 0 {
		return msdp.Timers{}
	}
	hold := 3 + r.IntN(65000)
	t := msdp.Timers{KeepAlive: seconds(uint64(1 + r.IntN(hold-1))), Hold: seconds(uint64(hold))}
	if r.IntN(2) == 0 {
		t.ConnectRetry = seconds(uint64(1 + r.IntN(65535)))
	}
	return t
}

func randomFilters(r *rand.Rand) msdp.PeerFilters {
	both := func() msdp.FilterLists { return msdp.FilterLists{SG: randomList(r), RP: randomList(r)} }
	return msdp.PeerFilters{In: both(), Out: both(), ScopeBoundary: randomList(r)}
}

func randomRequests(r *rand.Rand) msdp.PeerRequests {
	q := msdp.PeerRequests{Accept: r.IntN(2) == 0, Send: r.IntN(2) == 0}
	if q.Accept {
		q.List = randomList(r)
	}
	return q
}

// randomList is the name of a list, or none.
func randomList(r *rand.Rand) string {
	return []string{"", "", "border", "101", "rp-list", "in"}[r.IntN(6)]
}

// randomGuard has any key that a line can hold.
func randomGuard(r *rand.Rand) guard.Guard {
	var g guard.Guard
	if r.IntN(2) == 0 {
		g.Hops = uint8(r.IntN(guard.MaxHops + 1))
	}
	if r.IntN(3) == 0 {
		return g
	}
	key := ""
	for n := 1 + r.IntN(guard.MaxKeyLen); len(key) < n; {
		c := string('!' + rune(r.IntN('~'-'!'+1)))
		if r.IntN(20) == 0 {
			c = "ü"
		}
		if len(key)+len(c) > guard.MaxKeyLen {
			break
		}
		key += c
	}
	g.Key = guard.Key(key)
	return g
}
