package main

import (
	"time"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

// sessions installs the commands about when sessions are held.
func (c *configurator) sessions() {
	const timersHelp = "Periods of its session, in seconds\n"
	c.both("msdp peer A.B.C.D$peer timers (1-65535)$keepalive (3-65535)$hold [(1-65535)$retry]",
		peerHelp+timersHelp+"KeepAlive period, less than the hold time\nHold time\nConnectRetry period\n", configurePeerTimers)
	c.withdraw("msdp peer A.B.C.D$peer timers", peerHelp+timersHelp, configurePeerTimers)
	c.both("msdp shutdown", msdpHelp+"Hold no session with any peer\n", func(s *settings, c *vty.Call) error {
		s.msdp.Shutdown = !c.No
		return nil
	})
}

func configurePeerTimers(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		p.Timers = msdp.Timers{}
		if !c.No {
			p.Timers = msdp.Timers{
				KeepAlive: seconds(c.Uint("keepalive")), Hold: seconds(c.Uint("hold")), ConnectRetry: seconds(c.Uint("retry")),
			}
		}
	})
}

func seconds(n uint64) time.Duration { return time.Duration(n) * time.Second }
