package main

import (
	"time"

	"msdpd/vty"
)

func (d *daemon) installClear(sh *vty.Shell) {
	const help = "Reset something\nIP information\nMulticast Source Discovery Protocol\n"
	sh.Install(sh.Enable, "clear ip msdp peer [A.B.C.D$peer]", help+"The session with a peer, or with all\nThe peer's address\n", d.clearPeer)
	sh.Install(sh.Enable, "clear ip msdp sa-cache rejected", help+"The SA cache\nWhat is remembered of refused entries\n", d.clearRejected)
	sh.Install(sh.Enable, "clear ip msdp sa-cache", help+"What peers announced\n", d.clearCache)
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

func (d *daemon) clearCache(c *vty.Call) error {
	var count int
	if _, err := d.ask(func(now time.Time) { count = d.instance.speaker.ClearCache(now) }); err != nil {
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
