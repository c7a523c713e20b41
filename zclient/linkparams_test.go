package zclient

import (
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"
)

// withLinkParams is a message of a zebra's with link parameters at its end.
type withLinkParams struct {
	release string
	message []byte
}

// flag is where it says that they follow.
func (w withLinkParams) flag(t *testing.T) int {
	t.Helper()
	at := len(w.message) - 1 - map[string]int{"7.5.1": 96, "8.4.4": 96, "10.3": 98, "10.7.1": 98}[w.release]
	if w.message[at] != 1 {
		at -= 2 * 4 // the extended group of two words
	}
	if w.message[at] != 1 {
		t.Fatalf("%s: %x", w.release, w.message)
	}
	return at
}

func recordedLinkParams(t *testing.T) []withLinkParams {
	t.Helper()
	text, err := os.ReadFile("testdata/link-params.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []withLinkParams
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		m, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, withLinkParams{name, m})
	}
	if len(all) != 6 {
		t.Fatalf("%d messages", len(all))
	}
	return all
}

func ofLength(m []byte, n int) []byte {
	m = append(slices.Clone(m), make([]byte, max(0, n-len(m)))...)[:n]
	be.PutUint16(m, uint16(n))
	return m
}

const va0InWords = "interface add: 2 va0 up=true mtu=1500 ok"

func TestLinkParamsOfZebras(t *testing.T) {
	for _, w := range recordedLinkParams(t) {
		r, flag := releaseNamed(t, w.release), w.flag(t)
		if got := inWords(r, w.message); got != va0InWords {
			t.Errorf("%s: %s", w.release, got)
		}
		// Nothing behind the flag, and any other length, is no interface.
		for n := flag + 1; n < len(w.message)+16; n++ {
			if n == len(w.message) {
				continue
			}
			if got := inWords(r, ofLength(w.message, n)); !strings.Contains(got, "error: ") {
				t.Errorf("%s, %d octets of %d: %s", w.release, n, len(w.message), got)
			}
		}
		// Nor is anything else of the right length.
		other := slices.Clone(w.message)
		for i := flag + 1; i < len(other); i++ {
			other[i] = 0x5a
		}
		if got := inWords(r, other); !strings.Contains(got, "error: ") {
			t.Errorf("%s, %x: %s", w.release, other, got)
		}
		if other := append(slices.Clone(w.message[:flag]), 0); inWords(r, ofLength(other, len(other))) != va0InWords {
			t.Errorf("%s without them: %s", w.release, inWords(r, ofLength(other, len(other))))
		}
	}
}

// By the table of another release such a message is the same interface, or none.
func TestLinkParamsByTheWrongTable(t *testing.T) {
	for _, w := range recordedLinkParams(t) {
		for _, r := range allReleases() {
			got := inWords(r, w.message)
			if got != va0InWords && !strings.Contains(got, "error: ") {
				t.Errorf("zebra %s by the table of %v: %s", w.release, r.from, got)
			}
		}
	}
}

// Which releases between 8.4 and 10.3 put in what is not known: they may say it in each way.
func TestLinkParamsInBetween(t *testing.T) {
	r := releaseNamed(t, "9.0")
	for _, tt := range []struct {
		what   string
		params []byte
		ok     bool
	}{
		{"as 8.4", linkParams(false, -1, 8), true},
		{"on", linkParams(true, -1, 8), true},
		{"on, extended group", linkParams(true, 0, 8), true},
		{"on, extended group of 2", linkParams(true, 2, 8), true},
		{"on, extended group of 255", linkParams(true, 255, 8), true},
		{"extended group alone", linkParams(false, 0, 8), false},
		{"7 classes", linkParams(false, -1, 7), false},
		{"on, 7 classes", linkParams(true, -1, 7), false},
		{"on, extended group, 9 classes", linkParams(true, 0, 9), false},
	} {
		b := interfaceOf(r, "va0", 2, 0x11043, 1500)
		b[len(b)-1] = 1
		if got, err := decodeInterface(append(b, tt.params...), r); (err == nil) != tt.ok {
			t.Errorf("%s: %+v, %v", tt.what, got, err)
		}
	}
	for _, on := range []byte{0, 2, 255} {
		b := interfaceOf(r, "va0", 2, 0x11043, 1500)
		b[len(b)-1] = 1
		params := linkParams(true, 0, 8)
		params[0] = on
		if got, err := decodeInterface(append(b, params...), r); err == nil {
			t.Errorf("%d where they are said to be on: %+v", on, got)
		}
	}
}

// linkParams builds them with or without the octet in front, and with so many words of an
// extended group; -1 is none.
func linkParams(on bool, words int, classes uint32) []byte {
	var b []byte
	if on {
		b = append(b, 1)
	}
	b = append(b, 0, 0, 0, 0xf, 0, 0, 0, 100, 0x49, 0x98, 0x96, 0x80, 0x49, 0x98, 0x96, 0x80)
	b = be.AppendUint32(b, classes)
	b = append(b, make([]byte, 8*4+4)...)
	if words >= 0 {
		b = append(append(b, byte(words)), make([]byte, 4*words)...)
	}
	return append(b, make([]byte, 10*4)...)
}
