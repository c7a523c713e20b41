package main

import (
	"fmt"
	"net"
	"net/netip"
	"sync"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// relay is the yardstick: it listens where the speaker would, and copies what comes from a
// sender to every sink, octet by octet, without a look at it. Sinks are those in 10.2.0.0/16.
func relay(local string) error {
	addr, err := netip.ParseAddr(local)
	if err != nil {
		return err
	}
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, wire.Port)))
	if err != nil {
		return fmt.Errorf("the relay: %w", err)
	}
	var mu sync.Mutex
	var sinks []*net.TCPConn
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return err
		}
		from, _ := ipv4.FromNetip(c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
		if isSink(from) {
			mu.Lock()
			sinks = append(sinks, c)
			mu.Unlock()
			// As an MSDP speaker does: who connects knows then that it is served.
			c.Write(wire.AppendKeepAlive(nil))
			continue
		}
		c.Write(wire.AppendKeepAlive(nil))
		go func() {
			buf := make([]byte, 1<<18)
			for {
				n, err := c.Read(buf)
				mu.Lock()
				for _, s := range sinks {
					s.Write(buf[:n])
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		}()
	}
}

func isSink(a ipv4.Addr) bool { return a>>16 == 10<<8|2 }
