package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/vty"
)

const showHelp = "Show running system information\nIP information\nMulticast Source Discovery Protocol\n"

func (d *daemon) installShowPeer(sh *vty.Shell) {
	sh.Install(sh.View, "show ip msdp peer [<A.B.C.D$peer|detail$detail>] [json$json]",
		showHelp+"Peers\nThe peer's address\nAll there is to say of each\nAs JSON\n", d.showPeer)
	sh.Install(sh.View, "show ip msdp mesh-group [json$json]",
		showHelp+"Mesh groups\nAs JSON\n", d.showMeshGroup)
}

func (d *daemon) showPeer(c *vty.Call) error {
	var peers []msdp.PeerStatus
	mismatch := make(map[ipv4.Addr]string)
	now, err := d.ask(func(now time.Time) {
		peers = d.instance.speaker.Peers(now)
		for _, p := range peers {
			mismatch[p.Addr] = d.instance.mismatchOf(p)
		}
	})
	if err != nil {
		return err
	}
	addr, one := c.AddrOK("peer")
	if one {
		found := peers[:0]
		for _, p := range peers {
			if p.Addr == addr {
				found = append(found, p)
			}
		}
		if len(found) == 0 {
			return noPeer(addr)
		}
		peers = found
	}
	detail := one || c.Has("detail")
	if c.Has("json") {
		out := newJSONObject(c)
		for _, p := range peers {
			if detail {
				out.member(p.Addr.String(), peerDetail(p, now, mismatch[p.Addr]))
			} else {
				out.member(p.Addr.String(), peerBrief(p, now))
			}
		}
		return out.close()
	}
	if detail {
		for _, p := range peers {
			printPeerDetail(c, p, now, mismatch[p.Addr])
		}
		return nil
	}
	c.Printf("%-15s  %15s  %11s  %8s  %6s %5s\n", "Peer", "Local", "State", "Uptime", "SaCnt", "AS")
	for _, p := range peers {
		c.Printf("%-15s  %15s  %11s  %8s  %6d %5s\n", p.Addr, p.Local, p.State, sinceOrDash(p.Since, now), p.SACount, asnOrDash(p.ASN))
	}
	return nil
}

type peerBriefJSON struct {
	Peer    string `json:"peer"`
	Local   string `json:"local"`
	State   string `json:"state"`
	UpTime  string `json:"upTime"`
	SACount int    `json:"saCount"`
	ASN     uint32 `json:"asn,omitempty"`
}

func peerBrief(p msdp.PeerStatus, now time.Time) peerBriefJSON {
	return peerBriefJSON{
		Peer: p.Addr.String(), Local: p.Local.String(), State: p.State.String(),
		UpTime: sinceOrDash(p.Since, now), SACount: p.SACount, ASN: p.ASN,
	}
}

type peerDetailJSON struct {
	Local              string               `json:"local"`
	LocalPort          uint16               `json:"localPort,omitempty"`
	Peer               string               `json:"peer"`
	PeerPort           uint16               `json:"peerPort,omitempty"`
	MeshGroupName      string               `json:"meshGroupName,omitempty"`
	Description        string               `json:"description,omitempty"`
	State              string               `json:"state"`
	StateReason        string               `json:"stateReason,omitempty"`
	Password           bool                 `json:"password"`
	PasswordMismatch   string               `json:"passwordMismatch,omitempty"`
	TTLSecurityHops    uint8                `json:"ttlSecurityHops,omitempty"`
	SAFilterIn         string               `json:"saFilterIn,omitempty"`
	SAFilterOut        string               `json:"saFilterOut,omitempty"`
	RPFilterIn         string               `json:"rpFilterIn,omitempty"`
	RPFilterOut        string               `json:"rpFilterOut,omitempty"`
	ScopeBoundary      string               `json:"scopeBoundary,omitempty"`
	MissingLists       []string             `json:"missingLists,omitempty"`
	SARequests         saRequestsJSON       `json:"saRequests"`
	EncapsulatedData   encapsulatedDataJSON `json:"encapsulatedData"`
	UpTime             string               `json:"upTime"`
	KeepAliveTimer     string               `json:"keepAliveTimer"`
	ConnRetryTimer     string               `json:"connRetryTimer"`
	HoldTimer          string               `json:"holdTimer"`
	KeepAlivePeriod    int                  `json:"keepAlivePeriodSec"`
	HoldPeriod         int                  `json:"holdPeriodSec"`
	ConnRetryPeriod    int                  `json:"connRetryPeriodSec"`
	LastReset          string               `json:"lastReset"`
	ConnAttempts       uint64               `json:"connAttempts"`
	EstablishedChanges uint64               `json:"establishedChanges"`
	SACount            int                  `json:"saCount"`
	peerLimitsJSON
	KASent            uint64            `json:"kaSent"`
	KARcvd            uint64            `json:"kaRcvd"`
	SASent            uint64            `json:"saSent"`
	SARcvd            uint64            `json:"saRcvd"`
	ASN               uint32            `json:"asn,omitempty"`
	SAFilteredIn      uint64            `json:"saFilteredIn"`
	SAFilteredOut     uint64            `json:"saFilteredOut"`
	RPFLookupFailures uint64            `json:"rpfLookupFailures"`
	SARefused         map[string]uint64 `json:"saRefused"`
	FormatErrors      uint64            `json:"formatErrors"`
	UnknownTLVs       uint64            `json:"unknownTlvs"`
	CatchUps          uint64            `json:"catchUps"`
	CountersSince     string            `json:"countersSince"`
}

