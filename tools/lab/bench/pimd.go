package main

import (
	"fmt"
	"strings"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
	"msdpd/tools/lab"
	"msdpd/tools/lab/releases"
)

// pimdEntries are how many entries are measured with FRR's pimd, whose time grows with their square.
var pimdEntries = []int{1000, 10_000, 20_000}

// pimdReport is (a) for FRR's pimd and msdpd, side by side.
type pimdReport struct {
	Release string
	Rows    []pimdRow
}

type pimdRow struct {
	Entries             int
	PIMD, MSDPD         span // times in seconds
	PIMDCPU, MSDPDCPU   span // nanoseconds an entry
	PIMDPeak, MSDPDPeak span // octets an entry
}

// besidePIMD measures FRR's own MSDP beside msdpd, where a tree with an FRR of today is there.
func (b *bench) besidePIMD() *pimdReport {
	suite := releases.Suites[len(releases.Suites)-1]
	tree, err := releases.Open(suite)
	if err != nil {
		return nil
	}
	out := &pimdReport{Release: tree.Version()}
	b.router.FRR = lab.FRR{Root: tree.Root}
	w := workload{key: "a", run: floodOf(1, 1, wire.MaxEntries, false)}
	b.router.StartFRR("zebra", "")
	for _, n := range pimdEntries {
		if n > b.entries {
			break
		}
		var ours, theirs []result
		for range b.rounds {
			ours = append(ours, b.once(msdpd, w, n, false))
			theirs = append(theirs, b.once(pimd, w, n, false))
		}
		wall := func(r result) float64 { return r.wall.Seconds() }
		cpu := func(r result) float64 { return float64(r.cpu.Nanoseconds()) / float64(n) }
		peak := func(r result) float64 { return float64(r.peak) / float64(n) }
		out.Rows = append(out.Rows, pimdRow{n, of(theirs, wall), of(ours, wall), of(theirs, cpu), of(ours, cpu), of(theirs, peak), of(ours, peak)})
	}
	return out
}

// pimd is FRR's own MSDP speaker, with the peers that (a) needs. The senders are in a mesh group: from
// others it takes an SA only if the RP's next hop is the peer.
var pimd = contender{name: "pimd", start: func(b *bench, _ plan) *lab.Daemon {
	c := &strings.Builder{}
	fmt.Fprintf(c, "interface lo\n ip pim\nexit\nrouter pim\n rp %s 224.0.0.0/4\n msdp mesh-group senders source %s\n", speakerAddr, speakerAddr)
	for _, a := range []ipv4.Addr{senderBase + 1, proberAddr} {
		fmt.Fprintf(c, " msdp mesh-group senders member %s\n", a)
	}
	fmt.Fprintf(c, " msdp peer %s source %s\nexit\n", sinkBase+1, speakerAddr)
	return b.router.StartFRR("pimd", c.String())
}}

func (p printer) pimd(r *pimdReport) {
	if r == nil {
		p.printf("\nNo FRR 10 is there to compare with: go run ./tools/lab/fetch testing\n")
		return
	}
	p.printf("\n(a) beside pimd of FRR %s:\n%10s %12s %12s %8s %14s %14s %14s %14s\n", r.Release,
		"entries", "pimd, s", "msdpd, s", "times", "CPU ns/entry", "msdpd", "octets/entry", "msdpd")
	for _, row := range r.Rows {
		p.printf("%10d %12.4f %12.4f %8.1f %14.0f %14.0f %14.0f %14.0f\n", row.Entries, row.PIMD.Median, row.MSDPD.Median, row.PIMD.Median/row.MSDPD.Median,
			row.PIMDCPU.Median, row.MSDPDCPU.Median, row.PIMDPeak.Median, row.MSDPDPeak.Median)
	}
}
