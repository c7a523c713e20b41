package msdp

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"msdpd/lib/acl"
	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

// PeerConfig is one configured peering, or what is configured of that with a mesh-group member.
type PeerConfig struct {
	Addr ipv4.Addr
	// Local is the address the session is bound to; 0.0.0.0 where LocalInterface names it, or
	// the mesh group that the peer is a member of.
	Local ipv4.Addr
	// LocalInterface is Cisco's connect-source: the first address of that interface is Local.
	LocalInterface string
	// ASN is the peer's autonomous system, 0 if not configured.
	ASN         uint32
	Description string
	Shutdown    bool
	Guard       guard.Guard
	// Timers are the periods of this peering; one that is 0 is that of Config.
	Timers   Timers
	Filters  PeerFilters
	Requests PeerRequests
	Data     PeerData
	Limits   PeerLimits
}

// empty reports whether nothing is configured but the address.
func (p PeerConfig) empty() bool { return p == PeerConfig{Addr: p.Addr} }

// MeshGroup is a set of peers that are all peers of each other (RFC 3618 §10.2).
type MeshGroup struct {
	Name string
	// Source is the local address of the sessions to members that have no peering of their
	// own, and the RP of our SAs where there is no originator-id. 0.0.0.0: not configured yet.
	Source  ipv4.Addr
	Members []ipv4.Addr // ascending
}

// Config is what a Speaker is told to do. The zero value has no peers and needs Timers.
type Config struct {
	Peers      []PeerConfig // by address, ascending
	MeshGroups []MeshGroup  // by name
	Timers     Timers
	// Shutdown holds no session with any peer.
	Shutdown bool
	// OriginatorID is the RP field of our SAs; 0.0.0.0: the mesh group's source, else RP(G).
	OriginatorID ipv4.Addr
	// OriginatorInterface names the interface whose first address is the OriginatorID, "" for none.
	OriginatorInterface string
	// Log says what is logged beyond what every operator needs to know.
	Log LogEvents
	// DefaultPeers are static RPF peers (rule v of §10.1.3), the first first.
	DefaultPeers []DefaultPeer
	Redistribute Redistribution
	// RejectedSAs is how many refused entries are remembered, at least 0.
	RejectedSAs int
	// Lists are the access and prefix lists that others name. They are not changed in place.
	Lists  acl.Lists
	Limits Limits
	// DataPeriod is for how long the packets of a new local source are sent in SAs, and has
	// those in SAs of others passed on; 0: none are.
	DataPeriod time.Duration
}

// Clone returns a copy that shares nothing with c.
func (c Config) Clone() Config {
	c.Peers = slices.Clone(c.Peers)
	c.DefaultPeers = slices.Clone(c.DefaultPeers)
	c.Lists = c.Lists.Clone()
	c.MeshGroups = slices.Clone(c.MeshGroups)
	c.Limits = c.Limits.clone()
	for i := range c.MeshGroups {
		c.MeshGroups[i].Members = slices.Clone(c.MeshGroups[i].Members)
	}
	return c
}

// Peer returns the peering with addr, or nil.
func (c *Config) Peer(addr ipv4.Addr) *PeerConfig {
	i, ok := c.peerPosition(addr)
	if !ok {
		return nil
	}
	return &c.Peers[i]
}

func (c *Config) peerPosition(addr ipv4.Addr) (int, bool) {
	return slices.BinarySearchFunc(c.Peers, addr, func(p PeerConfig, a ipv4.Addr) int { return cmp.Compare(p.Addr, a) })
}

// AddPeer returns the peering with addr, made anew if there was none.
func (c *Config) AddPeer(addr ipv4.Addr) *PeerConfig {
	i, ok := c.peerPosition(addr)
	if !ok {
		c.Peers = slices.Insert(c.Peers, i, PeerConfig{Addr: addr})
	}
	return &c.Peers[i]
}

// DropEmptyPeer removes the peering with addr if nothing of it is configured (any more).
func (c *Config) DropEmptyPeer(addr ipv4.Addr) {
	if p := c.Peer(addr); p != nil && p.empty() {
		c.RemovePeer(addr)
	}
}

// RemovePeer removes the peering with addr and reports whether there was one.
func (c *Config) RemovePeer(addr ipv4.Addr) bool {
	i, ok := c.peerPosition(addr)
	if ok {
		c.Peers = slices.Delete(c.Peers, i, i+1)
	}
	return ok
}

// MeshGroup returns the mesh group called name, or nil.
func (c *Config) MeshGroup(name string) *MeshGroup {
	for i := range c.MeshGroups {
		if c.MeshGroups[i].Name == name {
			return &c.MeshGroups[i]
		}
	}
	return nil
}

// AddMeshGroup returns the mesh group called name, made anew if there was none.
func (c *Config) AddMeshGroup(name string) *MeshGroup {
	if g := c.MeshGroup(name); g != nil {
		return g
	}
	i, _ := slices.BinarySearchFunc(c.MeshGroups, name, func(g MeshGroup, n string) int { return cmp.Compare(g.Name, n) })
	c.MeshGroups = slices.Insert(c.MeshGroups, i, MeshGroup{Name: name})
	return &c.MeshGroups[i]
}

