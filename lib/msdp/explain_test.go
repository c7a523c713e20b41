package msdp

import (
	"strings"
	"testing"
	"time"

	"msdpd/lib/ipv4"
)

func (r *rig) wantOffer(s ipv4.SG, from ipv4.Addr, want string) {
	r.t.Helper()
	for _, o := range r.s.Explain(r.now, s).Offers {
		if o.Peer == from {
			if !strings.Contains(o.Why, want) {
				r.t.Errorf("%s from %s: %q, want %q", s, from, o.Why, want)
			}
			return
		}
	}
	r.t.Errorf("%s was not offered by %s", s, from)
}

func (r *rig) wantDelivery(s ipv4.SG, to ipv4.Addr, want string) {
	r.t.Helper()
	for _, d := range r.s.Explain(r.now, s).Deliveries {
		if d.Peer == to && (d.Why != want || d.Sent != (want == "")) {
			r.t.Errorf("%s to %s: sent %t, %q, want %q", s, to, d.Sent, d.Why, want)
		}
	}
}

// What was refused then and would be taken now is not explained by what holds now.
func TestWhyRefusedThen(t *testing.T) {
	c := peersConfig(below1, below2)
	c.RejectedSAs = 10
	r := newRig(t, c)
	r.up(below1, below2)
	const rp = "192.0.2.99"
	r.sa(below1, rp, sgOutside)
	r.route(rp, 1, below2)
	r.wantOffer(sgOutside, below1, "the peer is not the RPF peer towards the RP: rule iii names 10.0.0.2")
	r.route(rp, 1, below1)
	r.wantOffer(sgOutside, below1, "by now it would be taken: the peer's address is the next hop (rule iii)")

	r.sa(below1, rp, sgOutside)
	r.sa(below2, below2.String(), sgOutside)
	r.wantOffer(sgOutside, below2, "the source is cached with another RP, 192.0.2.99 from 10.0.0.1")
	r.s.ClearCache(r.now)
	r.sa(below2, below2.String(), sgOutside)
	for _, o := range r.s.Explain(r.now, sgOutside).Offers {
		if !o.Taken && strings.Contains(o.Why, "10.0.0.2 from") {
			t.Errorf("refused because of itself: %s", o.Why)
		}
	}
}

// What waits for the route to its RP is neither taken nor refused, and told of.
func TestWhyWaiting(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	const rp = "192.0.2.99"
	r.sa(below2, rp, sgOutside)
	r.sa(below1, rp, sgOutside)
	e := r.s.Explain(r.now, sgOutside)
	if e.Known || len(e.Offers) != 2 || e.Offers[0].Peer != below1 || e.Offers[1].Peer != below2 {
		t.Fatalf("%+v", e)
	}
	for _, o := range e.Offers {
		if !o.Waiting || o.Taken || o.RP != ip(rp) {
			t.Errorf("%+v", o)
		}
	}
	r.wantOffer(sgOutside, below1, "not known yet")
	r.route(rp, 1, below1)
	for _, o := range r.s.Explain(r.now, sgOutside).Offers {
		if o.Waiting {
			t.Errorf("the route is known: %+v", o)
		}
	}
}

// A peer that left the mesh group is no member of one without a name.
func TestWhyTakenFromAFormerMember(t *testing.T) {
	c := meshConfig([]ipv4.Addr{below1, below2}, below1)
	r := newRig(t, c)
	r.up(below1, below2)
	r.sa(below1, "192.0.2.99", sgOutside)
	c.MeshGroups = nil
	r.apply(c)
	r.wantOffer(sgOutside, below1, "it was a member of a mesh group then")
}

// Who was given an entry with the whole cache was sent it, however long nothing is heard of it
// afterwards; who came too late was not.
func TestSentWithTheWholeCache(t *testing.T) {
	c := peersConfig(below1, below2, below3, above1)
	r := newRig(t, c)
	r.up(below1)
	r.sa(below1, below1.String(), sgOutside)
	r.advanceAlive(freshPeriod - 10*time.Second)
	r.up(below2)
	r.wantSAs(below2, sgOutside)
	r.advanceAlive(20 * time.Second)
	r.up(below3)
	r.wantSAs(below3)
	r.wantDelivery(sgOutside, below2, "")
	r.wantDelivery(sgOutside, below3, "it was not heard again since the session came up")

	p := r.s.peers[below2]
	r.env.full[p.conn] = true
	r.advanceAlive(floodInterval)
	r.sa(below1, below1.String(), sgOutside)
	r.wantDelivery(sgOutside, below2, "not yet: the peer is slow, and served from the cache")
	r.wantDelivery(sgOutside, below3, "")
	delete(r.env.full, p.conn)
	r.s.Writable(r.now, p.conn)
	r.wantDelivery(sgOutside, below2, "")
}
