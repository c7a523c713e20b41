package main

import (
	"fmt"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/rib"
	"msdpd/vty"
)

func (d *daemon) installShowRPF(sh *vty.Shell) {
	for _, name := range []string{"rpf", "rpf-peer"} { // the second as IOS has it
		sh.Install(sh.View, "show ip msdp "+name+" A.B.C.D$rp [json$json]",
			showHelp+"The RPF peer towards an RP, and why\nThe RP's address\nAs JSON\n", d.showRPF)
	}
}

// routePoll is how often it is looked whether the route to an RP is known by now.
const routePoll = 20 * time.Millisecond

func (d *daemon) showRPF(c *vty.Call) error {
	rp := c.Addr("rp")
	var st msdp.RPFStatus
	look := func() error {
		_, err := d.ask(func(now time.Time) {
			d.instance.speaker.AskRPF(now, rp)
			st = d.instance.speaker.ExplainRPF(now, rp)
			// The Speaker is not told where only the one who answers is another.
			if r, ok := d.instance.tracker.Route(rp); ok && r.Equal(st.Route) {
				st.Route.From = r.From
			}
		})
		return err
	}
	if err := look(); err != nil {
		return err
	}
	// The Speaker gives up waiting for a route by itself, after two seconds.
	ticker := time.NewTicker(routePoll)
	defer ticker.Stop()
	for !st.Known {
		select {
		case <-c.Context().Done():
			return c.Context().Err()
		case <-ticker.C:
		}
		if err := look(); err != nil {
			return err
		}
	}
	var names *rib.Interfaces
	if _, err := d.ask(func(time.Time) { names = d.instance.world.interfaces }); err != nil {
		return err
	}
	if c.Has("json") {
		return rpfJSON(c, st, names)
	}
	printRPF(c, st, names)
	return nil
}

func printRPF(c *vty.Call, st msdp.RPFStatus, names *rib.Interfaces) {
	c.Printf("RP        : %s\n", st.RP)
	if !st.Route.Prefix.IsValid() && !st.Route.Reachable() {
		c.Printf("Route     : none\n")
	} else {
		table := ""
		if st.Route.Multicast {
			table = ", multicast table"
		}
		c.Printf("Route     : %s, %s, distance %d, metric %d, told by %s%s\n", st.Route.Prefix, st.Route.Protocol, st.Route.Distance, st.Route.Metric, st.Route.From, table)
	}
	for _, nh := range st.Route.NextHops {
		c.Printf("Next hop  : %s\n", nextHopText(nh, names))
	}
	printBGP(c, st)
	if st.Peer.IsUnspecified() {
		writeWrapped(c, "RPF peer  : ", "none: "+st.Why)
	} else {
		writeWrapped(c, "RPF peer  : ", fmt.Sprintf("%s by rule (%s): %s", st.Peer, st.Rule, st.Why))
	}
	if len(st.Peers) == 0 {
		return
	}
	c.Printf("\n%-15s  %11s  %-8s  %s\n", "Peer", "State", "Its SAs", "Why")
	for _, p := range st.Peers {
		word := "refused"
		if p.Accepted {
			word = "accepted"
		}
		writeWrapped(c, fmt.Sprintf("%-15s  %11s  %-8s  ", p.Addr, p.State, word), p.Why)
	}
}

// printBGP prints what bgpd says of the path.
func printBGP(c *vty.Call, st msdp.RPFStatus) {
	if b := st.BGP; b != nil {
		path := b.ASPathText()
		if path == "" {
			path = "empty"
		}
		if fromZebra(b) {
			c.Printf("AS path   : %s, %s, told by zebra\n", path, b.Prefix)
		} else {
			c.Printf("AS path   : %s, %s, told by bgpd\n", path, b.Prefix)
		}
		for _, nh := range b.NextHops {
			c.Printf("NEXT_HOP  : %s\n", nh)
		}
		if !fromZebra(b) {
			c.Printf("Neighbour : %s\n", bgpNeighborText(b))
		}
	}
	if st.BGPAway != "" {
		writeWrapped(c, "bgpd      : ", "does not answer: "+st.BGPAway)
	}
}

