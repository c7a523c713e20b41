package main

import (
	"strings"
	"testing"

	"msdpd/vty"
)

// Addresses that cannot be a source and a group are refused by name, not answered.
func TestSourceAndGroup(t *testing.T) {
	sh := vty.New(vty.Config{})
	sh.Install(sh.View, "try A.B.C.D$source A.B.C.D$group", "Try\nThe source\nThe group\n", func(c *vty.Call) error {
		sg, err := sourceAndGroup(c)
		if err == nil {
			c.Printf("%s", sg)
		}
		return err
	})
	for args, want := range map[string]string{
		"10.1.1.1 239.1.1.1":  "(10.1.1.1,239.1.1.1)",
		"239.1.1.1 10.1.1.1":  "10.1.1.1 is no group",
		"239.1.1.1 239.1.1.2": "239.1.1.1 is a group, no source",
	} {
		var out strings.Builder
		sh.Execute(t.Context(), sh.NewSession(), "try "+args, &out)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %q, want %q", args, out.String(), want)
		}
	}
}
