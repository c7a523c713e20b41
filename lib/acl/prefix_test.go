package acl

import (
	"net/netip"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
)

func TestPrefixLinesAreWrittenInOneWay(t *testing.T) {
	for text, want := range map[string]string{
		"permit any":                       "permit any",
		"permit 0.0.0.0/0 le 32":           "permit any",
		"permit 0.0.0.0/0 ge 0":            "permit any",
		"permit 0.0.0.0/0 le 0":            "permit 0.0.0.0/0",
		"permit 0.0.0.0/0":                 "permit 0.0.0.0/0",
		"seq 5 deny 10.1.2.3/8":            "seq 5 deny 10.0.0.0/8",
		"5 deny 10.0.0.0/8 le 24 ge 16":    "seq 5 deny 10.0.0.0/8 ge 16 le 24",
		"deny 10.0.0.0/8 ge 8":             "deny 10.0.0.0/8 ge 8",
		"deny 10.0.0.0/8 le 8":             "deny 10.0.0.0/8 le 8",
		"deny 10.0.0.1/32 ge 32 le 32":     "deny 10.0.0.1/32 ge 32 le 32",
		"seq 4294967295 permit 1.2.3.4/32": "seq 4294967295 permit 1.2.3.4/32",
	} {
		l, err := ParsePrefixLine("p", strings.Fields(text))
		if err != nil || l.String() != "ip prefix-list p "+want {
			t.Errorf("%s: got %q, %v, want %q", text, l.String(), err, want)
		}
	}
}

func TestBadPrefixLinesAreNamed(t *testing.T) {
	for text, complaint := range map[string]string{
		"permit":                         "expected any",
		"permit 10.0.0.0":                `"10.0.0.0" is not an IPv4 prefix`,
		"permit ::/0":                    `"::/0"`,
		"permit 10.0.0.0/8 ge":           "behind ge",
		"permit 10.0.0.0/8 ge x":         "ge x",
		"permit 10.0.0.0/8 le 33":        "le 33",
		"permit 10.0.0.0/8 ge 9 ge 10":   "ge is there twice",
		"permit 10.0.0.0/8 ge 7":         "10.0.0.0/8 ge 7: the lengths must not fall",
		"permit 10.0.0.0/8 le 7":         "10.0.0.0/8 le 7: the lengths must not fall",
		"permit 10.0.0.0/8 ge 20 le 19":  "ge 20 le 19",
		"permit 10.0.0.0/8 ge 9 upto 10": `"upto 10"`,
		"permit any le 32":               `"le 32" cannot follow`,
		"maybe any":                      `"maybe"`,
	} {
		l, err := ParsePrefixLine("p", strings.Fields(text))
		if err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: %q, %v; want %q", text, l.String(), err, complaint)
		}
	}
}

func TestPrefixPermits(t *testing.T) {
	l := mustLists(t,
		"ip prefix-list p seq 5 deny 10.9.0.0/16",
		"ip prefix-list p seq 10 permit 10.0.0.0/8",
		"ip prefix-list p seq 15 permit 11.0.0.0/8 le 24",
		"ip prefix-list p seq 20 permit 12.0.0.0/8 ge 24",
		"ip prefix-list p seq 25 permit 13.0.0.0/8 ge 16 le 20",
	)
	for _, tc := range []struct {
		prefix string // or an address
		permit bool
		seq    uint32
	}{
		{"10.0.0.0/8", true, 10},
		{"10.0.0.0/9", false, 0},
		{"10.1.2.3/32", false, 0},
		{"10.1.2.3", true, 10}, // Cisco: the RPs in the prefixes of the list
		{"10.9.2.3", false, 5},
		{"11.0.0.0/24", true, 15},
		{"11.0.0.0/25", false, 0},
		{"11.0.0.0/7", false, 0},
		{"11.0.0.1", false, 0}, // le 24 says that lengths are meant
		{"12.0.0.0/23", false, 0},
		{"12.0.0.1/32", true, 20},
		{"12.0.0.1", true, 20},
		{"13.0.0.0/15", false, 0},
		{"13.0.0.0/16", true, 25},
		{"13.0.0.0/20", true, 25},
		{"13.0.0.0/21", false, 0},
	} {
		var permit bool
		var line *PrefixLine
		if p, err := netip.ParsePrefix(tc.prefix); err == nil {
			permit, line = l.Prefix("p").Permits(p)
		} else {
			permit, line = l.Prefix("p").PermitsAddr(ipv4.MustParse(tc.prefix))
		}
		if permit != tc.permit || (line == nil) != (tc.seq == 0) || line != nil && line.Seq != tc.seq {
			t.Errorf("%s: %v by %v, want %v by %d", tc.prefix, permit, line, tc.permit, tc.seq)
		}
	}
	for _, p := range []netip.Prefix{{}, netip.MustParsePrefix("::/0")} {
		any := mustLists(t, "ip prefix-list p permit any")
		if permit, line := any.Prefix("p").Permits(p); permit || line != nil {
			t.Errorf("%v is permitted", p)
		}
	}
	if permit, line := l.Prefix("none").PermitsAddr(1); permit || line != nil {
		t.Error("a list that does not exist permits")
	}
}

// FuzzPrefixLine: what can be read is written so that it is read as the same, and matches what
// it did.
func FuzzPrefixLine(f *testing.F) {
	for _, text := range []string{"permit any", "seq 5 deny 10.0.0.0/8 ge 9 le 20", "permit 0.0.0.0/0 ge 0", "1 deny 1.2.3.4/32 le 32"} {
		f.Add(text, uint32(0x0a000000), uint8(9))
	}
	f.Fuzz(func(t *testing.T, text string, addr uint32, length uint8) {
		l, err := ParsePrefixLine("p", strings.Fields(text))
		if err != nil {
			return
		}
		back, err := ParsePrefixLine("p", strings.Fields(l.String())[3:])
		if err != nil || back != l {
			t.Fatalf("%q: %+v was written as %q and read as %+v, %v", text, l, l.String(), back, err)
		}
		a, n := ipv4.Addr(addr), int(length%33)
		if l.matches(a, n) && (!l.Prefix().Contains(a.Netip()) || n < int(l.Len)) {
			t.Errorf("%s matches %s/%d, which is not in it", l.String(), a, n)
		}
	})
}
