package msdp

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"msdpd/lib/acl"
	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
	"msdpd/lib/wire"
)

// Whatever happens, in whatever order: every counter is what a recount gives, the limits hold, the
// filters hold in both directions, and what was asked of the owner is what is needed.
func TestInvariantsOverRandomEvents(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newChaos(t, seed).run(600) })
	}
}

// chaos does random things with a rig. All addresses are from small pools, so that they meet.
type chaos struct {
	*rig
	rand   *rand.Rand
	config Config
	lists  []acl.Lists
	last   string
}

var (
	chaosPeers = []ipv4.Addr{below1, below2, below3, above1, above2}
	chaosRPs   = append([]ipv4.Addr{rigLocal, ip("10.9.9.9"), ip("192.0.2.1"), ip("192.0.2.2"), ip("192.0.2.3"), ip("224.0.0.5")}, chaosPeers...)
	chaosGroup = []ipv4.Addr{ip("239.1.1.1"), ip("239.1.1.2"), ip("238.1.1.1"), ip("232.1.1.1"), ip("224.0.0.9")}
	chaosLists = []string{"", "", "", "odd", "scope", "msdp-border", "rps", "none"}
)

func newChaos(t *testing.T, seed uint64) *chaos {
	c := &chaos{rand: rand.New(rand.NewPCG(seed, 3618))}
	const groups = "access-list scope deny 239.1.1.2/32"
	c.lists = []acl.Lists{
		lists(t, "access-list odd permit ip 30.0.0.1 255.255.255.254 any", groups, "access-list scope permit any", "access-list rps permit 192.0.2.0/31",
			"ip prefix-list near permit 192.0.2.0/24"),
		lists(t, "access-list odd permit ip 30.0.0.0 255.255.255.254 any", groups, "access-list rps permit any"),
	}
	c.config = peersConfig(chaosPeers...)
	c.rig = newRig(t, c.config)
	c.s.SetRPs(c.now, rpIs("10.0.0.10"))
	c.s.SetDR(c.now, map[string]bool{"lan0": true})
	return c
}

func pick[T any](c *chaos, from []T) T { return from[c.rand.IntN(len(from))] }

func (c *chaos) oneIn(n int) bool { return c.rand.IntN(n) == 0 }

func (c *chaos) sg() ipv4.SG {
	s := ipv4.SG{Source: ip("30.0.0.0") + ipv4.Addr(c.rand.IntN(12)), Group: pick(c, chaosGroup)}
	if c.oneIn(10) {
		s.Source = ip("10.1.0.5") // on lan0
	}
	return s
}

func (c *chaos) sgs() []ipv4.SG {
	var out []ipv4.SG
	for range 1 + c.rand.IntN(6) {
		out = append(out, c.sg())
	}
	return out
}

// peer returns one that is established, nil if none was met.
func (c *chaos) peer() *peer {
	if len(c.s.ordered) == 0 {
		return nil
	}
	if p := pick(c, c.s.ordered); p.established() {
		return p
	}
	return nil
}

func (c *chaos) run(events int) {
	for range events {
		before := c.counts()
		c.event()
		c.check()
		if c.last != "configuration" { // it can be lowered below what is there
			c.checkLimits(before)
		}
		if c.t.Failed() {
			c.t.Fatalf("after %s", c.last)
		}
	}
}

func (c *chaos) event() {
	events := []struct {
		weight int
		name   string
		do     func()
	}{
		{30, "SA", c.announceSome},
		{6, "session up", c.sessionUp},
		{2, "session down", c.sessionDown},
		{6, "time", func() {
			c.advance(time.Duration(1+c.rand.IntN(30)) * 100 * time.Millisecond)
			c.keepAlive()
		}},
		{3, "much time", func() { c.advanceAlive(time.Duration(c.rand.IntN(100)) * time.Second) }},
		{8, "route", c.route},
		{5, "BGP", c.bgp},
		{3, "interest", c.interest},
		{4, "register", c.register},
		{8, "configuration", c.configure},
		{1, "clear", c.clear},
		{4, "request", c.request},
		{2, "queue", c.queue},
		{3, "show", c.show},
	}
	sum := 0
	for _, e := range events {
		sum += e.weight
	}
	n := c.rand.IntN(sum)
	for _, e := range events {
		if n -= e.weight; n < 0 {
			c.last = e.name
			e.do()
			return
		}
	}
}

func (c *chaos) announceSome() {
	if p := c.peer(); p != nil {
		c.s.Received(c.now, p.conn, wire.AppendSourceActive(nil, pick(c, chaosRPs), c.sgs()))
	}
}

