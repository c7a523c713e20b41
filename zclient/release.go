package zclient

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"msdpd/lib/rib"
)

// version is a release of FRR: 8.4 for 8.4.4. Its third number changes nothing on the wire.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) compare(o version) int {
	return cmp.Or(v.major-o.major, v.minor-o.minor)
}

// assumed is taken for the release where nobody knows it.
var assumed = version{8, 4}

// command is the number of a message.
type command uint16

// The numbers that never changed.
const (
	interfaceAdd    command = 0
	interfaceDelete command = 1
	addressAdd      command = 2
	addressDelete   command = 3
	interfaceUp     command = 4
	interfaceDown   command = 5
)

// release is what zebra speaks from one version on, up to the next one in the table.
type release struct {
	from   version
	values [traits]int
}

func (r *release) cmd(t trait) command { return command(r.values[t]) }
func (r *release) size(t trait) int    { return r.values[t] }
func (r *release) has(t trait) bool    { return r.values[t] != 0 }

// protocol names a route type; "" is one that is not known.
func (r *release) protocol(routeType uint32) rib.Protocol {
	known := protocols
	if !r.has(hasLocalProtocol) {
		known = protocols[:len(protocols)-1]
		if routeType >= localProtocol {
			routeType++
		}
	}
	if routeType < uint32(len(known)) {
		return known[routeType]
	}
	return ""
}

// releaseOf returns what the table says of v. Below the first and past the last release in
// it that is the nearest one, and known is false.
func releaseOf(v version) (r *release, known bool) {
	r = &release{from: oldest}
	for t, lines := range table {
		r.values[t] = lines[0].value
		for _, l := range lines {
			if at := (version{l.major, l.minor}); at.compare(v) <= 0 {
				r.values[t] = l.value
				if r.from.compare(at) < 0 {
					r.from = at
				}
			}
		}
	}
	return r, oldest.compare(v) <= 0 && v.compare(newest) <= 0
}

// versions are the releases in which something changed, oldest first.
func versions() []version {
	var all []version
	for _, lines := range table {
		for _, l := range lines {
			all = append(all, version{l.major, l.minor})
		}
	}
	slices.SortFunc(all, version.compare)
	return slices.Compact(all)
}

// span says for which releases r speaks.
func (r *release) span() string {
	all := versions()
	if i := slices.Index(all, r.from); i+1 < len(all) {
		return fmt.Sprintf("FRR %v and later, before %v", r.from, all[i+1])
	}
	return fmt.Sprintf("FRR %v to %v", r.from, newest)
}

var versionNumber = regexp.MustCompile(`(\d{1,4})\.(\d{1,4})[-+.~\w]*`)

// parseVersion finds the release in "8.4.4" or in "FRRouting 8.4.4 (host) on Linux(6.1)";
// name is what it says in full: "8.4.4".
func parseVersion(s string) (v version, name string, ok bool) {
	m := versionNumber.FindStringSubmatch(s)
	if m == nil {
		return version{}, "", false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return version{major, minor}, m[0], true
}

var releaseNumber = regexp.MustCompile(`^\d{1,3}\.\d{1,3}(\.\d{1,3})?$`)

// CheckRelease returns an error where s does not name a release of FRR as in "8.4" or "8.4.4".
func CheckRelease(s string) error {
	if !releaseNumber.MatchString(s) {
		return fmt.Errorf("%q is no release of FRR: say it like 8.4 or 10.7.1", s)
	}
	return nil
}
