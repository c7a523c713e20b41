package rib

import (
	"net/netip"
	"testing"

	"msdpd/lib/ipv4"
)

func testInterfaces() *Interfaces {
	return NewInterfaces([]Interface{
		{Index: 4, Name: "eth1", Up: false, MTU: 1500, Addrs: []netip.Prefix{
			netip.MustParsePrefix("10.0.13.1/24"), netip.MustParsePrefix("10.255.0.9/32"),
		}},
		{Index: 1, Name: "lo", Up: true, MTU: 65536, Addrs: []netip.Prefix{
			netip.MustParsePrefix("10.255.0.1/32"), netip.MustParsePrefix("10.255.0.9/32"),
		}},
		{Index: 2, Name: "eth0", Up: true, MTU: 1500, Addrs: []netip.Prefix{
			netip.MustParsePrefix("10.0.12.1/24"), netip.MustParsePrefix("10.0.12.7/24"),
			netip.MustParsePrefix("10.0.14.0/31"),
		}},
	})
}

func TestInterfacesOwnAddresses(t *testing.T) {
	n := testInterfaces()
	for _, tt := range []struct {
		addr string
		own  bool
		name string
	}{
		{"10.255.0.1", true, "lo"},
		{"10.0.12.7", true, "eth0"},
		{"10.0.13.1", true, "eth1"},
		{"10.255.0.9", true, "lo"}, // on eth1 too, which is down
		{"10.0.12.2", false, ""},
		{"0.0.0.0", false, ""},
	} {
		a := ipv4.MustParse(tt.addr)
		if got := n.OwnAddr(a); got != tt.own {
			t.Errorf("OwnAddr(%v) = %v", a, got)
		}
		if i, ok := n.InterfaceOf(a); ok != tt.own || i.Name != tt.name {
			t.Errorf("InterfaceOf(%v) = %q, %v", a, i.Name, ok)
		}
	}
}

func TestInterfacesOnLink(t *testing.T) {
	n := testInterfaces()
	for _, tt := range []struct {
		addr    string
		ifindex int
		want    bool
	}{
		{"10.0.12.2", 2, true},
		{"10.0.12.2", 4, false},  // another interface
		{"10.0.12.2", 9, false},  // no such interface
		{"10.0.12.7", 2, false},  // our own
		{"10.0.14.1", 2, true},   // the other end of a /31
		{"10.255.0.1", 1, false}, // a host address has no neighbours
		{"10.255.0.2", 1, false},
		{"10.0.13.2", 4, true}, // whether the interface is up is another question
	} {
		if got := n.OnLink(ipv4.MustParse(tt.addr), tt.ifindex); got != tt.want {
			t.Errorf("OnLink(%s, %d) = %v", tt.addr, tt.ifindex, got)
		}
	}
}

func TestInterfacesByNameAndIndex(t *testing.T) {
	n := testInterfaces()
	if i, ok := n.ByName("eth1"); !ok || i.Index != 4 {
		t.Errorf("ByName(eth1) = %+v, %v", i, ok)
	}
	if i, ok := n.ByIndex(2); !ok || i.Name != "eth0" {
		t.Errorf("ByIndex(2) = %+v, %v", i, ok)
	}
	if _, ok := n.ByName("eth7"); ok {
		t.Error("ByName found what is not there")
	}
	if _, ok := n.ByIndex(3); ok {
		t.Error("ByIndex found what is not there")
	}
	if all := n.All(); len(all) != 3 || all[0].Index != 1 || all[2].Index != 4 {
		t.Errorf("All is not sorted by index: %+v", all)
	}
	var none Interfaces
	if none.OwnAddr(1) || none.OnLink(1, 1) {
		t.Error("the zero value knows an address")
	}
}