func (c *chaos) sessionUp() {
	if len(c.s.ordered) == 0 {
		return
	}
	p := pick(c, c.s.ordered)
	switch {
	case p.Shutdown || p.Local.IsUnspecified():
		return
	case !p.connects():
		if p.established() && p.candidate != 0 {
			return
		}
		conn := c.accept(p.Addr, p.Local)
		c.s.Received(c.now, conn, wire.AppendKeepAlive(nil))
	case p.conn != 0 && !p.established():
		c.s.Connected(c.now, p.conn, addrPort(p.Local, 40000), addrPort(p.Addr, 639))
		c.s.Received(c.now, p.conn, wire.AppendKeepAlive(nil))
	}
}

func (c *chaos) sessionDown() {
	if p := c.peer(); p != nil {
		if c.oneIn(2) {
			c.s.Closed(c.now, p.conn, nil)
		} else {
			c.s.ClearPeer(c.now, p.Addr)
		}
	}
}

func (c *chaos) route() {
	a := pick(c, chaosRPs)
	route := ospf(uint32(c.rand.IntN(3)), pick(c, chaosPeers))
	switch c.rand.IntN(4) {
	case 0:
		route = rib.Route{From: rib.FromZebra}
	case 1:
		route.Protocol = rib.BGP
	}
	if c.env.tracked[a] > 0 {
		c.s.RouteChanged(c.now, a, route)
	}
}

func (c *chaos) bgp() {
	switch c.rand.IntN(8) {
	case 0:
		c.s.BGPForget(c.now)
	case 1:
		c.s.BGPAway(c.now, "it is gone")
	case 2:
		c.s.BGPNeighbors(c.now, map[ipv4.Addr]uint32{below1: 1, above1: 2})
	case 3:
		c.s.BGPAnswered(c.now, pick(c, chaosRPs), nil)
	default:
		c.s.BGPAnswered(c.now, pick(c, chaosRPs), path(rib.External, pick(c, chaosPeers), pick(c, chaosPeers), 1, 2))
	}
}

func (c *chaos) interest() {
	g := ipv4.SG{Group: pick(c, chaosGroup)}
	if c.oneIn(2) {
		c.s.KernelEntry(c.now, g, 2, 0)
	} else {
		c.s.KernelEntryGone(c.now, g)
	}
}

func (c *chaos) register() {
	s := c.sg()
	c.s.RegisterHeard(c.now, Register{OuterSource: ip("10.0.0.99"), OuterDestination: rigLocal, SG: s, Denied: c.oneIn(4)})
	switch c.rand.IntN(3) {
	case 0:
		c.s.KernelEntry(c.now, s, 2+c.rand.IntN(2), uint64(c.rand.IntN(5)))
	case 1:
		c.s.KernelEntryGone(c.now, s)
	}
	if c.oneIn(5) {
		c.s.SetRPs(c.now, pick(c, []rps{rpIs("10.0.0.10"), rpIs("10.9.9.9"), rpAway("10.0.0.3"), {}}))
	}
}

