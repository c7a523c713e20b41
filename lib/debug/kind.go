// Package debug is what an operator turns on to watch the protocol at work, kind by kind, of all
// peers or of some. What is off costs one load and one branch.
package debug

import "slices"

// Kind is one kind of what can be watched.
type Kind uint8

// The kinds.
const (
	Events  Kind = iota // sessions and their states
	Packets             // every TLV that is received or sent
	SAs                 // what becomes of each entry
	RPF                 // each peer-RPF decision (RFC 3618 §10.1.3)
	Timers              // each timer that runs out
	Zebra               // what zebra and bgpd are asked and answer
	PIM                 // Registers, Null-Registers, and the kernel's multicast state
	numKinds
)

var words = [numKinds]string{"events", "packets", "sa", "rpf", "timers", "zebra", "pim"}

// String returns the kind's word in the command `debug msdp`.
func (k Kind) String() string { return words[k] }

// OfPeers reports whether k can be watched of some peers only.
func (k Kind) OfPeers() bool { return k < Zebra }

// Parse returns the kind with that word.
func Parse(word string) (k Kind, ok bool) {
	i := slices.Index(words[:], word)
	return Kind(max(i, 0)), i >= 0
}

// Kinds returns all kinds.
func Kinds() []Kind {
	all := make([]Kind, numKinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}
