package pimd

import (
	"strings"
	"testing"

	"msdpd/lib/ipv4"
)

// What 8.4.4 chose with these RPs configured.
func TestLookup(t *testing.T) {
	list := func(rp string, l PrefixList) RP { return RP{Address: ip(rp), PrefixList: "L", List: l, Mine: true} }
	group := func(rp, g string) RP { return RP{Address: ip(rp), Group: prefix(g)} }
	lists := RPSet{
		list("10.2.0.1", recordedGroups),
		list("10.12.0.1", PrefixList{{true, prefix("239.8.0.0/15")}}),
		list("10.255.0.2", PrefixList{{true, prefix("239.8.2.0/24")}}),
	}
	mixed := RPSet{
		list("10.2.0.1", PrefixList{
			{true, prefix("239.99.0.0/16")}, {true, prefix("239.40.1.0/24")}, {true, prefix("239.40.0.0/16")}, {true, prefix("239.0.0.0/8")},
		}),
		group("10.12.0.2", "239.40.0.0/16"),
		group("10.12.0.2", "239.20.0.0/24"),
	}
	ranges := RPSet{group("10.1.0.1", "239.30.0.0/16"), group("10.1.0.2", "239.30.1.0/24"), group("10.1.0.3", "224.0.0.0/4")}
	for _, tc := range []struct {
		set       RPSet
		group, rp string
	}{
		{lists, "239.8.1.1", "10.2.0.1"},   // /16 before /15
		{lists, "239.8.2.1", "10.255.0.2"}, // /24
		{lists, "239.9.1.1", "10.12.0.1"},  // denied by one list, permitted by the other
		{lists, "239.9.2.1", "10.2.0.1"},
		{lists, "239.10.1.1", ""},
		{mixed, "239.40.1.1", "10.2.0.1"},  // a list's /24 before a range's /16
		{mixed, "239.40.3.3", "10.2.0.1"},  // the list of the same length
		{mixed, "239.20.0.1", "10.12.0.2"}, // a range's /24 before a list's /8
		{ranges, "239.30.1.1", "10.1.0.2"},
		{ranges, "239.30.2.1", "10.1.0.1"},
		{ranges, "225.1.1.1", "10.1.0.3"},
		{nil, "225.1.1.1", ""},
		{RPSet{list("10.2.0.1", nil)}, "225.1.1.1", ""},
	} {
		rp, mine, ok := tc.set.Lookup(ip(tc.group))
		if ok != (tc.rp != "") || ok && (rp != ip(tc.rp) || mine != (rp == ip("10.2.0.1") || rp == ip("10.255.0.2") || rp == ip("10.12.0.1"))) {
			t.Errorf("%s: %s, %v, %v; want %s", tc.group, rp, mine, ok, tc.rp)
		}
	}
}

func TestMyRPs(t *testing.T) {
	same(t, []ipv4.Addr{ip("9.0.0.1"), ip("10.0.0.1")}, RPSet{
		{Address: ip("10.0.0.1"), Mine: true}, {Address: ip("10.0.0.2")}, {Address: ip("9.0.0.1"), Mine: true}, {Address: ip("10.0.0.1"), Mine: true},
	}.MyRPs())
}

func TestMaxJoinsPerGroup(t *testing.T) {
	for _, tc := range []struct {
		release string
		mtu     int
		want    int
	}{
		{"8.4.4", 1500, 180},
		{"8.4.4", 9000, 180},
		{"8.4.4", 1400, 168},
		{"8.4.4", 576, 65},
		{"8.4.4", 10, 1},
		{"8.4.4", 0, 180},
		{"10.6.9", 1500, 180},
		{"10.7", 1500, 0},
		{"10.7.1", 576, 0},
		{"10.10", 1500, 0},
		{"10.8-dev", 1500, 0},
		{"11.0", 1500, 0},
		{"", 1500, 180},
		{"unknown", 1500, 180},
		{"10", 1500, 180},
	} {
		if got := (State{Release: tc.release}).MaxJoinsPerGroup(tc.mtu); got != tc.want {
			t.Errorf("%s with MTU %d: %d, want %d", tc.release, tc.mtu, got, tc.want)
		}
	}
}

