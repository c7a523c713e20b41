package main

import (
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/rib"
)

const (
	// zebraPathPeriod is how often zebra is asked for the AS path to a watched RP.
	zebraPathPeriod = time.Second
	// zebraPathRate is how many questions a second it is asked at most.
	zebraPathRate = 100
)

// zebraPaths has zebra asked for AS paths while bgpd does not answer: from FRR 10.5 on bgpd can
// tell it (`bgp send-extra-data zebra`). An AS path alone is good for rule (iv).
type zebraPaths struct {
	watched map[ipv4.Addr]struct{}
	due     []ipv4.Addr // of the round that is under way
	round   time.Time   // when it began
}

func (p *zebraPaths) watch(rp ipv4.Addr) {
	if p.watched == nil {
		p.watched = make(map[ipv4.Addr]struct{})
	}
	p.watched[rp] = struct{}{}
}

func (p *zebraPaths) unwatch(rp ipv4.Addr) { delete(p.watched, rp) }

// next returns whom to ask about now, where it is called once in each msdp.TickInterval.
func (p *zebraPaths) next(now time.Time) []ipv4.Addr {
	if len(p.due) == 0 && now.Sub(p.round) >= zebraPathPeriod {
		p.round = now
		for rp := range p.watched {
			p.due = append(p.due, rp)
		}
	}
	some := p.due[:min(len(p.due), int(zebraPathRate*msdp.TickInterval/time.Second))]
	p.due = p.due[len(some):]
	return some
}

// bgpdSilent reports whether bgpd was asked and does not answer.
func (w *neighbors) bgpdSilent() bool { return !w.bgpdHere && w.bgpdWhy != "" }

func (in *instance) askZebraForPath(rp ipv4.Addr) {
	if in.world.bgpdSilent() {
		in.zebra.AskPath(rp)
	}
}

func (in *instance) askZebraForPaths() {
	if !in.world.bgpdSilent() {
		return
	}
	for _, rp := range in.zebraPaths.next(in.now) {
		in.zebra.AskPath(rp)
	}
}

// zebraPath takes an AS path from zebra where bgpd has not said more.
func (in *instance) zebraPath(rp ipv4.Addr, path *rib.BGPPath) {
	if !in.world.bgpdSilent() {
		return
	}
	known := in.speaker.ExplainRPF(in.now, rp).BGP
	if known == nil && path == nil || known != nil && !fromZebra(known) {
		return // what bgpd said last is still in force, or there is nothing to tell
	}
	in.speaker.BGPAnswered(in.now, rp, path)
	in.speaker.BGPAway(in.now, in.world.bgpdWhy)
}

// fromZebra reports whether zebra told the path: it does not know the neighbour.
func fromZebra(p *rib.BGPPath) bool { return p.Kind == "" }
