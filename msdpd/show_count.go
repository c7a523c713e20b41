package main

import (
	"time"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

func (d *daemon) installShowCount(sh *vty.Shell) {
	sh.Install(sh.View, "show ip msdp count [json$json]",
		showHelp+"How many entries each peer and each RP has in the cache\nAs JSON\n", d.showCount)
}

// showCount is IOS' command; where that counts by AS, this counts by originating RP.
func (d *daemon) showCount(c *vty.Call) error {
	var peers []msdp.PeerStatus
	var rps []msdp.RPRoute
	if _, err := d.ask(func(now time.Time) {
		all := d.instance.speaker.Snapshot(now)
		peers, rps = all.Peers, all.RPs
	}); err != nil {
		return err
	}
	if c.Has("json") {
		byPeer, byRP := make(map[string]int), make(map[string]int)
		for _, p := range peers {
			byPeer[p.Addr.String()] = p.SACount
		}
		for _, r := range rps {
			byRP[r.Addr.String()] = r.Entries
		}
		out := newJSONObject(c)
		out.member("peers", byPeer)
		out.member("rps", byRP)
		return out.close()
	}
	c.Printf("SA State per Peer Counters, <Peer>: <# SA learned>\n")
	for _, p := range peers {
		c.Printf("    %s: %d\n", p.Addr, p.SACount)
	}
	c.Printf("\nSA State per RP Counters, <RP>: <# SA learned>\n")
	for _, r := range rps {
		c.Printf("    %s: %d\n", r.Addr, r.Entries)
	}
	return nil
}
