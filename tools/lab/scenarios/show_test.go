//go:build lab

package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"msdpd/tools/lab"
)

// What people and scripts read from FRR's own MSDP they read from msdpd too. testdata has what FRR 10.7.1 printed for
// each command on two routers; the same two routers with msdpd must print the same: tables to the column,
// detailed text line by line, and JSON with all of FRR's keys, of the same types and formats. Lines
// and keys that FRR does not have may be there as well, in the details.
func TestShowCommandsAreFRRs(t *testing.T) {
	t.Parallel()
	routers := startReference(t)
	for _, ref := range readReference(t) {
		t.Run(ref.router+" "+ref.command, func(t *testing.T) {
			out, err := routers[ref.router].Msdpsh(ref.command)
			if err != nil {
				t.Fatal(err)
			}
			detail := strings.Contains(ref.command, "detail")
			isJSON := strings.HasSuffix(ref.command, "json")
			if isJSON {
				compareJSON(t, ref.text, out)
			}
			switch want, got := mask(ref.text), mask(out); {
			case !detail && got != want:
				t.Errorf("got\n%s\nwant\n%s", out, ref.text)
			case detail && !isJSON:
				compareLines(t, want, got)
			}
		})
	}
}

// startReference builds the network of the reference: r1 is the RP and the DR of the source, and has a peer, r2, in another
// AS and one in a mesh group that is not there; r2 has a receiver.
func startReference(t *testing.T) map[string]*lab.Node {
	t.Helper()
	const group = "239.5.5.5"
	n := lab.ForTest(t)
	src, r1, r2, rcv := n.Host("src"), n.Router("r1"), n.Router("r2"), n.Host("rcv")
	n.Connect(src, "eth0", "10.1.0.2/24", r1, "src", "10.1.0.1/24")
	n.Connect(r1, "r2", "10.0.12.1/24", r2, "r1", "10.0.12.2/24")
	n.Connect(r2, "rcv", "10.2.0.1/24", rcv, "eth0", "10.2.0.2/24")
	for _, r := range []struct {
		node                           *lab.Node
		lo, iface, other, routes, msdp string
	}{
		{r1, "11.11.11.11", "src", "r2", lab.Static("22.22.22.22/32 10.0.12.2", "10.2.0.0/24 10.0.12.2"),
			"ip msdp peer 10.0.12.2 source 10.0.12.1 as 65002\nip msdp mesh-group mg1 source 11.11.11.11\nip msdp mesh-group mg1 member 13.13.13.13\n"},
		{r2, "22.22.22.22", "rcv", "r1", lab.Static("11.11.11.11/32 10.0.12.1", "10.1.0.0/24 10.0.12.1"),
			"ip msdp peer 10.0.12.1 source 10.0.12.2 as 65001\n"},
	} {
		r.node.AddAddr("lo", r.lo+"/32")
		r.node.StartFRR("zebra", "")
		r.node.StartFRR("staticd", r.routes)
		r.node.StartFRR("pimd", lab.PIM{RP: []string{r.lo}, Interfaces: []string{"lo", r.iface, r.other}, IGMP: []string{r.iface}}.Config())
		r.node.StartMSDPD(r.msdp)
	}
	r1.AwaitDR(patience, "src", "10.1.0.1")
	r1.AwaitPIMNeighbors(patience, 1)
	r2.AwaitPIMNeighbors(patience, 1)
	rcv.JoinGroup(group, "eth0", udpPort)
	r2.AwaitInterest(patience, group)
	src.SendMulticast(group, udpPort, lab.SendOptions{})

	r1.AwaitMSDPPeer(patience, "msdpd", "10.0.12.2", "established")
	r2.AwaitMSDPPeer(patience, "msdpd", "10.0.12.1", "established")
	r1.AwaitMSDPPeer(patience, "msdpd", "13.13.13.13", "connecting")
	r1.AwaitSA(patience, "msdpd", "10.1.0.2", group)
	lab.Eventually(t, patience, poll, func() error {
		sas, err := r2.SAs("msdpd")
		if err == nil && sas[group]["10.1.0.2"].SPTSetup != "yes" {
			err = fmt.Errorf("r2: %+v, want SPT yes", sas)
		}
		return err
	})
	return map[string]*lab.Node{"r1": r1, "r2": r2}
}

type reference struct{ router, command, text string }

// readReference reads what FRR printed: "### ROUTER COMMAND" and below it the output.
func readReference(t *testing.T) []reference {
	t.Helper()
	text, err := os.ReadFile("testdata/show-ip-msdp-frr-10.7.1.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []reference
	for line := range strings.Lines(string(text)) {
		if head, ok := strings.CutPrefix(line, "### "); ok {
			router, command, _ := strings.Cut(strings.TrimSpace(head), " ")
			all = append(all, reference{router: router, command: command})
			continue
		}
		all[len(all)-1].text += line
	}
	if len(all) != 20 {
		t.Fatalf("%d outputs in the reference", len(all))
	}
	return all
}

var (
	clock = regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`)
	// A number to the right of its column: what counts is where it ends. And one to the left.
	rightNumber = regexp.MustCompile(` {2,}\d+\b`)
	leftNumber  = regexp.MustCompile(`: \d+$`)
)

// mask takes out of an output what differs from run to run, and leaves where it stands.
func mask(out string) string {
	lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
	for i, line := range lines {
		line = clock.ReplaceAllString(line, "hh:mm:ss")
		if strings.HasPrefix(line, "    ") {
			line = rightNumber.ReplaceAllStringFunc(line, func(n string) string { return strings.Repeat("#", len(n)) })
		}
		if strings.HasPrefix(line, "  Conn Attempts") {
			line = leftNumber.ReplaceAllString(line, ": #")
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

// compareLines looks for each of FRR's lines, in FRR's order.
func compareLines(t *testing.T, want, got string) {
	t.Helper()
	rest := strings.Split(got, "\n")
	for _, line := range strings.Split(want, "\n") {
		i := slices.Index(rest, line)
		if i < 0 {
			t.Errorf("%q is missing, or not in its place, in\n%s", line, got)
			return
		}
		rest = rest[i+1:]
	}
}

func compareJSON(t *testing.T, want, got string) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("the reference is no JSON: %v", err)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	compareValue(t, "", w, g)
}

// compareValue checks that all there is in w is in g too: keys, types, and strings but for times.
func compareValue(t *testing.T, path string, w, g any) {
	t.Helper()
	switch w := w.(type) {
	case map[string]any:
		g, ok := g.(map[string]any)
		if !ok {
			t.Errorf("%s is %T, want an object", path, g)
		}
		for key, value := range w {
			if _, ok := g[key]; !ok {
				t.Errorf("%s.%s is missing", path, key)
				continue
			}
			compareValue(t, path+"."+key, value, g[key])
		}
	case string:
		if g, ok := g.(string); !ok || clock.ReplaceAllString(g, "hh:mm:ss") != clock.ReplaceAllString(w, "hh:mm:ss") {
			t.Errorf("%s is %#v, want %q", path, g, w)
		}
	case float64:
		if _, ok := g.(float64); !ok {
			t.Errorf("%s is %#v, want a number", path, g)
		}
	default:
		t.Errorf("%s: the reference has a %T", path, w)
	}
}
