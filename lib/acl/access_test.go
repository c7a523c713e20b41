package acl

import (
	"strings"
	"testing"

	"msdpd/lib/ipv4"
)

// mustLists reads commands as Lists.All writes them.
func mustLists(t testing.TB, commands ...string) *Lists {
	t.Helper()
	var l Lists
	for _, c := range commands {
		if err := give(&l, c); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
	}
	return &l
}

func give(l *Lists, command string) error {
	w := strings.Fields(command)
	switch {
	case w[0] == "access-list" && w[2] == "remark":
		return l.SetRemark(w[1], strings.Join(w[3:], " "))
	case w[0] == "access-list":
		line, err := ParseLine(w[1], w[2:])
		if err != nil {
			return err
		}
		return l.AddLine(line)
	case w[3] == "description":
		return l.SetDescription(w[2], strings.Join(w[4:], " "))
	}
	line, err := ParsePrefixLine(w[2], w[3:])
	if err != nil {
		return err
	}
	return l.AddPrefixLine(line)
}

func sg(s, g string) ipv4.SG { return ipv4.SG{Source: ipv4.MustParse(s), Group: ipv4.MustParse(g)} }

func TestPermits(t *testing.T) {
	l := mustLists(t,
		"access-list x seq 5 deny ip 10.0.0.0 0.255.255.255 any",
		"access-list x seq 10 deny ip any host 224.0.1.39",
		"access-list x seq 15 permit ip host 192.0.2.7 239.0.1.0 0.255.0.255",
		"access-list x seq 20 permit 225.0.0.0/8",
		"access-list x seq 25 permit 226.0.0.1/32 exact-match",
		"access-list x seq 30 permit 227.0.0.0/8 exact-match",
		"access-list 7 deny 239.1.0.0 0.0.255.255",
		"access-list 7 permit any",
	)
	for _, tc := range []struct {
		list, s, g string
		permit     bool
		seq        uint32
	}{
		{"x", "10.255.0.1", "225.0.0.1", false, 5},
		{"x", "11.0.0.1", "224.0.1.39", false, 10},
		{"x", "192.0.2.7", "239.9.1.9", true, 15},
		{"x", "192.0.2.7", "239.9.2.9", false, 0},
		{"x", "192.0.2.8", "239.9.1.9", false, 0},
		{"x", "11.0.0.1", "225.255.0.1", true, 20},
		{"x", "225.0.0.1", "228.0.0.1", false, 0}, // a line with one range is about groups
		{"x", "11.0.0.1", "226.0.0.1", true, 25},
		{"x", "11.0.0.1", "227.0.0.0", false, 0}, // an address is no prefix of 8 bits
		{"7", "11.0.0.1", "239.1.2.3", false, 5},
		{"7", "11.0.0.1", "239.2.2.3", true, 10},
		{"none", "11.0.0.1", "239.2.2.3", false, 0},
	} {
		permit, line := l.Access(tc.list).Permits(sg(tc.s, tc.g))
		if permit != tc.permit || (line == nil) != (tc.seq == 0) || line != nil && line.Seq != tc.seq {
			t.Errorf("%s (%s,%s): %v by %v, want %v by %d", tc.list, tc.s, tc.g, permit, line, tc.permit, tc.seq)
		}
	}
}

func TestPermitsAddr(t *testing.T) {
	l := mustLists(t,
		"access-list x seq 5 deny 10.1.0.0/16",
		"access-list x seq 10 permit ip 10.0.0.0 0.255.255.255 any",
		"access-list x seq 15 permit ip 11.0.0.0 0.255.255.255 host 239.0.0.1",
		"access-list x seq 20 deny ip any 239.0.0.0 0.255.255.255",
		"access-list x seq 25 permit 12.0.0.1",
	)
	for _, tc := range []struct {
		list, a string
		permit  bool
		seq     uint32
	}{
		{"x", "10.1.0.1", false, 5},
		{"x", "10.2.0.1", true, 10},
		{"x", "11.0.0.1", false, 0}, // a line about a group says nothing about an RP
		{"x", "12.0.0.1", true, 25},
		{"none", "10.0.0.1", false, 0},
	} {
		permit, line := l.Access(tc.list).PermitsAddr(ipv4.MustParse(tc.a))
		if permit != tc.permit || (line == nil) != (tc.seq == 0) || line != nil && line.Seq != tc.seq {
			t.Errorf("%s %s: %v by %v, want %v by %d", tc.list, tc.a, permit, line, tc.permit, tc.seq)
		}
	}
}

