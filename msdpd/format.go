package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// uptime formats a duration as FRR does: 00:00:20, 3d04h12m, 02w3d04h.
func uptime(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	switch {
	case d < day:
		return clock(d)
	case d < week:
		return fmt.Sprintf("%dd%02dh%02dm", d/day, d%day/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%02dw%dd%02dh", d/week, d%week/day, d%day/time.Hour)
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d:%02d", d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second)
}

func sinceOrDash(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return uptime(now.Sub(t))
}

// timer formats what is left of a timer; negative: it does not run.
func timer(d time.Duration) string {
	if d < 0 {
		return "--:--:--"
	}
	return clock(d)
}

// jsonObject writes a JSON object member by member, so that it is never whole in memory.
type jsonObject struct {
	w      io.Writer
	indent string
	count  int
	err    error
}

func newJSONObject(w io.Writer) *jsonObject {
	o := &jsonObject{w: w}
	o.print("{")
	return o
}

func (o *jsonObject) print(text string) {
	if o.err == nil {
		_, o.err = io.WriteString(o.w, text)
	}
}

func (o *jsonObject) key(name string) {
	if o.count > 0 {
		o.print(",")
	}
	o.count++
	quoted, err := json.Marshal(name)
	if err != nil && o.err == nil {
		o.err = err
	}
	o.print("\n" + o.indent + "  " + string(quoted) + ":")
}

// member writes one member with its value.
func (o *jsonObject) member(name string, value any) {
	o.key(name)
	text, err := json.MarshalIndent(value, o.indent+"  ", "  ")
	if err != nil && o.err == nil {
		o.err = err
	}
	o.print(string(closeKeys(text)))
}

// closeKeys takes the space behind each key of indented JSON away, as FRR writes none; in place.
func closeKeys(text []byte) []byte {
	out := text[:0]
	quoted, escaped, last := false, false, byte(0)
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ' ' && last == ':' && !quoted:
			last = c
			continue
		}
		last = c
		out = append(out, c)
	}
	return out
}

// object begins a member that is an object; end it with closeMember.
func (o *jsonObject) object(name string) *jsonObject {
	o.key(name)
	o.print("{")
	return &jsonObject{w: o.w, indent: o.indent + "  ", err: o.err}
}

func (o *jsonObject) closeMember() {
	if o.count > 0 {
		o.print("\n" + o.indent)
	}
	o.print("}")
}

// close ends the outermost object.
func (o *jsonObject) close() error {
	o.closeMember()
	o.print("\n")
	return o.err
}
