package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

func (d *daemon) installShowLimits(sh *vty.Shell) {
	sh.Install(sh.View, "show ip msdp limits [json$json]",
		showHelp+"Each limit, how full it is, and what it has refused\nAs JSON\n", d.showLimits)
}

func (d *daemon) showLimits(c *vty.Call) error {
	var limits []msdp.LimitStatus
	var joins joinStatus
	_, err := d.ask(func(time.Time) {
		limits = d.instance.speaker.Limits()
		joins = d.instance.joinStatus()
	})
	if err != nil {
		return err
	}
	if c.Has("json") {
		return limitsJSON(c, limits, joins)
	}
	marked := false
	row := func(name, most, full, now, refused string, configured bool) {
		mark := ""
		if !configured {
			marked, mark = true, " *"
		}
		c.Printf("%-31s %10s %9s %11s %10s%s\n", name, most, full, now, refused, mark)
	}
	row("Limit", "Most", "Full/Warn", "Now", "Refused", true)
	for _, l := range limits {
		row(limitName(l), limitMost(l), limitFull(l), limitNow(l), fmt.Sprint(l.Refused), l.Configured)
	}
	row("join-limit", fmt.Sprint(joins.Limit), "-", fmt.Sprint(joins.Joined), fmt.Sprint(joins.Refused), joins.Configured)
	row("join-limit per-group", groupMost(joins.PerGroup), "-", "-", "-", joins.Note == "")
	c.Printf("\n")
	if marked {
		c.Printf("* by default\n")
	}
	if joins.Note != "" {
		writeWrapped(c, "", "join-limit per-group: "+joins.Note)
	}
	for _, l := range limits {
		if l.Pending > 0 {
			c.Printf("%s: %d of them wait for a route\n", limitName(l), l.Pending)
		}
	}
	c.Printf("Entries above a limit that was lowered stay until they expire.\n")
	return nil
}

// limitName is how the limit is configured, without its value.
func limitName(l msdp.LimitStatus) string {
	switch l.Kind {
	case msdp.LimitPeer:
		return fmt.Sprintf("peer %s sa-limit", l.Peer)
	case msdp.LimitPeerRate:
		return fmt.Sprintf("peer %s sa-rate", l.Peer)
	case msdp.LimitAll:
		return "sa-limit"
	case msdp.LimitGroup:
		return "group-limit"
	case msdp.LimitGroupRange:
		return fmt.Sprintf("group-limit %s", l.Prefix)
	case msdp.LimitSource:
		return "source-limit"
	case msdp.LimitSources:
		return fmt.Sprintf("source-limit %s", l.Prefix)
	case msdp.LimitRP:
		return "rp-limit"
	}
	return "register-rate"
}

func isRate(l msdp.LimitStatus) bool {
	return l.Kind == msdp.LimitPeerRate || l.Kind == msdp.LimitRegister
}

func limitMost(l msdp.LimitStatus) string {
	switch {
	case !isRate(l):
		return maxWord(l.Max)
	case l.Rate.PerSecond == msdp.Unlimited:
		return "unlimited"
	}
	return fmt.Sprintf("%d/s", l.Rate.PerSecond)
}

// limitFull says how full a limit is, and where it warns, in percent.
func limitFull(l msdp.LimitStatus) string {
	if isRate(l) || l.Max == msdp.Unlimited {
		return "-"
	}
	full, warns := "-", "-"
	if !l.Each() {
		full = fmt.Sprint(usage(l.Count, l.Max))
	}
	if l.WarnsAt != 0 {
		warns = fmt.Sprint(l.WarnsAt)
	}
	return full + "/" + warns + " %"
}

func limitNow(l msdp.LimitStatus) string {
	switch {
	case isRate(l) && l.Rate.PerSecond != msdp.Unlimited:
		return fmt.Sprintf("burst %d", l.Rate.Burst)
	case isRate(l):
		return "-"
	case l.Each():
		return fmt.Sprintf("%d full", l.Count)
	}
	return fmt.Sprint(l.Count)
}

func byDefault(configured bool) string {
	if configured {
		return ""
	}
	return "by default"
}

