package mroute

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

// Outcome says what became of a packet that was given to a Forwarder.
type Outcome uint8

// The outcomes.
const (
	Sent        Outcome = iota // by one interface at least
	NoReceivers                // the tree has no outgoing interface
	Native                     // (S,G) passes packets from its incoming interface: they come by themselves
	Failed                     // by no interface, for an error
)

// Parcel is a packet that came by another way than the network.
type Parcel struct {
	SG ipv4.SG
	// Packet is the whole IPv4 packet of SG. Its TTL is above 1.
	Packet []byte
	// Except are ifindexes by which it is not sent: those of subnets that the source is on.
	Except []int
	// Done is told what became of it, from the goroutine that runs Run.
	Done func(Outcome)
}

// forwarderQueue is how many packets may wait.
const forwarderQueue = 256

// Forwarder sends packets down the trees of the forwarding cache, as the kernel would if they
// came in Registers. FRR's pimd gives (*,G) the interface with the RP's address as its
// incoming one, and so the kernel drops what really comes in a Register; hence each copy
// is sent here, by a raw socket, out of each of the tree's interfaces.
type Forwarder struct {
	log   *zap.Logger
	queue chan Parcel
}

// NewForwarder returns a Forwarder; it does nothing before Run.
func NewForwarder(log *zap.Logger) *Forwarder {
	return &Forwarder{log: log, queue: make(chan Parcel, forwarderQueue)}
}

// Forward takes a packet and never waits. False: too many wait already.
func (f *Forwarder) Forward(p Parcel) bool {
	select {
	case f.queue <- p:
		return true
	default:
		return false
	}
}

// Run sends until ctx ends, in the network namespace of the calling thread. The error is
// that of the socket. It needs CAP_NET_RAW.
func (f *Forwarder) Run(ctx context.Context) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if err != nil {
		return fmt.Errorf("raw socket to forward multicast: %w", err)
	}
	defer unix.Close(fd)
	// No copy comes back to this host, which would forward it once more.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0); err != nil {
		return fmt.Errorf("raw socket to forward multicast: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-f.queue:
			p.Done(f.forward(fd, p))
		}
	}
}

func (f *Forwarder) forward(fd int, p Parcel) Outcome {
	entry, native, err := treeOf(p.SG)
	switch {
	case err != nil:
		f.log.Debug("packet not forwarded", zap.Stringer("sg", p.SG), zap.Error(err))
		return Failed
	case native:
		return Native
	}
	packet := slices.Clone(p.Packet)
	packet[8]-- // the kernel computes the header's checksum
	out := NoReceivers
	for _, ifindex := range entry.OutIfs {
		if slices.Contains(p.Except, ifindex) || !leadsOut(ifindex) {
			continue
		}
		if err := sendBy(fd, ifindex, p.SG.Group, packet); err != nil {
			f.log.Debug("packet not forwarded", zap.Stringer("sg", p.SG), zap.Int("ifindex", ifindex), zap.Error(err))
			if out == NoReceivers {
				out = Failed
			}
			continue
		}
		out = Sent
	}
	return out
}

// treeOf returns the entry by which packets of sg are forwarded: (S,G), or (*,G) where there is
// none. native is true where (S,G) has passed packets that came by its incoming interface.
func treeOf(sg ipv4.SG) (e Entry, native bool, err error) {
	e, ok, err := get(sg)
	if err != nil || ok {
		return e, e.InIf != 0 && e.Packets > e.WrongIf && leadsOut(e.InIf), err
	}
	e, _, err = get(ipv4.SG{Group: sg.Group})
	return e, false, err
}

// get asks the kernel for one entry.
func get(sg ipv4.SG) (e Entry, ok bool, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: familyIPMR, Dst_len: 32, Src_len: 32}})
	req.AddData(nl.NewRtAttr(unix.RTA_SRC, sg.Source.Append(nil)))
	req.AddData(nl.NewRtAttr(unix.RTA_DST, sg.Group.Append(nil)))
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE)
	switch {
	case errors.Is(err, unix.ENOENT):
		return Entry{}, false, nil
	case err != nil:
		return Entry{}, false, fmt.Errorf("the kernel's multicast route of %s: %w", sg, err)
	}
	for _, body := range answers {
		d, ok, err := decode(body)
		if err != nil {
			return Entry{}, false, err
		}
		if ok && !d.unresolved {
			return d.entry, true, nil
		}
	}
	return Entry{}, false, nil
}

// leadsOut reports whether an interface leads to other hosts: not the loopback, nor the one by
// which the kernel hands packets over that are to be registered.
func leadsOut(ifindex int) bool {
	link, err := netlink.LinkByIndex(ifindex)
	if err != nil {
		return false
	}
	a := link.Attrs()
	return a.Flags&net.FlagLoopback == 0 && a.EncapType != "pimreg"
}

// sendBy sends a packet as it is out of one interface.
func sendBy(fd, ifindex int, group ipv4.Addr, packet []byte) error {
	if err := unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(ifindex)}); err != nil {
		return fmt.Errorf("choosing the interface: %w", err)
	}
	return unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: group.As4()})
}
