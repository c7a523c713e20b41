package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"msdpd/vty"
)

// programs are the files that are asked.
type programs struct{ msdpd, msdpsh string }

// facts are what the programs say of themselves.
type facts struct {
	options  map[string][]option // by program
	commands []vty.Description
}

// option is one of a program's options.
type option struct {
	short, long string // without dashes; short may be ""
	value       string // what it takes, "" for none
	help        string
}

// ask runs the programs.
func (p programs) ask() (*facts, error) {
	f := &facts{options: make(map[string][]option)}
	for name, path := range map[string]string{"msdpd": p.msdpd, "msdpsh": p.msdpsh} {
		help, err := exec.Command(path, "--help").Output()
		if err != nil {
			return nil, fmt.Errorf("%s --help: %w", path, err)
		}
		if f.options[name] = readOptions(string(help)); len(f.options[name]) == 0 {
			return nil, fmt.Errorf("%s --help tells of no option", path)
		}
	}
	described, err := exec.Command(p.msdpd, "--commands").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --commands: %w", p.msdpd, err)
	}
	if err := json.Unmarshal(described, &f.commands); err != nil {
		return nil, fmt.Errorf("%s --commands: %w", p.msdpd, err)
	}
	return f, nil
}

var optionLine = regexp.MustCompile(`^\s+(?:-(\w), )?--([\w-]+)(?: (\S+))?\s{2,}(\S.*)$`)

// readOptions reads what --help prints; a line that is indented deeper goes on with the option before it.
func readOptions(help string) []option {
	var out []option
	for line := range strings.Lines(help) {
		line = strings.TrimRight(line, "\n")
		if m := optionLine.FindStringSubmatch(line); m != nil {
			out = append(out, option{short: m[1], long: m[2], value: m[3], help: m[4]})
		} else if len(out) > 0 && strings.HasPrefix(line, "          ") {
			out[len(out)-1].help += " " + strings.TrimSpace(line)
		} else if len(out) > 0 {
			break
		}
	}
	return out
}
