package audit

import (
	"fmt"
	"strings"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

// active are the peers that are not shut down.
func active(f Facts) []msdp.PeerStatus {
	var out []msdp.PeerStatus
	for _, p := range f.Peers {
		if !p.Shutdown {
			out = append(out, p)
		}
	}
	return out
}

// password finds sessions that anybody can end or pretend to.
func password(f Facts) []Finding {
	var out []Finding
	for _, p := range active(f) {
		if p.Guard.Key != "" {
			continue
		}
		out = append(out, Finding{
			Severity: Warning, Subject: subject(p.Addr),
			What:      "has no password",
			Why:       "whoever can send with its address can reset the session, or speak for it",
			Reference: "RFC 3618 §18",
			Command:   "ip msdp peer " + p.Addr.String() + " password KEY",
		})
	}
	return out
}

// passwordMismatch finds sessions that the kernel keeps down.
func passwordMismatch(f Facts) []Finding {
	var out []Finding
	for _, p := range f.Peers {
		why := f.Mismatches[p.Addr]
		if why == "" {
			continue
		}
		out = append(out, Finding{
			Severity: Error, Subject: subject(p.Addr),
			What:      "a mismatch of passwords is " + why,
			Why:       "there is no session between a side with a password and one without, or with another",
			Reference: "RFC 3618 §18",
			Command:   "ip msdp peer " + p.Addr.String() + " password KEY",
		})
	}
	return out
}

// filter finds peers from or to which everything passes that may cross at all.
func filter(f Facts) []Finding {
	var out []Finding
	for _, p := range active(f) {
		in, sends := p.Filters.In != msdp.FilterLists{}, p.Filters.Out != msdp.FilterLists{}
		missing, word := "in or out", "in"
		switch {
		case in && sends:
			continue
		case in:
			missing, word = "out", "out"
		case sends:
			missing = "in"
		}
		severity := Warning
		if p.MeshGroup != "" { // the edge of the domain is elsewhere
			severity = Note
		}
		out = append(out, Finding{
			Severity: severity, Subject: subject(p.Addr),
			What:      "has no sa-filter " + missing,
			Why:       "what is local to a domain, private sources and groups of 239.0.0.0/8, passes",
			Reference: "RFC 4611 §4.1",
			Command:   "ip msdp peer " + p.Addr.String() + " sa-filter " + ready + " " + word,
		})
	}
	return out
}

// ready is the list that is always there, of what should not cross a border.
const ready = "msdp-border"

// redistribute finds that whatever registers is announced to other networks.
func redistribute(f Facts) []Finding {
	if f.Redistribute.Restricted || len(peersOutside(f)) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Note, Subject: "redistribute",
		What:      "every local source is announced that may cross at all",
		Why:       "sources of applications that are local to the domain take place in every cache there is",
		Reference: "RFC 4611 §4.1",
		Command:   "ip msdp redistribute list " + ready,
	}}
}

// missingList finds what refuses everything because its list does not exist.
func missingList(f Facts) []Finding {
	var out []Finding
	for _, m := range f.MissingLists {
		out = append(out, Finding{
			Severity: Error, Subject: m.User,
			What:    "names the list " + m.Name + ", which does not exist",
			Why:     "it refuses everything",
			Command: "access-list " + m.Name + " permit ip SOURCES GROUPS",
		})
		if strings.HasSuffix(m.User, "prefix-list") {
			out[len(out)-1].Command = "ip prefix-list " + m.Name + " permit A.B.C.D/M"
		}
	}
	return out
}

// limit finds peers that are bounded by the default only, or not at all.
func limit(f Facts) []Finding {
	var out []Finding
	for _, p := range active(f) {
		if l := p.Limits.Entries.Max; l != 0 && l != msdp.Unlimited {
			continue
		}
		out = append(out, Finding{
			Severity: Note, Subject: subject(p.Addr),
			What:      "has no sa-limit of its own",
			Why:       "the default bounds what it can fill, but knows nothing of how many sources are usual",
			Reference: "RFC 4611 §4.2",
			Command:   "ip msdp peer " + p.Addr.String() + " sa-limit N",
		})
	}
	return out
}

// obstacles are what stands in the way in other daemons.
func obstacles(f Facts) []Finding {
	var out []Finding
	for _, text := range f.Obstacles {
		out = append(out, Finding{
			Severity: Error, Subject: "pimd", What: text,
			Why: "without it sources are not announced, or remote ones not joined",
		})
	}
	return out
}