func peerDetail(p msdp.PeerStatus, now time.Time, mismatch string) peerDetailJSON {
	n := p.Counters
	out := peerDetailJSON{
		Local: p.Local.String(), LocalPort: p.LocalAddress.Port(), Peer: p.Addr.String(), PeerPort: p.RemoteAddress.Port(),
		MeshGroupName: p.MeshGroup, Description: p.Description, State: p.State.String(), StateReason: p.Why,
		Password: p.Guard.Key != "", PasswordMismatch: mismatch, TTLSecurityHops: p.Guard.Hops,
		UpTime: sinceOrDash(p.Since, now), KeepAliveTimer: timer(p.KeepAliveTimer),
		ConnRetryTimer: timer(p.ConnectRetryTimer), HoldTimer: timer(p.HoldTimer), LastReset: lastReset(p, now),
		KeepAlivePeriod: int(p.Timers.KeepAlive / time.Second), HoldPeriod: int(p.Timers.Hold / time.Second), ConnRetryPeriod: int(p.Timers.ConnectRetry / time.Second),
		CountersSince: uptime(now.Sub(p.CountedFrom)),
		ConnAttempts:  n.ConnAttempts, EstablishedChanges: n.EstablishedChanges, SACount: p.SACount, peerLimitsJSON: peerLimits(p),
		KASent: n.KeepAlivesSent, KARcvd: n.KeepAlivesReceived, SASent: n.SAsSent, SARcvd: n.SAsReceived,
		ASN: p.ASN, RPFLookupFailures: n.Refused[msdp.ReasonRPF] + n.Refused[msdp.ReasonNoRoute],
		SAFilterIn: p.Filters.In.SG, SAFilterOut: p.Filters.Out.SG, RPFilterIn: p.Filters.In.RP, RPFilterOut: p.Filters.Out.RP,
		ScopeBoundary: p.Filters.ScopeBoundary, SARequests: peerRequests(p), EncapsulatedData: peerData(p),
		SAFilteredIn: n.Refused[msdp.ReasonFilter] + n.Refused[msdp.ReasonScope], SAFilteredOut: n.FilteredOut,
		SARefused: make(map[string]uint64), FormatErrors: n.FormatErrors, UnknownTLVs: n.UnknownTLVs, CatchUps: n.CatchUps,
	}
	for _, r := range msdp.Reasons() {
		if n.Refused[r] > 0 {
			out.SARefused[r.String()] = n.Refused[r]
		}
	}
	for _, m := range p.MissingLists {
		out.MissingLists = append(out.MissingLists, m.Name)
	}
	return out
}

