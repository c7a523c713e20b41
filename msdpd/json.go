package main

import (
	"encoding/json"
	"io"
)

// jsonObject writes a JSON object member by member, so that it is never whole in memory.
type jsonObject struct {
	out    *jsonOutput
	indent string
	count  int
}

// jsonOutput is where an object and those inside it are written to, some of it at a time. The
// first error stays.
type jsonOutput struct {
	w   io.Writer
	buf []byte
	err error
}

// jsonOutputBytes is how much is written at a time.
const jsonOutputBytes = 4 << 10

func (o *jsonOutput) flush(from int) {
	if len(o.buf) <= from {
		return
	}
	if o.err == nil {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

// value adds a value of any kind, in a line that has that indent.
func (o *jsonOutput) value(v any, indent string) {
	text, err := json.Marshal(v)
	if err != nil && o.err == nil {
		o.err = err
	}
	o.buf = appendIndented(o.buf, text, indent)
}

// quoted adds a string.
func (o *jsonOutput) quoted(text string) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			o.value(text, "")
			return
		}
	}
	o.buf = append(append(append(o.buf, '"'), text...), '"')
}

func newJSONObject(w io.Writer) *jsonObject {
	o := &jsonObject{out: &jsonOutput{w: w}}
	o.print("{")
	return o
}

func (o *jsonObject) print(text string) { o.out.buf = append(o.out.buf, text...) }

func (o *jsonObject) key(name string) {
	if o.count > 0 {
		o.print(",")
	}
	o.count++
	o.print("\n")
	o.print(o.indent)
	o.print("  ")
	o.out.quoted(name)
	o.print(":")
}

// member writes one member with its value.
func (o *jsonObject) member(name string, value any) {
	o.key(name)
	o.out.value(value, o.indent+"  ")
	o.out.flush(jsonOutputBytes)
}

// text writes one member that is a string.
func (o *jsonObject) text(name, value string) {
	o.key(name)
	o.out.quoted(value)
	o.out.flush(jsonOutputBytes)
}

// object begins a member that is an object; end it with closeMember.
func (o *jsonObject) object(name string) *jsonObject {
	o.key(name)
	o.print("{")
	return &jsonObject{out: o.out, indent: o.indent + "  "}
}

func (o *jsonObject) closeMember() {
	if o.count > 0 {
		o.print("\n")
		o.print(o.indent)
	}
	o.print("}")
	o.out.flush(jsonOutputBytes)
}

// close ends the outermost object.
func (o *jsonObject) close() error {
	o.closeMember()
	o.print("\n")
	o.out.flush(0)
	return o.out.err
}

// appendIndented appends JSON that has no spaces as FRR writes it: each member on a line of its own,
// two spaces further in than what it is in, and no space behind its key. indent is that of the line
// on which it begins.
func appendIndented(out, text []byte, indent string) []byte {
	depth := 0
	line := func() {
		out = append(append(out, '\n'), indent...)
		for range depth {
			out = append(out, "  "...)
		}
	}
	quoted, escaped := false, false
	for i, c := range text {
		switch {
		case quoted:
			quoted = escaped || c != '"'
			escaped = !escaped && c == '\\'
			out = append(out, c)
			continue
		case (c == '}' || c == ']') && text[i-1] != '{' && text[i-1] != '[':
			depth--
			line()
		}
		out = append(out, c)
		switch {
		case c == '"':
			quoted = true
		case c == ',':
			line()
		case c == '{' && text[i+1] != '}', c == '[' && text[i+1] != ']':
			depth++
			line()
		}
	}
	return out
}
