package mroute

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"msdpd/lib/internal/netnstest"
	"msdpd/lib/ipv4"
)

// The kernel's interface for multicast routing daemons (linux/mroute.h).
const (
	mrtInit   = 200
	mrtAddVIF = 202
	mrtAddMFC = 204
	mrtDelMFC = 205

	vifUseIfindex = 0x8
	maxVIFs       = 32
	noCache       = 1 // IGMPMSG_NOCACHE
)

// router is a multicast routing daemon of a kind: it owns the kernel's table in a network
// namespace of its own, with the interfaces m0 to m3 as vifs 0 to 3.
type router struct {
	*testing.T
	fd      int
	ifindex [4]int
}

func newRouter(t *testing.T) *router {
	t.Helper()
	netnstest.Enter(t)
	r := &router{T: t}
	var err error
	r.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_IGMP)
	must(t, err)
	t.Cleanup(func() { unix.Close(r.fd) })
	must(t, unix.SetsockoptInt(r.fd, unix.IPPROTO_IP, mrtInit, 1))
	for i := range r.ifindex {
		name := fmt.Sprintf("m%d", i)
		must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "p"}))
		for _, n := range []string{name, name + "p"} {
			l, err := netlink.LinkByName(n)
			must(t, err)
			must(t, netlink.LinkSetUp(l))
			if n == name {
				r.ifindex[i] = l.Attrs().Index
			}
		}
		vif := make([]byte, 16) // struct vifctl
		binary.NativeEndian.PutUint16(vif, uint16(i))
		vif[2], vif[3] = vifUseIfindex, 1
		binary.NativeEndian.PutUint32(vif[8:], uint32(r.ifindex[i]))
		must(t, unix.SetsockoptString(r.fd, unix.IPPROTO_IP, mrtAddVIF, string(vif)))
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *router) mfc(option int, sg ipv4.SG, in int, out []int) {
	r.Helper()
	b := make([]byte, 60) // struct mfcctl
	copy(b, sg.Source.Append(nil))
	copy(b[4:], sg.Group.Append(nil))
	binary.NativeEndian.PutUint16(b[8:], uint16(in))
	for _, o := range out {
		b[10+o] = 1
	}
	must(r.T, unix.SetsockoptString(r.fd, unix.IPPROTO_IP, option, string(b)))
}

// add installs an entry between vifs, del removes it.
func (r *router) add(sg ipv4.SG, in int, out ...int) { r.mfc(mrtAddMFC, sg, in, out) }
func (r *router) del(sg ipv4.SG)                     { r.mfc(mrtDelMFC, sg, 0, nil) }

// entry is what such an entry looks like to a Watcher.
func (r *router) entry(sg ipv4.SG, in int, out ...int) Entry {
	e := Entry{Source: sg.Source, Group: sg.Group, InIf: r.ifindex[in]}
	for _, o := range out {
		e.OutIfs = append(e.OutIfs, r.ifindex[o])
	}
	slices.Sort(e.OutIfs)
	return e
}

// unresolved sends a packet that no entry fits, and waits for the kernel to ask about it.
func (r *router) unresolved(group ipv4.Addr) (source ipv4.Addr) {
	r.Helper()
	source = ipv4.MustParse("10.77.0.1")
	l, err := netlink.LinkByIndex(r.ifindex[0])
	must(r.T, err)
	a, err := netlink.ParseAddr(source.String() + "/24")
	must(r.T, err)
	must(r.T, netlink.AddrAdd(l, a))
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: source.Netip().AsSlice()}, &net.UDPAddr{IP: group.Netip().AsSlice(), Port: 5000})
	must(r.T, err)
	defer conn.Close()
	_, err = conn.Write([]byte("x"))
	must(r.T, err)
	must(r.T, unix.SetsockoptTimeval(r.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
	buf := make([]byte, 2000)
	for {
		n, _, err := unix.Recvfrom(r.fd, buf, 0)
		must(r.T, err)
		// struct igmpmsg: protocol 0 where IP has its own, then source and group.
		if n >= 20 && buf[9] == 0 && buf[8] == noCache && ipv4.FromBytes(buf[16:]) == group {
			return source
		}
	}
}

// event is a call of the handler: exactly one field is set.
type event struct {
	Update Entry
	Delete ipv4.SG
	Synced bool
}

type recorder chan event

func (c recorder) MFCUpdate(e Entry)    { c <- event{Update: e} }
func (c recorder) MFCDelete(sg ipv4.SG) { c <- event{Delete: sg} }
func (c recorder) MFCSynced()           { c <- event{Synced: true} }

// watch runs a Watcher until the test ends.
func watch(t *testing.T, h Handler, buffer int) {
	t.Helper()
	ns, err := netns.Get()
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		// The goroutine ends with its thread locked, and so does the thread.
		runtime.LockOSThread()
		if err := netns.Set(ns); err != nil {
			done <- err
			return
		}
		done <- New(Config{Handler: h, ReceiveBuffer: buffer}).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
		ns.Close()
	})
}

func expect(t *testing.T, c recorder, want ...event) {
	t.Helper()
	for _, w := range want {
		if diff := cmp.Diff(w, <-c); diff != "" {
			t.Fatalf("event (-want +got):\n%s", diff)
		}
	}
}

