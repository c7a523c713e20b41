// Manual writes the manual pages and the completions of bash. Options and commands in them are what the programs
// themselves say, so that the manuals cannot tell of others.
package main

import (
	"embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

//go:embed *.in
var sources embed.FS

func main() {
	var p programs
	flag.StringVar(&p.msdpd, "msdpd", "", "the program msdpd")
	flag.StringVar(&p.msdpsh, "msdpsh", "", "the program msdpsh")
	date := flag.String("date", "", "the date of the pages, YYYY-MM-DD")
	out := flag.String("o", ".", "the directory for the pages")
	flag.Parse()
	if err := write(p, *date, *out); err != nil {
		fmt.Fprintf(os.Stderr, "manual: %v\n", err)
		os.Exit(1)
	}
}

// write makes every page and completion in dir.
func write(p programs, date, dir string) error {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return fmt.Errorf("-date: %w", err)
	}
	facts, err := p.ask()
	if err != nil {
		return err
	}
	names, err := sources.ReadDir(".")
	if err != nil {
		return err
	}
	for _, n := range names {
		text, err := facts.fill(n.Name(), day)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, strings.TrimSuffix(n.Name(), ".in")), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fill puts the facts into a page's source.
func (f *facts) fill(name string, day time.Time) (string, error) {
	text, err := sources.ReadFile(name)
	if err != nil {
		return "", err
	}
	t, err := template.New(name).Delims("@{", "}@").Funcs(template.FuncMap{
		"date":     func() string { return day.Format("January 2, 2006") },
		"options":  f.optionList,
		"flags":    f.flags,
		"taking":   f.taking,
		"commands": f.commandList,
	}).Parse(string(text))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return "", err
	}
	return b.String(), nil
}
