package bgpd

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

var ip = ipv4.MustParse

// recorded is what FRR 8.4.4's bgpd printed.
func recorded(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "8.4.4", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParsePath(t *testing.T) {
	for name, want := range map[string]*rib.BGPPath{
		"external.json": {
			Prefix: netip.MustParsePrefix("10.6.0.0/24"), ASPath: [][]uint32{{65001}, {65004}},
			NextHops: []ipv4.Addr{ip("10.100.13.3")}, Neighbor: ip("10.100.13.3"), Kind: rib.External,
		},
		"internal.json": {
			Prefix: netip.MustParsePrefix("10.5.0.0/24"), ASPath: [][]uint32{{65003}},
			NextHops: []ipv4.Addr{ip("10.255.0.2")}, Neighbor: ip("10.255.0.2"), Kind: rib.Internal,
		},
		// The member AS 65101 does not count.
		"confederation.json": {
			Prefix: netip.MustParsePrefix("10.44.0.0/16"), ASPath: [][]uint32{{65009}, {65010}, {65011}},
			NextHops: []ipv4.Addr{ip("10.0.12.2")}, Neighbor: ip("10.0.12.2"), Kind: rib.ConfedExternal,
		},
		"local.json": {Prefix: netip.MustParsePrefix("10.1.0.0/24"), Kind: rib.OwnPath},
		"aggregate.json": {
			Prefix: netip.MustParsePrefix("10.44.0.0/16"), ASPath: [][]uint32{{65010}, {65011}}, Kind: rib.OwnPath,
		},
		"none.json": nil,
	} {
		got, err := parsePath(recorded(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestParsePathCorners(t *testing.T) {
	set := `{"prefix":"10.0.0.0/8","paths":[{"aspath":{"segments":[{"type":"as-set","list":[1,2]},{"type":"as-confed-set","list":[3]}]},"bestpath":{"overall":true}}]}`
	if p, err := parsePath(set); err != nil || p.ASPathText() != "{1,2}" {
		t.Errorf("a set: %+v, %v", p, err)
	}
	if p, err := parsePath(`{"prefix":"10.0.0.0/8","paths":[{"valid":true}]}`); err != nil || p != nil {
		t.Errorf("no best path: %+v, %v", p, err)
	}
	dots := strings.ReplaceAll(set, "[1,2]", `["1.10","65002"]`)
	if p, err := parsePath(dots); err != nil || p.ASPathText() != "{65546,65002}" {
		t.Errorf("other notations: %+v, %v", p, err)
	}
	for _, bad := range []string{"", "% no", strings.ReplaceAll(set, "[1,2]", `["1.x"]`), strings.ReplaceAll(set, "[1,2]", `["x.1"]`), `{"prefix":"x","paths":[{"bestpath":{"overall":true}}]}`} {
		if _, err := parsePath(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestParseNeighbors(t *testing.T) {
	got, err := parseNeighbors(recorded(t, "neighbors.json"))
	want := map[ipv4.Addr]uint32{
		ip("10.100.13.3"): 65001, ip("10.100.14.4"): 65002, ip("10.100.17.7"): 65005, ip("10.255.0.2"): 65000,
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v, %s", err, d)
	}
	// The AS of a neighbour that is only said to be external is known when the session is up.
	got, err = parseNeighbors(recorded(t, "neighbors-unknown-as.json"))
	if d := cmp.Diff(map[ipv4.Addr]uint32{ip("10.0.12.2"): 65101}, got); d != "" || err != nil {
		t.Errorf("%v, %s", err, d)
	}
	if got, err := parseNeighbors(`{"bgpNoSuchNeighbor":true,"eth0":{"remoteAs":1},"2001:db8::1":{"remoteAs":2}}`); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", `{"10.0.0.1":7}`} {
		if _, err := parseNeighbors(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
