package vty

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// kind says what a token takes. The order is that of preference where a word fits several.
type kind uint8

const (
	keyword kind = iota
	address
	prefix
	number
	word
	rest
)

// token is one place of a command's syntax.
type token struct {
	kind kind
	// text is how the notation writes it: "show", "A.B.C.D", "(1-65535)", "WORD", "LINE...".
	text string
	// name is what $name says, or the text; alias is the text of a keyword that has a $name.
	name  string
	alias string
	help  string
	// secret says that what is given here must not be shown.
	secret bool
	// lo and hi bound a number.
	lo, hi uint64
}

// same reports whether two tokens may be one node of a tree.
func (t *token) same(o *token) bool {
	return t.kind == o.kind && t.text == o.text && t.name == o.name && t.alias == o.alias && t.secret == o.secret
}

// means reports whether two tokens take the same words, whatever their names.
func (t *token) means(o *token) bool {
	if t.kind == keyword {
		return o.kind == keyword && t.text == o.text
	}
	return t.kind == o.kind && t.lo == o.lo && t.hi == o.hi
}

// takes reports whether the token takes a word; a keyword takes its abbreviations too.
func (t *token) takes(w string) bool {
	switch t.kind {
	case keyword:
		return strings.HasPrefix(t.text, w)
	case address:
		a, err := netip.ParseAddr(w)
		return err == nil && a.Is4()
	case prefix:
		p, err := netip.ParsePrefix(w)
		return err == nil && p.Addr().Is4()
	case number:
		n, err := strconv.ParseUint(w, 10, 64)
		return err == nil && n >= t.lo && n <= t.hi
	}
	return true
}

// item is a token, or a bracket with its alternatives.
type item struct {
	tok      *token
	alts     [][]item
	optional bool
}

// syntaxParser reads FRR's notation by recursive descent.
type syntaxParser struct {
	input  string
	at     int
	help   []string
	tokens []*token
}

// parseSyntax reads a command's syntax and gives each token its line of help.
func parseSyntax(syntax, help string) ([]item, error) {
	p := &syntaxParser{input: syntax, help: strings.Split(strings.TrimSuffix(help, "\n"), "\n")}
	alts, err := p.alternatives(0)
	if err != nil {
		return nil, fmt.Errorf("at octet %d: %w", p.at, err)
	}
	if len(alts) > 1 {
		return nil, fmt.Errorf("alternatives stand in <> or []")
	}
	if len(p.help) != len(p.tokens) {
		return nil, fmt.Errorf("%d lines of help for %d tokens", len(p.help), len(p.tokens))
	}
	for i, t := range p.tokens {
		if p.help[i] == "" {
			return nil, fmt.Errorf("no help for %s", t.text)
		}
		t.help = p.help[i]
	}
	nameTokens(p.tokens)
	return alts[0], nil
}

// nameTokens lets tokens go by their text, as long as no other has that for a $name: in
// `peer A.B.C.D$peer` the name is the address's, the keyword has none.
func nameTokens(tokens []*token) {
	given := make(map[string]bool)
	for _, t := range tokens {
		given[t.name] = t.name != ""
	}
	for _, t := range tokens {
		switch {
		case given[t.text]:
		case t.name == "":
			t.name = t.text
		case t.kind == keyword:
			t.alias = t.text
		}
	}
}

// alternatives reads sequences between bars up to the closing bracket, or the end where
// closing is 0.
func (p *syntaxParser) alternatives(closing byte) ([][]item, error) {
	alts := [][]item{nil}
	for {
		p.space()
		if p.at == len(p.input) {
			if closing != 0 {
				return nil, fmt.Errorf("%q is missing", closing)
			}
			return alts, checkAlternatives(alts)
		}
		last := &alts[len(alts)-1]
		switch c := p.input[p.at]; c {
		case '|':
			p.at++
			alts = append(alts, nil)
		case '[', '<':
			it, err := p.bracket(c)
			if err != nil {
				return nil, err
			}
			*last = append(*last, it)
		case ']', '>':
			if c != closing {
				return nil, fmt.Errorf("unexpected %q", c)
			}
			p.at++
			return alts, checkAlternatives(alts)
		default:
			t, err := p.token()
			if err != nil {
				return nil, err
			}
			p.tokens = append(p.tokens, t)
			*last = append(*last, item{tok: t})
		}
	}
}

