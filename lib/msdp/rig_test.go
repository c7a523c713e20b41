package msdp

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
	"msdpd/lib/wire"
)

var (
	ip    = ipv4.MustParse
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func sg(source, group string) ipv4.SG { return ipv4.SG{Source: ip(source), Group: ip(group)} }

// dial is one call of Env.Dial.
type dial struct {
	at            time.Duration // since the rig began
	conn          ConnID
	local, remote ipv4.Addr
}

// fakeEnv records what a Speaker asks for.
type fakeEnv struct {
	rig       *rig
	last      ConnID
	dials     []dial
	closed    map[ConnID]bool
	sent      map[ConnID][]byte
	full      map[ConnID]bool // Send returns false
	limit     int             // most bytes that one Send takes; 0 = no bound
	refused   map[ConnID]int  // Sends that returned false
	listen    []ipv4.Addr
	allowed   []ipv4.Addr
	guards    map[ipv4.Addr]guard.Guard
	tracked   map[ipv4.Addr]int
	bgpAsks   map[ipv4.Addr]int
	bgpAskers map[ipv4.Addr][]ipv4.Addr // in whose turn
	watched   map[ipv4.Addr]bool
	joined    map[ipv4.SG]bool
	busy      map[ConnID]bool // SendData returns false
	forward   []forwardedData
	joins     int
	leaves    int
}

func (e *fakeEnv) Dial(local, remote ipv4.Addr) ConnID {
	e.last++
	e.dials = append(e.dials, dial{e.rig.now.Sub(start), e.last, local, remote})
	return e.last
}
func (e *fakeEnv) Close(conn ConnID) { e.closed[conn] = true }
func (e *fakeEnv) Send(conn ConnID, tlvs []byte) bool {
	if e.closed[conn] {
		e.rig.t.Errorf("Send on connection %d, which was closed", conn)
	}
	if e.full[conn] || e.limit > 0 && len(tlvs) > e.limit {
		e.refused[conn]++
		return false
	}
	e.sent[conn] = append(e.sent[conn], tlvs...)
	return true
}
func (e *fakeEnv) SendData(conn ConnID, tlv []byte) bool {
	return !e.busy[conn] && e.Send(conn, tlv)
}
func (e *fakeEnv) ForwardData(from ipv4.Addr, sg ipv4.SG, packet []byte) bool {
	e.forward = append(e.forward, forwardedData{from, sg, string(packet)})
	return true
}
func (e *fakeEnv) Listen(locals []ipv4.Addr)              { e.listen = slices.Clone(locals) }
func (e *fakeEnv) Allow(peers []ipv4.Addr)                { e.allowed = slices.Clone(peers) }
func (e *fakeEnv) Guard(guards map[ipv4.Addr]guard.Guard) { e.guards = guards }
func (e *fakeEnv) TrackRoute(a ipv4.Addr)                 { e.tracked[a]++ }
func (e *fakeEnv) UntrackRoute(a ipv4.Addr) {
	e.tracked[a]--
	if e.tracked[a] < 0 {
		e.rig.t.Errorf("%s untracked more often than tracked", a)
	}
}
func (e *fakeEnv) AskBGP(a, by ipv4.Addr) {
	e.bgpAsks[a]++
	e.bgpAskers[a] = append(e.bgpAskers[a], by)
}
func (e *fakeEnv) WatchBGP(a ipv4.Addr) {
	if e.watched[a] {
		e.rig.t.Errorf("%s watched twice", a)
	}
	e.watched[a] = true
}
func (e *fakeEnv) UnwatchBGP(a ipv4.Addr) {
	if !e.watched[a] {
		e.rig.t.Errorf("%s unwatched but not watched", a)
	}
	delete(e.watched, a)
}
func (e *fakeEnv) Join(sg ipv4.SG) {
	if e.joined[sg] {
		e.rig.t.Errorf("%s joined twice", sg)
	}
	e.joined[sg] = true
	e.joins++
}
func (e *fakeEnv) Leave(sg ipv4.SG) {
	if !e.joined[sg] {
		e.rig.t.Errorf("%s left but not joined", sg)
	}
	delete(e.joined, sg)
	e.leaves++
}

// forwardedData is one call of Env.ForwardData.
type forwardedData struct {
	from   ipv4.Addr
	sg     ipv4.SG
	packet string
}

// rps answers RP(G): by group, else by the default.
type rps struct {
	all   rp // for every group; zero: none
	group map[ipv4.Addr]rp
}

type rp struct {
	addr ipv4.Addr
	mine bool
}

func (r rps) Lookup(g ipv4.Addr) (ipv4.Addr, bool, bool) {
	if x, ok := r.group[g]; ok {
		return x.addr, x.mine, true
	}
	return r.all.addr, r.all.mine, r.all.addr != 0
}

func (r rps) MyRPs() []ipv4.Addr {
	var out []ipv4.Addr
	if r.all.mine {
		out = append(out, r.all.addr)
	}
	for _, x := range r.group {
		if x.mine && !slices.Contains(out, x.addr) {
			out = append(out, x.addr)
		}
	}
	return out
}

func rpIs(addr string) rps   { return rps{all: rp{ip(addr), true}} }
func rpAway(addr string) rps { return rps{all: rp{ip(addr), false}} }

// The addresses of a rig: the Speaker is rigLocal, and its RP address rigRP. It connects
// to peers above rigLocal and waits for those below.
var (
	rigLocal = ip("10.0.0.10")
	rigRP    = "10.0.0.10"
	below1   = ip("10.0.0.1")
	below2   = ip("10.0.0.2")
	below3   = ip("10.0.0.3")
	above1   = ip("10.0.0.21")
	above2   = ip("10.0.0.22")
)

// rig is one Speaker whose peers are the test.
type rig struct {
	t   testing.TB
	now time.Time
	env *fakeEnv
	s   *Speaker
}

func newRig(t testing.TB, c Config) *rig {
	t.Helper()
	r := &rig{t: t, now: start}
	r.env = &fakeEnv{
		rig: r, closed: map[ConnID]bool{}, busy: map[ConnID]bool{}, sent: map[ConnID][]byte{}, full: map[ConnID]bool{}, refused: map[ConnID]int{},
		tracked: map[ipv4.Addr]int{}, bgpAsks: map[ipv4.Addr]int{}, bgpAskers: map[ipv4.Addr][]ipv4.Addr{}, watched: map[ipv4.Addr]bool{}, joined: map[ipv4.SG]bool{},
	}
	r.s = New(start, r.env, zap.NewNop())
	r.s.SetInterfaces(start, rigInterfaces())
	r.apply(c)
	return r
}

// rigInterfaces: eth0 towards the peers, lan0 with local sources, and a loopback.
func rigInterfaces() *rib.Interfaces {
	return rib.NewInterfaces([]rib.Interface{
		{Index: 1, Name: "lo", Up: true, Addrs: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("10.9.9.9/32")}},
		{Index: 2, Name: "eth0", Up: true, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.10/24")}},
		{Index: 3, Name: "lan0", Up: true, Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/24")}},
	})
}

// defaultPeers are default peers for every RP.
func defaultPeers(addrs ...ipv4.Addr) []DefaultPeer {
	var out []DefaultPeer
	for _, a := range addrs {
		out = append(out, DefaultPeer{Addr: a})
	}
	return out
}

// peersConfig peers rigLocal with each address, without mesh groups.
func peersConfig(peers ...ipv4.Addr) Config {
	c := Config{Timers: DefaultTimers()}
	for _, p := range peers {
		c.AddPeer(p).Local = rigLocal
	}
	return c
}

func (r *rig) apply(c Config) {
	r.t.Helper()
	if err := c.Validate(); err != nil {
		r.t.Fatal(err)
	}
	r.s.Apply(r.now, c)
}

// advance lets time pass, with a tick each TickInterval.
func (r *rig) advance(d time.Duration) {
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = earlier(r.now.Add(TickInterval), end)
		r.s.Tick(r.now)
	}
}

// advanceAlive is advance with KeepAlives from every established peer.
func (r *rig) advanceAlive(d time.Duration) {
	for left := d; left > 0; left -= 30 * time.Second {
		r.advance(min(left, 30*time.Second))
		r.keepAlive()
	}
}

func (r *rig) keepAlive() {
	for _, p := range r.s.ordered {
		if p.established() {
			r.s.Received(r.now, p.conn, wire.AppendKeepAlive(nil))
		}
	}
}

// dialsSince returns when the Speaker dialled remote, since the rig began.
func (r *rig) dialTimes(remote ipv4.Addr) []time.Duration {
	var out []time.Duration
	for _, d := range r.env.dials {
		if d.remote == remote {
			out = append(out, d.at)
		}
	}
	return out
}

func (r *rig) lastDial(remote ipv4.Addr) dial {
	r.t.Helper()
	for i := len(r.env.dials) - 1; i >= 0; i-- {
		if r.env.dials[i].remote == remote {
			return r.env.dials[i]
		}
	}
	r.t.Fatalf("no attempt to connect to %s", remote)
	return dial{}
}

func addrPort(a ipv4.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.Netip(), port) }

