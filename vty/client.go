package vty

import (
	"bufio"
	"context"
	"time"
)

// client is the other end of a session on the socket.
type client struct {
	conn  *place
	lines *bufio.Reader
	out   *answer
}

// watch is `terminal monitor` on the socket, where only an answer can be shown: its output goes on
// until the client gives another line or goes.
func (cl *client) watch(c *Call, m *Monitor) error {
	w := m.watch()
	defer m.unwatch(w)
	ctx, stop := cl.untilNext(c.Context())
	defer stop()
	for {
		select {
		case line := <-w.lines:
			if n := w.dropped.Swap(0); n > 0 {
				c.Printf("%% %d lines of the log were dropped\n", n)
			}
			c.Printf("%s", line)
		case <-ctx.Done():
			return nil
		}
		if len(w.lines) == 0 && cl.out.w.Flush() != nil {
			return nil // the client has gone
		}
	}
}

// untilNext returns a context that ends when the client says something, or goes. Nothing may be read
// from the client before stop has returned.
func (cl *client) untilNext(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	peeked := make(chan struct{})
	go func() {
		defer close(peeked)
		defer cancel()
		_, _ = cl.lines.Peek(1) // its error is the next read's
	}()
	return ctx, func() {
		_ = cl.conn.SetReadDeadline(time.Unix(1, 0))
		<-peeked
		_ = cl.conn.SetReadDeadline(time.Time{})
		cancel()
	}
}
