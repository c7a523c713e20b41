package bgpsim

import (
	"cmp"
	"io"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/msdp/bgpsim/internet"
	"msdpd/lib/rib"
	"msdpd/lib/wire"
)

// node is one router: the Env of its Speaker, and the zebra and bgpd that it asks.
type node struct {
	net     *network
	router  int
	life    uint64 // grows with each restart
	s       *msdp.Speaker
	config  msdp.Config
	places  []*place
	conns   map[uint64]*conn
	listen  []ipv4.Addr
	allowed []ipv4.Addr

	tracked map[ipv4.Addr]int
	told    map[ipv4.Addr]rib.Route
	watched map[ipv4.Addr]*rib.BGPPath // what bgpd said last
	asked   map[ipv4.Addr]uint64       // questions so far
}

func newNode(net *network, router int) *node { return &node{net: net, router: router} }

func (n *node) world() *internet.World { return n.net.plan.world }

// rp is the address in the RP field of the SAs that it originates.
func (n *node) rp() ipv4.Addr { return ipv4.Addr(n.world().Routers[n.router].Second) }

// configure makes the configuration from the plan. Some have their RP address by originator-id,
// some by the mesh group's source, others by RP(G).
func (n *node) configure() {
	loopback := ipv4.Addr(n.world().Routers[n.router].Loopback)
	n.config = msdp.Config{Timers: msdp.DefaultTimers()}
	if n.router%2 == 0 {
		n.config.OriginatorID = n.rp()
	}
	for _, l := range n.places {
		local, remote := ipv4.Addr(l.here().addr), ipv4.Addr(l.there().addr)
		if l.mesh != "" {
			g := n.config.AddMeshGroup(l.mesh)
			g.AddMember(remote)
			if n.config.OriginatorID != 0 || n.rp() == loopback {
				g.Source = loopback
			}
		}
		p := n.config.AddPeer(remote)
		p.Local, p.ASN = local, l.here().as
	}
	for _, a := range n.net.plan.defaults[n.router] {
		n.config.DefaultPeers = append(n.config.DefaultPeers, msdp.DefaultPeer{Addr: ipv4.Addr(a)})
	}
}

// begin starts the Speaker, or another one after a restart.
func (n *node) begin() {
	n.life++
	n.conns = make(map[uint64]*conn)
	n.tracked, n.told = make(map[ipv4.Addr]int), make(map[ipv4.Addr]rib.Route)
	n.watched, n.asked = make(map[ipv4.Addr]*rib.BGPPath), make(map[ipv4.Addr]uint64)
	now := n.net.time()
	n.s = msdp.New(now, n, zap.NewNop())
	n.s.SetInterfaces(now, n.interfaces())
	if err := n.config.Validate(); err != nil {
		n.net.t.Fatal(err)
	}
	n.s.Apply(now, n.config)
	n.s.SetRPs(now, onlyRP(n.rp()))
	neighbors := make(map[ipv4.Addr]uint32)
	for a, as := range n.world().BGPNeighbors(n.router) {
		neighbors[ipv4.Addr(a)] = as
	}
	n.s.BGPNeighbors(now, neighbors)
	n.ticks(n.life)
}

func (n *node) ticks(life uint64) {
	if n.life == life {
		n.s.Tick(n.net.time())
		n.net.after(n.net.tick, func() { n.ticks(life) })
	}
}

// restart has the router lose its power: nobody is told, and it remembers nothing.
func (n *node) restart() {
	for _, c := range n.conns {
		c.open = false
	}
	for _, l := range n.places {
		l.sent.begin() // another Speaker, whose pace is its own
	}
	n.begin()
}

// onlyRP is the RP of all groups, and this router's.
type onlyRP ipv4.Addr

func (rp onlyRP) Lookup(ipv4.Addr) (ipv4.Addr, bool, bool) { return ipv4.Addr(rp), true, true }
func (rp onlyRP) MyRPs() []ipv4.Addr                       { return []ipv4.Addr{ipv4.Addr(rp)} }

func (n *node) interfaces() *rib.Interfaces {
	r := n.world().Routers[n.router]
	lo := rib.Interface{Index: 1, Name: "lo", Up: true}
	for _, a := range slices.Compact([]internet.Addr{r.Loopback, r.Second}) {
		lo.Addrs = append(lo.Addrs, netip.PrefixFrom(ipv4.Addr(a).Netip(), 32))
	}
	all := []rib.Interface{lo}
	for _, i := range n.world().SubnetsOf(n.router) {
		for _, p := range n.world().Subnets[i].Ports {
			if p.Router == n.router {
				all = append(all, rib.Interface{Index: 10 + i, Up: true, Addrs: []netip.Prefix{netip.PrefixFrom(ipv4.Addr(p.Addr).Netip(), 29)}})
			}
		}
	}
	return rib.NewInterfaces(all)
}

