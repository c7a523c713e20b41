// Bench loads msdpd from outside, through TCP between network namespaces, and measures it beside a
// relay that copies the same octets between the same addresses and does nothing else. The two take
// turns; what is printed are ratios, with their spread. tools/bench runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/tools/lab"
)

// bench is the network: the speaker's namespace, and one from which all the load comes.
type bench struct {
	t            lab.T
	router, load *lab.Node
}

func main() {
	n := flag.Int("n", 100_000, "entries")
	rounds := flag.Int("rounds", 3, "how often each is measured")
	only := flag.String("only", "", "workloads, by letter, separated by commas; all without it")
	asRelay := flag.String("relay", "", "be the relay at this `address` (the bench starts it)")
	flag.Parse()
	var err error
	if *asRelay != "" {
		err = relay(*asRelay)
	} else {
		err = lab.Run(lab.Options{}, false, func(t lab.T, net *lab.Network) error {
			return measure(t, net, *n, *rounds, *only)
		})
	}
	switch {
	case errors.Is(err, lab.ErrInterrupted):
		fmt.Fprintln(os.Stderr, "bench: interrupted; nothing is left")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(t lab.T, net *lab.Network, n, rounds int, only string) error {
	b := &bench{t: t, router: net.Router("speaker"), load: net.Host("load")}
	net.Connect(b.load, "eth0", "10.254.0.1/8", b.router, "eth0", speakerAddr.String()+"/8")
	for _, kind := range []struct {
		base  ipv4.Addr
		count int
	}{{senderBase, maxSenders}, {sinkBase, maxSinks}, {proberAddr - 1, 1}, {idleBase, maxIdle}} {
		for i := range kind.count {
			b.load.AddAddr("eth0", (kind.base+1+ipv4.Addr(i)).String()+"/8")
		}
	}
	fmt.Printf("%d entries, %d rounds; time from the first octet sent to the last entry received, CPU of the speaker\n\n", n, rounds)
	fmt.Printf("%-32s %10s %10s %16s %10s %10s %9s %9s\n", "workload", "msdpd", "relay", "ratio", "CPU/entry", "CPU/relay", "B/entry", "probe 99%")
	for _, w := range workloads {
		if only != "" && !slices.Contains(strings.Split(only, ","), w.key) {
			continue
		}
		b.compare(w, n, rounds)
	}
	return nil
}

// compare lets the contenders take turns, and prints a line.
func (b *bench) compare(w workload, n, rounds int) {
	var ours, theirs []result
	for range rounds {
		ours = append(ours, b.once(msdpd, w, n))
		if w.relayed {
			theirs = append(theirs, b.once(copier, w, n))
		}
	}
	mine := median(ours, func(r result) float64 { return r.wall.Seconds() })
	line := fmt.Sprintf("(%s) %-28s %8.3f s", w.key, w.name, mine)
	perEntry := median(ours, func(r result) float64 { return float64(r.cpu.Nanoseconds()) }) / float64(n)
	if len(theirs) > 0 {
		yard := median(theirs, func(r result) float64 { return r.wall.Seconds() })
		var ratios []float64
		for i := range ours {
			ratios = append(ratios, ours[i].wall.Seconds()/theirs[i].wall.Seconds())
		}
		slices.Sort(ratios)
		line += fmt.Sprintf(" %8.3f s %5.1f (%.1f-%.1f)", yard, ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
		line += fmt.Sprintf(" %7.0f ns %9.1fx", perEntry, perEntry*float64(n)/1e9/yard)
	} else {
		line += fmt.Sprintf(" %10s %16s %7.0f ns %10s", "", "", perEntry, "")
	}
	line += fmt.Sprintf(" %9.1f", median(ours, func(r result) float64 { return float64(r.peak) })/float64(n))
	var probes latencies
	for _, r := range ours {
		probes = append(probes, r.probes...)
	}
	slices.Sort(probes)
	if len(probes) > 0 {
		line += fmt.Sprintf(" %6.1f ms, most %.1f ms", probes.at(0.99).Seconds()*1000, probes[len(probes)-1].Seconds()*1000)
	}
	fmt.Println(line)
	if note := ours[len(ours)-1].note; note != "" {
		fmt.Printf("    %s\n", note)
	}
}

// once runs a workload on a fresh process.
func (b *bench) once(c contender, w workload, n int) result {
	r := b.begin(c, w.plan)
	defer r.end()
	time.Sleep(200 * time.Millisecond) // its start is not what is measured
	return w.run(r, n)
}

func median(all []result, of func(result) float64) float64 {
	var values []float64
	for _, r := range all {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
