package vty

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Serve answers FRR's daemon vty protocol on the listener's connections: lines that end with
// a NUL in, and for each its output, three NULs and a byte of status out. A connection is a
// session of its own; one that does not read holds up only itself. Where all places are taken,
// the connection that has been silent for longest, and for 10 s, makes room. Serve closes the
// listener and returns when ctx ends (nil) or the listener fails, once all its connections are
// closed.
func (s *Shell) Serve(ctx context.Context, l net.Listener) error {
	return s.accept(ctx, l, server{
		limit: s.config.MaxSessions,
		full:  "% Too many sessions\n\x00\x00\x00\x01",
		serve: s.serveConn,
	})
}

// server is what is particular to a way of being reached.
type server struct {
	limit int
	full  string // what is said to one who finds no place
	serve func(context.Context, *place)
}

// accept takes connections, as Serve does.
func (s *Shell) accept(ctx context.Context, l net.Listener, srv server) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	places := newPlaces(srv.limit)
	for pause := time.Duration(0); ; {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if isExhausted(err) {
			// Descriptors are short; they come back when sessions end.
			pause = min(max(2*pause, 10*time.Millisecond), time.Second)
			s.config.Log.Warn("vty: cannot take a connection", zap.Error(err), zap.Duration("again in", pause))
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		if err != nil {
			l.Close()
			return fmt.Errorf("vty: accept: %w", err)
		}
		pause = 0
		p, evicted := places.take(conn)
		if evicted {
			s.config.Log.Info("vty: the session that was silent for longest made room", zap.Int("limit", srv.limit))
		}
		if p != nil {
			running.Go(func() {
				defer places.leave(p)
				srv.serve(ctx, p)
			})
			continue
		}
		s.config.Log.Warn("vty: too many sessions", zap.Int("limit", srv.limit))
		// The few octets fit the socket's buffer; a failure is the client's.
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write([]byte(srv.full))
		conn.Close()
	}
}

// ServeConn answers one connection as Serve does, and closes it. It returns when the client
// goes, the session ends or ctx does.
func (s *Shell) ServeConn(ctx context.Context, conn net.Conn) { s.serveConn(ctx, newPlace(conn)) }

func (s *Shell) serveConn(ctx context.Context, conn *place) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	session := s.NewSession()
	line := s.roster.enter("unix", conn)
	defer s.roster.leave(line)
	session.sitsAt(line)
	lines := bufio.NewReaderSize(conn, s.config.MaxLine+1)
	out := &answer{w: bufio.NewWriterSize(conn, 16<<10), gone: cancel}
	session.client = &client{conn: conn, lines: lines, out: out}
	for !session.Ended() {
		line, err := lines.ReadSlice(0)
		status := Warning
		switch {
		case err == nil:
			status = s.answer(ctx, session, string(bytes.TrimSuffix(line, []byte{0})), out)
		case errors.Is(err, bufio.ErrBufferFull):
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice(0)
			}
			if err != nil {
				return
			}
			_, _ = io.WriteString(out, "% Command is too long.\n")
		default:
			return
		}
		if out.finish(status) != nil {
			return
		}
	}
}

// answer writes the answers of one connection. Its error sticks, as a bufio.Writer's does,
// and ends the context of the running command.
type answer struct {
	w    *bufio.Writer
	gone func()
}

// Write leaves out NULs, which would end the answer.
func (a *answer) Write(p []byte) (int, error) {
	for part := range bytes.SplitSeq(p, []byte{0}) {
		if _, err := a.w.Write(part); err != nil {
			a.gone()
			return 0, err
		}
	}
	return len(p), nil
}

// finish ends the answer to one line.
func (a *answer) finish(status Status) error {
	if _, err := a.w.Write([]byte{0, 0, 0, byte(status)}); err != nil {
		return err
	}
	return a.w.Flush()
}