// accept has peer connect to local.
func (r *rig) accept(peer, local ipv4.Addr) ConnID {
	r.env.last++
	r.s.Accepted(r.now, r.env.last, addrPort(local, 639), addrPort(peer, 40000))
	return r.env.last
}

// up establishes sessions with all these peers, and each sends its KeepAlive.
func (r *rig) up(peers ...ipv4.Addr) {
	r.t.Helper()
	for _, a := range peers {
		p := r.s.peers[a]
		if p == nil {
			r.t.Fatalf("%s is no peer", a)
			return
		}
		conn := p.conn
		if !p.connects() {
			conn = r.accept(a, p.Local)
		} else {
			if conn == 0 {
				r.advance(TickInterval)
				conn = p.conn
			}
			r.s.Connected(r.now, conn, addrPort(p.Local, 40000), addrPort(a, 639))
		}
		r.s.Received(r.now, conn, wire.AppendKeepAlive(nil))
		r.wantState(a, StateEstablished)
	}
}

func (r *rig) wantState(a ipv4.Addr, want State) {
	r.t.Helper()
	if got := r.s.peers[a].state; got != want {
		r.t.Fatalf("peer %s is %s, want %s", a, got, want)
	}
}

func (r *rig) conn(a ipv4.Addr) ConnID { return r.s.peers[a].conn }