// route is what zebra says.
func (n *node) route(a ipv4.Addr) rib.Route {
	out := rib.Route{From: rib.FromZebra}
	route := n.world().Route(n.router, internet.Addr(a))
	switch route.Kind {
	case internet.NoRoute:
		return out
	case internet.Connected:
		out.Protocol, out.Prefix = rib.Connected, netip.PrefixFrom((a&^7).Netip(), 29)
	case internet.IGP:
		out.Protocol, out.Distance, out.Metric, out.Prefix = rib.OSPF, 110, route.Cost, netip.PrefixFrom(a.Netip(), 32)
	case internet.BGP:
		out.Protocol, out.Distance, out.Prefix = rib.BGP, 20, netip.PrefixFrom((a&^255).Netip(), 24)
	}
	for _, h := range route.Hops {
		out.NextHops = append(out.NextHops, rib.NextHop{Gateway: ipv4.Addr(h.Gateway), Ifindex: 10 + h.Subnet})
	}
	out.NextHops = rib.SortNextHops(out.NextHops)
	return out
}

// path is what bgpd says.
func (n *node) path(a ipv4.Addr) *rib.BGPPath {
	route := n.world().Route(n.router, internet.Addr(a))
	if route.Kind != internet.BGP {
		return nil
	}
	out := &rib.BGPPath{
		Prefix: netip.PrefixFrom((a &^ 255).Netip(), 24), Kind: rib.External,
		NextHops: []ipv4.Addr{ipv4.Addr(route.Path.NextHop)}, Neighbor: ipv4.Addr(route.Path.Neighbor),
	}
	if route.Path.Internal {
		out.Kind = rib.Internal
	}
	for _, as := range route.Path.AS {
		out.ASPath = append(out.ASPath, []uint32{as})
	}
	return out
}

// slowestAnswer is what zebra and bgpd take at most. An SA does not wait that long.
const slowestAnswer = 4 * time.Second

// answerDelay is that of zebra or bgpd.
func (n *node) answerDelay(a ipv4.Addr) time.Duration {
	n.asked[a]++
	dice := n.net.dice(uint64(n.router), n.life, uint64(a), n.asked[a])
	if dice%40 == 0 {
		return time.Duration(dice / 40 % uint64(slowestAnswer))
	}
	return time.Duration(dice % uint64(20*time.Millisecond))
}

// later runs f unless the router restarts before.
func (n *node) later(d time.Duration, f func()) {
	life := n.life
	n.net.after(d, func() {
		if n.life == life {
			f()
		}
	})
}

func (n *node) tellRoute(a ipv4.Addr) {
	n.later(n.answerDelay(a), func() {
		if n.tracked[a] > 0 {
			route := n.route(a)
			n.told[a] = route
			n.s.RouteChanged(n.net.time(), a, route)
		}
	})
}

// tablesChanged has zebra tell what changed in its table, and bgpd be asked within a second
// about the RPs that are watched: zebra does not tell of all that BGP changes.
func (n *node) tablesChanged() {
	for _, a := range sorted(n.tracked) {
		told, ok := n.told[a]
		if route := n.route(a); ok && n.tracked[a] > 0 && (route.Protocol != told.Protocol || route.Metric != told.Metric || !slices.Equal(route.NextHops, told.NextHops)) {
			n.tellRoute(a)
		}
	}
	for _, a := range sorted(n.watched) {
		n.later(time.Duration(n.net.dice(uint64(n.router), uint64(a), uint64(n.net.now))%uint64(time.Second)), func() { n.watch(a) })
	}
}

// unsaid is like no path.
var unsaid = new(rib.BGPPath)

