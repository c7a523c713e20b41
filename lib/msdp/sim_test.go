package msdp

import (
	"cmp"
	"container/heap"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
	"msdpd/lib/wire"
)

// simulation is a network of Speakers: routers with loopbacks, links between them, an IGP
// that knows every loopback, and transports that deliver TLVs after a few milliseconds.
// Everything happens in the order of one queue, so that a run with a seed is repeatable.
type simulation struct {
	t     testing.TB
	rng   *rand.Rand
	now   time.Time
	queue eventQueue
	order uint64
	nodes []*simNode
	links map[[2]int]bool // up?
	cut   map[[2]int]bool // no TCP between these two, though the IGP has its route
	tick  time.Duration
	last  ConnID
}

type simEvent struct {
	at    time.Time
	order uint64
	f     func()
}

type eventQueue []simEvent

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].order < q[j].order
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(simEvent)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

// simNode is one router. It is the Env of its Speaker.
type simNode struct {
	sim     *simulation
	id      int
	addr    ipv4.Addr // its loopback, which is its RP address and the end of its sessions
	s       *Speaker
	config  Config
	conns   map[ConnID]*simConn
	listen  []ipv4.Addr
	allowed []ipv4.Addr
	tracked map[ipv4.Addr]int
	joined  map[ipv4.SG]bool
	sas     int // SA messages sent
	entries map[ipv4.SG]int
}

// simConn is one end of a connection.
type simConn struct {
	id      ConnID
	node    *simNode
	other   *simConn
	open    bool
	arrives time.Time // of the last TLV sent, so that none overtakes another
	budget  int       // octets that a slow connection still takes; negative: no bound
	starved bool
}

func newSimulation(t testing.TB, seed uint64, routers int) *simulation {
	sim := &simulation{
		t: t, rng: rand.New(rand.NewPCG(seed, 0)), now: start, tick: TickInterval,
		links: make(map[[2]int]bool), cut: make(map[[2]int]bool),
	}
	for i := range routers {
		n := &simNode{
			sim: sim, id: i, addr: loopback(i), config: Config{Timers: DefaultTimers()},
			conns: make(map[ConnID]*simConn), tracked: make(map[ipv4.Addr]int), joined: make(map[ipv4.SG]bool), entries: make(map[ipv4.SG]int),
		}
		sim.nodes = append(sim.nodes, n)
	}
	return sim
}

func loopback(i int) ipv4.Addr { return ip("10.255.0.0") + ipv4.Addr(i) + 1 }

func pair(a, b int) [2]int { return [2]int{min(a, b), max(a, b)} }

// linkAddr is the address of router a on its link to b.
func linkAddr(a, b int) ipv4.Addr {
	p := pair(a, b)
	end := ipv4.Addr(1)
	if a == p[1] {
		end = 2
	}
	return ip("10.0.0.0") | ipv4.Addr(p[0]<<16|p[1]<<8) | end
}

func (sim *simulation) link(a, b int) { sim.links[pair(a, b)] = true }

// peer configures a and b as peers of each other, on their loopbacks.
func (sim *simulation) peer(a, b int) {
	sim.nodes[a].config.AddPeer(loopback(b)).Local = loopback(a)
	sim.nodes[b].config.AddPeer(loopback(a)).Local = loopback(b)
}

// mesh configures a mesh group among the routers, with peerings.
func (sim *simulation) mesh(name string, routers ...int) {
	for i, a := range routers {
		for _, b := range routers[i+1:] {
			sim.peer(a, b)
			sim.nodes[a].config.AddMeshGroup(name).AddMember(loopback(b))
			sim.nodes[b].config.AddMeshGroup(name).AddMember(loopback(a))
		}
	}
}

// begin starts every router, up to a few seconds apart.
func (sim *simulation) begin() {
	for _, n := range sim.nodes {
		sim.after(time.Duration(sim.rng.IntN(3000))*time.Millisecond, n.begin)
	}
}

func (n *simNode) begin() {
	sim := n.sim
	n.s = New(sim.now, n, zap.NewNop())
	n.s.SetInterfaces(sim.now, n.interfaces())
	if err := n.config.Validate(); err != nil {
		sim.t.Fatal(err)
	}
	n.s.Apply(sim.now, n.config)
	n.s.SetRPs(sim.now, rps{all: rp{n.addr, true}})
	n.ticks()
}

func (n *simNode) ticks() {
	n.s.Tick(n.sim.now)
	n.sim.after(n.sim.tick, n.ticks)
}

func (n *simNode) interfaces() *rib.Interfaces {
	all := []rib.Interface{{Index: 1, Name: "lo", Up: true, Addrs: []netip.Prefix{netip.PrefixFrom(n.addr.Netip(), 32)}}}
	for l := range n.sim.links {
		for i, end := range l {
			if end == n.id {
				all = append(all, rib.Interface{Index: 10 + l[1-i], Up: true, Addrs: []netip.Prefix{netip.PrefixFrom(linkAddr(n.id, l[1-i]).Netip(), 30)}})
			}
		}
	}
	return rib.NewInterfaces(all)
}

