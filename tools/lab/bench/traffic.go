package main

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// session is one MSDP session with the speaker under test, whose far end we are.
type session struct {
	addr ipv4.Addr
	conn *net.TCPConn
}

// connect opens a session from local to the speaker.
func connect(nd *lab.Node, local, speaker ipv4.Addr) (*session, error) {
	s := &session{addr: local}
	err := nd.InNamespace(func() error {
		d := net.Dialer{
			LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local.Netip(), 0)),
			Timeout:   5 * time.Second,
		}
		c, err := d.Dial("tcp4", net.JoinHostPort(speaker.String(), fmt.Sprint(wire.Port)))
		if err == nil {
			s.conn = c.(*net.TCPConn)
		}
		return err
	})
	return s, err
}

func (s *session) close() { s.conn.Close() }

// keepUp sends a KeepAlive now, and then often enough, until the connection is closed.
func (s *session) keepUp() {
	for {
		if _, err := s.conn.Write(wire.AppendKeepAlive(nil)); err != nil {
			return
		}
		time.Sleep(20 * time.Second)
	}
}

// stream is the SAs of n entries of one RP, perTLV in each message.
func stream(rp ipv4.Addr, n, perTLV, groups int) []byte {
	var b []byte
	sgs := make([]ipv4.SG, 0, perTLV)
	for i := range n {
		sgs = append(sgs, entryOf(rp, i, groups))
		if len(sgs) == perTLV || i == n-1 {
			b = wire.AppendSourceActive(b, rp, sgs)
			sgs = sgs[:0]
		}
	}
	return b
}

// entryOf is entry i of those that an RP announces: sources in 20.0.0.0/6, spread over so many
// groups; with a group for each, of one source.
func entryOf(rp ipv4.Addr, i, groups int) ipv4.SG {
	base := ipv4.MustParse("20.0.0.0") + (rp&0xff)<<18
	if groups > 1000 {
		return ipv4.SG{Source: base, Group: ipv4.MustParse("225.0.0.0") + ipv4.Addr(i%groups)}
	}
	return ipv4.SG{Source: base + ipv4.Addr(i), Group: ipv4.MustParse("238.0.0.0") + ipv4.Addr(i%groups)}
}

// sink counts the entries that a session is sent.
type sink struct {
	*session
	entries atomic.Int64
	alive   atomic.Int64 // KeepAlives
	octets  atomic.Int64
	// whole: what comes are whole messages, as a speaker sends them. A relay mixes octets of several.
	whole bool
	// rate, in octets a second, is how fast it reads; 0: as fast as it can.
	rate int

	mu     sync.Mutex
	probed map[int]time.Time // when each probe came
}

func newSink(s *session, rate int, whole bool) *sink {
	k := &sink{session: s, rate: rate, whole: whole, probed: make(map[int]time.Time)}
	go k.read()
	return k
}

// read goes on until the connection ends.
func (k *sink) read() {
	buf := make([]byte, 1<<18)
	have := 0
	for {
		size := len(buf)
		if k.rate > 0 {
			size = min(size, have+max(k.rate/100, 1))
			time.Sleep(10 * time.Millisecond)
		}
		n, err := k.conn.Read(buf[have:size])
		have += n
		k.octets.Add(int64(n))
		if k.whole {
			have = copy(buf, k.count(buf[:have]))
		} else if have = 0; n > 0 {
			k.alive.Store(1)
		}
		if err != nil {
			return
		}
	}
}

// count takes the whole messages off b and returns what is left. It looks at no entry.
func (k *sink) count(b []byte) []byte {
	for len(b) >= wire.HeaderLen {
		length := int(binary.BigEndian.Uint16(b[1:]))
		if length > len(b) {
			break
		}
		switch wire.Type(b[0]) {
		case wire.TypeSourceActive:
			if ipv4.FromBytes(b[4:]) == proberAddr {
				k.heardProbes(b[:length])
			} else {
				k.entries.Add(int64(b[3]))
			}
		case wire.TypeKeepAlive:
			k.alive.Add(1)
		}
		b = b[length:]
	}
	return b
}

func (k *sink) heardProbes(tlv []byte) {
	sa, err := wire.ParseSourceActive(tlv)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range sa.Len() {
		sg, _ := sa.Entry(i)
		k.probed[int(sg.Source-probeBase)] = time.Now()
	}
}

// probes returns when each probe that was heard came.
func (k *sink) probes() map[int]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.probed)
}

func (k *sink) probesHeard() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.probed)
}

// await waits until the sink has got so many entries, or from a relay octets, since it was connected.
func (k *sink) await(entries, octets int, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for k.whole && k.entries.Load() < int64(entries) || !k.whole && k.octets.Load() < int64(octets) {
		if time.Now().After(deadline) {
			return fmt.Errorf("sink %s has %d entries and %d octets after %v, want %d, or %d", k.addr, k.entries.Load(), k.octets.Load(), limit, entries, octets)
		}
		time.Sleep(200 * time.Microsecond)
	}
	return nil
}
