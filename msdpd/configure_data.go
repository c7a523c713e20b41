package main

import (
	"fmt"
	"strconv"
	"time"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

// data installs the commands about packets in SAs.
func (c *configurator) data() {
	const (
		dataHelp = "Packets in SAs (RFC 3618, section 8)\n"
		ttlHelp  = "Send packets in SAs only if their TTL is at least this\n"
	)
	c.both("msdp data-encapsulation [(1-60)$seconds]",
		msdpHelp+"Send the first packets of a source that registers in SAs, and pass on those of others; no packet of a source on a subnet of this router is seen\nFor how long, in seconds\n", configureDataEncapsulation)
	c.both("msdp peer A.B.C.D$peer data-encapsulation accept", peerHelp+dataHelp+"Forward those from the peer to the receivers here\n", configureAcceptData)
	c.both("msdp peer A.B.C.D$peer ttl-threshold (1-255)$ttl", peerHelp+ttlHelp+"TTL of the packet\n", configureTTLThreshold)
	c.withdraw("msdp peer A.B.C.D$peer ttl-threshold", peerHelp+ttlHelp, configureTTLThreshold)
	// As IOS has it.
	c.both("msdp ttl-threshold A.B.C.D$peer (0-255)$ttl", msdpHelp+ttlHelp+"The peer's address\nTTL of the packet\n", configureTTLThreshold)
	c.withdraw("msdp ttl-threshold A.B.C.D$peer", msdpHelp+ttlHelp+"The peer's address\n", configureTTLThreshold)
}

func configureDataEncapsulation(s *settings, c *vty.Call) error {
	s.msdp.DataPeriod = 0
	if c.No {
		return nil
	}
	s.msdp.DataPeriod = msdp.DefaultDataPeriod
	if n, ok := c.UintOK("seconds"); ok {
		s.msdp.DataPeriod = seconds(n)
	}
	return nil
}

func configureAcceptData(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) { p.Data.Accept = !c.No })
}

func configureTTLThreshold(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		p.Data.TTLThreshold = 0
		if !c.No {
			p.Data.TTLThreshold = uint8(c.Uint("ttl"))
		}
	})
}

func writeDataEncapsulation(line func(string, ...any), period time.Duration) {
	switch period {
	case 0:
	case msdp.DefaultDataPeriod:
		line("ip msdp data-encapsulation")
	default:
		line("ip msdp data-encapsulation %d", period/time.Second)
	}
}

func writePeerData(line func(string, ...any), p msdp.PeerConfig) {
	if p.Data.Accept {
		line("ip msdp peer %s data-encapsulation accept", p.Addr)
	}
	if p.Data.TTLThreshold != 0 {
		line("ip msdp peer %s ttl-threshold %d", p.Addr, p.Data.TTLThreshold)
	}
}

// encapsulatedDataJSON counts packets in SAs.
type encapsulatedDataJSON struct {
	Accept       bool   `json:"accept"`
	TTLThreshold uint8  `json:"ttlThreshold"`
	Sent         uint64 `json:"packetsSent"`
	NotSent      uint64 `json:"packetsNotSent"`
	BelowTTL     uint64 `json:"packetsBelowTtlThreshold"`
	Received     uint64 `json:"packetsRcvd"`
	Forwarded    uint64 `json:"packetsForwarded"`
	// Dropped has what was received and not forwarded, by reason.
	Dropped map[string]uint64 `json:"packetsDropped"`
}

func peerData(p msdp.PeerStatus) encapsulatedDataJSON {
	n := p.Counters
	out := encapsulatedDataJSON{
		Accept: p.Data.Accept, TTLThreshold: p.Data.TTLThreshold,
		Sent: n.DataSent, NotSent: n.DataNotSent, BelowTTL: n.DataBelowTTL,
		Received: n.DataReceived, Forwarded: n.Data[msdp.DataForwarded], Dropped: make(map[string]uint64),
	}
	for _, f := range msdp.DataFates() {
		if f != msdp.DataForwarded && n.Data[f] > 0 {
			out.Dropped[f.String()] = n.Data[f]
		}
	}
	return out
}

func printPeerDataConfig(line func(name, value string), p msdp.PeerStatus) {
	if p.Data.Accept {
		line("Packets in SAs", "forwarded to the receivers here")
	}
	if p.Data.TTLThreshold != 0 {
		line("TTL Threshold", strconv.Itoa(int(p.Data.TTLThreshold)))
	}
}

func printPeerData(c *vty.Call, p msdp.PeerStatus) {
	n := p.Counters
	if n.DataSent+n.DataReceived > 0 {
		c.Printf("    Packets    : %10d %10d\n", n.DataSent, n.DataReceived)
	}
	if n.DataBelowTTL > 0 {
		c.Printf("  Packets not sent    : %d, their TTL is below the peer's ttl-threshold\n", n.DataBelowTTL)
	}
	if n.DataNotSent > 0 {
		c.Printf("  Packets not sent    : %d, the peer is slow, or they are too long for an SA\n", n.DataNotSent)
	}
	for _, f := range msdp.DataFates() {
		switch {
		case n.Data[f] == 0:
		case f == msdp.DataForwarded:
			c.Printf("  Packets forwarded   : %d\n", n.Data[f])
		default:
			writeWrapped(c, "  Packets dropped     : ", fmt.Sprintf("%d, %s", n.Data[f], f.Text()))
		}
	}
}
