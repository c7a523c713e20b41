package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"msdpd/tools/lab"
)

// The addresses of the two domains.
const (
	rp1Addr, rp2Addr = "10.0.0.1", "10.0.0.2"
	source, receiver = "10.1.1.2", "10.2.1.2"
	group            = "239.1.1.1"
	port             = 5000
)

// How the source sends, and how long the demo watches.
const (
	interval = 50 * time.Millisecond
	packets  = 100
	patience = 20 * time.Second
)

type demo struct {
	t     lab.T
	n     *lab.Network
	frr   bool
	began time.Time

	src, dr, rp1, rp2, rcv *lab.Node
}

// say prints one line with the time since the start.
func (d *demo) say(format string, args ...any) {
	fmt.Printf("[%4.1f s] %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demo) speaker() string {
	if d.frr {
		return "pimd's own MSDP"
	}
	return "msdpd"
}

func (d *demo) drawing() {
	fmt.Printf(`
Two PIM domains, each with a rendezvous point (RP) of its own, and MSDP between them:

       domain 1                                 domain 2
  source ── DR ── RP1 ─────────── MSDP ─────────── RP2 ── receiver
  %s      %s                 %s     %s

`, source, rp1Addr, rp2Addr, receiver)
}

func (d *demo) build() {
	n := d.n
	d.src, d.rcv = n.Host("src"), n.Host("rcv")
	d.dr, d.rp1, d.rp2 = n.Router("dr"), n.Router("rp1"), n.Router("rp2")
	n.Connect(d.src, "eth0", source+"/24", d.dr, "src", "10.1.1.1/24")
	n.Connect(d.dr, "rp1", "10.1.12.1/24", d.rp1, "dr", "10.1.12.2/24")
	n.Connect(d.rp1, "rp2", "10.0.12.1/24", d.rp2, "rp1", "10.0.12.2/24")
	n.Connect(d.rp2, "rcv", "10.2.1.1/24", d.rcv, "eth0", receiver+"/24")
	d.rp1.AddAddr("lo", rp1Addr+"/32")
	d.rp2.AddAddr("lo", rp2Addr+"/32")
	d.say("5 network namespaces, joined by 4 links")
}

func (d *demo) startDaemons() {
	type router struct {
		node   *lab.Node
		routes string
		pim    lab.PIM
	}
	rp1 := lab.PIM{RP: []string{rp1Addr}, Interfaces: []string{"lo", "dr", "rp2"}}
	rp2 := lab.PIM{RP: []string{rp2Addr}, Interfaces: []string{"lo", "rp1", "rcv"}, IGMP: []string{"rcv"}}
	if d.frr {
		rp1.MSDP = []string{msdpPeer(rp2Addr, rp1Addr)}
		rp2.MSDP = []string{msdpPeer(rp1Addr, rp2Addr)}
	}
	for _, r := range []router{
		{d.dr, lab.Static(rp1Addr + "/32 10.1.12.2"), lab.PIM{RP: []string{rp1Addr}, Interfaces: []string{"src", "rp1"}}},
		{d.rp1, lab.Static("10.1.1.0/24 10.1.12.1", rp2Addr+"/32 10.0.12.2", "10.2.0.0/16 10.0.12.2"), rp1},
		{d.rp2, lab.Static(rp1Addr+"/32 10.0.12.1", "10.1.0.0/16 10.0.12.1"), rp2},
	} {
		r.node.StartFRR("zebra", "")
		r.node.StartFRR("staticd", r.routes)
		r.node.StartFRR("pimd", r.pim.Config())
	}
	d.say("%s runs on DR, RP1 and RP2 (zebra, staticd, pimd)", d.release())
	if !d.frr {
		d.rp1.StartMSDPD("ip msdp " + msdpPeer(rp2Addr, rp1Addr) + "\n")
		d.rp2.StartMSDPD("ip msdp " + msdpPeer(rp1Addr, rp2Addr) + "\n")
		d.say("msdpd runs on RP1 and RP2")
	}
}

func msdpPeer(peer, local string) string { return "peer " + peer + " source " + local }

// release is FRR's name and version.
func (d *demo) release() string {
	out, err := d.rp1.Vty("zebra", "show version")
	if err != nil {
		d.t.Fatalf("asking FRR's version: %v", err)
	}
	first, _, _ := strings.Cut(out, " (")
	return first
}

// converge waits until the routers know each other, so that what is measured later is MSDP and not start-up.
func (d *demo) converge() {
	d.dr.AwaitDR(patience, "src", "10.1.1.1")
	d.dr.AwaitPIMNeighbors(patience, 1)
	d.rp1.AwaitPIMNeighbors(patience, 2)
	d.rp2.AwaitPIMNeighbors(patience, 1)
	d.say("PIM: DR, RP1 and RP2 see each other")
	// FRR's pimd tries every 30 seconds.
	d.rp1.AwaitMSDPPeer(2*patience, d.msdp(), rp2Addr, "established")
	d.rp2.AwaitMSDPPeer(2*patience, d.msdp(), rp1Addr, "established")
	d.say("MSDP: the session between %s and %s is established (%s)", rp1Addr, rp2Addr, d.speaker())
}

// msdp is the daemon that answers `show ip msdp`.
func (d *demo) msdp() string {
	if d.frr {
		return "pimd"
	}
	return "msdpd"
}

// traffic has the receiver join and the source send, and says what arrived and when.
func (d *demo) traffic() error {
	r := d.rcv.JoinGroup(group, "eth0", port)
	d.rp2.AwaitInterest(patience, group)
	d.say("receiver %s has joined %s by IGMP, RP2 knows", receiver, group)

	s := d.src.SendMulticast(group, port, lab.SendOptions{Interval: interval, Count: packets})
	d.say("source %s sends UDP to %s, a packet each %v; DR registers it to RP1", source, group, interval)
	first := r.WaitFirst(patience)
	d.say("the receiver has its first packet (number %d), %.3f s after the first was sent",
		first.Seq, first.Received.Sub(s.FirstSent()).Seconds())
	<-s.Done()
	if err := s.Err(); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	r.Wait(patience, "the last packet", func(r *lab.Receiver) bool { return r.From(source).Last.Seq == packets })
	st := r.From(source)
	d.say("%d packets sent, %d received, %d of them twice", s.Sent(), st.Packets-st.Duplicates, st.Duplicates)
	return nil
}

func (d *demo) showCaches() error {
	for _, rp := range []*lab.Node{d.rp1, d.rp2} {
		out, err := rp.Vty(d.msdp(), "show ip msdp sa")
		if err != nil {
			return err
		}
		fmt.Printf("\n%s# show ip msdp sa\n%s", rp.Name(), out)
	}
	fmt.Println()
	return nil
}

// keep leaves traffic running by processes of its own, and explains.
func (d *demo) keep() error {
	// Not os.Executable: that file may be gone, this link is good as long as the process.
	d.rcv.Start("receive", "/proc/self/exe", "-traffic", "receive")
	d.src.Start("send", "/proc/self/exe", "-traffic", "send")
	d.say("the network stays up, and the source sends on")
	shell := "vtysh"
	if !d.frr {
		// A copy that stays: tools/demo removes what it has built.
		program, err := os.ReadFile(d.n.Binary("msdpsh"))
		if err != nil {
			return err
		}
		shell = filepath.Join(d.n.Dir(), "msdpsh")
		if err := os.WriteFile(shell, program, 0o755); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stdout, `
Look around:
  ip netns exec %[1]s ip mroute
    what a node's kernel does; the nodes are src, dr, rp1, rp2 and rcv
  vtysh -N %[1]s -c 'show ip mroute'
    a router's FRR
  %[2]s -N %[1]s -c 'show ip msdp sa'
    MSDP
  tail -f %[3]s/rcv-receive.log
    the receiver counts; other logs are beside it
Take it down:
  tools/demo --down
`, d.rp1.Space(), shell, d.n.Dir())
	return nil
}
