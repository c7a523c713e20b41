package zclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"time"

	"github.com/osrg/gobgp/v3/pkg/zebra"
	"go.uber.org/zap"
)

// readBuffer is the size of the read buffer in octets. Changes of interfaces that are
// in it together are told together.
const readBuffer = 64 << 10

// session is one connection to zebra. All of it belongs to the goroutine that reads.
type session struct {
	c       *Client
	conn    net.Conn
	r       *bufio.Reader
	body    []byte // of the message last read
	release *release
	name    string        // the release in words
	up      bool          // the handler was told
	done    chan struct{} // closed when reading is over
	wrote   chan error    // why writing is over
	another chan error    // has that zebra is of another release than it was taken for

	interfaces interfaceTable
	routes     routeTable
	vrfs       map[uint32]string
}

// greetingError says that zebra is there, but that no session came up.
type greetingError struct {
	release string
	err     error
}

func (e *greetingError) Error() string {
	var other otherProtocolError
	if errors.As(e.err, &other) {
		return e.err.Error()
	}
	why := e.err.Error()
	if errors.Is(e.err, os.ErrDeadlineExceeded) {
		why = "no answer"
	}
	return fmt.Sprintf("greeting zebra as FRR %s: %s; if it is another release, say which one by --zebra-version", e.release, why)
}

func (e *greetingError) Unwrap() error { return e.err }

// session runs one connection from start to end. up says whether it came so far that
// the handler was told; err says why it ended.
func (c *Client) session(ctx context.Context) (up bool, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.cfg.Socket)
	if err != nil {
		return false, fmt.Errorf("connect to zebra: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	s := &session{
		c:          c,
		conn:       conn,
		done:       make(chan struct{}),
		wrote:      make(chan error, 1),
		another:    make(chan error, 1),
		r:          bufio.NewReaderSize(conn, readBuffer),
		interfaces: newInterfaceTable(),
		routes:     newRouteTable(c),
		vrfs:       make(map[uint32]string),
	}
	var told bool
	if s.release, s.name, told = c.askRelease(ctx); !told {
		asking, stop := context.WithCancel(ctx)
		defer stop()
		go s.askAgain(asking)
	}
	if err := s.greet(); err != nil {
		return false, &greetingError{release: s.name, err: err}
	}
	err = s.read()
	select {
	case err = <-s.another:
	default:
	}
	if !s.up {
		return false, &greetingError{release: s.name, err: err}
	}
	conn.Close()
	close(s.done)
	if werr := <-s.wrote; werr != nil && errors.Is(err, net.ErrClosed) {
		err = werr // the writer failed first, and closed the connection
	}
	c.finish()
	return true, err
}

// askAgain asks until somebody says zebra's release, which was only assumed: at boot, zebra's shell
// may answer later than its socket. If zebra speaks otherwise than it was spoken to, the session ends.
func (s *session) askAgain(ctx context.Context) {
	for {
		select {
		case <-time.After(s.c.askAgainTime):
		case <-ctx.Done():
			return
		}
		r, name, told := s.c.askRelease(ctx)
		if !told {
			continue
		}
		if r.values != s.release.values {
			s.another <- fmt.Errorf("zebra is FRR %s, and was taken for %s", name, s.name)
			s.conn.Close()
		}
		return
	}
}

