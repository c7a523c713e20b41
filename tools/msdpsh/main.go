// Msdpsh gives commands to msdpd over its vty socket, as vtysh does to FRR's daemons.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"msdpd/lib/frrvty"
)

// Exit codes beside those of the commands, which are the statuses of the vty protocol. The
// numbers are those of sysexits.h.
const (
	exitUsage       = 64
	exitUnavailable = 69
	exitIO          = 74
)

const usage = `Usage: msdpsh [OPTION...]

Gives commands to msdpd. Without -c, commands are read from standard input,
one a line. The session starts in enable mode.

%s
All commands run on one connection, in order, up to the first that fails:
  msdpsh -c 'show ip msdp peer'
  msdpsh -c 'configure terminal' -c 'ip msdp timers 60 75'

Exit status:
  0   every command succeeded
  1   a command was understood and could not be done
  2   unknown command
  3   ambiguous command
  4   incomplete command
  13  a configuration command was refused
  64  wrong options
  69  msdpd could not be reached, or ended the connection
  74  standard input or output failed
Typed at a terminal, a command that fails does not end the session.
`

// options are those of the command line.
type options struct {
	commands  []string
	pathspace string
	dir       string
}

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o options
	flags := pflag.NewFlagSet("msdpsh", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SortFlags = false
	flags.StringArrayVarP(&o.commands, "command", "c", nil, "run `COMMAND`; may be given several times")
	flags.StringVarP(&o.pathspace, "pathspace", "N", "", "talk to the msdpd that runs with -N `NAME`")
	flags.StringVar(&o.dir, "vty_socket", "", "look for msdpd.vty in `DIR` (default /var/run/frr, with -N /var/run/frr/NAME)")
	help := flags.BoolP("help", "h", false, "show this and exit")
	err := flags.Parse(args)
	switch {
	case err == nil && *help:
		fmt.Fprintf(stdout, usage, flags.FlagUsagesWrapped(80))
		return 0
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected %q: commands follow -c", flags.Arg(0))
	case err == nil && (strings.Contains(o.pathspace, "/") || strings.HasPrefix(o.pathspace, ".")):
		err = fmt.Errorf("-N %s: a name has no slash and does not begin with a dot", o.pathspace)
	}
	if err != nil {
		fmt.Fprintf(stderr, "msdpsh: %v; -h shows the options\n", err)
		return exitUsage
	}
	s, err := connect(ctx, o.socket())
	if err != nil {
		fmt.Fprintf(stderr, "msdpsh: %v\n", err)
		return exitUnavailable
	}
	defer s.client.Close()
	s.stdout, s.stderr = stdout, stderr
	if flags.Changed("command") {
		return s.runAll(ctx, o.commands)
	}
	return s.runInput(ctx, stdin)
}

// socket is the path of msdpd's vty socket.
func (o *options) socket() string {
	dir := o.dir
	if dir == "" {
		dir = filepath.Join("/var/run/frr", o.pathspace)
	}
	return filepath.Join(dir, "msdpd.vty")
}

// connect dials the socket and enters the enable mode.
func connect(ctx context.Context, path string) (*session, error) {
	client, err := frrvty.Dial(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no socket %s: is msdpd running, and with the same -N and --vty_socket?", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("no permission for the socket %s: run as root or as a member of its group, frrvty", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("nobody answers on the socket %s: msdpd has died, or is not up yet", path)
	case err != nil:
		return nil, err
	}
	for _, line := range []string{"enable", "terminal error-marks"} {
		if _, _, err := client.Ask(ctx, line); err != nil {
			client.Close()
			return nil, fmt.Errorf("socket %s: %w", path, err)
		}
	}
	return &session{client: client}, nil
}
