package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
)

const usage = `Usage: msdpsh [OPTION...]

Gives commands to msdpd. Without -c, -f and -b they are typed at a terminal, or
read from standard input, one a line. The session starts in the enable mode.

%s
All commands run on one connection, in order, up to the first that fails:
  msdpsh -c 'show ip msdp peer'
  msdpsh -c 'configure terminal' -c 'ip msdp timers 60 75'
A show that msdpd does not have is passed to the daemon of FRR that has it:
  msdpsh -c 'show ip route'

Exit status:
  0   every command succeeded
  1   a command was understood and could not be done; with -C: the file is wrong
  2   unknown command
  3   ambiguous command
  4   incomplete command
  13  a configuration command was refused
  64  wrong options
  66  the file could not be read
  69  msdpd could not be reached, or ended the connection
  74  standard input or output failed
Typed at a terminal, a command that fails does not end the session.
`

// options are those of the command line.
type options struct {
	commands  []string
	file      string
	boot      bool
	check     bool
	json      bool
	echo      bool
	user      bool
	pathspace string
	dir       string
	histfile  string
	help      bool
	version   bool
	// complete is the beginning of a command, for the completion of the shell that calls us.
	completing bool
	complete   string
}

// parseOptions reads the command line; help is what -h prints.
func parseOptions(args []string) (o options, help string, err error) {
	flags := pflag.NewFlagSet("msdpsh", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SortFlags = false
	flags.StringArrayVarP(&o.commands, "command", "c", nil, "run `COMMAND`; may be given several times")
	flags.StringVarP(&o.file, "inputfile", "f", "", "run the commands in `FILE`, up to the first that fails")
	flags.BoolVarP(&o.boot, "boot", "b", false, "add the lines of the configuration file, or of that after -f, to the configuration in force")
	flags.BoolVarP(&o.check, "dryrun", "C", false, "check the configuration file, or that after -f; msdpd need not run")
	flags.BoolVar(&o.json, "json", false, "have every show answer in JSON")
	flags.BoolVarP(&o.echo, "echo", "E", false, "print prompt and command before each output")
	flags.BoolVarP(&o.user, "user", "u", false, "start in the view mode")
	flags.StringVarP(&o.histfile, "histfile", "H", "", "keep the history in `FILE` (default ~/.history_msdpsh)")
	flags.StringVarP(&o.pathspace, "pathspace", "N", "", "talk to the msdpd that runs with -N `NAME`")
	flags.StringVar(&o.dir, "vty_socket", "", "look for msdpd.vty in `DIR` (default /var/run/frr, with -N /var/run/frr/NAME)")
	flags.BoolVarP(&o.version, "version", "v", false, "print the version and exit")
	flags.BoolVarP(&o.help, "help", "h", false, "show this and exit")
	flags.StringVar(&o.complete, "complete", "", "print how the command `LINE` can go on")
	if err := flags.MarkHidden("complete"); err != nil {
		return o, "", err
	}
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	o.completing = flags.Changed("complete")
	switch {
	case flags.NArg() > 0:
		return o, "", fmt.Errorf("unexpected %q: commands follow -c", flags.Arg(0))
	case strings.Contains(o.pathspace, "/") || strings.HasPrefix(o.pathspace, "."):
		return o, "", fmt.Errorf("-N %s: a name has no slash and does not begin with a dot", o.pathspace)
	case o.commands != nil && (o.file != "" || o.boot || o.check), o.boot && o.check:
		return o, "", errWanted
	}
	return o, fmt.Sprintf(usage, flags.FlagUsagesWrapped(80)), nil
}

// socket is the path of msdpd's vty socket.
func (o *options) socket() string {
	dir := o.dir
	if dir == "" {
		dir = filepath.Join("/var/run/frr", o.pathspace)
	}
	return filepath.Join(dir, "msdpd.vty")
}

// configFile is the file of -b and -C.
func (o *options) configFile() string {
	if o.file != "" {
		return o.file
	}
	return filepath.Join("/etc/frr", o.pathspace, "msdpd.conf")
}
