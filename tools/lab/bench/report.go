package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// span is a median with the least and the most.
type span struct{ Median, Least, Most float64 }

func spanOf(values []float64) span {
	if len(values) == 0 {
		return span{}
	}
	values = slices.Sorted(slices.Values(values))
	return span{values[len(values)/2], values[0], values[len(values)-1]}
}

func (s span) String() string { return fmt.Sprintf("%.2f (%.2f-%.2f)", s.Median, s.Least, s.Most) }

// line is what a workload gave: times in seconds, CPU in nanoseconds, memory in octets.
type line struct {
	Key, Name   string
	Wall        span
	CPUPerEntry span
	// What the relays needed, and the ratios of the times in each round.
	Relay, RelayByMessage           span
	RelayCPU, RelayByMessageCPU     span // per entry
	Ratio, RatioByMessage           span
	ResidentPerEntry, PeakPerEntry  span
	Resident                        span
	Probe99, ProbeMost              float64
	Join99, JoinMost, KeepAliveLate float64
	Probes, Joins                   int
	Note                            string
}

// compare lets the contenders take turns.
func (b *bench) compare(w workload, n int) line {
	out := line{Key: w.key, Name: w.name}
	var ours, first, second []result
	for round := range b.rounds {
		ours = append(ours, b.once(msdpd, w, n, round == 0))
		if w.relayed {
			first = append(first, b.once(bulk, w, n, false))
			second = append(second, b.once(byMessage, w, n, false))
		}
	}
	wall := func(r result) float64 { return r.wall.Seconds() }
	perEntry := func(r result) float64 { return float64(r.cpu.Nanoseconds()) / float64(n) }
	out.Wall, out.CPUPerEntry = of(ours, wall), of(ours, perEntry)
	out.Relay, out.RelayByMessage = of(first, wall), of(second, wall)
	out.RelayCPU, out.RelayByMessageCPU = of(first, perEntry), of(second, perEntry)
	out.Ratio, out.RatioByMessage = ratios(ours, first), ratios(ours, second)
	out.Resident = of(ours, func(r result) float64 { return float64(r.rss) })
	out.ResidentPerEntry = of(ours, func(r result) float64 { return float64(r.rss) / float64(n) })
	out.PeakPerEntry = of(ours, func(r result) float64 { return float64(r.peak) / float64(n) })
	var probes, joins, late latencies
	for _, r := range ours {
		probes, joins, late = append(probes, r.probes...), append(joins, r.joins...), append(late, r.late...)
		if r.note != "" && out.Note == "" {
			out.Note = r.note
		}
	}
	probes, joins, late = sorted(probes), sorted(joins), sorted(late)
	out.Probes, out.Probe99, out.ProbeMost = len(probes), probes.at(0.99).Seconds(), probes.most().Seconds()
	out.Joins, out.Join99, out.JoinMost = len(joins), joins.at(0.99).Seconds(), joins.most().Seconds()
	out.KeepAliveLate = late.most().Seconds()
	return out
}

// once runs a workload on a fresh process.
func (b *bench) once(c contender, w workload, n int, first bool) result {
	r := b.begin(c, w.plan)
	defer r.end()
	r.first = first
	return w.run(r, n)
}

func of(all []result, what func(result) float64) span {
	var values []float64
	for _, r := range all {
		values = append(values, what(r))
	}
	return spanOf(values)
}

func ratios(ours, theirs []result) span {
	var values []float64
	for i := range theirs {
		values = append(values, ours[i].wall.Seconds()/theirs[i].wall.Seconds())
	}
	return spanOf(values)
}

// point is workload (a) for one number of entries, in seconds, and CPU in nanoseconds.
type point struct {
	Entries     int
	Wall        span
	CPUPerEntry span
	Relay       span
}

// series measures (a) for growing numbers of entries.
func (b *bench) series() []point {
	var out []point
	for n := 1000; n <= b.entries; n *= 10 {
		l := b.compare(workloads[0], n)
		out = append(out, point{n, l.Wall, l.CPUPerEntry, l.RelayByMessage})
	}
	return out
}

// report is everything that was measured.
type report struct {
	Entries, Rounds int
	Workloads       []line
	Series          []point
	PIMD            *pimdReport `json:",omitempty"`
	Targets         []target
}

func (r *report) writeJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// printer prints what has been measured as it comes.
type printer struct{ quiet bool }

func (p printer) printf(format string, args ...any) {
	if !p.quiet {
		fmt.Printf(format, args...)
	}
}

func (p printer) heading(s settings) {
	p.printf(`%d entries, %d rounds, in turns: medians. Time runs from the first octet sent to the last entry received; CPU
is the speaker's, memory over what it has with no entries. Two relays copy the same octets between the same addresses:
"relay" whatever there is to be read at once, "by message" each message by a read for its header, one for the rest, and
a write. Probes are another peer's SAs, 100 a second.

`, s.entries, s.rounds)
	p.printf("%-38s %8s %18s %18s %9s %15s %15s\n%-38s %8s %18s %18s %9s %15s %15s\n",
		"", "time", "relay", "by message", "CPU", "octets an entry", "probes", "workload", "s", "s, times", "s, times", "ns/entry", "after, peak", "99 %, most, ms")
}

func (p printer) line(w workload, l line) {
	p.printf("%-38s %8.3f", fmt.Sprintf("(%s) %s", l.Key, l.Name), l.Wall.Median)
	relay := func(s, ratio span) {
		if s.Median == 0 {
			p.printf(" %18s", "")
			return
		}
		p.printf(" %18s", fmt.Sprintf("%.3f, %.1f (%.0f-%.0f)", s.Median, ratio.Median, ratio.Least, ratio.Most))
	}
	relay(l.Relay, l.Ratio)
	relay(l.RelayByMessage, l.RatioByMessage)
	p.printf(" %9.0f %15s", l.CPUPerEntry.Median, fmt.Sprintf("%.1f, %.1f", l.ResidentPerEntry.Median, l.PeakPerEntry.Median))
	if l.Probes > 0 {
		p.printf(" %15s", fmt.Sprintf("%.1f, %.1f", l.Probe99*1000, l.ProbeMost*1000))
	}
	p.printf("\n")
	if l.Joins > 0 {
		p.printf("    joins: 99 %% in %.1f ms, all in %.1f ms\n", l.Join99*1000, l.JoinMost*1000)
	}
	if w.plan.everySecond {
		p.printf("    KeepAlives were at most %.1f ms late\n", l.KeepAliveLate*1000)
	}
	if l.Note != "" {
		p.printf("    %s\n", l.Note)
	}
}

func (p printer) series(points []point) {
	p.printf("\n%10s %12s %12s %12s %14s\n", "entries", "time, s", "us/entry", "CPU ns/entry", "by message, s")
	for _, pt := range points {
		p.printf("%10d %12.4f %12.3f %12.0f %14.4f\n", pt.Entries, pt.Wall.Median, pt.Wall.Median/float64(pt.Entries)*1e6, pt.CPUPerEntry.Median, pt.Relay.Median)
	}
}

func (p printer) targets(all []target) {
	if len(all) == 0 {
		return
	}
	p.printf("\n%-74s %10s %10s\n", "target", "at most", "measured")
	for _, t := range all {
		verdict := "met"
		if !t.Met {
			verdict = "MISSED"
		}
		p.printf("%-74s %10.3g %10.3g  %s\n", t.What, t.AtMost, t.Measured, verdict)
	}
}

const megabyte = 1e6

func milliseconds(seconds float64) float64 { return seconds * float64(time.Second/time.Millisecond) }
