package msdp

import (
	"net/netip"
	"time"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// State is where a peering stands in the state machine of RFC 3618 §11.
type State uint8

// The states of RFC 3618 §11.
const (
	StateDisabled State = iota
	StateInactive
	StateListen
	StateConnecting
	StateEstablished
)

// String returns the word that FRR shows.
func (s State) String() string {
	return [...]string{"disabled", "inactive", "listen", "connecting", "established"}[s]
}

// peerIndex names a peer in the entries of the cache; 0 is no peer.
type peerIndex uint16

// peer is one peering.
type peer struct {
	peering
	index peerIndex
	state State
	why   string // why the session cannot start

	conn      ConnID // the session, or the attempt; 0 = none
	candidate ConnID // a new connection from an established peer, until its first KeepAlive
	heard     bool   // a message came in this session
	local     netip.AddrPort
	remote    netip.AddrPort
	// Where the candidate connects from and to.
	candidateLocal  netip.AddrPort
	candidateRemote netip.AddrPort
	candidateUntil  time.Time

	retryAt     time.Time
	eagerUntil  time.Time
	backoff     time.Duration
	keepAliveAt time.Time
	holdAt      time.Time

	since     time.Time // of the state established; zero: it is not
	lastReset string
	resetAt   time.Time
	short     int // sessions in a row that ended before settledPeriod

	catchUp *catchUp
	signs   signs // of trouble that an operator must mend

	requests requests
	// dataSources bound what is taken of the packets in its SAs.
	dataSources dataSources
	in, out     filter
	refilter    bool // what came from it is to be judged again

	route      rib.Route // to the peer's address
	neighborAS uint32    // of the BGP neighbour with the peer's address; 0: none

	saCount int
	quota   quota
	rps     int // RPs that it was the first to name
	// sessions are those since it was configured; stats is what was counted since countedFrom.
	sessions    uint64
	stats       PeerCounters
	countedFrom time.Time
}

// PeerCounters count what happened with one peer since it was configured, or they were cleared.
type PeerCounters struct {
	ConnAttempts       uint64
	EstablishedChanges uint64
	KeepAlivesSent     uint64
	KeepAlivesReceived uint64
	SAsSent            uint64 // messages
	SAsReceived        uint64 // messages
	FormatErrors       uint64 // RFC 3618 §13: the session was reset
	UnknownTLVs        uint64
	CatchUps           uint64 // times the peer was served from the cache because it was slow
	RequestsSent       uint64
	RequestsReceived   uint64
	RequestsRefused    uint64 // not accepted, not permitted, or too many
	ResponsesSent      uint64 // messages
	ResponsesReceived  uint64 // messages
	FilteredOut        uint64 // entries that a filter kept from it
	// Packets in SAs: sent to it; not sent as its queue was in use, or as they fit in no TLV;
	// not sent because of its ttl-threshold; received, and what became of those.
	DataSent, DataNotSent, DataBelowTTL uint64
	DataReceived                        uint64
	Data                                [dataFateCount]uint64
	Refused                             [reasonCount]uint64
}

// connects reports whether this side opens the connection: the lower address does (§11).
func (p *peer) connects() bool { return p.Local < p.Addr }

func (p *peer) established() bool { return p.state == StateEstablished }

// syncPeers makes the peers those of the configuration.
func (s *Speaker) syncPeers() {
	wanted := s.config.peerings()
	keep := make(map[ipv4.Addr]bool, len(wanted))
	s.ordered = s.ordered[:0]
	for _, w := range wanted {
		if w.Local.IsUnspecified() && w.LocalInterface != "" {
			w.Local = s.connectSource(w)
		}
		keep[w.Addr] = true
		p := s.peers[w.Addr]
		if p == nil {
			p = s.addPeer(w)
		} else {
			s.changePeer(p, w)
		}
		s.ordered = append(s.ordered, p)
	}
	for addr, p := range s.peers {
		if !keep[addr] {
			s.removePeer(p)
		}
	}
	s.syncFilters()
	s.syncListeners()
	for _, p := range s.ordered {
		s.start(p)
	}
}

// connectSource is the address of w's interface that its session comes from: the first, but
// the one in use as long as it is there. A restarted zebra may tell the addresses in another
// order, and tells none of a link that is down; no session is worth that. Whether an
// address that is told no more can still be used, bind() says.
func (s *Speaker) connectSource(w peering) ipv4.Addr {
	var inUse ipv4.Addr
	if p := s.peers[w.Addr]; p != nil && p.LocalInterface == w.LocalInterface {
		inUse = p.Local
	}
	if a := s.firstAddress(w.LocalInterface, inUse); a != 0 {
		return a
	}
	return inUse
}

// firstAddress is the one in use, where that interface has it, else its first that others can
// reach; 0.0.0.0 where it has none.
func (s *Speaker) firstAddress(name string, inUse ipv4.Addr) ipv4.Addr {
	var first ipv4.Addr
	ifc, _ := s.interfaces.ByName(name)
	for _, prefix := range ifc.Addrs {
		a, ok := ipv4.FromNetip(prefix.Addr())
		switch {
		case !ok || a.IsLoopback():
		case a == inUse:
			return a
		case first == 0:
			first = a
		}
	}
	return first
}

func (s *Speaker) addPeer(w peering) *peer {
	p := &peer{peering: w, state: StateInactive, neighborAS: s.bgpNeighbors[w.Addr], countedFrom: s.now}
	p.index = s.freeIndex()
	s.slots[p.index] = p
	s.peers[w.Addr] = p
	s.beEager(p)
	p.retryAt = s.now
	s.env.TrackRoute(w.Addr)
	return p
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (s *Speaker) freeIndex() peerIndex {
	for i := 1; i < len(s.slots); i++ {
		if s.slots[i] == nil {
			return peerIndex(i)
		}
	}
	s.slots = append(s.slots, nil)
	return peerIndex(len(s.slots) - 1)
}

func (s *Speaker) changePeer(p *peer, w peering) {
	reason := ""
	switch {
	case w.Shutdown && !p.Shutdown:
		reason = "shut down by the operator"
	case p.Local != w.Local:
		reason = "source address changed"
	case p.Guard.Key != w.Guard.Key:
		reason = "password changed"
	case p.Guard != w.Guard:
		reason = "ttl-security changed"
	}
	restart := reason != "" || p.Shutdown != w.Shutdown
	timers := w.timers
	w.timers = p.timers
	p.peering = w
	if restart {
		s.restart(p, reason)
	}
	s.changeTimers(p, timers)
}

func (s *Speaker) removePeer(p *peer) {
	s.dropConnections(p)
	s.leaveEstablished(p, "removed from the configuration")
	s.setState(p, StateInactive)
	s.cache.each(1, s.cache.limit(), func(n number, e *entry) bool {
		if e.peer == p.index {
			s.removeEntry(n, e, "its peer was removed from the configuration")
		}
		return true
	})
	s.forgetPending(p)
	s.rejected.forget(func(k rejectedKey) bool { return k.peer == p.index })
	delete(s.peers, p.Addr)
	s.slots[p.index] = nil
	s.env.UntrackRoute(p.Addr)
}

// syncListeners listens where a peer with a lower address may connect to. What protects the
// sessions comes first, so that nobody connects without it.
func (s *Speaker) syncListeners() {
	guards := make(map[ipv4.Addr]guard.Guard)
	for _, p := range s.ordered {
		if p.Guard != (guard.Guard{}) {
			guards[p.Addr] = p.Guard
		}
	}
	s.env.Guard(guards)
	var locals, allowed []ipv4.Addr
	seen := make(map[ipv4.Addr]bool)
	for _, p := range s.ordered {
		if p.Shutdown || p.Local.IsUnspecified() || p.connects() {
			continue
		}
		allowed = append(allowed, p.Addr)
		if !seen[p.Local] {
			seen[p.Local] = true
			locals = append(locals, p.Local)
		}
	}
	for local := range s.listening {
		if !seen[local] {
			delete(s.listening, local)
		}
	}
	s.env.Listen(locals)
	s.env.Allow(allowed)
}