func (c *chaos) configure() {
	n := c.config.Clone()
	addr := pick(c, chaosPeers)
	if p := n.Peer(addr); p != nil {
		switch c.rand.IntN(9) {
		case 0:
			n.RemovePeer(addr)
		case 1:
			p.Shutdown = !p.Shutdown
		case 2:
			p.Filters.In = FilterLists{SG: pick(c, chaosLists), RP: pick(c, chaosLists)}
		case 3:
			p.Filters.Out = FilterLists{SG: pick(c, chaosLists), RP: pick(c, chaosLists)}
		case 4:
			p.Filters.ScopeBoundary = pick(c, chaosLists)
		case 5:
			p.Limits.Entries = EntryLimit{Max: c.limit(), Threshold: 0}
		case 6:
			p.Limits.Rate = Rate{PerSecond: uint32(c.rand.IntN(3)), Burst: 1 + uint32(c.rand.IntN(10))}
		case 7:
			p.Requests = PeerRequests{Accept: c.oneIn(2), Send: c.oneIn(2), List: pick(c, chaosLists)}
		case 8:
			p.Guard.Key = pick(c, []guard.Key{"", "secret"})
		}
	} else {
		n.AddPeer(addr).Local = rigLocal
	}
	switch c.rand.IntN(12) {
	case 0:
		n.Lists = pick(c, c.lists)
	case 1:
		n.Limits.Entries.Max = c.limit()
	case 2:
		n.Limits.Group = c.limit()
	case 3:
		n.Limits.Groups.Set(pick(c, []netip.Prefix{netip.MustParsePrefix("239.0.0.0/8"), netip.MustParsePrefix("239.1.1.1/32")}), 1+uint32(c.rand.IntN(6)))
	case 4:
		n.Limits.Source = c.limit()
	case 5:
		n.Limits.Sources.Set(pick(c, []netip.Prefix{netip.MustParsePrefix("30.0.0.0/29"), netip.MustParsePrefix("30.0.0.2/31")}), pick(c, []uint32{1, 5, Unlimited}))
	case 6:
		n.Limits.Sources, n.Limits.Groups = nil, nil
	case 7:
		n.Limits.RP = c.limit()
	case 8:
		n.RejectedSAs = pick(c, []int{0, 1, 7, 100})
	case 9:
		n.MeshGroups = nil
		if c.oneIn(2) {
			g := n.AddMeshGroup("m")
			g.Source = rigLocal
			g.AddMember(pick(c, chaosPeers))
			g.AddMember(pick(c, chaosPeers))
		}
	case 10:
		n.DefaultPeers = nil
		for range c.rand.IntN(3) {
			n.DefaultPeers = append(n.DefaultPeers, DefaultPeer{Addr: pick(c, chaosPeers), PrefixList: pick(c, []string{"", "near", "none"})})
		}
	case 11:
		n.Redistribute = Redistribution{Restricted: c.oneIn(2), List: pick(c, chaosLists)}
		n.Shutdown = c.oneIn(8)
	}
	c.config = n
	c.apply(n)
}

// limit is none, or a low one.
func (c *chaos) limit() uint32 {
	if c.oneIn(3) {
		return 0
	}
	return 1 + uint32(c.rand.IntN(20))
}

func (c *chaos) clear() {
	switch c.rand.IntN(4) {
	case 0:
		c.s.ClearCache(c.now)
	case 1:
		c.s.ClearGroup(c.now, pick(c, chaosGroup))
	case 2:
		c.s.ClearCounters(c.now, 0)
	case 3:
		c.s.ClearRejectedSAs(c.now)
	}
}

func (c *chaos) request() {
	p := c.peer()
	switch {
	case p == nil:
	case c.oneIn(2):
		c.s.Received(c.now, p.conn, wire.AppendSARequest(nil, pick(c, chaosGroup)))
	default:
		c.s.Received(c.now, p.conn, wire.AppendSAResponse(nil, pick(c, chaosRPs), c.sgs()))
	}
}

func (c *chaos) queue() {
	p := c.peer()
	if p == nil {
		return
	}
	if full := !c.env.full[p.conn]; full {
		c.env.full[p.conn] = true
	} else {
		delete(c.env.full, p.conn)
		c.s.Writable(c.now, p.conn)
	}
}

func (c *chaos) show() {
	c.s.Snapshot(c.now)
	c.s.AskRPF(c.now, pick(c, chaosRPs))
	c.s.ExplainRPF(c.now, pick(c, chaosRPs))
	for _, g := range chaosGroup {
		for i := range ipv4.Addr(12) {
			c.checkExplanation(c.s.Explain(c.now, ipv4.SG{Source: ip("30.0.0.0") + i, Group: g}))
		}
	}
	for _, l := range c.s.Limits() {
		if l.Count < 0 || l.Pending < 0 {
			c.t.Errorf("limit %s has %d entries, %d pending", l.Kind, l.Count, l.Pending)
		}
	}
}

func (c *chaos) checkExplanation(e Explanation) {
	taken := 0
	for _, o := range e.Offers {
		if o.Taken {
			taken++
		}
		if o.Why == "" {
			c.t.Errorf("%s was offered by %s, no word why (taken: %t, %s)", e.SA.SG, o.Peer, o.Taken, o.Reason)
		}
	}
	if (taken == 1) != (e.Known && !e.SA.Local) || taken > 1 {
		c.t.Errorf("%s: taken from %d peers, in the cache: %t", e.SA.SG, taken, e.Known && !e.SA.Local)
	}
}

// tally is a count of everything that is bounded.
type tally struct {
	all               int
	peer              map[peerIndex]int
	group, source, rp map[ipv4.Addr]int
	sourcesIn         map[netip.Prefix]int
	peers             map[peerIndex]*peer
}

