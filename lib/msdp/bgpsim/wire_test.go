package bgpsim

import (
	"fmt"
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
}

// pacePeriod is the time in which no (S,G,RP) goes over a link more than twice.
const pacePeriod = 60 * time.Second

// onWire looks at what c is given to send.
func (net *network) onWire(c *conn, tlvs []byte) {
	if c.born == 0 {
		c.born = net.eventNumber
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
