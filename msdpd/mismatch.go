package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

// signatureDrops counts segments that the kernel has dropped for their signature (RFC 2385). It
// does not say whose they were, nor to which process they were going.
type signatureDrops struct {
	unsigned   uint64 // and should have been signed
	unexpected uint64 // signed, and there is no key for them
	different  uint64 // signed with another key
}

func (d signatureDrops) less(o signatureDrops) signatureDrops {
	return signatureDrops{d.unsigned - o.unsigned, d.unexpected - o.unexpected, d.different - o.different}
}

func (d signatureDrops) plus(o signatureDrops) signatureDrops {
	return signatureDrops{d.unsigned + o.unsigned, d.unexpected + o.unexpected, d.different + o.different}
}

// concern returns what can be of a peer with that key.
func (d signatureDrops) concern(k guard.Key) signatureDrops {
	if k == "" {
		return signatureDrops{unexpected: d.unexpected}
	}
	return signatureDrops{unsigned: d.unsigned, different: d.different}
}

// dropsPeriod is how often the kernel's counters are read.
const dropsPeriod = time.Second

// watchSignatures has the owner told when segments were dropped.
func (in *instance) watchSignatures(ctx context.Context) error {
	before, err := readSignatureDrops()
	if err != nil {
		return err
	}
	ticker := time.NewTicker(dropsPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		all, err := readSignatureDrops()
		if err != nil {
			return err
		}
		if all != before {
			more := all.less(before)
			before = all
			in.post(func() { in.signaturesDropped(more) })
		}
	}
}

func readSignatureDrops() (signatureDrops, error) {
	text, err := os.ReadFile("/proc/net/netstat")
	if err != nil {
		return signatureDrops{}, fmt.Errorf("reading the kernel's TCP counters: %w", err)
	}
	return parseSignatureDrops(text), nil
}

// parseSignatureDrops reads a table of pairs of lines: the names, then the values. What a kernel
// does not count is 0.
func parseSignatureDrops(text []byte) signatureDrops {
	var d signatureDrops
	fields := map[string]*uint64{"TCPMD5NotFound": &d.unsigned, "TCPMD5Unexpected": &d.unexpected, "TCPMD5Failure": &d.different}
	lines := bytes.Split(text, []byte("\n"))
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := bytes.Fields(lines[i]), bytes.Fields(lines[i+1])
		for j := range min(len(names), len(values)) {
			if f := fields[string(names[j])]; f != nil {
				*f, _ = strconv.ParseUint(string(values[j]), 10, 64) // 0 if it is no number
			}
		}
	}
	return d
}

// mismatch is the suspicion that a peer and we do not have the same key.
type mismatch struct {
	drops signatureDrops
	last  time.Time
	// others are peers whom the last segments may be of as well.
	others []ipv4.Addr
	// It holds for this key, and until a session has been up.
	key      guard.Key
	sessions uint64
}

// mismatches are the suspicions there are. The owner's.
type mismatches map[ipv4.Addr]mismatch

// of returns what is suspected of a peer.
func (m mismatches) of(p msdp.PeerStatus) (mismatch, bool) {
	s, ok := m[p.Addr]
	return s, ok && s.key == p.Guard.Key && s.sessions == p.Sessions && p.State != msdp.StateEstablished
}

// dropped suspects the peers that have no session and that the segments can be of. It returns
// those that were above suspicion until now.
func (m mismatches) dropped(now time.Time, peers []msdp.PeerStatus, more signatureDrops) []ipv4.Addr {
	known := make(map[ipv4.Addr]bool)
	var keyed, others []msdp.PeerStatus
	for _, p := range peers {
		if _, ok := m.of(p); ok {
			known[p.Addr] = true
		}
		switch {
		case p.State == msdp.StateEstablished || p.Shutdown || p.Local.IsUnspecified():
		case p.Guard.Key != "":
			keyed = append(keyed, p)
		default:
			others = append(others, p)
		}
	}
	for a := range m {
		if !known[a] {
			delete(m, a)
		}
	}
	var fresh []ipv4.Addr
	for _, candidates := range [][]msdp.PeerStatus{keyed, others} {
		for _, p := range candidates {
			drops := more.concern(p.Guard.Key)
			if drops == (signatureDrops{}) {
				continue
			}
			s := mismatch{drops: m[p.Addr].drops.plus(drops), last: now, key: p.Guard.Key, sessions: p.Sessions}
			for _, other := range candidates {
				if other.Addr != p.Addr {
					s.others = append(s.others, other.Addr)
				}
			}
			if !known[p.Addr] {
				fresh = append(fresh, p.Addr)
			}
			m[p.Addr] = s
		}
	}
	return fresh
}

func (in *instance) signaturesDropped(more signatureDrops) {
	peers := in.speaker.Peers(in.now)
	for _, a := range in.mismatches.dropped(in.now, peers, more) {
		i := slices.IndexFunc(peers, func(p msdp.PeerStatus) bool { return p.Addr == a })
		in.log.Warn("a peer's password is suspected to be another than ours", zap.Stringer("peer", a),
			zap.String("because", in.mismatches[a].text(in.now)), zap.Bool("password", peers[i].Guard.Key != ""))
	}
}

// mismatchOf says in words what is suspected of a peer, "" for nothing.
func (in *instance) mismatchOf(p msdp.PeerStatus) string {
	s, ok := in.mismatches.of(p)
	if !ok {
		return ""
	}
	return s.text(in.now)
}

func (s mismatch) text(now time.Time) string {
	var parts []string
	for _, d := range []struct {
		n    uint64
		what string
	}{
		{s.drops.unsigned, "without a signature"},
		{s.drops.different, "signed with another password"},
		{s.drops.unexpected, "signed, and the peer has no password here"},
	} {
		if d.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", d.n, d.what))
		}
	}
	text := fmt.Sprintf("suspected, segments were dropped: %s; the last %s ago", strings.Join(parts, ", "), uptime(now.Sub(s.last)))
	if len(s.others) > 0 {
		text += "; of this peer or of " + anyOf(s.others)
	}
	return text
}

// anyOf lists a few addresses.
func anyOf(addrs []ipv4.Addr) string {
	const most = 5
	var names []string
	for _, a := range addrs[:min(most, len(addrs))] {
		names = append(names, a.String())
	}
	if n := len(addrs) - most; n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}
