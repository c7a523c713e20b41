package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"msdpd/lib/ipv4"
)

// conn is one connection with its two goroutines: run reads, write writes.
type conn struct {
	t       *Transport
	id      ConnID
	tcp     *net.TCPConn
	local   netip.AddrPort
	remote  netip.AddrPort
	inbound bool

	held chan struct{} // one element for every batch that is not released
	work chan struct{} // wakes the writer
	done chan struct{} // closed by end

	mu       sync.Mutex
	ended    bool
	err      error // why it ended
	queue    queue
	writing  int         // octets taken from the queue and not yet the kernel's
	starved  bool        // a Send returned false, Writable has not been called since
	deadline *time.Timer // runs when CloseAfterFlush was called
	// unflushed: something waits for Flush.
	unflushed bool
}

// addConn needs t.mu.
func (t *Transport) addConn(id ConnID, tcp *net.TCPConn, inbound bool) *conn {
	c := &conn{
		t:       t,
		id:      id,
		tcp:     tcp,
		local:   addrPort(tcp.LocalAddr()),
		remote:  addrPort(tcp.RemoteAddr()),
		inbound: inbound,
		held:    make(chan struct{}, maxBatches),
		work:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		queue:   queue{max: t.queueBytes},
	}
	t.conns[id] = c
	if inbound {
		t.accepted[c.peer()]++
	}
	return c
}

func (t *Transport) removeConn(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c.id)
	if !c.inbound {
		return
	}
	if t.accepted[c.peer()]--; t.accepted[c.peer()] == 0 {
		delete(t.accepted, c.peer())
	}
}

func (c *conn) peer() ipv4.Addr {
	a, _ := ipv4.FromNetip(c.remote.Addr())
	return a
}

// run lives as long as the connection does.
func (c *conn) run() {
	if c.inbound {
		c.t.handler.Accepted(c.id, c.local, c.remote)
	} else {
		c.t.handler.Connected(c.id, c.local, c.remote)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	c.read()
	<-written
	c.t.removeConn(c)
	c.t.handler.Closed(c.id, c.err) // set for good when done was closed
}

// end closes the connection for the reason err, nil for our own wish. The first reason stays.
func (c *conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	if c.deadline != nil {
		c.deadline.Stop()
		err = nil
	}
	c.err = err
	c.queue.clear()
	close(c.done)
	c.tcp.Close() // nobody is left to whom an error would matter
}

// read hands over what the peer sends until the connection has ended. It holds a batch only while
// there is something in it, so that a peer that says nothing costs none.
func (c *conn) read() {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		c.end(err)
		return
	}
	var carry []byte // the beginning of a TLV
	for c.mayHold() {
		b, n, err := c.receive(raw, carry)
		if err != nil {
			<-c.held
			if errors.Is(err, io.EOF) && len(carry) > 0 {
				err = io.ErrUnexpectedEOF
			}
			c.end(err)
			return
		}
		end, last := 0, false
		if c.flushing() {
			n = 0
		} else {
			end, last = frame(b.buf[:n])
		}
		carry = append(carry[:0], b.buf[end:n]...)
		if end == 0 {
			b.giveBack()
			<-c.held
			continue
		}
		if len(carry) == 0 {
			carry = nil
		}
		b.TLVs, b.held = b.buf[:end], c.held
		c.t.handler.Received(c.id, b)
		if last {
			<-c.done
			return
		}
	}
}

// mayHold waits until less than maxBatches are held, and counts one more; false says that the
// connection has ended.
func (c *conn) mayHold() bool {
	select {
	case <-c.done:
		return false
	case c.held <- struct{}{}:
		return true
	}
}

// receive waits for the peer to send something and returns it behind carry, n octets in all.
func (c *conn) receive(raw syscall.RawConn, carry []byte) (b *Batch, n int, err error) {
	waitErr := raw.Read(func(fd uintptr) bool {
		b = takeBatch(carry)
		n, err = ignoringEINTR(func() (int, error) { return syscall.Read(int(fd), b.buf[len(carry):]) })
		if err == nil && n > 0 {
			return true
		}
		b.giveBack()
		return !errors.Is(err, syscall.EAGAIN)
	})
	switch {
	case waitErr != nil:
		return nil, 0, waitErr
	case err != nil:
		return nil, 0, &net.OpError{Op: "read", Net: "tcp", Source: c.tcp.LocalAddr(), Addr: c.tcp.RemoteAddr(), Err: os.NewSyscallError("read", err)}
	case n == 0:
		return nil, 0, io.EOF
	}
	return b, len(carry) + n, nil
}

func ignoringEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// write writes what is queued until the connection has ended, or is to be ended and nothing is left.
func (c *conn) write() {
	taken := make([]*block, 0, writeBlocks)
	pieces := make([][]byte, 0, writeBlocks)
	for {
		var todo task
		todo, taken = c.next(taken[:0])
		switch todo {
		case taskWrite:
			pieces = pieces[:0]
			for _, b := range taken {
				pieces = append(pieces, b.buf[:b.n])
			}
			all := net.Buffers(pieces)
			_, err := all.WriteTo(c.tcp)
			for _, b := range taken {
				b.free()
			}
			if err != nil {
				c.end(err)
				return
			}
		case taskTell:
			c.t.handler.Writable(c.id)
		case taskFinish:
			if err := c.tcp.CloseWrite(); err != nil {
				c.end(err)
			}
			return
		case taskWait:
			select {
			case <-c.work:
			case <-c.done:
				return
			}
		}
	}
}

// task is what the writer does next.
type task int

const (
	taskWait task = iota
	taskWrite
	taskTell   // call Writable
	taskFinish // end our half of the stream
)

// next is called when what it gave before has been written; what is next is appended to to.
func (c *conn) next(to []*block) (task, []*block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = 0
	switch {
	case c.ended:
		return taskWait, to
	case c.starved && c.queue.n < c.queue.max/2:
		c.starved = false
		return taskTell, to
	case c.queue.n > 0:
		to, c.writing = c.queue.take(to)
		return taskWrite, to
	case c.deadline != nil:
		return taskFinish, to
	}
	return taskWait, to
}

func (c *conn) send(tlvs []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.deadline != nil {
		return false
	}
	if c.queue.n+c.writing+len(tlvs) > c.queue.max {
		c.starved = true
		return false
	}
	if len(tlvs) == 0 {
		return true
	}
	c.queue.put(tlvs)
	switch {
	case !c.t.batched || c.queue.n >= blockBytes:
		c.wake()
	case !c.unflushed:
		c.unflushed = true
		c.t.flushLater(c)
	}
	return true
}

// flushed begins to write what was put into the queue.
func (c *conn) flushed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unflushed = false
	c.wake()
}

// idleBytes is what may wait before something that can be lost: little enough to be gone soon.
const idleBytes = blockBytes

func (c *conn) sendIfIdle(tlv []byte) bool {
	c.mu.Lock()
	idle := !c.starved && c.queue.n+c.writing <= idleBytes && c.queue.n+c.writing+len(tlv) <= c.queue.max
	c.mu.Unlock()
	return idle && c.send(tlv)
}

func (c *conn) flush(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.deadline != nil {
		return
	}
	c.deadline = time.AfterFunc(d, func() { c.end(nil) })
	c.wake()
}

func (c *conn) flushing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline != nil
}

func (c *conn) wake() {
	select {
	case c.work <- struct{}{}:
	default:
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
