package msdp

import "msdpd/lib/ipv4"

// Reason says why an entry of an SA was not taken.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	ReasonNone         Reason = iota
	ReasonGroup               // a group that never crosses: SSM, link-local, Auto-RP, or no group at all
	ReasonSource              // an address that cannot be a source
	ReasonPrefixLength        // Sprefix Len is not 32 (RFC 3618 §12.2.1)
	ReasonNotRequested        // an answer to an SA-Request that was not sent
	ReasonRPAddress           // an address that cannot be an RP
	ReasonOwn                 // it carries an RP address of ours: a loop, or a spoof
	ReasonFilter              // a filter of the peer does not permit it
	ReasonScope               // the group is behind an administrative boundary (§7)
	ReasonRPF                 // the peer is not the RPF peer towards the RP (§10.1.3)
	ReasonNoRoute             // nobody told the route to the RP, or BGP's path, and no default peer is configured
	ReasonLocal               // the source is one of ours
	ReasonNotOwner            // another peer's SAs for this RP keep the entry alive
	ReasonDuplicateRP         // the same (S,G) is cached with another RP
	ReasonTableFull           // too many RPs from this peer, or too many SAs that wait for a route
	ReasonPeerLimit           // sa-limit of the peer
	ReasonRate                // sa-rate of the peer
	ReasonGlobalLimit         // sa-limit of all peers together
	ReasonGroupLimit          // group-limit
	ReasonSourceLimit         // source-limit
	ReasonRPLimit             // rp-limit
	reasonCount
)

var reasonNames = [reasonCount]string{
	"", "group", "source", "prefix-length", "not-requested", "rp-address", "own", "sa-filter", "scope-boundary", "rpf", "no-route",
	"local-source", "not-owner", "duplicate-rp", "table-full",
	"peer-limit", "rate", "global-limit", "group-limit", "source-limit", "rp-limit",
}

// String returns a short name, as used in JSON and metrics.
func (r Reason) String() string { return reasonNames[r] }

// groupMayCross reports whether SAs may be originated and accepted for g at all: not for
// what is no group, link-local (224.0.0.0/24), SSM (232.0.0.0/8) and Auto-RP's own groups.
func groupMayCross(g ipv4.Addr) bool {
	const autoRPAnnounce, autoRPDiscovery = 0xe0000127, 0xe0000128 // 224.0.1.39, 224.0.1.40
	return g.IsMulticast() && g>>8 != 0xe00000 && g>>24 != 232 && g != autoRPAnnounce && g != autoRPDiscovery
}

// sourceMayBe reports whether an SA may name a as a source.
func sourceMayBe(a ipv4.Addr) bool {
	return !a.IsMulticast() && !a.IsLoopback() && a>>24 != 0 && a != 0xffffffff
}

// originRP is the RP field of our own SAs for group g; ok is false where we are not its RP.
func (s *Speaker) originRP(g ipv4.Addr) (rp ipv4.Addr, ok bool) {
	rp, mine, known := s.rps.Lookup(g)
	if !known || !mine {
		return 0, false
	}
	if fixed := s.fixedOriginator(); fixed != 0 {
		return fixed, true
	}
	return rp, true
}

// announcedRP is the RP field of the SAs for l; ok is false where none are sent.
func (s *Speaker) announcedRP(l *localSource) (rp ipv4.Addr, ok bool) {
	if !s.mayAnnounce(l.sg) {
		return 0, false
	}
	return s.originRP(l.sg.Group)
}

// originates reports whether this router is the RP of l's group.
func (s *Speaker) originates(l *localSource) bool {
	_, ok := s.originRP(l.sg.Group)
	return ok
}

// fixedOriginator is the RP field that does not depend on the group: the originator-id,
// else the source of our first mesh group. 0.0.0.0 if there is neither.
func (s *Speaker) fixedOriginator() ipv4.Addr {
	if s.originator != 0 {
		return s.originator
	}
	for _, g := range s.config.MeshGroups {
		if g.Source != 0 {
			return g.Source
		}
	}
	return 0
}

// carriesOurRP reports whether an SA from p with RP field rp claims to come from us. The
// address of an Anycast-RP that is ours too is taken from a mesh member, whose own it is
// as well (RFC 3446), unless it is the very value that we send.
func (s *Speaker) carriesOurRP(p *peer, rp ipv4.Addr) bool {
	fixed := s.fixedOriginator()
	if rp == fixed {
		return true
	}
	// That an address is ours is known before pimd has said that it is an RP's.
	ours := s.myRPs[rp] || s.interfaces.OwnAddr(rp)
	return ours && (fixed == 0 || p.mesh == "")
}

var reasonTexts = [reasonCount]string{
	"",
	"the group never crosses domains (SSM, link-local, Auto-RP, or no group)",
	"the address cannot be a source",
	"the source's prefix length is not 32",
	"it answers an SA-Request that was not sent",
	"the address cannot be an RP",
	"the RP address is this router's own: a loop, or a spoof",
	"a filter of the peer does not permit it",
	"the group is behind the peer's scope boundary",
	"the peer is not the RPF peer towards the RP",
	"the way to the RP is not known",
	"the source is a local one",
	"another peer keeps the entry alive",
	"the source is cached with another RP",
	"too many RPs from this peer, or too many waiting entries",
	"the peer has as many as its sa-limit allows",
	"new ones come faster than the peer's sa-rate allows",
	"all peers together have as many as the sa-limit allows",
	"the group has as many as its group-limit allows",
	"the source, or its prefix, has as many as its source-limit allows",
	"the RP has as many as the rp-limit allows",
}

// Text returns the reason in words.
func (r Reason) Text() string { return reasonTexts[r] }
