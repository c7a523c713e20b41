package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"msdpd/lib/msdp"
	"msdpd/lib/pimd"
)

// randomMost is a limit of any size, or none where that can be said.
func randomMost(r *rand.Rand, none bool) uint32 {
	if none && r.IntN(4) == 0 {
		return msdp.Unlimited
	}
	return 1 + r.Uint32N(msdp.Unlimited-1)>>r.IntN(32)
}

func randomEntryLimit(r *rand.Rand, none bool) (l msdp.EntryLimit) {
	if r.IntN(2) == 0 {
		l.Max = randomMost(r, none)
		l.Threshold = uint8(r.IntN(2) * r.IntN(101))
	}
	return l
}

func randomRate(r *rand.Rand) (rate msdp.Rate) {
	if r.IntN(2) == 0 {
		rate.PerSecond = randomMost(r, false)
		rate.Burst = randomMost(r, true)
	}
	return rate
}

func randomPeerLimits(r *rand.Rand) msdp.PeerLimits {
	return msdp.PeerLimits{Entries: randomEntryLimit(r, true), Rate: randomRate(r)}
}

func randomLimits(r *rand.Rand, s *settings) {
	l := &s.msdp.Limits
	l.Entries = randomEntryLimit(r, false)
	for _, most := range []*uint32{&l.Group, &l.Source, &l.RP} {
		if r.IntN(2) == 0 {
			*most = randomMost(r, false)
		}
	}
	for range r.IntN(4) {
		group := netip.AddrFrom4([4]byte{byte(224 + r.IntN(16)), byte(r.IntN(2)), byte(r.IntN(2)), 1})
		l.Groups.Set(netip.PrefixFrom(group, 4+r.IntN(29)).Masked(), randomMost(r, true))
		source := netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(2)), byte(r.IntN(2)), 1})
		l.Sources.Set(netip.PrefixFrom(source, r.IntN(33)).Masked(), randomMost(r, true))
	}
	l.Registers = randomRate(r)
	if r.IntN(4) == 0 {
		l.Registers = msdp.Rate{PerSecond: msdp.Unlimited}
	}
	if r.IntN(2) == 0 {
		s.joins = joinLimits{total: 1 + r.IntN(100000), perGroup: r.IntN(2) * (1 + r.IntN(100000))}
	}
}