// greet says HELLO, and asks for the interfaces and for a sign that they are complete.
// The answer must be there within answerTimeout.
func (s *session) greet() error {
	b := appendHello(nil, s.release, s.c.sessionID)
	b = appendInterfaceRequest(b)
	b = appendRouterIDRequest(b, s.release)
	if err := s.conn.SetDeadline(time.Now().Add(s.c.answerTimeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(b)
	s.c.count(func(st *Status) { st.Sent += 3 })
	return err
}

// read takes messages until the session ends.
func (s *session) read() error {
	for {
		h, body, err := s.next()
		if err != nil {
			return err
		}
		s.c.count(func(st *Status) { st.Received++ })
		if kind, err := s.handle(h, body); err != nil {
			s.undecodable(kind, err, body)
		}
		if s.up && !s.buffered() {
			s.tell()
		}
	}
}

// tell hands on what changed.
func (s *session) tell() {
	if s.interfaces.changed {
		s.c.cfg.Handler.Interfaces(s.interfaces.snapshot())
	}
	for changes := s.routes.take(); changes != nil; changes = s.routes.take() {
		s.c.cfg.Handler.Routes(changes)
	}
	s.routes.tidy(s.c.tracked())
}

// next reads one whole message. The body is good until the next call.
func (s *session) next() (header, []byte, error) {
	b, err := s.peek(headerLen)
	switch {
	case err == io.EOF && len(b) == 0:
		return header{}, nil, errors.New("zebra closed the session")
	case err == io.EOF:
		return header{}, nil, fmt.Errorf("zebra closed the session within a message, after %d octets", len(b))
	case err != nil:
		return header{}, nil, fmt.Errorf("read from zebra: %w", err)
	}
	h, err := decodeHeader(b, s.release)
	if err != nil {
		return header{}, nil, err
	}
	b, err = s.peek(h.length)
	if err == io.EOF {
		return header{}, nil, fmt.Errorf("zebra closed the session within a message, after %d of %d octets", len(b), h.length)
	} else if err != nil {
		return header{}, nil, fmt.Errorf("read from zebra, %d of %d octets of a message: %w", len(b), h.length, err)
	}
	s.body = append(s.body[:0], b[headerLen:]...)
	_, err = s.r.Discard(h.length)
	return h, s.body, err
}

// peek waits for n octets: as long as it takes for the first one; what follows it comes soon, or
// zebra is not well.
func (s *session) peek(n int) ([]byte, error) {
	if s.up && s.r.Buffered() < n {
		if b, err := s.r.Peek(1); err != nil {
			return b, err
		}
		if err := s.conn.SetReadDeadline(time.Now().Add(s.c.stuckTimeout)); err != nil {
			return nil, err
		}
		defer s.conn.SetReadDeadline(time.Time{})
	}
	return s.r.Peek(n)
}

// buffered reports whether another whole message is there already. A flood of them is cut
// at the end of the read buffer, so that what it says is handed on now and then.
func (s *session) buffered() bool {
	if s.r.Buffered() < headerLen {
		return false
	}
	b, _ := s.r.Peek(headerLen)
	h, err := decodeHeader(b, s.release)
	return err == nil && s.r.Buffered() >= h.length
}

// handle acts on one message. kind names it in an error.
func (s *session) handle(h header, body []byte) (kind string, err error) {
	r := s.release
	switch h.cmd {
	case r.cmd(vrfAdd), r.cmd(vrfDelete):
		return "VRF", s.vrf(h, body)
	}
	if h.vrf != zebra.DefaultVrf {
		return "", nil
	}
	switch h.cmd {
	case interfaceAdd, interfaceDelete, interfaceUp, interfaceDown:
		i, err := decodeInterface(body, r)
		switch {
		case err != nil:
			s.interfaces.giveUp()
			return "interface", err
		case h.cmd == interfaceDelete:
			s.interfaces.remove(i.Index)
		default:
			s.interfaces.set(i)
		}
	case addressAdd, addressDelete:
		ifindex, p, err := decodeAddress(body)
		switch {
		case err != nil:
			s.interfaces.giveUp()
			return "interface address", err
		case h.cmd == addressDelete:
			s.interfaces.removeAddr(ifindex, p)
		default:
			s.interfaces.addAddr(ifindex, p)
		}
	case r.cmd(nexthopUpdate):
		u, err := decodeUpdate(body, r)
		switch {
		case err == nil:
			s.routes.update(u)
		case u.asked.IsValid():
			s.routes.unreadable(u)
		}
		return "next hop", err
	case r.cmd(nexthopLookup):
		l, err := decodeLookup(body, r)
		if err == nil {
			s.c.cfg.Handler.Path(l.asked, l.path)
		}
		return "lookup", err
	case r.cmd(routerIDUpdate):
		id, err := decodeRouterID(body)
		if err != nil {
			return "router id", err
		}
		s.c.count(func(st *Status) { st.RouterID = id })
		if !s.up {
			s.start()
		}
	case r.cmd(errorReply):
		s.c.count(func(st *Status) { st.Refused++ })
		if s.c.firstTime("refused " + s.name) {
			s.c.cfg.Log.Warn("zebra did not understand a request; is its release right?",
				zap.String("release", s.name), zap.Binary("error", body))
		}
	}
	return "", nil
}

// vrf keeps the names of the VRFs by number.
func (s *session) vrf(h header, body []byte) error {
	name, err := decodeVRF(body)
	if err != nil {
		return err
	}
	if h.cmd == s.release.cmd(vrfDelete) {
		delete(s.vrfs, h.vrf)
	} else {
		s.vrfs[h.vrf] = name
	}
	all := maps.Clone(s.vrfs)
	s.c.count(func(st *Status) { st.VRFs = all })
	return nil
}

// start is called when zebra has told of all interfaces: the session is up.
func (s *session) start() {
	s.up = true
	s.c.cfg.Log.Info("connected to zebra", zap.String("release", s.name), zap.String("socket", s.c.cfg.Socket))
	s.c.begin(s.release, s.name)
	s.c.cfg.Handler.ZebraUp(s.name)
	s.c.cfg.Handler.Interfaces(s.interfaces.snapshot())
	// An error here is met again at the next read.
	_ = s.conn.SetDeadline(time.Time{})
	go func() {
		err := s.write()
		s.conn.Close()
		s.wrote <- err
	}()
}

// write sends registrations as they become pending, until the session is over. It runs
// beside read.
func (s *session) write() error {
	var b []byte
	if s.release.has(asksForSAFI) {
		// The default route first, so that it is known where an address has no other. Until
		// 8.2 zebra cannot be asked for it.
		b = appendRegister(nil, s.release, defaultPrefix, true)
		s.c.count(func(st *Status) { st.Sent += uint64(len(s.release.tables())) })
	}
	for {
		b = s.c.takePending(b, s.release)
		if len(b) > 0 {
			if err := s.conn.SetWriteDeadline(time.Now().Add(s.c.stuckTimeout)); err != nil {
				return err
			}
			if _, err := s.conn.Write(b); err != nil {
				return fmt.Errorf("zebra takes no requests: %w", err)
			}
			b = b[:0]
			continue
		}
		select {
		case <-s.c.wake:
		case <-s.done:
			return nil
		}
	}
}

// undecodable counts a message, and tells of the first one of each kind.
func (s *session) undecodable(kind string, err error, body []byte) {
	s.c.count(func(st *Status) { st.Undecodable++ })
	if s.c.firstTime("undecodable " + s.name + " " + kind) {
		s.c.cfg.Log.Warn("cannot read a message of zebra's; more of this kind are only counted",
			zap.String("kind", kind), zap.String("release", s.name), zap.Error(err), zap.Binary("body", body))
	}
}
