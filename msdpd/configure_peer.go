package main

import (
	"fmt"
	"slices"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/vty"
)

// peers installs the commands about one peer.
func (c *configurator) peers() {
	c.both("msdp peer A.B.C.D$peer source A.B.C.D$source [as (1-4294967295)$asn]",
		peerHelp+"Where the session comes from\nAn address of this router\nThe peer's autonomous system\nIts number\n", configurePeer)
	c.both("msdp peer A.B.C.D$peer connect-source WORD$interface [<as|remote-as> (1-4294967295)$asn]",
		peerHelp+"Where the session comes from\nAn interface, whose first address is used\nThe peer's autonomous system\nThe peer's autonomous system\nIts number\n", configurePeer)
	c.withdraw("msdp peer A.B.C.D$peer", peerHelp, removePeer)
	c.both("msdp peer A.B.C.D$peer description LINE...$text", peerHelp+"What the peer is, in words\nThe words\n", configureDescription)
	c.withdraw("msdp peer A.B.C.D$peer description", peerHelp+"What the peer is, in words\n", configureDescription)
	// What follows configures a mesh-group member as well, which has its source from the group.
	const passwordHelp = "Sign the session (TCP MD5, RFC 2385)\n"
	c.both("msdp peer A.B.C.D$peer password KEY!$key", peerHelp+passwordHelp+"The password, up to 80 octets\n", configurePassword)
	c.withdraw("msdp peer A.B.C.D$peer password", peerHelp+passwordHelp, configurePassword)
	const ttlHelp = "Drop what comes from further away (RFC 5082)\n"
	c.both("msdp peer A.B.C.D$peer ttl-security hops (1-254)$hops", peerHelp+ttlHelp+"How far away the peer may be\n1 is a neighbour\n", configureTTL)
	c.withdraw("msdp peer A.B.C.D$peer ttl-security", peerHelp+ttlHelp, configureTTL)
	c.both("msdp peer A.B.C.D$peer shutdown", peerHelp+"Hold no session with it\n", configureShutdown)
}

func configurePeer(s *settings, c *vty.Call) error {
	addr := c.Addr("peer")
	if c.No {
		return removePeer(s, c)
	}
	if name := c.Arg("interface"); name != "" {
		if err := validInterface(name); err != nil {
			return err
		}
	}
	p := s.msdp.AddPeer(addr)
	p.Local, p.LocalInterface = c.Addr("source"), c.Arg("interface")
	p.ASN = uint32(c.Uint("asn"))
	return nil
}

func removePeer(s *settings, c *vty.Call) error {
	addr := c.Addr("peer")
	if !s.msdp.RemovePeer(addr) {
		return noPeer(addr)
	}
	for _, g := range s.msdp.MeshGroups {
		if slices.Contains(g.Members, addr) {
			c.Printf("%% Warning: %s stays a peer, as a member of mesh-group %s, without what was configured of it alone\n", addr, g.Name)
		}
	}
	return nil
}

func noPeer(addr ipv4.Addr) error { return fmt.Errorf("there is no peer %s", addr) }

// changePeer changes the peer that a command is about. What is to be set can come before the
// source, and a mesh-group member needs none; `no` needs something to take away.
func changePeer(s *settings, c *vty.Call, f func(p *msdp.PeerConfig)) error {
	addr := c.Addr("peer")
	if c.No && s.msdp.Peer(addr) == nil {
		return noPeer(addr)
	}
	f(s.msdp.AddPeer(addr))
	s.msdp.DropEmptyPeer(addr)
	return nil
}

func configureDescription(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		p.Description = ""
		if !c.No {
			p.Description = c.Arg("text")
		}
	})
}

func configurePassword(s *settings, c *vty.Call) error {
	if c.No {
		return setPassword(s, c, "")
	}
	return setPassword(s, c, guard.Key(c.Arg("key")))
}

func setPassword(s *settings, c *vty.Call, key guard.Key) error {
	if key.Reveal() == guard.Hidden {
		return fmt.Errorf("%s stands for a password in what is shown without enable, and is none", guard.Hidden)
	}
	return changePeer(s, c, func(p *msdp.PeerConfig) { p.Guard.Key = key })
}

func configureTTL(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		p.Guard.Hops = 0
		if !c.No {
			p.Guard.Hops = uint8(c.Uint("hops"))
		}
	})
}

func configureShutdown(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) { p.Shutdown = !c.No })
}
