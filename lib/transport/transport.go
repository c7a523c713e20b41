// Package transport carries MSDP's TCP sessions (RFC 3618 §11): it dials, listens, cuts the
// stream into whole TLVs and holds a bounded queue to each peer, and has the kernel check signatures
// (RFC 2385) and TTLs (RFC 5082). It moves bytes; who connects to
// whom, what a TLV means and when a session ends is decided by the one that calls it.
//
// A connection holds at most 4 batches of 16 KiB that were read and not released, one unfinished
// TLV of 64 KiB, Config.QueueBytes of TLVs to be sent and 64 KiB that are being written: 448 KiB
// with the default, and no buffer at all while nothing happens. What the kernel holds unsent
// besides is at most 64 KiB, too.
package transport

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// ConnID names a connection, or the attempt to make one. It is never 0 and never used twice in
// one Transport.
type ConnID uint64

// Handler is told what happens. Its methods are called from the Transport's goroutines, several at
// a time; those for one connection come in order: Connected or Accepted, then Received and
// Writable, then Closed. Only Received may hold its caller up, which holds up the peer in turn.
// The methods may call the Transport, but for Shutdown.
//
// An event may be on its way while Close is called, so that the events of a connection that was
// closed, even Connected, have to be expected until Closed.
type Handler interface {
	// Connected says that a Dial succeeded. It can come before Dial has returned.
	Connected(id ConnID, local, remote netip.AddrPort)
	// DialFailed says why a Dial did not succeed: nothing else comes for id.
	// errors.Is(err, syscall.EADDRNOTAVAIL): the local address is not there.
	DialFailed(id ConnID, err error)
	// Accepted says that an allowed peer connected to a listening address.
	Accepted(id ConnID, local, remote netip.AddrPort)
	// Received hands over what the peer sent. The batch must be released, here or later.
	Received(id ConnID, batch *Batch)
	// Writable comes once after a Send returned false, when less than half of the queue is
	// left and nothing is in the middle of being written.
	Writable(id ConnID)
	// Closed comes exactly once for everything Connected or Accepted. err is nil after our own
	// Close, io.EOF when the peer closed, io.ErrUnexpectedEOF when it did within a TLV.
	Closed(id ConnID, err error)
	// ListenerUp says that connections to local are taken.
	ListenerUp(local ipv4.Addr)
	// ListenerFailed says why they are not, once until the reason changes; it is tried again
	// every second. errors.Is(err, syscall.EADDRNOTAVAIL): the address is not there;
	// syscall.EADDRINUSE: somebody else has the port, such as pimd's own MSDP.
	ListenerFailed(local ipv4.Addr, err error)
}

// Config is what a Transport needs to know from the beginning.
type Config struct {
	// Port is where peers listen, and where we do; 0 stands for 639 (wire.Port).
	Port uint16
	// QueueBytes bounds what waits to be written to one peer; 0 stands for 256 KiB.
	QueueBytes int
	// Batched has what is sent wait for Flush, or until there is much of it: for a caller that
	// sends more than once in a moment, and then calls Flush.
	Batched bool
	// Log gets a line about strangers that connect, at most one a minute for each address. nil: none.
	Log *zap.Logger
}

const defaultQueueBytes = 256 << 10

// Transport is a set of connections and listening addresses. Its methods do not block (but for
// Shutdown) and may be called from any goroutine.
type Transport struct {
	port       uint16
	queueBytes int
	batched    bool
	handler    Handler

	wg sync.WaitGroup // every goroutine there is

	mu        sync.Mutex
	down      bool // Shutdown was called
	lastID    ConnID
	dials     map[ConnID]attempt
	conns     map[ConnID]*conn
	accepted  map[ipv4.Addr]int // connections in conns that a peer opened
	listeners map[ipv4.Addr]*listener
	allowed   map[ipv4.Addr]struct{}
	guards    map[ipv4.Addr]guard.Guard

	refused refusals

	flushMu   sync.Mutex
	unflushed []*conn
}

