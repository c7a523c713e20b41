package rib

import (
	"net/netip"
	"testing"

	"msdpd/lib/ipv4"
)

func TestBGPPathEqual(t *testing.T) {
	base := func() *BGPPath {
		return &BGPPath{
			Prefix: netip.MustParsePrefix("10.0.0.0/8"), ASPath: [][]uint32{{1}, {2, 3}},
			NextHops: []ipv4.Addr{7}, Neighbor: 7, Kind: External,
		}
	}
	if !base().Equal(base()) {
		t.Error("a path differs from its like")
	}
	var none *BGPPath
	if !none.Equal(nil) || none.Equal(base()) || base().Equal(none) {
		t.Error("no path is like no path only")
	}
	for what, change := range map[string]func(*BGPPath){
		"prefix":     func(p *BGPPath) { p.Prefix = netip.MustParsePrefix("10.0.0.0/9") },
		"neighbor":   func(p *BGPPath) { p.Neighbor = 8 },
		"kind":       func(p *BGPPath) { p.Kind = Internal },
		"next hop":   func(p *BGPPath) { p.NextHops = []ipv4.Addr{8} },
		"AS in path": func(p *BGPPath) { p.ASPath[1][0] = 4 },
		"places":     func(p *BGPPath) { p.ASPath = [][]uint32{{1}, {2}, {3}} },
	} {
		p := base()
		change(p)
		if p.Equal(base()) || base().Equal(p) {
			t.Errorf("another %s makes no difference", what)
		}
	}
}

func TestASPathText(t *testing.T) {
	for want, path := range map[string][][]uint32{
		"":                       nil,
		"65001 65002":            {{65001}, {65002}},
		"4200000000 {1,2} 65000": {{4200000000}, {1, 2}, {65000}},
	} {
		if got := (&BGPPath{ASPath: path}).ASPathText(); got != want {
			t.Errorf("%v is written %q, want %q", path, got, want)
		}
	}
}

func TestParseASPath(t *testing.T) {
	for _, tt := range []struct {
		text, want string // as ASPathText writes it; "!": an error
	}{
		{"", ""}, {"65001", "65001"}, {"65001 65002", "65001 65002"},
		{"65001 {1,2} 65000", "65001 {1,2} 65000"}, {"{1}", "1"}, {"{}", ""},
		{"(65100 65101) 65001", "65001"}, {"[65100,65101] (65102) 1.10", "65546"},
		{" 65001  65002 ", "65001 65002"}, {"4294967295", "4294967295"},
		{"4294967296", "!"}, {"65001 x", "!"}, {"{1,2", "!"}, {"1}", "!"}, {"1.65536", "!"}, {"(1 {2} 3)", "!"},
	} {
		path, err := ParseASPath(tt.text)
		got := (&BGPPath{ASPath: path}).ASPathText()
		if err != nil {
			got = "!"
		}
		if got != tt.want {
			t.Errorf("%q is read as %q (%v), want %q", tt.text, got, err, tt.want)
		}
	}
}
