package ipv4

import (
	"encoding/json"
	"net/netip"
	"testing"
)

func TestAddrTextAndOctets(t *testing.T) {
	for _, text := range []string{"0.0.0.0", "10.1.0.2", "224.0.1.39", "255.255.255.255"} {
		a, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != text {
			t.Errorf("Parse(%q).String() = %q", text, a)
		}
		if got := FromBytes(a.Append(nil)); got != a {
			t.Errorf("%s: octets read back as %s", text, got)
		}
		if got, ok := FromNetip(a.Netip()); !ok || got != a {
			t.Errorf("%s: netip read back as %s", text, got)
		}
		j, err := json.Marshal(a)
		if err != nil || string(j) != `"`+text+`"` {
			t.Errorf("%s: JSON %s, %v", text, j, err)
		}
		var back Addr
		if err := json.Unmarshal(j, &back); err != nil || back != a {
			t.Errorf("%s: JSON read back as %s, %v", text, back, err)
		}
	}
}

func TestParseNamesTheInput(t *testing.T) {
	for _, text := range []string{"", "10.0.0", "10.0.0.256", "::1", "::ffff:10.0.0.1", "10.0.0.1/8"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) took it", text)
		}
	}
	_, err := Parse("10.0.0.x")
	if want := `"10.0.0.x" is not an IPv4 address`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestOrderIsByNumber(t *testing.T) {
	if MustParse("9.255.0.1") >= MustParse("10.0.0.1") {
		t.Error("9.255.0.1 sorts behind 10.0.0.1")
	}
}

func TestFromNetipMapped(t *testing.T) {
	if a, ok := FromNetip(netip.MustParseAddr("::ffff:10.0.0.1")); !ok || a != MustParse("10.0.0.1") {
		t.Errorf("mapped address gave %s, %v", a, ok)
	}
	if _, ok := FromNetip(netip.MustParseAddr("2001:db8::1")); ok {
		t.Error("an IPv6 address was taken")
	}
}

func TestSGString(t *testing.T) {
	sg := SG{Source: MustParse("10.1.0.2"), Group: MustParse("239.5.5.5")}
	if got := sg.String(); got != "(10.1.0.2,239.5.5.5)" {
		t.Error(got)
	}
	sg.Source = 0
	if got := sg.String(); got != "(*,239.5.5.5)" {
		t.Error(got)
	}
}
