package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// SendOptions say how a Sender sends. The zero value: ten packets a second, until Stop.
type SendOptions struct {
	// Iface is the interface to send by. Empty: the node's only one besides lo.
	Iface string
	// Source is the source address. Empty: the interface's first.
	Source string
	// Interval is the time between packets, 100 ms if zero.
	Interval time.Duration
	// Count is how many packets to send; 0: until Stop.
	Count int
	// TTL is 16 if zero.
	TTL int
	// NoChecksum leaves the UDP checksum out. A veth leaves it to a network card that is not there, and
	// so it is wrong in what the kernel hands to a PIM daemon to be wrapped into a Register.
	NoChecksum bool
}

// Sender sends UDP packets to a group, as an application would.
type Sender struct {
	conn *net.UDPConn
	dst  *net.UDPAddr
	stop chan struct{}
	done chan struct{}
	once sync.Once

	mu    sync.Mutex
	first time.Time
	sent  uint64
	err   error
}

// The payload: magic, sequence number from 1, send time in nanoseconds since 1970.
const (
	payloadMagic = 0x6d736470
	payloadLen   = 4 + 8 + 8
)

func appendPayload(b []byte, seq uint64, at time.Time) []byte {
	b = binary.BigEndian.AppendUint32(b, payloadMagic)
	b = binary.BigEndian.AppendUint64(b, seq)
	return binary.BigEndian.AppendUint64(b, uint64(at.UnixNano()))
}

func parsePayload(b []byte) (seq uint64, at time.Time, ok bool) {
	if len(b) < payloadLen || binary.BigEndian.Uint32(b) != payloadMagic {
		return 0, time.Time{}, false
	}
	return binary.BigEndian.Uint64(b[4:]), time.Unix(0, int64(binary.BigEndian.Uint64(b[12:]))), true
}

// SendMulticast starts to send to a group's UDP port; the first packet leaves at once.
func (nd *Node) SendMulticast(group string, port int, o SendOptions) *Sender {
	nd.net.t.Helper()
	s, err := nd.newSender(group, port, o)
	if err != nil {
		nd.net.t.Fatalf("%s: sending to %s: %v", nd.name, group, err)
	}
	nd.net.closeLater(s)
	if o.Interval == 0 {
		o.Interval = 100 * time.Millisecond
	}
	go s.run(o.Interval, uint64(o.Count))
	return s
}

func (nd *Node) newSender(group string, port int, o SendOptions) (*Sender, error) {
	addr, err := multicastAddr(group)
	if err != nil {
		return nil, err
	}
	var conn *net.UDPConn
	err = nd.InNamespace(func() error {
		ifi, src, err := chooseIface(o.Iface, o.Source)
		if err != nil {
			return err
		}
		if conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: src}); err != nil {
			return err
		}
		p := ipv4.NewPacketConn(conn)
		ttl := o.TTL
		if ttl == 0 {
			ttl = 16
		}
		if err := errors.Join(p.SetMulticastInterface(ifi), p.SetMulticastTTL(ttl), p.SetMulticastLoopback(false)); err != nil {
			return errors.Join(err, conn.Close())
		}
		if o.NoChecksum {
			return withoutChecksum(conn)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Sender{
		conn: conn,
		dst:  &net.UDPAddr{IP: addr.AsSlice(), Port: port},
		stop: make(chan struct{}),
		done: make(chan struct{}),
	}, nil
}

func withoutChecksum(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	var optErr error
	if err := raw.Control(func(fd uintptr) { optErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) }); err != nil {
		optErr = err
	}
	if optErr != nil {
		return errors.Join(optErr, conn.Close())
	}
	return nil
}

func multicastAddr(group string) (netip.Addr, error) {
	a, err := netip.ParseAddr(group)
	if err != nil {
		return a, err
	}
	if !a.Is4() || !a.IsMulticast() {
		return a, fmt.Errorf("%s is not an IPv4 multicast group", group)
	}
	return a, nil
}

// chooseIface finds the interface and its source address, in the namespace of the calling thread.
func chooseIface(name, source string) (*net.Interface, net.IP, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return nil, nil, err
	}
	var chosen *net.Interface
	for i := range ifaces {
		switch {
		case name != "" && ifaces[i].Name != name, name == "" && ifaces[i].Flags&net.FlagLoopback != 0:
		case chosen != nil:
			return nil, nil, errors.New("there are several interfaces: name one")
		default:
			chosen = &ifaces[i]
		}
	}
	if chosen == nil {
		return nil, nil, fmt.Errorf("there is no interface %q", name)
	}
	if source != "" {
		ip := net.ParseIP(source)
		if ip == nil {
			return nil, nil, fmt.Errorf("%q is not an address", source)
		}
		return chosen, ip, nil
	}
	addrs, err := chosen.Addrs()
	if err != nil {
		return nil, nil, err
	}
	for _, a := range addrs {
		if p, ok := a.(*net.IPNet); ok && p.IP.To4() != nil {
			return chosen, p.IP, nil
		}
	}
	return nil, nil, fmt.Errorf("%s has no IPv4 address", chosen.Name)
}

func (s *Sender) run(interval time.Duration, count uint64) {
	defer close(s.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var buf [payloadLen]byte
	for seq := uint64(1); count == 0 || seq <= count; seq++ {
		now := time.Now()
		_, err := s.conn.WriteToUDP(appendPayload(buf[:0], seq, now), s.dst)
		s.record(now, err)
		select {
		case <-tick.C:
		case <-s.stop:
			return
		}
	}
}

// record notes a packet. An error does not end the sending: the interface may be down for a while, by intent.
func (s *Sender) record(at time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.err = err
		return
	}
	if s.sent == 0 {
		s.first = at
	}
	s.sent++
}

// Sent is the number of packets sent so far.
func (s *Sender) Sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.sent)
}

// FirstSent is when the first packet was sent; zero if none was.
func (s *Sender) FirstSent() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}

// Err is the last error of a send, nil if all went well. Packets that failed do not count as sent.
func (s *Sender) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Done is closed when all Count packets are sent, or after Stop.
func (s *Sender) Done() <-chan struct{} { return s.done }

// Stop ends the sending; when it returns, no more packet will leave.
func (s *Sender) Stop() {
	s.once.Do(func() { close(s.stop) })
	<-s.done
}

// Close stops the sender and closes its socket. The network's Close calls it.
func (s *Sender) Close() error {
	s.Stop()
	return s.conn.Close()
}
