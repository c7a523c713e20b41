//go:build lab

package scenarios

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// rubbish is one thing that a broken or hostile peer may send.
type rubbish struct {
	name string
	send func(p *simulatedPeer)
	// end says what becomes of its session.
	end ending
	// check looks at the counters of that peer, before and after.
	check func(t *testing.T, before, after siegePeer)
}

type ending int

const (
	staysUp  ending = iota // and what follows in the stream is understood
	isReset                // by a format error (RFC 3618 §13)
	hangsUp                // the peer itself closes the connection
	whatever               // any of these is right
)

// tlv is a TLV whose header says what it is told to.
func tlv(kind byte, length int, rest ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{kind}, uint16(length)), rest...)
}

// sa is a Source-Active of the bad peer's own RP.
func sa(sgs ...ipv4.SG) []byte {
	return wire.AppendSourceActive(nil, ipv4.MustParse(badAddr), sgs)
}

// padded is b with zeroes up to a length, which it says in its header.
func padded(b []byte, length int) []byte {
	b = append(b, make([]byte, length-len(b))...)
	binary.BigEndian.PutUint16(b[1:], uint16(length))
	return b
}

func bytesOf(b []byte) func(*simulatedPeer) { return func(p *simulatedPeer) { p.send(b) } }

func formatErrors(n int) func(*testing.T, siegePeer, siegePeer) {
	return func(t *testing.T, before, after siegePeer) {
		t.Helper()
		if got := after.FormatErrors - before.FormatErrors; got != n {
			t.Errorf("%d format errors counted, want %d", got, n)
		}
	}
}

func unknownTLVs(n int) func(*testing.T, siegePeer, siegePeer) {
	return func(t *testing.T, before, after siegePeer) {
		t.Helper()
		if got := after.UnknownTLVs - before.UnknownTLVs; got != n {
			t.Errorf("%d unknown TLVs counted, want %d", got, n)
		}
	}
}

func refusedFor(want map[string]int) func(*testing.T, siegePeer, siegePeer) {
	return func(t *testing.T, before, after siegePeer) {
		t.Helper()
		for why, n := range want {
			if got := after.Refused[why] - before.Refused[why]; got != n {
				t.Errorf("%d entries refused for %q, want %d: %v", got, why, n, after.Refused)
			}
		}
	}
}

