package vty

// Mode is a place in the shell with commands of its own: the view of a stranger, the
// configuration, one object within it.
type Mode struct {
	// Name is for messages: "router pim".
	Name string
	// Prompt follows the hostname: "(config-router-pim)#".
	Prompt string
	// Parent is where `exit` leads. A mode of the configuration has the shell's Config among
	// its ancestors; a line that such a mode does not know is tried in its ancestors up to
	// there, as FRR reads its files, and the session then stands in the mode that took it.
	Parent *Mode
}

// within reports whether m is top, or has it among its ancestors.
func (m *Mode) within(top *Mode) bool {
	for ; m != nil; m = m.Parent {
		if m == top {
			return true
		}
	}
	return false
}

// Session is one user of a Shell: a connection, or a file being read. It is used by one
// goroutine at a time.
type Session struct {
	shell *Shell
	mode  *Mode
	ended bool
	marks bool // errors show where
	// terminal is where a person sits, nil on the socket; gate is what stands before the enable
	// mode, nil for nothing.
	terminal *terminal
	// line is the session's in the roster, client what it is on the socket; nil for a file.
	line   *line
	client *client
	gate   func() error
	values map[any]any
	note   string
}

// NewSession starts a session in the view mode.
func (s *Shell) NewSession() *Session {
	return &Session{shell: s, mode: s.View}
}

// Mode is where the session stands. While a command runs it is the mode that knew the command.
func (s *Session) Mode() *Mode { return s.mode }

// Enter moves the session to a mode.
func (s *Session) Enter(m *Mode) {
	s.mode = m
	if s.line != nil {
		s.line.mode.Store(m)
	}
}

// sitsAt gives the session its line in the roster.
func (s *Session) sitsAt(l *line) {
	s.line = l
	l.mode.Store(s.mode)
}

// End ends the session once the running command has returned.
func (s *Session) End() { s.ended = true }

// Ended reports whether the session is over.
func (s *Session) Ended() bool { return s.ended }

// Prompt is what a person is to be shown before typing: "rp1(config)# ".
func (s *Session) Prompt() string {
	return s.shell.config.Hostname() + s.note + s.mode.Prompt + " "
}

// SetNote puts a note into the prompt, behind the hostname: "[session]". "" takes it away.
func (s *Session) SetNote(note string) { s.note = note }

// OnTerminal reports whether a person sits at a terminal of ours, as over Telnet, and not a client
// at the socket.
func (s *Session) OnTerminal() bool { return s.terminal != nil }

// Value returns what SetValue put under the key, nil if nothing: the object that a mode
// configures, for instance. Keys are compared like map keys; use a type of your own.
func (s *Session) Value(key any) any { return s.values[key] }

// SetValue keeps v under the key for the rest of the session.
func (s *Session) SetValue(key, v any) {
	if s.values == nil {
		s.values = make(map[any]any)
	}
	s.values[key] = v
}
