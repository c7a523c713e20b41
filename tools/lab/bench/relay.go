package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// relay is the yardstick: it listens where the speaker would, and copies what comes from a
// sender to every sink, without a look at it. Sinks are those in 10.2.0.0/16. It copies what there
// is to be read at once, up to 256 KiB; by message, it reads and writes each message by itself, as a
// program does that has to keep the messages of several senders apart.
func relay(local string, byMessage bool) error {
	addr, err := netip.ParseAddr(local)
	if err != nil {
		return err
	}
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, wire.Port)))
	if err != nil {
		return fmt.Errorf("the relay: %w", err)
	}
	r := &copier{read: io.Reader.Read}
	if byMessage {
		r.read = readMessage
	}
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return err
		}
		from, _ := ipv4.FromNetip(c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
		// As an MSDP speaker does: who connects knows then that it is served.
		c.Write(wire.AppendKeepAlive(nil))
		if isSink(from) {
			r.add(c)
		} else {
			go r.copy(c)
		}
	}
}

func isSink(a ipv4.Addr) bool { return a>>16 == sinkBase>>16 }

// copier copies to all sinks.
type copier struct {
	read  func(io.Reader, []byte) (int, error)
	mu    sync.Mutex
	sinks []*net.TCPConn
}

func (r *copier) add(c *net.TCPConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sinks = append(r.sinks, c)
}

func (r *copier) copy(from *net.TCPConn) {
	buf := make([]byte, 1<<18)
	for {
		n, err := r.read(from, buf)
		r.mu.Lock()
		for _, s := range r.sinks {
			s.Write(buf[:n])
		}
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// readMessage reads one message.
func readMessage(from io.Reader, buf []byte) (int, error) {
	if _, err := io.ReadFull(from, buf[:wire.HeaderLen]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(buf[1:]))
	_, err := io.ReadFull(from, buf[wire.HeaderLen:n])
	return n, err
}
