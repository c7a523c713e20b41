package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"msdpd/lib/audit"
	"msdpd/lib/ipv4"
	"msdpd/vty"
)

func (d *daemon) installShowAudit(sh *vty.Shell) {
	sh.Install(sh.View, "show ip msdp audit [json$json]",
		showHelp+"What an operator should mend, by RFC 4611\nAs JSON\n", d.showAudit)
}

// auditFacts are what an audit looks at. Only the owner calls it.
func (in *instance) auditFacts(now time.Time) audit.Facts {
	f := audit.Facts{Snapshot: in.speaker.Snapshot(now), Mismatches: make(map[ipv4.Addr]string)}
	for _, p := range f.Peers {
		if text := in.mismatchOf(p); text != "" {
			f.Mismatches[p.Addr] = text
		}
	}
	for _, o := range in.world.obstacles {
		f.Obstacles = append(f.Obstacles, o.Text)
	}
	return f
}

func (d *daemon) showAudit(c *vty.Call) error {
	var facts audit.Facts
	if _, err := d.ask(func(now time.Time) { facts = d.instance.auditFacts(now) }); err != nil {
		return err
	}
	findings := audit.Run(facts)
	if c.Has("json") {
		return auditJSON(c, findings)
	}
	printAudit(c, findings)
	return nil
}

func printAudit(w io.Writer, findings []audit.Finding) {
	for _, f := range findings {
		writeWrapped(w, strings.ToUpper(f.Severity.String())+": ", f.Subject+": "+f.What)
		why := f.Why
		if f.Reference != "" {
			why += " (" + f.Reference + ")"
		}
		writeWrapped(w, "  Why     : ", why)
		if f.Command != "" {
			fmt.Fprintf(w, "  Command : %s\n", f.Command)
		}
		fmt.Fprintf(w, "\n")
	}
	n := bySeverity(findings)
	fmt.Fprintf(w, "%d checks: %d errors, %d warnings, %d notes\n", audit.Count, n[audit.Error], n[audit.Warning], n[audit.Note])
}

func bySeverity(findings []audit.Finding) map[audit.Severity]int {
	n := make(map[audit.Severity]int)
	for _, f := range findings {
		n[f.Severity]++
	}
	return n
}

func auditJSON(w io.Writer, findings []audit.Finding) error {
	n := bySeverity(findings)
	out := newJSONObject(w)
	out.member("checks", audit.Count)
	out.member("errors", n[audit.Error])
	out.member("warnings", n[audit.Warning])
	out.member("notes", n[audit.Note])
	if findings == nil {
		findings = []audit.Finding{}
	}
	out.member("findings", findings)
	return out.close()
}