func printPeerDetail(c *vty.Call, p msdp.PeerStatus, now time.Time, mismatch string) {
	n := p.Counters
	line := func(name, value string) { writeWrapped(c, fmt.Sprintf("  %-19s : ", name), value) }
	c.Printf("Peer : %s\n", p.Addr)
	if p.Description != "" {
		line("Description", p.Description)
	}
	line("Local", p.Local.String())
	if p.MeshGroup != "" {
		line("Mesh Group", p.MeshGroup)
	}
	line("BGP/AS", asnOrDash(p.ASN))
	if p.Guard.Key != "" {
		line("Password", "set")
	}
	if p.Guard.Hops != 0 {
		line("TTL Security", fmt.Sprintf("at most %d hops away", p.Guard.Hops))
	}
	printPeerFilters(line, p)
	printPeerDataConfig(line, p)
	line("State", p.State.String())
	if p.Why != "" {
		line("Reason", p.Why)
	}
	if mismatch != "" {
		line("Password Mismatch", mismatch)
	}
	line("Uptime", sinceOrDash(p.Since, now))
	line("Keepalive Timer", timer(p.KeepAliveTimer))
	line("Conn Retry Timer", timer(p.ConnectRetryTimer))
	line("Hold Timer", timer(p.HoldTimer))
	if p.Timers != msdp.DefaultTimers() {
		line("Periods", fmt.Sprintf("keepalive %d s, hold %d s, connect-retry %d s", p.Timers.KeepAlive/time.Second, p.Timers.Hold/time.Second, p.Timers.ConnectRetry/time.Second))
	}
	line("Last Reset", lastReset(p, now))
	line("Conn Attempts", strconv.FormatUint(n.ConnAttempts, 10))
	line("Established Changes", strconv.FormatUint(n.EstablishedChanges, 10))
	line("SA Count", strconv.Itoa(p.SACount))
	printPeerLimits(line, p)
	c.Printf("  Statistics          :\n")
	c.Printf("                       Sent       Rcvd\n")
	c.Printf("    Keepalives : %10d %10d\n", n.KeepAlivesSent, n.KeepAlivesReceived)
	c.Printf("    SAs        : %10d %10d\n", n.SAsSent, n.SAsReceived)
	printPeerRequests(c, p)
	printPeerData(c, p)
	if n.FilteredOut > 0 {
		c.Printf("  SAs not sent        : %d, a filter does not permit it\n", n.FilteredOut)
	}
	for _, r := range msdp.Reasons() {
		if n.Refused[r] > 0 {
			line("SAs refused", fmt.Sprintf("%d, %s", n.Refused[r], r.Text()))
		}
	}
	if n.FormatErrors > 0 {
		line("TLV format errors", strconv.FormatUint(n.FormatErrors, 10))
	}
	if n.UnknownTLVs > 0 {
		line("Unknown TLVs", strconv.FormatUint(n.UnknownTLVs, 10))
	}
	c.Printf("\n")
}

func printPeerFilters(line func(name, value string), p msdp.PeerStatus) {
	for _, l := range []struct{ name, list string }{
		{"SA Filter In", p.Filters.In.SG}, {"SA Filter Out", p.Filters.Out.SG},
		{"RP Filter In", p.Filters.In.RP}, {"RP Filter Out", p.Filters.Out.RP},
		{"Scope Boundary", p.Filters.ScopeBoundary},
	} {
		if slices.ContainsFunc(p.MissingLists, func(m msdp.MissingList) bool { return m.Name == l.list }) {
			line(l.name, l.list+", which does not exist: nothing passes")
		} else if l.list != "" {
			line(l.name, l.list)
		}
	}
}

func lastReset(p msdp.PeerStatus, now time.Time) string {
	if p.LastReset == "" {
		return "-"
	}
	return fmt.Sprintf("%s, %s ago", p.LastReset, uptime(now.Sub(p.ResetAt)))
}

func asnOrDash(asn uint32) string {
	if asn == 0 {
		return "-"
	}
	return strconv.FormatUint(uint64(asn), 10)
}

func (d *daemon) showMeshGroup(c *vty.Call) error {
	var groups []msdp.MeshGroup
	states := make(map[string]string)
	_, err := d.ask(func(now time.Time) {
		groups = d.instance.speaker.MeshGroups()
		for _, g := range groups {
			for _, m := range g.Members {
				if p, ok := d.instance.speaker.Peer(now, m); ok {
					states[m.String()] = p.State.String()
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if c.Has("json") {
		return meshGroupsJSON(c, groups, states)
	}
	for _, g := range groups {
		c.Printf("Mesh group : %s\n", g.Name)
		c.Printf("  Source : %s\n", g.Source)
		c.Printf("  Member                 State\n")
		for _, m := range g.Members {
			c.Printf("  %-15s  %11s\n", m, states[m.String()])
		}
	}
	return nil
}

func meshGroupsJSON(c *vty.Call, groups []msdp.MeshGroup, states map[string]string) error {
	type member struct {
		Member string `json:"member"`
		State  string `json:"state"`
	}
	type group struct {
		Name    string            `json:"name"`
		Source  string            `json:"source"`
		Members map[string]member `json:"members"`
	}
	out := newJSONObject(c)
	for _, g := range groups {
		v := group{Name: g.Name, Source: g.Source.String(), Members: make(map[string]member)}
		for _, m := range g.Members {
			v.Members[m.String()] = member{m.String(), states[m.String()]}
		}
		out.member(g.Name, v)
	}
	return out.close()
}
