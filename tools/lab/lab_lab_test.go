//go:build lab

package lab_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

func TestOSPFConverges(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	a, b := n.Router("a"), n.Router("b")
	n.Connect(a, "eth0", "10.0.12.1/24", b, "eth0", "10.0.12.2/24")
	for i, r := range []*lab.Node{a, b} {
		id := fmt.Sprintf("10.0.0.%d", i+1)
		r.AddAddr("lo", id+"/32")
		r.StartFRR("zebra", "")
		r.StartFRR("ospfd", lab.OSPF{RouterID: id, Interfaces: []string{"eth0"}, Passive: []string{"lo"}}.Config())
	}
	a.AwaitRoute(30*time.Second, "10.0.0.2/32", "ospf")
	b.AwaitRoute(30*time.Second, "10.0.0.1/32", "ospf")

	// The kernels have the routes too: TCP from loopback to loopback.
	var l net.Listener
	err := b.InNamespace(func() (err error) {
		l, err = net.Listen("tcp", "10.0.0.2:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lab.Eventually(t, 10*time.Second, 50*time.Millisecond, func() error {
		return a.InNamespace(func() error {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}, Timeout: time.Second}
			c, err := d.Dial("tcp", l.Addr().String())
			if err != nil {
				return err
			}
			return c.Close()
		})
	})
}

// domain is source — DR — RP — receiver, one PIM domain with the RP behind the DR.
func domain(n *lab.Network) (src, rcv, dr, rp *lab.Node) {
	src, rcv = n.Host("src"), n.Host("rcv")
	dr, rp = n.Router("dr"), n.Router("rp")
	n.Connect(src, "eth0", "10.1.0.2/24", dr, "src0", "10.1.0.1/24")
	n.Connect(dr, "rp0", "10.0.1.1/24", rp, "dr0", "10.0.1.2/24")
	n.Connect(rp, "rcv0", "10.2.0.1/24", rcv, "eth0", "10.2.0.2/24")
	rp.AddAddr("lo", "10.0.0.1/32")
	dr.StartFRR("zebra", "")
	rp.StartFRR("zebra", "")
	dr.StartFRR("staticd", lab.Static("10.0.0.1/32 10.0.1.2"))
	rp.StartFRR("staticd", lab.Static("10.1.0.0/24 10.0.1.1"))
	dr.StartFRR("pimd", lab.PIM{
		RP:         []string{"10.0.0.1 239.0.0.0/8"},
		Interfaces: []string{"src0", "rp0"},
	}.Config())
	rp.StartFRR("pimd", lab.PIM{
		RP:         []string{"10.0.0.1 239.0.0.0/8"},
		Interfaces: []string{"lo", "dr0", "rcv0"},
		IGMP:       []string{"rcv0"},
	}.Config())
	return src, rcv, dr, rp
}

func TestMulticastByRegister(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	src, rcv, dr, rp := domain(n)
	dr.AwaitDR(30*time.Second, "src0", "10.1.0.1")
	dr.AwaitPIMNeighbors(30*time.Second, 1)
	rp.AwaitPIMNeighbors(30*time.Second, 1)
	registers := rp.Capture("dr0", "ip proto 103")
	r := rcv.JoinGroup("239.1.1.1", "eth0", 5000)
	rp.AwaitInterest(30*time.Second, "239.1.1.1")
	s := src.SendMulticast("239.1.1.1", 5000, lab.SendOptions{})
	a := r.WaitFirst(30 * time.Second)
	t.Logf("packet %d is the first to arrive, %v after the first was sent", a.Seq, a.Received.Sub(s.FirstSent()))
	if got := a.Source.String(); got != "10.1.0.2" {
		t.Errorf("the source is %s, want 10.1.0.2", got)
	}
	lab.Eventually(t, 10*time.Second, 500*time.Millisecond, func() error {
		rows, err := registers.Packets("pim.type == 1 && ip.dst == 10.0.0.1", "ip.src", "pim.type")
		if err == nil && len(rows) == 0 {
			err = errors.New("no Register from the DR")
		}
		return err
	})

	// What is sent after the receiver left is not counted; after another join it flows again.
	r.Leave()
	left := r.Stats().Packets
	again := rcv.JoinGroup("239.1.1.1", "eth0", 5000)
	again.WaitSent(30*time.Second, "10.1.0.2", time.Now())
	if got := r.Stats().Packets; got != left {
		t.Errorf("a receiver that has left counts on: %d packets, %d when it left", got, left)
	}
	s.Stop()
	if err := s.Err(); err != nil {
		t.Errorf("sending: %v", err)
	}
}

