package main

import (
	"fmt"
	"strings"

	"msdpd/lib/acl"
	"msdpd/vty"
)

// installShowLists installs what shows lists: the text of FRR 8 and 10, and the JSON of a daemon
// of FRR 10, which does not stand in an object with the daemon's name any more.
func (d *daemon) installShowLists(sh *vty.Shell) {
	const help = "Show running system information\nIP information\n"
	sh.Install(sh.View, "show ip access-list [WORD$list] [json$json]", help+"Access lists\nOne of them\nAs JSON\n", d.showAccessLists)
	sh.Install(sh.View, "show ip prefix-list [WORD$list] [json$json]", help+"Prefix lists\nOne of them\nAs JSON\n", d.showPrefixLists)
}

func (d *daemon) showAccessLists(c *vty.Call) error {
	s, err := d.instance.snapshot()
	if err != nil {
		return err
	}
	lists := &s.msdp.Lists
	names := lists.AccessNames()
	for _, l := range acl.BuiltIn() {
		names = append(names, l.Name())
	}
	if c.Has("list") {
		names = []string{c.Arg("list")}
		if lists.Access(names[0]) == nil {
			return fmt.Errorf("there is no access-list %s", names[0])
		}
	}
	if c.Has("json") {
		out := newJSONObject(c)
		for _, name := range names {
			out.member(name, accessListJSON(lists.Access(name)))
		}
		return out.close()
	}
	c.Printf("MSDP:\n")
	for _, name := range names {
		showAccessList(c, lists.Access(name))
	}
	return nil
}

// styleOf is what FRR calls lists by their first line: Cisco's two kinds, and Zebra for a line
// with A.B.C.D/M.
func styleOf(lines []acl.Line) string {
	switch {
	case len(lines) == 0:
		return "Empty"
	case lines[0].Extended:
		return "Extended"
	case hasWildcard(&lines[0]):
		return "Standard"
	}
	return "Zebra"
}

// hasWildcard reports whether a line of one range is written with a wildcard mask, or would be
// if it were no single address.
func hasWildcard(l *acl.Line) bool {
	_, prefix := l.Range.Prefix()
	return !l.Exact && (acl.KindOf(l.List) == acl.Standard || !prefix)
}

func showAccessList(c *vty.Call, a *acl.AccessList) {
	lines := a.Lines()
	c.Printf("%s IP access list %s", styleOf(lines), a.Name())
	if a.BuiltIn() {
		c.Printf(" (built in)")
	}
	c.Printf("\n")
	if a.Remark() != "" {
		c.Printf("    remark %s\n", a.Remark())
	}
	for _, l := range lines {
		text := accessLineText(&l)
		if l.Remark != "" {
			text = fmt.Sprintf("%-58s ! %s", text, l.Remark)
		}
		c.Printf("    %s\n", text)
	}
}

// accessLineText pads deny to the length of permit, as FRR does.
func accessLineText(l *acl.Line) string {
	action, what, _ := strings.Cut(l.Rule(), " ")
	if r := l.Range; !l.Extended && !r.IsAny() && r.Wildcard != 0 && hasWildcard(l) {
		what = r.Addr.String() + ", wildcard bits " + r.Wildcard.String()
	}
	return fmt.Sprintf("seq %d %-6s %s", l.Seq, action, what)
}

type jsonAccessList struct {
	Type          string           `json:"type"`
	AddressFamily string           `json:"addressFamily"`
	Remark        string           `json:"remark,omitempty"`
	BuiltIn       bool             `json:"builtIn,omitempty"`
	Rules         []jsonAccessLine `json:"rules"`
}

type jsonAccessLine struct {
	SequenceNumber     uint32 `json:"sequenceNumber"`
	FilterType         string `json:"filterType"`
	Extended           bool   `json:"extended,omitempty"`
	SourceAddress      string `json:"sourceAddress,omitempty"`
	SourceMask         string `json:"sourceMask,omitempty"`
	DestinationAddress string `json:"destinationAddress,omitempty"`
	DestinationMask    string `json:"destinationMask,omitempty"`
	Address            string `json:"address,omitempty"`
	Mask               string `json:"mask,omitempty"`
	Prefix             string `json:"prefix,omitempty"`
	ExactMatch         *bool  `json:"exact-match,omitempty"`
	Remark             string `json:"remark,omitempty"`
}

func accessListJSON(a *acl.AccessList) jsonAccessList {
	lines := a.Lines()
	out := jsonAccessList{Type: styleOf(lines), AddressFamily: "IPv4", Remark: a.Remark(), BuiltIn: a.BuiltIn(), Rules: []jsonAccessLine{}}
	for _, l := range lines {
		j := jsonAccessLine{SequenceNumber: l.Seq, FilterType: permitOrDeny(l.Permit), Remark: l.Remark}
		switch prefix, isPrefix := l.Range.Prefix(); {
		case l.Extended:
			j.Extended = true
			j.SourceAddress, j.SourceMask = l.Sources.Addr.String(), l.Sources.Wildcard.String()
			j.DestinationAddress, j.DestinationMask = l.Range.Addr.String(), l.Range.Wildcard.String()
		case isPrefix && (l.Range.IsAny() || !hasWildcard(&l)):
			j.Prefix, j.ExactMatch = prefix.String(), &l.Exact
		default:
			j.Address, j.Mask = l.Range.Addr.String(), l.Range.Wildcard.String()
		}
		out.Rules = append(out.Rules, j)
	}
	return out
}

func permitOrDeny(permit bool) string {
	if permit {
		return "permit"
	}
	return "deny"
}

func (d *daemon) showPrefixLists(c *vty.Call) error {
	s, err := d.instance.snapshot()
	if err != nil {
		return err
	}
	lists := &s.msdp.Lists
	names := lists.PrefixNames()
	if c.Has("list") {
		names = []string{c.Arg("list")}
		if lists.Prefix(names[0]) == nil {
			return fmt.Errorf("there is no ip prefix-list %s", names[0])
		}
	}
	if c.Has("json") {
		out := newJSONObject(c)
		for _, name := range names {
			out.member(name, prefixListJSON(lists.Prefix(name)))
		}
		return out.close()
	}
	for _, name := range names {
		p := lists.Prefix(name)
		lines := p.Lines()
		c.Printf("MSDP: ip prefix-list %s: %d entries\n", name, len(lines))
		if p.Description() != "" {
			c.Printf("   Description: %s\n", p.Description())
		}
		for _, l := range lines {
			c.Printf("   seq %d %s\n", l.Seq, l.Rule())
		}
	}
	return nil
}

type jsonPrefixList struct {
	AddressFamily string           `json:"addressFamily"`
	Entries       []jsonPrefixLine `json:"entries"`
	Description   string           `json:"description,omitempty"`
}

type jsonPrefixLine struct {
	SequenceNumber uint32 `json:"sequenceNumber"`
	Type           string `json:"type"`
	Prefix         string `json:"prefix"`
	MinimumLength  uint8  `json:"minimumPrefixLength,omitempty"`
	MaximumLength  uint8  `json:"maximumPrefixLength,omitempty"`
}

func prefixListJSON(p *acl.PrefixList) jsonPrefixList {
	out := jsonPrefixList{AddressFamily: "IPv4", Entries: []jsonPrefixLine{}, Description: p.Description()}
	for _, l := range p.Lines() {
		out.Entries = append(out.Entries, jsonPrefixLine{
			SequenceNumber: l.Seq, Type: permitOrDeny(l.Permit), Prefix: l.Prefix().String(), MinimumLength: l.GE, MaximumLength: l.LE,
		})
	}
	return out
}
