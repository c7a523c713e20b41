package msdp

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"msdpd/lib/ipv4"
)

// Snapshot is what an audit looks at. It shares nothing with the Speaker.
type Snapshot struct {
	Now          time.Time
	Peers        []PeerStatus  // by address
	DefaultPeers []DefaultPeer // as configured
	Redistribute Redistribution
	MissingLists []MissingList // that are named somewhere
	Shutdown     bool          // of all peers
	MyRPs        []ipv4.Addr   // RP addresses of this router, ascending
	// Originator and OriginatorTrouble are as in Summary.
	Originator        ipv4.Addr
	OriginatorTrouble string
	Own               []OwnSeen // in the last 10 minutes, by peer and RP
	Relayed           []Relayed // in the last 10 minutes, by peer and member
	RPs               []RPRoute
	BGPNeighbors      int    // of bgpd
	BGPAway           string // why bgpd does not answer; "" where it does, or was never asked
}

// OwnSeen tells of SAs that carried an RP address of this router.
type OwnSeen struct {
	Peer, RP ipv4.Addr
	First    ipv4.SG
	Count    uint64 // entries, since the first
	Last     time.Time
}

// Relayed tells that SAs whose RP is a member of our mesh group came from another peer.
type Relayed struct {
	By, Member ipv4.Addr
	Last       time.Time
}

// RPRoute is what is known of an RP that peers name.
type RPRoute struct {
	Addr ipv4.Addr
	// Entries are those in the cache; 0 where all its SAs were refused.
	Entries int
	// Known reports whether the route was told, Reachable whether there is one, and BGP
	// whether that is BGP's.
	Known, Reachable, BGP bool
}

// Snapshot returns the state that an audit looks at.
func (s *Speaker) Snapshot(now time.Time) Snapshot {
	sum := s.Summary()
	out := Snapshot{
		Now: now, Peers: s.Peers(now), DefaultPeers: slices.Clone(s.config.DefaultPeers), Shutdown: s.config.Shutdown,
		Redistribute: s.config.Redistribute, MissingLists: s.config.MissingLists(),
		MyRPs:      slices.Sorted(maps.Keys(s.myRPs)),
		Originator: sum.Originator, OriginatorTrouble: sum.OriginatorTrouble,
		BGPNeighbors: len(s.bgpNeighbors), BGPAway: s.bgpAway,
	}
	for _, p := range s.ordered {
		for _, rp := range slices.Sorted(maps.Keys(p.signs.own)) {
			if o := p.signs.own[rp]; now.Sub(o.last) < signPeriod {
				out.Own = append(out.Own, OwnSeen{Peer: p.Addr, RP: rp, First: o.first, Count: o.count, Last: o.last})
			}
		}
		for _, member := range slices.Sorted(maps.Keys(p.signs.relayed)) {
			if last := p.signs.relayed[member]; now.Sub(last) < signPeriod {
				out.Relayed = append(out.Relayed, Relayed{By: p.Addr, Member: member, Last: last})
			}
		}
	}
	for _, r := range s.rpTable {
		if r.by == nil && r.entries == 0 {
			continue // an operator asked about it
		}
		out.RPs = append(out.RPs, RPRoute{Addr: r.addr, Entries: r.entries, Known: r.known, Reachable: r.route.Reachable(), BGP: r.byBGP()})
	}
	slices.SortFunc(out.RPs, func(a, b RPRoute) int { return cmp.Compare(a.Addr, b.Addr) })
	return out
}
