package main

import (
	"fmt"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

// limits installs the commands about limits. `no` returns to the default.
func (c *configurator) limits() {
	const (
		limitHelp     = "A limit on SA entries\n"
		entriesHelp   = "The most entries; new ones are refused above\n"
		noLimitHelp   = "No limit\n"
		thresholdHelp = "When to warn\nHow full the limit is then, in percent; 80 if not given\n"
		rateHelp      = "New ones a second\nHow many may come at once\nThe number\n"
	)
	c.both("msdp peer A.B.C.D$peer sa-limit <(1-4294967294)$max|unlimited> [threshold (1-100)$percent]",
		peerHelp+limitHelp+entriesHelp+noLimitHelp+thresholdHelp, configurePeerLimit)
	c.withdraw("msdp peer A.B.C.D$peer sa-limit", peerHelp+limitHelp, configurePeerLimit)
	c.both("msdp peer A.B.C.D$peer sa-rate (1-4294967294)$rate burst (1-4294967295)$burst",
		peerHelp+"How fast new SA entries may come\n"+rateHelp, configurePeerRate)
	c.withdraw("msdp peer A.B.C.D$peer sa-rate", peerHelp+"How fast new SA entries may come\n", configurePeerRate)
	c.both("msdp sa-limit (1-4294967294)$max [threshold (1-100)$percent]",
		msdpHelp+"A limit on the SA entries of all peers together\n"+entriesHelp+thresholdHelp, configureLimit)
	c.withdraw("msdp sa-limit", msdpHelp+"A limit on the SA entries of all peers together\n", configureLimit)
	// Cisco's.
	c.both("msdp sa-limit A.B.C.D$peer (1-4294967294)$max", msdpHelp+limitHelp+"The peer's address\n"+entriesHelp, configurePeerLimit)
	c.withdraw("msdp sa-limit A.B.C.D$peer", msdpHelp+limitHelp+"The peer's address\n", configurePeerLimit)

	c.both("msdp group-limit (1-4294967294)$max", msdpHelp+"A limit on the SA entries of each group\n"+entriesHelp, configureGroupLimit)
	c.both("msdp group-limit A.B.C.D/M$prefix <(1-4294967294)$max|unlimited>",
		msdpHelp+"A limit on the SA entries of each group\nA range of groups\n"+entriesHelp+noLimitHelp, configureGroupLimit)
	c.withdraw("msdp group-limit [A.B.C.D/M$prefix]", msdpHelp+"A limit on the SA entries of each group\nA range of groups\n", configureGroupLimit)
	c.both("msdp source-limit (1-4294967294)$max", msdpHelp+"A limit on the SA entries of each source\n"+entriesHelp, configureSourceLimit)
	c.both("msdp source-limit A.B.C.D/M$prefix <(1-4294967294)$max|unlimited>",
		msdpHelp+"A limit on the SA entries of each source\nOn those of all sources in a prefix together\n"+entriesHelp+noLimitHelp, configureSourceLimit)
	c.withdraw("msdp source-limit [A.B.C.D/M$prefix]",
		msdpHelp+"A limit on the SA entries of each source\nOn those of all sources in a prefix together\n", configureSourceLimit)
	c.both("msdp rp-limit (1-4294967294)$max", msdpHelp+"A limit on the SA entries of each originating RP\n"+entriesHelp, configureRPLimit)
	c.withdraw("msdp rp-limit", msdpHelp+"A limit on the SA entries of each originating RP\n", configureRPLimit)

	c.both("msdp register-rate <unlimited|(1-4294967294)$rate burst (1-4294967295)$burst>",
		msdpHelp+"How fast each DR may register new sources\n"+noLimitHelp+rateHelp, configureRegisterRate)
	c.withdraw("msdp register-rate", msdpHelp+"How fast each DR may register new sources\n", configureRegisterRate)
	c.both("msdp join-limit (1-100000)$total [per-group (1-100000)$group]",
		msdpHelp+"A limit on the sources that are joined\nOf all groups together\nOf each group\nThe most; what pimd bears is not exceeded\n", configureJoinLimit)
	c.withdraw("msdp join-limit", msdpHelp+"A limit on the sources that are joined\n", configureJoinLimit)
}

// most is the limit that a command gives.
func most(c *vty.Call) uint32 {
	if c.Has("unlimited") {
		return msdp.Unlimited
	}
	return uint32(c.Uint("max"))
}

func entryLimit(c *vty.Call) msdp.EntryLimit {
	if c.No {
		return msdp.EntryLimit{}
	}
	return msdp.EntryLimit{Max: most(c), Threshold: uint8(c.Uint("percent"))}
}

func rateLimit(c *vty.Call) msdp.Rate {
	switch {
	case c.No:
		return msdp.Rate{}
	case c.Has("unlimited"):
		return msdp.Rate{PerSecond: msdp.Unlimited}
	}
	return msdp.Rate{PerSecond: uint32(c.Uint("rate")), Burst: uint32(c.Uint("burst"))}
}

func configurePeerLimit(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) { p.Limits.Entries = entryLimit(c) })
}

