package msdp

import (
	"testing"

	"msdpd/lib/ipv4"
)

// A peer that makes up RPs takes no place from those that an honest one names.
func TestMadeUpRPsOfOnePeerLeaveRoomForOthers(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	for i := range ipv4.Addr(maxRPs + 500) {
		r.sa(below1, (ip("20.0.0.0") + i).String(), sgA)
	}
	r.wantRefused(below1, ReasonTableFull, 500)
	r.sa(below2, farRP, sgB)
	r.route(farRP, 20, below2)
	r.wantRefused(below2, ReasonTableFull, 0)
	r.wantCached(true, sgB)
}
