package main

import (
	"strings"
	"testing"
)

func TestWrapped(t *testing.T) {
	words := strings.TrimSpace(strings.Repeat("word ", 16)) // 79 columns
	for _, tc := range []struct{ head, text, want string }{
		{"A : ", "", "A :\n"},
		{"", words, words + "\n"},
		{"  A : ", "short, one", "  A : short, one\n"},
		{"A : ", words, "A : " + words[:74] + "\n    word\n"},
		{"é: ", "é" + strings.Repeat("é", 75) + " x", "é: " + strings.Repeat("é", 76) + "\n   x\n"},
		{"A : ", strings.Repeat("y", 70) + " `ip msdp peer` is", "A : " + strings.Repeat("y", 70) + "\n    `ip msdp peer` is\n"},
		{"A : ", "x " + strings.Repeat("y", 90) + " z", "A : x\n    " + strings.Repeat("y", 90) + "\n    z\n"},
	} {
		var b strings.Builder
		writeWrapped(&b, tc.head, tc.text)
		if b.String() != tc.want {
			t.Errorf("%q and %q: %q, want %q", tc.head, tc.text, b.String(), tc.want)
		}
	}
}
