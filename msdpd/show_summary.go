package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/pim"
	"msdpd/vty"
	"msdpd/zclient"
)

func (d *daemon) installShowSummary(sh *vty.Shell) {
	sh.Install(sh.View, "show ip msdp summary [json$json]",
		showHelp+"What there is, and what stands in the way\nAs JSON\n", d.showSummary)
}

// overview is what `show ip msdp summary` shows.
type overview struct {
	msdp.Summary
	joins        pim.JoinerStats
	registers    pim.ListenerStats
	strangers    uint64
	rps          []ipv4.Addr
	rpsFrom      string
	zebra        zclient.Status
	pimdRelease  string
	pimdHere     bool
	bgpdSeen     bool
	bgpdHere     bool
	bgpdWhy      string
	bgpNeighbors int
	attention    []string
}

func (d *daemon) overview() (overview, error) {
	var o overview
	in := d.instance
	_, err := d.ask(func(now time.Time) {
		w := &in.world
		o = overview{
			Summary: in.speaker.Summary(), joins: in.joiner.Stats(), registers: in.registers.Stats(), strangers: in.transport.Refused(),
			rps: slices.Clone(w.rps.MyRPs()), rpsFrom: "pimd", zebra: in.zebra.Status(), pimdRelease: w.pimd.Release, pimdHere: w.pimdHere,
			bgpdSeen: w.bgpdSeen, bgpdHere: w.bgpdHere, bgpdWhy: w.bgpdWhy, bgpNeighbors: w.bgpPeers,
		}
		if !w.pimd.Present {
			o.rpsFrom = "our own configuration"
		}
		if o.OriginatorTrouble != "" {
			o.attention = append(o.attention, o.OriginatorTrouble)
		}
		for _, ob := range w.obstacles {
			o.attention = append(o.attention, ob.Text)
		}
		if o.bgpdSeen && !o.bgpdHere {
			o.attention = append(o.attention, "bgpd does not answer: "+o.bgpdWhy)
		}
		for _, p := range in.speaker.Peers(now) {
			if p.Why != "" && !p.Shutdown {
				o.attention = append(o.attention, fmt.Sprintf("peer %s: %s", p.Addr, p.Why))
			}
			if mismatch := in.mismatchOf(p); mismatch != "" {
				o.attention = append(o.attention, fmt.Sprintf("peer %s: a mismatch of passwords is %s", p.Addr, mismatch))
			}
		}
		if z := o.zebra; z.Undecodable+z.Refused > 0 {
			o.attention = append(o.attention, fmt.Sprintf("zebra: %d messages from it were not understood, %d of ours it did not understand: is FRR %s right? If not, say which one by --zebra-version", z.Undecodable, z.Refused, z.Release))
		}
		if t := in.history.trial; t != nil {
			o.attention = append(o.attention, fmt.Sprintf("the running configuration is on trial for %s more; `commit` keeps it", uptime(t.deadline.Sub(now))))
		}
		if o.joins.Limited > 0 {
			o.attention = append(o.attention, fmt.Sprintf("%d sources are not joined because of the limits on joins: %s, %d in all", o.joins.Limited, groupLimit(w.groupJoins), in.settings.joins.all()))
		}
		if text := in.joinLimitTooHigh(); text != "" {
			o.attention = append(o.attention, text)
		}
		o.attention = append(o.attention, limitsAttention(in.speaker.Limits())...)
	})
	return o, err
}

