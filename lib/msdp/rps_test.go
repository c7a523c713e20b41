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

// A full cache takes nothing new; what is in it goes on being refreshed, and sessions stay.
func TestFullCacheRefusesWhatIsNew(t *testing.T) {
	c := peersConfig(below1, below2)
	c.Limits.Entries.Max = 2
	r := newRig(t, c)
	r.up(below1, below2)
	third := ipv4.SG{Source: ip("10.77.0.3"), Group: sgA.Group}
	r.sa(below1, below1.String(), sgA, sgB, third)
	r.wantCached(true, sgA, sgB)
	r.wantCached(false, third)
	r.wantRefused(below1, ReasonGlobalLimit, 1)
	r.wantSAs(below2, sgA, sgB)

	for range 4 { // for longer than an entry lives without SAs
		r.advanceAlive(SAAdvertisementPeriod)
		r.sa(below1, below1.String(), sgA, sgB)
	}
	r.wantCached(true, sgA, sgB)
	r.wantState(below1, StateEstablished)
}
