package acl

import (
	"slices"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
)

func TestLinesAreWrittenInOneWay(t *testing.T) {
	for _, tc := range []struct{ list, text, want string }{
		{"a", "permit ip any any", "permit ip any any"},
		{"a", "seq 7 deny ip host 10.0.0.1 host 239.0.0.1", "seq 7 deny ip host 10.0.0.1 host 239.0.0.1"},
		{"a", "7 deny ip 10.1.2.3 0.255.255.255 any", "seq 7 deny ip 10.0.0.0 0.255.255.255 any"},
		{"a", "deny ip 10.1.2.3 0.0.0.0 0.0.0.0 255.255.255.255", "deny ip host 10.1.2.3 any"},
		{"a", "deny ip 10.1.2.0/24 239.0.0.0/8", "deny ip 10.1.2.0 0.0.0.255 239.0.0.0 0.255.255.255"},
		{"a", "permit ip 10.1.0.7 0.0.255.0 any", "permit ip 10.1.0.7 0.0.255.0 any"},
		{"a", "permit any", "permit any"},
		{"a", "permit 0.0.0.0/0", "permit any"},
		{"a", "permit 0.0.0.0/0 exact-match", "permit 0.0.0.0/0 exact-match"},
		{"a", "permit 239.1.2.3/8", "permit 239.0.0.0/8"},
		{"a", "permit 239.0.0.0/8 exact-match", "permit 239.0.0.0/8 exact-match"},
		{"a", "permit host 239.0.0.1", "permit 239.0.0.1/32"},
		{"a", "permit 239.0.0.1", "permit 239.0.0.1/32"},
		{"a", "permit 239.0.0.0 0.255.0.255", "permit 239.0.0.0 0.255.0.255"},
		{"10", "permit host 239.0.0.1", "permit 239.0.0.1"},
		{"10", "permit 239.0.0.0 0.255.255.255", "permit 239.0.0.0 0.255.255.255"},
		{"1300", "permit 239.0.0.0/8", "permit 239.0.0.0 0.255.255.255"},
		{"100", "permit ip any any", "permit ip any any"},
		{"2699", "seq 4294967295 permit ip any any", "seq 4294967295 permit ip any any"},
		{"300", "permit any", "permit any"},
	} {
		l, err := ParseLine(tc.list, strings.Fields(tc.text))
		if err != nil {
			t.Errorf("%s %s: %v", tc.list, tc.text, err)
			continue
		}
		if want := "access-list " + tc.list + " " + tc.want; l.String() != want {
			t.Errorf("%s %s: got %q, want %q", tc.list, tc.text, l.String(), want)
		}
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	for _, tc := range []struct{ list, text, complaint string }{
		{"a", "", "expected permit or deny"},
		{"a", "allow any", `not "allow"`},
		{"a", "seq 0 permit any", `"0" is no sequence number`},
		{"a", "seq 4294967296 permit any", "4294967296"},
		{"a", "seq x permit any", `"x"`},
		{"a", "permit", "expected any"},
		{"a", "permit ip", "sources: expected any"},
		{"a", "permit ip any", "groups: expected any"},
		{"a", "permit ip any host", `"host"`},
		{"a", "permit ip any 239.0.0.1", "wildcard mask behind 239.0.0.1"},
		{"a", "permit ip any 239.0.0.0 any", "the wildcard mask of 239.0.0.0"},
		{"a", "permit ip any any any", `"any": nothing can follow`},
		{"a", "permit udp any any", `"udp"`},
		{"a", "permit 10.0.0.256", `"10.0.0.256"`},
		{"a", "permit 10.0.0.0/33", `"10.0.0.0/33"`},
		{"a", "permit 2001:db8::/32", `"2001:db8::/32"`},
		{"a", "permit 10.0.0.0 0.0.0.255 exact-match", `"exact-match"`},
		{"99", "permit ip any host 239.0.0.1", `access-list 99 takes one address a line, not "permit ip any host 239.0.0.1"`},
		{"1999", "permit ip any any", "permit ip any any"},
		{"100", "deny 10.0.0.0/8", `access-list 100 takes ip, sources and groups in a line, not "deny 10.0.0.0/8"`},
		{"2000", "permit any", "permit any"},
	} {
		l, err := ParseLine(tc.list, strings.Fields(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.complaint) {
			t.Errorf("%s %s: %q, %v; want %q", tc.list, tc.text, l.String(), err, tc.complaint)
		}
	}
}

func TestKindOf(t *testing.T) {
	for name, want := range map[string]Kind{
		"0": Mixed, "1": Standard, "99": Standard, "100": Extended, "199": Extended, "200": Mixed,
		"1299": Mixed, "1300": Standard, "1999": Standard, "2000": Extended, "2699": Extended, "2700": Mixed,
		"65537": Mixed, "-1": Mixed, "x1": Mixed, "": Mixed,
	} {
		if got := KindOf(name); got != want {
			t.Errorf("%q is %v, want %v", name, got, want)
		}
	}
}

// FuzzLine: what can be read is written so that it is read as the same.
func FuzzLine(f *testing.F) {
	for _, text := range []string{
		"permit any", "seq 5 deny 10.0.0.0/8 exact-match", "10 permit ip any 239.0.0.0 0.0.255.0",
		"permit host 1.2.3.4", "permit 1.2.3.4 0.0.0.1", "deny ip host 1.1.1.1 224.0.0.0/4", "permit 0.0.0.0/0 exact-match",
	} {
		for _, list := range []string{"a", "1", "100"} {
			f.Add(list, text)
		}
	}
	f.Fuzz(func(t *testing.T, list, text string) {
		l, err := ParseLine(list, strings.Fields(text))
		if err != nil {
			return
		}
		if !slices.Equal(strings.Fields(list), []string{list}) {
			return // no word of a line
		}
		words := strings.Fields(l.String())
		back, err := ParseLine(words[1], words[2:])
		if err != nil || back != l {
			t.Errorf("%q: %+v was written as %q and read as %+v, %v", text, l, l.String(), back, err)
		}
	})
}

// naive is what a wildcard mask means, bit by bit.
func naive(r Range, a ipv4.Addr) bool {
	for i := range 32 {
		bit := ipv4.Addr(1) << i
		if r.Wildcard&bit == 0 && r.Addr&bit != a&bit {
			return false
		}
	}
	return true
}

func FuzzWildcard(f *testing.F) {
	f.Add(uint32(0x0a000000), uint32(0x00ffffff), uint32(0x0a010203))
	f.Add(uint32(0x0a000007), uint32(0x0000ff00), uint32(0x0a000107))
	f.Add(uint32(0xffffffff), uint32(0xffffffff), uint32(0))
	f.Add(uint32(0), uint32(0), uint32(1))
	f.Fuzz(func(t *testing.T, addr, wildcard, a uint32) {
		r := wild(ipv4.Addr(addr), ipv4.Addr(wildcard))
		// Near the range too, where a random address seldom is.
		for _, a := range []ipv4.Addr{ipv4.Addr(a), ipv4.Addr(addr ^ a&wildcard), ipv4.Addr(addr) ^ 1<<(a%32)} {
			if got, want := r.Contains(a), naive(r, a); got != want {
				t.Errorf("%s contains %s: %v, bit by bit %v", r, a, got, want)
			}
		}
	})
}
