package msdp

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
	"msdpd/lib/wire"
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

const (
	// eagerPeriod is how long connection attempts come faster than [ConnectRetry-Period]:
	// after a start, after the source address appeared, after a session was lost.
	eagerPeriod = 2 * time.Minute
	// eagerLongest is the last of the growing delays 1, 2, 4, 8, 16 s.
	eagerLongest = 16 * time.Second
	// eagerRefused bounds the delay after a refused attempt: the path works and the peer's
	// host answers, so that its speaker is likely about to start.
	eagerRefused = 2 * time.Second
)

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
	local     netip.AddrPort
	remote    netip.AddrPort
	// Where the candidate connects from and to.
	candidateLocal  netip.AddrPort
	candidateRemote netip.AddrPort

	retryAt     time.Time
	eagerUntil  time.Time
	backoff     time.Duration
	keepAliveAt time.Time
	holdAt      time.Time

	since     time.Time // of the state established
	lastReset string
	resetAt   time.Time

	catchUp *catchUp

	route      rib.Route // to the peer's address
	routeKnown bool

	saCount int
	stats   PeerCounters
}

// PeerCounters count what happened with one peer since it was configured or cleared.
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
	Refused            [reasonCount]uint64
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
			w.Local = s.firstAddress(w.LocalInterface)
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
	s.syncListeners()
	for _, p := range s.ordered {
		s.start(p)
	}
}

func (s *Speaker) firstAddress(ifname string) ipv4.Addr {
	ifc, ok := s.interfaces.ByName(ifname)
	if !ok {
		return 0
	}
	for _, prefix := range ifc.Addrs {
		if a, ok := ipv4.FromNetip(prefix.Addr()); ok {
			return a
		}
	}
	return 0
}

func (s *Speaker) addPeer(w peering) *peer {
	p := &peer{peering: w, state: StateInactive}
	p.index = s.freeIndex()
	s.slots[p.index] = p
	s.peers[w.Addr] = p
	s.beEager(p)
	p.retryAt = s.now
	s.env.TrackRoute(w.Addr)
	return p
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
	restart := p.Local != w.Local || p.Shutdown != w.Shutdown
	p.peering = w
	if restart {
		s.dropConnections(p)
		s.leaveEstablished(p, "configuration changed")
		p.state = StateInactive
		s.beEager(p)
		p.retryAt = s.now
	}
}

func (s *Speaker) removePeer(p *peer) {
	s.dropConnections(p)
	s.leaveEstablished(p, "removed from the configuration")
	s.cache.each(1, s.cache.limit(), func(n number, e *entry) bool {
		if e.peer == p.index {
			s.removeEntry(n, e)
		}
		return true
	})
	s.forgetPending(p)
	delete(s.peers, p.Addr)
	s.slots[p.index] = nil
	s.env.UntrackRoute(p.Addr)
}

// syncListeners listens where a peer with a lower address may connect to.
func (s *Speaker) syncListeners() {
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

// start moves a peer without a connection to the state its configuration asks for (E1 to E3).
func (s *Speaker) start(p *peer) {
	if p.conn != 0 {
		return
	}
	p.why = ""
	switch {
	case p.Shutdown:
		p.state = StateDisabled
		p.why = "shutdown"
	case p.Local.IsUnspecified() && p.LocalInterface != "":
		p.state = StateInactive
		p.why = "interface " + p.LocalInterface + " has no IPv4 address"
	case p.Local.IsUnspecified():
		p.state = StateInactive
		p.why = "no source address is configured"
	case p.connects():
		if p.state != StateConnecting {
			p.state = StateInactive
		}
	default:
		err, known := s.listening[p.Local]
		p.state = StateListen
		if known && err != nil {
			p.state = StateInactive
			p.why = listenTrouble(p.Local, err)
		}
	}
}

func listenTrouble(local ipv4.Addr, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no interface has the source address " + local.String()
	case errors.Is(err, syscall.EADDRINUSE):
		return "another process, probably pimd's own MSDP, listens on " + local.String() + " port 639"
	}
	return err.Error()
}

// ListenerUp tells that peers can connect to local.
func (s *Speaker) ListenerUp(now time.Time, local ipv4.Addr) { s.listener(now, local, nil) }

