package acl

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"msdpd/lib/ipv4"
)

// PrefixList is one prefix list. It does not change. A nil list has no lines.
type PrefixList struct {
	name        string
	description string
	lines       []PrefixLine
}

// Name returns the list's name.
func (p *PrefixList) Name() string { return p.name }

// Description returns what `ip prefix-list NAME description` says.
func (p *PrefixList) Description() string { return p.description }

// Lines returns a copy of the lines, by sequence number.
func (p *PrefixList) Lines() []PrefixLine {
	if p == nil {
		return nil
	}
	return slices.Clone(p.lines)
}

// Permits reports whether the list permits the prefix, and the line that decides: nil for the
// deny behind the last. The line must not be changed.
func (p *PrefixList) Permits(prefix netip.Prefix) (bool, *PrefixLine) {
	addr, ok := ipv4.FromNetip(prefix.Addr())
	if p == nil || !ok || !prefix.IsValid() {
		return false, nil
	}
	for i := range p.lines {
		if l := &p.lines[i]; l.matches(addr, prefix.Bits()) {
			return l.Permit, l
		}
	}
	return false, nil
}

// PermitsAddr is Permits for an address: a line without ge and le matches all addresses in its
// prefix.
func (p *PrefixList) PermitsAddr(addr ipv4.Addr) (bool, *PrefixLine) {
	if p == nil {
		return false, nil
	}
	for i := range p.lines {
		if l := &p.lines[i]; l.matchesAddr(addr) {
			return l.Permit, l
		}
	}
	return false, nil
}

// Equal reports whether two lists say the same.
func (p *PrefixList) Equal(o *PrefixList) bool {
	if p == nil || o == nil {
		return p == o
	}
	return p.name == o.name && p.description == o.description && slices.Equal(p.lines, o.lines)
}

// PrefixLine is one line of a prefix list.
type PrefixLine struct {
	// List is the name of the list.
	List string
	// Seq is where in the list the line stands, 0 for a line that has no place yet.
	Seq    uint32
	Permit bool
	// Addr and Len are the prefix; Addr has no host bits.
	Addr ipv4.Addr
	Len  uint8
	// GE and LE bound the length of what matches, 0 where the line does not say it.
	GE, LE uint8
}

// String returns the command that gives the line, in FRR's spelling.
func (l *PrefixLine) String() string {
	seq := ""
	if l.Seq != 0 {
		seq = fmt.Sprintf("seq %d ", l.Seq)
	}
	return "ip prefix-list " + l.List + " " + seq + l.Rule()
}

// Rule returns what String does from `permit` or `deny` on.
func (l *PrefixLine) Rule() string {
	if l.isAny() {
		return action(l.Permit) + " any"
	}
	s := action(l.Permit) + " " + l.prefix()
	if l.GE != 0 {
		s += fmt.Sprintf(" ge %d", l.GE)
	}
	if l.LE != 0 {
		s += fmt.Sprintf(" le %d", l.LE)
	}
	return s
}

// Prefix returns the prefix, whatever the lengths.
func (l *PrefixLine) Prefix() netip.Prefix { return netip.PrefixFrom(l.Addr.Netip(), int(l.Len)) }

func (l *PrefixLine) prefix() string { return l.Prefix().String() }

func (l *PrefixLine) isAny() bool { return l.Len == 0 && l.GE == 0 && l.LE == 32 }

func (l *PrefixLine) matches(a ipv4.Addr, length int) bool {
	lo, hi := int(l.Len), int(l.Len)
	if l.GE != 0 {
		lo, hi = int(l.GE), 32
	}
	if l.LE != 0 {
		hi = int(l.LE)
	}
	return lo <= length && length <= hi && l.contains(a)
}

func (l *PrefixLine) matchesAddr(a ipv4.Addr) bool {
	if l.GE == 0 && l.LE == 0 {
		return l.contains(a)
	}
	return l.matches(a, 32)
}

func (l *PrefixLine) contains(a ipv4.Addr) bool { return network(l.Addr, int(l.Len)).Contains(a) }

// ParsePrefixLine reads a line of the prefix list of that name, as words:
//
//	[[seq] N] permit|deny any
//	[[seq] N] permit|deny A.B.C.D/M [ge N] [le N]
//
// with M <= ge <= le <= 32. The error names what does not fit.
func ParsePrefixLine(list string, words []string) (PrefixLine, error) {
	l := PrefixLine{List: list}
	var err error
	if l.Seq, l.Permit, words, err = parseHead(words); err != nil {
		return PrefixLine{}, err
	}
	if len(words) == 0 {
		return PrefixLine{}, fmt.Errorf("expected any or A.B.C.D/M at the end")
	}
	if words[0] == "any" {
		l.LE, words = 32, words[1:]
	} else {
		a, length, err := parsePrefix(words[0])
		if err != nil {
			return PrefixLine{}, err
		}
		l.Addr, l.Len, words = network(a, length).Addr, uint8(length), words[1:]
		if words, err = l.parseLengths(words); err != nil {
			return PrefixLine{}, err
		}
	}
	if len(words) > 0 {
		return PrefixLine{}, fmt.Errorf("%q cannot follow", strings.Join(words, " "))
	}
	return l, nil
}

// parseLengths reads ge and le, in either order.
func (l *PrefixLine) parseLengths(words []string) (rest []string, err error) {
	ge, le := -1, -1
	for len(words) > 0 && (words[0] == "ge" || words[0] == "le") {
		n := &ge
		if words[0] == "le" {
			n = &le
		}
		if *n >= 0 {
			return nil, fmt.Errorf("%s is there twice", words[0])
		}
		if len(words) == 1 {
			return nil, fmt.Errorf("expected a length behind %s", words[0])
		}
		length, err := strconv.ParseUint(words[1], 10, 8)
		if err != nil || length > 32 {
			return nil, fmt.Errorf("%s %s: a length is 0 to 32", words[0], words[1])
		}
		*n, words = int(length), words[2:]
	}
	if ge >= 0 && ge < int(l.Len) || le >= 0 && le < max(ge, int(l.Len)) {
		return nil, fmt.Errorf("%s%s%s: the lengths must not fall", l.prefix(), bound("ge", ge), bound("le", le))
	}
	switch {
	case ge == 0 && le < 0: // of the default route: any length
		l.LE = 32
	case le == 0: // only the default route itself, which it is without
	default:
		l.GE, l.LE = uint8(max(ge, 0)), uint8(max(le, 0))
	}
	return words, nil
}

// bound is how a bound that is there is written.
func bound(word string, n int) string {
	if n < 0 {
		return ""
	}
	return fmt.Sprintf(" %s %d", word, n)
}

func (l PrefixLine) seq() uint32 { return l.Seq }

func (l PrefixLine) withSeq(seq uint32) PrefixLine {
	l.Seq = seq
	return l
}

func (l PrefixLine) same(o PrefixLine) bool {
	o.Seq = l.Seq
	return l == o
}
