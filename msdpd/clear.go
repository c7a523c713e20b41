package main

import (
	"fmt"
	"time"

	"msdpd/vty"
)

func (d *daemon) installClear(sh *vty.Shell) {
	const help = "Reset something\nIP information\nMulticast Source Discovery Protocol\n"
	sh.Install(sh.Enable, "clear ip msdp peer [A.B.C.D$peer]", help+"The session with a peer, or with all\nThe peer's address\n", d.clearPeer)
	sh.Install(sh.Enable, "clear ip msdp peer [A.B.C.D$peer] counters",
		help+"The session with a peer, or with all\nThe peer's address\nOnly what was counted, of all peers if none is named\n", d.clearCounters)
	sh.Install(sh.Enable, "clear ip msdp statistics [A.B.C.D$peer]", help+"What was counted of a peer, or of all\nThe peer's address\n", d.clearCounters)
	sh.Install(sh.Enable, "clear ip msdp sa-cache [A.B.C.D$group]", help+"What peers announced\nOf this group only\n", d.clearCache)
	sh.Install(sh.Enable, "clear ip msdp sa-cache rejected", help+"The SA cache\nWhat is remembered of refused entries\n", d.clearRejected)
}

func (d *daemon) clearPeer(c *vty.Call) error {
	addr := c.Addr("peer")
	var found bool
	if _, err := d.ask(func(now time.Time) { found = d.instance.speaker.ClearPeer(now, addr) }); err != nil {
		return err
	}
	if !found && addr != 0 {
		return noPeer(addr)
	}
	return nil
}

func (d *daemon) clearCounters(c *vty.Call) error {
	addr := c.Addr("peer")
	var found bool
	if _, err := d.ask(func(now time.Time) { found = d.instance.speaker.ClearCounters(now, addr) }); err != nil {
		return err
	}
	if !found && addr != 0 {
		return noPeer(addr)
	}
	return nil
}

func (d *daemon) clearCache(c *vty.Call) error {
	group, one := c.AddrOK("group")
	if one && !group.IsMulticast() {
		return fmt.Errorf("%s is no group", group)
	}
	var count int
	_, err := d.ask(func(now time.Time) {
		if one {
			count = d.instance.speaker.ClearGroup(now, group)
		} else {
			count = d.instance.speaker.ClearCache(now)
		}
	})
	if err != nil {
		return err
	}
	c.Printf("%d entries cleared\n", count)
	return nil
}

func (d *daemon) clearRejected(c *vty.Call) error {
	var count int
	if _, err := d.ask(func(now time.Time) { count = d.instance.speaker.ClearRejectedSAs(now) }); err != nil {
		return err
	}
	c.Printf("%d entries cleared\n", count)
	return nil
}