func (c *chaos) counts() tally {
	n := tally{peer: map[peerIndex]int{}, group: map[ipv4.Addr]int{}, source: map[ipv4.Addr]int{}, rp: map[ipv4.Addr]int{}, sourcesIn: map[netip.Prefix]int{}, peers: map[peerIndex]*peer{}}
	c.s.cache.each(1, c.s.cache.limit(), func(_ number, e *entry) bool {
		n.all++
		n.peer[e.peer]++
		n.group[e.sg.Group]++
		n.source[e.sg.Source]++
		n.rp[e.rp]++
		if p, ok := longest(c.s.config.Limits.Sources, e.sg.Source); ok {
			n.sourcesIn[p.Prefix]++
		}
		return true
	})
	for _, p := range c.s.ordered {
		n.peers[p.index] = p
	}
	return n
}

// longest is the limit of the longest prefix that has a.
func longest(limits PrefixLimits, a ipv4.Addr) (best PrefixLimit, ok bool) {
	for _, l := range limits {
		if l.Prefix.Contains(a.Netip()) && (!ok || l.Prefix.Bits() > best.Prefix.Bits()) {
			best, ok = l, true
		}
	}
	return best, ok
}

// checkLimits: nothing has grown above its limit.
func (c *chaos) checkLimits(before tally) {
	now, limits := c.counts(), &c.s.config.Limits
	within := func(what any, count, was int, most uint32) {
		if most != 0 && count > was && count > int(most) {
			c.t.Errorf("%v has %d entries, and had %d: limit %d", what, count, was, most)
		}
	}
	within("the cache", now.all, before.all, limits.Entries.Max)
	for i, n := range now.peer {
		was := before.peer[i]
		if before.peers[i] != now.peers[i] {
			was = 0
		}
		within(now.peers[i].Addr, n, was, now.peers[i].Limits.Entries.Max)
	}
	for g, n := range now.group {
		most := limits.Group
		if in, ok := longest(limits.Groups, g); ok {
			most = in.Max
		}
		within(g, n, before.group[g], most)
	}
	for a, n := range now.source {
		within(a, n, before.source[a], limits.Source)
	}
	for a, n := range now.rp {
		within(a, n, before.rp[a], limits.RP)
	}
	for _, l := range limits.Sources {
		within(l.Prefix, now.sourcesIn[l.Prefix], before.sourcesIn[l.Prefix], l.Max)
	}
}

func (c *chaos) check() {
	n := c.counts()
	equal := func(what any, got, want int) {
		if got != want {
			c.t.Errorf("%v: %d, counted anew %d", what, got, want)
		}
	}
	equal("cache", c.s.cache.count(), n.all)
	pending, waiting := 0, map[peerIndex]int{}
	nexts, rps := 0, map[*peer]int{}
	tracked, watched := map[ipv4.Addr]int{}, map[ipv4.Addr]bool{}
	for a, r := range c.s.rpTable {
		equal(fmt.Sprintf("entries of RP %s", a), r.entries, n.rp[a])
		delete(n.rp, a)
		tracked[a]++
		rps[r.by]++
		pending += len(r.waiting)
		for _, w := range r.waiting {
			waiting[w.peer]++
		}
		if r.next != nil {
			nexts++
		}
		if r.entries > 0 && (r.byBGP() || r.next != nil) {
			watched[a] = true
		}
	}
	equal("RPs with entries that are not known", len(n.rp), 0)
	equal("pending", c.s.pending, pending)
	equal("RPs whose route becomes BGP's", c.s.nexts, nexts)
	for i, p := range c.s.slots {
		if p == nil {
			equal("entries of no peer", n.peer[peerIndex(i)], 0)
			equal("waiting of no peer", waiting[peerIndex(i)], 0)
			continue
		}
		tracked[p.Addr]++
		equal(fmt.Sprintf("entries of %s", p.Addr), p.saCount, n.peer[p.index])
		equal(fmt.Sprintf("pending of %s", p.Addr), p.quota.pending, waiting[p.index])
		equal(fmt.Sprintf("RPs of %s", p.Addr), p.rps, rps[p])
	}
	up := slices.Clone(c.s.ordered)
	up = slices.DeleteFunc(up, func(p *peer) bool { return !p.established() })
	if !slices.Equal(c.s.up, up) {
		c.t.Errorf("%d peers are taken for established, %d are", len(c.s.up), len(up))
	}
	maps.DeleteFunc(c.env.tracked, func(_ ipv4.Addr, n int) bool { return n == 0 })
	if !maps.Equal(c.env.tracked, tracked) {
		c.t.Errorf("routes are tracked to %v, needed are %v", c.env.tracked, tracked)
	}
	if !maps.Equal(c.env.watched, watched) {
		c.t.Errorf("bgpd is asked about %v, needed are %v", c.env.watched, watched)
	}
	c.checkSourceCounts(n)
	c.checkEntries()
	c.checkRejected()
	c.checkSent()
}

