package vty

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTelnetDecode(t *testing.T) {
	for _, tc := range []struct{ in, data, reply string }{
		{"show\r\n", "show\r", ""},
		{"show\r\x00x\rx\n\r\n", "show\rx\rx\r\r", ""},
		{"\xff\xff", "\xff", ""},
		{"\xff\xfd\x01\xff\xfd\x03", "", ""},                                     // what was offered is taken
		{"\xff\xfb\x18\xff\xfb\x1f\xff\xfb\x03", "", "\xff\xfe\x18\xff\xfd\x03"}, // terminal type is not wanted
		{"\xff\xfd\x22\xff\xfe\x22\xff\xfc\x22", "", "\xff\xfc\x22"},
		{"a\xff\xf4b\xff\xf3", "a\x03b\x03", ""},
		{"\xff\xf6", "", "\r\n[yes]\r\n"},
		{"\xff\xfa\x18\x00" + strings.Repeat("x", 1000) + "\xff\xf0y", "y", ""},
		{"\xff\xf1\xff\xf9z", "z", ""},
	} {
		for _, chunk := range []int{len(tc.in), 1} {
			var d telnet
			var data, reply []byte
			for in := []byte(tc.in); len(in) > 0; in = in[chunk:] {
				data, reply = d.decode(data, reply, in[:chunk])
			}
			if string(data) != tc.data || string(reply) != tc.reply {
				t.Errorf("%q: %q and %q, want %q and %q", tc.in, data, reply, tc.data, tc.reply)
			}
		}
	}
	var d telnet
	d.decode(nil, nil, []byte("\xff\xfa\x1f\x00\x84\xff\xff\x00\xff\xf0"))
	if d.width != 132 || d.height != 0xff00 {
		t.Errorf("window of %d times %d", d.width, d.height)
	}
}

func TestKeys(t *testing.T) {
	for in, want := range map[string]string{
		"abc\x1b[A\x1bOB":               "abc\x1b[A\x1b[B",
		"\x1b[1~x\x1b[4~\x1b[3~":        "\x01x\x05\x1b[3~",
		"\x1b[1;5Dx\x1bfx\x1b\x7f":      "\x1b[1;3Dx\x1b[1;3Cx\x17",
		"\x1b[200~x\x1b[201~":           "x",
		"\x1b[11111111111111111111111x": "",
		"\x1b\x1b[A\x1b\r\x1b\x03x":     "\x1b[A\r\x03x",
		"Zürich 中":                      "Zürich 中",
		"Z\xfcrich \xe4\xb8\r":          "Z?rich ?\r",
		"\xef\xbf\xbd\xed\xa0\x80":      "???",
	} {
		for _, chunk := range []int{len(in), 1} {
			var k keys
			var out []byte
			for rest := []byte(in); len(rest) > 0; rest = rest[chunk:] {
				out = k.filter(out, rest[:chunk])
			}
			if string(out) != want {
				t.Errorf("%q by %d: %q, want %q", in, chunk, out, want)
			}
		}
	}
}

// FuzzTelnet: whatever comes, the answers and what is kept are bounded, and the editor gets whole
// characters and nothing it would wait behind.
func FuzzTelnet(f *testing.F) {
	f.Add([]byte("\xff\xfb\x18show ip\t?\r\n"), 3)
	f.Add([]byte("\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\x1b[1;5C\xfc\x03"), 1)
	f.Fuzz(func(t *testing.T, in []byte, chunk int) {
		chunk = max(1, min(chunk, len(in)))
		var d telnet
		var k keys
		var data, reply, out []byte
		for rest := in; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
			data, reply = d.decode(data[:0], reply, rest[:min(chunk, len(rest))])
			out = k.filter(out, data)
			if len(k.partial) > maxSequence {
				t.Fatalf("%d octets kept", len(k.partial))
			}
		}
		if len(reply) > 5*len(in) {
			t.Errorf("%d octets answered by %d", len(in), len(reply))
		}
		if !utf8.Valid(out) || bytes.ContainsRune(out, utf8.RuneError) {
			t.Errorf("%q: not whole characters: %q", in, out)
		}
		if d.state == inData && bytes.Count(out, []byte("\x1b")) > bytes.Count(in, []byte("\x1b")) {
			t.Errorf("%q has more escapes: %q", in, out)
		}
		for rest := out; ; {
			i := bytes.IndexByte(rest, '\x1b')
			if i < 0 {
				break
			}
			rest = rest[i:]
			known := false
			for _, s := range sequences {
				known = known || s[0] == '\x1b' && bytes.HasPrefix(rest, []byte(s))
			}
			if !known {
				t.Fatalf("%q: a sequence the editor does not know: %q", in, rest)
			}
			rest = rest[1:]
		}
	})
}