func (sim *simulation) after(d time.Duration, f func()) {
	sim.order++
	heap.Push(&sim.queue, simEvent{sim.now.Add(d), sim.order, f})
}

// delay is what an event takes on its way.
func (sim *simulation) delay() time.Duration {
	return time.Duration(sim.rng.IntN(5)) * time.Millisecond
}

func (sim *simulation) run(d time.Duration) {
	end := sim.now.Add(d)
	for len(sim.queue) > 0 && !sim.queue[0].at.After(end) {
		e := heap.Pop(&sim.queue).(simEvent)
		sim.now = e.at
		e.f()
	}
	sim.now = end
}

// until runs until ok, and fails if that takes longer than d.
func (sim *simulation) until(what string, d time.Duration, ok func() bool) time.Duration {
	sim.t.Helper()
	began := sim.now
	for sim.now.Sub(began) <= d {
		if ok() {
			return sim.now.Sub(began)
		}
		sim.run(10 * time.Millisecond)
	}
	sim.t.Fatalf("after %v: not %s", d, what)
	return 0
}

// distances are the hops from router a to all others; -1: no way.
func (sim *simulation) distances(a int) []int {
	dist := make([]int, len(sim.nodes))
	for i := range dist {
		dist[i] = -1
	}
	dist[a] = 0
	for todo := []int{a}; len(todo) > 0; todo = todo[1:] {
		for b := range sim.nodes {
			if dist[b] < 0 && sim.links[pair(todo[0], b)] {
				dist[b] = dist[todo[0]] + 1
				todo = append(todo, b)
			}
		}
	}
	return dist
}

// routeTo is what the IGP says: a cost of 10 for each link.
func (n *simNode) routeTo(a ipv4.Addr) rib.Route {
	sim := n.sim
	to := slices.IndexFunc(sim.nodes, func(o *simNode) bool { return o.addr == a })
	if to < 0 {
		return rib.Route{From: rib.FromZebra}
	}
	dist := sim.distances(to)
	if dist[n.id] < 0 {
		return rib.Route{From: rib.FromZebra}
	}
	r := rib.Route{Prefix: netip.PrefixFrom(a.Netip(), 32), Protocol: rib.OSPF, Distance: 110, Metric: uint32(10 * dist[n.id]), From: rib.FromZebra}
	for b := range sim.nodes {
		if sim.links[pair(n.id, b)] && dist[b] == dist[n.id]-1 {
			r.NextHops = append(r.NextHops, rib.NextHop{Gateway: linkAddr(b, n.id), Ifindex: 10 + b})
		}
	}
	r.NextHops = rib.SortNextHops(r.NextHops)
	return r
}

