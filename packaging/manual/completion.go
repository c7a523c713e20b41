package main

import "strings"

// flags are a program's options as words of the shell.
func (f *facts) flags(program string) string {
	var words []string
	for _, o := range f.options[program] {
		if o.short != "" {
			words = append(words, "-"+o.short)
		}
		words = append(words, "--"+o.long)
	}
	return strings.Join(words, " ")
}

// taking is the pattern of a program's options that take a value of one of the kinds, as bash's case reads it.
func (f *facts) taking(program string, kinds ...string) string {
	var words []string
	for _, o := range f.options[program] {
		for _, kind := range kinds {
			if !strings.EqualFold(o.value, kind) {
				continue
			}
			if o.short != "" {
				words = append(words, "-"+o.short)
			}
			words = append(words, "--"+o.long)
		}
	}
	return strings.Join(words, " | ")
}
