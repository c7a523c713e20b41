package msdp

import (
	"errors"
	"io"
	"net/netip"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

const (
	// eagerPeriod is how long connection attempts come faster than [ConnectRetry-Period]:
	// after a start, after the source address appeared, after a session was lost.
	eagerPeriod = 2 * time.Minute
	// eagerLongest is the last of the growing delays 1, 2, 4, 8, 16 s.
	eagerLongest = 16 * time.Second
	// eagerRefused bounds the delay after an attempt to which somebody said no: the peer's
	// host, whose speaker is likely about to start, or the kernel, because the next hop or the
	// peer itself is not on the link yet. A new attempt costs next to nothing.
	eagerRefused = 2 * time.Second
	// settledPeriod is how long a session must have lasted for its loss to begin the
	// growing delays anew, while they still run: a peer that hangs up on us each time is
	// tried less and less often.
	settledPeriod = 10 * time.Second
	// shortSessionsTold is how many sessions in a row may end before that period until they
	// are no news any more, and a listening side makes the peer wait: without that it could
	// connect, be given the whole cache, and be reset, thousands of times a second.
	shortSessionsTold = 5
	// shortSessionPause is how long such a peer is not let in again.
	shortSessionPause = 200 * time.Millisecond
)

// start moves a peer without a connection to the state its configuration asks for (E1 to E3).
func (s *Speaker) start(p *peer) {
	if p.conn != 0 {
		return
	}
	wait := func(state State, why string) {
		p.why = why
		s.enter(p, state, why)
	}
	switch {
	case p.Shutdown && s.config.Shutdown:
		wait(StateDisabled, "shutdown of all peers")
	case p.Shutdown:
		wait(StateDisabled, "shutdown")
	case p.Local.IsUnspecified() && p.LocalInterface != "":
		wait(StateInactive, "interface "+p.LocalInterface+" has no IPv4 address")
	case p.Local.IsUnspecified():
		wait(StateInactive, "no source address is configured")
	case p.connects():
		if p.state != StateConnecting {
			s.enter(p, StateInactive, "waits for the next attempt")
		}
	default:
		if err := s.listening[p.Local]; err != nil {
			wait(StateInactive, listenTrouble(p.Local, err))
			return
		}
		wait(StateListen, "")
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
	period := p.timers.ConnectRetry
	if s.now.After(p.eagerUntil) || p.backoff > eagerLongest {
		return period
	}
	d := p.backoff
	p.backoff *= 2
	return min(d, period)
}

// connect is action A2: active open, ConnectRetry timer set.
func (s *Speaker) connect(p *peer) {
	s.enter(p, StateConnecting, "")
	p.stats.ConnAttempts++
	p.retryAt = s.now.Add(s.nextDelay(p))
	p.conn = s.env.Dial(p.Local, p.Addr)
	s.conns[p.conn] = p
}

// noAnswer says what silence can mean: the kernel drops what is not signed as it should be.
func noAnswer(p *peer) string {
	text := "no answer from " + p.Addr.String() + " port 639: "
	switch {
	case p.Guard.Key != "" && p.Guard.Hops != 0:
		return text + "it is lost on the way or too far away, nobody listens there, or the password is not the peer's"
	case p.Guard.Key != "":
		return text + "it is lost on the way, nobody listens there, or the password is not the peer's"
	case p.Guard.Hops != 0:
		return text + "it is lost on the way or too far away, or the peer has a password for this session"
	}
	return text + "it is lost on the way, or the peer has a password for this session"
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
		p.why = "no interface has the source address " + p.Local.String()
		s.enter(p, StateInactive, p.why)
	case errors.Is(err, syscall.ECONNREFUSED):
		p.why = "connection refused: nothing listens on " + p.Addr.String() + " port 639, or it has no peer " + p.Local.String()
	}
	s.refusedAttempt(p)
	if s.debug.Of(debug.Events, p.Addr) {
		s.debugPeer(debug.Events, p, "connection attempt failed", zap.Error(err), zap.Duration("next in", p.retryAt.Sub(s.now)))
	}
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

// Accepted is event E5: a configured peer connected. Connections of others, to another
// address than the peer's source, or where this side is to connect, are closed.
func (s *Speaker) Accepted(now time.Time, conn ConnID, local, remote netip.AddrPort) {
	s.now = now
	from, _ := ipv4.FromNetip(remote.Addr())
	to, _ := ipv4.FromNetip(local.Addr())
	p := s.peers[from]
	if p == nil || p.Shutdown || p.connects() || to != p.Local {
		if s.debug.Of(debug.Events, from) {
			s.debug.Write(debug.Events, "connection refused: not from a peer that is to connect to this address", zap.Stringer("from", remote), zap.Stringer("to", local))
		}
		s.env.Close(conn)
		return
	}
	if !p.established() {
		if p.short >= shortSessionsTold && s.now.Sub(p.resetAt) < shortSessionPause {
			if s.debug.Of(debug.Events, p.Addr) {
				s.debugPeer(debug.Events, p, "connection refused: its sessions end as soon as they begin")
			}
			s.env.Close(conn)
			return
		}
		s.conns[conn] = p
		s.establish(p, conn, local, remote)
		return
	}
	// The peer opens a second connection while we hold the first: it lost power, or
	// somebody else speaks from its address. Its first message tells.
	if p.candidate != 0 {
		s.dropCandidate(p)
	}
	if s.debug.Of(debug.Events, p.Addr) {
		s.debugPeer(debug.Events, p, "connects while its session is up; its first KeepAlive replaces that", zap.Stringer("from", remote))
	}
	p.candidate, p.candidateLocal, p.candidateRemote = conn, local, remote
	p.candidateUntil = s.now.Add(p.timers.Hold)
	s.conns[conn] = p
}

func (s *Speaker) dropCandidate(p *peer) {
	s.env.Close(p.candidate)
	delete(s.conns, p.candidate)
	p.candidate = 0
}

// establish is A4 and A5: KeepAlive sent at once, timers set, and the whole cache follows.
func (s *Speaker) establish(p *peer, conn ConnID, local, remote netip.AddrPort) {
	p.conn = conn
	p.local, p.remote = local, remote
	s.enter(p, StateEstablished, "")
	p.why = ""
	p.heard = false
	p.since = s.now
	p.sessions++
	p.stats.EstablishedChanges++
	p.holdAt = s.now.Add(p.timers.Hold)
	s.rpfEpoch++
	s.log.Log(p.news(zap.InfoLevel), "peer up", zap.Stringer("peer", p.Addr), zap.Stringer("source", p.Local))
	s.sendKeepAlive(p)
	s.beginCatchUp(p)
	s.requestAll(p)
}

func (s *Speaker) sendKeepAlive(p *peer) {
	s.bytes = wire.AppendKeepAlive(s.bytes[:0])
	if s.send(p, s.bytes) {
		p.stats.KeepAlivesSent++
	}
	p.keepAliveAt = s.now.Add(p.timers.KeepAlive)
}

// send hands TLVs to the transport; any message resets the KeepAlive timer (§5.5).
func (s *Speaker) send(p *peer, tlvs []byte) bool {
	if !s.env.Send(p.conn, tlvs) {
		return false
	}
	if s.debug.Of(debug.Packets, p.Addr) {
		s.debugTLVs(p, "sent", tlvs)
	}
	p.keepAliveAt = s.now.Add(p.timers.KeepAlive)
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
	s.reset(p, whyClosed(err))
}

func whyClosed(err error) string {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return "peer closed the connection"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "peer closed the connection within a message"
	}
	return err.Error()
}

// reset is A8: the connection is closed, and the state machine begins anew. A connection
// with which the peer already came back takes the place of the session.
func (s *Speaker) reset(p *peer, reason string) {
	if p.conn != 0 {
		s.env.Close(p.conn)
		delete(s.conns, p.conn)
		p.conn = 0
	}
	lasted := s.now.Sub(p.since)
	s.leaveEstablished(p, reason)
	s.enter(p, StateInactive, reason)
	if p.candidate != 0 {
		conn := p.candidate
		p.candidate = 0
		s.establish(p, conn, p.candidateLocal, p.candidateRemote)
		return
	}
	if p.heard && (lasted >= settledPeriod || s.now.After(p.eagerUntil)) {
		s.beEager(p)
	}
	p.retryAt = s.now.Add(s.nextDelay(p))
	if !p.heard {
		s.refusedAttempt(p)
		p.why = "the peer's host took the connection, but no message came: " + reason
	}
	s.start(p)
}

// refusedAttempt bounds the wait after an attempt to which somebody said no.
func (s *Speaker) refusedAttempt(p *peer) {
	if s.now.Before(p.eagerUntil) {
		p.retryAt = earlier(p.retryAt, s.now.Add(eagerRefused))
	}
}

func (s *Speaker) leaveEstablished(p *peer, reason string) {
	if p.since.IsZero() {
		return
	}
	lasted := s.now.Sub(p.since)
	s.log.Log(p.news(zap.InfoLevel), "peer down", zap.Stringer("peer", p.Addr), zap.String("reason", reason), zap.Duration("uptime", lasted.Round(time.Second)))
	if lasted >= settledPeriod {
		p.short = 0
	} else if p.short++; p.short == shortSessionsTold {
		s.log.Warn("sessions end as soon as they begin; the next ones are counted, and logged once one stays",
			zap.Stringer("peer", p.Addr), zap.String("reason", reason))
	}
	p.since = time.Time{}
	p.lastReset = reason
	p.resetAt = s.now
	p.catchUp = nil
	p.requests = requests{}
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
			s.restart(p, "cleared by the operator")
			s.start(p)
		}
	}
	return found
}

