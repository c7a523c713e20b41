package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/tools/lab"
)

// The addresses of the bench: one host has all those of the peers, which connect to the speaker.
var (
	speakerAddr = ipv4.MustParse("10.255.255.1")
	senderBase  = ipv4.MustParse("10.1.0.0")
	sinkBase    = ipv4.MustParse("10.2.0.0")
	proberAddr  = ipv4.MustParse("10.3.0.1")
	idleBase    = ipv4.MustParse("10.4.0.0")
)

// How many peers of each kind there are at most.
const (
	maxSenders = 200
	maxSinks   = 52
	maxIdle    = 1000
)

// plan says what a contender is configured for.
type plan struct {
	idle int
	// mesh: the senders are a mesh group, whose members are not sent each other's sources.
	mesh bool
}

// contender is what is measured: msdpd, or the relay beside it.
type contender struct {
	name  string
	start func(b *bench, p plan) *lab.Daemon
}

var (
	msdpd = contender{"msdpd", func(b *bench, p plan) *lab.Daemon {
		var c strings.Builder
		peer := func(a ipv4.Addr) {
			fmt.Fprintf(&c, "ip msdp peer %s source %s\nip msdp peer %s sa-limit unlimited\n", a, speakerAddr, a)
		}
		for i := range ipv4.Addr(maxSenders) {
			peer(senderBase + 1 + i)
			if p.mesh {
				fmt.Fprintf(&c, "ip msdp mesh-group senders member %s\n", senderBase+1+i)
			}
		}
		for i := range ipv4.Addr(maxSinks) {
			peer(sinkBase + 1 + i)
		}
		peer(proberAddr)
		for i := range ipv4.Addr(p.idle) {
			peer(idleBase + 1 + i)
		}
		return b.router.StartMSDPD(c.String(), "--log-level", "warn")
	}}
	copier = contender{"relay", func(b *bench, _ plan) *lab.Daemon {
		self, err := os.Executable()
		if err != nil {
			b.t.Fatalf("%v", err)
		}
		return b.router.Start("relay", self, "-relay", speakerAddr.String())
	}}
)

// run is one process of a contender with its sessions.
type run struct {
	b        *bench
	daemon   *lab.Daemon
	relay    bool
	sessions []*session
}

func (b *bench) begin(c contender, p plan) *run {
	return &run{b: b, daemon: c.start(b, p), relay: c.name == copier.name}
}

func (r *run) end() {
	for _, s := range r.sessions {
		s.close()
	}
	r.daemon.Stop()
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
		drain := newSink(s, 0, !r.isRelay()) // it is sent what others announce
		r.established(drain)
		out = append(out, s)
	}
	return out
}

func (r *run) sink(i, rate int) *sink {
	k := newSink(r.connect(sinkBase+1+ipv4.Addr(i)), rate, !r.isRelay())
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
	if err != nil {
		r.b.t.Fatalf("%v", err)
	}
	return u
}