func (c *chaos) checkSourceCounts(n tally) {
	l := &c.s.limiter
	if c.s.config.Limits.Source != 0 {
		for a, count := range n.source {
			if int(l.sourceCount[a]) != count {
				c.t.Errorf("source %s: %d, counted anew %d", a, l.sourceCount[a], count)
			}
		}
		if len(l.sourceCount) != len(n.source) {
			c.t.Errorf("%d sources are counted, there are %d", len(l.sourceCount), len(n.source))
		}
	}
	for _, p := range l.sources.all() {
		if p.count != n.sourcesIn[p.prefix] {
			c.t.Errorf("sources of %s: %d, counted anew %d", p.prefix, p.count, n.sourcesIn[p.prefix])
		}
	}
}

// checkEntries: what is cached may be, by its addresses and by the filters, and is joined if it
// should be.
func (c *chaos) checkEntries() {
	joined := map[ipv4.SG]bool{}
	c.s.cache.each(1, c.s.cache.limit(), func(_ number, e *entry) bool {
		p := c.s.slots[e.peer]
		if why := p.in.judgeEntry(e.sg, e.rp); why != ReasonNone {
			c.t.Errorf("%s of %s is cached in spite of %s", e.sg, p.Addr, why)
		}
		if !groupMayCross(e.sg.Group) || !sourceMayBe(e.sg.Source) || !sourceMayBe(e.rp) {
			c.t.Errorf("%s with RP %s is cached", e.sg, e.rp)
		}
		if _, local := c.s.localIndex[e.sg]; local {
			c.t.Errorf("%s is cached, and local", e.sg)
		}
		if c.s.interest[e.sg.Group] && !c.s.isOnLink(e.sg.Source) {
			joined[e.sg] = true
		}
		return true
	})
	if !maps.Equal(c.env.joined, joined) {
		c.t.Errorf("joined are %v, should be %v", c.env.joined, joined)
	}
}

func (c *chaos) checkRejected() {
	r := &c.s.rejected
	used := 0
	for i, e := range r.ring {
		if !e.used {
			continue
		}
		used++
		if at, ok := r.index[e.key]; !ok || at != i {
			c.t.Errorf("the refused %v is at %d, and found at %d", e.key, i, at)
		}
		if c.s.slots[e.key.peer] == nil {
			c.t.Errorf("%v was refused from a peer that is gone", e.key)
		}
	}
	if used != len(r.index) {
		c.t.Errorf("%d refused, %d found", used, len(r.index))
	}
}

// checkSent: what went to a peer may go there by its filters, and did not come from it.
func (c *chaos) checkSent() {
	for _, p := range c.s.ordered {
		if !p.established() {
			continue
		}
		for _, m := range sentSAs(c.t, c.env.sent[p.conn]) {
			for i := range m.Len() {
				sg, _ := m.Entry(i)
				if why := p.out.judgeEntry(sg, m.RP); why != ReasonNone {
					c.t.Errorf("%s with RP %s went to %s in spite of %s", sg, m.RP, p.Addr, why)
				}
				if !groupMayCross(sg.Group) || !sourceMayBe(sg.Source) {
					c.t.Errorf("%s went to %s", sg, p.Addr)
				}
				if n := c.s.cache.find(sg); n != none && !mayHear(p, c.s.slots[c.s.cache.at(n).peer]) {
					c.t.Errorf("%s went to %s, and came from there or its mesh group", sg, p.Addr)
				}
			}
		}
	}
	c.forgetSent()
}

// sentSAs are the Source-Actives and the answers to requests in b.
func sentSAs(t testing.TB, b []byte) []wire.SourceActive {
	t.Helper()
	var out []wire.SourceActive
	for len(b) > 0 {
		h, tlv, rest, err := wire.Next(b)
		if err != nil {
			t.Fatalf("sent: %v", err)
		}
		if h.Type == wire.TypeSourceActive || h.Type == wire.TypeSAResponse {
			sa, err := wire.ParseSourceActive(tlv)
			if err != nil {
				t.Fatalf("sent: %v", err)
			}
			out = append(out, sa)
		}
		b = rest
	}
	return out
}
