package acl

import (
	"fmt"
	"strconv"
	"strings"

	"msdpd/lib/ipv4"
)

// Kind says which lines a list takes.
type Kind uint8

// The kinds of lists and of lines.
const (
	Mixed    Kind = iota // a list that takes both; no line is
	Standard             // one range
	Extended             // sources and groups
)

func (k Kind) String() string {
	switch k {
	case Standard:
		return "standard"
	case Extended:
		return "extended"
	}
	return "mixed"
}

// KindOf returns which lines a list of that name takes. Numbers have a meaning, as in FRR and
// IOS; a number outside their ranges is a name like any other.
func KindOf(name string) Kind {
	n, err := strconv.ParseUint(name, 10, 16)
	switch {
	case err != nil:
		return Mixed
	case 1 <= n && n <= 99, 1300 <= n && n <= 1999:
		return Standard
	case 100 <= n && n <= 199, 2000 <= n && n <= 2699:
		return Extended
	}
	return Mixed
}

// Line is one line of an access list.
type Line struct {
	// List is the name of the list.
	List string
	// Seq is where in the list the line stands, 0 for a line that has no place yet.
	Seq    uint32
	Permit bool
	// Extended is true for a line with sources; else it has only Range.
	Extended bool
	// Exact is FRR's exact-match: only a prefix of the very length of Range matches. An
	// address is a prefix of 32 bits.
	Exact bool
	// Sources are those of an extended line.
	Sources Range
	// Range has the groups of an extended line, or whatever a standard one is about.
	Range Range
	// Remark says why the line is there; only the lines of a built-in list have one.
	Remark string
}

// Kind returns Standard or Extended.
func (l *Line) Kind() Kind {
	if l.Extended {
		return Extended
	}
	return Standard
}

// CheckKind returns an error that names the line if a list of that kind does not take it.
func (l *Line) CheckKind(k Kind) error {
	switch {
	case k == Standard && l.Extended:
		return fmt.Errorf("access-list %s takes one address a line, not %q", l.List, l.Rule())
	case k == Extended && !l.Extended:
		return fmt.Errorf("access-list %s takes ip, sources and groups in a line, not %q", l.List, l.Rule())
	}
	return nil
}

// String returns the command that gives the line, in FRR's spelling.
func (l *Line) String() string {
	seq := ""
	if l.Seq != 0 {
		seq = fmt.Sprintf("seq %d ", l.Seq)
	}
	return "access-list " + l.List + " " + seq + l.Rule()
}

// Rule returns what String does from `permit` or `deny` on.
func (l *Line) Rule() string {
	prefix, isPrefix := l.Range.Prefix()
	switch {
	case l.Extended:
		return action(l.Permit) + " ip " + l.Sources.String() + " " + l.Range.String()
	case l.Exact:
		return action(l.Permit) + " " + prefix.String() + " exact-match"
	case l.Range.IsAny():
		return action(l.Permit) + " any"
	case KindOf(l.List) == Standard: // numbered lists are older than A.B.C.D/M
		return action(l.Permit) + " " + strings.TrimPrefix(l.Range.String(), "host ")
	case isPrefix:
		return action(l.Permit) + " " + prefix.String()
	}
	return action(l.Permit) + " " + l.Range.String()
}

func action(permit bool) string {
	if permit {
		return "permit"
	}
	return "deny"
}

// matches reports whether the line is about the (S,G).
func (l *Line) matches(sg ipv4.SG) bool {
	if l.Extended {
		return l.Sources.Contains(sg.Source) && l.Range.Contains(sg.Group)
	}
	return l.one(sg.Group)
}

// matchesAddr reports whether the line is about the address, which is no group.
func (l *Line) matchesAddr(a ipv4.Addr) bool {
	if l.Extended {
		return l.Sources.Contains(a) && l.Range.IsAny()
	}
	return l.one(a)
}

// matchesGroup reports whether the line is about the group, whatever the source.
func (l *Line) matchesGroup(g ipv4.Addr) bool {
	if l.Extended {
		return l.Sources.IsAny() && l.Range.Contains(g)
	}
	return l.one(g)
}

func (l *Line) one(a ipv4.Addr) bool {
	return l.Range.Contains(a) && (!l.Exact || l.Range.Wildcard == 0)
}

// ParseLine reads a line of the access list of that name, as words:
//
//	[[seq] N] permit|deny ip SOURCES GROUPS
//	[[seq] N] permit|deny any | host A.B.C.D | A.B.C.D [WILDCARD] | A.B.C.D/M [exact-match]
//
// where SOURCES and GROUPS are what ParseRange takes. The error names what does not fit, and a
// line that is of the wrong kind for the number of its list.
func ParseLine(list string, words []string) (Line, error) {
	l := Line{List: list}
	var err error
	if l.Seq, l.Permit, words, err = parseHead(words); err != nil {
		return Line{}, err
	}
	if len(words) > 0 && words[0] == "ip" {
		l.Extended = true
		if l.Sources, words, err = ParseRange(words[1:]); err != nil {
			return Line{}, fmt.Errorf("sources: %w", err)
		}
		if l.Range, words, err = ParseRange(words); err != nil {
			return Line{}, fmt.Errorf("groups: %w", err)
		}
	} else if l.Range, l.Exact, words, err = parseStandard(words); err != nil {
		return Line{}, err
	}
	if len(words) > 0 {
		return Line{}, fmt.Errorf("%q: nothing can follow the addresses", strings.Join(words, " "))
	}
	return l, l.CheckKind(KindOf(list))
}

// parseHead reads what every line begins with.
func parseHead(words []string) (seq uint32, permit bool, rest []string, err error) {
	if len(words) > 1 && (words[0] == "seq" || isNumber(words[0])) {
		if words[0] == "seq" {
			words = words[1:]
		}
		n, err := strconv.ParseUint(words[0], 10, 32)
		if err != nil || n == 0 {
			return 0, false, nil, fmt.Errorf("%q is no sequence number, 1 to 4294967295", words[0])
		}
		seq, words = uint32(n), words[1:]
	}
	switch {
	case len(words) == 0:
		return 0, false, nil, fmt.Errorf("expected permit or deny")
	case words[0] != "permit" && words[0] != "deny":
		return 0, false, nil, fmt.Errorf("expected permit or deny, not %q", words[0])
	}
	return seq, words[0] == "permit", words[1:], nil
}

func isNumber(word string) bool { return strings.Trim(word, "0123456789") == "" }

// parseStandard reads the one range of a standard line.
func parseStandard(words []string) (r Range, exact bool, rest []string, err error) {
	if len(words) == 1 && !strings.Contains(words[0], "/") && words[0] != "any" && words[0] != "host" {
		a, err := ipv4.Parse(words[0])
		return Host(a), false, nil, err
	}
	r, rest, err = ParseRange(words)
	if err != nil {
		return Range{}, false, nil, err
	}
	if len(rest) > 0 && rest[0] == "exact-match" && strings.Contains(words[0], "/") {
		exact, rest = true, rest[1:]
	}
	return r, exact, rest, nil
}

// Verdict puts what a list says into words: by which line, nil for none.
func Verdict(list string, permit bool, by *Line) string {
	word := "denied"
	if permit {
		word = "permitted"
	}
	if by == nil {
		return word + ", as no line of access list " + list + " matches"
	}
	return word + " by `" + by.String() + "`"
}
