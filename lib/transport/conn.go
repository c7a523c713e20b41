package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
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

// read hands over what the peer sends until the connection has ended.
func (c *conn) read() {
	var carry []byte // the beginning of a TLV
	for {
		b := c.batch()
		if b == nil {
			return
		}
		n := copy(b.buf[:], carry)
		carry = carry[:0]
		end, last := 0, false
		for end == 0 {
			m, err := c.tcp.Read(b.buf[n:])
			n += m
			if err != nil {
				b.Release()
				if errors.Is(err, io.EOF) && n > 0 {
					err = io.ErrUnexpectedEOF
				}
				c.end(err)
				return
			}
			if c.flushing() {
				n = 0
				continue
			}
			end, last = frame(b.buf[:n])
		}
		carry = append(carry, b.buf[end:n]...)
		b.TLVs = b.buf[:end]
		c.t.handler.Received(c.id, b)
		if last {
			<-c.done
			return
		}
	}
}

// batch waits until less than maxBatches are held; nil says that the connection has ended.
func (c *conn) batch() *Batch {
	select {
	case <-c.done:
		return nil
	case c.held <- struct{}{}:
	}
	b := batches.Get().(*Batch)
	b.held = c.held
	return b
}

// write writes what is queued until the connection has ended, or is to be ended and nothing is left.
func (c *conn) write() {
	var chunk []byte
	for {
		var todo task
		todo, chunk = c.next(chunk[:0])
		switch todo {
		case taskWrite:
			if _, err := c.tcp.Write(chunk); err != nil {
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
			chunk = nil
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

// next is called when the chunk before has been written; the next one is appended to b.
func (c *conn) next(b []byte) (task, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = 0
	switch {
	case c.ended:
		return taskWait, b
	case c.starved && c.queue.n < c.queue.max/2:
		c.starved = false
		return taskTell, b
	case c.queue.n > 0:
		b = c.queue.take(b)
		c.writing = len(b)
		return taskWrite, b
	case c.deadline != nil:
		return taskFinish, b
	}
	return taskWait, b
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
	if len(tlvs) > 0 {
		c.queue.put(tlvs)
		c.wake()
	}
	return true
}

// idleBytes is what may wait before something that can be lost: little enough to be gone soon.
const idleBytes = chunkBytes

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
