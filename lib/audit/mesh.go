package audit

import (
	"slices"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

// ownRP finds SAs from outside our mesh groups that say that they come from this router.
func ownRP(f Facts) []Finding {
	var out []Finding
	for _, o := range f.Own {
		if p, ok := f.peer(o.Peer); !ok || p.MeshGroup != "" {
			continue
		}
		out = append(out, Finding{
			Severity: Error, Subject: subject(o.Peer),
			What:      plural(o.Count, "entry", "entries") + " with this router's own RP address " + o.RP.String() + " came from it, first " + o.First.String(),
			Why:       "our SAs went round in a loop, as the peer takes them from another router than this one; another router has that address as its originator-id; or somebody pretends to be this router. They are refused",
			Reference: "RFC 3618 §10.1.3",
			Command:   "show ip msdp rpf " + o.RP.String(),
		})
	}
	return out
}

// originator finds an originator-id that is not unique, or is not there.
func originator(f Facts) []Finding {
	var out []Finding
	for _, o := range f.Own {
		if p, ok := f.peer(o.Peer); !ok || p.MeshGroup == "" {
			continue
		}
		out = append(out, Finding{
			Severity: Error, Subject: subject(o.Peer),
			What:      plural(o.Count, "entry", "entries") + " with the RP address " + o.RP.String() + " that this router sends came from this mesh-group member, first " + o.First.String(),
			Why:       "two routers have one originator-id, or the member passes on what came from the mesh group; one of them is not heard",
			Reference: "RFC 3446 §3, RFC 3618 §10.2",
			Command:   "ip msdp originator-id A.B.C.D",
		})
	}
	if f.OriginatorTrouble != "" {
		out = append(out, Finding{
			Severity: Warning, Subject: "originator-id", What: f.OriginatorTrouble,
			Why:       "others judge our SAs by that address, and may refuse them now",
			Reference: "RFC 3618 §10.1.3",
			Command:   "ip msdp originator-id A.B.C.D",
		})
	}
	return out
}

// meshDown finds members to which there is no session.
func meshDown(f Facts) []Finding {
	if f.Shutdown {
		return nil
	}
	var out []Finding
	for _, p := range f.Peers {
		if p.MeshGroup == "" || p.State == msdp.StateEstablished {
			continue
		}
		found := Finding{
			Severity: Error, Subject: subject(p.Addr),
			What:      because("member of mesh-group "+p.MeshGroup+", is "+p.State.String(), p.Why),
			Why:       "no other member passes its SAs on to this one: what it announces is not known here",
			Reference: "RFC 3618 §10.2",
			Command:   "show ip msdp peer " + p.Addr.String(),
		}
		switch {
		case p.Shutdown:
			found.Command = "no ip msdp peer " + p.Addr.String() + " shutdown"
		case p.Local.IsUnspecified() && p.LocalInterface == "":
			found.Command = "ip msdp mesh-group " + p.MeshGroup + " source A.B.C.D"
		}
		if i := slices.IndexFunc(f.Relayed, func(r msdp.Relayed) bool { return r.Member == p.Addr }); i >= 0 {
			found.What += "; SAs of its own come from " + f.Relayed[i].By.String()
		}
		out = append(out, found)
	}
	return out
}

// meshRelay finds members that pass on what another member announces: they got it from
// outside the mesh group, so that the two hold no session in it.
func meshRelay(f Facts) []Finding {
	var out []Finding
	for _, r := range f.Relayed {
		by, ok1 := f.peer(r.By)
		member, ok2 := f.peer(r.Member)
		if !ok1 || !ok2 || by.MeshGroup == "" || by.MeshGroup != member.MeshGroup {
			continue
		}
		out = append(out, Finding{
			Severity: Error, Subject: subject(r.By),
			What:      "passes on SAs whose RP is " + r.Member.String() + ", another member of mesh-group " + by.MeshGroup,
			Why:       "a member passes nothing on to members that came from one: it does not have " + r.Member.String() + " in the mesh group, or no session with it, and SAs of a mesh group that is not full can go round",
			Reference: "RFC 3618 §10.2, RFC 4611 §3.3",
			Command:   "on " + r.By.String() + ": ip msdp mesh-group " + by.MeshGroup + " member " + r.Member.String(),
		})
	}
	return out
}

// anycastRP finds shared RP addresses where each router's own should be.
func anycastRP(f Facts) []Finding {
	var out []Finding
	for _, p := range f.Peers {
		if slices.Contains(f.MyRPs, p.Addr) {
			out = append(out, Finding{
				Severity: Error, Subject: subject(p.Addr),
				What:      "its address is an RP address of this router",
				Why:       "a shared address leads every router to itself: each needs one of its own for the session",
				Reference: "RFC 3446 §3",
				Command:   "no ip msdp peer " + p.Addr.String(),
			})
		}
	}
	for _, r := range f.RPs {
		if r.Entries > 0 && slices.Contains(f.MyRPs, r.Addr) {
			out = append(out, Finding{
				Severity: Warning, Subject: "RP " + r.Addr.String(),
				What:      plural(uint64(r.Entries), "entry", "entries") + " of mesh-group members carry the shared RP address that is this router's too",
				Why:       "whoever is not in the mesh group cannot tell the routers apart, and refuses SAs that do not come from the nearest; those of this router may come back",
				Reference: "RFC 3446 §3, RFC 4611 §3.5",
				Command:   "on the member: ip msdp originator-id A.B.C.D",
			})
		}
	}
	return out
}

// duplicateRP finds sources that two RPs announce.
func duplicateRP(f Facts) []Finding {
	var out []Finding
	for _, p := range f.Peers {
		n := p.Counters.Refused[msdp.ReasonDuplicateRP]
		if n == 0 {
			continue
		}
		out = append(out, Finding{
			Severity: Warning, Subject: subject(p.Addr),
			What:      plural(n, "entry", "entries") + " were refused because the source is cached with another RP",
			Why:       "two RPs announce one source: it registers with both, or one takes another domain's source for its own",
			Reference: "RFC 3618 §3",
			Command:   "show ip msdp sa detail",
		})
	}
	return out
}

// shutdown finds that nothing is held.
func shutdown(f Facts) []Finding {
	if !f.Shutdown {
		return nil
	}
	return []Finding{{
		Severity: Note, Subject: "all peers", What: "they are shut down", Why: "nothing is announced or learnt",
		Command: "no ip msdp shutdown",
	}}
}

// peersOutside are the peers, not shut down, that are in no mesh group.
func peersOutside(f Facts) []msdp.PeerStatus {
	var out []msdp.PeerStatus
	for _, p := range f.Peers {
		if p.MeshGroup == "" && !p.Shutdown {
			out = append(out, p)
		}
	}
	return out
}

// rpRoute finds RPs to which there is no route.
func rpRoute(f Facts) []Finding {
	var lost []ipv4.Addr
	entries := 0
	for _, r := range f.RPs {
		if r.Known && !r.Reachable {
			lost = append(lost, r.Addr)
			entries += r.Entries
		}
	}
	if len(lost) == 0 {
		return nil
	}
	found := Finding{
		Severity: Warning, Subject: "RP " + lost[0].String(), What: "there is no route to it",
		Why:       "its SAs are taken from a mesh group, a default peer or itself only, and where its sources have no route either, no join reaches them",
		Reference: "RFC 3618 §10.1.3",
		Command:   "show ip msdp rpf " + lost[0].String(),
	}
	if len(lost) > 1 {
		found.Subject = plural(uint64(len(lost)), "RP", "RPs")
		found.What = "there is no route to them: " + list(lost)
	}
	found.What += "; " + plural(uint64(entries), "entry is", "entries are") + " cached"
	return []Finding{found}
}