// setLink brings a link up or down: the IGP tells every router that tracks something.
func (sim *simulation) setLink(a, b int, up bool) {
	sim.links[pair(a, b)] = up
	for _, n := range sim.nodes {
		for _, addr := range sortedKeys(n.tracked) {
			n.tell(addr)
		}
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (n *simNode) tell(addr ipv4.Addr) {
	n.sim.after(n.sim.delay(), func() {
		if n.tracked[addr] > 0 {
			n.s.RouteChanged(n.sim.now, addr, n.routeTo(addr))
		}
	})
}

func (n *simNode) TrackRoute(a ipv4.Addr) {
	n.tracked[a]++
	n.tell(a)
}

func (n *simNode) UntrackRoute(a ipv4.Addr)        { n.tracked[a]-- }
func (n *simNode) AskBGP(_, _ ipv4.Addr)           {}
func (n *simNode) WatchBGP(ipv4.Addr)              {}
func (n *simNode) UnwatchBGP(ipv4.Addr)            {}
func (n *simNode) Listen(locals []ipv4.Addr)       { n.listen = slices.Clone(locals) }
func (n *simNode) Guard(map[ipv4.Addr]guard.Guard) {}
func (n *simNode) Allow(peers []ipv4.Addr)         { n.allowed = slices.Clone(peers) }
func (n *simNode) Join(sg ipv4.SG)                 { n.joined[sg] = true }
func (n *simNode) Leave(sg ipv4.SG)                { delete(n.joined, sg) }
func (n *simNode) reachable(o *simNode) bool {
	return !n.sim.cut[pair(n.id, o.id)] && n.sim.distances(n.id)[o.id] >= 0
}
func (n *simNode) Dial(local, remote ipv4.Addr) ConnID {
	sim := n.sim
	sim.last += 2
	here := &simConn{id: sim.last, node: n, open: true, budget: -1}
	n.conns[here.id] = here
	sim.after(sim.delay(), func() {
		if !here.open {
			return
		}
		i := slices.IndexFunc(sim.nodes, func(o *simNode) bool { return o.addr == remote })
		if i < 0 || !n.reachable(sim.nodes[i]) {
			return // nobody answers
		}
		o := sim.nodes[i]
		if o.s == nil || !slices.Contains(o.listen, remote) || !slices.Contains(o.allowed, local) {
			here.open = false
			delete(n.conns, here.id)
			sim.after(sim.delay(), func() { n.s.DialFailed(sim.now, here.id, syscall.ECONNREFUSED) })
			return
		}
		there := &simConn{id: here.id + 1, node: o, other: here, open: true, budget: -1}
		here.other = there
		o.conns[there.id] = there
		n.s.Connected(sim.now, here.id, addrPort(local, 40000), addrPort(remote, wire.Port))
		o.s.Accepted(sim.now, there.id, addrPort(remote, wire.Port), addrPort(local, 40000))
	})
	return here.id
}

func (n *simNode) Close(id ConnID) {
	if c := n.conns[id]; c != nil {
		c.close(io.EOF)
	}
}

// close ends c without an event here; the other end hears of it.
func (c *simConn) close(err error) {
	if !c.open {
		return
	}
	c.open = false
	delete(c.node.conns, c.id)
	o := c.other
	if o == nil {
		return
	}
	c.node.sim.after(c.node.sim.delay(), func() { o.hangUp(err) })
}

// hangUp ends c from outside.
func (c *simConn) hangUp(err error) {
	if !c.open {
		return
	}
	c.open = false
	delete(c.node.conns, c.id)
	c.node.s.Closed(c.node.sim.now, c.id, err)
}

func (n *simNode) SendData(id ConnID, tlv []byte) bool { return n.Send(id, tlv) }

func (n *simNode) ForwardData(ipv4.Addr, ipv4.SG, []byte) bool { return true }

func (n *simNode) Send(id ConnID, tlvs []byte) bool {
	sim := n.sim
	c := n.conns[id]
	if c == nil || c.other == nil {
		sim.t.Errorf("router %d sends on connection %d, which is not there", n.id, id)
		return false
	}
	if c.budget >= 0 {
		if c.budget < len(tlvs) {
			c.starved = true
			return false
		}
		c.budget -= len(tlvs)
	}
	for _, m := range parse(sim.t, tlvs) {
		if m.kind == wire.TypeSourceActive {
			n.sas++
			for _, sg := range m.sgs {
				n.entries[sg]++
			}
		}
	}
	b := slices.Clone(tlvs)
	at := sim.now.Add(sim.delay())
	if at.Before(c.arrives) {
		at = c.arrives
	}
	c.arrives = at
	sim.after(at.Sub(sim.now), func() {
		if c.other.open {
			c.other.node.s.Received(sim.now, c.other.id, b)
		}
	})
	return true
}

// drop breaks every connection between a and b, and lets none come up until mend.
func (sim *simulation) drop(a, b int) {
	sim.cut[pair(a, b)] = true
	for _, id := range sortedKeys(sim.nodes[a].conns) {
		c := sim.nodes[a].conns[id]
		if c.other == nil || c.other.node.id != b {
			continue
		}
		o := c.other
		c.hangUp(syscall.ECONNRESET)
		o.hangUp(syscall.ECONNRESET)
	}
}

func (sim *simulation) mend(a, b int) { delete(sim.cut, pair(a, b)) }

func (sim *simulation) allUp() bool {
	for _, n := range sim.nodes {
		if n.s == nil {
			return false
		}
		for _, p := range n.s.ordered {
			if !p.established() {
				return false
			}
		}
	}
	return true
}

// source is a source in the domain of a router, registered by a DR.
type source struct {
	sg     ipv4.SG
	origin *simNode
	active bool
}

// source starts a source that the DR registers at once and then each interval.
func (sim *simulation) source(origin int, sg ipv4.SG, interval time.Duration) *source {
	src := &source{sg: sg, origin: sim.nodes[origin], active: true}
	var register func()
	register = func() {
		if !src.active {
			return
		}
		src.register()
		sim.after(interval, register)
	}
	register()
	return src
}

func (src *source) register() {
	n := src.origin
	n.s.RegisterHeard(n.sim.now, Register{OuterSource: dr, OuterDestination: n.addr, SG: src.sg})
	n.s.KernelEntry(n.sim.now, src.sg, 10, 0)
}

func (n *simNode) has(sg ipv4.SG) bool { return n.s.cache.find(sg) != none }

// knownBy returns the routers that have the source cached.
func (sim *simulation) knownBy(sg ipv4.SG) []int {
	var out []int
	for _, n := range sim.nodes {
		if n.has(sg) {
			out = append(out, n.id)
		}
	}
	return out
}

// everywhere reports whether all but its origin have the source.
func (src *source) everywhere() bool {
	return len(src.origin.sim.knownBy(src.sg)) == len(src.origin.sim.nodes)-1
}

func (src *source) nowhere() bool { return len(src.origin.sim.knownBy(src.sg)) == 0 }
