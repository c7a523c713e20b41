package main

import (
	"encoding/binary"
	"fmt"
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

// spread says which entries an RP announces: sources in 20.0.0.0/6, so many of them, over so many
// groups in 238.0.0.0/8; with more than 1000 groups, a group for each, of one source.
type spread struct {
	rp              ipv4.Addr
	entries, groups int
}

var (
	sourceBase    = ipv4.MustParse("20.0.0.0")
	groupBase     = ipv4.MustParse("238.0.0.0")
	manyGroupBase = ipv4.MustParse("225.0.0.0")
)

// firstSource keeps those of several RPs apart.
func (s spread) firstSource() ipv4.Addr { return sourceBase + (s.rp&0xff-1)<<20 }

func (s spread) entry(i int) ipv4.SG {
	if s.groups > 1000 {
		return ipv4.SG{Source: s.firstSource(), Group: manyGroupBase + ipv4.Addr(i%s.groups)}
	}
	return ipv4.SG{Source: s.firstSource() + ipv4.Addr(i), Group: groupBase + ipv4.Addr(i%s.groups)}
}

// index is which entry it is; false: none of these.
func (s spread) index(sg ipv4.SG) (int, bool) {
	i := int(sg.Source - s.firstSource())
	if s.groups > 1000 {
		i = int(sg.Group - manyGroupBase)
	}
	return i, i >= 0 && i < s.entries && s.entry(i) == sg
}

// stream is the SAs of them all, perTLV in each message.
func (s spread) stream(perTLV int) []byte {
	b := make([]byte, 0, s.entries*wire.EntryLen+(s.entries/perTLV+1)*wire.SAHeaderLen)
	sgs := make([]ipv4.SG, 0, perTLV)
	for i := range s.entries {
		sgs = append(sgs, s.entry(i))
		if len(sgs) == perTLV || i == s.entries-1 {
			b = wire.AppendSourceActive(b, s.rp, sgs)
			sgs = sgs[:0]
		}
	}
	return b
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
	rate atomic.Int64

	mu         sync.Mutex
	probed     map[int]time.Time // when each probe came
	keepAlives []time.Time
	missing    *missing // what it has not got yet; nil: nobody wants to know
}

func newSink(s *session, rate int, whole bool) *sink {
	k := &sink{session: s, whole: whole, probed: make(map[int]time.Time)}
	k.rate.Store(int64(rate))
	go k.read()
	return k
}

// read goes on until the connection ends.
func (k *sink) read() {
	buf := make([]byte, 1<<18)
	have := 0
	for {
		size := len(buf)
		if rate := int(k.rate.Load()); rate > 0 {
			size = min(size, have+max(rate/100, 1))
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

// count takes the whole messages off b and returns what is left.
func (k *sink) count(b []byte) []byte {
	for len(b) >= wire.HeaderLen {
		length := int(binary.BigEndian.Uint16(b[1:]))
		if length > len(b) {
			break
		}
		switch wire.Type(b[0]) {
		case wire.TypeSourceActive:
			k.heardSA(b[:length])
		case wire.TypeKeepAlive:
			k.alive.Add(1)
			k.mu.Lock()
			k.keepAlives = append(k.keepAlives, time.Now())
			k.mu.Unlock()
		}
		b = b[length:]
	}
	return b
}

// heardSA looks at no entry where nobody wants to know.
func (k *sink) heardSA(tlv []byte) {
	if ipv4.FromBytes(tlv[4:]) == proberAddr {
		k.heardProbes(tlv)
		return
	}
	k.mu.Lock()
	if k.missing != nil {
		k.missing.heard(tlv)
	}
	k.mu.Unlock()
	k.entries.Add(int64(tlv[3]))
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
		if n := int(sg.Source - probeBase); k.probed[n].IsZero() {
			k.probed[n] = time.Now()
		}
	}
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
