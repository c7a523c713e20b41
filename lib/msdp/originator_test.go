package msdp

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// withAddresses are the rig's interfaces with these addresses on dum0.
func withAddresses(addrs ...string) *rib.Interfaces {
	all := slices.Clone(rigInterfaces().All())
	dum := rib.Interface{Index: 9, Name: "dum0", Up: true}
	for _, a := range addrs {
		dum.Addrs = append(dum.Addrs, netip.MustParsePrefix(a+"/32"))
	}
	return rib.NewInterfaces(append(all, dum))
}

// TestOriginatorInterface: the first address, kept as long as it is there, announced anew when
// it changes; without any, SAs are as without originator-id, and it is said.
func TestOriginatorInterface(t *testing.T) {
	c := peersConfig(below1)
	c.OriginatorInterface = "dum0"
	r := newRig(t, peersConfig(below1))
	core, logged := observer.New(zap.InfoLevel)
	r.s.log = zap.New(core)
	r.s.SetRPs(r.now, rpIs("10.9.9.9"))
	r.s.SetInterfaces(r.now, withAddresses("198.51.100.1", "198.51.100.2"))
	r.up(below1)
	a := sg("10.7.0.1", "239.1.1.1")
	r.s.KernelEntry(r.now, a, 2, 0)
	r.s.RegisterHeard(r.now, Register{OuterSource: ip("10.7.0.254"), OuterDestination: ip("10.9.9.9"), SG: a})
	announced := func(why, want string) {
		t.Helper()
		var w ipv4.Addr
		if want != "" {
			w = ip(want)
		}
		if got := r.takenSAs(below1)[a]; got != w {
			t.Errorf("%s: announced with RP %s, want %q", why, got, want)
		}
	}
	announced("without originator-id", "10.9.9.9")
	r.apply(c)
	announced("configured", "198.51.100.1")
	r.s.SetInterfaces(r.now, withAddresses("198.51.100.3", "198.51.100.1"))
	announced("another order", "")
	r.s.SetInterfaces(r.now, withAddresses("198.51.100.3"))
	announced("another address", "198.51.100.3")
	if st := r.s.Summary(); st.Originator != ip("198.51.100.3") || st.OriginatorTrouble != "" {
		t.Errorf("summary: %s, %q", st.Originator, st.OriginatorTrouble)
	}
	if n := logged.FilterLevelExact(zap.WarnLevel).Len(); n != 0 {
		t.Errorf("%d warnings", n)
	}

	r.s.SetInterfaces(r.now, withAddresses())
	announced("no address", "10.9.9.9")
	r.s.SetInterfaces(r.now, rigInterfaces())
	r.advance(time.Second)
	const trouble = "originator-id: interface dum0 has no IPv4 address; SAs carry the RP's address"
	if st := r.s.Summary(); st.OriginatorTrouble != trouble {
		t.Errorf("trouble %q", st.OriginatorTrouble)
	}
	if n := logged.FilterMessage(trouble).Len(); n != 1 {
		t.Errorf("told %d times", n)
	}
	c = c.Clone()
	c.AddMeshGroup("m").Source = rigLocal
	r.apply(c)
	announced("with a mesh group", "10.0.0.10")
	r.s.SetInterfaces(r.now, withAddresses("198.51.100.4"))
	announced("an address again", "198.51.100.4")
	r.sa(below1, "198.51.100.4", sg("10.8.0.1", "239.1.1.1"))
	r.wantRefused(below1, ReasonOwn, 1)
}

// TestNoTroubleBeforeInterfacesAreTold: at a start, nobody has said which there are.
func TestNoTroubleBeforeInterfacesAreTold(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	core, logged := observer.New(zap.InfoLevel)
	r.s = New(start, r.env, zap.New(core))
	c := peersConfig(below1)
	c.OriginatorInterface = "dum0"
	r.apply(c)
	if n := logged.Len(); n != 0 || r.s.Summary().OriginatorTrouble != "" {
		t.Errorf("%d lines: %v", n, logged.All())
	}
	r.s.SetInterfaces(r.now, rigInterfaces())
	if n := logged.FilterLevelExact(zap.WarnLevel).Len(); n != 1 {
		t.Errorf("%d warnings when it is known that there is none", n)
	}
	c.OriginatorInterface = "lo" // 127.0.0.1 is its first
	r.apply(c)
	if got := r.s.Summary().Originator; got != ip("10.9.9.9") {
		t.Errorf("originator-id lo is %s", got)
	}
}
