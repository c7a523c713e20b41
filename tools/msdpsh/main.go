// Msdpsh gives commands to msdpd over its vty socket, as vtysh does to FRR's daemons, and passes
// on to those what msdpd does not have.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Exit codes beside those of the commands, which are the statuses of the vty protocol. The
// numbers are those of sysexits.h.
const (
	exitUsage       = 64
	exitNoInput     = 66
	exitUnavailable = 69
	exitIO          = 74
)

// Set by -ldflags "-X main.buildVersion=… -X main.buildCommit=… -X main.buildDate=…", as packaging/build does from git.
var (
	buildVersion = "0.1.0-dev"
	buildCommit  = "" // abbreviated
	buildDate    = "" // the commit's, YYYY-MM-DD
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, help, err := parseOptions(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "msdpsh: %v; -h shows the options\n", err)
		return exitUsage
	case o.help:
		fmt.Fprint(stdout, help)
		return 0
	case o.version:
		fmt.Fprint(stdout, versionText())
		return 0
	case o.check:
		return o.checkFile(ctx, stdout, stderr)
	}
	s := &session{options: o, daemon: &daemon{path: o.socket(), view: o.user}, stdout: stdout, stderr: stderr}
	defer s.daemon.drop()
	if o.completing {
		return s.completeWord(ctx, o.complete)
	}
	file, name := stdin, ""
	if o.file != "" && o.file != "-" && !o.boot {
		f, err := os.Open(o.file)
		if err != nil {
			fmt.Fprintf(stderr, "msdpsh: %v\n", err)
			return exitNoInput
		}
		defer f.Close()
		file, name = f, o.file+": "
	}
	if err := s.daemon.connect(ctx); err != nil {
		fmt.Fprintf(stderr, "msdpsh: %v\n", err)
		return exitUnavailable
	}
	in, inIsTerminal := terminal(stdin)
	out, outIsTerminal := terminal(stdout)
	switch {
	case o.boot:
		return s.load(ctx, o.configFile())
	case o.commands != nil:
		return s.runAll(ctx, o.commands)
	case o.file == "" && inIsTerminal && outIsTerminal:
		return s.converse(ctx, in, out)
	}
	return s.runLines(ctx, file, name)
}

// versionText is what -v prints.
func versionText() string {
	if buildCommit == "" {
		return fmt.Sprintf("msdpsh %s\n", buildVersion)
	}
	return fmt.Sprintf("msdpsh %s (%s %s)\n", buildVersion, buildCommit, buildDate)
}

// errWanted is the error of options that exclude each other.
var errWanted = errors.New("only one of -c, -b and -C, and -f with no -c")
