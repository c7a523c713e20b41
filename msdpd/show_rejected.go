package main

import (
	"cmp"
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/vty"
)

func (d *daemon) installShowRejected(sh *vty.Shell) {
	sh.Install(sh.View, "show ip msdp sa rejected [json$json]",
		showHelp+"Source-active cache\nWhat was refused last\nAs JSON\n", d.showRejected)
}

type rejectedJSON struct {
	Source   string `json:"source"`
	Group    string `json:"group"`
	RP       string `json:"rp"`
	Peer     string `json:"peer"`
	Reason   string `json:"reason"`
	Text     string `json:"reasonText"`
	First    string `json:"firstRefused"`
	Last     string `json:"lastRefused"`
	LastAgo  string `json:"lastRefusedAgo"`
	Rejected uint64 `json:"count"`
}

// showRejected prints what is remembered of refused entries, by group, source and peer.
func (d *daemon) showRejected(c *vty.Call) error {
	var all []msdp.RejectedSA
	var size int
	now, err := d.ask(func(time.Time) {
		all = d.instance.speaker.RejectedSAs(ipv4.SG{})
		size = d.instance.settings.msdp.RejectedSAs
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b msdp.RejectedSA) int {
		return cmp.Or(cmp.Compare(a.SG.Group, b.SG.Group), cmp.Compare(a.SG.Source, b.SG.Source),
			cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.RP, b.RP))
	})
	if c.Has("json") {
		out := newJSONObject(c)
		out.member("size", size)
		list := make([]rejectedJSON, 0, len(all))
		for _, r := range all {
			list = append(list, rejectedJSON{
				Source: r.SG.Source.String(), Group: r.SG.Group.String(), RP: r.RP.String(), Peer: r.Peer.String(),
				Reason: r.Reason.String(), Text: r.Reason.Text(),
				First: r.First.UTC().Format(time.RFC3339), Last: r.Last.UTC().Format(time.RFC3339), LastAgo: uptime(now.Sub(r.Last)),
				Rejected: r.Count,
			})
		}
		out.member("rejected", list)
		return out.close()
	}
	c.Printf("The last %d refused entries are remembered (`ip msdp cache-rejected-sa`).\n\n", size)
	c.Printf("%-15s %15s %15s  %8s %5s  %s\n", "Source", "Group", "Peer", "Last", "Count", "Reason")
	for _, r := range all {
		c.Printf("%-15s %15s %15s  %8s %5d  %s\n", r.SG.Source, r.SG.Group, r.Peer, uptime(now.Sub(r.Last)), r.Count, r.Reason)
	}
	return nil
}
