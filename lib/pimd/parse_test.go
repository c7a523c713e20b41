package pimd

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"msdpd/lib/ipv4"
)

// recorded is what pimd 8.4.4 printed.
func recorded(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "8.4.4", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	ip           = ipv4.MustParse
	prefix       = netip.MustParsePrefix
	comparePlain = cmpopts.EquateComparable(netip.Prefix{})

	recordedGroups = PrefixList{
		{true, prefix("239.8.0.0/16")}, {false, prefix("239.9.1.0/24")}, {true, prefix("239.9.0.0/16")},
	}
	recordedAccept = PrefixList{{true, prefix("10.0.0.0/8")}}
)

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, comparePlain, cmp.AllowUnexported(config{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParseRelease(t *testing.T) {
	for text, want := range map[string]string{
		recorded(t, "version"):                     "8.4.4",
		"FRRouting 10.7.1 (rp1) on Linux(6.18).\n": "10.7.1",
		"FRRouting 10.8-dev (rp1).":                "10.8-dev",
		"FRRouting":                                "",
		"Quagga 1.2.4 (rp1).":                      "",
		"":                                         "",
	} {
		if got := parseRelease(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestParseRPs(t *testing.T) {
	got, err := parseRPs(recorded(t, "rp-info.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, RPSet{
		{Address: ip("10.2.0.1"), PrefixList: "GROUPS", Mine: true, Source: "Static"},
		{Address: ip("10.255.0.1"), Group: prefix("239.200.0.0/16"), Source: "Static"},
		{Address: ip("10.255.0.2"), Group: prefix("224.0.0.0/4"), Mine: true, Source: "Static"},
	}, got)

	bsr := `{"10.0.0.9":[{"rpAddress":"10.0.0.9","outboundInterface":"Unknown","iAmRP":false,"group":"239.1.1.0/24","source":"BSR"},
		{"rpAddress":"10.0.0.9","iAmRP":false,"group":"239.1.0.0/16","source":"AutoRP"}]}`
	if got, err = parseRPs(bsr); err != nil {
		t.Fatal(err)
	}
	same(t, RPSet{
		{Address: ip("10.0.0.9"), Group: prefix("239.1.1.0/24"), Source: "BSR"},
		{Address: ip("10.0.0.9"), Group: prefix("239.1.0.0/16"), Source: "AutoRP"},
	}, got)

	if got, err = parseRPs("{\n}\n"); err != nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
	for _, bad := range []string{"", "% error", `{"x":[]}`, `{"10.0.0.9":[{"group":"239.1.1.1"}]}`} {
		if got, err := parseRPs(bad); err == nil {
			t.Errorf("%q gave %v", bad, got)
		}
	}
}

func TestParseInterfaces(t *testing.T) {
	got, err := parseInterfaces(recorded(t, "interface.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, map[string]Interface{
		"h0":     {DR: true, Up: true, Address: ip("10.2.0.1")},
		"lo":     {DR: true, Up: true, Address: ip("10.255.0.2")},
		"pimreg": {DR: true, Up: true},
		"x0":     {DR: true, Up: true, Address: ip("10.12.0.2")},
	}, got)
	got, err = parseInterfaces(`{"x0":{"name":"x0","state":"down","address":"10.12.0.1","pimDesignatedRouter":"10.12.0.2"}}`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, map[string]Interface{"x0": {Address: ip("10.12.0.1")}}, got)
	if _, err := parseInterfaces("% no"); err == nil {
		t.Error("no JSON was taken")
	}
}

func TestParsePrefixList(t *testing.T) {
	for name, want := range map[string]PrefixList{"GROUPS": recordedGroups, "ACC": recordedAccept, "NOPE": nil} {
		text := recorded(t, "prefix-list-"+name+".json")
		got, err := parsePrefixList(text, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, want, got)
		if want == nil {
			continue
		}
		// Without the object around it that names the daemon.
		text = strings.TrimSpace(text)
		text = strings.TrimSuffix(strings.TrimPrefix(text, `{
  "PIM":`), "}")
		if got, err = parsePrefixList(text, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, want, got)
	}
	got, err := parsePrefixList(`{"L":{"entries":[{"sequenceNumber":9,"type":"deny","prefix":"any"},{"sequenceNumber":2,"type":"permit","prefix":"10.0.0.1/8"}]}}`, "L")
	if err != nil {
		t.Fatal(err)
	}
	same(t, PrefixList{{true, prefix("10.0.0.0/8")}, {false, prefix("0.0.0.0/0")}}, got)
	// A list that is there and empty permits nothing, as one that is not there; but it is there.
	if got, err = parsePrefixList(`{"L":{"entries":[]}}`, "L"); err != nil || got == nil {
		t.Errorf("empty: %v, %v", got, err)
	}
	for _, bad := range []string{"x", `{"PIM":[]}`, `{"L":[]}`, `{"L":{"entries":[{"type":"permit","prefix":"ten"}]}}`} {
		if got, err := parsePrefixList(bad, "L"); err == nil {
			t.Errorf("%s gave %v", bad, got)
		}
	}
}

func TestParseConfig(t *testing.T) {
	type names = map[string]bool
	for _, tc := range []struct {
		name, text string
		want       config
	}{
		{"8.4.4", recorded(t, "config"), config{
			pim: names{"h0": true, "lo": true, "x0": true}, passive: names{"h0": false, "lo": false, "x0": true},
			ownMSDP: true, registerAcceptList: "ACC",
			lists: map[string]PrefixList{"GROUPS": recordedGroups, "ACC": recordedAccept},
		}},
		{"7.5 and IGMP alone", "interface a\n ip pim sm\ninterface b\n ip igmp\n", config{
			pim: names{"a": true}, passive: names{"a": false},
		}},
		{"passive alone", "interface a\n ip pim passive\nexit\n", config{pim: names{"a": true}, passive: names{"a": true}}},
		{"options of an interface do not switch it on", "interface a\n ip pim drpriority 10\n ip pim hello 5\n", config{
			pim: names{"a": false}, passive: names{"a": false},
		}},
		{"block router pim", "interface a\n ip pim\nexit\n!\nrouter pim\n rp 10.0.0.1 224.0.0.0/4\n register-accept-list L\n msdp peer 10.0.0.2 source 10.0.0.1\nexit\n", config{
			pim: names{"a": true}, passive: names{"a": false}, ownMSDP: true, registerAcceptList: "L",
		}},
		{"other VRFs", "vrf red\n ip pim register-accept-list L\n ip msdp peer 10.0.0.2 source 10.0.0.1\nexit-vrf\n" +
			"router pim vrf red\n register-accept-list L\n msdp peer 10.0.0.2 source 10.0.0.1\nexit\n" +
			"interface a vrf red\n ip pim\nexit\n", config{}},
		{"a list of everything", "ip prefix-list L seq 5 deny 10.0.0.0/8 ge 24\nip prefix-list L seq 10 permit any\n", config{
			lists: map[string]PrefixList{"L": {{false, prefix("10.0.0.0/8")}, {true, prefix("0.0.0.0/0")}}},
		}},
		{"mesh group", "ip msdp mesh-group M source 10.0.0.1\nip msdp mesh-group M member 10.0.0.2\n", config{ownMSDP: true}},
		{"mesh group without members, timers", "ip msdp mesh-group M source 10.0.0.1\nip msdp mesh-group N member 10.0.0.1\nip msdp timers 50 70\n", config{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.want.pim == nil {
				tc.want.pim, tc.want.passive = names{}, names{}
			}
			if tc.want.lists == nil {
				tc.want.lists = map[string]PrefixList{}
			}
			same(t, tc.want, parseConfig(tc.text))
		})
	}
}