// sa delivers an SA from the peer.
func (r *rig) sa(from ipv4.Addr, rp string, sgs ...ipv4.SG) {
	r.t.Helper()
	r.tlv(from, wire.AppendSourceActive(nil, ip(rp), sgs))
}

func (r *rig) tlv(from ipv4.Addr, tlv []byte) {
	r.t.Helper()
	conn := r.conn(from)
	if conn == 0 {
		r.t.Fatalf("no session with %s", from)
	}
	r.s.Received(r.now, conn, tlv)
}

// message is a TLV that the Speaker sent.
type message struct {
	kind wire.Type
	rp   ipv4.Addr
	sgs  []ipv4.SG
	data []byte
	raw  []byte
}

// taken returns what was sent to the peer since it was last called, and forgets it.
func (r *rig) taken(to ipv4.Addr) []message {
	r.t.Helper()
	conn := r.conn(to)
	b := r.env.sent[conn]
	delete(r.env.sent, conn)
	return parse(r.t, b)
}

func parse(t testing.TB, b []byte) []message {
	t.Helper()
	var out []message
	for len(b) > 0 {
		h, tlv, rest, err := wire.Next(b)
		if err != nil {
			t.Fatalf("sent: %v", err)
		}
		m := message{kind: h.Type, raw: tlv}
		if h.Type == wire.TypeSourceActive {
			sa, err := wire.ParseSourceActive(tlv)
			if err != nil {
				t.Fatalf("sent: %v", err)
			}
			m.rp, m.data = sa.RP, sa.Data()
			for i := range sa.Len() {
				sg, _ := sa.Entry(i)
				m.sgs = append(m.sgs, sg)
			}
		}
		out = append(out, m)
		b = rest
	}
	return out
}

// takenSAs returns the (S,G)s sent to the peer since it was last called, with their RPs.
func (r *rig) takenSAs(to ipv4.Addr) map[ipv4.SG]ipv4.Addr {
	r.t.Helper()
	out := make(map[ipv4.SG]ipv4.Addr)
	for _, m := range r.taken(to) {
		for _, sg := range m.sgs {
			out[sg] = m.rp
		}
	}
	return out
}

// forgetSent throws away what was sent so far.
func (r *rig) forgetSent() { clear(r.env.sent) }

func (r *rig) wantSAs(to ipv4.Addr, want ...ipv4.SG) {
	r.t.Helper()
	got := r.takenSAs(to)
	for _, sg := range want {
		if _, ok := got[sg]; !ok {
			r.t.Errorf("%s was not sent to %s", sg, to)
		}
		delete(got, sg)
	}
	for sg, rp := range got {
		r.t.Errorf("%s with RP %s was sent to %s", sg, rp, to)
	}
}

func (r *rig) cached(sg ipv4.SG) bool { return r.s.cache.find(sg) != none }

func (r *rig) wantCached(want bool, sgs ...ipv4.SG) {
	r.t.Helper()
	for _, sg := range sgs {
		if r.cached(sg) != want {
			r.t.Errorf("%s is cached: %t, want %t", sg, !want, want)
		}
	}
}

func (r *rig) owner(sg ipv4.SG) ipv4.Addr {
	st, _ := r.s.SA(sg)
	return st.Peer
}

func (r *rig) refused(peer ipv4.Addr, why Reason) uint64 { return r.s.peers[peer].stats.Refused[why] }

func (r *rig) wantRefused(peer ipv4.Addr, why Reason, n uint64) {
	r.t.Helper()
	if got := r.refused(peer, why); got != n {
		r.t.Errorf("%d entries of %s refused for %s, want %d", got, peer, why, n)
	}
}

// route delivers a route to addr: metric, then next hops on eth0.
func (r *rig) route(addr string, metric uint32, gateways ...ipv4.Addr) {
	r.s.RouteChanged(r.now, ip(addr), ospf(metric, gateways...))
}

func ospf(metric uint32, gateways ...ipv4.Addr) rib.Route {
	route := rib.Route{Protocol: rib.OSPF, Metric: metric, From: rib.FromZebra, Prefix: netip.MustParsePrefix("0.0.0.0/0")}
	for _, g := range gateways {
		route.NextHops = append(route.NextHops, rib.NextHop{Gateway: g, Ifindex: 2})
	}
	return route
}
