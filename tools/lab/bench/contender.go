package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/tools/lab"
)

// plan says what a contender is configured for.
type plan struct {
	// bare: no peers at all.
	bare bool
	idle int
	// mesh: the senders, the idle peers and the prober are a mesh group, whose members are not sent
	// each other's sources.
	mesh bool
	// everySecond: KeepAlives come that often.
	everySecond bool
	// rp: it is the RP of all groups.
	rp bool
}

// contender is what is measured: msdpd, or what stands beside it.
type contender struct {
	name  string
	start func(b *bench, p plan) *lab.Daemon
	relay bool
	// vty is the daemon that can be asked; "" is none.
	vty string
}

var (
	msdpd = contender{name: "msdpd", vty: "msdpd", start: func(b *bench, p plan) *lab.Daemon {
		// What it knew in the run before is none of this one's business.
		if err := os.RemoveAll(filepath.Join(filepath.Dir(b.router.VtySocket("msdpd")), "msdpd.state")); err != nil {
			b.t.Fatalf("%v", err)
		}
		return b.router.StartMSDPD(msdpdConfig(p), "--log-level", "error")
	}}
	bulk      = contender{name: "relay", relay: true, start: startRelay()}
	byMessage = contender{name: "relay by message", relay: true, start: startRelay("-by-message")}
)

func startRelay(args ...string) func(*bench, plan) *lab.Daemon {
	return func(b *bench, _ plan) *lab.Daemon {
		self, err := os.Executable()
		if err != nil {
			b.t.Fatalf("%v", err)
		}
		return b.router.Start("relay", self, append([]string{"-relay", speakerAddr.String()}, args...)...)
	}
}

// peers are the addresses that a plan needs.
func (p plan) peers() []ipv4.Addr {
	if p.bare {
		return nil
	}
	out := []ipv4.Addr{proberAddr}
	for _, kind := range []struct {
		base  ipv4.Addr
		count int
	}{{senderBase, maxSenders}, {sinkBase, maxSinks}, {idleBase, p.idle}} {
		for i := range ipv4.Addr(kind.count) {
			out = append(out, kind.base+1+i)
		}
	}
	return out
}

func msdpdConfig(p plan) string {
	var c strings.Builder
	for _, a := range p.peers() {
		fmt.Fprintf(&c, "ip msdp peer %s source %s\nip msdp peer %s sa-limit unlimited\n", a, speakerAddr, a)
		if p.mesh && !isSink(a) {
			fmt.Fprintf(&c, "ip msdp mesh-group senders member %s\n", a)
		}
	}
	if p.everySecond {
		c.WriteString("ip msdp timers 1 75\n")
	}
	if p.rp {
		fmt.Fprintf(&c, "ip pim rp %s 224.0.0.0/4\n", speakerAddr)
	}
	return c.String()
}

// run is one process of a contender with its sessions.
type run struct {
	b        *bench
	c        contender
	daemon   *lab.Daemon
	sessions []*session
	// first: of the rounds; what needs to be seen once only is looked at then.
	first bool
}

// begin starts a fresh process. Its start is not what is measured.
func (b *bench) begin(c contender, p plan) *run {
	r := &run{b: b, c: c, daemon: c.start(b, p)}
	time.Sleep(200 * time.Millisecond)
	return r
}

func (r *run) end() {
	for _, s := range r.sessions {
		s.close()
	}
	r.daemon.Stop()
}

func (r *run) must(err error) {
	if err != nil {
		r.b.t.Fatalf("%s: %v", r.c.name, err)
	}
}

// connect opens a session from an address, which the speaker may not listen for yet.
func (r *run) connect(local ipv4.Addr) *session {
	var s *session
	lab.Eventually(r.b.t, 10*time.Second, 5*time.Millisecond, func() (err error) {
		s, err = connect(r.b.load, local, speakerAddr)
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			err = fmt.Errorf("connecting from %s: %w", local, err)
		}
		return err
	})
	r.sessions = append(r.sessions, s)
	go s.keepUp()
	return s
}

func (r *run) senders(n int) []*session {
	var out []*session
	for i := range n {
		s := r.connect(senderBase + 1 + ipv4.Addr(i))
		drain := newSink(s, 0, !r.c.relay) // it is sent what others announce
		r.established(drain)
		out = append(out, s)
	}
	return out
}

func (r *run) sink(i, rate int) *sink {
	k := newSink(r.connect(sinkBase+1+ipv4.Addr(i)), rate, !r.c.relay)
	r.established(k)
	return k
}

func (r *run) sinks(n int) []*sink {
	var out []*sink
	for i := range n {
		out = append(out, r.sink(i, 0))
	}
	return out
}

// established waits for the speaker's KeepAlive, with which a session begins.
func (r *run) established(k *sink) {
	lab.Eventually(r.b.t, 10*time.Second, time.Millisecond, func() error {
		if k.alive.Load() == 0 {
			return fmt.Errorf("no KeepAlive on the session of %s", k.addr)
		}
		return nil
	})
}

func (r *run) usage() usage {
	u, err := usageOf(r.daemon.Pid())
	r.must(err)
	return u
}
