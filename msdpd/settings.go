package main

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"msdpd/lib/debug"
	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

// settings are what the configuration file says.
type settings struct {
	hostname string
	log      logSettings
	vty      vtySettings
	msdp     msdp.Config
	// staticRPs count only where no pimd answers.
	staticRPs []staticRP
	joins     joinLimits
	debug     debug.Set
}

// staticRP is `ip pim rp A.B.C.D A.B.C.D/M`.
type staticRP struct {
	addr  ipv4.Addr
	group netip.Prefix
}

func newSettings() *settings {
	return &settings{log: newLogSettings(), vty: newVtySettings(), msdp: msdp.Config{Timers: msdp.DefaultTimers(), RejectedSAs: msdp.DefaultRejectedSAs}}
}

func (s *settings) clone() *settings {
	c := *s
	c.msdp = s.msdp.Clone()
	c.staticRPs = slices.Clone(s.staticRPs)
	c.debug = slices.Clone(s.debug)
	return &c
}

// write prints the configuration in canonical order: read back, it gives the same settings if
// key is guard.Key.Reveal. With guard.Key.String it shows no keys.
func (s *settings) write(w io.Writer, key func(guard.Key) string) {
	lines := 0
	line := func(format string, args ...any) {
		lines++
		fmt.Fprintf(w, format+"\n", args...)
	}
	line("!")
	if s.hostname != "" {
		line("hostname %s", s.hostname)
	}
	s.log.write(line)
	s.vty.writeTop(line, key)
	writeDebug(line, s.debug)
	if lines > 1 {
		line("!")
	}
	m := &s.msdp
	writeLists(line, &m.Lists)
	if m.Timers != msdp.DefaultTimers() {
		line("ip msdp timers %d %d %d", m.Timers.KeepAlive/time.Second, m.Timers.Hold/time.Second, m.Timers.ConnectRetry/time.Second)
	}
	if m.Log.Neighbors {
		line("ip msdp log neighbor-events")
	}
	if m.Log.SAs {
		line("ip msdp log sa-events")
	}
	switch {
	case m.OriginatorInterface != "":
		line("ip msdp originator-id %s", m.OriginatorInterface)
	case m.OriginatorID != 0:
		line("ip msdp originator-id %s", m.OriginatorID)
	}
	if m.Shutdown {
		line("ip msdp shutdown")
	}
	switch m.RejectedSAs {
	case msdp.DefaultRejectedSAs:
	case 0:
		line("no ip msdp cache-rejected-sa")
	default:
		line("ip msdp cache-rejected-sa %d", m.RejectedSAs)
	}
	if m.Redistribute.Restricted {
		line("ip msdp redistribute%s", optional(" list ", m.Redistribute.List))
	}
	writeDataEncapsulation(line, m.DataPeriod)
	s.writeLimits(line)
	for _, p := range m.Peers {
		writePeer(line, p, key)
	}
	for _, g := range m.MeshGroups {
		if g.Source != 0 {
			line("ip msdp mesh-group %s source %s", g.Name, g.Source)
		}
		for _, member := range g.Members {
			line("ip msdp mesh-group %s member %s", g.Name, member)
		}
	}
	for _, d := range m.DefaultPeers {
		line("ip msdp default-peer %s%s", d.Addr, optional(" prefix-list ", d.PrefixList))
	}
	for _, rp := range s.staticRPs {
		line("ip pim rp %s %s", rp.addr, rp.group)
	}
	line("!")
	s.vty.writeLine(line)
	line("end")
}

func writePeer(line func(string, ...any), p msdp.PeerConfig, key func(guard.Key) string) {
	as := ""
	if p.ASN != 0 {
		as = fmt.Sprintf(" as %d", p.ASN)
	}
	switch {
	case p.LocalInterface != "":
		line("ip msdp peer %s connect-source %s%s", p.Addr, p.LocalInterface, as)
	case !p.Local.IsUnspecified(): // else that of its mesh group
		line("ip msdp peer %s source %s%s", p.Addr, p.Local, as)
	}
	if p.Description != "" {
		line("ip msdp peer %s description %s", p.Addr, p.Description)
	}
	if p.Guard.Key != "" {
		line("ip msdp peer %s password %s", p.Addr, key(p.Guard.Key))
	}
	if p.Guard.Hops != 0 {
		line("ip msdp peer %s ttl-security hops %d", p.Addr, p.Guard.Hops)
	}
	if t := p.Timers; t != (msdp.Timers{}) {
		retry := ""
		if t.ConnectRetry != 0 {
			retry = fmt.Sprintf(" %d", t.ConnectRetry/time.Second)
		}
		line("ip msdp peer %s timers %d %d%s", p.Addr, t.KeepAlive/time.Second, t.Hold/time.Second, retry)
	}
	writePeerFilters(line, p)
	writePeerRequests(line, p)
	writePeerData(line, p)
	writePeerLimits(line, p)
	if p.Shutdown {
		line("ip msdp peer %s shutdown", p.Addr)
	}
}

// optional is a word and its argument, or nothing where there is no argument.
func optional(word, argument string) string {
	if argument == "" {
		return ""
	}
	return word + argument
}

// addStaticRP adds one mapping, or replaces that of the same group range.
func (s *settings) addStaticRP(rp staticRP) {
	s.removeStaticRP(rp.group)
	s.staticRPs = append(s.staticRPs, rp)
	slices.SortFunc(s.staticRPs, func(a, b staticRP) int {
		return cmp.Or(a.group.Addr().Compare(b.group.Addr()), cmp.Compare(a.group.Bits(), b.group.Bits()))
	})
}

func (s *settings) removeStaticRP(group netip.Prefix) bool {
	n := len(s.staticRPs)
	s.staticRPs = slices.DeleteFunc(s.staticRPs, func(rp staticRP) bool { return rp.group == group })
	return len(s.staticRPs) < n
}