// allRubbish is what RFC 3618 §13 and plain sense are asked about. Random octets are others in each round.
func allRubbish(round int) []rubbish {
	good := sgOf("10.150.0.1", "239.8.8.8")
	return []rubbish{
		{"random octets", func(p *simulatedPeer) {
			rnd := rand.New(rand.NewPCG(uint64(round), 639))
			b := make([]byte, 256<<10)
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			p.send(b)
		}, whatever, nil},
		{"random octets in well-framed Source-Actives", func(p *simulatedPeer) {
			rnd := rand.New(rand.NewPCG(uint64(round), 3618))
			for range 50 {
				n := 1 + rnd.IntN(20)
				b := sa(make([]ipv4.SG, n)...)
				for i := 4; i < len(b); i++ {
					b[i] = byte(rnd.Uint32())
				}
				p.send(b)
			}
		}, staysUp, nil},
		{"a TLV cut off in the middle", bytesOf(sa(good, good, good)[:20]), hangsUp, formatErrors(0)},
		{"a header cut off in the middle", bytesOf([]byte{1, 0}), hangsUp, formatErrors(0)},
		{"length 0", bytesOf(tlv(1, 0, 0, 0, 0)), isReset, formatErrors(1)},
		{"a KeepAlive of length 2", bytesOf(tlv(4, 2)), isReset, formatErrors(1)},
		{"an unknown type of length 1", bytesOf(tlv(77, 1)), isReset, formatErrors(1)},
		{"a Source-Active of length 3", bytesOf(tlv(1, 3)), isReset, formatErrors(1)},
		{"an entry count past the length", func(p *simulatedPeer) {
			b := sa(good, good)
			b[3] = 3
			p.send(b)
		}, isReset, formatErrors(1)},
		{"an entry count below the length", func(p *simulatedPeer) {
			b := sa(good, good)
			b[3] = 1 // 12 octets behind it that are no packet
			p.send(b)
		}, isReset, formatErrors(1)},
		{"a packet longer than its TLV", func(p *simulatedPeer) {
			b := sa(good)
			packet := make([]byte, 20)
			packet[0] = 0x45
			binary.BigEndian.PutUint16(packet[2:], 1500)
			b = append(b, packet...)
			binary.BigEndian.PutUint16(b[1:], uint16(len(b)))
			p.send(b)
		}, isReset, formatErrors(1)},
		{"unknown types", func(p *simulatedPeer) {
			p.send(tlv(77, 3))
			p.send(tlv(0, 3))
			p.send(tlv(255, 300, make([]byte, 297)...))
		}, staysUp, unknownTLVs(3)},
		{"a KeepAlive of 100 octets", bytesOf(tlv(4, 100, make([]byte, 97)...)), staysUp, formatErrors(0)},
		{"a Source-Active without entries", bytesOf(tlv(1, 8, 0, 10, 2, 0, 1)), staysUp, formatErrors(0)},
		{"a Source-Active of 9193 octets", bytesOf(padded(sa(sgOf("10.150.1.1", "239.8.8.8")), 9193)), staysUp, formatErrors(0)},
		{"a Source-Active of 65535 octets", bytesOf(padded(sa(sgOf("10.150.1.2", "239.8.8.8")), 65535)), staysUp, formatErrors(0)},
		{"an unknown type of 65535 octets", bytesOf(padded(tlv(99, 3), 65535)), staysUp, unknownTLVs(1)},
		{"one octet at a time", func(p *simulatedPeer) {
			for _, b := range sa(sgOf("10.150.1.3", "239.8.8.8"), sgOf("10.150.1.4", "239.8.8.8")) {
				p.send([]byte{b})
			}
		}, staysUp, formatErrors(0)},
		{"groups that are none, or never cross", bytesOf(sa(
			sgOf("10.150.2.1", "10.0.0.1"), sgOf("10.150.2.1", "0.0.0.0"), sgOf("10.150.2.1", "255.255.255.255"), sgOf("10.150.2.1", "240.0.0.1"),
			sgOf("10.150.2.1", "224.0.0.5"), sgOf("10.150.2.1", "232.1.1.1"), sgOf("10.150.2.1", "224.0.1.39"), sgOf("10.150.2.1", "224.0.1.40"),
		)), staysUp, refusedFor(map[string]int{"group": 8})},
		{"sources that cannot be", bytesOf(sa(
			sgOf("224.1.1.1", "239.8.8.8"), sgOf("127.0.0.1", "239.8.8.8"), sgOf("0.0.0.0", "239.8.8.8"), sgOf("255.255.255.255", "239.8.8.8"),
		)), staysUp, refusedFor(map[string]int{"source": 4})},
		{"a source's prefix of 24", func(p *simulatedPeer) {
			b := sa(sgOf("10.150.3.0", "239.8.8.8"), sgOf("10.150.3.1", "239.8.8.8"))
			b[11] = 24
			p.send(b)
		}, staysUp, refusedFor(map[string]int{"prefix-length": 1})},
		{"RPs that cannot be", func(p *simulatedPeer) {
			for _, rp := range []string{"0.0.0.0", "127.0.0.1", "224.0.0.13", "255.255.255.255"} {
				p.announce(rp, "239.8.8.8", "10.150.4.1")
			}
		}, staysUp, refusedFor(map[string]int{"rp-address": 4})},
		{"the router's own address as RP", func(p *simulatedPeer) { p.announce(routerToBad, "239.8.8.8", "10.150.4.2") },
			staysUp, refusedFor(map[string]int{"own": 1})},
		{"made-up RPs, 30,000 of them", func(p *simulatedPeer) {
			var b []byte
			for i := range 30000 {
				b = wire.AppendSourceActive(b[:0], ipv4.MustParse("172.16.0.0")+ipv4.Addr(round*30000+i),
					[]ipv4.SG{{Source: ipv4.MustParse("10.160.0.0") + ipv4.Addr(i), Group: ipv4.MustParse("239.8.8.8")}})
				p.send(b)
			}
		}, staysUp, nil},
	}
}

