package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// Receiver is a member of a group, by IGMP, and counts what arrives.
type Receiver struct {
	node  *Node
	group string
	port  int
	conn  *net.UDPConn
	done  chan struct{}
	state chan receiverState // holds the one state; a mutex that can be waited on with changed
}

// receiverState belongs to whoever took it from the channel.
type receiverState struct {
	total   Stats
	sources map[netip.Addr]*sourceState
	// changed is closed at the next packet.
	changed chan struct{}
}

type sourceState struct {
	Stats
	seen map[uint64]struct{}
}

// Arrival is one packet.
type Arrival struct {
	// Source is the sender's address.
	Source netip.Addr
	// Seq counts the sender's packets from 1.
	Seq uint64
	// Sent and Received are by the same clock.
	Sent, Received time.Time
}

// Stats is what has arrived so far.
type Stats struct {
	// Packets counts all, Duplicates those whose sequence number had been seen before from that source.
	Packets, Duplicates int
	// Lowest is the lowest sequence number, whenever it came.
	Lowest uint64
	// First and Last are zero before the first packet.
	First, Last Arrival
}

func (s *Stats) add(a Arrival, duplicate bool) {
	if s.Packets == 0 {
		s.First, s.Lowest = a, a.Seq
	}
	s.Lowest = min(s.Lowest, a.Seq)
	s.Last = a
	s.Packets++
	if duplicate {
		s.Duplicates++
	}
}

// JoinGroup joins a group on an interface (an IGMP report leaves at once) and counts packets to its UDP port.
func (nd *Node) JoinGroup(group, iface string, port int) *Receiver {
	nd.net.t.Helper()
	r, err := nd.newReceiver(group, iface, port)
	if err != nil {
		nd.net.t.Fatalf("%s: joining %s on %s: %v", nd.name, group, iface, err)
	}
	nd.net.closeLater(r)
	go r.run()
	return r
}

func (nd *Node) newReceiver(group, iface string, port int) (*Receiver, error) {
	addr, err := multicastAddr(group)
	if err != nil {
		return nil, err
	}
	r := &Receiver{node: nd, group: group, port: port, done: make(chan struct{}), state: make(chan receiverState, 1)}
	r.state <- receiverState{sources: make(map[netip.Addr]*sourceState), changed: make(chan struct{})}
	err = nd.InNamespace(func() error {
		ifi, err := net.InterfaceByName(iface)
		if err != nil {
			return err
		}
		lc := net.ListenConfig{Control: shareOwnGroups}
		c, err := lc.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", port))
		if err != nil {
			return err
		}
		r.conn = c.(*net.UDPConn)
		if err := ipv4.NewPacketConn(r.conn).JoinGroup(ifi, &net.UDPAddr{IP: addr.AsSlice()}); err != nil {
			return errors.Join(err, c.Close())
		}
		return nil
	})
	return r, err
}

// shareOwnGroups lets several receivers of a node have the same port, and gives each
// only the groups that it joined, not those that any socket of the node did.
func shareOwnGroups(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		err = errors.Join(err, unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0))
	}); e != nil {
		return e
	}
	return err
}

func (r *Receiver) run() {
	defer close(r.done)
	buf := make([]byte, 2048)
	for {
		n, from, err := r.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return // closed
		}
		if seq, at, ok := parsePayload(buf[:n]); ok {
			r.add(Arrival{Source: from.Addr().Unmap(), Seq: seq, Sent: at, Received: time.Now()})
		}
	}
}

func (r *Receiver) add(a Arrival) {
	st := <-r.state
	src := st.sources[a.Source]
	if src == nil {
		src = &sourceState{seen: make(map[uint64]struct{})}
		st.sources[a.Source] = src
	}
	_, duplicate := src.seen[a.Seq]
	src.seen[a.Seq] = struct{}{}
	src.add(a, duplicate)
	st.total.add(a, duplicate)
	close(st.changed)
	st.changed = make(chan struct{})
	r.state <- st
}

// Stats is what has arrived, from all sources together.
func (r *Receiver) Stats() Stats {
	st := <-r.state
	defer func() { r.state <- st }()
	return st.total
}

// From is what has arrived from one source.
func (r *Receiver) From(source string) Stats {
	a, _ := netip.ParseAddr(source) // none has the zero Addr
	st := <-r.state
	defer func() { r.state <- st }()
	if src := st.sources[a]; src != nil {
		return src.Stats
	}
	return Stats{}
}

// WaitFirst waits for the first packet of any source, and returns it. The test fails if it does not come within the limit.
func (r *Receiver) WaitFirst(limit time.Duration) Arrival {
	r.node.net.t.Helper()
	r.Wait(limit, "a packet", func(r *Receiver) bool { return r.Stats().Packets > 0 })
	return r.Stats().First
}

// WaitSent waits for a packet that a source sent at or after a moment, and returns it: "does
// traffic flow (again)". Packets that were under way before do not count.
func (r *Receiver) WaitSent(limit time.Duration, source string, since time.Time) Arrival {
	r.node.net.t.Helper()
	what := fmt.Sprintf("a packet from %s sent after %s", source, since.Format(time.TimeOnly))
	r.Wait(limit, what, func(r *Receiver) bool { return !r.From(source).Last.Sent.Before(since) })
	return r.From(source).Last
}

// Wait waits until a condition holds, looking at it after each packet. The test fails if it does not within the limit.
func (r *Receiver) Wait(limit time.Duration, what string, holds func(*Receiver) bool) {
	r.node.net.t.Helper()
	timeout := time.After(limit)
	for {
		st := <-r.state
		changed := st.changed
		r.state <- st
		if holds(r) {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			r.node.net.t.Fatalf("%s: waited %v for %s to %s port %d: %d packets so far",
				r.node.name, limit, what, r.group, r.port, r.Stats().Packets)
		}
	}
}

// Leave leaves the group (an IGMP leave is sent) and closes the socket. What was counted stays.
func (r *Receiver) Leave() {
	r.node.net.t.Helper()
	if err := r.Close(); err != nil {
		r.node.net.t.Fatalf("%s: leaving %s: %v", r.node.name, r.group, err)
	}
}

// Close does what Leave does. The network's Close calls it.
func (r *Receiver) Close() error {
	err := r.conn.Close()
	<-r.done
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
