package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"msdpd/lib/audit"
)

func TestAuditIsShown(t *testing.T) {
	findings := []audit.Finding{
		{Severity: audit.Error, Check: "bgpd", Subject: "bgpd", What: "does not answer", Why: "rules"},
		{Severity: audit.Warning, Check: "password", Subject: "peer 10.0.0.2", What: "has no password", Why: "whoever", Reference: "RFC 3618 §18", Command: "ip msdp peer 10.0.0.2 password KEY"},
	}
	var text bytes.Buffer
	printAudit(&text, findings)
	want := `ERROR: bgpd: does not answer
  Why     : rules

WARNING: peer 10.0.0.2: has no password
  Why     : whoever (RFC 3618 §18)
  Command : ip msdp peer 10.0.0.2 password KEY

19 checks: 1 errors, 1 warnings, 0 notes
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, tc := range []struct {
		findings []audit.Finding
		want     map[string]any
	}{
		{nil, map[string]any{"checks": 19.0, "errors": 0.0, "warnings": 0.0, "notes": 0.0, "findings": []any{}}},
		{findings[1:], map[string]any{"checks": 19.0, "errors": 0.0, "warnings": 1.0, "notes": 0.0, "findings": []any{map[string]any{
			"severity": "warning", "check": "password", "subject": "peer 10.0.0.2", "what": "has no password", "why": "whoever",
			"reference": "RFC 3618 §18", "command": "ip msdp peer 10.0.0.2 password KEY",
		}}}},
	} {
		var text bytes.Buffer
		if err := auditJSON(&text, tc.findings); err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text.Bytes(), &got); err != nil {
			t.Fatalf("%v\n%s", err, text.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}
