// Package pimd knows what FRR's PIM daemon says of itself on its vty socket: for which
// groups this router is the RP, on which interfaces it is the DR, and what in its
// configuration keeps MSDP from working.
package pimd

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"msdpd/lib/ipv4"
)

// State is what pimd said last.
type State struct {
	// Present is false where pimd does not answer; everything else is empty then.
	Present bool
	// Release is FRR's, "8.4.4"; empty where it could not be read.
	Release string
	RPs     RPSet
	// Interfaces are those that pimd knows, by name, with or without 'ip pim'.
	Interfaces map[string]Interface
	// OwnMSDP says that MSDP peers are configured in pimd itself.
	OwnMSDP bool
	// RegisterAcceptList is the name of the prefix list of that command, empty without one,
	// and AcceptList is that list, nil where there is none of that name.
	RegisterAcceptList string
	AcceptList         PrefixList
}

// Interface is one of pimd's interfaces.
type Interface struct {
	// PIM says that 'ip pim' is configured.
	PIM bool
	// Passive says that 'ip pim passive' is.
	Passive bool
	// DR says that this router is the designated router there (RFC 7761 §4.3.2).
	DR bool
	// Up and Address are pimd's view of it.
	Up      bool
	Address ipv4.Addr
}

// Equal reports whether both say the same.
func (s State) Equal(o State) bool { return reflect.DeepEqual(s, o) }

// PermitsRegister reports whether pimd's register-accept-list lets it take a Register for a
// source; one that names a list which is not there lets none pass.
func (s State) PermitsRegister(source ipv4.Addr) bool {
	if s.RegisterAcceptList == "" {
		return true
	}
	_, permit := s.AcceptList.match(source)
	return permit
}

const (
	// maxJoinsPerGroup is what a pimd before 10.7 survives, with one to spare: more joined
	// sources in one group make it write its periodic Join message past a buffer's end.
	maxJoinsPerGroup = 180
	// joinOverhead and joinPerSource are the octets of IP, PIM and group headers and of one
	// source in a Join message; a message has to fit into the MTU.
	joinOverhead  = 50
	joinPerSource = 8
)

// MaxJoinsPerGroup returns how many sources may be joined in one group, 0 for any
// number. Releases before 10.7, and those that are not known, die of more than 181, or of
// more than fit into the MTU. minMTU is the smallest MTU of the interfaces that Joins may
// leave by, in octets, 0 if not known.
func (s State) MaxJoinsPerGroup(minMTU int) int {
	if releaseAtLeast(s.Release, 10, 7) {
		return 0
	}
	if minMTU <= 0 {
		return maxJoinsPerGroup
	}
	return max(1, min(maxJoinsPerGroup, (minMTU-joinOverhead)/joinPerSource))
}

// releaseAtLeast compares the first two numbers of a release such as "10.7.1" or "10.7-dev".
func releaseAtLeast(release string, major, minor int) bool {
	a, rest, _ := strings.Cut(release, ".")
	haveMajor, err := strconv.Atoi(a)
	if err != nil {
		return false
	}
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		rest = rest[:end]
	}
	haveMinor, err := strconv.Atoi(rest)
	if err != nil {
		haveMinor = 0
	}
	return haveMajor > major || haveMajor == major && haveMinor >= minor
}

// ObstacleKind tells obstacles apart.
type ObstacleKind string

// The obstacles there are.
const (
	PIMDAbsent       ObstacleKind = "pimd-absent"
	NoRP             ObstacleKind = "no-rp"
	NoPIM            ObstacleKind = "no-pim-on-rp-interface"
	PassivePIM       ObstacleKind = "passive-pim-on-rp-interface"
	AcceptListDenies ObstacleKind = "register-accept-list"
	OwnMSDP          ObstacleKind = "pimd-own-msdp"
)

// Obstacle is something that keeps joins of remote sources from working.
type Obstacle struct {
	Kind ObstacleKind
	// Text starts with the name of the thing concerned and names the remedy.
	Text string
}

// FindObstacles lists what is in the way, in a fixed order. It asks ifaceOf for each RP
// address that pimd is configured with, of any router: the answer is the name of our
// interface that has it, ok is false for an address that is not ours.
func (s State) FindObstacles(ifaceOf func(rp ipv4.Addr) (name string, ok bool)) []Obstacle {
	if !s.Present {
		return []Obstacle{{PIMDAbsent, "pimd: does not answer on its vty socket; start it (pimd=yes in /etc/frr/daemons)"}}
	}
	var all []Obstacle
	if s.OwnMSDP {
		all = append(all, Obstacle{OwnMSDP, "pimd: runs MSDP of its own, so it holds port 639 and would announce joined sources as local, and no joins are sent; " +
			"remove the msdp lines from its configuration and restart it"})
	}
	found := false
	for _, rp := range s.RPs.addresses() {
		name, ok := ifaceOf(rp)
		found = found || ok
		if !ok {
			continue
		}
		switch i := s.Interfaces[name]; {
		case !i.PIM:
			// pimd says of such an address that it is none of its own.
			all = append(all, Obstacle{NoPIM, fmt.Sprintf("%s: has the RP address %s but no 'ip pim', so pimd takes no Registers; "+
				"configure 'ip pim' on it", name, rp)})
		case i.Passive:
			all = append(all, Obstacle{PassivePIM, fmt.Sprintf("%s: has the RP address %s and 'ip pim passive', so pimd takes no Registers; "+
				"configure 'no ip pim passive' on it", name, rp)})
		}
	}
	if !found && len(s.RPs.MyRPs()) == 0 {
		all = append(all, Obstacle{NoRP, "pimd: this router is no RP; configure 'ip pim rp A.B.C.D' with an address of this router"})
	}
	if s.RegisterAcceptList != "" {
		l := s.RegisterAcceptList
		switch {
		case s.AcceptList == nil:
			all = append(all, Obstacle{AcceptListDenies, fmt.Sprintf("register-accept-list %s: there is no such prefix list, so pimd takes no Registers; "+
				"configure 'ip prefix-list %s permit 0.0.0.0/0 le 32', or remove it", l, l)})
		case !s.AcceptList.permitsAll():
			all = append(all, Obstacle{AcceptListDenies, fmt.Sprintf("register-accept-list %s: remote sources that it does not permit are not joined; "+
				"add 'ip prefix-list %s permit …' for them, or remove it", l, l)})
		}
	}
	return all
}
