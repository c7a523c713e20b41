//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// simulatedPeer is the far end of an MSDP session that does what no honest speaker would: it
// sends the octets that it is given, when it is told to, and notes what it hears. It has no timers.
type simulatedPeer struct {
	t    *testing.T
	node *lab.Node
	addr string
	conn *net.TCPConn
	// ended is closed when the router has ended the connection; end says how.
	ended chan struct{}
	end   error

	mu         sync.Mutex
	keepAlives int
	sas        int // messages
	heard      map[ipv4.SG]ipv4.Addr
}

// peerOptions say how a simulated peer behaves. The zero value reads all that it is sent.
type peerOptions struct {
	// Deaf: it never reads, and its kernel takes as little as can be.
	Deaf bool
	// Port is the one that it connects to, 0 for MSDP's.
	Port int
}

// connectPeer connects from a node's address to a router, whose own address must be the higher one. It
// tries until the router listens.
func connectPeer(t *testing.T, nd *lab.Node, local, router string, o peerOptions) *simulatedPeer {
	t.Helper()
	var p *simulatedPeer
	lab.Eventually(t, patience, poll, func() (err error) {
		p, err = tryPeer(t, nd, local, router, o)
		return err
	})
	return p
}

func tryPeer(t *testing.T, nd *lab.Node, local, router string, o peerOptions) (*simulatedPeer, error) {
	port := o.Port
	if port == 0 {
		port = wire.Port
	}
	p := &simulatedPeer{t: t, node: nd, addr: local, ended: make(chan struct{}), heard: make(map[ipv4.SG]ipv4.Addr)}
	err := nd.InNamespace(func() error {
		d := net.Dialer{
			LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(local), 0)),
			Timeout:   5 * time.Second,
		}
		if o.Deaf {
			d.Control = func(_, _ string, c syscall.RawConn) (err error) {
				return errors.Join(c.Control(func(fd uintptr) {
					err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1)
				}), err)
			}
		}
		c, err := d.Dial("tcp4", net.JoinHostPort(router, strconv.Itoa(port)))
		if err == nil {
			p.conn = c.(*net.TCPConn)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	// What is written leaves as it is written: an octet at a time is an octet a segment.
	if err := p.conn.SetNoDelay(true); err != nil {
		return nil, errors.Join(err, p.conn.Close())
	}
	t.Cleanup(func() { p.close() })
	if !o.Deaf {
		go p.read()
	}
	return p, nil
}

// listen has a deaf peer read from now on, with room for plenty.
func (p *simulatedPeer) listen() {
	p.t.Helper()
	if err := p.conn.SetReadBuffer(1 << 20); err != nil {
		p.t.Fatal(err)
	}
	go p.read()
}

// read notes what comes until the connection ends.
func (p *simulatedPeer) read() {
	defer close(p.ended)
	var have []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := p.conn.Read(buf)
		have = append(have, buf[:n]...)
		for {
			h, tlv, rest, nextErr := wire.Next(have)
			if errors.Is(nextErr, io.ErrUnexpectedEOF) {
				break
			}
			if nextErr == nil {
				nextErr = p.note(h, tlv)
			}
			if nextErr != nil {
				p.end = fmt.Errorf("the router sent %x: %w", have, nextErr)
				return
			}
			have = rest
		}
		if err != nil {
			p.end = err
			return
		}
	}
}

func (p *simulatedPeer) note(h wire.Header, tlv []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch h.Type {
	case wire.TypeKeepAlive:
		p.keepAlives++
	case wire.TypeSourceActive:
		sa, err := wire.ParseSourceActive(tlv)
		if err != nil {
			return err
		}
		p.sas++
		for i := range sa.Len() {
			sg, _ := sa.Entry(i)
			p.heard[sg] = sa.RP
		}
	default:
		return fmt.Errorf("%v from a speaker that has no use for it", h.Type)
	}
	return nil
}

// send writes octets. That the router has ended the connection meanwhile is no failure: ask awaitEnd.
func (p *simulatedPeer) send(b []byte) {
	if _, err := p.conn.Write(b); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, net.ErrClosed) {
		p.t.Errorf("%s: sending as MSDP peer %s: %v", p.node.Name(), p.addr, err)
	}
}

func (p *simulatedPeer) sendKeepAlive() { p.send(wire.AppendKeepAlive(nil)) }

// announce sends sources of a group as those of an RP, the peer's own address where rp is empty.
func (p *simulatedPeer) announce(rp, group string, sources ...string) {
	if rp == "" {
		rp = p.addr
	}
	var sgs []ipv4.SG
	for _, s := range sources {
		sgs = append(sgs, sgOf(s, group))
	}
	p.send(wire.AppendSourceActive(nil, ipv4.MustParse(rp), sgs))
}

func sgOf(source, group string) ipv4.SG {
	return ipv4.SG{Source: ipv4.MustParse(source), Group: ipv4.MustParse(group)}
}

// rpOf is the RP that an SA which the router sent named for (S,G); "" if there was none.
func (p *simulatedPeer) rpOf(source, group string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	rp, ok := p.heard[sgOf(source, group)]
	if !ok {
		return ""
	}
	return rp.String()
}

// heardCount is how many different (S,G)s the router has sent.
func (p *simulatedPeer) heardCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.heard)
}

// awaitKeepAlives waits until the router has sent that many: the first says that the session is established.
func (p *simulatedPeer) awaitKeepAlives(count int) {
	p.t.Helper()
	lab.Eventually(p.t, patience, poll, func() error {
		if got := p.keepAliveCount(); got < count {
			return fmt.Errorf("peer %s heard %d KeepAlives, want %d", p.addr, got, count)
		}
		return nil
	})
}

func (p *simulatedPeer) keepAliveCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keepAlives
}

// awaitEnd waits until the router has ended the connection.
func (p *simulatedPeer) awaitEnd(what string) {
	p.t.Helper()
	select {
	case <-p.ended:
		if !errors.Is(p.end, io.EOF) && !errors.Is(p.end, syscall.ECONNRESET) {
			p.t.Errorf("after %s the connection of peer %s ended by %v", what, p.addr, p.end)
		}
	case <-time.After(patience):
		p.t.Fatalf("after %s the router goes on with peer %s for %v", what, p.addr, patience)
	}
}

// up reports whether the router has not ended the connection.
func (p *simulatedPeer) up() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// keepUp sends a KeepAlive every few seconds until the test ends.
func (p *simulatedPeer) keepUp() {
	stop, stopped := make(chan struct{}), make(chan struct{})
	p.t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.sendKeepAlive()
			case <-stop:
				return
			}
		}
	}()
}

func (p *simulatedPeer) close() { p.conn.Close() } // nobody is left to whom it would matter
