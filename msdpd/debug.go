package main

import (
	"fmt"
	"slices"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/vty"
)

// What can be watched of some peers, and what cannot.
const (
	debugSyntax  = "msdp [<events$kind|packets$kind|sa$kind|rpf$kind|timers$kind> [peer A.B.C.D$peer]]"
	debugSyntax2 = "msdp <zebra$kind|pim$kind>"
	debugHelp    = "Multicast Source Discovery Protocol; all of it if no kind is named\n" +
		"Sessions and their states\nEvery TLV received and sent\nWhat becomes of each SA entry\nEach peer-RPF decision\nEach timer that runs out\n" +
		"Of this peer only\nThe peer's address\n"
	debugHelp2 = "Multicast Source Discovery Protocol\nWhat zebra and bgpd are asked and answer\nRegisters, Null-Registers, the kernel's multicast routes\n"
)

func (d *daemon) installDebug(sh *vty.Shell) {
	const watch, unwatch = "Show what happens, in the log and on terminals with `terminal monitor`, until the daemon ends\n", "Show it no longer\n"
	for _, c := range []struct{ syntax, help string }{{debugSyntax, debugHelp}, {debugSyntax2, debugHelp2}} {
		sh.Install(sh.Enable, "debug "+c.syntax, watch+c.help, func(c *vty.Call) error { return d.changeDebug(c, debug.Set.With) })
		sh.Install(sh.Enable, "no debug "+c.syntax, "Negate a command\n"+unwatch+c.help, func(c *vty.Call) error { return d.changeDebug(c, debug.Set.Without) })
		sh.Install(sh.Enable, "undebug "+c.syntax, unwatch+c.help, func(c *vty.Call) error { return d.changeDebug(c, debug.Set.Without) })
	}
	none := func(*vty.Call) error {
		d.instance.debug.Watch(nil)
		return nil
	}
	sh.Install(sh.Enable, "undebug all", unwatch+"Whatever is shown\n", none)
	sh.Install(sh.Enable, "no debug all", "Negate a command\n"+unwatch+"Whatever is shown\n", none)
	sh.Install(sh.View, "show debugging [json$json]", "Show running system information\nWhat `debug` shows\nAs JSON\n", d.showDebugging)
}

// debugItems are what a command names: one, or all.
func debugItems(c *vty.Call) ([]debug.Item, error) {
	if err := namesRouters(c); err != nil {
		return nil, err
	}
	word := c.Arg("kind")
	if word == "" {
		var all []debug.Item
		for _, k := range debug.Kinds() {
			all = append(all, debug.Item{Kind: k})
		}
		return all, nil
	}
	kind, ok := debug.Parse(word)
	if !ok {
		return nil, fmt.Errorf("%s is nothing that can be watched", word)
	}
	return []debug.Item{{Kind: kind, Peer: c.Addr("peer")}}, nil
}

func (d *daemon) changeDebug(c *vty.Call, f func(debug.Set, debug.Item) debug.Set) error {
	items, err := debugItems(c)
	if err != nil {
		return err
	}
	return d.instance.do(func() {
		s := d.instance.debug.Watched()
		for _, i := range items {
			s = f(s, i)
		}
		d.instance.debug.Watch(s)
	})
}

// configureDebug is the same in the configuration.
func configureDebug(s *settings, c *vty.Call) error {
	items, err := debugItems(c)
	if err != nil {
		return err
	}
	for _, i := range items {
		if c.No {
			s.debug = s.debug.Without(i)
		} else {
			s.debug = s.debug.With(i)
		}
	}
	return nil
}

// debugs installs the commands that keep something watched after a restart, too.
func (c *configurator) debugs() {
	const watch = "Negate a command\nShow what happens, in the log and on terminals with `terminal monitor`\n"
	c.install(c.shell.Config, "[no] debug "+debugSyntax, watch+debugHelp, configureDebug)
	c.install(c.shell.Config, "[no] debug "+debugSyntax2, watch+debugHelp2, configureDebug)
}

// watchConfigured watches what the settings newly name, and no longer what they named before;
// what was asked for by hand stays.
func (in *instance) watchConfigured(old, s *settings) {
	if slices.Equal(old.debug, s.debug) {
		return
	}
	watched := in.debug.Watched()
	for _, i := range old.debug {
		watched = watched.Without(i)
	}
	for _, i := range s.debug {
		watched = watched.With(i)
	}
	in.debug.Watch(watched)
}

func (d *daemon) showDebugging(c *vty.Call) error {
	log := d.instance.debug
	s := log.Watched()
	if c.Has("json") {
		items := []any{}
		for _, i := range s {
			item := map[string]any{"kind": i.Kind.String()}
			if i.Peer != 0 {
				item["peer"] = peerName(i.Peer)
			}
			items = append(items, item)
		}
		out := newJSONObject(c)
		out.member("debugging", items)
		out.member("linesLeftOut", log.LeftOut())
		return out.close()
	}
	c.Printf("MSDP debugging status:\n")
	for _, i := range s {
		c.Printf("  MSDP %s debugging is on%s\n", i.Kind, optional(" for peer ", peerName(i.Peer)))
	}
	if n := log.LeftOut(); n > 0 {
		c.Printf("  %d lines were left out, as too many came at once\n", n)
	}
	return nil
}

// peerName is empty for all peers.
func peerName(a ipv4.Addr) string {
	if a == 0 {
		return ""
	}
	return a.String()
}

// writeDebug prints the commands.
func writeDebug(line func(string, ...any), s debug.Set) {
	for _, i := range s {
		line("debug msdp %s", i)
	}
}