// watch asks bgpd again, and tells what differs.
func (n *node) watch(a ipv4.Addr) {
	said, ok := n.watched[a]
	if path := n.path(a); ok && !path.Equal(said) {
		n.watched[a] = path
		n.s.BGPAnswered(n.net.time(), a, path)
	}
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// What a Speaker asks of its owner follows.

func (n *node) TrackRoute(a ipv4.Addr) {
	n.tracked[a]++
	n.tellRoute(a)
}

func (n *node) UntrackRoute(a ipv4.Addr) {
	if n.tracked[a]--; n.tracked[a] == 0 {
		delete(n.tracked, a)
		delete(n.told, a)
	}
}

func (n *node) AskBGP(a, _ ipv4.Addr) {
	n.later(n.answerDelay(a), func() {
		path := n.path(a)
		if _, watched := n.watched[a]; watched {
			n.watched[a] = path
		}
		n.s.BGPAnswered(n.net.time(), a, path)
	})
}

func (n *node) WatchBGP(a ipv4.Addr) {
	n.watched[a] = unsaid
	n.later(n.answerDelay(a), func() { n.watch(a) })
}

func (n *node) UnwatchBGP(a ipv4.Addr)        { delete(n.watched, a) }
func (n *node) Listen(locals []ipv4.Addr)     { n.listen = slices.Clone(locals) }
func (n *node) Allow(peers []ipv4.Addr)       { n.allowed = slices.Clone(peers) }
func (*node) Guard(map[ipv4.Addr]guard.Guard) {}
func (*node) Join(ipv4.SG)                    {}
func (*node) Leave(ipv4.SG)                   {}

func (n *node) connsTo(l *place) []*conn {
	var out []*conn
	for _, id := range sorted(n.conns) {
		if c := n.conns[id]; c.place == l {
			out = append(out, c)
		}
	}
	return out
}

// localTo is this router's address of the peering with a.
func (n *node) localTo(a ipv4.Addr) ipv4.Addr { return n.config.Peer(a).Local }

func (n *node) newConn(l *place) *conn {
	n.net.conns++
	c := &conn{id: n.net.conns, place: l, open: true}
	n.conns[c.id] = c
	return c
}

func (n *node) Dial(local, remote ipv4.Addr) msdp.ConnID {
	net := n.net
	l := net.byEnd[[2]ipv4.Addr{local, remote}]
	here := n.newConn(l)
	n.later(net.delay(here.id), func() {
		o := l.other.node
		switch {
		case !here.open || l.cut:
			return // nobody answers
		case o.s == nil || !slices.Contains(o.listen, remote) || !slices.Contains(o.allowed, local):
			here.forget()
			n.later(net.delay(here.id, 1), func() { n.s.DialFailed(net.time(), msdp.ConnID(here.id), syscall.ECONNREFUSED) })
			return
		}
		there := o.newConn(l.other)
		here.other, there.other = there, here
		n.s.Connected(net.time(), msdp.ConnID(here.id), addrPort(local, 40000), addrPort(remote, wire.Port))
		o.s.Accepted(net.time(), msdp.ConnID(there.id), addrPort(remote, wire.Port), addrPort(local, 40000))
	})
	return msdp.ConnID(here.id)
}

func (n *node) Close(id msdp.ConnID) {
	c := n.conns[uint64(id)]
	if c == nil {
		return
	}
	c.forget()
	if o := c.other; o != nil {
		n.net.after(n.net.delay(c.id), o.hangUp)
	}
}

func (n *node) SendData(id msdp.ConnID, tlv []byte) bool { return n.Send(id, tlv) }

func (n *node) ForwardData(ipv4.Addr, ipv4.SG, []byte) bool { return true }

func (n *node) Send(id msdp.ConnID, tlvs []byte) bool {
	c := n.conns[uint64(id)]
	if c == nil || c.other == nil {
		n.net.t.Errorf("router %d sends on connection %d, which is not there", n.router, id)
		return false
	}
	if c.place.stalled && c.heldLen > 0 && c.heldLen+len(tlvs) > sendBuffer {
		c.starved = true
		return false
	}
	n.net.onWire(c, tlvs)
	b := slices.Clone(tlvs)
	if c.place.stalled {
		c.held = append(c.held, b)
		c.heldLen += len(b)
		return true
	}
	n.net.put(c, b)
	return true
}

func (n *node) received(c *conn, b []byte) {
	n.net.receiving = c.place
	n.s.Received(n.net.time(), msdp.ConnID(c.id), b)
	if c.place.repeats && !n.net.hushed {
		n.net.repeat(c, b)
	}
}

func (n *node) writable(c *conn) {
	n.net.dumping = c
	n.s.Writable(n.net.time(), msdp.ConnID(c.id))
	n.net.dumping = nil
}

func (n *node) closed(c *conn) { n.s.Closed(n.net.time(), msdp.ConnID(c.id), io.EOF) }