// TestShortNoFormsOfLimits: what was configured needs not be said again.
func TestShortNoFormsOfLimits(t *testing.T) {
	given := []string{
		"peer 10.0.0.8 sa-limit 7 threshold 7", "peer 10.0.0.9 sa-rate 5 burst 7", "sa-limit 5", "group-limit 7", "source-limit 7",
		"group-limit 239.1.0.0/16 9", "source-limit 10.1.0.0/16 8", "rp-limit 7", "register-rate 7 burst 7", "join-limit 100 per-group 7",
	}
	short := []string{
		"peer 10.0.0.8 sa-limit", "peer 10.0.0.9 sa-rate", "sa-limit", "group-limit", "source-limit",
		"group-limit 239.1.0.0/16", "source-limit 10.1.0.0/16", "rp-limit", "register-rate", "join-limit",
	}
	for name, prefix := range map[string][2]string{"at the top": {"ip msdp ", "no ip msdp "}, "router pim": {"router pim\n msdp ", "router pim\n no msdp "}} {
		var text string
		for i := range given {
			text += prefix[0] + given[i] + "\n"
		}
		s, err := read(t, text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := strings.Count(written(s), "\n"); n != len(given)+3 {
			t.Errorf("%s: %d lines written:\n%s", name, n, written(s))
		}
		for i := range short {
			text += prefix[1] + short[i] + "\n"
		}
		s, err = read(t, text)
		if err != nil || written(s) != written(newSettings()) {
			t.Errorf("%s: %v\n%s", name, err, written(s))
		}
	}
}

// TestJoinLimitsStayBelowWhatPimdBears: a limit that would kill pimd is not used, and that is said.
func TestJoinLimitsStayBelowWhatPimdBears(t *testing.T) {
	in := newIdleInstance()
	in.limitJoins(defaultGroupJoins)
	for _, tc := range []struct {
		line, release string
		total, group  int
		said          bool
	}{
		{"", "8.4.4", 10000, 180, false},
		{"", "10.7", 10000, 0, false},
		{"ip msdp join-limit 500\n", "8.4.4", 500, 180, false},
		{"ip msdp join-limit 500 per-group 100\n", "8.4.4", 500, 100, false},
		{"ip msdp join-limit 500 per-group 181\n", "8.4.4", 500, 180, true},
		{"ip msdp join-limit 500 per-group 181\n", "", 500, 180, true},
		{"ip msdp join-limit 500 per-group 181\n", "10.7", 500, 181, false},
	} {
		s, err := read(t, tc.line)
		if err != nil {
			t.Fatal(err)
		}
		for _, configuredFirst := range []bool{true, false} {
			in.apply(newSettings())
			in.pimdChanged(pimd.State{Present: true, Release: "9.0"})
			if configuredFirst {
				in.apply(s)
			}
			in.pimdChanged(pimd.State{Present: true, Release: tc.release})
			if !configuredFirst {
				in.apply(s)
			}
			st, text := in.joinStatus(), in.joinLimitTooHigh()
			if st.Limit != tc.total || st.PerGroup != tc.group || (text != "") != tc.said {
				t.Errorf("%q with pimd %q: %+v, said %q", tc.line, tc.release, st, text)
			}
		}
	}
}

func TestLimitsInWords(t *testing.T) {
	limits := []msdp.LimitStatus{
		{Kind: msdp.LimitPeer, Peer: 0x0a000002, Max: 1000, WarnsAt: 80, Configured: true, Count: 1000, Pending: 3, Refused: 7},
		{Kind: msdp.LimitPeer, Peer: 0x0a000003, Max: msdp.Unlimited, Configured: true, Count: 10},
		{Kind: msdp.LimitPeerRate, Peer: 0x0a000003, Rate: msdp.Rate{PerSecond: 5, Burst: 9}, Configured: true},
		{Kind: msdp.LimitAll, Max: 4000, WarnsAt: 80, Count: 1010},
		{Kind: msdp.LimitGroup, Max: 12, WarnsAt: 80, Configured: true, Count: 2, Refused: 9},
		{Kind: msdp.LimitSources, Prefix: netip.MustParsePrefix("10.0.0.0/8"), Max: 12, WarnsAt: 80, Configured: true},
		{Kind: msdp.LimitRegister, Rate: msdp.Rate{PerSecond: msdp.Unlimited}},
	}
	var got []string
	for _, l := range limits {
		got = append(got, strings.Join([]string{limitName(l), limitMost(l), limitFull(l), limitNow(l)}, "|"))
	}
	got = append(got, limitsAttention(limits)...)
	want := []string{
		"peer 10.0.0.2 sa-limit|1000|100/80 %|1000",
		"peer 10.0.0.3 sa-limit|unlimited|-|10",
		"peer 10.0.0.3 sa-rate|5/s|-|burst 9",
		"sa-limit|4000|25/80 %|1010",
		"group-limit|12|-/80 %|2 full",
		"source-limit 10.0.0.0/8|12|0/80 %|0",
		"register-rate|unlimited|-|-",
		"`ip msdp peer 10.0.0.2 sa-limit 1000` is full, 7 new entries were refused so far",
		"`ip msdp group-limit 12`: 2 are full, 9 new entries were refused so far",
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPeerLimitsInWords(t *testing.T) {
	for _, tc := range []struct {
		limits msdp.PeerLimits
		want   string
	}{
		{msdp.PeerLimits{}, "SA Limit: 1000000, 0 % full, warning at 80 %, by default"},
		{msdp.PeerLimits{Entries: msdp.EntryLimit{Max: 100}}, "SA Limit: 100, 25 % full, warning at 80 %"},
		{msdp.PeerLimits{Entries: msdp.EntryLimit{Max: 5}}, "SA Limit: 5, 500 % full"},
		{msdp.PeerLimits{Entries: msdp.EntryLimit{Max: msdp.Unlimited}, Rate: msdp.Rate{PerSecond: 3, Burst: 4}},
			"SA Limit: unlimited SA Rate: 3 new ones a second, burst 4"},
	} {
		var lines []string
		p := msdp.PeerStatus{SACount: 25}
		p.Limits = tc.limits
		printPeerLimits(func(name, value string) { lines = append(lines, name+": "+value) }, p)
		if got := strings.Join(lines, " "); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}
