// msdpd is an MSDP speaker (RFC 3618) for Linux routers that run FRR.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"msdpd/vty"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stdout, stderr)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return 0
	case err != nil:
		return 1
	case o.version:
		fmt.Fprint(stdout, versionText())
		return 0
	}
	d := newDaemon(o)
	if o.commands {
		return describeCommands(d.shell, stdout, stderr)
	}
	s, err := d.startConfig()
	if err != nil {
		fmt.Fprintf(stderr, "msdpd: %v\n", err)
		return 1
	}
	if o.dryRun {
		for _, m := range s.msdp.MissingLists() {
			fmt.Fprintf(stderr, "msdpd: warning: %s\n", m)
		}
		return 0
	}
	if o.daemonize && !inBackground() {
		return runInBackground(stderr)
	}
	if err = takeIdentity(o); err == nil {
		err = d.serve(s)
	}
	if err != nil {
		fmt.Fprintf(stderr, "msdpd: %v\n", err)
		return 1
	}
	return 0
}

// daemon is the process: the shell, the log and the one instance.
type daemon struct {
	options  options
	log      *zap.Logger
	monitor  *vty.Monitor
	recent   *recentLog
	shell    *vty.Shell
	logDir   string // `log file` writes below it
	instance *instance
	writing  sync.Mutex // of the configuration file: operators may ask for it at once
}

// newDaemon builds the shell, so that a configuration can be read; it opens nothing.
func newDaemon(o options) *daemon {
	d := &daemon{options: o, log: zap.NewNop(), monitor: &vty.Monitor{}, recent: newRecentLog(), logDir: logDir}
	d.shell = vty.New(vty.Config{Daemon: "MSDP", Hostname: d.hostname, Monitor: d.monitor, Neighbors: filepath.Dir(o.zserv)})
	d.installConfigure(d.shell)
	d.installConfigureSession(d.shell)
	d.installSystem(d.shell)
	d.installShowPeer(d.shell)
	d.installShowSA(d.shell)
	d.installShowSummary(d.shell)
	d.installShowRPF(d.shell)
	d.installShowAudit(d.shell)
	d.installShowLists(d.shell)
	d.installShowLimits(d.shell)
	d.installClear(d.shell)
	d.installDebug(d.shell)
	d.installShowLogging(d.shell)
	d.installTestFilter(d.shell)
	d.installShowRejected(d.shell)
	d.installShowWhy(d.shell)
	d.installShowCount(d.shell)
	return d
}