// ListenerFailed tells why they cannot.
func (s *Speaker) ListenerFailed(now time.Time, local ipv4.Addr, err error) {
	s.listener(now, local, err)
}

func (s *Speaker) listener(now time.Time, local ipv4.Addr, err error) {
	s.now = now
	s.listening[local] = err
	if err != nil {
		s.log.Warn("cannot listen for peers", zap.Stringer("source", local), zap.String("reason", listenTrouble(local, err)))
	}
	for _, p := range s.ordered {
		if p.Local == local {
			s.start(p)
		}
	}
}

func (s *Speaker) beEager(p *peer) {
	p.eagerUntil = s.now.Add(eagerPeriod)
	p.backoff = time.Second
}

// nextDelay returns how long to wait for the next attempt, and makes the one after it longer.
func (s *Speaker) nextDelay(p *peer) time.Duration {
	period := s.config.Timers.ConnectRetry
	if s.now.After(p.eagerUntil) || p.backoff > eagerLongest {
		return period
	}
	d := p.backoff
	p.backoff *= 2
	return min(d, period)
}

// connect is action A2: active open, ConnectRetry timer set.
func (s *Speaker) connect(p *peer) {
	p.state = StateConnecting
	p.stats.ConnAttempts++
	p.retryAt = s.now.Add(s.nextDelay(p))
	p.conn = s.env.Dial(p.Local, p.Addr)
	s.conns[p.conn] = p
}

// DialFailed tells that the attempt conn came to nothing.
func (s *Speaker) DialFailed(now time.Time, conn ConnID, err error) {
	s.now = now
	p := s.conns[conn]
	if p == nil {
		return
	}
	delete(s.conns, conn)
	p.conn = 0
	p.why = err.Error()
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		p.state = StateInactive
		p.why = "no interface has the source address " + p.Local.String()
	case errors.Is(err, syscall.ECONNREFUSED):
		p.why = "connection refused: nothing listens on " + p.Addr.String() + " port 639, or it has no peer " + p.Local.String()
		if soon := now.Add(eagerRefused); now.Before(p.eagerUntil) && soon.Before(p.retryAt) {
			p.retryAt = soon
		}
	}
	s.log.Debug("connection attempt failed", zap.Stringer("peer", p.Addr), zap.Error(err))
}

// Connected is event E4: the active open succeeded.
func (s *Speaker) Connected(now time.Time, conn ConnID, local, remote netip.AddrPort) {
	s.now = now
	p := s.conns[conn]
	if p == nil || p.conn != conn {
		s.env.Close(conn)
		return
	}
	s.establish(p, conn, local, remote)
}

// Accepted is event E5: a configured peer connected.
func (s *Speaker) Accepted(now time.Time, conn ConnID, local, remote netip.AddrPort) {
	s.now = now
	from, _ := ipv4.FromNetip(remote.Addr())
	to, _ := ipv4.FromNetip(local.Addr())
	p := s.peers[from]
	if p == nil || p.Shutdown || p.connects() || to != p.Local {
		s.log.Debug("connection refused", zap.Stringer("from", remote), zap.Stringer("to", local))
		s.env.Close(conn)
		return
	}
	if !p.established() {
		s.conns[conn] = p
		s.establish(p, conn, local, remote)
		return
	}
	// The peer opens a second connection while we hold the first: it lost power, or
	// somebody else speaks from its address. Its first message tells.
	if p.candidate != 0 {
		s.env.Close(p.candidate)
		delete(s.conns, p.candidate)
	}
	p.candidate, p.candidateLocal, p.candidateRemote = conn, local, remote
	s.conns[conn] = p
}

// replaceSession makes the candidate the session.
func (s *Speaker) replaceSession(p *peer) {
	conn := p.candidate
	p.candidate = 0
	s.reset(p, "peer connected anew")
	s.establish(p, conn, p.candidateLocal, p.candidateRemote)
}

// establish is A4 and A5: KeepAlive sent at once, timers set, and the whole cache follows.
func (s *Speaker) establish(p *peer, conn ConnID, local, remote netip.AddrPort) {
	p.conn = conn
	p.local, p.remote = local, remote
	p.state = StateEstablished
	p.why = ""
	p.since = s.now
	p.stats.EstablishedChanges++
	p.holdAt = s.now.Add(s.config.Timers.Hold)
	s.rpfEpoch++
	s.log.Info("peer up", zap.Stringer("peer", p.Addr), zap.Stringer("source", p.Local))
	s.sendKeepAlive(p)
	s.beginCatchUp(p, 0)
}

