package main

import (
	"slices"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/pim"
	"msdpd/vty"
)

func TestSelectSAs(t *testing.T) {
	sg := func(source, group string) ipv4.SG {
		return ipv4.SG{Source: ipv4.MustParse(source), Group: ipv4.MustParse(group)}
	}
	entries := map[string]shownSA{
		"local": {SAStatus: msdp.SAStatus{SG: sg("10.1.0.1", "239.1.1.1"), Local: true, RP: ipv4.MustParse("10.0.0.9")}},
		"near":  {SAStatus: msdp.SAStatus{SG: sg("10.2.0.1", "239.1.1.1"), RP: ipv4.MustParse("10.0.0.1"), Peer: ipv4.MustParse("10.0.0.1")}, isJoined: true, join: pim.JoinConfirmed},
		"far":   {SAStatus: msdp.SAStatus{SG: sg("10.3.0.1", "239.2.2.2"), RP: ipv4.MustParse("10.0.0.3"), Peer: ipv4.MustParse("10.0.0.1")}, isJoined: true},
	}
	for args, want := range map[string]string{
		"":                                      "far local near",
		"239.1.1.1":                             "local near",
		"10.2.0.1":                              "near",
		"239.1.1.1 10.2.0.1":                    "near",
		"10.3.0.1 239.1.1.1":                    "",
		"group 239.2.0.0/16":                    "far",
		"source 10.0.0.0/14":                    "far local near",
		"group 239.1.0.0/16 source 10.2.0.0/15": "near",
		"peer 10.0.0.1":                         "far near",
		"rp 10.0.0.3":                           "far",
		"rp 10.0.0.9":                           "local",
		"local":                                 "local",
		"remote":                                "far near",
		"joined":                                "near",
		"peer 10.0.0.1 remote joined detail":    "near",
		"239.1.1.1 239.1.1.2":                   "both groups",
		"10.1.1.1 10.1.1.2":                     "both sources",
	} {
		var got []string
		sh := vty.New(vty.Config{})
		run := func(c *vty.Call) error {
			w, err := selectSAs(c)
			if err != nil {
				return err
			}
			for name, e := range entries {
				if w.key(e.SG) && w.entry(e) {
					got = append(got, name)
				}
			}
			return nil
		}
		installSASelections(sh, run)
		var out strings.Builder
		sh.Execute(t.Context(), sh.NewSession(), "show ip msdp sa "+args, &out)
		slices.Sort(got)
		if list := strings.Join(got, " "); list != want && !(got == nil && want != "" && strings.Contains(out.String(), want)) {
			t.Errorf("%q: %q and %q, want %q", args, list, out.String(), want)
		}
	}
}
