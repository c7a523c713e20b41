package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// page reads a page as a reader sees its words: without roff's escapes.
func page(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`\-`, "-", `\e`, `\`, `\&`, "", `""`, `"`).Replace(string(text))
}

// TestNothingIsMissing: each option and each command that the programs know stands in a manual, with its help.
func TestNothingIsMissing(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin+"/", "msdpd/msdpd", "msdpd/tools/msdpsh").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	p := programs{msdpd: filepath.Join(bin, "msdpd"), msdpsh: filepath.Join(bin, "msdpsh")}
	if err := write(p, "2026-11-22", dir); err != nil {
		t.Fatal(err)
	}
	f, err := p.ask()
	if err != nil {
		t.Fatal(err)
	}
	for program, manual := range map[string]string{"msdpd": "msdpd.8", "msdpsh": "msdpsh.1"} {
		text, completion := page(t, dir, manual), page(t, dir, program+".bash")
		for _, o := range f.options[program] {
			if !strings.Contains(text, "Fl -"+o.long) || !strings.Contains(text, o.help) {
				t.Errorf("%s: nothing of --%s, %q", manual, o.long, o.help)
			}
			if !strings.Contains(completion, "--"+o.long) {
				t.Errorf("%s.bash: nothing of --%s", program, o.long)
			}
		}
	}
	shell, config := page(t, dir, "msdpsh.1"), page(t, dir, "msdpd.conf.5")
	for _, d := range f.commands {
		text, syntax := config, d.Syntax
		switch d.Mode {
		case "view", "enable":
			text = shell
		case "router pim":
			// It stands there as a command of the top, or as one that both have.
			if rest, no := strings.CutPrefix(syntax, "[no] "); no && strings.HasPrefix(rest, "msdp") {
				syntax = "[no] ip " + rest
			} else if rest, no := strings.CutPrefix(syntax, "no "); no && strings.HasPrefix(rest, "msdp") {
				syntax = "no ip " + rest
			}
		}
		if !strings.Contains(text, `.It Ic "`+shown(syntax)+"\"\n") {
			t.Errorf("no manual tells of %q (%s)", d.Syntax, d.Mode)
		}
		for _, w := range d.Words {
			if d.Mode != "router pim" && !slices.Contains(common, w.Text) && !strings.Contains(text, "\\fB"+w.Text+"\\fP: "+strings.TrimSuffix(w.Help, ".")) {
				t.Errorf("no manual has the help %q of %s in %q", w.Help, w.Text, d.Syntax)
			}
		}
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Log("mandoc is not installed: the pages' form is not checked")
		return
	}
	for _, name := range []string{"msdpd.8", "msdpsh.1", "msdpd.conf.5"} {
		if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Errorf("mandoc: %v\n%s", err, out)
		}
	}
}