// restart ends what p has of connections; a new attempt comes at once.
func (s *Speaker) restart(p *peer, reason string) {
	s.dropConnections(p)
	p.short = 0 // that this session was short is not the peer's fault
	s.leaveEstablished(p, reason)
	s.enter(p, StateInactive, reason)
	p.why = ""
	s.beEager(p)
	p.retryAt = s.now
}

// localAddressMayHaveCome wakes a session that waited for its source address.
func (s *Speaker) localAddressMayHaveCome(p *peer) {
	if p.state == StateInactive && p.connects() && p.conn == 0 && s.interfaces.OwnAddr(p.Local) {
		s.beEager(p)
		p.retryAt = s.now
	}
}

// news is the level of what is said about p's sessions: debug while they come and go.
func (p *peer) news(level zapcore.Level) zapcore.Level {
	if p.short >= shortSessionsTold {
		return zap.DebugLevel
	}
	return level
}

// settle ends the silence about a peer whose session stays at last.
func (s *Speaker) settle(p *peer) {
	if p.short >= shortSessionsTold && s.now.Sub(p.since) >= settledPeriod {
		s.log.Info("peer up, and stays", zap.Stringer("peer", p.Addr), zap.Stringer("source", p.Local), zap.Int("short_sessions", p.short))
		p.short = 0
	}
}

