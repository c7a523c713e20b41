package main

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"msdpd/lib/bgpd"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/pim"
	"msdpd/lib/rib"
	"msdpd/lib/wire"
	"msdpd/vty"
	"msdpd/zclient"
)

// newPopulatedRig is a daemon that has something of everything: peers that are up, down and shut, a
// mesh group, sources of this domain and of others, some refused, lists, limits, an earlier
// configuration.
func newPopulatedRig(t *testing.T) *shellRig {
	r := newShellRig(t)
	r.d.options.configFile = t.TempDir() + "/msdpd.conf"
	in := r.d.instance
	in.registers, in.zebra = &pim.Listener{}, zclient.New(zclient.Config{Log: zap.NewNop()})
	in.bgpd = bgpd.New(bgpd.Config{Log: zap.NewNop()})
	in.tracker = rib.NewTracker(rib.TrackerConfig{
		ZebraTrack: in.zebra.Track, ZebraUntrack: in.zebra.Untrack,
		Kernel:  func(ipv4.Addr) (rib.Route, error) { return rib.Route{}, nil },
		Deliver: in.routeDelivered, Log: zap.NewNop(),
	})
	r.run("configure session", "ip msdp peer 192.168.100.200 source 192.168.100.250 as 65002", "ip msdp peer 192.168.100.200 description the neighbour",
		"ip msdp peer 192.168.100.200 sa-filter EDGE in", "ip msdp peer 192.168.100.200 sa-limit 1000", "ip msdp peer 192.168.100.200 sa-rate 10 burst 20",
		"ip msdp peer 192.168.100.9 source 192.168.100.250", "ip msdp peer 192.168.100.9 shutdown",
		"ip msdp peer 192.168.100.200 sa-filter GONE out", "ip msdp default-peer 192.168.100.200",
		"ip msdp mesh-group any source 192.168.100.250", "ip msdp mesh-group any member 192.168.100.201", "ip msdp mesh-group any member 192.168.100.30",
		"ip msdp group-limit 233.0.0.0/8 5", "ip msdp source-limit 5", "ip msdp rp-limit 500",
		"access-list EDGE deny ip any 233.9.9.9/32", "access-list EDGE permit ip any any", "access-list 7 remark groups", "access-list 7 permit 239.0.0.0/8",
		"ip prefix-list EDGE permit 10.0.0.0/8", "ip prefix-list RPS permit 10.0.0.0/8 le 32", "ip prefix-list RPS description theirs", "ip pim rp 192.168.100.250 224.0.0.0/4", "commit", "end", "write",
		"configure session", "hostname router", "commit confirmed 5", "end")
	sas := func(rp string, sgs ...string) []byte {
		var all []ipv4.SG
		for _, sg := range sgs {
			source, group, _ := strings.Cut(sg, " ")
			all = append(all, ipv4.SG{Source: ipv4.MustParse(source), Group: ipv4.MustParse(group)})
		}
		return wire.AppendSourceActive(wire.AppendKeepAlive(nil), ipv4.MustParse(rp), all)
	}
	if _, err := r.d.ask(func(now time.Time) {
		in.begin()
		in.speaker.SetRPs(now, staticRPs(in.settings.staticRPs))
		in.speaker.ListenerUp(now, ipv4.MustParse("192.168.100.250"))
		own := netip.MustParseAddrPort("192.168.100.250:639")
		for i, from := range []struct {
			peer string
			tlvs []byte
		}{
			{"192.168.100.200", sas("10.20.30.40", "100.100.100.100 233.100.100.100", "100.100.100.20 233.100.100.100", "100.100.100.100 233.9.9.9", "127.0.0.1 233.1.1.1")},
			{"192.168.100.201", sas("192.168.100.201", "172.16.100.100 233.100.100.20", "172.16.100.100 233.100.100.100", "172.16.100.101 232.1.1.1")},
		} {
			conn := msdp.ConnID(1000 + i)
			in.speaker.Accepted(now, conn, own, netip.AddrPortFrom(netip.MustParseAddr(from.peer), 40000))
			in.drain()
			in.speaker.Received(now, conn, from.tlvs)
			in.drain()
		}
		in.speaker.Restore(now, msdp.Saved{Locals: []msdp.SavedLocal{{
			Source: ipv4.MustParse("192.168.200.200"), Group: ipv4.MustParse("239.200.200.200"), DR: ipv4.MustParse("192.168.200.1"),
			Registered: true, FirstSeen: now, LastRegister: now,
		}}})
		in.drain()
		for range 10 { // until the kernel's answer counts
			in.now = in.now.Add(time.Second)
			in.tracker.Tick(in.now)
			in.drain()
			in.speaker.Tick(in.now)
			in.drain()
		}
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTrialNeedsAttention: whoever comes in meanwhile sees that the configuration may go.
func TestTrialNeedsAttention(t *testing.T) {
	r := newPopulatedRig(t)
	const said = "the running configuration is on trial"
	if out := r.run("show ip msdp summary"); !strings.Contains(out, said) {
		t.Errorf("the summary says nothing of it:\n%s", out)
	}
	r.run("commit")
	if out := r.run("show ip msdp summary"); strings.Contains(out, said) || !strings.Contains(out, "Mesh groups") {
		t.Errorf("after the commit:\n%s", out)
	}
}

// showValue is something that there is, to stand for a variable of a show command.
func showValue(t *testing.T, p part) string {
	if !p.isVariable() {
		return p.text
	}
	values := map[string]string{
		"A.B.C.D peer": "192.168.100.200", "A.B.C.D rp": "10.20.30.40", "A.B.C.D source": "100.100.100.100", "A.B.C.D group": "233.100.100.100",
		"A.B.C.D first": "233.100.100.100", "A.B.C.D second": "100.100.100.20", "A.B.C.D/M groups": "233.0.0.0/8", "A.B.C.D/M sources": "0.0.0.0/0",
		"WORD list": "EDGE",
	}
	value, ok := values[p.text+" "+p.name]
	if !ok {
		t.Fatalf("say what stands for %s$%s", p.text, p.name)
	}
	return value
}

// printsLines are commands whose text is lines of the configuration, as long as these are.
var printsLines = []string{"show running-config", "show startup-config", "show ip access-list", "show ip prefix-list", "show configuration diff"}

// TestEveryShow: each show command that there is has a form with json, which is JSON, and one without,
// which fits into 80 columns, on a router where there is something to be shown. A new command is tried
// by being there.
func TestEveryShow(t *testing.T) {
	r := newPopulatedRig(t)
	if out := r.run("show ip msdp sa"); strings.Count(out, "\n") != 6 {
		t.Fatalf("the router has not what it should have:\n%s", out)
	}
	r.run("configure session", "hostname other", "end") // for `show configuration diff`
	tried := 0
	for _, c := range r.d.shell.Describe() {
		if !strings.HasPrefix(c.Syntax, "show ") || c.Mode == "configuration" {
			continue
		}
		tried++
		if !strings.Contains(c.Syntax, "[json$json]") {
			t.Errorf("%s has no JSON", c.Syntax)
		}
		for _, line := range every(notation(t, c.Syntax), func(p part) string { return showValue(t, p) }) {
			var out strings.Builder
			if status := r.d.shell.Execute(t.Context(), r.s, line, &out); status != vty.Success {
				t.Errorf("%s: %v: %s", line, status, &out)
				continue
			}
			if strings.HasSuffix(line, " json") {
				if !json.Valid([]byte(out.String())) {
					t.Errorf("%s: no JSON:\n%s", line, &out)
				}
				continue
			}
			wantNarrow(t, line, out.String())
		}
	}
	if tried < 15 {
		t.Errorf("only %d show commands were found", tried)
	}
}

// wantNarrow looks at the lines of what a person sees.
func wantNarrow(t *testing.T, line, text string) {
	t.Helper()
	for _, prefix := range printsLines {
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
	for out := range strings.Lines(text) {
		out = strings.TrimSuffix(out, "\n")
		if n := utf8.RuneCountInString(out); n > 80 {
			t.Errorf("%s: %d columns:\n%s", line, n, out)
		}
		if strings.TrimRight(out, " ") != out {
			t.Errorf("%s: spaces at the end of %q", line, out)
		}
	}
}
