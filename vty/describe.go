package vty

import "slices"

// Description is a command as its declaration has it.
type Description struct {
	Mode   string  `json:"mode"`
	Syntax string  `json:"syntax"`
	Words  []Words `json:"words"`
}

// Words is one place of a command's syntax and its help: the text is a keyword, or stands for what is given there.
type Words struct {
	Text string `json:"text"`
	Help string `json:"help"`
}

// Describe returns the commands of all modes, sorted by mode and syntax. A command of View that is one of Enable too
// stands only under View.
func (s *Shell) Describe() []Description {
	var out []Description
	for mode, t := range s.trees {
		for _, cmd := range t.commands {
			if mode == s.Enable && slices.ContainsFunc(s.lookup(s.View).commands, func(v *command) bool { return v.syntax == cmd.syntax }) {
				continue
			}
			d := Description{Mode: mode.Name, Syntax: cmd.syntax}
			for _, tok := range cmd.tokens {
				d.Words = append(d.Words, Words{Text: tok.text, Help: tok.help})
			}
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Description) int {
		return slices.Compare([]string{a.Mode, a.Syntax}, []string{b.Mode, b.Syntax})
	})
	return out
}

// tokensOf returns the tokens of a syntax in their order.
func tokensOf(items []item) []*token {
	var out []*token
	for _, it := range items {
		if it.tok != nil {
			out = append(out, it.tok)
		}
		for _, alt := range it.alts {
			out = append(out, tokensOf(alt)...)
		}
	}
	return out
}
