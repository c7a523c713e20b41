package guard

import (
	"strings"
	"testing"
)

func TestType7(t *testing.T) {
	for text, want := range map[string]string{
		"094F471A1A0A": "cisco", // as routers show it
		"0822455D0A16": "cisco",
		"02050D480809": "cisco",
		"121A0C041104": "cisco",
		"524D1D5B":     "", // set below: it wraps
		"094f471a1a0a": "cisco",
	} {
		if want == "" {
			want = string([]byte{0x4d ^ '7', 0x1d ^ 'd', 0x5b ^ 's'})
		}
		got, err := Type7(text)
		if err != nil || got.Reveal() != want {
			t.Errorf("%s: %q, %v, want %q", text, got.Reveal(), err, want)
		}
	}
	for _, bad := range []string{"", "09", "094", "0", "xx4F47", "534F47", "094F4", "09zz47", "-14F47", "090C", "092C"} {
		if got, err := Type7(bad); err == nil {
			t.Errorf("%q became %q", bad, got.Reveal())
		} else if bad != "" && len(bad) > 3 && strings.Contains(err.Error(), bad) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