func bgpNeighborText(b *rib.BGPPath) string {
	switch {
	case b.Kind == rib.OwnPath:
		return "this router"
	case b.Neighbor.IsUnspecified():
		return string(b.Kind)
	}
	return fmt.Sprintf("%s, %s", b.Neighbor, b.Kind)
}

func interfaceName(index int, names *rib.Interfaces) string {
	if ifc, ok := names.ByIndex(index); ok {
		return ifc.Name
	}
	return fmt.Sprintf("interface %d", index)
}

func nextHopText(nh rib.NextHop, names *rib.Interfaces) string {
	if nh.Gateway6.IsValid() {
		return nh.Gateway6.String() + ", " + interfaceName(nh.Ifindex, names)
	}
	if nh.Gateway.IsUnspecified() {
		return "on-link, " + interfaceName(nh.Ifindex, names)
	}
	return nh.Gateway.String() + ", " + interfaceName(nh.Ifindex, names)
}

func rpfJSON(c *vty.Call, st msdp.RPFStatus, names *rib.Interfaces) error {
	type hop struct {
		IP        string `json:"ip,omitempty"`
		Interface string `json:"interface"`
	}
	type route struct {
		Prefix   string       `json:"prefix"`
		Protocol rib.Protocol `json:"protocol"`
		Distance uint8        `json:"distance"`
		Metric   uint32       `json:"metric"`
		From     rib.Answerer `json:"from"`
		Table    string       `json:"table,omitempty"`
		Nexthops []hop        `json:"nexthops"`
	}
	type bgp struct {
		Prefix   string       `json:"prefix"`
		ASPath   string       `json:"asPath"`
		Nexthops []ipv4.Addr  `json:"nexthops"`
		Neighbor string       `json:"neighbor,omitempty"`
		Type     rib.PathKind `json:"type,omitempty"`
		From     string       `json:"from,omitempty"`
	}
	type peer struct {
		State    string `json:"state"`
		Accepted bool   `json:"accepted"`
		Why      string `json:"why"`
	}
	out := newJSONObject(c)
	out.member("rp", st.RP)
	if st.Route.Reachable() {
		r := route{st.Route.Prefix.String(), st.Route.Protocol, st.Route.Distance, st.Route.Metric, st.Route.From, "", nil}
		if st.Route.Multicast {
			r.Table = "multicast"
		}
		for _, nh := range st.Route.NextHops {
			h := hop{Interface: interfaceName(nh.Ifindex, names)}
			if nh.Gateway6.IsValid() {
				h.IP = nh.Gateway6.String()
			} else if !nh.Gateway.IsUnspecified() {
				h.IP = nh.Gateway.String()
			}
			r.Nexthops = append(r.Nexthops, h)
		}
		out.member("route", r)
	}
	if b := st.BGP; b != nil {
		p := bgp{Prefix: b.Prefix.String(), ASPath: b.ASPathText(), Nexthops: []ipv4.Addr{}, Type: b.Kind}
		p.Nexthops = append(p.Nexthops, b.NextHops...)
		if !b.Neighbor.IsUnspecified() {
			p.Neighbor = b.Neighbor.String()
		}
		if fromZebra(b) {
			p.From = "zebra"
		}
		out.member("bgp", p)
	}
	if st.BGPAway != "" {
		out.member("bgpdAway", st.BGPAway)
	}
	if !st.Peer.IsUnspecified() {
		out.member("rpfPeer", st.Peer)
		out.member("rule", st.Rule.String())
	}
	out.member("why", st.Why)
	peers := out.object("peers")
	for _, p := range st.Peers {
		peers.member(p.Addr.String(), peer{p.State.String(), p.Accepted, p.Why})
	}
	peers.closeMember()
	return out.close()
}
