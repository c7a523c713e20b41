package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"go.uber.org/zap/zapcore"

	"msdpd/zclient"
)

// options are those of every FRR daemon.
type options struct {
	daemonize  bool
	configFile string
	pidFile    string
	zserv      string
	// zebraVersion is zebra's release; empty: zebra is asked for it.
	zebraVersion string
	pathspace    string
	vtyAddr      string
	vtyPort      int
	vtyDir       string
	metrics      string
	user         string
	group        string
	dryRun       bool
	version      bool
	commands     bool
	log          string
	logLevel     zapcore.Level
}

const (
	defaultVtyPort = 2639
	configRoot     = "/etc/frr"
	runRoot        = "/var/run/frr"
)

const usageHead = `Usage: msdpd [OPTION...]

The MSDP speaker (RFC 3618) beside FRR's zebra and pimd.

`

// errUsage says that the options were not understood; the text is on stderr already.
var errUsage = errors.New("bad options")

// parseOptions reads the command line. pflag.ErrHelp: help was asked for and given.
func parseOptions(args []string, stdout, stderr io.Writer) (options, error) {
	var o options
	var level string
	var help bool
	f := pflag.NewFlagSet("msdpd", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.BoolVarP(&o.daemonize, "daemon", "d", false, "run in the background")
	f.StringVarP(&o.configFile, "config_file", "f", "", "configuration `file` (default "+configRoot+"/msdpd.conf)")
	f.StringVarP(&o.pidFile, "pid_file", "i", "", "`file` for the process id (default "+runRoot+"/msdpd.pid)")
	f.StringVarP(&o.zserv, "socket", "z", "", "zebra's `socket` (default "+runRoot+"/zserv.api)")
	f.StringVar(&o.zebraVersion, "zebra-version", "", "`X.Y`, the FRR release of zebra (default: zebra's shell says it)")
	f.StringVarP(&o.pathspace, "pathspace", "N", "", "insert `NAME` into the paths of files and sockets")
	f.StringVarP(&o.vtyAddr, "vty_addr", "A", "127.0.0.1", "`address` for telnet to the shell")
	f.IntVarP(&o.vtyPort, "vty_port", "P", defaultVtyPort, "TCP `port` for telnet to the shell, 0 for none")
	f.StringVar(&o.vtyDir, "vty_socket", "", "`directory` of the shell's Unix socket (default "+runRoot+")")
	f.StringVar(&o.metrics, "metrics", "", "`address:port` on which Prometheus is answered (default: none)")
	f.StringVarP(&o.user, "user", "u", "", "`user` to run as (default: "+defaultUser+" if root starts it)")
	f.StringVarP(&o.group, "group", "g", "", "`group` to run as (default: the user's own)")
	f.BoolVarP(&o.dryRun, "dryrun", "C", false, "check the configuration file and exit")
	f.BoolVarP(&o.version, "version", "v", false, "print the version and exit")
	f.BoolVar(&o.commands, "commands", false, "print the shell's commands and their help as JSON and exit")
	f.StringVar(&o.log, "log", "stdout", "`destination` of the log: stdout, syslog or file:PATH")
	f.StringVar(&level, "log-level", "info", "least `level` logged: debug, info, warn or error")
	f.BoolVarP(&help, "help", "h", false, "show this and exit")
	f.Usage = func() {}
	if err := f.Parse(args); err != nil {
		return o, usageError(stderr, err)
	}
	if help {
		fmt.Fprint(stdout, usageHead+f.FlagUsages())
		return o, pflag.ErrHelp
	}
	if f.NArg() > 0 {
		return o, usageError(stderr, fmt.Errorf("unexpected argument %q", f.Arg(0)))
	}
	if strings.ContainsAny(o.pathspace, "/.") {
		return o, usageError(stderr, fmt.Errorf("--pathspace %q: slashes and dots are not permitted", o.pathspace))
	}
	if o.zebraVersion != "" {
		if err := zclient.CheckRelease(o.zebraVersion); err != nil {
			return o, usageError(stderr, fmt.Errorf("--zebra-version %w", err))
		}
	}
	if o.vtyPort < 0 || o.vtyPort > 65535 {
		return o, usageError(stderr, fmt.Errorf("--vty_port %d is not in 0 to 65535", o.vtyPort))
	}
	var err error
	if o.logLevel, err = zapcore.ParseLevel(level); err != nil || o.logLevel > zapcore.ErrorLevel {
		return o, usageError(stderr, fmt.Errorf("--log-level %q: debug, info, warn or error", level))
	}
	if o.log != "stdout" && o.log != "syslog" && !(strings.HasPrefix(o.log, "file:") && len(o.log) > len("file:")) {
		return o, usageError(stderr, fmt.Errorf("--log %q: stdout, syslog or file:PATH", o.log))
	}
	if o.metrics != "" {
		if _, _, err := net.SplitHostPort(o.metrics); err != nil {
			return o, usageError(stderr, fmt.Errorf("--metrics: %w", err))
		}
	}
	o.fillPaths()
	if err := o.makePathsAbsolute(); err != nil {
		return o, usageError(stderr, err)
	}
	return o, nil
}

func usageError(stderr io.Writer, err error) error {
	fmt.Fprintf(stderr, "msdpd: %v\nTry 'msdpd --help'.\n", err)
	return errUsage
}

// fillPaths sets the paths that were not given, below the pathspace if there is one.
func (o *options) fillPaths() {
	run := filepath.Join(runRoot, o.pathspace)
	if o.configFile == "" {
		o.configFile = filepath.Join(configRoot, o.pathspace, "msdpd.conf")
	}
	if o.vtyDir == "" {
		o.vtyDir = run
	}
	if o.pidFile == "" {
		o.pidFile = filepath.Join(run, "msdpd.pid")
	}
	if o.zserv == "" {
		o.zserv = filepath.Join(run, "zserv.api")
	}
}

// makePathsAbsolute: in the background the working directory is another.
func (o *options) makePathsAbsolute() error {
	logFile, toFile := strings.CutPrefix(o.log, "file:")
	paths := []*string{&o.configFile, &o.vtyDir, &o.pidFile, &o.zserv}
	if toFile {
		paths = append(paths, &logFile)
	}
	for _, path := range paths {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("%s: %w", *path, err)
		}
		*path = absolute
	}
	if toFile {
		o.log = "file:" + logFile
	}
	return nil
}

func (o options) vtySocket() string { return filepath.Join(o.vtyDir, "msdpd.vty") }

// stateFile is where local and joined sources outlive a restart.
// It lies beside the pid file, and has its name: that is what two msdpds differ in.
func (o options) stateFile() string {
	return strings.TrimSuffix(o.pidFile, filepath.Ext(o.pidFile)) + ".state"
}

// neighborVty is the vty socket of another FRR daemon: it lies beside zebra's.
func (o options) neighborVty(daemon string) string {
	return filepath.Join(filepath.Dir(o.zserv), daemon+".vty")
}
