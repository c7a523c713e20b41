package zclient

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// patience is how long a test waits for what must come. No test measures time by it.
const patience = 20 * time.Second

// recorder is a Handler that writes down what it hears.
type recorder struct{ events chan string }

func (r recorder) ZebraUp(release string) { r.events <- "up " + release }
func (r recorder) ZebraDown(err error)    { r.events <- "down " + err.Error() }
func (r recorder) Interfaces(all []rib.Interface) {
	var b strings.Builder
	b.WriteString("interfaces")
	for _, i := range all {
		fmt.Fprintf(&b, " %d:%s:%v%v", i.Index, i.Name, i.Up, i.Addrs)
	}
	if all == nil {
		b.WriteString(" unknown")
	}
	r.events <- b.String()
}
func (r recorder) Routes(changes []Change) {
	for _, c := range changes {
		switch {
		case c.Unknown:
			r.events <- fmt.Sprintf("route %v unknown", c.Addr)
		case !c.Route.Prefix.IsValid():
			r.events <- fmt.Sprintf("route %v none", c.Addr)
		case c.Route.Multicast:
			r.events <- fmt.Sprintf("route %v %v %s %v multicast", c.Addr, c.Route.Prefix, c.Route.Protocol, c.Route.NextHops)
		default:
			r.events <- fmt.Sprintf("route %v %v %s %v", c.Addr, c.Route.Prefix, c.Route.Protocol, c.Route.NextHops)
		}
	}
}

func (r recorder) Path(a ipv4.Addr, p *rib.BGPPath) {
	if p == nil {
		r.events <- fmt.Sprintf("path %v none", a)
		return
	}
	r.events <- fmt.Sprintf("path %v %v %s", a, p.Prefix, p.ASPathText())
}

// setup is a client that runs, and the fake zebra's end of it.
type setup struct {
	t        *testing.T
	client   *Client
	rec      recorder
	logs     *observer.ObservedLogs
	socket   string
	listener net.Listener
}

// start runs a client until the test ends. There is no zebra until listen is called.
func start(t *testing.T, change ...func(*Client)) *setup {
	t.Helper()
	dir, err := os.MkdirTemp("", "zc") // t.TempDir may be too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.InfoLevel)
	s := &setup{
		t:      t,
		rec:    recorder{make(chan string, 1<<16)},
		logs:   logs,
		socket: filepath.Join(dir, "zserv.api"),
	}
	s.client = New(Config{
		Socket:  s.socket,
		Release: func(context.Context) (string, error) { return "FRRouting 8.4.4 (vm) on Linux(6.1)", nil },
		Log:     zap.New(core),
		Handler: s.rec,
		Retry:   time.Millisecond,
	})
	for _, f := range change {
		f(s.client)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		if s.listener != nil {
			s.listener.Close()
		}
		<-done
		os.RemoveAll(dir)
	})
	go func() {
		defer close(done)
		s.client.Run(ctx)
	}()
	return s
}

func (s *setup) listen() *setup {
	s.t.Helper()
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	s.listener = l
	return s
}

// accept takes the client's next connection and its greeting.
func (s *setup) accept() *fakeZebra {
	s.t.Helper()
	conn, err := s.listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	z := &fakeZebra{t: s.t, Conn: conn}
	for _, want := range [][]command{{18, 19}, {interfaceAdd}, {15, 16}} { // by release
		if h, _ := z.read(); !slices.Contains(want, h.cmd) {
			s.t.Fatalf("greeting: message %d, want one of %v", h.cmd, want)
		}
	}
	return z
}

// up is accept, the answer to the greeting, and the events that follow from it.
func (s *setup) up() *fakeZebra {
	s.t.Helper()
	z := s.accept()
	z.send(greeting(s.t))
	s.want("up 8.4.4")
	s.want(interfacesAtFirst)
	z.wantRequest("+0.0.0.0/0")
	z.send(multicastMessage("0.0.0.0/0", ""))
	z.send(routeMessage("0.0.0.0/0", ""))
	return z
}

// interfacesAtFirst are those in the greeting of the recording.
const interfacesAtFirst = "interfaces 1:lo:true[10.255.0.1/32] 2:va0:true[10.0.12.1/24 10.0.99.1/24] 3:va1:true[10.0.14.1/24 10.0.13.1/32]"