// bgpInUse reports whether a route to an RP is BGP's.
func bgpInUse(f Facts) bool {
	for _, r := range f.RPs {
		if r.BGP {
			return true
		}
	}
	return false
}

// bgpAway finds that the rules of BGP cannot apply.
func bgpAway(f Facts) []Finding {
	if f.BGPAway == "" || !bgpInUse(f) {
		return nil
	}
	return []Finding{{
		Severity: Error, Subject: "bgpd", What: "does not answer: " + f.BGPAway,
		Why:       "routes to RPs are BGP's, and only bgpd knows NEXT_HOP, neighbour and AS path: where it stays away, their SAs are refused",
		Reference: "RFC 3618 §10.1.3",
	}}
}

// defaultPeer finds default peers that are of no use.
func defaultPeer(f Facts) []Finding {
	if f.Shutdown {
		return nil
	}
	var out []Finding
	for _, d := range f.DefaultPeers {
		addr := d.Addr
		found := Finding{
			Severity: Warning, Subject: "default-peer " + addr.String(),
			Why:       "SAs that no other rule names a peer for are taken from the next default peer, or from none",
			Reference: "RFC 3618 §10.1.3 (v), RFC 4611 §2.3",
		}
		p, ok := f.peer(addr)
		switch {
		case !ok:
			found.Severity = Error
			found.What = "is no peer"
			found.Command = "ip msdp peer " + addr.String() + " source A.B.C.D"
		case p.Shutdown:
			found.What = "is shut down"
			found.Command = "no ip msdp peer " + addr.String() + " shutdown"
		case p.State != msdp.StateEstablished:
			found.What = because("is "+p.State.String(), p.Why)
			found.Command = "show ip msdp peer " + addr.String()
		default:
			continue
		}
		out = append(out, found)
	}
	return out
}

// stub finds a router with one way out that refuses what comes from there.
func stub(f Facts) []Finding {
	outside := peersOutside(f)
	if len(outside) != 1 || len(f.DefaultPeers) > 0 {
		return nil
	}
	p := outside[0]
	n := p.Counters.Refused[msdp.ReasonRPF] + p.Counters.Refused[msdp.ReasonNoRoute]
	if n == 0 {
		return nil
	}
	return []Finding{{
		Severity: Note, Subject: subject(p.Addr),
		What:      plural(n, "entry was", "entries were") + " refused by peer-RPF, and it is the only peer outside of mesh groups",
		Why:       "where there is one way only, it can be the default peer, and no route decides",
		Reference: "RFC 4611 §2.3",
		Command:   "ip msdp default-peer " + p.Addr.String(),
	}}
}

// peerAS finds peers that rule (iv) cannot name, and those whose AS is told in two ways.
func peerAS(f Facts) []Finding {
	var out []Finding
	severity := Note
	if bgpInUse(f) {
		severity = Warning
	}
	for _, p := range peersOutside(f) {
		switch {
		case p.ASN != 0 && p.NeighborAS != 0 && p.ASN != p.NeighborAS:
			out = append(out, Finding{
				Severity: Warning, Subject: subject(p.Addr),
				What:      fmt.Sprintf("is configured to be in AS %d, and bgpd's neighbour with its address is in AS %d", p.ASN, p.NeighborAS),
				Why:       "the configured one counts when the closest AS on the path is looked for",
				Reference: "RFC 3618 §10.1.3 (iv)",
				Command:   withAS(p, p.NeighborAS),
			})
		case p.AS == 0 && (f.BGPNeighbors > 0 || severity == Warning):
			out = append(out, Finding{
				Severity: severity, Subject: subject(p.Addr),
				What:      "its AS is not known: none is configured, and bgpd has no neighbour with its address",
				Why:       "it can never be the peer in the closest AS on the path",
				Reference: "RFC 3618 §10.1.3 (iv)",
				Command:   withAS(p, 0),
			})
		}
	}
	return out
}

// withAS is the command that gives a peer an AS, 0 for one to be filled in.
func withAS(p msdp.PeerStatus, as uint32) string {
	number := "N"
	if as != 0 {
		number = fmt.Sprint(as)
	}
	from := "source " + p.Local.String()
	if p.LocalInterface != "" {
		from = "connect-source " + p.LocalInterface
	} else if p.Local == ipv4.Addr(0) {
		from = "source A.B.C.D"
	}
	return "ip msdp peer " + p.Addr.String() + " " + from + " as " + number
}