func TestPermitsAllocatesNothing(t *testing.T) {
	l := mustLists(t, "ip prefix-list p permit 11.0.0.0/8 le 32")
	last := sg("11.0.0.1", "230.0.0.1")
	p := l.Prefix("p")
	if n := testing.AllocsPerRun(100, func() {
		Border().Permits(last)
		Border().PermitsGroup(last.Group)
		Border().PermitsAddr(last.Source)
		p.PermitsAddr(last.Source)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPermits(b *testing.B) {
	b.ReportAllocs()
	last := sg("11.0.0.1", "230.0.0.1")
	for b.Loop() {
		if ok, _ := Border().Permits(last); !ok {
			b.Fatal("denied")
		}
	}
}

func TestBorder(t *testing.T) {
	for _, tc := range []struct {
		s, g   string
		permit bool
	}{
		{"11.0.0.1", "224.0.1.1", true},
		{"11.0.0.1", "224.2.127.254", true},
		{"11.0.0.1", "233.251.0.1", true},
		{"11.0.0.1", "233.252.0.1", false},
		{"11.0.0.1", "238.255.255.255", true},
		{"11.0.0.1", "239.255.255.255", false},
		{"11.0.0.1", "232.0.0.1", false},
		{"11.0.0.1", "224.0.0.1", false},
		{"11.0.0.1", "224.0.1.40", false},
		{"11.0.0.1", "224.77.200.1", false},
		{"0.0.0.1", "230.0.0.1", false},
		{"10.1.1.1", "230.0.0.1", false},
		{"100.63.255.255", "230.0.0.1", true},
		{"100.127.255.255", "230.0.0.1", false},
		{"127.0.0.1", "230.0.0.1", false},
		{"169.254.9.9", "230.0.0.1", false},
		{"172.31.255.255", "230.0.0.1", false},
		{"172.32.0.0", "230.0.0.1", true},
		{"192.168.255.255", "230.0.0.1", false},
		{"192.169.0.0", "230.0.0.1", true},
		{"198.19.255.255", "230.0.0.1", false},
		{"223.255.255.255", "230.0.0.1", true},
		{"224.0.0.1", "230.0.0.1", false},
		{"255.255.255.255", "230.0.0.1", false},
	} {
		permit, line := Border().Permits(sg(tc.s, tc.g))
		if permit != tc.permit || line == nil || line.Remark == "" {
			t.Errorf("(%s,%s): %v by %v", tc.s, tc.g, permit, line)
		}
	}
	// As a list of RPs it refuses those that no other domain can have.
	for rp, want := range map[string]bool{"11.0.0.1": true, "10.0.0.1": false} {
		if permit, _ := Border().PermitsAddr(ipv4.MustParse(rp)); permit != want {
			t.Errorf("RP %s: %v", rp, permit)
		}
	}
}

func TestPermitsGroup(t *testing.T) {
	l := mustLists(t, "access-list region deny ip host 192.0.2.1 any", "access-list region deny ip any 239.64.0.0 0.0.255.255", "access-list region permit ip any any",
		"access-list one deny 239.64.0.0/16", "access-list one permit any")
	for _, tc := range []struct {
		list, group string
		want        bool
		seq         uint32
	}{
		{"region", "239.64.1.1", false, 10},
		{"region", "239.65.1.1", true, 15},
		{"one", "239.64.1.1", false, 5},
		{"one", "239.65.1.1", true, 10},
		{"msdp-border", "239.1.1.1", false, 155},
		{"msdp-border", "238.1.1.1", true, 160},
	} {
		permit, line := l.Access(tc.list).PermitsGroup(ipv4.MustParse(tc.group))
		if permit != tc.want || line == nil || line.Seq != tc.seq {
			t.Errorf("%s: group %s: %t by %v, want %t by seq %d", tc.list, tc.group, permit, line, tc.want, tc.seq)
		}
	}
	if permit, line := l.Access("none").PermitsGroup(1); permit || line != nil {
		t.Errorf("no list: %t by %v", permit, line)
	}
}
