package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin+"/", "msdpd/msdpd", "msdpd/tools/msdpsh", "msdpd/tools/lab/bench", "msdpd/tools/lab/demo").CombinedOutput(); err != nil {
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
		help := output(t, filepath.Join(bin, program), "--help")
		if lines := len(regexp.MustCompile(`(?m)^ +-`).FindAllString(help, -1)); lines != len(f.options[program]) {
			t.Errorf("%s --help has %d options, of which %d were understood", program, lines, len(f.options[program]))
		}
		for _, o := range f.options[program] {
			if !strings.Contains(text, "Fl -"+o.long) || !strings.Contains(text, o.help) {
				t.Errorf("%s: nothing of --%s, %q", manual, o.long, o.help)
			}
			if !strings.Contains(completion, "--"+o.long) {
				t.Errorf("%s.bash: nothing of --%s", program, o.long)
			}
		}
	}
	for program, manual := range map[string]string{"bench": "msdpd-bench.1", "demo": "msdpd-demo.1"} {
		compareFlags(t, manual, output(t, filepath.Join(bin, program), "-h"), page(t, dir, manual))
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
	pages, err := filepath.Glob(filepath.Join(dir, "*.[158]"))
	if err != nil || len(pages) < 5 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, name := range pages {
		if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", name).CombinedOutput(); err != nil {
			t.Errorf("mandoc: %v\n%s", err, out)
		}
	}
}

// output is what a program prints, to whichever of the two.
func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return string(out)
}

var (
	flagLine = regexp.MustCompile(`(?m)^  -([\w-]+)(?: \w+)?\n    \t(.*)$`) // as Go's flag prints it
	flagItem = regexp.MustCompile(`(?m)^\.It Fl -?([\w-]+)(?: Ar \w+)?\n(.*)$`)
	byItself = regexp.MustCompile(`\(default (.*)\)$`)
)

// compareFlags: a page has the flags that -h tells of, these alone, and their defaults.
func compareFlags(t *testing.T, manual, help, text string) {
	t.Helper()
	said := make(map[string]string)
	for _, m := range flagItem.FindAllStringSubmatch(text, -1) {
		said[m[1]] = m[2]
	}
	flags := flagLine.FindAllStringSubmatch(help, -1)
	if lines := strings.Count(help, "\n  -"); lines == 0 || lines != len(flags) {
		t.Errorf("%s: -h has %d flags, of which %d were understood", manual, lines, len(flags))
	}
	for _, m := range flags {
		words, ok := said[m[1]]
		if !ok {
			t.Errorf("%s: nothing of -%s", manual, m[1])
		}
		if d := byItself.FindStringSubmatch(m[2]); d != nil && !slices.Contains(strings.Fields(words), d[1]) {
			t.Errorf("%s: -%s is %s if it is not given; the page says %q", manual, m[1], d[1], words)
		}
		delete(said, m[1])
	}
	for name := range said {
		t.Errorf("%s: there is no -%s", manual, name)
	}
}
