package main

import (
	"fmt"
	"slices"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/pim"
	"msdpd/vty"
)

func (d *daemon) installShowWhy(sh *vty.Shell) {
	sh.Install(sh.View, "show ip msdp why A.B.C.D$source A.B.C.D$group [json$json]",
		showHelp+"What became of one SA and why: who offered it, who got it, is it joined\nThe source\nThe group\nAs JSON\n", d.showWhy)
}

// why is the explanation of one (S,G) with what the Joiner says of it.
type why struct {
	msdp.Explanation
	sg       ipv4.SG
	join     pim.JoinState
	isJoined bool
	remember int // how many refused entries are
}

func (d *daemon) showWhy(c *vty.Call) error {
	sg, err := sourceAndGroup(c)
	if err != nil {
		return err
	}
	w := why{sg: sg}
	now, err := d.ask(func(now time.Time) {
		w.Explanation = d.instance.speaker.Explain(now, w.sg)
		w.join, w.isJoined = d.instance.joiner.State(w.sg)
		w.remember = d.instance.settings.msdp.RejectedSAs
	})
	if err != nil {
		return err
	}
	if c.Has("json") {
		return w.writeJSON(c, now)
	}
	c.Printf("%s\n", w.sg)
	writeWrapped(c, "  State     : ", w.state(now))
	c.Printf("  Receivers : %s\n", w.receivers())
	writeWrapped(c, "  Join      : ", w.joinState())
	c.Printf("\n  Offered by\n")
	if len(w.Offers) == 0 {
		writeWrapped(c, "    ", fmt.Sprintf("nobody, as far as is known: the last %d refused entries are remembered", w.remember))
	}
	for _, o := range w.Offers {
		writeWrapped(c, fmt.Sprintf("    %-15s ", o.Peer), fmt.Sprintf("RP %s, %s", o.RP, offerText(o, now)))
	}
	c.Printf("\n  Sent to\n")
	for _, p := range w.Deliveries {
		text := "sent"
		if !p.Sent {
			text = "not sent: " + p.Why
		}
		writeWrapped(c, fmt.Sprintf("    %-15s ", p.Peer), text)
	}
	if len(w.Deliveries) == 0 {
		c.Printf("    nobody\n")
	}
	return nil
}

// sourceAndGroup reads the (S,G) that a command names. The error names the address that cannot
// be there, as when the two changed places.
func sourceAndGroup(c *vty.Call) (ipv4.SG, error) {
	sg := ipv4.SG{Source: c.Addr("source"), Group: c.Addr("group")}
	switch {
	case !sg.Group.IsMulticast():
		return sg, fmt.Errorf("%s is no group", sg.Group)
	case sg.Source.IsMulticast():
		return sg, fmt.Errorf("%s is a group, no source", sg.Source)
	}
	return sg, nil
}

func (w why) state(now time.Time) string {
	switch {
	case !w.Known && slices.ContainsFunc(w.Offers, func(o msdp.Offer) bool { return o.Waiting }):
		return "waits for the route to its RP"
	case !w.Known:
		return "not in the cache, and no local source"
	case w.SA.Local && w.NotAnnounced != "":
		return "a local source, not announced: " + w.NotAnnounced
	case w.SA.Local:
		return fmt.Sprintf("a local source since %s, heard from %s, announced with RP %s", uptime(now.Sub(w.SA.FirstSeen)), shownSA{SAStatus: w.SA}.heardFrom(), w.SA.RP)
	}
	return fmt.Sprintf("cached since %s from peer %s with RP %s, expires in %s", uptime(now.Sub(w.SA.FirstSeen)), w.SA.Peer, w.SA.RP, timer(max(0, w.SA.Expires.Sub(now))))
}

func (w why) receivers() string {
	if w.Interested {
		return "there are some here: the kernel has a (*,G)"
	}
	return "none here: the kernel has no (*,G)"
}

func (w why) joinState() string {
	switch {
	case w.SA.Local:
		return "none: the source is a local one"
	case w.isJoined:
		return w.join.String()
	case w.Known && w.Interested:
		return "none: the source is on a subnet of this router, from which the stream comes by itself"
	}
	return "none"
}

func offerText(o msdp.Offer, now time.Time) string {
	if o.Waiting {
		return "waits, for at most 2 s; " + o.Why
	}
	if o.Taken {
		return fmt.Sprintf("taken, last %s ago; %s", uptime(now.Sub(o.Last)), o.Why)
	}
	return fmt.Sprintf("refused, last %s ago, %d times; %s", uptime(now.Sub(o.Last)), o.Count, o.Why)
}

type offerJSON struct {
	Peer  string `json:"peer"`
	RP    string `json:"rp"`
	Taken bool   `json:"taken"`
	// Waiting: for the route to the RP; First and Last are not known then.
	Waiting bool   `json:"waiting,omitempty"`
	First   string `json:"first,omitempty"`
	Last    string `json:"last,omitempty"`
	Count   uint64 `json:"refusals,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Why     string `json:"why"`
}

type deliveryJSON struct {
	Peer  string `json:"peer"`
	State string `json:"state"`
	Sent  bool   `json:"sent"`
	Why   string `json:"why,omitempty"`
}

func (w why) writeJSON(c *vty.Call, now time.Time) error {
	out := newJSONObject(c)
	out.member("source", w.sg.Source.String())
	out.member("group", w.sg.Group.String())
	out.member("known", w.Known)
	out.member("local", w.SA.Local)
	out.member("state", w.state(now))
	if w.Known && !w.SA.Local {
		out.member("peer", w.SA.Peer.String())
	}
	if w.Known {
		out.member("rp", w.SA.RP.String())
	}
	out.member("interested", w.Interested)
	out.member("join", w.joinState())
	offers := make([]offerJSON, 0, len(w.Offers))
	for _, o := range w.Offers {
		v := offerJSON{Peer: o.Peer.String(), RP: o.RP.String(), Taken: o.Taken, Waiting: o.Waiting, Count: o.Count, Reason: o.Reason.String(), Why: o.Why}
		if !o.Waiting {
			v.First, v.Last = o.First.UTC().Format(time.RFC3339), o.Last.UTC().Format(time.RFC3339)
		}
		offers = append(offers, v)
	}
	out.member("offers", offers)
	deliveries := make([]deliveryJSON, 0, len(w.Deliveries))
	for _, p := range w.Deliveries {
		deliveries = append(deliveries, deliveryJSON{Peer: p.Peer.String(), State: p.State.String(), Sent: p.Sent, Why: p.Why})
	}
	out.member("sentTo", deliveries)
	return out.close()
}