func TestLAN(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	a, b, c := n.Host("a"), n.Host("b"), n.Host("c")
	lan := n.LAN("lan", lab.Port{Node: a, Iface: "eth0", Addr: "10.0.0.1/24"},
		lab.Port{Node: b, Iface: "eth0", Addr: "10.0.0.2/24"}, lab.Port{Node: c, Iface: "eth0", Addr: "10.0.0.3/24"})
	toB, toC := b.JoinGroup("239.1.1.1", "eth0", 5000), c.JoinGroup("239.1.1.1", "eth0", 5000)
	other := c.JoinGroup("239.1.1.2", "eth0", 5000)
	s := a.SendMulticast("239.1.1.1", 5000, lab.SendOptions{Interval: time.Millisecond, Count: 100})
	<-s.Done()
	all := func(r *lab.Receiver) bool { return r.From("10.0.0.1").Packets == 100 }
	toB.Wait(10*time.Second, "all packets", all)
	toC.Wait(10*time.Second, "all packets", all)
	if st := toC.Stats(); st.Duplicates != 0 || st.First.Seq != 1 || st.Last.Seq != 100 {
		t.Errorf("got %+v, want packets 1 to 100, each once", st)
	}
	if st := other.Stats(); st.Packets != 0 {
		t.Errorf("a receiver of another group got %d packets", st.Packets)
	}

	lan.SetDown("p2")
	lab.Eventually(t, 10*time.Second, 10*time.Millisecond, func() error {
		out, err := c.Exec("ip", "link", "show", "eth0")
		if err == nil && !strings.Contains(out, "NO-CARRIER") {
			err = fmt.Errorf("c has a carrier: %s", out)
		}
		return err
	})
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	r := n.Router("r")
	d := r.StartFRR("zebra", "hostname before\n")
	pid := d.Pid()
	d.Kill()
	if d.Alive() {
		t.Error("zebra is alive after Kill")
	}
	if _, err := r.Vty("zebra", "show version"); err == nil {
		t.Error("a killed zebra answers")
	}
	d.WriteConfig("hostname after\n")
	d.Restart()
	if d.Pid() == pid || !d.Alive() {
		t.Errorf("after Restart: pid %d (was %d), alive %t", d.Pid(), pid, d.Alive())
	}
	out, err := r.Vty("zebra", "enable", "write terminal")
	if err != nil || !strings.Contains(out, "hostname after") {
		t.Errorf("configuration after Restart: %v: %s", err, out)
	}
	if _, err := r.Vty("zebra", "enable", "bogus command"); err == nil || !strings.Contains(err.Error(), "bogus") {
		t.Errorf("the error of a command that does not exist: %v", err)
	}
	d.Stop()
	if d.Alive() {
		t.Error("zebra is alive after Stop")
	}
}

// traces lists what a network of that name has left on the machine.
func traces(t *testing.T, name string) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{
		"/run/netns/%s-*", "/etc/frr/%s-*", "/run/frr/%s-*", filepath.Join(os.TempDir(), "%s"),
	} {
		m, err := filepath.Glob(fmt.Sprintf(pattern, name))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, m...)
	}
	// Every daemon has its path space among its arguments, tcpdump the network's directory.
	cmdlines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range cmdlines {
		if b, err := os.ReadFile(f); err == nil && (strings.Contains(string(b), name+"-") || strings.Contains(string(b), name+"/")) {
			found = append(found, fmt.Sprintf("%s: %q", f, b))
		}
	}
	return found
}

// built makes a network with something of each kind, and returns the pids of its daemons and how many traces there are of it.
func built(t *testing.T, n *lab.Network) (pids []int, count int) {
	t.Helper()
	r, h := n.Router("r"), n.Host("h")
	n.Connect(r, "eth0", "10.1.0.1/24", h, "eth0", "10.1.0.2/24")
	z := r.StartFRR("zebra", "")
	p := r.StartFRR("pimd", lab.PIM{Interfaces: []string{"eth0"}, IGMP: []string{"eth0"}}.Config())
	h.JoinGroup("239.1.1.1", "eth0", 5000)
	h.SendMulticast("239.1.1.1", 5000, lab.SendOptions{})
	h.Capture("eth0", "")
	got := traces(t, n.Name())
	// Two namespaces, three directories, three processes.
	if without := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return strings.Contains(s, "mgmtd") }); len(without) != 8 {
		t.Fatalf("the network is not seen: %v", got)
	}
	return []int{z.Pid(), p.Pid()}, len(got)
}

func checkGone(t *testing.T, name string, pids []int) {
	t.Helper()
	if got := traces(t, name); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
	for _, pid := range pids {
		if m, err := filepath.Glob(fmt.Sprintf("/var/tmp/frr/*.%d", pid)); err != nil || len(m) > 0 {
			t.Errorf("left behind: %v (%v)", m, err)
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	n, err := lab.New(t, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pids, _ := built(t, n)
	if err := n.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	checkGone(t, n.Name(), pids)
	if err := n.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := lab.Remove(n.Name()); err == nil {
		t.Error("Remove has found a network that is closed")
	}
}

func TestLeaveAndRemove(t *testing.T) {
	t.Parallel()
	n, err := lab.New(t, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pids, count := built(t, n)
	if err := n.Leave(); err != nil {
		t.Errorf("Leave: %v", err)
	}
	// The capture ends with the program that looks at it.
	if got := traces(t, n.Name()); len(got) != count-1 {
		t.Errorf("a network that was left is not there: %v", got)
	}
	if err := lab.Remove(n.Name()); err != nil {
		t.Errorf("Remove: %v", err)
	}
	checkGone(t, n.Name(), pids)
}

// TestKilledOwnerLeavesNothing runs this test program again, lets it build a network, and kills it.
func TestKilledOwnerLeavesNothing(t *testing.T) {
	if os.Getenv("LAB_VICTIM") != "" {
		n := lab.ForTest(t)
		built(t, n)
		fmt.Printf("NETWORK %s\n", n.Name())
		select {}
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledOwnerLeavesNothing$", "-test.v")
	cmd.Env = append(os.Environ(), "LAB_VICTIM=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var name string
	for name == "" {
		var word string
		if _, err := fmt.Fscan(out, &word); err != nil {
			t.Fatalf("the other process ended: %v", err)
		}
		if word == "NETWORK" {
			fmt.Fscan(out, &name)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // it was killed
	lab.Eventually(t, 30*time.Second, 50*time.Millisecond, func() error {
		if got := traces(t, name); len(got) > 0 {
			return fmt.Errorf("left behind: %v", got)
		}
		return nil
	})
}
