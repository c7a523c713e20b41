package msdp

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"msdpd/lib/acl"
	"msdpd/lib/ipv4"
)

// Explanation is all there is to say of one (S,G).
type Explanation struct {
	SA    SAStatus
	Known bool // it is in the cache, or local; else SA says nothing
	// Interested: the group has receivers here.
	Interested bool
	// NotAnnounced says why a local source is not announced, "" where it is.
	NotAnnounced string
	Offers       []Offer
	// Deliveries tell for each peer whether it was sent there.
	Deliveries []Delivery
}

// Offer is an SA for the (S,G) that a peer sent, as far as that is remembered.
type Offer struct {
	Peer, RP    ipv4.Addr
	First, Last time.Time
	Count       uint64 // of those that were refused; 0 where it was taken
	Taken       bool
	Waiting     bool   // for the route to the RP; neither taken nor refused, First and Last are not known
	Reason      Reason // why not
	Why         string // in words: the rule, the filter's line, the limit
}

// Delivery says whether a peer was sent the (S,G), and why not.
type Delivery struct {
	Peer  ipv4.Addr
	State State
	Sent  bool
	Why   string // why not; "" where it was
}

// Explain says who offered sg and what became of it, by the configuration and the routes of
// now; what was refused is known as far as it is remembered (Config.RejectedSAs).
func (s *Speaker) Explain(now time.Time, sg ipv4.SG) Explanation {
	s.now = now
	out := Explanation{Interested: s.interest[sg.Group]}
	out.SA, out.Known = s.SA(sg)
	for _, r := range s.RejectedSAs(sg) {
		out.Offers = append(out.Offers, Offer{
			Peer: r.Peer, RP: r.RP, First: r.First, Last: r.Last, Count: r.Count, Reason: r.Reason,
			Why: s.whyRefused(s.peers[r.Peer], r),
		})
	}
	out.Offers = append(out.Offers, s.waitingOffers(sg)...)
	switch {
	case out.SA.Local:
		l := &s.locals[s.localIndex[sg]]
		rp, announced := s.announcedRP(l)
		if !announced {
			out.NotAnnounced = s.whyNotAnnounced(l)
		}
		for _, p := range s.ordered {
			d := Delivery{Peer: p.Addr, State: p.state}
			switch {
			case !announced:
				d.Why = out.NotAnnounced
			case s.now.Sub(l.lastHeard()) > freshPeriod:
				d.Why = "the source is silent"
			default:
				d.Why = s.whyNotSent(p, nil, sg, rp)
			}
			d.Sent = d.Why == ""
			out.Deliveries = append(out.Deliveries, d)
		}
	case out.Known:
		n := s.cache.find(sg)
		e := s.cache.at(n)
		owner := s.slots[e.peer]
		out.Offers = append(out.Offers, Offer{
			Peer: owner.Addr, RP: e.rp, First: s.timeOf(e.firstSeen), Last: s.timeOf(e.heard), Taken: true, Why: s.whyTaken(owner, e),
		})
		for _, p := range s.ordered {
			d := Delivery{Peer: p.Addr, State: p.state, Why: s.whyNotSent(p, owner, sg, e.rp)}
			switch {
			case d.Why != "":
			case p.since.Sub(s.timeOf(e.heard)) > freshPeriod:
				d.Why = "it was not heard again since the session came up"
			case p.catchUp != nil && (e.seq > p.catchUp.started || e.seq > p.catchUp.since && n >= p.catchUp.next):
				d.Why = "not yet: the peer is slow, and served from the cache"
			}
			d.Sent = d.Why == ""
			out.Deliveries = append(out.Deliveries, d)
		}
	}
	return out
}

// waitingOffers are those for which the route to the RP is not known yet.
func (s *Speaker) waitingOffers(sg ipv4.SG) []Offer {
	var out []Offer
	for _, r := range s.rpTable {
		for _, w := range r.waiting {
			if p := s.slots[w.peer]; w.sg == sg && p != nil {
				out = append(out, Offer{Peer: p.Addr, RP: r.addr, Waiting: true, Why: "it is not known yet which peer is the RPF peer towards the RP"})
			}
		}
	}
	slices.SortFunc(out, func(a, b Offer) int { return cmp.Or(cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.RP, b.RP)) })
	return out
}

