package main

import (
	"fmt"

	"msdpd/lib/guard"
	"msdpd/lib/msdp"
	"msdpd/vty"
)

// spellings installs Cisco's forms of commands that are written otherwise.
func (c *configurator) spellings() {
	const peer = "The peer's address\n"
	c.both("msdp keepalive A.B.C.D$peer (1-65535)$keepalive (3-65535)$hold",
		msdpHelp+"Periods of a peer's session, in seconds\n"+peer+"KeepAlive period, less than the hold time\nHold time\n", configureKeepAlive)
	c.withdraw("msdp keepalive A.B.C.D$peer", msdpHelp+"Periods of a peer's session\n"+peer, configureKeepAlive)
	c.both("msdp timer (1-65535)$retry", msdpHelp+"ConnectRetry period of every session\nIn seconds\n", configureRetry)
	c.withdraw("msdp timer", msdpHelp+"ConnectRetry period of every session\n", configureRetry)
	c.both("msdp shutdown A.B.C.D$peer", msdpHelp+"Hold no session\n"+peer, configureShutdown)
	c.both("msdp description A.B.C.D$peer LINE...$text", msdpHelp+"What a peer is, in words\n"+peer+"The words\n", configureDescription)
	c.withdraw("msdp description A.B.C.D$peer", msdpHelp+"What a peer is, in words\n"+peer, configureDescription)
	// What IOS can turn on, and what msdpd always does.
	always := func(syntax, help, what string) {
		c.both(syntax, msdpHelp+help, func(_ *settings, call *vty.Call) error {
			if call.No {
				return vty.Warningf("%s: ignored, %s", call.Line, what)
			}
			return nil
		})
	}
	always("msdp cache-sa-state", "Keep what peers announce; so it is in any case\n", "what peers announce is always kept")
	always("msdp rpf rfc3618", "Peer-RPF\nBy the rules of RFC 3618; so it is in any case\n", "the rules of RFC 3618 always apply")
	// KEY has no mark of a secret: that would be about the word `peer`, and `password` is one
	// that announces a secret already.
	const passwordHelp = msdpHelp + "Sign a session (TCP MD5, RFC 2385)\nOf a peer\n" + peer
	c.both("msdp password peer A.B.C.D$peer [(0-7)$type] KEY$key",
		passwordHelp+"0 as it is, 7 as Cisco encodes it\nThe password, up to 80 octets\n", configureTypedPassword)
	c.withdraw("msdp password peer A.B.C.D$peer", passwordHelp, configureTypedPassword)
}

// configureKeepAlive leaves the ConnectRetry period, which Cisco sets for all peers together.
func configureKeepAlive(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		if c.No {
			p.Timers = msdp.Timers{}
			return
		}
		p.Timers.KeepAlive, p.Timers.Hold = seconds(c.Uint("keepalive")), seconds(c.Uint("hold"))
	})
}

func configureRetry(s *settings, c *vty.Call) error {
	s.msdp.Timers.ConnectRetry = msdp.DefaultConnectRetry
	if !c.No {
		s.msdp.Timers.ConnectRetry = seconds(c.Uint("retry"))
	}
	return nil
}

func configureTypedPassword(s *settings, c *vty.Call) error {
	if c.No {
		return setPassword(s, c, "")
	}
	switch kind := c.Uint("type"); kind {
	case 0:
		return setPassword(s, c, guard.Key(c.Arg("key")))
	case 7:
		key, err := guard.Type7(c.Arg("key"))
		if err != nil {
			return err
		}
		return setPassword(s, c, key)
	default:
		return fmt.Errorf("type %d is not known: 0 is a password as it is, 7 as Cisco encodes it", kind)
	}
}
