package vty

import (
	"fmt"
	"regexp"
	"slices"
)

// installBuiltins declares what the three built-in modes have of their own.
func (s *Shell) installBuiltins() {
	s.tree(s.View)
	s.tree(s.Enable)
	s.tree(s.Config)
	enter := func(m *Mode) func(*Call) error {
		return func(c *Call) error {
			c.Session.Enter(m)
			return nil
		}
	}
	s.Install(s.View, "enable", "Turn on privileged commands", func(c *Call) error {
		if gate := c.Session.gate; gate != nil && c.Session.Mode() == s.View {
			if err := gate(); err != nil {
				return err
			}
		}
		c.Session.Enter(s.Enable)
		return nil
	})
	s.Install(s.View, "disable", "Turn off privileged commands", enter(s.View))
	s.installTerminal()
	s.installRoster()
	s.Install(s.Enable, "configure [terminal]", "Change the configuration\nFrom this terminal", enter(s.Config))
}

// installCommon declares what every mode has.
func (s *Shell) installCommon(mode *Mode) {
	exit := func(c *Call) error {
		if m := c.Session.Mode(); m.within(s.Config) {
			c.Session.Enter(m.Parent)
		} else {
			c.Session.End()
		}
		return nil
	}
	add := func(syntax, help string, run func(*Call) error) {
		if err := s.install(mode, syntax, help, run); err != nil {
			panic("vty: built-in " + syntax + ": " + err.Error())
		}
	}
	add("exit", "Leave this mode, or the shell", exit)
	add("quit", "Leave this mode, or the shell", exit)
	add("list", "List the commands of this mode", func(c *Call) error {
		lines := make([]string, 0, len(s.trees[mode].commands))
		for _, cmd := range s.trees[mode].commands {
			lines = append(lines, cmd.syntax)
		}
		slices.Sort(lines)
		for _, line := range lines {
			c.Printf("    %s\n", line)
		}
		return nil
	})
	add("find REGEX...", "Find commands, whatever their mode\nA regular expression for what list prints", func(c *Call) error {
		return s.find(c, c.Arg("REGEX..."))
	})
	if mode.within(s.Config) {
		add("end", "Leave the configuration", func(c *Call) error {
			c.Session.Enter(s.Enable)
			return nil
		})
		// The matcher reads what follows `do` by the commands of Enable; this is for help and list.
		add("do COMMAND...", "Run a command of the enable mode\nThe command", func(*Call) error { return nil })
	}
}

// find lists the commands that an expression matches, with their modes.
func (s *Shell) find(c *Call, expression string) error {
	pattern, err := regexp.Compile(expression)
	if err != nil {
		return badExpression("find", expression, err)
	}
	var lines []string
	for mode, t := range s.trees {
		for _, cmd := range t.commands {
			if pattern.MatchString(cmd.syntax) {
				lines = append(lines, fmt.Sprintf("%-15s %s\n", mode.Name, cmd.syntax))
			}
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		c.Printf("%s", line)
	}
	return nil
}
