package msdp

import (
	"maps"
	"strings"
	"testing"
	"time"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

// TestGuardChangeResetsThatPeer: a key or a distance that is set, changed or removed ends the
// session it is for, an attempt to have it, and no other session.
func TestGuardChangeResetsThatPeer(t *testing.T) {
	for _, changed := range []ipv4.Addr{below1, above1} {
		c := peersConfig(below1, below2, above1, above2)
		r := newRig(t, c)
		r.up(below1, below2, above1, above2)
		for _, g := range []guard.Guard{{Key: "one"}, {Key: "two"}, {Key: "two", Hops: 1}, {Key: "two", Hops: 2}, {Hops: 2}, {}} {
			before := make(map[ipv4.Addr]ConnID)
			for _, p := range r.s.ordered {
				before[p.Addr] = p.conn
			}
			c = c.Clone()
			c.Peer(changed).Guard = g
			r.apply(c)
			for _, p := range r.s.ordered {
				if ended := r.env.closed[before[p.Addr]]; ended != (p.Addr == changed) {
					t.Errorf("%d hops for %s: the connection of %s is closed: %t", g.Hops, changed, p.Addr, ended)
				}
			}
			st, _ := r.s.Peer(r.now, changed)
			if !strings.Contains(st.LastReset, "changed") || st.State == StateEstablished {
				t.Errorf("%s is %s, last reset %q", changed, st.State, st.LastReset)
			}
			want := map[ipv4.Addr]guard.Guard{changed: g}
			if g == (guard.Guard{}) {
				clear(want)
			}
			if !maps.Equal(r.env.guards, want) {
				t.Errorf("guards %v, want %v", r.env.guards, want)
			}
			r.up(changed)
			n := len(r.env.closed)
			r.apply(c) // no change
			if len(r.env.closed) != n {
				t.Error("a configuration that did not change closed a connection")
			}
		}
	}
}

// TestAttemptEndsWhenTheKeyChanges: it was begun with the old key.
func TestAttemptEndsWhenTheKeyChanges(t *testing.T) {
	c := peersConfig(above1)
	r := newRig(t, c)
	r.advance(TickInterval)
	old := r.conn(above1)
	c = c.Clone()
	c.Peer(above1).Guard.Key = "key"
	r.apply(c)
	if old == 0 || !r.env.closed[old] {
		t.Errorf("attempt %d goes on", old)
	}
	r.s.Connected(r.now, old, addrPort(rigLocal, 40000), addrPort(above1, 639)) // was on its way
	if st, _ := r.s.Peer(r.now, above1); st.State == StateEstablished {
		t.Error("a session with the old key")
	}
	r.advance(TickInterval)
	if r.conn(above1) == old || r.conn(above1) == 0 {
		t.Error("no new attempt")
	}
}

// TestSilenceIsExplained: the kernel drops what is not signed as it should be, without a word.
func TestSilenceIsExplained(t *testing.T) {
	for _, g := range []guard.Guard{{}, {Key: "hush"}, {Hops: 1}, {Key: "hush", Hops: 1}} {
		c := peersConfig(above1)
		c.Peer(above1).Guard = g
		r := newRig(t, c)
		r.advance(5 * time.Second)
		st, _ := r.s.Peer(r.now, above1)
		if !strings.Contains(st.Why, "password") || strings.Contains(st.Why, "too far") != (g.Hops != 0) || strings.Contains(st.Why, "hush") {
			t.Errorf("%d hops: %q", g.Hops, st.Why)
		}
		r.up(above1)
		if st, _ := r.s.Peer(r.now, above1); st.Why != "" {
			t.Errorf("established: %q", st.Why)
		}
	}
}

// TestMeshMemberHasAGuard: what is configured of a member without a source of its own holds for
// the session that the mesh group makes, and stays when the member goes and comes.
func TestMeshMemberHasAGuard(t *testing.T) {
	c := Config{Timers: DefaultTimers()}
	p := c.AddPeer(below1)
	p.Guard.Key, p.Description = "key", "a member"
	r := newRig(t, c)
	if st, ok := r.s.Peer(r.now, below1); !ok || st.State != StateInactive || !strings.Contains(st.Why, "source") {
		t.Errorf("without a source: %+v", st)
	}
	c = c.Clone()
	g := c.AddMeshGroup("any")
	g.Source = rigLocal
	g.AddMember(below1)
	r.apply(c)
	r.up(below1)
	st, _ := r.s.Peer(r.now, below1)
	if st.Local != rigLocal || st.MeshGroup != "any" || st.Guard.Key != "key" || st.Description != "a member" {
		t.Errorf("%+v", st)
	}
	if r.env.guards[below1].Key != "key" {
		t.Error("the key is not in force")
	}
}

func TestDropEmptyPeer(t *testing.T) {
	for name, f := range map[string]func(p *PeerConfig){
		"source":      func(p *PeerConfig) { p.Local = rigLocal },
		"interface":   func(p *PeerConfig) { p.LocalInterface = "lo" },
		"AS":          func(p *PeerConfig) { p.ASN = 1 },
		"description": func(p *PeerConfig) { p.Description = "d" },
		"shutdown":    func(p *PeerConfig) { p.Shutdown = true },
		"key":         func(p *PeerConfig) { p.Guard.Key = "k" },
		"hops":        func(p *PeerConfig) { p.Guard.Hops = 1 },
	} {
		c := Config{Timers: DefaultTimers()}
		f(c.AddPeer(below1))
		c.AddPeer(below2)
		c.DropEmptyPeer(below1)
		c.DropEmptyPeer(below2)
		if c.Peer(below1) == nil || c.Peer(below2) != nil {
			t.Errorf("%s: %+v", name, c.Peers)
		}
	}
}

func TestGuardIsValidated(t *testing.T) {
	c := peersConfig(below1)
	c.Peer(below1).Guard.Key = guard.Key(strings.Repeat("k", 81))
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "10.0.0.1") || strings.Contains(err.Error(), "kk") {
		t.Errorf("error: %v", err)
	}
}