func configurePeerRate(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) { p.Limits.Rate = rateLimit(c) })
}

func configureLimit(s *settings, c *vty.Call) error {
	s.msdp.Limits.Entries = entryLimit(c)
	return nil
}

func configureGroupLimit(s *settings, c *vty.Call) error {
	return changePrefixLimit(c, "group-limit", &s.msdp.Limits.Group, &s.msdp.Limits.Groups)
}

func configureSourceLimit(s *settings, c *vty.Call) error {
	return changePrefixLimit(c, "source-limit", &s.msdp.Limits.Source, &s.msdp.Limits.Sources)
}

// changePrefixLimit changes the limit of a prefix, or the one that holds for all.
func changePrefixLimit(c *vty.Call, name string, all *uint32, limits *msdp.PrefixLimits) error {
	if !c.Has("prefix") {
		*all = 0
		if !c.No {
			*all = most(c)
		}
		return nil
	}
	prefix := c.Prefix("prefix").Masked()
	if !c.No {
		limits.Set(prefix, most(c))
	} else if !limits.Remove(prefix) {
		return fmt.Errorf("there is no %s for %s", name, prefix)
	}
	return nil
}

func configureRPLimit(s *settings, c *vty.Call) error {
	s.msdp.Limits.RP = entryLimit(c).Max
	return nil
}

func configureRegisterRate(s *settings, c *vty.Call) error {
	s.msdp.Limits.Registers = rateLimit(c)
	return nil
}

func configureJoinLimit(s *settings, c *vty.Call) error {
	s.joins = joinLimits{}
	if !c.No {
		s.joins = joinLimits{total: int(c.Uint("total")), perGroup: int(c.Uint("group"))}
	}
	return nil
}

// writeLimits prints the limits that hold for all.
func (s *settings) writeLimits(line func(string, ...any)) {
	l := &s.msdp.Limits
	if l.Entries.Max != 0 {
		line("ip msdp sa-limit %s", entryLimitWords(l.Entries))
	}
	writePrefixLimits(line, "group-limit", l.Group, l.Groups)
	writePrefixLimits(line, "source-limit", l.Source, l.Sources)
	if l.RP != 0 {
		line("ip msdp rp-limit %d", l.RP)
	}
	if l.Registers.PerSecond != 0 {
		line("ip msdp register-rate %s", rateWords(l.Registers))
	}
	switch j := s.joins; {
	case j.perGroup != 0:
		line("ip msdp join-limit %d per-group %d", j.total, j.perGroup)
	case j.total != 0:
		line("ip msdp join-limit %d", j.total)
	}
}

func writePrefixLimits(line func(string, ...any), name string, all uint32, limits msdp.PrefixLimits) {
	if all != 0 {
		line("ip msdp %s %d", name, all)
	}
	for _, l := range limits {
		line("ip msdp %s %s %s", name, l.Prefix, maxWord(l.Max))
	}
}

func writePeerLimits(line func(string, ...any), p msdp.PeerConfig) {
	if p.Limits.Entries.Max != 0 {
		line("ip msdp peer %s sa-limit %s", p.Addr, entryLimitWords(p.Limits.Entries))
	}
	if p.Limits.Rate.PerSecond != 0 {
		line("ip msdp peer %s sa-rate %s", p.Addr, rateWords(p.Limits.Rate))
	}
}

func entryLimitWords(l msdp.EntryLimit) string {
	if l.Threshold == 0 {
		return maxWord(l.Max)
	}
	return fmt.Sprintf("%s threshold %d", maxWord(l.Max), l.Threshold)
}

func maxWord(n uint32) string {
	if n == msdp.Unlimited {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

func rateWords(r msdp.Rate) string {
	if r.PerSecond == msdp.Unlimited {
		return "unlimited"
	}
	return fmt.Sprintf("%d burst %d", r.PerSecond, r.Burst)
}
