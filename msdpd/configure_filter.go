package main

import (
	"fmt"
	"slices"

	"go.uber.org/zap"

	"msdpd/lib/acl"
	"msdpd/lib/msdp"
	"msdpd/vty"
)

// filters installs the commands about what crosses a peering, and what is announced.
func (c *configurator) filters() {
	const (
		filterHelp = peerHelp + "Let only those SAs cross that a list permits\n"
		listHelp   = "An access list of sources and groups\n"
		rpHelp     = "Filter by the originating RP\n"
		ways       = "What comes from the peer\nWhat goes to the peer\n"
		scopeHelp  = peerHelp + "Let no group cross, in either direction, that a list denies\n"
	)
	c.both("msdp peer A.B.C.D$peer sa-filter WORD$list <in$in|out$out>", filterHelp+listHelp+ways, configureFilter)
	c.withdraw("msdp peer A.B.C.D$peer sa-filter <in$in|out$out>", filterHelp+ways, configureFilter)
	c.both("msdp peer A.B.C.D$peer sa-filter rp-list WORD$rps <in$in|out$out>", filterHelp+rpHelp+"An access list of RPs\n"+ways, configureFilter)
	c.withdraw("msdp peer A.B.C.D$peer sa-filter rp-list$rplist <in$in|out$out>", filterHelp+rpHelp+ways, configureFilter)
	// As IOS has it.
	const iosHelp = msdpHelp + "Let only those SAs cross that a list permits, none without a list\n" + ways + "The peer's address\n"
	c.both("msdp sa-filter <in$in|out$out> A.B.C.D$peer [list WORD$list] [rp-list WORD$rps]",
		iosHelp+"Filter by source and group\nAn access list\n"+rpHelp+"An access list of RPs\n", configureFilterBothLists)
	c.both("msdp peer A.B.C.D$peer scope-boundary WORD$list", scopeHelp+"An access list of groups\n", configureScope)
	c.withdraw("msdp peer A.B.C.D$peer scope-boundary", scopeHelp, configureScope)
	const redistributeHelp = msdpHelp + "Announce only some of this RP's own sources; without a list, none\n"
	c.both("msdp redistribute [list WORD$list]", redistributeHelp+"Those that a list permits\nAn access list of sources and groups\n", configureRedistribute)
}

// direction is the one of p's that a command is about.
func direction(p *msdp.PeerConfig, c *vty.Call) *msdp.FilterLists {
	if c.Has("in") {
		return &p.Filters.In
	}
	return &p.Filters.Out
}

func configureFilter(s *settings, c *vty.Call) error {
	list, what := c.Arg("list"), "sa-filter"
	if c.Has("rps") || c.Has("rplist") {
		list, what = c.Arg("rps"), "sa-filter rp-list"
	}
	return nameList(s, c, what, list, func(p *msdp.PeerConfig) *string {
		lists := direction(p, c)
		if c.Has("rps") || c.Has("rplist") {
			return &lists.RP
		}
		return &lists.SG
	})
}

// nameList sets the name of a list that a peer uses, or takes it away. What is to be taken away by
// its name must have that name.
func nameList(s *settings, c *vty.Call, what, list string, place func(*msdp.PeerConfig) *string) error {
	if p := s.msdp.Peer(c.Addr("peer")); c.No && list != "" && p != nil && *place(p) != list {
		return fmt.Errorf("%s of peer %s is not %s", what, p.Addr, list)
	}
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		*place(p) = ""
		if !c.No {
			*place(p) = list
		}
	})
}

func configureFilterBothLists(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		lists := direction(p, c)
		*lists = msdp.FilterLists{}
		if !c.No {
			*lists = msdp.FilterLists{SG: c.Arg("list"), RP: c.Arg("rps")}
			if *lists == (msdp.FilterLists{}) {
				lists.SG = acl.Nothing().Name() // as in IOS
			}
		}
	})
}

func configureScope(s *settings, c *vty.Call) error {
	return nameList(s, c, "scope-boundary", c.Arg("list"), func(p *msdp.PeerConfig) *string { return &p.Filters.ScopeBoundary })
}

func configureRedistribute(s *settings, c *vty.Call) error {
	s.msdp.Redistribute = msdp.Redistribution{}
	if !c.No {
		s.msdp.Redistribute = msdp.Redistribution{Restricted: true, List: c.Arg("list")}
	}
	return nil
}

func writePeerFilters(line func(string, ...any), p msdp.PeerConfig) {
	write := func(syntax, list, suffix string) {
		if list != "" {
			line("ip msdp peer %s %s %s%s", p.Addr, syntax, list, suffix)
		}
	}
	f := p.Filters
	write("sa-filter", f.In.SG, " in")
	write("sa-filter", f.Out.SG, " out")
	write("sa-filter rp-list", f.In.RP, " in")
	write("sa-filter rp-list", f.Out.RP, " out")
	write("scope-boundary", f.ScopeBoundary, "")
}

// warnOfMissingLists says which lists are named now and do not exist, and which are there now.
func (in *instance) warnOfMissingLists(before, now *settings) {
	was, is := before.msdp.MissingLists(), now.msdp.MissingLists()
	for _, m := range without(is, was) {
		in.log.Warn("a list that is named does not exist, nothing passes", zap.String("list", m.Name), zap.String("by", m.User))
	}
	for _, m := range without(was, is) {
		in.log.Info("no longer named, or there by now", zap.String("list", m.Name), zap.String("by", m.User))
	}
}

// without returns those of all that are not in some.
func without(all, some []msdp.MissingList) []msdp.MissingList {
	return slices.DeleteFunc(slices.Clone(all), func(m msdp.MissingList) bool { return slices.Contains(some, m) })
}

func (d *daemon) installTestFilter(sh *vty.Shell) {
	sh.Install(sh.View, "test ip msdp sa-filter WORD$list A.B.C.D$source A.B.C.D$group [rp A.B.C.D$rp]",
		"Try something\nIP information\nMulticast Source Discovery Protocol\nWhat a list says of an SA\nThe list's name\nThe source\nThe group\nThe originating RP\nIts address\n",
		d.testFilter)
}

// testFilter says which line of a list decides.
func (d *daemon) testFilter(c *vty.Call) error {
	s, err := d.instance.snapshot()
	if err != nil {
		return err
	}
	name := c.Arg("list")
	list := s.msdp.Lists.Access(name)
	if list == nil {
		return fmt.Errorf("there is no access list %s: a filter that names it refuses everything", name)
	}
	sg, err := sourceAndGroup(c)
	if err != nil {
		return err
	}
	permit, line := list.Permits(sg)
	c.Printf("%s: %s\n", sg, acl.Verdict(name, permit, line))
	if rp, ok := c.AddrOK("rp"); ok {
		permit, line := list.PermitsAddr(rp)
		c.Printf("RP %s, where the list is an rp-list: %s\n", rp, acl.Verdict(name, permit, line))
	}
	return nil
}
