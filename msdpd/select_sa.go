package main

import (
	"fmt"
	"net/netip"

	"msdpd/lib/ipv4"
	"msdpd/lib/pim"
	"msdpd/vty"
)

// saSelection is which entries of the SA cache a command asks for. The zero value is all.
type saSelection struct {
	source, group   ipv4.Addr    // 0.0.0.0: any
	sources, groups netip.Prefix // zero: any
	peer, rp        ipv4.Addr    // 0.0.0.0: any
	local, remote   bool
	joined          bool
}

// installSASelections declares the commands that show entries of the SA cache.
func installSASelections(sh *vty.Shell, show func(*vty.Call) error) {
	const wanted = " [group A.B.C.D/M$groups] [source A.B.C.D/M$sources] [peer A.B.C.D$peer] [rp A.B.C.D$rp] [<local|remote>] [joined] [detail$detail] [json$json]"
	const wantedHelp = "Only of some groups\nA range\nOnly of some sources\nA prefix\nOnly what a peer announced\nIts address\nOnly of an originating RP\nIts address\n" +
		"Only sources of this domain\nOnly sources of others\nOnly those that are joined\nAll there is to say of each\nAs JSON\n"
	sh.Install(sh.View, "show ip msdp sa"+wanted, showHelp+"Source-active cache\n"+wantedHelp, show)
	sh.Install(sh.View, "show ip msdp sa A.B.C.D$first [A.B.C.D$second] [json$json]",
		showHelp+"Source-active cache\nA source or a group\nThe other one\nAs JSON\n", show)
	// As IOS has it.
	sh.Install(sh.View, "show ip msdp sa-cache [A.B.C.D$first [A.B.C.D$second]] [json$json]",
		showHelp+"Source-active cache\nA source or a group\nThe other one\nAs JSON\n", show)
}

// selectSAs reads what a command asks for. The error names an address that is no source.
func selectSAs(c *vty.Call) (saSelection, error) {
	w := saSelection{
		sources: c.Prefix("sources"), groups: c.Prefix("groups"), peer: c.Addr("peer"), rp: c.Addr("rp"),
		local: c.Has("local"), remote: c.Has("remote"), joined: c.Has("joined"),
	}
	for _, name := range []string{"first", "second"} {
		a, given := c.AddrOK(name)
		switch {
		case !given:
		case a.IsMulticast() && w.group == 0:
			w.group = a
		case !a.IsMulticast() && w.source == 0:
			w.source = a
		case a.IsMulticast():
			return w, fmt.Errorf("%s and %s are both groups: name a source and a group", w.group, a)
		default:
			return w, fmt.Errorf("%s and %s are both sources: name a source and a group", w.source, a)
		}
	}
	return w, nil
}

// key reports whether (S,G) may be wanted.
func (w saSelection) key(sg ipv4.SG) bool {
	return (w.source == 0 || w.source == sg.Source) && (w.group == 0 || w.group == sg.Group) &&
		(!w.sources.IsValid() || w.sources.Contains(sg.Source.Netip())) &&
		(!w.groups.IsValid() || w.groups.Contains(sg.Group.Netip()))
}

// entry reports whether an entry whose key may be wanted is.
func (w saSelection) entry(e shownSA) bool {
	return (!w.local || e.Local) && (!w.remote || !e.Local) &&
		(w.peer == 0 || !e.Local && e.Peer == w.peer) && (w.rp == 0 || e.RP == w.rp) &&
		(!w.joined || e.isJoined && e.join == pim.JoinConfirmed)
}