// listed puts a comma between what is not empty.
func listed(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func groupMost(n int) string {
	if n == 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// usage is how full a limit is, in percent.
func usage(count int, most uint32) int { return int(uint64(count) * 100 / uint64(most)) }

// limitsAttention names the limits that are full.
func limitsAttention(limits []msdp.LimitStatus) []string {
	var out []string
	for _, l := range limits {
		switch {
		case isRate(l):
		case l.Each() && l.Count > 0:
			out = append(out, fmt.Sprintf("`ip msdp %s %s`: %d are full, %d new entries were refused so far", limitName(l), limitMost(l), l.Count, l.Refused))
		case !l.Each() && l.Count >= int(l.Max):
			out = append(out, fmt.Sprintf("`ip msdp %s %s` is full, %d new entries were refused so far", limitName(l), limitMost(l), l.Refused))
		}
	}
	return out
}

type limitJSON struct {
	Limit            string  `json:"limit"`
	Peer             string  `json:"peer,omitempty"`
	Prefix           string  `json:"prefix,omitempty"`
	Max              *uint32 `json:"max,omitempty"`
	ThresholdPercent uint8   `json:"thresholdPercent,omitempty"`
	PerSecond        *uint32 `json:"perSecond,omitempty"`
	Burst            uint32  `json:"burst,omitempty"`
	Configured       bool    `json:"configured"`
	// Entries, or how many groups, sources or RPs are full.
	Entries     *int   `json:"entries,omitempty"`
	Pending     int    `json:"pending,omitempty"`
	Full        *int   `json:"full,omitempty"`
	UsedPercent *int   `json:"usedPercent,omitempty"`
	Refused     uint64 `json:"refused"`
}

func limitOf(l msdp.LimitStatus) limitJSON {
	out := limitJSON{Limit: l.Kind.String(), Configured: l.Configured, Refused: l.Refused, Pending: l.Pending}
	if l.Kind == msdp.LimitPeer || l.Kind == msdp.LimitPeerRate {
		out.Peer = l.Peer.String()
	}
	if l.Prefix.IsValid() {
		out.Prefix = l.Prefix.String()
	}
	if isRate(l) {
		if l.Rate.PerSecond != msdp.Unlimited {
			out.PerSecond, out.Burst = &l.Rate.PerSecond, l.Rate.Burst
		}
		return out
	}
	if l.Each() {
		out.Full = &l.Count
	} else {
		out.Entries = &l.Count
	}
	if l.Max != msdp.Unlimited {
		out.Max, out.ThresholdPercent = &l.Max, l.WarnsAt
		if !l.Each() {
			used := usage(l.Count, l.Max)
			out.UsedPercent = &used
		}
	}
	return out
}

func limitsJSON(c *vty.Call, limits []msdp.LimitStatus, joins joinStatus) error {
	out := newJSONObject(c)
	all := make([]limitJSON, 0, len(limits))
	for _, l := range limits {
		all = append(all, limitOf(l))
	}
	out.member("limits", all)
	out.member("joins", joins)
	return out.close()
}

// peerLimitsJSON is what `show ip msdp peer` says of a peer's limits; saLimit is not there
// where there is none, as with FRR.
type peerLimitsJSON struct {
	SALimit          uint32 `json:"saLimit,omitempty"`
	SALimitThreshold uint8  `json:"saLimitThresholdPercent,omitempty"`
	SAPending        int    `json:"saPending"`
	SARate           uint32 `json:"saRate,omitempty"`
	SARateBurst      uint32 `json:"saRateBurst,omitempty"`
}

func peerLimits(p msdp.PeerStatus) peerLimitsJSON {
	out := peerLimitsJSON{SAPending: p.Pending, SARate: p.Limits.Rate.PerSecond, SARateBurst: p.Limits.Rate.Burst}
	if l := p.Limits.Entries.WithDefault(msdp.DefaultPeerEntries); l.Max != msdp.Unlimited {
		out.SALimit, out.SALimitThreshold = l.Max, l.WarnsAt()
	}
	return out
}

func printPeerLimits(line func(name, value string), p msdp.PeerStatus) {
	l := p.Limits.Entries.WithDefault(msdp.DefaultPeerEntries)
	text := maxWord(l.Max)
	if l.Max != msdp.Unlimited {
		text += fmt.Sprintf(", %d %% full", usage(p.SACount+p.Pending, l.Max))
	}
	if at := l.WarnsAt(); at != 0 {
		text += fmt.Sprintf(", warning at %d %%", at)
	}
	line("SA Limit", listed(text, byDefault(p.Limits.Entries.Max != 0)))
	if p.Pending > 0 {
		line("SAs Waiting", fmt.Sprintf("%d, for a route to their RP", p.Pending))
	}
	if r := p.Limits.Rate; r.PerSecond != 0 {
		line("SA Rate", fmt.Sprintf("%d new ones a second, burst %d", r.PerSecond, r.Burst))
	}
}
