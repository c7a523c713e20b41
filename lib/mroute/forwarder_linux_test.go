package mroute

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

// parcel is a packet of sg for a Forwarder, and where its outcome will be.
func parcel(sg ipv4.SG, payload byte, except ...int) (Parcel, <-chan Outcome) {
	p := []byte{0x45, 0, 0, 24, 0, 7, 0, 0, 9, 253, 0, 0}
	p = append(sg.Group.Append(sg.Source.Append(p)), payload, 2, 3, 4)
	done := make(chan Outcome, 1)
	return Parcel{SG: sg, Packet: p, Except: except, Done: func(o Outcome) { done <- o }}, done
}

// tap hears what leaves by an interface: what arrives at its other end.
func tap(t *testing.T, name string) (next func() []byte) {
	t.Helper()
	all := binary.BigEndian.Uint16([]byte{0x08, 0x00})
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	link, err := netlink.LinkByName(name)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: link.Attrs().Index}))
	must(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
	return func() []byte {
		t.Helper()
		buf := make([]byte, 2000)
		for {
			n, _, err := unix.Recvfrom(fd, buf, 0)
			must(t, err)
			if p := buf[:n]; len(p) > 20 && p[9] == 253 {
				return p
			}
		}
	}
}

func runForwarder(t *testing.T) *Forwarder {
	t.Helper()
	f := NewForwarder(zap.NewNop())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	ns := netnsOf(t)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return f
}

// netnsOf opens the network namespace of the test's thread.
func netnsOf(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestForwarderSendsDownTheTree: (*,G)'s interfaces, or (S,G)'s where there is one, each once.
func TestForwarderSendsDownTheTree(t *testing.T) {
	r := newRouter(t)
	f := runForwarder(t)
	send := func(sg ipv4.SG, payload byte, want Outcome, except ...int) {
		t.Helper()
		p, done := parcel(sg, payload, except...)
		if !f.Forward(p) {
			t.Fatal("the queue is full")
		}
		if got := <-done; got != want {
			t.Fatalf("packet %d: outcome %d, want %d", payload, got, want)
		}
	}
	sg := ipv4.SG{Source: ipv4.MustParse("192.0.2.1"), Group: ipv4.MustParse("239.1.1.1")}
	var heard [4]func() []byte
	for i := range heard {
		heard[i] = tap(t, []string{"m0p", "m1p", "m2p", "m3p"}[i])
	}
	send(sg, 1, NoReceivers)

	r.add(ipv4.SG{Group: sg.Group}, 0, 1, 2)
	send(sg, 2, Sent)
	send(sg, 3, Sent, r.ifindex[1])
	send(sg, 4, NoReceivers, r.ifindex[1], r.ifindex[2])
	r.add(sg, 0, 3)
	send(sg, 5, Sent)
	r.add(sg, 0)
	send(sg, 6, NoReceivers)
	// Everything so far came where it should, once, and nowhere else: the last packet tells.
	r.add(sg, 1, 0, 1, 2, 3)
	send(sg, 7, Sent)
	for i, want := range [][]byte{{7}, {2, 7}, {2, 3, 7}, {5, 7}} {
		for _, payload := range want {
			p := heard[i]()
			if p[20] != payload {
				t.Errorf("m%d: packet %d, want %d", i, p[20], payload)
			}
			if p[8] != 8 {
				t.Errorf("m%d: TTL %d, it was 9", i, p[8])
			}
			if source := net.IP(p[12:16]); !source.Equal(net.IPv4(192, 0, 2, 1)) || !bytes.Equal(p[21:24], []byte{2, 3, 4}) || ipSum(p[:20]) != 0xffff {
				t.Errorf("m%d: %x", i, p)
			}
		}
	}
}

func ipSum(b []byte) (sum uint32) {
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	return sum>>16 + sum&0xffff
}

// TestForwarderLeavesNativeStreamsAlone: once the kernel has passed a packet of (S,G) that came
// by its incoming interface.
func TestForwarderLeavesNativeStreamsAlone(t *testing.T) {
	r := newRouter(t)
	f := runForwarder(t)
	group := ipv4.MustParse("239.1.1.1")
	outcome := func(sg ipv4.SG) Outcome {
		p, done := parcel(sg, 1)
		f.Forward(p)
		return <-done
	}
	silent := ipv4.SG{Source: ipv4.MustParse("192.0.2.1"), Group: group}
	r.add(silent, 0, 1)
	if got := outcome(silent); got != Sent {
		t.Errorf("outcome %d before a packet came", got)
	}
	waiting := ipv4.SG{Source: r.unresolved(group), Group: group}
	r.add(waiting, 0, 1) // a packet that came by m0 goes on
	if got := outcome(waiting); got != Native {
		t.Errorf("outcome %d after a packet came", got)
	}
}

// TestForwarderIsBounded: nothing waits for one that does not run.
func TestForwarderIsBounded(t *testing.T) {
	f := NewForwarder(zap.NewNop())
	for i := range forwarderQueue {
		if !f.Forward(Parcel{}) {
			t.Fatalf("full after %d", i)
		}
	}
	if f.Forward(Parcel{}) {
		t.Error("it takes more than it can hold")
	}
}
