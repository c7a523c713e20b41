package lab

import (
	"fmt"
	"strings"
)

// PIM is a configuration of pimd for small networks: Hellos every second, so that neighbours find
// each other at once.
type PIM struct {
	// RP are static RPs: an address, or an address and the groups it serves ("10.0.0.1 239.0.0.0/8").
	RP []string
	// Interfaces have `ip pim`. The one with the RP's own address must be among them (lo too).
	Interfaces []string
	// IGMP are those with receivers: `ip igmp`. Name them in Interfaces too.
	IGMP []string
	// MSDP are arguments of pimd's own `ip msdp`: "peer 10.0.0.2 source 10.0.0.1".
	MSDP []string
	// Extra is appended as it stands.
	Extra string
}

// Config is the text for pimd, in the syntax of FRR 8.
func (p PIM) Config() string {
	var b strings.Builder
	for _, rp := range p.RP {
		fmt.Fprintf(&b, "ip pim rp %s\n", rp)
	}
	for _, m := range p.MSDP {
		fmt.Fprintf(&b, "ip msdp %s\n", m)
	}
	for _, i := range p.Interfaces {
		fmt.Fprintf(&b, "interface %s\n ip pim\n ip pim hello 1 4\nexit\n", i)
	}
	for _, i := range p.IGMP {
		fmt.Fprintf(&b, "interface %s\n ip igmp\nexit\n", i)
	}
	return b.String() + p.Extra
}

// OSPF is a configuration of ospfd for small networks: everything is area 0, Hellos every second, links
// are point-to-point so that there is no election to wait for, and routes are computed at once.
type OSPF struct {
	// RouterID is a dotted quad.
	RouterID string
	// Interfaces are links with exactly one other router.
	Interfaces []string
	// LANs are links with several.
	LANs []string
	// Passive are advertised only: lo, subnets of hosts.
	Passive []string
	// Extra is appended inside `router ospf`.
	Extra string
}

// Config is the text for ospfd.
func (o OSPF) Config() string {
	var b strings.Builder
	for _, i := range o.Interfaces {
		fmt.Fprintf(&b, "interface %s\n ip ospf area 0\n ip ospf network point-to-point\n%sexit\n", i, ospfTimers)
	}
	for _, i := range o.LANs {
		fmt.Fprintf(&b, "interface %s\n ip ospf area 0\n%sexit\n", i, ospfTimers)
	}
	for _, i := range o.Passive {
		fmt.Fprintf(&b, "interface %s\n ip ospf area 0\n ip ospf passive\nexit\n", i)
	}
	fmt.Fprintf(&b, "router ospf\n ospf router-id %s\n timers throttle spf 10 50 500\n timers throttle lsa all 0\n timers lsa min-arrival 0\n%sexit\n",
		o.RouterID, o.Extra)
	return b.String()
}

const ospfTimers = " ip ospf hello-interval 1\n ip ospf dead-interval 4\n ip ospf retransmit-interval 2\n"

// Static is a configuration of staticd: each route is a prefix and a gateway ("10.1.0.0/24 10.0.12.1").
func Static(routes ...string) string {
	var b strings.Builder
	for _, r := range routes {
		fmt.Fprintf(&b, "ip route %s\n", r)
	}
	return b.String()
}

// BGP is a configuration of bgpd for small networks: sessions come up at once, and changes go out at once.
type BGP struct {
	AS int
	// RouterID is a dotted quad.
	RouterID string
	// Neighbors are arguments of `neighbor`: "10.0.12.2 remote-as 65002".
	Neighbors []string
	// Networks are the prefixes that this router announces. It must have a route to each.
	Networks []string
	// Extra is appended behind `router bgp`, and so are route-maps and lists.
	Extra string
}

// Config is the text for bgpd.
func (b BGP) Config() string {
	var s strings.Builder
	fmt.Fprintf(&s, "router bgp %d\n bgp router-id %s\n no bgp ebgp-requires-policy\n no bgp network import-check\n", b.AS, b.RouterID)
	for _, n := range b.Neighbors {
		fmt.Fprintf(&s, " neighbor %s\n", n)
		if addr, _, found := strings.Cut(n, " remote-as "); found {
			fmt.Fprintf(&s, " neighbor %s timers connect 1\n neighbor %s advertisement-interval 0\n", addr, addr)
		}
	}
	for _, n := range b.Networks {
		fmt.Fprintf(&s, " network %s\n", n)
	}
	return s.String() + "exit\n" + b.Extra
}
