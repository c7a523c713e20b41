package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/vty"
)

// draftKey is under what name a session keeps the settings that a file is read into.
type draftKey struct{}

// change is one configuration command: it changes s or says why it cannot.
type change func(s *settings, c *vty.Call) error

var allGroups = netip.MustParsePrefix("224.0.0.0/4")

// installConfigure declares the configuration commands. In a session that reads a file
// they change its draft, in any other the running configuration.
func (d *daemon) installConfigure(sh *vty.Shell) {
	routerPIM := &vty.Mode{Name: "router pim", Prompt: "(config-pim)#", Parent: sh.Config}
	install := func(mode *vty.Mode, syntax, help string, f change) {
		sh.Install(mode, syntax, help, func(c *vty.Call) error { return d.configure(c, f) })
	}
	// FRR up to 10.1 writes `ip msdp …` at the top, later releases `msdp …` in `router pim`.
	both := func(syntax, help string, f change) {
		install(sh.Config, "[no] ip "+syntax, "Negate a command\nIP information\n"+help, f)
		install(routerPIM, "[no] "+syntax, "Negate a command\n"+help, f)
	}
	// Commands that need less to be taken back than to be given have a form for that.
	withdraw := func(syntax, help string, f change) {
		install(sh.Config, "no ip "+syntax, "Negate a command\nIP information\n"+help, f)
		install(routerPIM, "no "+syntax, "Negate a command\n"+help, f)
	}
	sh.Install(sh.Config, "router pim", "Enable a routing process\nPIM and MSDP, as FRR 10.2 and later write it\n", func(c *vty.Call) error {
		c.Session.Enter(routerPIM)
		return nil
	})
	install(sh.Config, "hostname WORD$name", "Set this router's name in prompts\nThe name\n", func(s *settings, c *vty.Call) error {
		s.hostname = c.Arg("name")
		return nil
	})
	install(sh.Config, "no hostname [WORD$name]", "Negate a command\nSet this router's name in prompts\nThe name\n", func(s *settings, _ *vty.Call) error {
		s.hostname = ""
		return nil
	})
	const msdpHelp = "Multicast Source Discovery Protocol\n"
	const peerHelp = msdpHelp + "A peer\nThe peer's address\n"
	both("msdp peer A.B.C.D$peer source A.B.C.D$source [as (1-4294967295)$asn]",
		peerHelp+"Where the session comes from\nAn address of this router\nThe peer's autonomous system\nIts number\n", configurePeer)
	both("msdp peer A.B.C.D$peer connect-source WORD$interface [<as|remote-as> (1-4294967295)$asn]",
		peerHelp+"Where the session comes from\nAn interface, whose first address is used\nThe peer's autonomous system\nThe peer's autonomous system\nIts number\n", configurePeer)
	withdraw("msdp peer A.B.C.D$peer", peerHelp, removePeer)
	both("msdp peer A.B.C.D$peer description LINE...$text", peerHelp+"What the peer is, in words\nThe words\n", configureDescription)
	withdraw("msdp peer A.B.C.D$peer description", peerHelp+"What the peer is, in words\n", configureDescription)
	// What follows configures a mesh-group member as well, which has its source from the group.
	const passwordHelp = "Sign the session (TCP MD5, RFC 2385)\n"
	both("msdp peer A.B.C.D$peer password KEY!$key", peerHelp+passwordHelp+"The password, up to 80 octets\n", configurePassword)
	withdraw("msdp peer A.B.C.D$peer password", peerHelp+passwordHelp, configurePassword)
	const ttlHelp = "Drop what comes from further away (RFC 5082)\n"
	both("msdp peer A.B.C.D$peer ttl-security hops (1-254)$hops", peerHelp+ttlHelp+"How far away the peer may be\n1 is a neighbour\n", configureTTL)
	withdraw("msdp peer A.B.C.D$peer ttl-security", peerHelp+ttlHelp, configureTTL)
	both("msdp peer A.B.C.D$peer shutdown", peerHelp+"Hold no session with it\n", configureShutdown)
	both("msdp mesh-group WORD$name source A.B.C.D$source",
		msdpHelp+"A mesh group\nIts name\nWhere the sessions to its members come from\nAn address of this router\n", configureMeshSource)
	both("msdp mesh-group WORD$name member A.B.C.D$member",
		msdpHelp+"A mesh group\nIts name\nA member\nThe member's address\n", configureMeshMember)
	both("msdp mesh-group WORD$name A.B.C.D$member",
		msdpHelp+"A mesh group\nIts name\nThe address of a member\n", configureMeshMember)
	withdraw("msdp mesh-group WORD$name", msdpHelp+"A mesh group\nIts name\n", removeMesh)
	both("msdp timers (1-65535)$keepalive (3-65535)$hold [(1-65535)$retry]",
		msdpHelp+"Periods of every session, in seconds\nKeepAlive period, less than the hold time\nHold time\nConnectRetry period\n", configureTimers)
	withdraw("msdp timers", msdpHelp+"Periods of every session\n", configureTimers)
	both("msdp originator-id A.B.C.D$id", msdpHelp+"The RP field of the SAs of this router\nAn address of this router\n", configureOriginator)
	withdraw("msdp originator-id", msdpHelp+"The RP field of the SAs of this router\n", configureOriginator)
	both("msdp default-peer A.B.C.D$peer", msdpHelp+"The RPF peer towards every RP for which no other rule names one\nThe peer's address\n", configureDefaultPeer)
	install(sh.Config, "[no] ip pim rp A.B.C.D$rp [A.B.C.D/M$group]",
		"Negate a command\nIP information\nProtocol Independent Multicast\nA rendezvous point, where no pimd says it\nIts address\nThe groups it serves, 224.0.0.0/4 if not given\n", configureRP)
}