// A peer that sends rubbish hurts its own session at most: it is reset where RFC 3618 §13 asks for
// it, kept where not, and what is wrong is counted. Every other peer goes on as before, nothing of
// the rubbish is in the cache or passed on, and msdpd needs no more memory the more of it comes.
func TestRubbish(t *testing.T) {
	t.Parallel()
	s := startSiege(t)
	const rounds = 6
	var settled int
	for round := range rounds {
		for _, r := range allRubbish(round) {
			s.endure(r)
			if t.Failed() {
				return
			}
		}
		kib := rss(t, s.msdpd)
		t.Logf("after round %d msdpd holds %d KiB", round+1, kib)
		if round == 1 {
			settled = kib
		}
	}
	if grown := rss(t, s.msdpd) - settled; grown > memoryBound {
		t.Errorf("%d KiB more after %d rounds than after 2", grown, rounds)
	}
	sas, err := s.router.SAs("msdpd")
	if err != nil {
		t.Fatal(err)
	}
	for group, sources := range sas {
		switch group {
		case "239.9.9.9": // the good peer's
		case "239.8.8.8":
			for source, sa := range sources {
				if sa.RP != badAddr {
					t.Errorf("in the cache: (%s,%s) of RP %s", source, group, sa.RP)
				}
			}
			for _, source := range []string{"10.150.1.1", "10.150.1.2", "10.150.1.3", "10.150.1.4", "10.150.3.1"} {
				if _, ok := sources[source]; !ok {
					t.Errorf("(%s,%s) was in a valid message, and is not in the cache", source, group)
				}
				if rp := s.good.rpOf(source, group); rp != badAddr {
					t.Errorf("(%s,%s) was passed on to the good peer with RP %q, want %s", source, group, rp, badAddr)
				}
			}
		default:
			t.Errorf("in the cache: group %s: %v", group, sources)
		}
	}
	if _, ok := sas["239.9.9.9"]; !ok {
		t.Error("what the good peer announced is not in the cache")
	}
}

// memoryBound is what a flat curve may rise, in KiB: the race detector and the collector have their own ways.
const memoryBound = 48 << 10

// letBadIn connects the bad peer until it is let in: one whose sessions end at once has to wait a little.
func (s *siege) letBadIn() *simulatedPeer {
	s.t.Helper()
	var p *simulatedPeer
	lab.Eventually(s.t, patience, poll, func() (err error) {
		if p, err = tryPeer(s.t, s.bad, badAddr, routerToBad, peerOptions{}); err != nil {
			return err
		}
		lab.Eventually(s.t, patience, poll, func() error {
			if p.up() && p.keepAliveCount() == 0 {
				return errors.New("the router neither greets the bad peer nor hangs up")
			}
			return nil
		})
		if p.keepAliveCount() == 0 {
			return errors.New("the router hangs up on the bad peer")
		}
		return nil
	})
	return p
}

// endure has the bad peer come up, send the rubbish, and looks at what that did.
func (s *siege) endure(r rubbish) {
	s.t.Helper()
	p := s.letBadIn()
	defer p.close()
	p.sendKeepAlive()
	before := s.peer(badAddr)
	r.send(p)
	s.announced++
	marker := fmt.Sprintf("10.151.%d.%d", s.announced>>8, s.announced&255)
	switch r.end {
	case staysUp:
		// What comes behind it in the stream is understood, so the rubbish is behind us too.
		p.announce("", "239.8.8.8", marker)
		lab.Eventually(s.t, patience, poll, func() error {
			if !p.up() {
				s.t.Fatalf("%s: the session was reset: %+v", r.name, s.peer(badAddr))
			}
			if s.good.rpOf(marker, "239.8.8.8") != badAddr {
				return fmt.Errorf("after %s the next SA is not passed on", r.name)
			}
			return nil
		})
	case isReset:
		p.awaitEnd(r.name)
	case hangsUp:
		p.close()
	case whatever:
	}
	p.close()
	lab.Eventually(s.t, patience, poll, func() error {
		if st := s.peer(badAddr); st.State != "listen" {
			return fmt.Errorf("after %s the peer's state is %q, want listen", r.name, st.State)
		}
		return nil
	})
	if r.check != nil {
		r.check(s.t, before, s.peer(badAddr))
	}
	s.unharmed(r.name)
}
