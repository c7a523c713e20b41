package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

var allGroups = netip.MustParsePrefix("224.0.0.0/4")

// instance installs the commands that hold for the whole routing instance.
func (c *configurator) instance() {
	c.install(c.shell.Config, "hostname WORD$name", "Set this router's name in prompts\nThe name\n", func(s *settings, call *vty.Call) error {
		s.hostname = call.Arg("name")
		return nil
	})
	c.install(c.shell.Config, "no hostname [WORD$name]", "Negate a command\nSet this router's name in prompts\nThe name\n", func(s *settings, _ *vty.Call) error {
		s.hostname = ""
		return nil
	})
	c.both("msdp timers (1-65535)$keepalive (3-65535)$hold [(1-65535)$retry]",
		msdpHelp+"Periods of every session, in seconds\nKeepAlive period, less than the hold time\nHold time\nConnectRetry period\n", configureTimers)
	c.withdraw("msdp timers", msdpHelp+"Periods of every session\n", configureTimers)
	c.both("msdp originator-id <A.B.C.D$id|IFNAME$interface>",
		msdpHelp+"The RP field of the SAs of this router\nAn address of this router\nAn interface, whose first address is used\n", configureOriginator)
	const rejectedHelp = msdpHelp + "Remember refused SA entries for `show ip msdp sa rejected` and `why`\n"
	c.both("msdp cache-rejected-sa (1-1000000)$count", rejectedHelp+"How many, 1000 if not set\n", configureRejected)
	c.withdraw("msdp cache-rejected-sa", rejectedHelp, configureRejected)
	c.withdraw("msdp originator-id", msdpHelp+"The RP field of the SAs of this router\n", configureOriginator)
	const defaultHelp = msdpHelp + "The RPF peer towards RPs for which no other rule names one\nThe peer's address\n"
	c.both("msdp default-peer A.B.C.D$peer [prefix-list WORD$list]", defaultHelp+"Only the RPs that a list permits\nThe prefix list's name\n", configureDefaultPeer)
	c.install(c.shell.Config, "[no] ip pim rp A.B.C.D$rp [A.B.C.D/M$group]",
		"Negate a command\nIP information\nProtocol Independent Multicast\nA rendezvous point, where no pimd says it\nIts address\nThe groups it serves, 224.0.0.0/4 if not given\n", configureRP)
}

func configureTimers(s *settings, c *vty.Call) error {
	t := msdp.DefaultTimers()
	if !c.No {
		t.KeepAlive = time.Duration(c.Uint("keepalive")) * time.Second
		t.Hold = time.Duration(c.Uint("hold")) * time.Second
		if retry, ok := c.UintOK("retry"); ok {
			t.ConnectRetry = time.Duration(retry) * time.Second
		}
	}
	s.msdp.Timers = t
	return nil
}

func configureRejected(s *settings, c *vty.Call) error {
	s.msdp.RejectedSAs = 0
	if !c.No {
		s.msdp.RejectedSAs = int(c.Uint("count"))
	}
	return nil
}

func configureOriginator(s *settings, c *vty.Call) error {
	s.msdp.OriginatorID, s.msdp.OriginatorInterface = 0, ""
	if c.No {
		return nil
	}
	if name := c.Arg("interface"); name != "" {
		s.msdp.OriginatorInterface = name
		return validInterface(name)
	}
	s.msdp.OriginatorID = c.Addr("id")
	return nil
}

// validInterface refuses what the kernel never calls an interface, and what was meant to be an
// address.
func validInterface(name string) error {
	switch {
	case strings.Trim(name, "0123456789.") == "":
		return fmt.Errorf("%s is neither an IPv4 address nor the name of an interface", name)
	case len(name) >= unix.IFNAMSIZ || strings.Contains(name, "/"):
		return fmt.Errorf("%s cannot be the name of an interface", name)
	}
	return nil
}

func configureDefaultPeer(s *settings, c *vty.Call) error {
	addr := c.Addr("peer")
	i := slices.IndexFunc(s.msdp.DefaultPeers, func(d msdp.DefaultPeer) bool { return d.Addr == addr })
	switch {
	case c.No && i < 0:
		return fmt.Errorf("%s is not a default peer", addr)
	case c.No:
		s.msdp.DefaultPeers = slices.Delete(s.msdp.DefaultPeers, i, i+1)
	case i < 0:
		s.msdp.DefaultPeers = append(s.msdp.DefaultPeers, msdp.DefaultPeer{Addr: addr, PrefixList: c.Arg("list")})
	default:
		s.msdp.DefaultPeers[i].PrefixList = c.Arg("list")
	}
	return nil
}

func configureRP(s *settings, c *vty.Call) error {
	group := allGroups
	if c.Has("group") {
		group = c.Prefix("group").Masked()
	}
	if !group.Addr().IsMulticast() || group.Bits() < 4 {
		return fmt.Errorf("%s is no range of groups", group)
	}
	if c.No {
		if !s.removeStaticRP(group) {
			return fmt.Errorf("there is no RP configured for %s", group)
		}
		return nil
	}
	s.addStaticRP(staticRP{addr: c.Addr("rp"), group: group})
	return nil
}
