package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

func TestParseSignatureDrops(t *testing.T) {
	text := "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPSackShifted\n" +
		"TcpExt: 1 20 300 4000 5\n" +
		"IpExt: InNoRoutes TCPMD5Other\nIpExt: 7 8\n"
	if got, want := parseSignatureDrops([]byte(text)), (signatureDrops{20, 300, 4000}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for n := range len(text) {
		parseSignatureDrops([]byte(text[:n])) // no panic
	}
	if _, err := readSignatureDrops(); err != nil {
		t.Error(err)
	}
}

func peerStatus(addr string, key guard.Key, state msdp.State) msdp.PeerStatus {
	return msdp.PeerStatus{
		PeerConfig: msdp.PeerConfig{Addr: ipv4.MustParse(addr), Local: ipv4.MustParse("10.0.0.1"), Guard: guard.Guard{Key: key}},
		State:      state,
	}
}

func TestWhoIsSuspected(t *testing.T) {
	const up, down = msdp.StateEstablished, msdp.StateListen
	shut := peerStatus("10.0.0.9", "key", msdp.StateDisabled)
	shut.Shutdown = true
	noSource := peerStatus("10.0.0.8", "key", msdp.StateInactive)
	noSource.Local = 0
	one := []msdp.PeerStatus{peerStatus("10.0.0.2", "key", down), peerStatus("10.0.0.3", "key", up), peerStatus("10.0.0.4", "", down), peerStatus("10.0.0.5", "", up), shut, noSource}
	two := append(slices.Clone(one), peerStatus("10.0.0.6", "other", msdp.StateConnecting), peerStatus("10.0.0.7", "", msdp.StateConnecting))
	for _, tc := range []struct {
		name  string
		peers []msdp.PeerStatus
		drops signatureDrops
		want  map[string][]string // peer → what its text says
	}{
		{"unsigned", one, signatureDrops{unsigned: 3}, map[string][]string{"10.0.0.2": {"3 without a signature"}}},
		{"different", one, signatureDrops{different: 4}, map[string][]string{"10.0.0.2": {"4 signed with another password"}}},
		{"unexpected", one, signatureDrops{unexpected: 5}, map[string][]string{"10.0.0.4": {"5 signed, and the peer has no password"}}},
		{"of several", two, signatureDrops{unsigned: 1, different: 2},
			map[string][]string{"10.0.0.2": {"1 without", "2 signed", "or of 10.0.0.6"}, "10.0.0.6": {"1 without", "or of 10.0.0.2"}}},
		{"of several without key", two, signatureDrops{unexpected: 1},
			map[string][]string{"10.0.0.4": {"1 signed", "or of 10.0.0.7"}, "10.0.0.7": {"1 signed", "or of 10.0.0.4"}}},
		{"nobody", []msdp.PeerStatus{one[1], one[3], shut, noSource}, signatureDrops{1, 1, 1}, nil},
	} {
		m := make(mismatches)
		now := time.Now()
		fresh := m.dropped(now, tc.peers, tc.drops)
		if len(fresh) != len(tc.want) {
			t.Errorf("%s: %v are new, want %v", tc.name, fresh, tc.want)
		}
		for _, p := range tc.peers {
			s, suspected := m.of(p)
			want, should := tc.want[p.Addr.String()]
			if suspected != should {
				t.Errorf("%s: %s suspected: %t", tc.name, p.Addr, suspected)
				continue
			}
			for _, part := range want {
				if text := s.text(now); !strings.Contains(text, part) {
					t.Errorf("%s: %s: %q does not say %q", tc.name, p.Addr, text, part)
				}
			}
			if suspected && len(want) == 1 && strings.Contains(s.text(now), "or of") {
				t.Errorf("%s: %q names others", tc.name, s.text(now))
			}
		}
		if again := m.dropped(now, tc.peers, tc.drops); len(again) != 0 {
			t.Errorf("%s: %v are new again", tc.name, again)
		}
	}
}

// TestSuspicionEnds: with a session, even one that is gone again, with another key, with the peer.
func TestSuspicionEnds(t *testing.T) {
	now := time.Now()
	p := peerStatus("10.0.0.2", "key", msdp.StateListen)
	m := make(mismatches)
	m.dropped(now, []msdp.PeerStatus{p}, signatureDrops{different: 1})
	m.dropped(now.Add(time.Minute), []msdp.PeerStatus{p}, signatureDrops{different: 2})
	s, ok := m.of(p)
	if text := s.text(now.Add(63 * time.Second)); !ok || !strings.Contains(text, "3 signed with another password; the last 00:00:03 ago") {
		t.Errorf("%q", text)
	}
	established, was, changed := p, p, p
	established.State = msdp.StateEstablished
	was.Sessions++
	changed.Guard.Key = "another"
	for name, p := range map[string]msdp.PeerStatus{"up": established, "was up": was, "another key": changed} {
		if _, ok := m.of(p); ok {
			t.Errorf("%s: still suspected", name)
		}
	}
	// What it was suspected of is not counted on.
	if fresh := m.dropped(now, []msdp.PeerStatus{was}, signatureDrops{different: 1}); len(fresh) != 1 {
		t.Errorf("new: %v", fresh)
	}
	if s, _ := m.of(was); s.drops.different != 1 {
		t.Errorf("%+v", s)
	}
	m.dropped(now, nil, signatureDrops{different: 1})
	if len(m) != 0 {
		t.Errorf("left: %v", m)
	}
}
