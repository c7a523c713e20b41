// Bench loads msdpd from outside, through TCP between network namespaces, and measures it beside
// relays that copy the same octets between the same addresses and do nothing else. They take turns;
// what is printed are ratios, with their spread. tools/bench runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"msdpd/lib/ipv4"
	"msdpd/tools/lab"
)

// The addresses of the bench: one host has all those of the peers, which connect to the speaker.
var (
	speakerAddr = ipv4.MustParse("10.255.255.1")
	senderBase  = ipv4.MustParse("10.1.0.0")
	sinkBase    = ipv4.MustParse("10.2.0.0")
	proberAddr  = ipv4.MustParse("10.3.0.1")
	idleBase    = ipv4.MustParse("10.4.0.0")
)

// How many peers of each kind there are at most.
const (
	maxSenders = 200
	maxSinks   = 52
	maxIdle    = 1000
)

// settings are what the command line says.
type settings struct {
	entries int
	rounds  int
	only    []string
	json    bool
}

func (s settings) wants(key string) bool { return len(s.only) == 0 || slices.Contains(s.only, key) }

// bench is the network: the speaker's namespace, and one from which all the load comes.
type bench struct {
	settings
	t            lab.T
	router, load *lab.Node
}

func main() {
	var s settings
	flag.IntVar(&s.entries, "n", 1_000_000, "entries")
	flag.IntVar(&s.rounds, "rounds", 3, "how often each is measured")
	only := flag.String("only", "", "workloads, by letter, separated by commas; all without it")
	flag.BoolVar(&s.json, "json", false, "print JSON")
	asRelay := flag.String("relay", "", "be the relay at this `address` (the bench starts it)")
	byMessage := flag.Bool("by-message", false, "be a relay that reads and writes message by message")
	flag.Parse()
	if *only != "" {
		s.only = strings.Split(*only, ",")
	}
	var err error
	if *asRelay != "" {
		err = relay(*asRelay, *byMessage)
	} else {
		err = lab.Run(lab.Options{}, false, func(t lab.T, net *lab.Network) error { return measure(t, net, s) })
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

func measure(t lab.T, net *lab.Network, s settings) error {
	b := &bench{settings: s, t: t, router: net.Router("speaker"), load: net.Host("load")}
	b.connect(net)
	r := &report{Entries: s.entries, Rounds: s.rounds}
	out := printer{quiet: s.json}
	out.heading(s)
	for _, w := range workloads {
		if !s.wants(w.key) {
			continue
		}
		line := b.compare(w, s.entries)
		out.line(w, line)
		r.Workloads = append(r.Workloads, line)
	}
	if s.wants("n") {
		r.Series = b.series()
		out.series(r.Series)
	}
	if s.wants("pimd") {
		r.PIMD = b.besidePIMD()
		out.pimd(r.PIMD)
	}
	r.judge()
	if s.json {
		return r.writeJSON(os.Stdout)
	}
	out.targets(r.Targets)
	return nil
}

// connect makes the one link. All addresses of the peers are behind it, so that the speaker needs
// one neighbour entry, whatever the kernel's bound on these is.
func (b *bench) connect(net *lab.Network) {
	const loadLink, routerLink = "192.168.0.1", "192.168.0.2"
	net.Connect(b.load, "eth0", loadLink+"/30", b.router, "eth0", routerLink+"/30")
	b.router.AddAddr("lo", speakerAddr.String()+"/32")
	b.router.AddRoute("10.0.0.0/8", loadLink)
	b.load.AddRoute(speakerAddr.String()+"/32", routerLink)
	for _, kind := range []struct {
		base  ipv4.Addr
		count int
	}{{senderBase, maxSenders}, {sinkBase, maxSinks}, {proberAddr - 1, 1}, {idleBase, maxIdle}} {
		for i := range kind.count {
			b.load.AddAddr("lo", (kind.base+1+ipv4.Addr(i)).String()+"/32")
		}
	}
}
