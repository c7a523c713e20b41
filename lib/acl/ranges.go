package acl

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strings"

	"msdpd/lib/ipv4"
)

// Range is the set of addresses that are Addr in every bit that is 0 in Wildcard. The ones of
// Wildcard need not be contiguous; Addr has 0 where Wildcard has 1.
type Range struct {
	Addr     ipv4.Addr
	Wildcard ipv4.Addr
}

const allOnes ipv4.Addr = 0xffffffff

// Any returns the range of all addresses.
func Any() Range { return Range{Wildcard: allOnes} }

// Host returns the range of one address.
func Host(a ipv4.Addr) Range { return Range{Addr: a} }

// wild returns the range of an address and a wildcard mask.
func wild(a, wildcard ipv4.Addr) Range { return Range{Addr: a &^ wildcard, Wildcard: wildcard} }

// network returns the range of the addresses in a/length.
func network(a ipv4.Addr, length int) Range { return wild(a, allOnes>>length) }

// Contains reports whether a is in the range.
func (r Range) Contains(a ipv4.Addr) bool { return (a^r.Addr)&^r.Wildcard == 0 }

// IsAny reports whether every address is in the range.
func (r Range) IsAny() bool { return r.Wildcard == allOnes }

// Prefix returns the range as A.B.C.D/M; ok is false for one whose wildcard mask has gaps.
func (r Range) Prefix() (p netip.Prefix, ok bool) {
	w := uint32(r.Wildcard)
	if w&(w+1) != 0 {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(r.Addr.Netip(), bits.LeadingZeros32(w)), true
}

// String returns "any", "host A.B.C.D" or an address and a wildcard mask.
func (r Range) String() string {
	switch {
	case r.IsAny():
		return "any"
	case r.Wildcard == 0:
		return "host " + r.Addr.String()
	}
	return r.Addr.String() + " " + r.Wildcard.String()
}

// ParseRange reads `any`, `host A.B.C.D`, an address and a wildcard mask, or A.B.C.D/M, and
// returns the words behind it. The error names the word that does not fit.
func ParseRange(words []string) (Range, []string, error) {
	if len(words) == 0 {
		return Range{}, nil, fmt.Errorf("expected any, host A.B.C.D or an address and a wildcard mask at the end")
	}
	first, rest := words[0], words[1:]
	switch {
	case first == "any":
		return Any(), rest, nil
	case first == "host":
		if len(rest) == 0 {
			return Range{}, nil, fmt.Errorf("expected an address behind %q", first)
		}
		a, err := ipv4.Parse(rest[0])
		return Host(a), rest[1:], err
	case strings.Contains(first, "/"):
		a, length, err := parsePrefix(first)
		return network(a, length), rest, err
	}
	a, err := ipv4.Parse(first)
	if err != nil {
		return Range{}, nil, err
	}
	if len(rest) == 0 {
		return Range{}, nil, fmt.Errorf("expected a wildcard mask behind %s, or host before it", first)
	}
	w, err := ipv4.Parse(rest[0])
	if err != nil {
		return Range{}, nil, fmt.Errorf("the wildcard mask of %s: %w", first, err)
	}
	return wild(a, w), rest[1:], nil
}

// parsePrefix reads A.B.C.D/M, host bits and all.
func parsePrefix(word string) (ipv4.Addr, int, error) {
	p, err := netip.ParsePrefix(word)
	if err != nil || !p.Addr().Is4() {
		return 0, 0, fmt.Errorf("%q is not an IPv4 prefix", word)
	}
	return ipv4.From4(p.Addr().As4()), p.Bits(), nil
}
