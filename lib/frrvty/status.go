package frrvty

import (
	"fmt"
	"strings"
)

// Status is the byte that ends every answer on a vty socket.
type Status uint8

// The statuses that FRR's daemons send, with FRR's numbers.
const (
	// Success: the command was done.
	Success Status = 0
	// Warning: the command was understood and could not be done, or not wholly.
	Warning Status = 1
	// NoMatch: there is no such command in this mode.
	NoMatch Status = 2
	// Ambiguous: an abbreviation stands for more than one command.
	Ambiguous Status = 3
	// Incomplete: the line is the beginning of a command.
	Incomplete Status = 4
	// ConfigFailed: a configuration command was understood and refused.
	ConfigFailed Status = 13
)

// String says in words what the status means.
func (s Status) String() string {
	switch s {
	case Success:
		return "success"
	case Warning:
		return "warning"
	case NoMatch:
		return "unknown command"
	case Ambiguous:
		return "ambiguous command"
	case Incomplete:
		return "incomplete command"
	case ConfigFailed:
		return "configuration refused"
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// StatusError is the answer of a daemon that did not do what it was asked.
type StatusError struct {
	// Line is the command.
	Line   string
	Status Status
	// Text is what the daemon wrote, as it wrote it.
	Text string
}

// Error gives the command without passwords and the daemon's text, or the status where it wrote none.
func (e *StatusError) Error() string {
	text := strings.TrimSpace(e.Text)
	if text == "" {
		text = e.Status.String()
	}
	return fmt.Sprintf("command %q: %s", Shown(e.Line), text)
}

// Shown returns a line as it may be printed and logged: what follows a word that announces a
// password, abbreviated to no less than two letters, is left out.
func Shown(line string) string {
	at := 0
	for word := range strings.FieldsSeq(line) {
		at += strings.Index(line[at:], word) + len(word)
		w := strings.ToLower(word)
		if len(w) >= 2 && strings.HasPrefix("password", w) || strings.HasPrefix(w, "passw") {
			if strings.TrimSpace(line[at:]) == "" {
				return line
			}
			return line[:at] + " <hidden>"
		}
	}
	return line
}
