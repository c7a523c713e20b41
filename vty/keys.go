package vty

import (
	"strings"
	"unicode/utf8"
)

// keys makes of what a person types what the line editor knows: whole UTF-8 characters, its own
// escape sequences, single control characters. What is none of these is left out, so that no
// input leaves the editor waiting for the rest of something. It keeps a handful of octets.
type keys struct {
	partial []byte // a character or an escape sequence that has begun
}

// Keys makes of what a person types at a terminal what golang.org/x/term's line editor knows, for
// a client that edits lines as the Telnet server does. Its zero value is usable.
type Keys struct{ keys }

// Filter appends to out what the editor is to see of in.
func (k *Keys) Filter(out, in []byte) []byte {
	return append(out, rename.Replace(string(k.filter(nil, in)))...)
}

// The keys that the editor leaves to its callback, as Keys names them.
const (
	KeyInterrupt = editInterrupt // Ctrl-C
	KeyEOF       = editEOF       // Ctrl-D
	KeyEnd       = editEnd       // Ctrl-Z
	KeyLiteral   = editLiteral   // Ctrl-V
	KeySearch    = editRedraw    // Ctrl-R
)

// KeyStops are the keys behind which the editor must not see another before they were acted upon.
const KeyStops = stops

// maxSequence is the longest escape sequence that is looked at, in octets.
const maxSequence = 8

// sequences are the escape sequences of terminals and what the editor calls them.
var sequences = map[string]string{
	"\x1b[A": "\x1b[A", "\x1bOA": "\x1b[A", // up
	"\x1b[B": "\x1b[B", "\x1bOB": "\x1b[B", // down
	"\x1b[C": "\x1b[C", "\x1bOC": "\x1b[C", // right
	"\x1b[D": "\x1b[D", "\x1bOD": "\x1b[D", // left
	"\x1b[H": "\x01", "\x1bOH": "\x01", "\x1b[1~": "\x01", "\x1b[7~": "\x01",
	"\x1b[F": "\x05", "\x1bOF": "\x05", "\x1b[4~": "\x05", "\x1b[8~": "\x05",
	"\x1b[3~":   "\x1b[3~",                                                   // delete
	"\x1b[1;5C": "\x1b[1;3C", "\x1b[1;3C": "\x1b[1;3C", "\x1bf": "\x1b[1;3C", // a word to the right
	"\x1b[1;5D": "\x1b[1;3D", "\x1b[1;3D": "\x1b[1;3D", "\x1bb": "\x1b[1;3D",
	"\x1b\x7f": "\x17", // delete a word
}

// filter appends to out what the editor is to see of in.
func (k *keys) filter(out, in []byte) []byte {
	for _, c := range in {
		switch {
		case len(k.partial) == 0 && c < utf8.RuneSelf && c != '\x1b':
			out = append(out, c)
		case len(k.partial) > 0 && k.partial[0] == '\x1b':
			out = k.sequence(out, c)
		case len(k.partial) > 0 && utf8.RuneStart(c):
			k.partial = k.partial[:0] // it never ended
			out = k.filter(append(out, '?'), []byte{c})
		default:
			k.partial = append(k.partial, c)
			out = k.character(out)
		}
	}
	return out
}

// sequence takes the next octet of an escape sequence.
func (k *keys) sequence(out []byte, c byte) []byte {
	if c < ' ' { // such as Enter, Ctrl-C or another escape: the sequence never ended
		k.partial = k.partial[:0]
		return k.filter(out, []byte{c})
	}
	if len(k.partial) < maxSequence {
		k.partial = append(k.partial, c)
	}
	introduced := len(k.partial) > 2 || c != '[' && c != 'O'
	if introduced && (k.partial[1] != '[' || c >= '@' && c <= '~') {
		out = append(out, sequences[string(k.partial)]...)
		k.partial = k.partial[:0]
	}
	return out
}

// character takes what has come of a character, if it is whole or never can be.
func (k *keys) character(out []byte) []byte {
	if k.partial[0] == '\x1b' || !utf8.FullRune(k.partial) {
		return out
	}
	if r, _ := utf8.DecodeRune(k.partial); r == utf8.RuneError {
		out = append(out, '?')
	} else {
		out = append(out, k.partial...)
	}
	k.partial = k.partial[:0]
	return out
}

// The keys that the editor leaves to us reach it as control characters that nobody types.
const (
	editInterrupt = '\x1c' // Ctrl-C
	editEOF       = '\x1d' // Ctrl-D
	editEnd       = '\x1a' // Ctrl-Z
	editLiteral   = '\x16' // Ctrl-V
	editRedraw    = '\x12' // Ctrl-R
)

// stops are the keys behind which the editor must not see another before they were acted upon.
const stops = "\r\x1c\x1d\x1a"

// rename gives the editor's own Ctrl-C and Ctrl-D, which would end it, other names.
var rename = strings.NewReplacer("\x1c", "", "\x1d", "", "\x03", string(editInterrupt), "\x04", string(editEOF))
