package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"msdpd/vty"
)

// optionList is the list of a program's options in mdoc(7).
func (f *facts) optionList(program string) string {
	var b strings.Builder
	b.WriteString(".Bl -tag -width Ds\n")
	for _, o := range f.options[program] {
		b.WriteString(".It ")
		if o.short != "" {
			fmt.Fprintf(&b, "Fl %s , ", o.short)
		}
		fmt.Fprintf(&b, "Fl \\-%s", escape(o.long))
		if o.value != "" {
			fmt.Fprintf(&b, " Ar %s", escape(o.value))
		}
		fmt.Fprintf(&b, "\n%s.\n", sentence(o.help))
	}
	b.WriteString(".El")
	return b.String()
}

// common are the words that say nothing of a command.
var common = []string{"no", "ip", "msdp", "show", "json", "do"}

// commandList is the list of a mode's commands in mdoc(7), each with the help for its words.
func (f *facts) commandList(mode string) (string, error) {
	var b strings.Builder
	b.WriteString(".Bl -tag -width Ds\n")
	found := false
	for _, d := range f.commands {
		if d.Mode != mode || f.repeats(d) {
			continue
		}
		found = true
		fmt.Fprintf(&b, ".It Ic %s\n", quote(shown(d.Syntax)))
		var words []string
		for _, w := range d.Words {
			line := fmt.Sprintf("\\fB%s\\fP: %s", escape(w.Text), sentence(w.Help))
			if !slices.Contains(words, line) && !(slices.Contains(common, w.Text) && len(d.Words) > 1) {
				words = append(words, line)
			}
		}
		for i, line := range words {
			end := ";"
			if i == len(words)-1 {
				end = "."
			}
			b.WriteString(line + end + "\n")
		}
	}
	b.WriteString(".El")
	if !found {
		return "", fmt.Errorf("there are no commands of the mode %q", mode)
	}
	return b.String(), nil
}

// repeats reports whether a command stands in every mode of its kind, or is one of the top mode with ip before it.
func (f *facts) repeats(d vty.Description) bool {
	if d.Mode == "view" || d.Mode == "enable" || d.Mode == "configuration" {
		return false
	}
	rest, no := strings.CutPrefix(d.Syntax, "[no] ")
	top := "ip " + rest
	if no {
		top = "[no] " + top
	} else if rest, ok := strings.CutPrefix(d.Syntax, "no "); ok {
		top = "no ip " + rest
	}
	return slices.ContainsFunc(f.commands, func(o vty.Description) bool {
		return o.Mode == "configuration" && (o.Syntax == d.Syntax || o.Syntax == top)
	})
}

var names = regexp.MustCompile(`\$[\w-]+`)

// shown is a syntax as it is read by people, without the names that the program has for its parts.
func shown(syntax string) string { return names.ReplaceAllString(syntax, "") }

// quote makes one argument of a macro.
func quote(s string) string {
	return `"` + strings.ReplaceAll(escape(s), `"`, `""`) + `"`
}

// escape keeps roff from reading text as anything else.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// sentence is help without its full stop.
func sentence(help string) string {
	return strings.ReplaceAll(escape(strings.TrimSuffix(help, ".")), `\-`, "-")
}
