package vty

import "testing"

// TestMistypedAmongMany: where too much could stand there to list it, what was perhaps meant is.
func TestMistypedAmongMany(t *testing.T) {
	many := []string{"as", "connect-source", "description", "password", "sa-filter", "sa-limit", "shutdown", "timers", "ttl-security"}
	for input, want := range map[string]string{
		"passwort": "expected password",
		"TIMER":    "expected timers",
		"sa-limt":  "expected sa-limit",
		"at":       "", // too short to be like anything
		"bogus":    "",
		"":         "",
	} {
		m := mismatch{status: NoMatch, input: input, expected: many}
		if got := m.reason(); got != want {
			t.Errorf("%q: %q, want %q", input, got, want)
		}
	}
}
