package vty

const terminalHelp = "Set up this session\n"

// installTerminal declares the commands about a session's own terminal. On the socket, which has
// none, those that programs for FRR give are taken and do nothing.
func (s *Shell) installTerminal() {
	s.Install(s.View, "terminal [no] error-marks", terminalHelp+"Negate what follows\nShow in a line that is no command where it goes wrong", func(c *Call) error {
		c.Session.marks = !c.Has("no")
		return nil
	})
	length := func(lines func(*Call) int) func(*Call) error {
		return func(c *Call) error {
			if t := c.Session.terminal; t != nil {
				t.lines = lines(c)
			}
			return nil
		}
	}
	s.Install(s.View, "terminal length (0-512)$lines", terminalHelp+"Set the length of a page\nIn lines; 0: no paging",
		length(func(c *Call) int { return int(c.Uint("lines")) }))
	s.Install(s.View, "terminal no length", terminalHelp+"Negate what follows\nSet the length of a page to that of the window",
		length(func(*Call) int { return -1 }))
	if s.config.Monitor == nil {
		return
	}
	s.Install(s.View, "terminal [no] monitor", terminalHelp+"Negate what follows\nShow the log on this terminal", func(c *Call) error {
		t := c.Session.terminal
		switch {
		case c.Has("no") && t != nil:
			t.unwatch()
		case t == nil && !c.Has("no") && c.Session.client != nil:
			return c.Session.client.watch(c, s.config.Monitor)
		case t != nil && t.watcher == nil:
			t.watcher = s.config.Monitor.watch()
		}
		return nil
	})
}

// unwatch ends `terminal monitor`.
func (t *terminal) unwatch() {
	if t.watcher != nil {
		t.shell.config.Monitor.unwatch(t.watcher)
		t.watcher = nil
	}
}
