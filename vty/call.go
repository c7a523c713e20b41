package vty

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"msdpd/lib/ipv4"
)

// Call is one command being run. It is an io.Writer for the command's output, which goes out
// as it is written: a Write may wait for a slow reader, and fails when the reader is gone.
type Call struct {
	// Session is who asks.
	Session *Session
	// No is true for the `no` form.
	No bool
	// Line is the line as typed, abbreviations and all, without surrounding space.
	Line string

	ctx  context.Context
	w    io.Writer
	args []arg
}

// arg is one word of the line, or the rest of it, and the token that took it.
type arg struct {
	tok   *token
	value string
}

// Context ends when the session or the shell does.
func (c *Call) Context() context.Context { return c.ctx }

// Write writes output. Lines end with a single newline.
func (c *Call) Write(p []byte) (int, error) { return c.w.Write(p) }

// Printf writes formatted output. A reader that has gone shows in Write and Context.
func (c *Call) Printf(format string, args ...any) { fmt.Fprintf(c.w, format, args...) }

// Has reports whether the line has something for the name: a $name of the declaration, or
// the text of a keyword, in full however it was abbreviated, or of a token that has no $name.
// Where a $name is the text of another token too, it means the token that it stands at.
func (c *Call) Has(name string) bool {
	_, ok := c.find(name)
	return ok
}

// Arg returns what was given for the name, "" if nothing: the word, the rest of the line,
// or the full keyword where a keyword has the name.
func (c *Call) Arg(name string) string {
	v, _ := c.find(name)
	return v
}

func (c *Call) find(name string) (string, bool) {
	for _, a := range c.args {
		if a.tok.name == name || a.tok.alias == name {
			return a.value, true
		}
	}
	return "", false
}

// Addr returns the A.B.C.D of that name, 0.0.0.0 if none was given.
func (c *Call) Addr(name string) ipv4.Addr {
	a, _ := c.AddrOK(name)
	return a
}

// AddrOK returns the A.B.C.D of that name, and whether one was given.
func (c *Call) AddrOK(name string) (ipv4.Addr, bool) {
	text, ok := c.find(name)
	if !ok {
		return 0, false
	}
	a, err := ipv4.Parse(text)
	return a, err == nil
}

// Uint returns the number of that name, 0 if none was given.
func (c *Call) Uint(name string) uint64 {
	n, _ := c.UintOK(name)
	return n
}

// UintOK returns the number of that name, and whether one was given.
func (c *Call) UintOK(name string) (uint64, bool) {
	text, ok := c.find(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// Prefix returns the A.B.C.D/M of that name as typed, host bits and all; it is not valid if
// none was given.
func (c *Call) Prefix(name string) netip.Prefix {
	text, ok := c.find(name)
	if !ok {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// warning is an error that does not make a line of configuration a bad one.
type warning struct{ text string }

func (w *warning) Error() string { return w.text }

// Warningf is the result of a command that was taken but has something to say: "% text" and
// status Warning. In a file that Load reads, such a line is not a bad one.
//
// Any other error is "% " and its text too, with status ConfigFailed in a configuration mode
// and Warning elsewhere.
func Warningf(format string, args ...any) error { return &warning{fmt.Sprintf(format, args...)} }