func TestFindObstacles(t *testing.T) {
	healthy := func() State {
		return State{
			Present: true, Release: "8.4.4",
			RPs: RPSet{
				{Address: ip("10.255.0.1"), Group: prefix("239.200.0.0/16")},
				{Address: ip("10.255.0.2"), Group: prefix("224.0.0.0/4"), Mine: true},
			},
			Interfaces: map[string]Interface{"lo": {PIM: true, Up: true}, "h0": {PIM: true, Up: true}},
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*State)
		want   []ObstacleKind
		text   []string
	}{
		{"none", func(*State) {}, nil, nil},
		{"absent", func(s *State) { *s = State{} }, []ObstacleKind{PIMDAbsent}, []string{"pimd: ", "start it"}},
		{"passive", func(s *State) { s.Interfaces["lo"] = Interface{PIM: true, Passive: true} },
			[]ObstacleKind{PassivePIM}, []string{"lo: ", "10.255.0.2", "no ip pim passive"}},
		{"passive elsewhere", func(s *State) { s.Interfaces["h0"] = Interface{PIM: true, Passive: true} }, nil, nil},
		{"no ip pim: pimd does not call the address its own", func(s *State) { s.RPs[1].Mine = false; delete(s.Interfaces, "lo") },
			[]ObstacleKind{NoPIM}, []string{"lo: ", "10.255.0.2", "configure 'ip pim'"}},
		{"ip igmp alone", func(s *State) { s.Interfaces["lo"] = Interface{Up: true} }, []ObstacleKind{NoPIM}, []string{"lo: "}},
		{"no RP of ours", func(s *State) { s.RPs = s.RPs[:1] }, []ObstacleKind{NoRP}, []string{"pimd: ", "ip pim rp A.B.C.D"}},
		{"own MSDP", func(s *State) { s.OwnMSDP = true }, []ObstacleKind{OwnMSDP}, []string{"pimd: ", "639", "remove"}},
		{"list that permits some", func(s *State) { s.RegisterAcceptList, s.AcceptList = "ACC", recordedAccept },
			[]ObstacleKind{AcceptListDenies}, []string{"register-accept-list ACC: ", "ip prefix-list ACC permit"}},
		{"list that denies one", func(s *State) {
			s.RegisterAcceptList, s.AcceptList = "ACC", PrefixList{{false, prefix("10.0.0.1/32")}, {true, prefix("0.0.0.0/0")}}
		}, []ObstacleKind{AcceptListDenies}, []string{"register-accept-list ACC: "}},
		{"list that permits all", func(s *State) {
			s.RegisterAcceptList, s.AcceptList = "ACC", PrefixList{{true, prefix("10.0.0.1/32")}, {true, prefix("0.0.0.0/0")}, {false, prefix("0.0.0.0/0")}}
		}, nil, nil},
		{"list that is not there", func(s *State) { s.RegisterAcceptList = "ACC" }, []ObstacleKind{AcceptListDenies}, []string{"no such prefix list"}},
		{"several", func(s *State) {
			s.OwnMSDP, s.RegisterAcceptList = true, "ACC"
			s.Interfaces["lo"] = Interface{PIM: true, Passive: true}
		}, []ObstacleKind{OwnMSDP, PassivePIM, AcceptListDenies}, []string{"pimd: ", "lo: ", "register-accept-list ACC: "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := healthy()
			tc.change(&s)
			var kinds []ObstacleKind
			var texts string
			for _, o := range s.FindObstacles(func(rp ipv4.Addr) (string, bool) { return "lo", rp == ip("10.255.0.2") }) {
				kinds = append(kinds, o.Kind)
				texts += o.Text + "\n"
			}
			same(t, tc.want, kinds)
			for _, part := range tc.text {
				if !strings.Contains(texts, part) {
					t.Errorf("%q is not in %s", part, texts)
				}
			}
		})
	}
}

func TestPermitsRegister(t *testing.T) {
	list := PrefixList{{false, prefix("10.1.1.0/24")}, {true, prefix("10.0.0.0/8")}}
	for name, tc := range map[string]struct {
		state  State
		source string
		want   bool
	}{
		"no such command":       {State{}, "192.0.2.1", true},
		"permitted":             {State{RegisterAcceptList: "L", AcceptList: list}, "10.2.0.1", true},
		"denied":                {State{RegisterAcceptList: "L", AcceptList: list}, "10.1.1.1", false},
		"not in the list":       {State{RegisterAcceptList: "L", AcceptList: list}, "192.0.2.1", false},
		"the list is not there": {State{RegisterAcceptList: "L"}, "10.2.0.1", false},
	} {
		if got := tc.state.PermitsRegister(ipv4.MustParse(tc.source)); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