// peerTimers runs the timers of RFC 3618 §5.4 to §5.6 that are due.
func (s *Speaker) peerTimers(p *peer) {
	switch p.state {
	case StateEstablished:
		if !s.now.Before(p.holdAt) { // E8
			if s.debug.Of(debug.Timers, p.Addr) {
				s.debugPeer(debug.Timers, p, "hold timer expired", zap.Duration("period", p.timers.Hold))
			}
			s.reset(p, "hold timer expired")
			return
		}
		s.settle(p)
		if p.candidate != 0 && !s.now.Before(p.candidateUntil) {
			s.dropCandidate(p)
		}
		// Rather a little too early than too late: the next tick may be behind it.
		if s.now.Add(TickInterval).After(p.keepAliveAt) {
			if s.debug.Of(debug.Timers, p.Addr) {
				s.debugPeer(debug.Timers, p, "KeepAlive timer expired", zap.Duration("period", p.timers.KeepAlive))
			}
			s.sendKeepAlive(p)
		}
	case StateInactive, StateConnecting:
		if p.Local.IsUnspecified() || !p.connects() || s.now.Before(p.retryAt) {
			return
		}
		if s.debug.Of(debug.Timers, p.Addr) {
			s.debugPeer(debug.Timers, p, "ConnectRetry timer expired", zap.Bool("attempt unanswered", p.conn != 0))
		}
		if p.conn != 0 { // E6: the attempt took too long
			s.env.Close(p.conn)
			delete(s.conns, p.conn)
			p.conn = 0
			p.why = noAnswer(p)
		}
		s.connect(p)
	}
}