// RemoveMeshGroup removes the mesh group called name and reports whether there was one.
func (c *Config) RemoveMeshGroup(name string) bool {
	n := len(c.MeshGroups)
	c.MeshGroups = slices.DeleteFunc(c.MeshGroups, func(g MeshGroup) bool { return g.Name == name })
	return len(c.MeshGroups) < n
}

// AddMember adds addr to the group and reports whether it was not there before.
func (g *MeshGroup) AddMember(addr ipv4.Addr) bool {
	i, found := slices.BinarySearch(g.Members, addr)
	if !found {
		g.Members = slices.Insert(g.Members, i, addr)
	}
	return !found
}

// RemoveMember takes addr out of the group and reports whether it was there.
func (g *MeshGroup) RemoveMember(addr ipv4.Addr) bool {
	i, found := slices.BinarySearch(g.Members, addr)
	if found {
		g.Members = slices.Delete(g.Members, i, i+1)
	}
	return found
}

// Validate checks what one command alone cannot see. The error names what is wrong.
func (c *Config) Validate() error {
	if err := c.Timers.Validate(); err != nil {
		return err
	}
	if err := c.Limits.validate(); err != nil {
		return err
	}
	if c.DataPeriod < 0 || c.DataPeriod > MaxDataPeriod {
		return fmt.Errorf("data-encapsulation: %s is longer than %s", c.DataPeriod, MaxDataPeriod)
	}
	for _, p := range c.Peers {
		if err := ValidRouterAddress(p.Addr); err != nil {
			return err
		}
		if p.Local == p.Addr {
			return fmt.Errorf("peer %s: the source %s is the peer's own address", p.Addr, p.Local)
		}
		if !p.Local.IsUnspecified() {
			if err := ValidRouterAddress(p.Local); err != nil {
				return fmt.Errorf("peer %s: source: %w", p.Addr, err)
			}
		}
		if err := p.Guard.Validate(); err != nil {
			return fmt.Errorf("peer %s: %w", p.Addr, err)
		}
		if err := p.Limits.validate(); err != nil {
			return fmt.Errorf("peer %s: %w", p.Addr, err)
		}
		if err := p.Timers.over(c.Timers).Validate(); err != nil {
			return fmt.Errorf("peer %s: %w", p.Addr, err)
		}
	}
	if c.OriginatorID != 0 {
		if err := ValidRouterAddress(c.OriginatorID); err != nil {
			return fmt.Errorf("originator-id: %w", err)
		}
	}
	memberOf := make(map[ipv4.Addr]string)
	for _, g := range c.MeshGroups {
		for _, m := range g.Members {
			if err := ValidRouterAddress(m); err != nil {
				return fmt.Errorf("mesh-group %s: member: %w", g.Name, err)
			}
			if other, ok := memberOf[m]; ok {
				return fmt.Errorf("mesh-group %s: member %s is already a member of mesh-group %s", g.Name, m, other)
			}
			if m == g.Source {
				return fmt.Errorf("mesh-group %s: member %s is the group's own source", g.Name, m)
			}
			memberOf[m] = g.Name
		}
		if !g.Source.IsUnspecified() {
			if err := ValidRouterAddress(g.Source); err != nil {
				return fmt.Errorf("mesh-group %s: source: %w", g.Name, err)
			}
		}
	}
	return nil
}

// ValidRouterAddress refuses what no router can have as its address; the error names it.
func ValidRouterAddress(a ipv4.Addr) error {
	if a.IsUnspecified() || a.IsMulticast() || a>>28 == 0xf {
		return fmt.Errorf("%s cannot be a router's address", a)
	}
	return nil
}

// peering is one session to hold: a configured peer, or a mesh-group member without a
// peering of its own.
type peering struct {
	PeerConfig
	mesh   string // name of its mesh group, "" if none
	timers Timers // in force
}

// peerings returns the sessions to hold, by address. A peer or member whose source is not
// configured is among them, with Local 0.0.0.0; its session cannot start.
func (c *Config) peerings() []peering {
	all := make(map[ipv4.Addr]*peering)
	for _, p := range c.Peers {
		all[p.Addr] = &peering{PeerConfig: p}
	}
	for _, g := range c.MeshGroups {
		for _, m := range g.Members {
			p := all[m]
			if p == nil {
				p = &peering{PeerConfig: PeerConfig{Addr: m}}
				all[m] = p
			}
			if p.Local.IsUnspecified() && p.LocalInterface == "" {
				p.Local = g.Source
			}
			p.mesh = g.Name
		}
	}
	out := make([]peering, 0, len(all))
	for _, p := range all {
		p.timers = p.Timers.over(c.Timers)
		p.Shutdown = p.Shutdown || c.Shutdown
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b peering) int { return cmp.Compare(a.Addr, b.Addr) })
	return out
}