// next returns the handler's next event.
func (s *setup) next() string {
	s.t.Helper()
	select {
	case e := <-s.rec.events:
		return e
	case <-time.After(patience):
		s.t.Fatal("no event")
		return ""
	}
}

func (s *setup) want(event string) {
	s.t.Helper()
	if got := s.next(); got != event {
		s.t.Fatalf("event %q\nwant  %q", got, event)
	}
}

func (s *setup) wantDown(word string) {
	s.t.Helper()
	if got := s.next(); !strings.HasPrefix(got, "down ") || !strings.Contains(got, word) {
		s.t.Fatalf("event %q, want down with %q", got, word)
	}
}

// fakeZebra is zebra's end of one connection.
type fakeZebra struct {
	t *testing.T
	net.Conn
}

func (z *fakeZebra) send(b []byte) {
	z.t.Helper()
	if _, err := z.Write(b); err != nil {
		z.t.Fatal(err)
	}
}

func (z *fakeZebra) read() (header, []byte) {
	z.t.Helper()
	b := make([]byte, headerLen)
	if _, err := io.ReadFull(z, b); err != nil {
		z.t.Fatal(err)
	}
	h, err := decodeHeader(b, release84(z.t))
	if err != nil {
		z.t.Fatal(err)
	}
	body := make([]byte, h.length-headerLen)
	if _, err := io.ReadFull(z, body); err != nil {
		z.t.Fatal(err)
	}
	return h, body
}

// request reads a registration in both tables: "+10.255.0.1/32", or with a "-" that it ended.
func (z *fakeZebra) request() string {
	z.t.Helper()
	first := z.requestIn(safiMulticast)
	if second := z.requestIn(safiUnicast); second != first {
		z.t.Fatalf("request %s in the multicast table, %s in the other", first, second)
	}
	return first
}

func (z *fakeZebra) requestIn(safi uint16) string {
	z.t.Helper()
	h, body := z.read()
	sign := map[command]string{20: "+", 21: "-"}[h.cmd]
	if sign == "" || len(body) != 11 || be.Uint16(body[2:]) != safi {
		z.t.Fatalf("no registration in table %d: command %d, %x", safi, h.cmd, body)
	}
	a, _ := netip.AddrFromSlice(body[7:11])
	return fmt.Sprintf("%s%v/%d", sign, a, body[6])
}

func (z *fakeZebra) wantRequest(want string) {
	z.t.Helper()
	if got := z.request(); got != want {
		z.t.Fatalf("request %s, want %s", got, want)
	}
}

// greeting is what zebra 8.4.4 answered to ours: capabilities, interfaces, router id.
func greeting(t testing.TB) []byte { return greetingOf(t, "8.4.4") }

func greetingOf(t testing.TB, release string) []byte {
	messages, before := recording(t, release)
	var b []byte
	for i, m := range messages {
		if strings.HasPrefix(before[i], "# register") {
			break
		}
		b = append(b, m...)
	}
	return b
}

// routeMessage is NEXTHOP_UPDATE: the route to addr is prefix, by OSPF over interface 2.
// With no prefix there is none.
func routeMessage(addr, prefix string) []byte { return updateMessage(1, addr, prefix) }

// multicastMessage is the same about the multicast table.
func multicastMessage(addr, prefix string) []byte { return updateMessage(2, addr, prefix) }

func updateMessage(safi byte, addr, prefix string) []byte {
	asked := netip.MustParsePrefix(addr)
	put := func(b []byte, p netip.Prefix) []byte {
		return append(append(b, 0, 2, byte(p.Bits())), p.Addr().AsSlice()...)
	}
	b := put([]byte{0, 0, 0, 0, 0, safi}, asked)
	if prefix == "" {
		return appendFrame(nil, 22, append(put(b, asked), make([]byte, 9)...))
	}
	b = append(put(b, netip.MustParsePrefix(prefix)), 6, 0, 0, 110, 0, 0, 0, 20, 1)
	return appendFrame(nil, 22, append(b, 0, 0, 0, 0, hopIPv4Ifindex, 0, 10, 0, 12, 2, 0, 0, 0, 2))
}
