package main

import (
	"cmp"
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/pim"
	"msdpd/vty"
)

func (d *daemon) installShowSA(sh *vty.Shell) {
	installSASelections(sh, d.showSA)
	sh.Install(sh.View, "show ip msdp sa-cache rejected-sa [json$json]",
		showHelp+"Source-active cache\nWhat was refused last\nAs JSON\n", d.showRejected)
}

const (
	// keySlice and entrySlice are how much of a show the protocol waits for at a time.
	keySlice   = 1 << 14
	entrySlice = 1000
)

// shownSA is one (S,G) with what the Joiner says of it.
type shownSA struct {
	msdp.SAStatus
	join     pim.JoinState
	isJoined bool // the Joiner knows it
}

func (d *daemon) showSA(c *vty.Call) error {
	want, err := selectSAs(c)
	if err != nil {
		return err
	}
	keys, err := d.saKeys(want)
	if err != nil {
		return err
	}
	format := saText
	if c.Has("json") {
		format = saJSON
	}
	out := format(c, c.Has("detail") || c.Has("first"))
	for len(keys) > 0 && c.Context().Err() == nil {
		n := min(len(keys), entrySlice)
		entries := make([]shownSA, 0, n)
		now, err := d.ask(func(time.Time) {
			for _, sg := range keys[:n] {
				if st, ok := d.instance.speaker.SA(sg); ok {
					e := shownSA{SAStatus: st}
					e.join, e.isJoined = d.instance.joiner.State(sg)
					if want.entry(e) {
						entries = append(entries, e)
					}
				}
			}
		})
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := out.entry(e, now); err != nil {
				return err
			}
		}
		keys = keys[n:]
	}
	return out.end()
}

// saKeys takes the keys that may be wanted in slices and sorts them by group, then source, while
// the protocol goes on. One that names its source and group need not be in the cache.
func (d *daemon) saKeys(want saSelection) ([]ipv4.SG, error) {
	if want.source != 0 && want.group != 0 {
		return []ipv4.SG{{Source: want.source, Group: want.group}}, nil
	}
	var keys, slice []ipv4.SG
	var cursor msdp.SACursor
	for more := true; more; {
		if _, err := d.ask(func(time.Time) { slice, more = d.instance.speaker.SAKeys(&cursor, keySlice, slice[:0]) }); err != nil {
			return nil, err
		}
		for _, sg := range slice {
			if want.key(sg) {
				keys = append(keys, sg)
			}
		}
	}
	slices.SortFunc(keys, func(a, b ipv4.SG) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Source, b.Source))
	})
	return slices.Compact(keys), nil
}

// saWriter prints entries that come sorted by group.
type saWriter struct {
	entry func(shownSA, time.Time) error
	end   func() error
}

func (e shownSA) rp() string {
	if e.Local {
		return "-"
	}
	return e.RP.String()
}

func (e shownSA) sptSetup() string {
	switch {
	case e.Local:
		return "-"
	case e.isJoined && e.join == pim.JoinConfirmed:
		return "yes"
	}
	return "no"
}

func (e shownSA) localWord() string {
	if e.Local {
		return "yes"
	}
	return "no"
}

// joinWord says how far the join is: FRR's own MSDP has no such line.
func (e shownSA) joinWord() string {
	if !e.isJoined {
		return "-"
	}
	return e.join.String()
}

// stateTimer is what is left until the entry goes; FRR runs none for local sources.
func (e shownSA) stateTimer(now time.Time) string {
	if e.Local {
		return timer(-1)
	}
	return timer(max(0, e.Expires.Sub(now)))
}

func saText(c *vty.Call, detail bool) saWriter {
	none := func() error { return nil }
	if detail {
		return saWriter{entry: func(e shownSA, now time.Time) error { return printSADetail(c, e, now) }, end: none}
	}
	c.Printf("%-15s  %15s  %15s  %5s  %3s  %8s\n", "Source", "Group", "RP", "Local", "SPT", "Uptime")
	return saWriter{end: none, entry: func(e shownSA, now time.Time) error {
		c.Printf("%-15s  %15s  %15s  %5s  %3s  %8s\n", e.SG.Source, e.SG.Group, e.rp(),
			e.localWord()[:1], e.sptSetup()[:1], uptime(now.Sub(e.FirstSeen)))
		return nil
	}}
}

func printSADetail(c *vty.Call, e shownSA, now time.Time) error {
	peer := "-"
	if !e.Local {
		peer = e.Peer.String()
	}
	c.Printf("SA : %s\n", e.SG)
	c.Printf("  RP          : %s\n", e.rp())
	c.Printf("  Peer        : %s\n", peer)
	c.Printf("  Local       : %s\n", e.localWord())
	c.Printf("  SPT Setup   : %s\n", e.sptSetup())
	c.Printf("  Uptime      : %s\n", uptime(now.Sub(e.FirstSeen)))
	c.Printf("  State Timer : %s\n", e.stateTimer(now))
	if e.PeerASN != 0 {
		c.Printf("  BGP/AS      : %d\n", e.PeerASN)
	}
	if e.Local {
		c.Printf("  Heard from  : %s\n", e.heardFrom())
		c.Printf("  Sent as RP  : %s\n", e.RP)
	} else {
		c.Printf("  Join        : %s\n", e.joinWord())
	}
	if e.DuplicateRP {
		c.Printf("  Note        : announced with another RP as well; this one came first\n")
	}
	c.Printf("\n")
	return nil
}

func (e shownSA) heardFrom() string {
	if e.DR.IsUnspecified() {
		return "its subnet, where this router is the DR"
	}
	return "Registers of DR " + e.DR.String()
}

func saJSON(c *vty.Call, detail bool) saWriter {
	out := newJSONObject(c)
	var group *jsonObject
	var current ipv4.Addr
	return saWriter{
		entry: func(e shownSA, now time.Time) error {
			if group == nil || e.SG.Group != current {
				if group != nil {
					group.closeMember()
				}
				current = e.SG.Group
				group = out.object(current.String())
			}
			writeSAEntry(group, e, now, detail)
			return out.out.err
		},
		end: func() error {
			if group != nil {
				group.closeMember()
			}
			return out.close()
		},
	}
}

// writeSAEntry writes a member of a group: there may be a million.
func writeSAEntry(group *jsonObject, e shownSA, now time.Time, detail bool) {
	source := e.SG.Source.String()
	out := group.object(source)
	defer out.closeMember()
	out.text("source", source)
	out.text("group", e.SG.Group.String())
	out.text("rp", e.rp())
	out.text("local", e.localWord())
	out.text("sptSetup", e.sptSetup())
	out.text("upTime", uptime(now.Sub(e.FirstSeen)))
	if !detail {
		return
	}
	out.text("stateTimer", e.stateTimer(now))
	if e.PeerASN != 0 {
		out.member("asn", e.PeerASN)
	}
	if e.Local {
		if !e.DR.IsUnspecified() {
			out.text("dr", e.DR.String())
		}
		out.text("originRp", e.RP.String())
	} else {
		out.text("peer", e.Peer.String())
		out.text("join", e.joinWord())
	}
	if e.DuplicateRP {
		out.member("duplicateRp", true)
	}
}
