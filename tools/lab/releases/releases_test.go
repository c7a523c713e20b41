package releases

import "testing"

func TestUpstream(t *testing.T) {
	for version, want := range map[string]string{
		"7.5.1-1.1+deb11u2":   "7.5.1",
		"8.4.4-1.1~deb12u2":   "8.4.4",
		"10.3-3+deb13u1":      "10.3",
		"10.7.1-6":            "10.7.1",
		"1:11.0-1":            "11.0",
		"10.8.0+dfsg-1":       "10.8.0",
		"10.8.0~rc1-0.1~bpo1": "10.8.0~rc1",
	} {
		if got := upstream(version); got != want {
			t.Errorf("upstream(%q) = %q, want %q", version, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	for list, want := range map[string][]string{
		"all":               {"7.5.1", "8.4.4", "10.3", "10.7.1"},
		"10.7.1":            {"10.7.1"},
		"testing,7.5.1":     {"10.7.1", "7.5.1"},
		"8.4.4,trixie":      {"8.4.4", "10.3"},
		"":                  nil,
		"10.7":              nil,
		"8.4.4,no-such-one": nil,
	} {
		suites, err := Find(list)
		if (err != nil) != (want == nil) {
			t.Errorf("Find(%q): %v", list, err)
			continue
		}
		if len(suites) != len(want) {
			t.Errorf("Find(%q) = %v, want %v", list, suites, want)
			continue
		}
		for i, s := range suites {
			if s.FRR != want[i] {
				t.Errorf("Find(%q) = %v, want %v", list, suites, want)
			}
		}
	}
}
