package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
)

var (
	rp       = ipv4.MustParse("192.0.2.1")
	streamSG = ipv4.SG{Source: ipv4.MustParse("198.51.100.10"), Group: ipv4.MustParse("239.1.2.3")}
	otherSG  = ipv4.SG{Source: ipv4.MustParse("198.51.100.11"), Group: ipv4.MustParse("239.1.2.4")}
)

// golden reads hex digits with comments from testdata.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

// streamPacket is the packet of streamSG in source_active_data.hex.
func streamPacket(t testing.TB) []byte {
	return golden(t, "source_active_data")[SAHeaderLen+EntryLen:]
}

func TestParseHeader(t *testing.T) {
	tests := []struct {
		in   []byte
		want Header
		err  error
	}{
		{in: nil, err: io.ErrUnexpectedEOF},
		{in: []byte{1, 0}, err: io.ErrUnexpectedEOF},
		{in: []byte{4, 0, 3}, want: Header{TypeKeepAlive, 3}},
		{in: []byte{4, 0, 4}, want: Header{TypeKeepAlive, 4}},
		{in: []byte{99, 0, 3}, want: Header{99, 3}},
		{in: []byte{1, 0xff, 0xff, 0, 0}, want: Header{TypeSourceActive, 65535}},
		{in: []byte{4, 0, 0}, err: ErrFormat},
		{in: []byte{1, 0, 1}, err: ErrFormat},
		{in: []byte{99, 0, 2}, err: ErrFormat},
	}
	for _, tt := range tests {
		got, err := ParseHeader(tt.in)
		if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
			t.Errorf("ParseHeader(% x): error %v, want %v", tt.in, err, tt.err)
		}
		if err == nil && got != tt.want {
			t.Errorf("ParseHeader(% x) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestNext(t *testing.T) {
	unknown := []byte{5, 0, 3, 6, 0, 4, 0xaa, 7, 0, 5, 0xbb, 0xcc, 255, 0, 3}
	stream := append(AppendKeepAlive(bytes.Clone(unknown)), 1, 0, 9)
	var got []Header
	rest := stream
	for {
		h, tlv, r, err := Next(rest)
		if err != nil {
			if err != io.ErrUnexpectedEOF || tlv != nil || !bytes.Equal(r, []byte{1, 0, 9}) {
				t.Errorf("at the end: % x, rest % x, error %v", tlv, r, err)
			}
			break
		}
		if len(tlv) != h.Length || cap(tlv) != h.Length {
			t.Errorf("%v: %d octets, capacity %d", h, len(tlv), cap(tlv))
		}
		got, rest = append(got, h), r
	}
	want := []Header{{TypeNotification, 3}, {TypeTracerouteProgress, 4}, {TypeTracerouteReply, 5}, {255, 3}, {TypeKeepAlive, 3}}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("TLV %d: %v, want %v", i, got[i], want[i])
		}
	}
	if _, _, _, err := Next([]byte{4, 0, 2, 4, 0, 3}); !errors.Is(err, ErrFormat) {
		t.Errorf("length 2: error %v, want %v", err, ErrFormat)
	}
}

func TestTypeString(t *testing.T) {
	seen := make(map[string]Type)
	for _, typ := range []Type{TypeSourceActive, TypeSARequest, TypeSAResponse, TypeKeepAlive, TypeNotification, TypeTracerouteProgress, TypeTracerouteReply, 99} {
		s := typ.String()
		if other, ok := seen[s]; ok || s == "" {
			t.Errorf("%d and %d are both %q", typ, other, s)
		}
		seen[s] = typ
	}
	if got := Type(99).String(); got != "type 99" {
		t.Errorf("Type(99) is %q", got)
	}
}

func TestSARequest(t *testing.T) {
	group := ipv4.MustParse("239.1.2.3")
	tests := []struct {
		name   string
		in     []byte
		format bool // a format error
		ok     bool
	}{
		{"as it should be", []byte{2, 0, 8, 0, 239, 1, 2, 3}, false, true},
		{"reserved octet set", []byte{2, 0, 8, 0xff, 239, 1, 2, 3}, false, true},
		{"longer", []byte{2, 0, 10, 0, 239, 1, 2, 3, 4, 5}, false, true},
		{"shorter", []byte{2, 0, 7, 0, 239, 1, 2}, true, false},
		{"header only", []byte{2, 0, 3}, true, false},
		{"length 0", []byte{2, 0, 0}, true, false},
		{"cut", []byte{2, 0, 8, 0, 239, 1, 2}, true, false},
		{"another type", []byte{4, 0, 8, 0, 239, 1, 2, 3}, false, false},
		{"nothing", nil, false, false},
	}
	for _, tt := range tests {
		got, err := ParseSARequest(tt.in)
		if (err == nil) != tt.ok || errors.Is(err, ErrFormat) != tt.format {
			t.Errorf("%s: error %v", tt.name, err)
		}
		if tt.ok && got.Group != group {
			t.Errorf("%s: group %v, want %v", tt.name, got.Group, group)
		}
	}
}