func (s *Speaker) whyNotAnnounced(l *localSource) string {
	rp, mine, known := s.rps.Lookup(l.sg.Group)
	switch {
	case !known:
		return "no RP of the group is known"
	case !mine:
		return "the RP of the group is " + rp.String() + ", not this router"
	case s.config.Redistribute.List == "":
		return "`ip msdp redistribute` without a list announces nothing"
	}
	return "`ip msdp redistribute`: " + s.redistribute.explain(l.sg)
}

// whyNotSent says why p does not get (S,G) that came from 'from' (nil: it is local); "": it does.
func (s *Speaker) whyNotSent(p, from *peer, sg ipv4.SG, rp ipv4.Addr) string {
	switch {
	case !p.established():
		return "the session is not established"
	case p == from:
		return "it came from there"
	case !mayHear(p, from):
		return "it came from a member of the same mesh-group " + p.mesh
	case p.out.judgeRP(rp) != ReasonNone:
		return "sa-filter rp-list out: " + p.out.rp.explainAddr(rp)
	case !p.out.scope.permitsGroup(sg.Group):
		return "scope-boundary: " + p.out.scope.explainGroup(sg.Group)
	case !p.out.sg.permits(sg):
		return "sa-filter out: " + p.out.sg.explain(sg)
	}
	return ""
}

func (s *Speaker) whyTaken(owner *peer, e *entry) string {
	switch {
	case e.flags&flagMesh != 0 && owner.mesh == "":
		return "it was a member of a mesh group then, and needed no peer-RPF check"
	case e.flags&flagMesh != 0:
		return "from a member of mesh-group " + owner.mesh + ", without a peer-RPF check"
	}
	r := s.rpTable[e.rp]
	if r == nil {
		return ""
	}
	if d := s.rpfPeer(r); d.peer == owner {
		return "rule " + d.rule.String() + ": " + d.why
	}
	return "it was the RPF peer then; now it is not, and the entry goes unless the RPF peer has it too"
}

// whyRefused puts the reason for which r was refused into words, by the state of now.
func (s *Speaker) whyRefused(p *peer, r RejectedSA) string {
	text := r.Reason.Text()
	switch r.Reason {
	case ReasonFilter:
		if !p.in.rp.permitsAddr(r.RP) {
			return "sa-filter rp-list in: " + p.in.rp.explainAddr(r.RP)
		}
		if !p.in.sg.permits(r.SG) {
			return "sa-filter in: " + p.in.sg.explain(r.SG)
		}
		return text + " (by now it would)"
	case ReasonScope:
		if !p.in.scope.permitsGroup(r.SG.Group) {
			return "scope-boundary: " + p.in.scope.explainGroup(r.SG.Group)
		}
		return text + " (by now it is not)"
	case ReasonRPF, ReasonNoRoute:
		info := s.rpTable[r.RP]
		if info == nil {
			return text
		}
		now := s.explainPeer(p, info, s.rpfPeer(info))
		if now.Accepted {
			return text + " (by now it would be taken: " + now.Why + ")"
		}
		return text + ": " + now.Why
	case ReasonDuplicateRP:
		if sa, ok := s.SA(r.SG); ok && !sa.Local && sa.RP != r.RP {
			return fmt.Sprintf("%s, %s from %s", text, sa.RP, sa.Peer)
		}
	case ReasonNotOwner:
		if sa, ok := s.SA(r.SG); ok && !sa.Local && sa.Peer != r.Peer {
			return text + ": " + sa.Peer.String()
		}
	}
	return text
}

func (u listUse) explain(sg ipv4.SG) string {
	if u.list == nil {
		return u.absent()
	}
	permit, line := u.list.Permits(sg)
	return acl.Verdict(u.name, permit, line)
}

func (u listUse) explainAddr(a ipv4.Addr) string {
	if u.list == nil {
		return u.absent()
	}
	permit, line := u.list.PermitsAddr(a)
	return acl.Verdict(u.name, permit, line)
}

func (u listUse) explainGroup(g ipv4.Addr) string {
	if u.list == nil {
		return u.absent()
	}
	permit, line := u.list.PermitsGroup(g)
	return acl.Verdict(u.name, permit, line)
}

func (u listUse) absent() string { return "there is no access list " + u.name }