func (d *daemon) showSummary(c *vty.Call) error {
	o, err := d.overview()
	if err != nil {
		return err
	}
	if c.Has("json") {
		return summaryJSON(c, o)
	}
	line := func(name, format string, args ...any) {
		writeWrapped(c, fmt.Sprintf("%-15s : ", name), fmt.Sprintf(format, args...))
	}
	line("Peers", "%d, %d established", o.Peers, o.Established)
	line("Mesh groups", "%d", o.MeshGroups)
	line("SA cache", "%d remote sources in %d groups from %d RPs, %d waiting for a route", o.Remotes, o.Groups, o.RPs, o.Pending)
	line("Local sources", "%d", o.Locals)
	line("RP here", "%s", rpList(o))
	if !o.Originator.IsUnspecified() {
		line("Originator ID", "%s", o.Originator)
	}
	line("Receivers", "%d groups", o.InterestedGroups)
	line("Joins", "%d wanted, %d confirmed, %d limited", o.joins.Wanted, o.joins.Confirmed, o.joins.Limited)
	line("zebra", "%s", zebraText(o.zebra))
	line("pimd", "%s", presence(o.pimdHere, o.pimdRelease, "away"))
	if o.bgpdSeen {
		line("bgpd", "%s", bgpdText(o))
	}
	line("Registers", "%d heard, %d own, %d not for an RP here, %d not taken by pimd, %d over the rate of a DR, %d bad", o.Registers.Heard, o.Registers.Own,
		o.Registers.NotRP, o.Registers.NotTaken, o.Registers.Limited, o.registers.BadChecksum+o.registers.Malformed+o.Registers.NoGroup)
	for _, r := range msdp.Reasons() {
		if n := o.Refused[r]; n > 0 {
			line("SAs refused", "%d, %s", n, r.Text())
		}
	}
	if o.strangers > 0 {
		line("Strangers", "%d connections refused from addresses that are no peers", o.strangers)
	}
	if len(o.attention) > 0 {
		c.Printf("\nNeeds attention:\n")
		for _, text := range o.attention {
			writeWrapped(c, "  - ", text)
		}
	}
	return nil
}

func groupLimit(perGroup int) string {
	if perGroup == 0 {
		return "any number a group"
	}
	return fmt.Sprintf("%d a group", perGroup)
}

func rpList(o overview) string {
	if len(o.rps) == 0 {
		return "none"
	}
	var all []string
	for _, rp := range o.rps {
		all = append(all, rp.String())
	}
	return strings.Join(all, ", ") + ", by " + o.rpsFrom
}

func zebraText(z zclient.Status) string {
	if !z.Connected {
		return "away, the kernel's table answers: " + z.Error
	}
	return fmt.Sprintf("there, FRR %s, %d addresses tracked", z.Release, z.Tracked)
}

// vrfNames are those that zebra has told, sorted.
func vrfNames(z zclient.Status) []string {
	names := []string{}
	for _, name := range z.VRFs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func presence(here bool, release, absent string) string {
	if !here {
		return absent
	}
	return "there, FRR " + release
}

func bgpdText(o overview) string {
	if !o.bgpdHere {
		return "does not answer"
	}
	return fmt.Sprintf("there, %d neighbours", o.bgpNeighbors)
}

func summaryJSON(c *vty.Call, o overview) error {
	out := newJSONObject(c)
	out.member("peers", o.Peers)
	out.member("peersEstablished", o.Established)
	out.member("meshGroups", o.MeshGroups)
	out.member("remoteSources", o.Remotes)
	out.member("groups", o.Groups)
	out.member("rpsOfSources", o.RPs)
	out.member("pending", o.Pending)
	out.member("localSources", o.Locals)
	rps := o.rps
	if rps == nil {
		rps = []ipv4.Addr{}
	}
	out.member("rps", rps)
	if !o.Originator.IsUnspecified() {
		out.member("originatorId", o.Originator)
	}
	out.member("groupsWithReceivers", o.InterestedGroups)
	out.member("joins", map[string]int{"wanted": o.joins.Wanted, "confirmed": o.joins.Confirmed, "limited": o.joins.Limited})
	out.member("zebra", map[string]any{
		"connected": o.zebra.Connected, "release": o.zebra.Release, "tracked": o.zebra.Tracked, "undecodable": o.zebra.Undecodable, "refused": o.zebra.Refused,
		"routerId": o.zebra.RouterID, "vrfs": vrfNames(o.zebra),
	})
	out.member("pimd", map[string]any{"present": o.pimdHere, "release": o.pimdRelease})
	if o.bgpdSeen {
		out.member("bgpd", map[string]any{"answers": o.bgpdHere, "why": o.bgpdWhy, "neighbors": o.bgpNeighbors})
	}
	out.member("registers", map[string]uint64{
		"heard": o.Registers.Heard, "own": o.Registers.Own, "notRp": o.Registers.NotRP, "notTaken": o.Registers.NotTaken, "limited": o.Registers.Limited,
		"noGroup": o.Registers.NoGroup, "badChecksum": o.registers.BadChecksum, "malformed": o.registers.Malformed,
	})
	refused := make(map[string]uint64)
	for _, r := range msdp.Reasons() {
		refused[r.String()] = o.Refused[r]
	}
	out.member("saRefused", refused)
	out.member("connectionsRefused", o.strangers)
	attention := o.attention
	if attention == nil {
		attention = []string{}
	}
	out.member("attention", attention)
	return out.close()
}
