package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"msdpd/lib/frrvty"
	"msdpd/lib/pim"
	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// joinsFor is how long joins are measured: some hundred of them.
const joinsFor = 5 * time.Second

// joinsMeanwhile: probes are for groups with a receiver, and it is measured when the RP's PIM
// daemon would hear of them, by a Null-Register to its address.
func (r *run) joinsMeanwhile(n int) result {
	closeTable, err := makeInterest(r.b.router)
	r.must(err)
	defer closeTable()
	l, err := listenForRegisters(r.b.router)
	r.must(err)
	defer l.close()
	lab.Eventually(r.b.t, 10*time.Second, 10*time.Millisecond, func() error {
		var s struct{ GroupsWithReceivers int }
		if err := r.b.router.VtyJSON("msdpd", "show ip msdp summary json", &s); err != nil || s.GroupsWithReceivers == probeGroupCount {
			return err
		}
		return fmt.Errorf("%d groups have receivers, want %d", s.GroupsWithReceivers, probeGroupCount)
	})
	f, to := r.flood(n, 1, wire.MaxEntries, false), r.sinks(1)
	p := r.probe()
	began := time.Now()
	f.send()
	r.must(to[0].await(f.entries, f.octets, limit))
	wall := time.Since(began)
	again := 0
	for ; time.Since(began) < joinsFor; again++ {
		f.send() // it is the same for the table, though it goes to nobody
	}
	joins, err := p.end(l.all)
	r.must(err)
	return result{wall: wall, joins: joins, note: fmt.Sprintf("%d joins in %v, in which all came %d times", len(joins), joinsFor, 1+again)}
}

// The kernel's interface for multicast routing daemons (linux/mroute.h).
const (
	mrtInit       = 200
	mrtAddVIF     = 202
	mrtAddMFC     = 204
	vifUseIfindex = 0x8
)

// makeInterest puts a (*,G) into a router's multicast table for each group that probes are for, as
// a PIM daemon with receivers would.
func makeInterest(nd *lab.Node) (closeTable func(), err error) {
	var fd int
	err = nd.InNamespace(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_IGMP); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, mrtInit, 1); err != nil {
			return err
		}
		ifr, err := unix.NewIfreq("eth0")
		if err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifr); err != nil {
			return err
		}
		vif := make([]byte, 16) // struct vifctl of vif 0
		vif[2], vif[3] = vifUseIfindex, 1
		binary.NativeEndian.PutUint32(vif[8:], ifr.Uint32())
		if err := unix.SetsockoptString(fd, unix.IPPROTO_IP, mrtAddVIF, string(vif)); err != nil {
			return err
		}
		for i := range probeGroupCount {
			mfc := make([]byte, 60) // struct mfcctl of (*,G), in by vif 0, out by it
			copy(mfc[4:], probeSG(i).Group.Append(nil))
			mfc[10] = 1
			if err := unix.SetsockoptString(fd, unix.IPPROTO_IP, mrtAddMFC, string(mfc)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("making (*,G)s: %w", err)
	}
	return func() { unix.Close(fd) }, nil
}

// registerListener notes when the first Null-Register for each probe reaches the RP's address.
type registerListener struct {
	fd   int
	mu   sync.Mutex
	came map[int]time.Time
}

func listenForRegisters(nd *lab.Node) (*registerListener, error) {
	l := &registerListener{came: make(map[int]time.Time)}
	err := nd.InNamespace(func() (err error) {
		l.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_PIM)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening for Registers: %w", err)
	}
	if err := unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20); err != nil {
		return nil, err
	}
	go l.read()
	return l, nil
}

func (l *registerListener) read() {
	buf := make([]byte, 2000)
	for {
		n, _, err := unix.Recvfrom(l.fd, buf, 0)
		now := time.Now()
		if err != nil || n == 0 {
			return
		}
		r, err := pim.ParseRegister(buf[:n])
		if err != nil || !r.Null || r.OuterDestination != speakerAddr {
			continue
		}
		i := int(r.SG.Source - probeBase)
		l.mu.Lock()
		if _, known := l.came[i]; !known && probeSG(i) == r.SG {
			l.came[i] = now
		}
		l.mu.Unlock()
	}
}

func (l *registerListener) all() map[int]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[int]time.Time, len(l.came))
	for i, at := range l.came {
		out[i] = at
	}
	return out
}

func (l *registerListener) close() {
	unix.Shutdown(l.fd, unix.SHUT_RDWR)
	unix.Close(l.fd)
}

// showMeanwhile: n entries are there and are shown while another peer announces n others.
func (r *run) showMeanwhile(n int) result {
	first, to := r.flood(n, 1, wire.MaxEntries, false), r.sinks(1)
	first.send()
	r.must(to[0].await(first.entries, first.octets, limit))
	from := r.connect(senderBase + 2)
	r.established(newSink(from, 0, true))
	sp := spread{rp: from.addr, entries: n, groups: manyGroups}
	second := &flood{r: r, from: []*session{from}, spreads: []spread{sp}, streams: [][]byte{sp.stream(wire.MaxEntries)}, entries: n}

	shown := counter{word: []byte(`"source"`)}
	var took time.Duration
	failed := make(chan error, 1)
	began := time.Now()
	go func() {
		err := show(r.b.router, "show ip msdp sa json", &shown)
		took = time.Since(began)
		failed <- err
	}()
	res := second.measure(to, first.entries, func() { r.must(<-failed) })
	if shown.count < n {
		r.must(fmt.Errorf("%d entries are shown, %d are there", shown.count, n))
	}
	res.note = fmt.Sprintf("the show took %v: %d entries, %.0f MB", took.Round(time.Millisecond), shown.count, float64(shown.size)/1e6)
	return res
}

func show(nd *lab.Node, command string, to *counter) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c, err := frrvty.Dial(ctx, nd.VtySocket("msdpd"))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Stream(ctx, command, to)
	return err
}

// late is how far behind their time the KeepAlives were that a sink was sent, one a period.
func (k *sink) late(period time.Duration) latencies {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out latencies
	for i := 1; i < len(k.keepAlives); i++ {
		out = append(out, max(0, k.keepAlives[i].Sub(k.keepAlives[i-1])-period))
	}
	return out
}

func sorted(l latencies) latencies {
	slices.Sort(l)
	return l
}
