// Package bgpd asks FRR's bgpd over its vty socket for what peer-RPF needs and zebra does
// not tell: AS path, NEXT_HOP and neighbour of the best path, and the neighbours' ASes.
package bgpd

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// routeAnswer is what is read of `show bgp ipv4 unicast A.B.C.D json`.
type routeAnswer struct {
	Prefix string `json:"prefix"`
	Paths  []path `json:"paths"`
}

type path struct {
	ASPath struct {
		Segments []struct {
			Type string     `json:"type"`
			List []asNumber `json:"list"`
		} `json:"segments"`
	} `json:"aspath"`
	BestPath struct {
		Overall bool `json:"overall"`
	} `json:"bestpath"`
	NextHops []struct {
		IP string `json:"ip"`
	} `json:"nexthops"`
	Peer struct {
		PeerID string `json:"peerId"`
		Type   string `json:"type"`
	} `json:"peer"`
}

// asNumber is an AS in JSON: a number, or in the notation that `as-notation` asks for a
// text, 65002 or 1.10.
type asNumber uint32

func (n *asNumber) UnmarshalJSON(b []byte) error {
	as, err := rib.ParseAS(strings.Trim(string(b), `"`))
	*n = asNumber(as)
	return err
}

// parsePath reads the answer about one address; nil: bgpd has no best path to it.
func parsePath(text string) (*rib.BGPPath, error) {
	var a routeAnswer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return nil, fmt.Errorf("bgpd's answer about a route: %w", err)
	}
	i := slices.IndexFunc(a.Paths, func(p path) bool { return p.BestPath.Overall })
	if i < 0 {
		return nil, nil
	}
	prefix, err := netip.ParsePrefix(a.Prefix)
	if err != nil {
		return nil, fmt.Errorf("bgpd's answer about a route: %w", err)
	}
	return a.Paths[i].bgpPath(prefix), nil
}

func (p *path) bgpPath(prefix netip.Prefix) *rib.BGPPath {
	out := &rib.BGPPath{Prefix: prefix, Kind: rib.PathKind(p.Peer.Type)}
	if out.Kind == "" {
		out.Kind = rib.OwnPath
	}
	if a, err := ipv4.Parse(p.Peer.PeerID); err == nil {
		out.Neighbor = a
	}
	for _, nh := range p.NextHops {
		// The other kinds are IPv6 addresses, and what stands for this router.
		if a, err := ipv4.Parse(nh.IP); err == nil && !a.IsUnspecified() {
			out.NextHops = append(out.NextHops, a)
		}
	}
	slices.Sort(out.NextHops)
	out.NextHops = slices.Compact(out.NextHops)
	for _, s := range p.ASPath.Segments {
		switch {
		case strings.HasPrefix(s.Type, "as-confed"):
		case s.Type == "as-set":
			var set []uint32
			for _, as := range s.List {
				set = append(set, uint32(as))
			}
			out.ASPath = append(out.ASPath, set)
		default:
			for _, as := range s.List {
				out.ASPath = append(out.ASPath, []uint32{uint32(as)})
			}
		}
	}
	return out
}

// parseNeighbors reads `show bgp neighbors json`: the AS of each neighbour with an IPv4
// address whose AS is known.
func parseNeighbors(text string) (map[ipv4.Addr]uint32, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("bgpd's neighbours: %w", err)
	}
	out := make(map[ipv4.Addr]uint32, len(all))
	for name, raw := range all {
		addr, err := ipv4.Parse(name)
		if err != nil {
			continue // an interface's name, an IPv6 address, or a word about the whole
		}
		var n struct {
			RemoteAS asNumber `json:"remoteAs"`
		}
		if err := json.Unmarshal(raw, &n); err != nil {
			return nil, fmt.Errorf("bgpd's neighbour %s: %w", name, err)
		}
		if n.RemoteAS != 0 {
			out[addr] = uint32(n.RemoteAS)
		}
	}
	return out, nil
}
