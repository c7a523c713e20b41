// Demo shows MSDP at work: two PIM domains, each with its RP, a source in one and a receiver
// in the other, in network namespaces of this machine with real FRR. tools/demo runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"msdpd/tools/lab"
)

// keptName is the network of --keep: one at a time, with names that are easy to type.
const keptName = "msdp-demo"

func main() {
	keep := flag.Bool("keep", false, "leave the network up, with traffic, and say how to look around")
	down := flag.Bool("down", false, "take down the network that --keep left")
	frr := flag.Bool("frr-msdp", false, "use the MSDP of FRR's own pimd instead of msdpd, to compare")
	traffic := flag.String("traffic", "", "used by --keep: send or receive until killed")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "demo: no arguments, only options")
		os.Exit(2)
	}
	var err error
	switch {
	case *traffic != "":
		err = runTraffic(*traffic)
	case *down:
		err = lab.Remove(keptName)
	default:
		err = run(*keep, *frr)
	}
	switch {
	case errors.Is(err, lab.ErrInterrupted):
		fmt.Fprintln(os.Stderr, "demo: interrupted; nothing is left")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(keep, frr bool) error {
	o := lab.Options{}
	if keep {
		if _, err := os.Stat(filepath.Join(os.TempDir(), keptName)); err == nil {
			return errors.New("an earlier --keep has left its network: take it down first, by tools/demo --down")
		}
		o.Name = keptName
	}
	return lab.Run(o, keep, func(t lab.T, n *lab.Network) error {
		d := &demo{t: t, n: n, frr: frr, began: time.Now()}
		d.drawing()
		d.build()
		d.startDaemons()
		d.converge()
		if err := d.traffic(); err != nil {
			return err
		}
		if err := d.showCaches(); err != nil {
			return err
		}
		if keep {
			return d.keep()
		}
		return nil
	})
}
