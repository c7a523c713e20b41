package vty

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDescribe(t *testing.T) {
	sh := New(Config{})
	run := func(*Call) error { return nil }
	sh.Install(sh.View, "show peer [A.B.C.D|detail]", "Show\nPeers\nAn address\nMore\n", run)
	sh.Install(sh.Config, "[no] password KEY!", "Negate\nA password\nThe key\n", run)
	var got []Description
	for _, d := range sh.Describe() {
		if d.Words[0].Text == "show" && d.Words[1].Text == "peer" || d.Words[0].Text == "no" {
			got = append(got, d)
		}
	}
	want := []Description{
		{"configuration", "[no] password KEY", []Words{{"no", "Negate"}, {"password", "A password"}, {"KEY", "The key"}}},
		{"view", "show peer [A.B.C.D|detail]", []Words{{"show", "Show"}, {"peer", "Peers"}, {"A.B.C.D", "An address"}, {"detail", "More"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
