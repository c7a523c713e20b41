// Package vty is a router's shell as a library: commands declared in FRR's notation, a
// parser with abbreviations, modes, help from the same declarations, configuration files,
// and FRR's daemon vty protocol on a Unix socket. It knows nothing of any protocol.
package vty

import (
	"fmt"
	"os"
	"strings"

	"go.uber.org/zap"

	"msdpd/lib/frrvty"
)

// Status says how a command ended; it is the last byte of an answer on the socket.
type Status = frrvty.Status

// FRR's numbers.
const (
	Success      = frrvty.Success
	Warning      = frrvty.Warning
	NoMatch      = frrvty.NoMatch
	Ambiguous    = frrvty.Ambiguous
	Incomplete   = frrvty.Incomplete
	ConfigFailed = frrvty.ConfigFailed
)

// Config is what a Shell takes from its daemon.
type Config struct {
	// Hostname is asked for each prompt; nil: the machine's name.
	Hostname func() string
	// Daemon stands in "% [MSDP] Unknown command: …".
	Daemon string
	// Log takes what happens to connections, and the warnings of files being read; nil: nothing is logged.
	Log *zap.Logger
	// MaxLine is the longest line in octets that Serve and Load take; 0: 8192. FRR's own is 4096.
	MaxLine int
	// MaxSessions is the number of connections that Serve holds at once; one more is told so
	// and closed. 0: 512.
	MaxSessions int
	// Monitor has the lines of the log for `terminal monitor`; nil: there is no such command.
	Monitor *Monitor
	// Neighbors is the directory of other daemons' vty sockets, for a client that passes on what
	// this one does not know; "": there are none.
	Neighbors string
}

// Shell holds modes and their commands. All commands are installed before the first session
// starts; from then on it may be used by any number of goroutines.
type Shell struct {
	// View is where a session starts; what it knows, Enable knows too.
	View *Mode
	// Enable is for those who may change things.
	Enable *Mode
	// Config is the top of the configuration.
	Config *Mode

	config Config
	trees  map[*Mode]*tree
	// secrets are the keywords behind which a secret stands.
	secrets map[announcer]bool

	verifying verifying
	failures  failures
	roster    roster
}

// New returns a shell with the built-in modes and their commands: enable, disable,
// configure [terminal], terminal …, exit, quit, end, list, find, and do in the configuration.
func New(config Config) *Shell {
	if config.Log == nil {
		config.Log = zap.NewNop()
	}
	if config.MaxLine <= 0 {
		config.MaxLine = 8192
	}
	if config.MaxSessions <= 0 {
		config.MaxSessions = 512
	}
	if config.Hostname == nil {
		config.Hostname = func() string {
			name, err := os.Hostname()
			if err != nil {
				return "localhost"
			}
			return name
		}
	}
	s := &Shell{config: config, trees: make(map[*Mode]*tree), secrets: make(map[announcer]bool), verifying: make(verifying, 1)}
	s.View = &Mode{Name: "view", Prompt: ">"}
	s.Enable = &Mode{Name: "enable", Prompt: "#", Parent: s.View}
	s.Config = &Mode{Name: "configuration", Prompt: "(config)#", Parent: s.Enable}
	s.installBuiltins()
	return s
}

// LogTo sets where the log goes from now on. Call it before Serve.
func (s *Shell) LogTo(log *zap.Logger) { s.config.Log = log }

// Install declares a command of a mode.
//
// The syntax is FRR's notation: lower-case keywords; A.B.C.D, A.B.C.D/M, (1-65535) and
// upper-case names such as WORD for one word of the user's; LINE... (any upper-case name
// with three dots) for the rest of the line; [optional] parts and <one|of|these>, nested at
// will. $name behind a token, or behind a bracket for the tokens that stand directly in it,
// names what was given there for Call.Arg; else the token's own text does. A leading [no]
// declares both forms; Call.No tells them apart.
//
// KEY! (any upper-case name with an exclamation mark behind it) is a secret: no
// error, and no line of the log, shows what follows the keyword before it, well or badly typed.
// What the command itself makes of it is up to the command.
//
// The help holds one line for each token in the order of the syntax.
//
// A command of View is one of Enable too. Install panics on a bad declaration and on one
// that says the same as an earlier one.
func (s *Shell) Install(mode *Mode, syntax, help string, run func(*Call) error) {
	if err := s.install(mode, syntax, help, run); err != nil {
		panic(fmt.Sprintf("vty: command %q of mode %q: %v", syntax, mode.Name, err))
	}
	if mode == s.View {
		s.Install(s.Enable, syntax, help, run)
	}
}

func (s *Shell) install(mode *Mode, syntax, help string, run func(*Call) error) error {
	if run == nil {
		return fmt.Errorf("nothing to run")
	}
	items, err := parseSyntax(syntax, help)
	if err != nil {
		return err
	}
	s.noteSecrets(items, nil)
	cmd := &command{syntax: strings.ReplaceAll(syntax, "!", ""), tokens: tokensOf(items), run: run}
	t := s.tree(mode)
	if rest, ok := cutNo(items); ok {
		if err := t.add(rest, cmd); err != nil {
			return err
		}
		items = withNo(items)
	}
	if err := t.add(items, cmd); err != nil {
		return err
	}
	t.commands = append(t.commands, cmd)
	return nil
}

// lookup returns the commands of a mode; one that nothing was installed in has none.
func (s *Shell) lookup(mode *Mode) *tree {
	if t := s.trees[mode]; t != nil {
		return t
	}
	return newTree()
}

// tree is lookup for Install: a mode seen for the first time gets those that every mode has.
func (s *Shell) tree(mode *Mode) *tree {
	t := s.trees[mode]
	if t == nil {
		t = newTree()
		s.trees[mode] = t
		s.installCommon(mode)
	}
	return t
}
