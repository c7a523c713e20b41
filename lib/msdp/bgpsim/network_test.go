package bgpsim

import (
	"bytes"
	"cmp"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"msdpd/lib/ipv4"
)

// epoch is when every simulation begins.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// network is an internet of Speakers. Everything happens in the order of one queue, and what
// is random comes from the seed, so that a run can be repeated.
type network struct {
	t     testing.TB
	tick  time.Duration
	seed  uint64
	rng   *rand.Rand // of what the simulation decides; not of how long things take
	now   time.Duration
	queue queue
	order uint64 // of events that were planned
	plan  *plan
	nodes []*node
	byEnd map[[2]ipv4.Addr]*place // local, remote address → end of a peering

	eventNumber uint64
	sending     []*conn // in the event that runs
	failures    int
	hushed      bool   // no message is repeated that was not before
	receiving   *place // where the message of this event came
	dumping     *conn  // it is being served from the cache
	conns       uint64 // that there ever were
	sources     []*source
	bySG        map[ipv4.SG]*source
	wire        wireLog
	trace       hash.Hash64 // of every TLV that was sent
}

// place is one end of a peering in the network.
type place struct {
	*peering
	number int // 0 or 1: which of the ends
	node   *node
	other  *place
	sent   *sentLog
	// repeats: what the other end sends is heard again and again, as if it knew no pace.
	repeats bool
	stalled bool // what this end sends goes nowhere for now
}

func newNetwork(t testing.TB, seed uint64, p *plan, c course) *network {
	net := &network{
		t: t, tick: c.tick, seed: seed, rng: p.rng, plan: p,
		trace: fnv.New64a(), byEnd: make(map[[2]ipv4.Addr]*place), bySG: make(map[ipv4.SG]*source),
	}
	for r := range p.world.Routers {
		net.nodes = append(net.nodes, newNode(net, r))
	}
	for _, one := range p.peerings {
		var both [2]*place
		for i, here := range one.ends {
			n := net.nodes[here.router]
			both[i] = &place{peering: one, number: i, node: n, sent: new(sentLog), repeats: c.noise && p.chance(2)}
			n.places = append(n.places, both[i])
			net.byEnd[[2]ipv4.Addr{ipv4.Addr(here.addr), ipv4.Addr(one.ends[1-i].addr)}] = both[i]
		}
		both[0].other, both[1].other = both[1], both[0]
	}
	for _, n := range net.nodes {
		n.configure()
		net.after(time.Duration(net.rng.IntN(3000))*time.Millisecond, n.begin)
	}
	return net
}

func (l *place) here() end  { return l.ends[l.number] }
func (l *place) there() end { return l.ends[1-l.number] }

func (net *network) time() time.Time { return epoch.Add(net.now) }

func (net *network) after(d time.Duration, f func()) {
	net.order++
	net.queue.push(event{net.now + d, net.order, f})
}

func (net *network) run(d time.Duration) {
	end := net.now + d
	for len(net.queue) > 0 && net.queue[0].at <= end {
		e := net.queue.pop()
		net.now = e.at
		net.eventNumber++
		net.receiving = nil
		e.f()
		net.judgeEvent()
		net.deliver()
	}
	net.now = end
}

// delay is how long something takes that is known by these numbers: up to 5 ms, and the same
// whatever else happens at that time.
func (net *network) delay(about ...uint64) time.Duration {
	return time.Duration(net.dice(about...) % uint64(5*time.Millisecond))
}

func (net *network) dice(about ...uint64) uint64 {
	h := net.seed
	for _, n := range about {
		h = (h ^ n) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// conn is one end of a TCP connection.
type conn struct {
	id      uint64
	place   *place
	other   *conn
	open    bool
	born    uint64        // the event of its first TLV
	out     [][]byte      // what it sends in the event that runs
	arrives time.Duration // of the last TLVs, which nothing overtakes
	starved bool
	held    [][]byte // while it is stalled
	heldLen int
}

// sendBuffer is what a stalled connection still takes.
const sendBuffer = 100

// put has b arrive at the other end.
func (net *network) put(c *conn, b []byte) {
	if len(c.out) == 0 {
		net.sending = append(net.sending, c)
	}
	c.out = append(c.out, b)
}

// deliver ends an event: what one connection was given arrives at once. A Speaker that
// walks a map sends in whatever order, which must not make the run another one.
func (net *network) deliver() {
	slices.SortFunc(net.sending, func(a, b *conn) int { return cmp.Compare(a.id, b.id) })
	for _, c := range net.sending {
		slices.SortStableFunc(c.out, func(a, b []byte) int {
			if first := cmp.Compare(b[0], a[0]); first != 0 {
				return first // a KeepAlive opens the session
			}
			return bytes.Compare(a, b)
		})
		b := bytes.Join(c.out, nil)
		c.out = nil
		_, _ = net.trace.Write(b)
		at := max(net.now+net.delay(c.id, uint64(net.now)), c.arrives+1)
		c.arrives = at
		net.after(at-net.now, func() { net.arrive(c, b) })
	}
	net.sending = net.sending[:0]
}

func (net *network) arrive(c *conn, b []byte) {
	o := c.other
	if o == nil || !c.open && !o.open {
		return
	}
	if !o.open { // that router began anew and knows of no connection: RST
		net.after(net.delay(c.id), c.hangUp)
		return
	}
	o.place.node.received(o, b)
}

// hangUp ends c from outside.
func (c *conn) hangUp() {
	if c.open {
		c.forget()
		c.place.node.closed(c)
	}
}

// forget ends c without a word to this router.
func (c *conn) forget() {
	c.open = false
	delete(c.place.node.conns, c.id)
}

// cutOff breaks a peering until it is mended.
func (net *network) cutOff(one *place) {
	one.cut = true
	for _, l := range []*place{one, one.other} {
		for _, c := range l.node.connsTo(l) {
			c.hangUp()
		}
	}
}

// stall has what l sends wait. Call it again to let it go.
func (net *network) stall(l *place, stalled bool) {
	l.stalled = stalled
	if stalled {
		return
	}
	for _, c := range l.node.connsTo(l) {
		for _, b := range c.held {
			net.put(c, b)
		}
		c.held, c.heldLen = nil, 0
		if c.starved {
			c.starved = false
			l.node.writable(c)
		}
	}
}

func addrPort(a ipv4.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.Netip(), port) }

// unsettled returns the first peering that is not as the plan has it, nil if there is none.
func (net *network) unsettled() *place {
	for _, n := range net.nodes {
		for _, l := range n.places {
			st, ok := n.s.Peer(net.time(), ipv4.Addr(l.there().addr))
			if !ok || st.Since.IsZero() != l.cut {
				return l
			}
		}
	}
	return nil
}

// worldChanged tells every router what changed in its tables.
func (net *network) worldChanged() {
	net.plan.world.Converge()
	for _, n := range net.nodes {
		n.tablesChanged()
	}
}

// errorf fails the test; after the first few, at once.
func (net *network) errorf(format string, args ...any) {
	net.t.Helper()
	net.t.Errorf("%s: "+format, append([]any{net.now}, args...)...)
	if net.failures++; net.failures == 20 {
		net.t.Fatal("and so on")
	}
}
