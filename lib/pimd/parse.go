package pimd

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"msdpd/lib/ipv4"
)

// parseRelease reads the first line of 'show version': "FRRouting 8.4.4 (host) on Linux…".
func parseRelease(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	words := strings.Fields(first)
	if len(words) < 2 || words[0] != "FRRouting" {
		return ""
	}
	return words[1]
}

// parseRPs reads 'show ip pim rp-info json'. The prefix lists are only named.
func parseRPs(text string) (RPSet, error) {
	var byRP map[string][]struct {
		IAmRP      bool   `json:"iAmRP"`
		Group      string `json:"group"`
		PrefixList string `json:"prefixList"`
		Source     string `json:"source"`
	}
	if err := json.Unmarshal([]byte(text), &byRP); err != nil {
		return nil, fmt.Errorf("pimd's rp-info: %w", err)
	}
	var set RPSet
	for key, entries := range byRP {
		address, err := ipv4.Parse(key)
		if err != nil {
			return nil, fmt.Errorf("pimd's rp-info: %w", err)
		}
		for _, e := range entries {
			rp := RP{Address: address, PrefixList: e.PrefixList, Mine: e.IAmRP, Source: e.Source}
			if e.PrefixList == "" {
				group, err := netip.ParsePrefix(e.Group)
				if err != nil {
					return nil, fmt.Errorf("pimd's rp-info: group of RP %s: %w", address, err)
				}
				rp.Group = group.Masked()
			}
			set = append(set, rp)
		}
	}
	slices.SortStableFunc(set, func(a, b RP) int { return cmp.Compare(a.Address, b.Address) })
	return set, nil
}

// parseInterfaces reads 'show ip pim interface json'.
func parseInterfaces(text string) (map[string]Interface, error) {
	var byName map[string]struct {
		State   string    `json:"state"`
		Address ipv4.Addr `json:"address"`
		DR      bool      `json:"pimDesignatedRouterLocal"`
	}
	if err := json.Unmarshal([]byte(text), &byName); err != nil {
		return nil, fmt.Errorf("pimd's interfaces: %w", err)
	}
	all := make(map[string]Interface, len(byName))
	for name, i := range byName {
		all[name] = Interface{DR: i.DR, Up: i.State == "up", Address: i.Address}
	}
	return all, nil
}

// parseMSDPPeers reads 'show ip msdp peer json' and reports whether there are any.
func parseMSDPPeers(text string) (bool, error) {
	var peers map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &peers); err != nil {
		return false, fmt.Errorf("pimd's MSDP peers: %w", err)
	}
	return len(peers) > 0, nil
}

// parsePrefixList reads 'show ip prefix-list NAME json', in which newer releases leave out
// the outer object with the daemon's name. It returns nil where there is no list.
func parsePrefixList(text, name string) (PrefixList, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &top); err != nil {
		return nil, fmt.Errorf("pimd's prefix list %s: %w", name, err)
	}
	body, ok := top[name]
	if inner, wrapped := top["PIM"]; wrapped && !ok {
		var lists map[string]json.RawMessage
		if err := json.Unmarshal(inner, &lists); err != nil {
			return nil, fmt.Errorf("pimd's prefix list %s: %w", name, err)
		}
		body, ok = lists[name]
	}
	if !ok {
		return nil, nil
	}
	type line struct {
		Sequence int64  `json:"sequenceNumber"`
		Type     string `json:"type"`
		Prefix   string `json:"prefix"`
	}
	var list struct {
		Entries []line `json:"entries"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("pimd's prefix list %s: %w", name, err)
	}
	slices.SortStableFunc(list.Entries, func(a, b line) int { return cmp.Compare(a.Sequence, b.Sequence) })
	entries := PrefixList{}
	for _, l := range list.Entries {
		e, err := prefixEntry(l.Type, l.Prefix)
		if err != nil {
			return nil, fmt.Errorf("pimd's prefix list %s: %w", name, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// prefixEntry reads one line of a prefix list.
func prefixEntry(action, text string) (PrefixEntry, error) {
	if text == "any" {
		text = "0.0.0.0/0"
	}
	prefix, err := netip.ParsePrefix(text)
	return PrefixEntry{Permit: action == "permit", Prefix: prefix.Masked()}, err
}

// config is what matters in 'write terminal'.
type config struct {
	pim, passive       map[string]bool // by interface
	ownMSDP            bool
	registerAcceptList string
	lists              map[string]PrefixList
}

// parseConfig reads pimd's running configuration: the lines of releases up to 10.1, which
// start with "ip", and the block "router pim" of later ones. Blocks of other VRFs are left out.
func parseConfig(text string) config {
	c := config{pim: make(map[string]bool), passive: make(map[string]bool), lists: make(map[string]PrefixList)}
	var iface string
	var other bool // inside a block that says nothing of interest
	meshes := make(map[string][]string)
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "!" {
			continue
		}
		indented := line[0] == ' '
		if !indented {
			iface, other = "", false
			switch {
			case words[0] == "interface" && len(words) == 2:
				iface = words[1]
				continue
			case words[0] == "router" && len(words) == 2 && words[1] == "pim":
				continue
			case words[0] == "interface" || words[0] == "router" || words[0] == "vrf":
				other = true
				continue
			}
		}
		if other {
			continue
		}
		if words[0] == "ip" {
			words = words[1:]
		}
		if iface != "" {
			if words[0] == "pim" {
				c.pim[iface] = c.pim[iface] || len(words) == 1 || words[1] == "sm" || words[1] == "passive"
				c.passive[iface] = c.passive[iface] || len(words) == 2 && words[1] == "passive"
			}
			continue
		}
		if words[0] == "pim" {
			words = words[1:]
		}
		switch {
		case len(words) >= 2 && words[0] == "register-accept-list":
			c.registerAcceptList = words[1]
		case len(words) >= 6 && words[0] == "prefix-list" && words[2] == "seq":
			// "prefix-list NAME seq N permit|deny PREFIX [ge N] [le N]", in the order of N
			if e, err := prefixEntry(words[4], words[5]); err == nil {
				c.lists[words[1]] = append(c.lists[words[1]], e)
			}
		case len(words) >= 2 && words[0] == "msdp" && words[1] == "peer":
			c.ownMSDP = true
		case len(words) >= 4 && words[0] == "msdp" && words[1] == "mesh-group":
			// A mesh group has peers once it has both a member and a source.
			mesh := append(meshes[words[2]], words[3])
			meshes[words[2]] = mesh
			c.ownMSDP = c.ownMSDP || slices.Contains(mesh, "member") && slices.Contains(mesh, "source")
		}
	}
	return c
}