func sgN(g, n int) ipv4.SG {
	return ipv4.SG{Source: ipv4.MustParse("10.64.0.1") + ipv4.Addr(n), Group: ipv4.MustParse("239.1.0.0") + ipv4.Addr(g)}
}

func TestWatcherTellsOfChanges(t *testing.T) {
	r := newRouter(t)
	there := sgN(0, 0)
	r.add(there, 0, 2, 1)
	c := make(recorder, 100)
	watch(t, c, 0)
	expect(t, c, event{Update: r.entry(there, 0, 1, 2)}, event{Synced: true})

	any := ipv4.SG{Group: sgN(1, 0).Group}
	r.add(any, 3, 3, 1)
	expect(t, c, event{Update: r.entry(any, 3, 1, 3)})
	r.add(sgN(2, 0), 1)
	expect(t, c, event{Update: r.entry(sgN(2, 0), 1)})
	r.add(sgN(2, 0), 1, 0)
	expect(t, c, event{Update: r.entry(sgN(2, 0), 1, 0)})
	r.add(sgN(2, 0), 1, 0) // the same again: nothing to tell
	r.add(sgN(2, 0), 2, 0)
	expect(t, c, event{Update: r.entry(sgN(2, 0), 2, 0)})
	r.del(there)
	r.del(any)
	expect(t, c, event{Delete: there}, event{Delete: any})
}

func TestUnresolvedIsNoEntry(t *testing.T) {
	r := newRouter(t)
	c := make(recorder, 100)
	watch(t, c, 0)
	expect(t, c, event{Synced: true})
	group := sgN(5, 0).Group
	waiting := ipv4.SG{Source: r.unresolved(group), Group: group}
	entries, err := Dump()
	if err != nil || len(entries) != 0 {
		t.Errorf("dump: %v, %v", entries, err)
	}
	r.add(waiting, 0, 1)
	e := <-c
	e.Update.Packets, e.Update.Bytes, e.Update.WrongIf = 0, 0, 0
	if diff := cmp.Diff(event{Update: r.entry(waiting, 0, 1)}, e); diff != "" {
		t.Errorf("first event (-want +got):\n%s", diff)
	}
}

func TestDumpCounts(t *testing.T) {
	r := newRouter(t)
	group := sgN(5, 0).Group
	sg := ipv4.SG{Source: r.unresolved(group), Group: group}
	r.add(sg, 0, 1) // forwards the packet that waited
	entries, err := Dump()
	must(t, err)
	want := r.entry(sg, 0, 1)
	want.Packets, want.Bytes = 1, 20+8+1
	if diff := cmp.Diff([]Entry{want}, entries); diff != "" {
		t.Errorf("dump (-want +got):\n%s", diff)
	}
}

// mirror keeps what a handler should keep, and counts how often each entry was told of.
type mirror struct {
	mu      sync.Mutex
	entries map[ipv4.SG]Entry
	told    map[ipv4.SG]int
	synced  chan bool
	entered chan bool // receives when the first update is being handled
	hold    chan bool // closed to let it go on
	once    sync.Once
}

func (m *mirror) MFCUpdate(e Entry) {
	m.once.Do(func() {
		close(m.entered)
		<-m.hold
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	e.Packets, e.Bytes, e.WrongIf = 0, 0, 0
	m.entries[e.SG()] = e
	m.told[e.SG()]++
}

func (m *mirror) MFCDelete(sg ipv4.SG) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, sg)
	m.told[sg]++
}

func (m *mirror) MFCSynced() { m.synced <- true }

// More changes come than the socket holds while the handler is busy: the table is read
// again, and what did not change meanwhile is not told.
func TestLostChangesAreMadeUpFor(t *testing.T) {
	r := newRouter(t)
	m := &mirror{
		entries: map[ipv4.SG]Entry{}, told: map[ipv4.SG]int{},
		synced: make(chan bool, 100), entered: make(chan bool), hold: make(chan bool),
	}
	watch(t, m, 4096)
	<-m.synced
	want := map[ipv4.SG]Entry{}
	r.add(sgN(0, 0), 0, 1)
	want[sgN(0, 0)] = r.entry(sgN(0, 0), 0, 1)
	<-m.entered
	const many = 2000
	for n := 1; n < many; n++ {
		r.add(sgN(n%10, n), n%4, (n+1)%4)
		want[sgN(n%10, n)] = r.entry(sgN(n%10, n), n%4, (n+1)%4)
	}
	for n := 1; n < many; n += 2 {
		r.del(sgN(n%10, n))
		delete(want, sgN(n%10, n))
	}
	close(m.hold)
	<-m.synced
	m.mu.Lock()
	if diff := cmp.Diff(want, m.entries); diff != "" {
		t.Errorf("after the second dump (-want +got):\n%s", diff)
	}
	if m.told[sgN(0, 0)] != 1 {
		t.Errorf("an entry that never changed was told of %d times", m.told[sgN(0, 0)])
	}
	m.mu.Unlock()

	// Lost removals, too.
	for sg := range want {
		r.del(sg)
		delete(want, sg)
	}
	last := sgN(20, 1)
	r.add(last, 1, 2)
	want[last] = r.entry(last, 1, 2)
	for {
		m.mu.Lock()
		same := cmp.Equal(want, m.entries)
		m.mu.Unlock()
		if same {
			return
		}
		runtime.Gosched()
	}
}
