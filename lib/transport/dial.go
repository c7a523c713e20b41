package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

// Dial begins to connect from local, at a port of the kernel's choice, to remote at the MSDP port.
// It does not wait: Connected or DialFailed follows. An attempt has no time limit but the
// kernel's, which is about two minutes; Close gives it up. After Shutdown nothing is begun, and 0
// returned.
func (t *Transport) Dial(local, remote ipv4.Addr) ConnID {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return 0
	}
	id := t.newID()
	ctx, cancel := context.WithCancel(context.Background())
	t.dials[id] = attempt{remote, cancel}
	g := t.guards[remote]
	t.wg.Go(func() {
		defer cancel()
		t.dial(ctx, id, local, remote, g)
	})
	return id
}

// attempt is a connection that is being dialled.
type attempt struct {
	remote ipv4.Addr
	cancel context.CancelFunc
}

func (t *Transport) dial(ctx context.Context, id ConnID, local, remote ipv4.Addr, g guard.Guard) {
	d := net.Dialer{
		LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local.Netip(), 0)),
		KeepAlive: -1, // MSDP has a hold timer
		Control:   before(func(fd int) error { return setDialOptions(fd, remote, g) }),
	}
	d.SetMultipathTCP(false) // it takes no MD5 keys
	nc, err := d.DialContext(ctx, "tcp4", netip.AddrPortFrom(remote.Netip(), t.port).String())

	t.mu.Lock()
	_, wanted := t.dials[id]
	delete(t.dials, id)
	if t.guards[remote] != g {
		if err == nil {
			nc.Close() // nobody is left to whom an error would matter
		}
		err = errGuardChanged
	}
	var c *conn
	if wanted && err == nil {
		c = t.addConn(id, nc.(*net.TCPConn), false)
	}
	t.mu.Unlock()

	switch {
	case c != nil:
		c.run()
	case err == nil:
		nc.Close() // as above
	case wanted:
		t.handler.DialFailed(id, fmt.Errorf("connecting from %v to %v: %w", local, remote, cause(err)))
	}
}
