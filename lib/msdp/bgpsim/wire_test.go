package bgpsim

import (
	"fmt"
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/wire"
)

// source is a source in the domain of a router, registered by a DR.
type source struct {
	number int
	sg     ipv4.SG
	origin *node
	dr     ipv4.Addr
	every  time.Duration
	active bool
	// last is its last Register.
	last time.Duration
}

func (src *source) String() string {
	return fmt.Sprintf("%s of router %d (RP %s)", src.sg, src.origin.router, src.origin.rp())
}

// sentLog is what was sent over one direction of a peering, by the source's number.
type sentLog struct {
	bySource []sendTimes
}

type sendTimes struct {
	last, before time.Duration // the last two sends outside dumps, plus 1; 0: none
	window       int           // sends since the window began, dumps left out
	dumped       bool          // in the window
}

// begin forgets the times: what sends from now on knows nothing of them.
func (l *sentLog) begin() {
	for i := range l.bySource {
		l.bySource[i].last, l.bySource[i].before = 0, 0
	}
}

func (l *sentLog) of(src *source) *sendTimes {
	for len(l.bySource) <= src.number {
		l.bySource = append(l.bySource, sendTimes{})
	}
	return &l.bySource[src.number]
}

// wireLog counts what was sent in all.
type wireLog struct {
	entries int // in SAs
	dumped  int // of these, in dumps
	// In the event that runs: what was sent, and the sessions that began.
	event []sentEntry
	begun []*place
}

// sentEntry is one entry of an SA.
type sentEntry struct {
	place *place
	src   *source
	dump  bool
}

// pacePeriod is the time in which no (S,G,RP) goes over a link more than twice.
const pacePeriod = 60 * time.Second

// onWire looks at what c is given to send.
func (net *network) onWire(c *conn, tlvs []byte) {
	if c.born == 0 {
		c.born = net.eventNumber
		net.wire.begun = append(net.wire.begun, c.place)
	}
	dump := c.born == net.eventNumber || net.dumping == c
	for len(tlvs) > 0 {
		h, tlv, rest, err := wire.Next(tlvs)
		if err != nil {
			net.t.Fatalf("router %d sends what cannot be read: %v", c.place.node.router, err)
		}
		tlvs = rest
		if h.Type != wire.TypeSourceActive {
			continue
		}
		sa, err := wire.ParseSourceActive(tlv)
		if err != nil {
			net.t.Fatalf("router %d sends what cannot be read: %v", c.place.node.router, err)
		}
		for i := range sa.Len() {
			sg, _ := sa.Entry(i)
			net.entryOnWire(c.place, sa.RP, sg, dump)
		}
	}
}

func (net *network) entryOnWire(l *place, rp ipv4.Addr, sg ipv4.SG, dump bool) {
	src := net.bySG[sg]
	if src == nil || rp != src.origin.rp() {
		net.errorf("router %d sends %s with RP %s, which nobody originates", l.node.router, sg, rp)
		return
	}
	net.wire.entries++
	net.wire.event = append(net.wire.event, sentEntry{l, src, dump})
	times := l.sent.of(src)
	if dump {
		net.wire.dumped++
		times.dumped = true
		return
	}
	times.window++
	if times.before != 0 && net.now+1-times.before < pacePeriod {
		net.errorf("router %d sends %s to router %d the third time in %s", l.node.router, src, l.there().router, net.now+1-times.before)
	}
	times.last, times.before = net.now+1, times.last
}

// beginWindow counts anew.
func (net *network) beginWindow() {
	for _, n := range net.nodes {
		for _, l := range n.places {
			for i := range l.sent.bySource {
				l.sent.bySource[i].window, l.sent.bySource[i].dumped = 0, false
			}
		}
	}
}

// freshPeriod: what a Speaker last heard longer ago is not dumped. It knows its times to a
// tenth of a second.
const (
	freshPeriod = 90 * time.Second
	inexact     = 100 * time.Millisecond
)

// judgeEvent holds what an event sent against what its Speakers say they hold: nothing goes back
// to where it came from, nor within that mesh group (RFC 3618 §10.2), and a new session is
// given the whole cache otherwise (§5.2).
func (net *network) judgeEvent() {
	for _, e := range net.wire.event {
		if e.dump && e.place == net.receiving {
			continue // the session began with a message, and went on with SAs that changed things
		}
		st, has := e.place.node.s.SA(e.src.sg)
		switch {
		case !has:
			net.errorf("router %d sends %s, and does not have it", e.place.node.router, e.src)
		case e.place.node == e.src.origin && !st.Local:
			net.errorf("router %d sends %s as if it were another's", e.place.node.router, e.src)
		case !e.place.mayHear(st):
			net.errorf("router %d has %s from %s, and sends it to router %d (dump: %t)", e.place.node.router, e.src, st.Peer, e.place.there().router, e.dump)
		case e.dump && !st.Local && net.age(st) > freshPeriod+inexact:
			net.errorf("router %d dumps %s, of which it last heard %s ago", e.place.node.router, e.src, net.age(st))
		}
	}
	for _, l := range net.wire.begun {
		if l.stalled || l == net.receiving {
			continue
		}
		for _, src := range net.sources {
			st, has := l.node.s.SA(src.sg)
			if !has || !l.mayHear(st) || !st.Local && net.age(st) > freshPeriod-inexact || st.Local && net.now-src.last > freshPeriod-inexact {
				continue
			}
			if !slices.Contains(net.wire.event, sentEntry{l, src, true}) {
				net.errorf("router %d has %s, and its new session with router %d is not given it", l.node.router, src, l.there().router)
			}
		}
	}
	net.wire.event, net.wire.begun = net.wire.event[:0], net.wire.begun[:0]
}

// mayHear reports whether what a Speaker holds so may be sent to l's other end.
func (l *place) mayHear(st msdp.SAStatus) bool {
	if st.Local {
		return true
	}
	from := l.node.net.byEnd[[2]ipv4.Addr{l.node.localTo(st.Peer), st.Peer}]
	return from != l && (from.mesh == "" || from.mesh != l.mesh)
}

// age is how long ago a remote source was last heard of.
func (net *network) age(st msdp.SAStatus) time.Duration {
	return msdp.SGStatePeriod - st.Expires.Sub(net.time())
}

// repeats are when a peer that knows no pace says an SA again.
var repeats = []time.Duration{
	50 * time.Millisecond, 9 * time.Second, 20 * time.Second, 29900 * time.Millisecond, 29950 * time.Millisecond,
	29999 * time.Millisecond, 30010 * time.Millisecond, 30100 * time.Millisecond, 45 * time.Second, 58 * time.Second,
}

// repeat has o hear b again and again, until the session or a source ends.
func (net *network) repeat(o *conn, b []byte) {
	var again []byte
	var sources []*source
	for tlvs := b; len(tlvs) > 0; {
		h, tlv, rest, err := wire.Next(tlvs)
		if err != nil {
			net.t.Fatal(err)
		}
		tlvs = rest
		if h.Type != wire.TypeSourceActive {
			continue
		}
		sa, err := wire.ParseSourceActive(tlv)
		if err != nil {
			net.t.Fatal(err)
		}
		again = append(again, tlv...)
		for i := range sa.Len() {
			sg, _ := sa.Entry(i)
			sources = append(sources, net.bySG[sg])
		}
	}
	if len(again) == 0 {
		return
	}
	for _, d := range repeats {
		net.after(d, func() {
			for _, src := range sources {
				if !src.active {
					return
				}
			}
			if o.open {
				o.place.node.s.Received(net.time(), msdp.ConnID(o.id), again)
			}
		})
	}
}