func (s *Speaker) sendKeepAlive(p *peer) {
	s.bytes = wire.AppendKeepAlive(s.bytes[:0])
	if s.send(p, s.bytes) {
		p.stats.KeepAlivesSent++
	}
	p.keepAliveAt = s.now.Add(s.config.Timers.KeepAlive)
}

// send hands TLVs to the transport; any message resets the KeepAlive timer (§5.5).
func (s *Speaker) send(p *peer, tlvs []byte) bool {
	if !s.env.Send(p.conn, tlvs) {
		return false
	}
	p.keepAliveAt = s.now.Add(s.config.Timers.KeepAlive)
	return true
}

// Closed tells that the connection ended from outside.
func (s *Speaker) Closed(now time.Time, conn ConnID, err error) {
	s.now = now
	p := s.conns[conn]
	if p == nil {
		return
	}
	if p.candidate == conn {
		p.candidate = 0
		delete(s.conns, conn)
		return
	}
	reason := "peer closed the connection"
	if err != nil {
		reason = err.Error()
	}
	s.lost(p, reason)
}

// lost is the end of a session that we wish to have back soon.
func (s *Speaker) lost(p *peer, reason string) {
	s.beEager(p)
	s.reset(p, reason)
}

// reset is A8: the connection is closed, and the state machine begins anew.
func (s *Speaker) reset(p *peer, reason string) {
	if p.conn != 0 {
		s.env.Close(p.conn)
		delete(s.conns, p.conn)
		p.conn = 0
	}
	s.leaveEstablished(p, reason)
	p.state = StateInactive
	p.retryAt = s.now.Add(s.nextDelay(p))
	s.start(p)
}

func (s *Speaker) leaveEstablished(p *peer, reason string) {
	if p.since.IsZero() {
		return
	}
	s.log.Info("peer down", zap.Stringer("peer", p.Addr), zap.String("reason", reason), zap.Duration("uptime", s.now.Sub(p.since).Round(time.Second)))
	p.since = time.Time{}
	p.lastReset = reason
	p.resetAt = s.now
	p.catchUp = nil
	s.rpfEpoch++
}

func (s *Speaker) dropConnections(p *peer) {
	for _, conn := range []ConnID{p.conn, p.candidate} {
		if conn != 0 {
			s.env.Close(conn)
			delete(s.conns, conn)
		}
	}
	p.conn, p.candidate = 0, 0
}

// ClearPeer resets the session with addr, or with every peer where addr is 0.0.0.0. It
// reports whether there is such a peer.
func (s *Speaker) ClearPeer(now time.Time, addr ipv4.Addr) bool {
	s.now = now
	found := false
	for _, p := range s.ordered {
		if addr.IsUnspecified() || p.Addr == addr {
			found = true
			s.beEager(p)
			s.dropConnections(p)
			s.leaveEstablished(p, "cleared by the operator")
			p.state = StateInactive
			p.retryAt = now
			s.start(p)
		}
	}
	return found
}

// localAddressMayHaveCome wakes a session that waited for its source address.
func (s *Speaker) localAddressMayHaveCome(p *peer) {
	if p.state == StateInactive && p.connects() && p.conn == 0 && s.interfaces.OwnAddr(p.Local) {
		s.beEager(p)
		p.retryAt = s.now
	}
}

// peerTimers runs the timers of RFC 3618 §5.4 to §5.6 that are due.
func (s *Speaker) peerTimers(p *peer) {
	switch p.state {
	case StateEstablished:
		if !s.now.Before(p.holdAt) {
			s.lost(p, "hold timer expired")
			return
		}
		if !s.now.Before(p.keepAliveAt) {
			s.sendKeepAlive(p)
		}
	case StateInactive, StateConnecting:
		if p.Local.IsUnspecified() || !p.connects() || s.now.Before(p.retryAt) {
			return
		}
		if p.conn != 0 { // E6: the attempt took too long
			s.env.Close(p.conn)
			delete(s.conns, p.conn)
			p.conn = 0
		}
		s.connect(p)
	}
}
