package msdp

import (
	"net/netip"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// PeerStatus is what an operator sees of a peer.
type PeerStatus struct {
	PeerConfig
	MeshGroup string
	State     State
	// Why says why there is no session; "" where there is one, or nothing is known.
	Why           string
	LocalAddress  netip.AddrPort // of the session
	RemoteAddress netip.AddrPort
	Since         time.Time // of the session; zero: none
	LastReset     string    // reason of the last loss; "" if there was none
	ResetAt       time.Time
	// Remaining time of each timer; negative: it does not run.
	KeepAliveTimer, HoldTimer, ConnectRetryTimer time.Duration
	SACount                                      int
	Pending                                      int // SAs that wait for a route, not in SACount
	CatchingUp                                   bool
	// Timers are the periods in force; those of PeerConfig may not be set. Its Shutdown is
	// true of all peers where all are shut down.
	Timers Timers
	// AS is the peer's: configured, or NeighborAS, that of bgpd's neighbour with its address.
	// 0: not known.
	AS, NeighborAS uint32
	// Sessions are those since the peer was configured; Counters began at CountedFrom.
	Sessions    uint64
	Counters    PeerCounters
	CountedFrom time.Time
	// MissingLists are those that it names.
	MissingLists []MissingList
}

// Peers returns every peer's status, by address.
func (s *Speaker) Peers(now time.Time) []PeerStatus {
	out := make([]PeerStatus, 0, len(s.ordered))
	for _, p := range s.ordered {
		out = append(out, s.peerStatus(now, p))
	}
	return out
}

// Peer returns the status of the peer with addr.
func (s *Speaker) Peer(now time.Time, addr ipv4.Addr) (PeerStatus, bool) {
	p := s.peers[addr]
	if p == nil {
		return PeerStatus{}, false
	}
	return s.peerStatus(now, p), true
}

func (s *Speaker) peerStatus(now time.Time, p *peer) PeerStatus {
	st := PeerStatus{
		PeerConfig: p.PeerConfig, MeshGroup: p.mesh, State: p.state, Why: p.why,
		Since: p.since, LastReset: p.lastReset, ResetAt: p.resetAt,
		KeepAliveTimer: -1, HoldTimer: -1, ConnectRetryTimer: -1,
		SACount: p.saCount, Pending: p.quota.pending, CatchingUp: p.catchUp != nil,
		Timers: p.timers, AS: peerAS(p), NeighborAS: p.neighborAS, Sessions: p.sessions, Counters: p.stats, CountedFrom: p.countedFrom,
		MissingLists: s.config.missingOf(p.PeerConfig),
	}
	switch {
	case p.established():
		st.LocalAddress, st.RemoteAddress = p.local, p.remote
		st.KeepAliveTimer = max(0, p.keepAliveAt.Sub(now))
		st.HoldTimer = max(0, p.holdAt.Sub(now))
	case p.connects() && !p.Shutdown && !p.Local.IsUnspecified():
		st.ConnectRetryTimer = max(0, p.retryAt.Sub(now))
	}
	return st
}

// MeshGroups returns the configured mesh groups, by name.
func (s *Speaker) MeshGroups() []MeshGroup { return s.config.Clone().MeshGroups }

// SAStatus is what an operator sees of one (S,G).
type SAStatus struct {
	SG    ipv4.SG
	Local bool
	// RP and Peer are those of a remote source; for a local one RP is the RP field of our SAs.
	RP, Peer  ipv4.Addr
	PeerASN   uint32
	FirstSeen time.Time
	// Expires is when it goes unless it is heard of again.
	Expires     time.Time
	Wanted      bool // to be joined: its group has local receivers
	MeshGroup   bool // accepted from a mesh-group member
	DuplicateRP bool // another RP was announced for it as well
	// DR is the router that registered a local source; 0.0.0.0 for one on a subnet of ours.
	DR ipv4.Addr
}

// SA returns the status of (S,G), local or remote.
func (s *Speaker) SA(sg ipv4.SG) (SAStatus, bool) {
	if i, ok := s.localIndex[sg]; ok {
		l := &s.locals[i]
		expires := l.lastPacket.Add(onLinkPeriod)
		if end := l.lastRegister.Add(registeredPeriod); l.registered && (!l.onLink || end.After(expires)) {
			expires = end
		}
		return SAStatus{SG: sg, Local: true, RP: l.rp, FirstSeen: l.firstSeen, Expires: expires, DR: l.dr}, true
	}
	n := s.cache.find(sg)
	if n == none {
		return SAStatus{}, false
	}
	e := s.cache.at(n)
	st := SAStatus{
		SG: sg, RP: e.rp, FirstSeen: s.timeOf(e.firstSeen), Expires: s.timeOf(e.heard).Add(SGStatePeriod),
		Wanted: e.flags&flagWanted != 0, MeshGroup: e.flags&flagMesh != 0, DuplicateRP: e.flags&flagDuplicateRP != 0,
	}
	if p := s.slots[e.peer]; p != nil {
		st.Peer, st.PeerASN = p.Addr, p.ASN
	}
	return st, true
}

// SACursor is where a walk over all (S,G)s stands. The zero value is the beginning.
type SACursor struct {
	local int
	next  number
}

// SAKeys appends at most limit (S,G)s from the cursor on to keys and moves the cursor. It
// reports false when there are no more. Entries that come or go during a walk may be
// missed; none is given twice but one that went and came back.
func (s *Speaker) SAKeys(c *SACursor, limit int, keys []ipv4.SG) ([]ipv4.SG, bool) {
	end := len(keys) + limit
	for ; c.local < len(s.locals) && len(keys) < end; c.local++ {
		if s.locals[c.local].used {
			keys = append(keys, s.locals[c.local].sg)
		}
	}
	last := s.cache.limit()
	for c.local >= len(s.locals) && len(keys) < end && c.next < last {
		next := last
		s.cache.each(c.next, last, func(n number, e *entry) bool {
			keys = append(keys, e.sg)
			if len(keys) == end {
				next = n + 1
				return false
			}
			return true
		})
		c.next = next
	}
	return keys, c.local < len(s.locals) || c.next < last
}

// Summary counts what a Speaker holds.
type Summary struct {
	Peers, Established int
	MeshGroups         int
	Locals, Remotes    int
	Groups             int // of remote sources
	InterestedGroups   int
	RPs                int
	Pending            int
	Registers          RegisterCounters
	Refused            [reasonCount]uint64
	// Originator is the RP field of our SAs, 0.0.0.0 where it is RP(G). OriginatorTrouble says
	// why it is not the configured one, "" where it is.
	Originator        ipv4.Addr
	OriginatorTrouble string
}

// Summary returns the counts.
func (s *Speaker) Summary() Summary {
	sum := Summary{
		Peers: len(s.ordered), MeshGroups: len(s.config.MeshGroups),
		Locals: len(s.localIndex), Remotes: s.cache.count(), Groups: s.cache.groups.count,
		InterestedGroups: len(s.interest), RPs: len(s.rpTable), Pending: s.pending, Registers: s.registerSeen,
		Originator: s.fixedOriginator(), OriginatorTrouble: s.originatorTrouble,
	}
	for _, p := range s.ordered {
		if p.established() {
			sum.Established++
		}
		for i, n := range p.stats.Refused {
			sum.Refused[i] += n
		}
	}
	return sum
}

// Reasons returns the reasons for which SAs can be refused.
func Reasons() []Reason {
	var out []Reason
	for r := ReasonNone + 1; r < reasonCount; r++ {
		out = append(out, r)
	}
	return out
}

// RPFStatus explains who the RPF peer towards an RP is.
type RPFStatus struct {
	RP ipv4.Addr
	// Known reports whether the route was told; until then SAs wait, or nobody can tell.
	Known bool
	Route rib.Route
	// BGP is what bgpd said of the path, where the route is BGP's. nil: it has none, or has not
	// said it. BGPAway says why bgpd does not answer, "" where it does.
	BGP     *rib.BGPPath
	BGPAway string
	Rule    Rule
	Peer    ipv4.Addr // 0.0.0.0: none
	Why     string
	Peers   []RPFPeer
}

// RPFPeer says of one peer whether SAs with that RP are taken from it, and why.
type RPFPeer struct {
	Addr     ipv4.Addr
	State    State
	Accepted bool
	Why      string
}

// AskRPF begins to ask for the route to rp, so that ExplainRPF can tell it. It does
// nothing for an RP that is known already.
func (s *Speaker) AskRPF(now time.Time, rp ipv4.Addr) {
	s.now = now
	s.rp(rp, nil)
}

// ExplainRPF returns who the RPF peer towards rp is and why. Known is false as long as the
// answer about the route is awaited, and where AskRPF was not called before.
func (s *Speaker) ExplainRPF(now time.Time, rp ipv4.Addr) RPFStatus {
	s.now = now
	st := RPFStatus{RP: rp}
	r := s.rpTable[rp]
	if r == nil {
		r = &rpInfo{addr: rp} // nobody was asked
	} else {
		st.Known, st.Route, st.BGP = s.decided(r), r.route, r.bgp.path
	}
	if r.byBGP() {
		st.BGPAway = s.bgpAway
	}
	d := s.decide(r)
	st.Rule, st.Why = d.rule, d.why
	if d.peer != nil {
		st.Peer = d.peer.Addr
	}
	for _, p := range s.ordered {
		st.Peers = append(st.Peers, s.explainPeer(p, r, d))
	}
	return st
}

func (s *Speaker) explainPeer(p *peer, r *rpInfo, d decision) RPFPeer {
	out := RPFPeer{Addr: p.Addr, State: p.state}
	switch {
	case !p.established():
		out.Why = "is not established"
	case s.carriesOurRP(p, r.addr):
		out.Why = "the RP is this router: an SA that says so is a loop or a spoof"
	case p.mesh != "":
		out.Accepted, out.Why = true, "is a member of mesh-group "+p.mesh+", whose SAs need no peer-RPF check"
	case d.peer == p:
		out.Accepted, out.Why = true, d.why+" (rule "+d.rule.String()+")"
	case d.peer != nil:
		out.Why = "rule " + d.rule.String() + " names " + d.peer.Addr.String() + ": " + s.whyNot(p, r)
	default:
		out.Why = s.whyNot(p, r)
	}
	return out
}

// whyNot says how p fails rules (ii) to (iv).
func (s *Speaker) whyNot(p *peer, r *rpInfo) string {
	if r.byBGP() {
		return s.whyNotBGP(p, r)
	}
	return s.whyNotNextHop(p, r)
}

// whyNotNextHop says how p fails rule (iii) where the route is an IGP's.
func (s *Speaker) whyNotNextHop(p *peer, r *rpInfo) string {
	switch {
	case !r.route.Reachable():
		return "there is no route to the RP"
	case isNextHop(p, r):
		return "its address is a next hop too"
	case !p.route.Reachable():
		return "there is no route to it to compare with the RP's"
	case p.route.Metric > r.route.Metric:
		return "it lies beyond the RP"
	case sharesNextHop(p, r):
		return "another peer with the same next hop is nearer to the RP"
	}
	return "the route to the RP does not lead through it"
}
