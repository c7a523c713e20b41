//go:build lab

package scenarios

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"msdpd/tools/lab"
)

// One shell serves a router: what msdpsh shows of zebra, pimd and bgpd is what they show themselves, and nothing is
// changed in them.
func TestShellServesAllOfFRR(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	r, host := n.Router("r"), n.Host("host")
	n.Connect(r, "lan", "10.1.0.1/24", host, "eth0", "10.1.0.2/24")
	r.AddAddr("lo", "10.0.0.1/32")
	r.StartFRR("zebra", "")
	r.StartFRR("staticd", lab.Static("10.9.0.0/24 10.1.0.2"))
	r.StartFRR("pimd", lab.PIM{RP: []string{"10.0.0.1"}, Interfaces: []string{"lo", "lan"}, IGMP: []string{"lan"}}.Config())
	r.StartFRR("bgpd", lab.BGP{AS: 65001, RouterID: "10.0.0.1"}.Config())
	r.StartMSDPD("ip msdp peer 10.1.0.2 source 10.1.0.1 as 65002\n")
	r.AwaitRoute(patience, "10.9.0.0/24", "static")

	for command, daemon := range map[string]string{
		"show ip route":                "zebra",
		"sh ip ro 10.9.0.0/24":         "zebra",
		"show ip route | include 10.9": "zebra",
		"show ip pim rp-info":          "pimd",
		"show ip pim interface":        "pimd",
		"show ip igmp interface lan":   "pimd",
		"show ip mroute":               "pimd",
		"show bgp summary":             "bgpd",
		"show ip bgp summary json":     "bgpd",
	} {
		want, err := r.Vty(daemon, command)
		if err != nil || want == "" {
			t.Fatalf("%s: %q, %v", command, want, err)
		}
		if got, err := r.Msdpsh(command); err != nil || mask(got) != mask(want) {
			t.Errorf("%s: got\n%s(%v), and %s itself says\n%s", command, got, err, daemon, want)
		}
	}
	// An answer that is none has its status, and is not asked of the next.
	out, err := r.Msdpsh("show bgp ipv4 unicast 10.0.0.99")
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 || out != "% Network not in table\n" {
		t.Errorf("%q, %v", out, err)
	}

	var routes map[string]any
	out, err = r.Exec(n.Binary("msdpsh"), "-N", r.Space(), "--json", "-c", "show ip route static", "-c", "show ip msdp peer")
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(out))
	for _, key := range []string{"10.9.0.0/24", "10.1.0.2"} {
		if err := decoder.Decode(&routes); err != nil || routes[key] == nil {
			t.Errorf("%v: no %s in\n%s", err, key, out)
		}
		routes = nil
	}

	// One command more than msdpd has must not be one more that changes something.
	for _, commands := range [][]string{
		{"configure terminal", "ip route 10.8.0.0/24 10.1.0.2"}, {"clear ip igmp interfaces"}, {"clear bgp *"}, {"show ip bogus"},
	} {
		_, err := r.Msdpsh(commands...)
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(err.Error(), "[MSDP] Unknown command") {
			t.Errorf("%q: %v", commands, err)
		}
	}
	if out, err := r.Vty("zebra", "show ip route"); err != nil || strings.Contains(out, "10.8.0.0") {
		t.Errorf("%v\n%s", err, out)
	}
}
