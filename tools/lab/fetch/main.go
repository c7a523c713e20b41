// Fetch gets releases of FRR from Debian for the integration tests, and prints where they are: a line for each, its
// version and its directory with a space between. What cannot be had is named on standard error.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"msdpd/tools/lab/releases"
)

const usage = `usage: go run ./tools/lab/fetch [LIST]

Fetches releases of FRR, each with its libraries, into directories of %s
(another: MSDPD_LAB_CACHE). What is there is not fetched again: remove a directory for a newer one.
LIST is "all" (default), or versions or Debian suites with commas: 7.5.1,testing. They are
`

func main() {
	flag.Usage = func() {
		fmt.Fprintf(os.Stderr, usage, releases.Dir())
		for _, s := range releases.Suites {
			fmt.Fprintf(os.Stderr, "  %v\n", s)
		}
	}
	flag.Parse()
	if flag.NArg() > 1 {
		flag.Usage()
		os.Exit(2)
	}
	list := "all"
	if flag.NArg() == 1 {
		list = flag.Arg(0)
	}
	suites, err := releases.Find(list)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	missing := 0
	for _, s := range suites {
		t, err := releases.Get(ctx, s, func(line string) { fmt.Fprintln(os.Stderr, "fetch:", line) })
		if err != nil {
			missing++
			fmt.Fprintf(os.Stderr, "fetch: skipped: %v\n", err)
			continue
		}
		fmt.Fprintf(os.Stderr, "fetch: FRR %s: Debian %s's frr %s\n", t.Version(), s.Name, t.Package)
		fmt.Println(t.Version(), t.Root)
	}
	if missing == len(suites) {
		os.Exit(1)
	}
}
