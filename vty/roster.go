package vty

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// roster is who sits at the shell: a line for each connection, numbered as they come, with the
// number of one that has gone for the next.
type roster struct {
	mu    sync.Mutex
	lines map[int]*line
}

// line is one connection's. All but the mode is fixed once it is in the roster.
type line struct {
	number int
	kind   string // "unix" or "telnet"
	conn   *place
	since  time.Time
	from   netip.AddrPort // a telnet client
	peer   *unix.Ucred    // the process at a Unix socket, nil if the kernel does not say
	mode   atomic.Pointer[Mode]
}

// enter gives a connection the lowest number that is free.
func (r *roster) enter(kind string, conn *place) *line {
	l := &line{kind: kind, conn: conn, since: time.Now()}
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		l.from = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	if u, ok := conn.Conn.(*net.UnixConn); ok {
		l.peer = credentials(u)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines == nil {
		r.lines = make(map[int]*line)
	}
	for r.lines[l.number] != nil {
		l.number++
	}
	r.lines[l.number] = l
	return l
}

func (r *roster) leave(l *line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lines, l.number)
}

// all returns the lines by number.
func (r *roster) all() []*line {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*line, 0, len(r.lines))
	for _, l := range r.lines {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *line) int { return cmp.Compare(a.number, b.number) })
	return all
}

// clear ends the session of a line; false if there is none.
func (r *roster) clear(number int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lines[number]
	if l != nil {
		l.conn.Conn.Close() // its own goroutines notice
	}
	return l != nil
}

// credentials says who has connected to a Unix socket.
func credentials(conn *net.UnixConn) *unix.Ucred {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	var peer *unix.Ucred
	if raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }) != nil || err != nil {
		return nil
	}
	return peer
}

// who is a line as `who` shows it.
type who struct {
	Line int    `json:"line"`
	Kind string `json:"kind"`
	From string `json:"from"`
	User string `json:"user,omitempty"`
	Pid  int32  `json:"pid,omitempty"`
	Mode string `json:"mode"`
	// Idle and Connected are in seconds: since the client last sent anything, and since it came.
	Idle      int64 `json:"idleSeconds"`
	Connected int64 `json:"connectedSeconds"`
	Own       bool  `json:"own,omitempty"`
}

func (l *line) who(now time.Time, own bool) who {
	heard := time.Unix(0, l.conn.heard.Load())
	w := who{Line: l.number, Kind: l.kind, Mode: "login", Own: own, Connected: seconds(now.Sub(l.since)), Idle: seconds(now.Sub(heard))}
	if m := l.mode.Load(); m != nil {
		w.Mode = m.Name
	}
	switch {
	case l.from.IsValid():
		w.From = l.from.String()
	case l.peer != nil:
		id := strconv.FormatUint(uint64(l.peer.Uid), 10)
		w.User, w.Pid = "uid "+id, l.peer.Pid
		if u, err := user.LookupId(id); err == nil {
			w.User = u.Username
		}
		w.From = fmt.Sprintf("%s (pid %d)", w.User, w.Pid)
	default:
		w.From = "-"
	}
	return w
}

func seconds(d time.Duration) int64 { return int64(max(d, 0) / time.Second) }

// clock is a number of seconds as 00:01:02, with days in front where there are some.
func clock(s int64) string {
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		text = fmt.Sprintf("%dd %s", days, text)
	}
	return text
}

// installRoster declares the commands about who sits at the shell.
func (s *Shell) installRoster() {
	list := func(c *Call) error {
		now := time.Now()
		table := make([]who, 0, 8)
		for _, l := range s.roster.all() {
			table = append(table, l.who(now, l == c.Session.line))
		}
		if c.Has("json") {
			return c.printJSON(table)
		}
		c.Printf("  %4s  %-6s  %-27s  %11s  %s\n", "Line", "Kind", "From", "Idle", "Mode")
		for _, w := range table {
			mark := " "
			if w.Own {
				mark = "*"
			}
			c.Printf("%s %4d  %-6s  %-27s  %11s  %s\n", mark, w.Line, w.Kind, w.From, clock(w.Idle), w.Mode)
		}
		return nil
	}
	s.Install(s.View, "who [json$json]", "Show who sits at the shell\nAs JSON", list)
	s.Install(s.View, "show users [json$json]", "Show information\nShow who sits at the shell\nAs JSON", list)
	s.Install(s.Enable, "clear line (0-65535)$line", "Reset something\nEnd a session of the shell\nIts line, as who shows it", func(c *Call) error {
		n := int(c.Uint("line"))
		if c.Session.line != nil && c.Session.line.number == n {
			return Warningf("line %d is this session; exit ends it", n)
		}
		if !s.roster.clear(n) {
			return Warningf("there is no line %d; who shows which there are", n)
		}
		s.config.Log.Info("vty: a session was ended by clear line", zap.Int("line", n))
		return nil
	})
	// That of a session on the socket is its client's.
	s.Install(s.View, "show history [json$json]", "Show information\nThe lines that the arrow keys bring back\nAs JSON", func(c *Call) error {
		lines := []string{}
		if t := c.Session.terminal; t != nil {
			lines = append(lines, t.history.lines...)
		}
		if c.Has("json") {
			return c.printJSON(lines)
		}
		for _, typed := range lines {
			c.Printf("  %s\n", typed)
		}
		return nil
	})
}

func (c *Call) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		c.Printf("%s\n", text)
	}
	return err
}