// New returns a Transport that does nothing yet: no peer is allowed, no address listened on.
func New(cfg Config, h Handler) *Transport {
	t := &Transport{
		port:       cfg.Port,
		queueBytes: cfg.QueueBytes,
		batched:    cfg.Batched,
		handler:    h,
		dials:      make(map[ConnID]attempt),
		conns:      make(map[ConnID]*conn),
		accepted:   make(map[ipv4.Addr]int),
		listeners:  make(map[ipv4.Addr]*listener),
		allowed:    make(map[ipv4.Addr]struct{}),
	}
	if t.port == 0 {
		t.port = wire.Port
	}
	if t.queueBytes == 0 {
		t.queueBytes = defaultQueueBytes
	}
	t.refused.log = cfg.Log
	if t.refused.log == nil {
		t.refused.log = zap.NewNop()
	}
	return t
}

// Allow sets the peers that may connect to us, all of them. Connections that are there stay.
func (t *Transport) Allow(remotes []ipv4.Addr) {
	allowed := make(map[ipv4.Addr]struct{}, len(remotes))
	for _, a := range remotes {
		allowed[a] = struct{}{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.allowed = allowed
}

// Send queues whole TLVs, which are copied. It returns false when they do not all fit in the
// queue, or when there is no such connection (any more): nothing was taken then. More than
// Config.QueueBytes at once never fit.
func (t *Transport) Send(id ConnID, tlvs []byte) bool {
	c := t.conn(id)
	return c != nil && c.send(tlvs)
}

// Flush begins to write what was sent since it was called last; see Config.Batched.
func (t *Transport) Flush() {
	t.flushMu.Lock()
	todo := t.unflushed
	t.unflushed = make([]*conn, 0, len(todo))
	t.flushMu.Unlock()
	for _, c := range todo {
		c.flushed()
	}
}

// flushLater is called once for c between two Flushes.
func (t *Transport) flushLater(c *conn) {
	t.flushMu.Lock()
	defer t.flushMu.Unlock()
	t.unflushed = append(t.unflushed, c)
}

// SendIfIdle queues one TLV on id and copies it, if no more than idleBytes wait there to be
// written. What is not taken is the caller's loss: Writable does not follow.
func (t *Transport) SendIfIdle(id ConnID, tlv []byte) bool {
	c := t.conn(id)
	return c != nil && c.sendIfIdle(tlv)
}

// Close ends a connection at once: what is queued is lost. Where id is still being dialled,
// neither Connected nor DialFailed follows, unless the attempt has ended in the same moment.
func (t *Transport) Close(id ConnID) {
	t.mu.Lock()
	a, dialling := t.dials[id]
	delete(t.dials, id)
	c := t.conns[id]
	t.mu.Unlock()
	if dialling {
		a.cancel()
	}
	if c != nil {
		c.end(nil)
	}
}

// CloseAfterFlush ends a connection in good order: what is queued is sent, then our end of the
// stream; what the peer sends is thrown away until it ends the stream, too. After the time d the
// connection is closed at once. An attempt to connect is given up at once.
func (t *Transport) CloseAfterFlush(id ConnID, d time.Duration) {
	if c := t.conn(id); c != nil {
		c.flush(d)
		return
	}
	t.Close(id)
}

// Wake says that an address has come or gone: listening addresses that failed are tried again at
// once, and those that are no longer there fail. Connections stay.
func (t *Transport) Wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.listeners {
		l.wakeUp()
	}
}

// Refused counts the connections that were refused: those of strangers, and those that a peer
// opened beyond the 8 that it may have at a time.
func (t *Transport) Refused() uint64 { return t.refused.total.Load() }

// Shutdown closes everything, waits until every goroutine has ended, and returns nil. Connections
// for which CloseAfterFlush was called get their time. When ctx ends first, they are closed at
// once, too, and the error is that of ctx: some goroutine may still be ending, or be held up in
// the Handler. Nothing is opened from the moment that Shutdown is called.
func (t *Transport) Shutdown(ctx context.Context) error {
	t.mu.Lock()
	t.down = true
	for _, a := range t.dials {
		a.cancel()
	}
	clear(t.dials)
	for _, l := range t.listeners {
		l.stop()
	}
	clear(t.listeners)
	conns := slices.Collect(maps.Values(t.conns))
	t.mu.Unlock()

	for _, c := range conns {
		if !c.flushing() {
			c.end(nil)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.wg.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for _, c := range conns {
			c.end(nil)
		}
		return ctx.Err()
	}
}

func (t *Transport) conn(id ConnID) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns[id]
}

// newID needs t.mu.
func (t *Transport) newID() ConnID {
	t.lastID++
	return t.lastID
}
