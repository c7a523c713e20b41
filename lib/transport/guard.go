package transport

import (
	"crypto/md5"
	"errors"
	"fmt"
	"maps"
	"net"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

// errGuardChanged ends what was begun before a peer's key or its permitted distance changed.
var errGuardChanged = errors.New("what protects the session has changed")

// Guard sets what protects the sessions with each peer, all of it; a peer that is not named has
// no protection. It acts at once, on live listeners too: the kernel drops what is not signed as
// it should be, or comes from too far. Connections and attempts to connect that were begun with
// what has changed end with an error, also those that the kernel has and nobody was told of yet.
func (t *Transport) Guard(guards map[ipv4.Addr]guard.Guard) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setGuards(guards)
}

// setGuards needs t.mu.
func (t *Transport) setGuards(guards map[ipv4.Addr]guard.Guard) {
	before := t.guards
	t.guards = maps.Clone(guards)
	for _, l := range t.listeners {
		l.setKeys(t.keys())
	}
	for _, a := range t.dials {
		if before[a.remote] != t.guards[a.remote] {
			a.cancel()
		}
	}
	for _, c := range t.conns {
		if before[c.peer()] != t.guards[c.peer()] {
			c.end(errGuardChanged)
		}
	}
}

// keys needs t.mu.
func (t *Transport) keys() map[ipv4.Addr]guard.Key {
	keys := make(map[ipv4.Addr]guard.Key)
	for a, g := range t.guards {
		if g.Key != "" {
			keys[a] = g.Key
		}
	}
	return keys
}

// setKeys makes keys those of the listening socket, now and when it is opened anew.
func (l *listener) setKeys(keys map[ipv4.Addr]guard.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.keys
	l.keys = keys
	if l.tcp == nil {
		return
	}
	// A socket that was closed has no need of keys.
	_ = control(l.tcp, func(fd int) error {
		for a := range before {
			if _, ok := keys[a]; !ok {
				l.setKey(fd, a, "")
			}
		}
		for a, k := range keys {
			if before[a] != k {
				l.setKey(fd, a, k)
			}
		}
		return nil
	})
}

// setKey sets one key. Where the kernel does not take it that peer alone has no session: what it
// signs is dropped by the kernel, and what it does not sign by admit.
func (l *listener) setKey(fd int, peer ipv4.Addr, k guard.Key) {
	if err := setKey(fd, peer, k); err != nil {
		l.t.refused.log.Error("the key of a peer cannot be used", zap.Stringer("peer", peer), zap.Error(err))
	}
}

// admit protects an accepted connection, and returns an error if it must not be let in. The
// kernel has checked its handshake with the key that the listener had then: this may have been
// before a change. So the SYN is held against what is in force now.
func admit(tcp *net.TCPConn, remote ipv4.Addr, g guard.Guard) error {
	return control(tcp, func(fd int) error {
		// There is none where the kernel answered with a SYN cookie. The key set below then
		// makes the connection one that only carries what is signed with it.
		if syn := savedSYN(fd); len(syn) > 0 {
			if err := checkSYN(syn, g); err != nil {
				return err
			}
		}
		return errors.Join(setKey(fd, remote, g.Key), setMinTTL(fd, g))
	})
}

const (
	ipv4HeaderLen = 20
	tcpHeaderLen  = 20
	tcpOptionEnd  = 0
	tcpOptionNop  = 1
	tcpOptionMD5  = 19 // RFC 2385 §3.0
)

// checkSYN checks the headers of a SYN, from the IP header on: its TTL, and its signature or the
// want of one.
func checkSYN(b []byte, g guard.Guard) error {
	if len(b) < ipv4HeaderLen+tcpHeaderLen {
		return errors.New("its SYN is cut short")
	}
	ip, tcp := b[:ipv4HeaderLen], b[min(len(b), int(b[0]&0x0f)*4):]
	if len(tcp) < tcpHeaderLen {
		return errors.New("its SYN is cut short")
	}
	header := int(tcp[12]>>4) * 4
	if header < tcpHeaderLen || len(tcp) < header {
		return errors.New("its SYN is cut short")
	}
	if ttl := int(ip[8]); ttl < g.MinTTL() {
		return fmt.Errorf("its TTL is %d, and %d the least from a peer at most %d hops away", ttl, g.MinTTL(), g.Hops)
	}
	signed, got := signature(tcp[tcpHeaderLen:header])
	switch {
	case !signed && g.Key == "":
		return nil
	case !signed:
		return errors.New("it is not signed, and the peer has a key")
	case g.Key == "":
		return errors.New("it is signed, and the peer has no key")
	case got != digest(ip, tcp[:tcpHeaderLen], g.Key):
		return errors.New("it is signed with another key than the peer's")
	}
	return nil
}

// signature finds the MD5 option.
func signature(options []byte) (bool, [md5.Size]byte) {
	for len(options) > 0 && options[0] != tcpOptionEnd {
		if options[0] == tcpOptionNop {
			options = options[1:]
			continue
		}
		if len(options) < 2 || options[1] < 2 || len(options) < int(options[1]) {
			break
		}
		if options[0] == tcpOptionMD5 && options[1] == 2+md5.Size {
			return true, [md5.Size]byte(options[2:])
		}
		options = options[options[1]:]
	}
	return false, [md5.Size]byte{}
}

// digest is that of RFC 2385 §2.0 for a segment without data: pseudo-header, TCP header without
// options and with a checksum of zero, key.
func digest(ip, tcp []byte, k guard.Key) [md5.Size]byte {
	segment := int(ip[2])<<8 + int(ip[3]) - int(ip[0]&0x0f)*4
	b := append(make([]byte, 0, 12+tcpHeaderLen+guard.MaxKeyLen), ip[12:20]...)
	b = append(b, 0, 6, byte(segment>>8), byte(segment))
	b = append(b, tcp...)
	b[12+16], b[12+17] = 0, 0
	return md5.Sum(append(b, k.Reveal()...))
}
