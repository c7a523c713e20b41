// Package audit says what an operator of MSDP should mend, by RFC 4611 (BCP 121), RFC 3618 and
// RFC 3446: a table of checks, each a function over what is known at one moment.
package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

// Severity ranks findings.
type Severity uint8

// The severities, the worst first.
const (
	Error   Severity = iota // something does not work, or somebody interferes
	Warning                 // it works until something happens that one must expect
	Note                    // it is worth knowing
)

// String returns the word, as in JSON.
func (s Severity) String() string { return [...]string{"error", "warning", "note"}[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing to mend.
type Finding struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"`   // name of the check
	Subject  string   `json:"subject"` // "peer 10.0.0.2"
	What     string   `json:"what"`    // is the case
	Why      string   `json:"why"`     // that matters
	// Reference is the RFC and section that says so, "" where none does.
	Reference string `json:"reference,omitempty"`
	// Command mends it, or shows more where no single one can. What is in capitals is to be
	// filled in. "" where there is none.
	Command string `json:"command,omitempty"`
}

// Facts are what is looked at.
type Facts struct {
	msdp.Snapshot
	// Mismatches say of peers in words why their password is suspected to be another.
	Mismatches map[ipv4.Addr]string
	// Obstacles say in words what stands in the way in other daemons, and how to remove it.
	Obstacles []string
}

// A check looks for one kind of trouble.
type check struct {
	name string
	find func(Facts) []Finding
}

// checks are all there are, in the order in which their findings are shown.
var checks = [...]check{
	{"own-rp", ownRP},
	{"originator", originator},
	{"mesh-down", meshDown},
	{"mesh-relay", meshRelay},
	{"anycast-rp", anycastRP},
	{"password-mismatch", passwordMismatch},
	{"obstacle", obstacles},
	{"bgpd", bgpAway},
	{"missing-list", missingList},
	{"default-peer", defaultPeer},
	{"stub", stub},
	{"peer-as", peerAS},
	{"rp-route", rpRoute},
	{"duplicate-rp", duplicateRP},
	{"password", password},
	{"filter", filter},
	{"redistribute", redistribute},
	{"limit", limit},
	{"shutdown", shutdown},
}

// Count is the number of checks.
const Count = len(checks)

// Run does every check and returns what is found, the worst first.
func Run(f Facts) []Finding {
	var out []Finding
	for _, c := range checks {
		for _, found := range c.find(f) {
			found.Check = c.name
			out = append(out, found)
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Compare(a.Severity, b.Severity) })
	return out
}

// peer returns the status of the peer with addr.
func (f Facts) peer(addr ipv4.Addr) (msdp.PeerStatus, bool) {
	i := slices.IndexFunc(f.Peers, func(p msdp.PeerStatus) bool { return p.Addr == addr })
	if i < 0 {
		return msdp.PeerStatus{}, false
	}
	return f.Peers[i], true
}

func subject(p ipv4.Addr) string { return "peer " + p.String() }

// list names a few of many.
func list(addrs []ipv4.Addr) string {
	const most = 5
	var names []string
	for _, a := range addrs[:min(most, len(addrs))] {
		names = append(names, a.String())
	}
	if n := len(addrs) - most; n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}

// plural is "1 entry" or "2 entries".
func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// because appends a reason where there is one.
func because(text, why string) string {
	if why == "" {
		return text
	}
	return text + ": " + why
}