// configure runs a change on a session's draft, or on the running configuration.
func (d *daemon) configure(c *vty.Call, f change) error {
	if draft, ok := c.Session.Value(draftKey{}).(*settings); ok {
		trial := draft.clone()
		if err := applyChange(trial, c, f); err != nil {
			return err
		}
		*draft = *trial
		return nil
	}
	return d.instance.reconfigure(func(s *settings) error { return applyChange(s, c, f) })
}

func applyChange(s *settings, c *vty.Call, f change) error {
	if err := f(s, c); err != nil {
		return err
	}
	return s.msdp.Validate()
}

func configurePeer(s *settings, c *vty.Call) error {
	addr := c.Addr("peer")
	if c.No {
		return removePeer(s, c)
	}
	p := s.msdp.AddPeer(addr)
	p.Local, p.LocalInterface = c.Addr("source"), c.Arg("interface")
	p.ASN = uint32(c.Uint("asn"))
	return nil
}

func removePeer(s *settings, c *vty.Call) error {
	if !s.msdp.RemovePeer(c.Addr("peer")) {
		return noPeer(c.Addr("peer"))
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
	key := guard.Key(c.Arg("key"))
	if !c.No && key.Reveal() == guard.Hidden {
		return fmt.Errorf("%s stands for a password in what is shown without enable, and is none", guard.Hidden)
	}
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		p.Guard.Key = ""
		if !c.No {
			p.Guard.Key = key
		}
	})
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

func configureMeshSource(s *settings, c *vty.Call) error {
	name := c.Arg("name")
	if !c.No {
		s.msdp.AddMeshGroup(name).Source = c.Addr("source")
		return nil
	}
	g := s.msdp.MeshGroup(name)
	if g == nil || g.Source != c.Addr("source") {
		return fmt.Errorf("mesh-group %s has no source %s", name, c.Addr("source"))
	}
	g.Source = 0
	dropEmptyMesh(s, g)
	return nil
}

func configureMeshMember(s *settings, c *vty.Call) error {
	name, member := c.Arg("name"), c.Addr("member")
	if !c.No {
		s.msdp.AddMeshGroup(name).AddMember(member)
		return nil
	}
	g := s.msdp.MeshGroup(name)
	if g == nil || !g.RemoveMember(member) {
		return fmt.Errorf("mesh-group %s has no member %s", name, member)
	}
	dropEmptyMesh(s, g)
	return nil
}

func dropEmptyMesh(s *settings, g *msdp.MeshGroup) {
	if g.Source == 0 && len(g.Members) == 0 {
		s.msdp.RemoveMeshGroup(g.Name)
	}
}

func removeMesh(s *settings, c *vty.Call) error {
	if !s.msdp.RemoveMeshGroup(c.Arg("name")) {
		return fmt.Errorf("there is no mesh-group %s", c.Arg("name"))
	}
	return nil
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

func configureOriginator(s *settings, c *vty.Call) error {
	s.msdp.OriginatorID = 0
	if !c.No {
		s.msdp.OriginatorID = c.Addr("id")
	}
	return nil
}

func configureDefaultPeer(s *settings, c *vty.Call) error {
	addr := c.Addr("peer")
	i := slices.Index(s.msdp.DefaultPeers, addr)
	switch {
	case c.No && i < 0:
		return fmt.Errorf("%s is not a default peer", addr)
	case c.No:
		s.msdp.DefaultPeers = slices.Delete(s.msdp.DefaultPeers, i, i+1)
	case i < 0:
		s.msdp.DefaultPeers = append(s.msdp.DefaultPeers, addr)
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

// startConfig is readConfig for the start, where no file is an empty configuration.
func (d *daemon) startConfig(path string) (*settings, error) {
	s, err := d.readConfig(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newSettings(), nil
	}
	return s, err
}

// readConfig reads a configuration file. The error holds every bad line: its number, its
// text, what is wrong.
func (d *daemon) readConfig(path string) (*settings, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	draft := newSettings()
	session := d.shell.NewSession()
	session.SetValue(draftKey{}, draft)
	if err := d.shell.Load(context.Background(), bytes.NewReader(text), session); err != nil {
		return nil, fmt.Errorf("%s:\n%w", path, err)
	}
	return draft, nil
}

// reload reads the configuration file again and applies the difference. A file with a bad
// line changes nothing, nor does one that is not there: it may be in the middle of being
// replaced, and no wish to end every session.
func (d *daemon) reload() {
	s, err := d.readConfig(d.options.configFile)
	if err == nil {
		err = d.instance.do(func() { d.instance.apply(s) })
	}
	if err != nil {
		d.log.Error("the configuration stays as it was", zap.Error(err))
		return
	}
	d.log.Info("configuration read again", zap.String("file", d.options.configFile))
}
