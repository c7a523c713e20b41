package main

import (
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
	"msdpd/vty"
)

// BenchmarkShowPeers is `show ip msdp peer` of 1,000 peers.
func BenchmarkShowPeers(b *testing.B) {
	r := newShellRig(b)
	r.run("configure session")
	for i := range 1000 {
		r.run(fmt.Sprintf("ip msdp peer 10.1.%d.%d source 10.0.0.1 as %d", i/250, 1+i%250, 64512+i))
	}
	r.run("commit", "end")
	for _, line := range []string{"show ip msdp peer", "show ip msdp peer json", "show ip msdp peer detail json"} {
		b.Run(line, func(b *testing.B) { benchmarkShow(b, r, line, 1000) })
	}
}

// BenchmarkShowSAs is `show ip msdp sa` of 100,000 entries, all and some.
func BenchmarkShowSAs(b *testing.B) {
	const count = 100_000
	r := newShellRig(b)
	in := r.d.instance
	r.run("configure session", "ip msdp mesh-group any source 10.0.0.9", "ip msdp mesh-group any member 10.0.0.2", "commit", "end")
	if _, err := r.d.ask(func(now time.Time) {
		in.speaker.Apply(now, in.settings.msdp)
		in.speaker.ListenerUp(now, ipv4.MustParse("10.0.0.9"))
		in.speaker.Accepted(now, 1, netip.MustParseAddrPort("10.0.0.9:639"), netip.MustParseAddrPort("10.0.0.2:40000"))
		for i := 0; i < count; i += 100 {
			var sgs []ipv4.SG
			for k := range 100 {
				sgs = append(sgs, ipv4.SG{Source: ipv4.MustParse("20.0.0.1") + ipv4.Addr(i+k), Group: ipv4.MustParse("233.1.0.0") + ipv4.Addr(i/1000)})
			}
			in.speaker.Received(now, 1, wire.AppendSourceActive(nil, ipv4.MustParse("10.0.0.2"), sgs))
		}
		in.deferred = nil // nobody answers for routes
		if n := in.speaker.Summary().Remotes; n != count {
			b.Errorf("%d entries", n)
		}
	}); err != nil {
		b.Fatal(err)
	}
	for _, line := range []string{"show ip msdp sa", "show ip msdp sa json", "show ip msdp sa source 20.0.0.0/24", "show ip msdp sa 233.1.0.7"} {
		b.Run(line, func(b *testing.B) { benchmarkShow(b, r, line, count) })
	}
}

func benchmarkShow(b *testing.B, r *shellRig, line string, entries int) {
	for b.Loop() {
		if status := r.d.shell.Execute(b.Context(), r.s, line, io.Discard); status != vty.Success {
			b.Fatal(status)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(entries), "ns/entry")
}