func checkAlternatives(alts [][]item) error {
	for _, alt := range alts {
		if len(alt) == 0 {
			return fmt.Errorf("nothing between brackets or bars")
		}
	}
	return nil
}

// bracket reads [ … ] or < … > and the name behind it.
func (p *syntaxParser) bracket(opening byte) (item, error) {
	p.at++
	closing := byte('>')
	if opening == '[' {
		closing = ']'
	}
	alts, err := p.alternatives(closing)
	if err != nil {
		return item{}, err
	}
	name, err := p.variable()
	if err != nil {
		return item{}, err
	}
	for _, alt := range alts {
		for _, it := range alt {
			if it.tok != nil && it.tok.name == "" {
				it.tok.name = name
			}
		}
	}
	return item{alts: alts, optional: opening == '['}, nil
}

// token reads one token and the name behind it.
func (p *syntaxParser) token() (*token, error) {
	start := p.at
	for p.at < len(p.input) && !strings.ContainsRune(" \t[]<>|$", rune(p.input[p.at])) {
		p.at++
	}
	t, err := newToken(p.input[start:p.at])
	if err != nil {
		return nil, err
	}
	t.name, err = p.variable()
	return t, err
}

// newToken says what a token's text stands for.
func newToken(text string) (*token, error) {
	t := &token{text: text}
	if name, ok := strings.CutSuffix(text, "!"); ok {
		t.text, t.secret = name, true
		text = name
		if !onlyOf(strings.TrimSuffix(text, "..."), upper+digits+"-_") {
			return nil, fmt.Errorf("%q cannot be a secret", text)
		}
	}
	switch {
	case text == "":
		return nil, fmt.Errorf("no token before $")
	case text == "A.B.C.D":
		t.kind = address
	case text == "A.B.C.D/M":
		t.kind = prefix
	case text[0] == '(':
		t.kind = number
		if err := t.bounds(); err != nil {
			return nil, err
		}
	case onlyOf(strings.TrimSuffix(text, "..."), upper+digits+"-_"):
		t.kind = word
		if strings.HasSuffix(text, "...") {
			t.kind = rest
		}
	case onlyOf(text, lower+digits+"-_+./:"):
		t.kind = keyword
	default:
		return nil, fmt.Errorf("%q is no token of the notation", text)
	}
	return t, nil
}

const (
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
)

// onlyOf reports whether text begins with a letter of the set and has no other characters.
func onlyOf(text, set string) bool {
	return text != "" && strings.IndexByte(set[:len(upper)], text[0]) >= 0 && strings.Trim(text, set) == ""
}

// bounds reads "(lo-hi)".
func (t *token) bounds() error {
	inner, ok := strings.CutSuffix(t.text[1:], ")")
	lo, hi, dash := strings.Cut(inner, "-")
	var errLo, errHi error
	t.lo, errLo = strconv.ParseUint(lo, 10, 64)
	t.hi, errHi = strconv.ParseUint(hi, 10, 64)
	if !ok || !dash || errLo != nil || errHi != nil || t.lo > t.hi {
		return fmt.Errorf("%q is no range (lo-hi)", t.text)
	}
	return nil
}

// variable reads "$name" if it is there.
func (p *syntaxParser) variable() (string, error) {
	if p.at == len(p.input) || p.input[p.at] != '$' {
		return "", nil
	}
	p.at++
	start := p.at
	for p.at < len(p.input) && strings.IndexByte(lower+upper+digits+"_-", p.input[p.at]) >= 0 {
		p.at++
	}
	if start == p.at {
		return "", fmt.Errorf("no name behind $")
	}
	return p.input[start:p.at], nil
}

func (p *syntaxParser) space() {
	for p.at < len(p.input) && (p.input[p.at] == ' ' || p.input[p.at] == '\t') {
		p.at++
	}
}

// cutNo returns what follows a leading [no], and whether there is one.
func cutNo(items []item) ([]item, bool) {
	first := items[0]
	if !first.optional || len(first.alts) != 1 || len(first.alts[0]) != 1 {
		return nil, false
	}
	t := first.alts[0][0].tok
	return items[1:], t != nil && t.text == "no" && len(items) > 1
}

// withNo makes the leading [no] a plain one.
func withNo(items []item) []item {
	return append([]item{items[0].alts[0][0]}, items[1:]...)
}
