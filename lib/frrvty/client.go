// Package frrvty asks FRR daemons over their vty sockets, as vtysh does: a line and a NUL
// go in; the output, three NULs and a byte of status come back.
package frrvty

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// MaxAnswer is the size in octets that Ask and Query take of one answer. A daemon that sends
// more is not what it seems, or was asked for a table that wants Stream.
const MaxAnswer = 64 << 20

// ErrTooLarge is the error of an answer over MaxAnswer.
var ErrTooLarge = fmt.Errorf("the answer is larger than %d MiB", MaxAnswer>>20)

// Client is a connection to one daemon, on which the daemon keeps a mode: `enable` and
// `configure terminal` hold for the lines after them. A fresh one is in the view mode. It is
// used by one goroutine at a time.
//
// After an error that is no *StatusError the connection is closed, and every later question
// fails: what the daemon still sends would be taken for the answer to another line.
type Client struct {
	conn   net.Conn
	in     *bufio.Reader
	broken error
}

// Dial connects to a daemon's socket.
func Dial(ctx context.Context, path string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("vty socket: %w", err)
	}
	return NewClient(conn), nil
}

// NewClient speaks over a connection that is already there.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, in: bufio.NewReaderSize(conn, 32<<10)}
}

// Close ends the connection.
func (c *Client) Close() error {
	c.broken = net.ErrClosed
	return c.conn.Close()
}

// Ask sends a line and returns what the daemon wrote. A status other than Success comes with
// a *StatusError; any other error leaves the status without meaning. It never outlasts ctx.
func (c *Client) Ask(ctx context.Context, line string) (string, Status, error) {
	out := &capped{}
	status, err := c.Stream(ctx, line, out)
	if e := (*StatusError)(nil); errors.As(err, &e) {
		e.Text = out.String()
	}
	return out.String(), status, err
}

// Stream is Ask for answers of any size: the output goes to w as it comes, and the
// *StatusError has no text. An error of w is returned as it is.
func (c *Client) Stream(ctx context.Context, line string, w io.Writer) (Status, error) {
	if strings.ContainsAny(line, "\x00\n") {
		return 0, fmt.Errorf("command %q: a line has neither NUL nor line break within", Shown(line))
	}
	if c.broken != nil {
		return 0, fmt.Errorf("command %q: the connection has failed before: %w", Shown(line), c.broken)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("command %q: %w", Shown(line), err)
	}
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	status, err := c.exchange(line, w)
	if !stop() && err == nil {
		// The deadline was set, or is about to be: the answer is whole, the connection of no more use.
		c.fail(ctx.Err())
	}
	if err != nil {
		c.fail(err)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, fmt.Errorf("command %q: %w", Shown(line), err)
	}
	if status != Success {
		return status, &StatusError{Line: line, Status: status}
	}
	return status, nil
}

func (c *Client) fail(err error) {
	c.broken = err
	c.conn.Close()
}

// exchange writes the line and copies the answer.
func (c *Client) exchange(line string, w io.Writer) (Status, error) {
	if _, err := io.WriteString(c.conn, line+"\x00"); err != nil {
		return 0, err
	}
	nuls := 0
	for {
		b, err := c.in.Peek(1)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		if nuls == 3 {
			_, err := c.in.Discard(1)
			return Status(b[0]), err
		}
		if b[0] == 0 {
			nuls++
			if _, err := c.in.Discard(1); err != nil {
				return 0, err
			}
			continue
		}
		// A NUL or two within the text are no end of it, and no text either.
		nuls = 0
		text, err := c.in.Peek(c.in.Buffered())
		if err != nil {
			return 0, err
		}
		if i := bytes.IndexByte(text, 0); i >= 0 {
			text = text[:i]
		}
		if _, err := w.Write(text); err != nil {
			return 0, err
		}
		if _, err := c.in.Discard(len(text)); err != nil {
			return 0, err
		}
	}
}

// capped keeps what is written, up to MaxAnswer.
type capped struct{ bytes.Buffer }

func (b *capped) Write(p []byte) (int, error) {
	if b.Len()+len(p) > MaxAnswer {
		return 0, ErrTooLarge
	}
	return b.Buffer.Write(p)
}

// Query connects, asks the lines in order and closes. It returns the outputs of the lines
// before the first that failed, and that one's error.
func Query(ctx context.Context, socketPath string, lines ...string) (outputs []string, err error) {
	c, err := Dial(ctx, socketPath)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, line := range lines {
		out, _, err := c.Ask(ctx, line)
		if err != nil {
			return outputs, err
		}
		outputs = append(outputs, out)
	}
	return outputs, nil
}
