package lab

import (
	"strings"
	"testing"
	"time"
)

func TestTail(t *testing.T) {
	for _, c := range []struct {
		text  string
		lines int
		want  string
	}{
		{"", 2, ""},
		{"a", 2, "a"},
		{"a\nb\n", 2, "a\nb"},
		{"a\nb\nc\n\n", 2, "b\nc"},
		{"a\nb", 1, "b"},
	} {
		if got := tail(c.text, c.lines); got != c.want {
			t.Errorf("tail(%q, %d) = %q, want %q", c.text, c.lines, got, c.want)
		}
	}
}

// TestNameOK: names become parts of paths that are removed by root, and of lines read by a shell.
func TestNameOK(t *testing.T) {
	for _, name := range []string{"r1", "msdp-1234-1", "a_b.c"} {
		if !nameOK(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "a b", "a\nb", "-a", "*", "ä", strings.Repeat("a", 25)} {
		if nameOK(name) {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestPayload(t *testing.T) {
	at := time.Unix(1234567890, 987654321)
	b := appendPayload(nil, 42, at)
	seq, got, ok := parsePayload(b)
	if !ok || seq != 42 || !got.Equal(at) {
		t.Errorf("parsePayload = %d, %v, %t", seq, got, ok)
	}
	if _, _, ok := parsePayload(b[:len(b)-1]); ok {
		t.Error("a short payload is taken")
	}
	b[0]++
	if _, _, ok := parsePayload(b); ok {
		t.Error("a payload without the magic is taken")
	}
}
