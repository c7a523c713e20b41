package msdp

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"msdpd/lib/ipv4"
)

func TestTimersValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		timers Timers
		want   string // part of the error; "" = none
	}{
		"defaults":                {DefaultTimers(), ""},
		"the least":               {Timers{time.Second, 3 * time.Second, time.Second}, ""},
		"hold below 3 s":          {Timers{time.Second, 2 * time.Second, time.Second}, "hold time 2 s"},
		"keepalive below 1 s":     {Timers{0, 3 * time.Second, time.Second}, "keepalive 0 s"},
		"keepalive equals hold":   {Timers{75 * time.Second, 75 * time.Second, time.Second}, "less than the hold time"},
		"connect-retry below 1 s": {Timers{time.Second, 3 * time.Second, 0}, "connect-retry 0 s"},
		"nothing":                 {Timers{}, "hold time 0 s"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, tc.timers.Validate(), tc.want) })
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error %q, want none", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestConfigValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"nothing":                   {func(*Config) {}, ""},
		"a peer":                    {func(c *Config) { c.AddPeer(below1).Local = rigLocal }, ""},
		"a peer without a source":   {func(c *Config) { c.AddPeer(below1) }, ""},
		"a group as peer":           {func(c *Config) { c.AddPeer(ip("224.0.0.1")) }, "224.0.0.1 cannot be"},
		"0.0.0.0 as peer":           {func(c *Config) { c.AddPeer(0) }, "0.0.0.0 cannot be"},
		"broadcast as peer":         {func(c *Config) { c.AddPeer(ip("255.255.255.255")) }, "cannot be"},
		"a group as source":         {func(c *Config) { c.AddPeer(below1).Local = ip("239.1.1.1") }, "source: 239.1.1.1"},
		"its own address as source": {func(c *Config) { c.AddPeer(below1).Local = below1 }, "the peer's own address"},
		"a mesh group":              {func(c *Config) { c.AddMeshGroup("m").AddMember(below1) }, ""},
		"a member that cannot be":   {func(c *Config) { c.AddMeshGroup("m").AddMember(ip("224.0.0.1")) }, "member: 224.0.0.1"},
		"a source that cannot be":   {func(c *Config) { c.AddMeshGroup("m").Source = ip("224.0.0.1") }, "source: 224.0.0.1"},
		"a member that is the source": {func(c *Config) {
			g := c.AddMeshGroup("m")
			g.Source = below1
			g.AddMember(below1)
		}, "own source"},
		"a member of two groups": {func(c *Config) {
			c.AddMeshGroup("m").AddMember(below1)
			c.AddMeshGroup("n").AddMember(below1)
		}, "already a member of mesh-group m"},
		"timers": {func(c *Config) { c.Timers.Hold = 0 }, "hold time"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Config{Timers: DefaultTimers()}
			tc.change(&c)
			wantError(t, c.Validate(), tc.want)
		})
	}
}

func TestConfigEditing(t *testing.T) {
	var c Config
	for _, a := range []ipv4.Addr{above1, below1, below2, below1} {
		c.AddPeer(a).Description = a.String()
	}
	var got []ipv4.Addr
	for _, p := range c.Peers {
		got = append(got, p.Addr)
	}
	if diff := cmp.Diff([]ipv4.Addr{below1, below2, above1}, got); diff != "" {
		t.Error(diff)
	}
	if c.Peer(below2).Description != below2.String() || c.Peer(below3) != nil {
		t.Error("another peer was found")
	}
	if !c.RemovePeer(below2) || c.RemovePeer(below2) || c.Peer(below2) != nil {
		t.Error("a peer was not removed once")
	}

	g := c.AddMeshGroup("z")
	if !g.AddMember(below2) || g.AddMember(below2) || !g.AddMember(below1) {
		t.Error("members were not added once each")
	}
	if c.AddMeshGroup("z").Members[0] != below1 {
		t.Error("members are not ascending")
	}
	c.AddMeshGroup("a")
	if c.MeshGroups[0].Name != "a" || c.MeshGroup("z") == nil || c.MeshGroup("y") != nil {
		t.Error("mesh groups are not by name")
	}
	if g := c.MeshGroup("z"); !g.RemoveMember(below1) || g.RemoveMember(below1) {
		t.Error("a member was not removed once")
	}
	if !c.RemoveMeshGroup("a") || c.RemoveMeshGroup("a") {
		t.Error("a mesh group was not removed once")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	c := Config{Timers: DefaultTimers(), DefaultPeers: defaultPeers(below1)}
	c.AddPeer(below1).Local = rigLocal
	c.AddMeshGroup("m").AddMember(below2)
	text := cmp.Diff(Config{}, c)
	d := c.Clone()
	d.Peers[0].Description = "changed"
	d.MeshGroups[0].Members[0] = below3
	d.DefaultPeers[0].Addr = below3
	if cmp.Diff(Config{}, c) != text {
		t.Error("a change of the clone is seen")
	}
}

// What the owner does with its configuration later is not seen by the Speaker.
func TestApplyKeepsACopy(t *testing.T) {
	c := meshConfig([]ipv4.Addr{below1}, below2)
	r := newRig(t, c)
	c.Peers[0].Addr = below3
	c.MeshGroups[0].Members[0] = below3
	if got := r.s.config; got.Peer(below1) == nil || got.MeshGroups[0].Members[0] != below2 {
		t.Error("the configuration in force changed")
	}
}
