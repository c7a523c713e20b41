package main

import (
	"fmt"

	"msdpd/vty"
)

const (
	levelSyntax = "[<emergencies|alerts|critical|errors|warnings|notifications|informational|debugging>$level]"
	levelHelp   = "Nothing less than errors\nNothing less than errors\nNothing less than errors\nErrors\nWarnings, too\nWhat changes, too\nWhat changes, too\nEverything\n"
)

// logs installs the commands about the log.
func (c *configurator) logs() {
	target := func(name, help string, level func(*logSettings) *string) {
		c.install(c.shell.Config, "[no] log "+name+" "+levelSyntax, "Negate a command\nThe log\n"+help+levelHelp, func(s *settings, call *vty.Call) error {
			*level(&s.log) = ""
			if !call.No {
				*level(&s.log) = levelOf(call)
			}
			return nil
		})
	}
	target("syslog", "To syslog\n", func(l *logSettings) *string { return &l.syslog })
	target("stdout", "To standard output\n", func(l *logSettings) *string { return &l.stdout })
	target("monitor", "To terminals that watch it\n", func(l *logSettings) *string { return &l.monitor })

	const file = "The log\nTo a file\nIts path, below " + logDir + "\n"
	c.shell.Install(c.shell.Config, "log file FILE$path "+levelSyntax, file+levelHelp, func(call *vty.Call) error {
		path := call.Arg("path")
		if err := checkBelow(c.daemon.logDir, path); err != nil {
			return err
		}
		if _, draft := call.Session.Value(draftKey{}).(*settings); !draft {
			if err := c.daemon.tryLogFile(path); err != nil {
				return err
			}
		}
		return c.daemon.configure(call, func(s *settings, call *vty.Call) error {
			s.log.path, s.log.file = path, levelOf(call)
			return nil
		})
	})
	c.install(c.shell.Config, "no log file [FILE "+levelSyntax+"]", "Negate a command\n"+file+levelHelp, func(s *settings, _ *vty.Call) error {
		s.log.path, s.log.file = "", ""
		return nil
	})
	const precision = "The log\nThe time in it\nHow exact\n"
	c.install(c.shell.Config, "log timestamp precision (0-6)$digits", precision+"Digits of a second\n", func(s *settings, call *vty.Call) error {
		s.log.precision = int(call.Uint("digits"))
		return nil
	})
	c.install(c.shell.Config, "no log timestamp precision [(0-6)]", "Negate a command\n"+precision+"Digits of a second\n", func(s *settings, _ *vty.Call) error {
		s.log.precision = -1
		return nil
	})
}

// tryLogFile tells whether a log file can be written, and makes it where it is not there.
func (d *daemon) tryLogFile(path string) error {
	f, err := openLogFile(d.logDir, path)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	return nil
}

// levelOf is the level of a command, FRR's default if it names none.
func levelOf(c *vty.Call) string {
	if level := c.Arg("level"); level != "" {
		return level
	}
	return "debugging"
}
