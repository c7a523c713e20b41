package lab

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// pollEvery is how often the Await methods ask. A question costs a daemon well under a millisecond.
const pollEvery = 20 * time.Millisecond

// AwaitRoute waits until zebra has a selected route of that protocol ("ospf", "static", "bgp") to a prefix.
func (nd *Node) AwaitRoute(limit time.Duration, prefix, protocol string) {
	nd.net.t.Helper()
	Eventually(nd.net.t, limit, pollEvery, func() error {
		var routes map[string][]struct {
			Protocol string
			Selected bool
		}
		if err := nd.VtyJSON("zebra", "show ip route json", &routes); err != nil {
			return err
		}
		for _, r := range routes[prefix] {
			if r.Selected && r.Protocol == protocol {
				return nil
			}
		}
		return fmt.Errorf("%s has no %s route to %s: %+v", nd.name, protocol, prefix, routes[prefix])
	})
}

// AwaitPIMNeighbors waits until pimd has that many PIM neighbours, on all interfaces together.
func (nd *Node) AwaitPIMNeighbors(limit time.Duration, count int) {
	nd.net.t.Helper()
	Eventually(nd.net.t, limit, pollEvery, func() error {
		var ifaces map[string]map[string]any
		if err := nd.VtyJSON("pimd", "show ip pim neighbor json", &ifaces); err != nil {
			return err
		}
		got := 0
		for _, neighbors := range ifaces {
			got += len(neighbors)
		}
		if got != count {
			return fmt.Errorf("%s has %d PIM neighbours, want %d", nd.name, got, count)
		}
		return nil
	})
}

// AwaitDR waits until pimd sees a router as the designated router on an interface. Do so for the source's
// router before a time is measured: pimd takes up to a second for an interface without neighbours.
func (nd *Node) AwaitDR(limit time.Duration, iface, address string) {
	nd.net.t.Helper()
	Eventually(nd.net.t, limit, pollEvery, func() error {
		var ifaces map[string]struct {
			PIMDesignatedRouter string `json:"pimDesignatedRouter"`
		}
		if err := nd.VtyJSON("pimd", "show ip pim interface json", &ifaces); err != nil {
			return err
		}
		if dr := ifaces[iface].PIMDesignatedRouter; dr != address {
			return fmt.Errorf("%s: the DR on %s is %q, want %s", nd.name, iface, dr, address)
		}
		return nil
	})
}

// AwaitInterest waits until pimd has (*,G): somebody has joined the group.
func (nd *Node) AwaitInterest(limit time.Duration, group string) {
	nd.net.t.Helper()
	nd.AwaitMroute(limit, "*", group)
}

// AwaitMroute waits until pimd has the multicast route (source, group); source "*" is any.
func (nd *Node) AwaitMroute(limit time.Duration, source, group string) {
	nd.net.t.Helper()
	Eventually(nd.net.t, limit, pollEvery, func() error {
		var routes map[string]map[string]any
		if err := nd.VtyJSON("pimd", "show ip mroute json", &routes); err != nil {
			return err
		}
		if _, ok := routes[group][source]; !ok {
			return fmt.Errorf("%s has no (%s,%s)", nd.name, source, group)
		}
		return nil
	})
}

// MSDPPeer is one peer in `show ip msdp peer json`, of msdpd or of FRR's pimd.
type MSDPPeer struct {
	Peer    string `json:"peer"`
	Local   string `json:"local"`
	State   string `json:"state"`
	SACount int    `json:"saCount"`
}

// MSDPPeers asks a daemon ("msdpd" or "pimd") for its peers, by address.
func (nd *Node) MSDPPeers(daemon string) (map[string]MSDPPeer, error) {
	var peers map[string]MSDPPeer
	err := nd.VtyJSON(daemon, "show ip msdp peer json", &peers)
	return peers, err
}

// AwaitMSDPPeer waits until a daemon's session with a peer is in a state: "established".
func (nd *Node) AwaitMSDPPeer(limit time.Duration, daemon, peer, state string) {
	nd.net.t.Helper()
	Eventually(nd.net.t, limit, pollEvery, func() error {
		peers, err := nd.MSDPPeers(daemon)
		if err != nil {
			return err
		}
		if p, ok := peers[peer]; !ok || p.State != state {
			return fmt.Errorf("%s: %s's session with %s is %q, want %q", nd.name, daemon, peer, p.State, state)
		}
		return nil
	})
}

// SA is one entry in `show ip msdp sa json`, of msdpd or of FRR's pimd.
type SA struct {
	Source string `json:"source"`
	Group  string `json:"group"`
	// RP is "-" for a local source.
	RP string `json:"rp"`
	// Local and SPTSetup are "yes", "no" or "-".
	Local    string `json:"local"`
	SPTSetup string `json:"sptSetup"`
	UpTime   string `json:"upTime"`
}

// SAs asks a daemon ("msdpd" or "pimd") for its SA cache: by group, then by source.
func (nd *Node) SAs(daemon string) (map[string]map[string]SA, error) {
	var sas map[string]map[string]SA
	err := nd.VtyJSON(daemon, "show ip msdp sa json", &sas)
	return sas, err
}

// AwaitSA waits until a daemon has a source of a group in its SA cache, and returns the entry.
func (nd *Node) AwaitSA(limit time.Duration, daemon, source, group string) SA {
	nd.net.t.Helper()
	var sa SA
	Eventually(nd.net.t, limit, pollEvery, func() error {
		sas, err := nd.SAs(daemon)
		if err != nil {
			return err
		}
		var ok bool
		if sa, ok = sas[group][source]; !ok {
			return fmt.Errorf("%s: %s has no SA for (%s,%s), of that group only %v",
				nd.name, daemon, source, group, slices.Sorted(maps.Keys(sas[group])))
		}
		return nil
	})
	return sa
}

// AwaitNoSA waits until a daemon does not have a source of a group in its SA cache.
func (nd *Node) AwaitNoSA(limit time.Duration, daemon, source, group string) {
	nd.net.t.Helper()
	Eventually(nd.net.t, limit, pollEvery, func() error {
		sas, err := nd.SAs(daemon)
		if err != nil {
			return err
		}
		if sa, ok := sas[group][source]; ok {
			return fmt.Errorf("%s: %s still has %+v", nd.name, daemon, sa)
		}
		return nil
	})
}
