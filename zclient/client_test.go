package zclient

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

var (
	rp1 = ipv4.MustParse("10.255.0.11")
	rp2 = ipv4.MustParse("10.255.0.12")
)

func TestClientTracks(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	s.client.Track(rp1)
	z.wantRequest("+10.255.0.11/32")
	s.client.Track(rp1) // is tracked already
	z.send(routeMessage("10.255.0.11/32", "10.255.0.0/24"))
	s.want("route 10.255.0.11 10.255.0.0/24 ospf [{10.0.12.2 2}]")
	z.send(routeMessage("10.255.0.11/32", ""))
	s.want("route 10.255.0.11 none")
	s.client.Untrack(rp2) // never was
	s.client.Untrack(rp1)
	z.wantRequest("-10.255.0.11/32")

	// What was on its way meanwhile is for nobody.
	z.send(routeMessage("10.255.0.11/32", "10.255.0.0/24"))
	s.client.Track(rp2)
	z.wantRequest("+10.255.0.12/32")
	z.send(routeMessage("10.255.0.12/32", "10.255.0.12/32"))
	s.want("route 10.255.0.12 10.255.0.12/32 ospf [{10.0.12.2 2}]")

	st := s.client.Status()
	if !st.Connected || st.Release != "8.4.4" || st.Sessions != 1 || st.Tracked != 1 || st.Pending != 0 ||
		st.Undecodable != 0 || st.Since.IsZero() || st.Error != "" || st.Sent != 3+2*(1+3) {
		t.Errorf("status %+v", st)
	}
}

// Whoever tracks an address anew has forgotten the answer, so zebra is asked for it again,
// also when it was never told of the pause.
func TestClientTracksAnew(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	s.client.Track(rp1)
	z.wantRequest("+10.255.0.11/32")
	s.client.Untrack(rp1)
	s.client.Track(rp1)
	r := z.request()
	if r == "-10.255.0.11/32" { // the writer was quick
		r = z.request()
	}
	if r != "+10.255.0.11/32" {
		t.Errorf("request %s", r)
	}
}

func TestClientDefaultRouteStandsIn(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	s.client.Track(rp1)
	s.client.Track(rp2)
	z.request()
	z.request()
	z.send(routeMessage("0.0.0.0/0", "0.0.0.0/0"))
	z.send(routeMessage("10.255.0.11/32", ""))
	s.want("route 10.255.0.11 0.0.0.0/0 ospf [{10.0.12.2 2}]")
	z.send(routeMessage("10.255.0.12/32", "10.255.0.0/24"))
	s.want("route 10.255.0.12 10.255.0.0/24 ospf [{10.0.12.2 2}]")
	z.send(routeMessage("0.0.0.0/0", ""))
	s.want("route 10.255.0.11 none") // and nothing for the other one
	z.send(routeMessage("10.255.0.12/32", ""))
	s.want("route 10.255.0.12 none")
	z.send(routeMessage("10.255.0.11/32", "10.255.0.11/32"))
	s.want("route 10.255.0.11 10.255.0.11/32 ospf [{10.0.12.2 2}]")
	z.send(routeMessage("0.0.0.0/0", "0.0.0.0/0"))
	s.want("route 10.255.0.12 0.0.0.0/0 ospf [{10.0.12.2 2}]")
	s.client.Untrack(rp2)
	z.wantRequest("-10.255.0.12/32")
	z.send(routeMessage("0.0.0.0/0", ""))
	z.send(routeMessage("10.255.0.11/32", ""))
	s.want("route 10.255.0.11 none")
}

func TestClientRegistersAgain(t *testing.T) {
	s := start(t)
	s.client.Track(rp1) // before there is a zebra
	s.client.Track(rp2)
	s.listen()
	z := s.up()
	both := []string{"+10.255.0.11/32", "+10.255.0.12/32"}
	got := []string{z.request(), z.request()}
	slices.Sort(got)
	if !slices.Equal(got, both) {
		t.Fatalf("requests %q", got)
	}

	z.Close()
	s.wantDown("zebra closed the session")
	s.client.Untrack(rp1)
	z = s.up()
	z.wantRequest("+10.255.0.12/32")
	z.Close()
	s.wantDown("zebra closed the session")
	if st := s.client.Status(); st.Sessions != 2 || st.Tracked != 1 {
		t.Errorf("status %+v", st)
	}
}

func TestClientSaysOnceThatZebraIsAbsent(t *testing.T) {
	attempts := make(chan struct{}, 1000)
	s := start(t, func(c *Client) {
		c.cfg.Release = func(context.Context) (string, error) {
			attempts <- struct{}{}
			return "8.4.4", nil
		}
		c.answerTimeout = time.Millisecond
	})
	s.listen()
	for range 20 { // it connects to somebody who never answers
		<-attempts
	}
	if n := s.logs.FilterMessageSnippet("no session comes up").Len(); n != 1 {
		t.Errorf("%d warnings: %v", n, s.logs.All())
	}
	if st := s.client.Status(); st.Connected || st.Error == "" || st.Sessions != 0 {
		t.Errorf("status %+v", st)
	}
	if len(s.rec.events) != 0 {
		t.Errorf("event %q of a session that never was", <-s.rec.events)
	}
}

func TestClientReadsHalfMessages(t *testing.T) {
	s := start(t).listen()
	z := s.accept()
	b := append(greeting(t), routeMessage("10.255.0.11/32", "10.255.0.0/24")...)
	s.client.Track(rp1)
	for i := range b {
		z.send(b[i : i+1])
	}
	s.want("up 8.4.4")
	if got := s.next(); !strings.HasPrefix(got, "interfaces ") {
		t.Errorf("event %q", got)
	}
	s.want("route 10.255.0.11 10.255.0.0/24 ospf [{10.0.12.2 2}]")
}

func TestClientEndsBrokenSessions(t *testing.T) {
	route := routeMessage("10.255.0.11/32", "10.255.0.0/24")
	with := func(at int, octet byte) []byte {
		b := slices.Clone(route)
		b[at] = octet
		return b
	}
	for _, tt := range []struct {
		name, word string
		send       []byte
	}{
		{"cut in the header", "within a message, after 4 octets", route[:4]},
		{"cut in the body", fmt.Sprintf("within a message, after 33 of %d", len(route)), route[:33]},
		{"length too small", "length 3 is not in 10 to 16384", with(1, 3)},
		{"length too large", "length 65333 is not in 10 to 16384", with(0, 255)},
		{"not the protocol", "not the zebra protocol", with(2, 0)},
		{"another version", "zebra speaks version 5", with(3, 5)},
		{"text", "not the zebra protocol", []byte("HTTP/1.1 400 Bad Request\r\n\r\n")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t).listen()
			z := s.up()
			z.send(tt.send)
			if strings.HasPrefix(tt.name, "cut") {
				z.Close()
			}
			s.wantDown(tt.word)
			s.up() // and it comes back
			if n := s.logs.FilterMessageSnippet("lost zebra").Len(); n != 1 {
				t.Errorf("said %d times: %v", n, s.logs.All())
			}
		})
	}
}

// A message that begins and does not go on ends the session, wherever it stops; silence does not.
func TestClientEndsSessionsThatStall(t *testing.T) {
	for _, octets := range []int{1, 4, headerLen, 20} {
		t.Run(fmt.Sprint(octets), func(t *testing.T) {
			s := start(t, func(c *Client) { c.stuckTimeout = 50 * time.Millisecond }).listen()
			z := s.up()
			s.client.Track(rp1)
			z.wantRequest("+10.255.0.11/32")
			z.send(routeMessage("10.255.0.11/32", "10.255.0.0/24")[:octets])
			s.wantDown("timeout")
			s.up()
		})
	}
}

// An operating system's reset, in the middle of a message.
func TestClientReset(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	s.client.Track(rp1)
	// Closed with something unread, which makes the kernel say ECONNRESET.
	z.send(routeMessage("10.255.0.11/32", "10.255.0.0/24")[:20])
	z.Close()
	s.wantDown("")
	z = s.up()
	z.wantRequest("+10.255.0.11/32")
}

func TestClientCountsWhatItCannotRead(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	s.client.Track(rp1)
	z.wantRequest("+10.255.0.11/32")
	route := routeMessage("10.255.0.11/32", "10.255.0.0/24")
	z.send(appendFrame(nil, 22, route[headerLen:len(route)-1]))
	s.want("route 10.255.0.11 unknown")
	z.send(appendFrame(nil, 22, nil))
	z.send(appendFrame(nil, addressAdd, []byte{1, 2, 3}))
	s.want("interfaces unknown")
	z.send(appendFrame(nil, addressAdd, []byte{1, 2, 3}))
	z.send(appendFrame(nil, 118, []byte{2, 0, 0, 0})) // zebra did not understand us
	z.send(appendFrame(nil, 999, []byte{1, 2, 3}))    // nothing that concerns us
	z.send(route)
	s.want("route 10.255.0.11 10.255.0.0/24 ospf [{10.0.12.2 2}]")
	if st := s.client.Status(); st.Undecodable != 4 || st.Refused != 1 {
		t.Errorf("status %+v", st)
	}
	if n := s.logs.FilterMessageSnippet("cannot read").Len(); n != 2 {
		t.Errorf("told %d times of two kinds: %v", n, s.logs.All())
	}

	// The next session may be readable.
	z.Close()
	s.wantDown("zebra closed the session")
	s.up()
}

func TestClientInterfaces(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	messages, before := recording(t, "8.4.4")
	// play sends what zebra said when that was done to the router, in one piece.
	play := func(done string) {
		t.Helper()
		var b []byte
		for i := 0; i < len(messages); i++ {
			if strings.Contains(before[i], "# "+done+"\n") {
				b = append(b, messages[i]...)
				for i++; i < len(messages) && before[i] == ""; i++ {
					b = append(b, messages[i]...)
				}
				z.send(b)
				return
			}
		}
		t.Fatalf("not in the recording: %s", done)
	}
	const lo = "interfaces 1:lo:true[10.255.0.1/32] "
	play("a: ip addr add 10.0.55.1/30 dev va1")
	s.want(lo + "2:va0:true[10.0.12.1/24 10.0.99.1/24] 3:va1:true[10.0.14.1/24 10.0.13.1/32 10.0.55.1/30]")
	play("a: ip addr del 10.0.55.1/30 dev va1")
	s.want(lo + "2:va0:true[10.0.12.1/24 10.0.99.1/24] 3:va1:true[10.0.14.1/24 10.0.13.1/32]")
	play("b: ip link set vb0 down") // four messages, one snapshot
	s.want(lo + "2:va0:false[] 3:va1:true[10.0.14.1/24 10.0.13.1/32]")
	play("b: ip link set vb0 up")
	s.want(lo + "2:va0:true[10.0.12.1/24 10.0.99.1/24] 3:va1:true[10.0.14.1/24 10.0.13.1/32]")
	play("a: ip link add va9 type veth peer name vb9")
	s.want(lo + "2:va0:true[10.0.12.1/24 10.0.99.1/24] 3:va1:true[10.0.14.1/24 10.0.13.1/32] 4:vb9:false[] 5:va9:false[]")
	play("a: ip link set va9 name va8")
	s.want(lo + "2:va0:true[10.0.12.1/24 10.0.99.1/24] 3:va1:true[10.0.14.1/24 10.0.13.1/32] 4:vb9:false[] 5:va8:false[]")
	play("a: ip link del va8")
	s.want(lo + "2:va0:true[10.0.12.1/24 10.0.99.1/24] 3:va1:true[10.0.14.1/24 10.0.13.1/32]")

	// Another VRF's interfaces are none of ours.
	other := slices.Clone(messages[2])
	other[7] = 9
	z.send(other)
	z.send(appendFrame(nil, interfaceDelete, messages[2][headerLen:]))
	s.want("interfaces 2:va0:true[10.0.12.1/24 10.0.99.1/24] 3:va1:true[10.0.14.1/24 10.0.13.1/32]")
}

// A zebra that takes nothing holds nobody up, and what waits for it does not grow.
func TestClientStuckZebra(t *testing.T) {
	const n = 50_000 // far more than the socket takes
	s := start(t).listen()
	z := s.up()
	for range 3 {
		for a := range ipv4.Addr(n) {
			s.client.Track(a + 1)
		}
		for a := range ipv4.Addr(n) {
			if (a+1)%1000 != 0 {
				s.client.Untrack(a + 1)
			}
		}
	}
	st := s.client.Status()
	if st.Tracked != n/1000 || st.Pending > n {
		t.Errorf("status %+v", st)
	}

	// It reads again: in the end it tracks what is wanted, and nothing else.
	want := make(map[string]bool)
	for a := ipv4.Addr(1000); a <= n; a += 1000 {
		want[a.String()+"/32"] = true
	}
	tracked := make(map[string]bool)
	for !maps.Equal(tracked, want) {
		if r := z.request(); r[0] == '+' {
			tracked[r[1:]] = true
		} else {
			delete(tracked, r[1:])
		}
	}
}

func TestClientGivesStuckZebraUp(t *testing.T) {
	s := start(t, func(c *Client) { c.stuckTimeout = 10 * time.Millisecond }).listen()
	s.accept().send(greeting(t))
	s.want("up 8.4.4")
	s.next()
	for a := range ipv4.Addr(50_000) {
		s.client.Track(a + 1)
	}
	s.wantDown("zebra takes no requests")
}

func TestClientAssumesARelease(t *testing.T) {
	errs := make(chan error, 10)
	s := start(t, func(c *Client) {
		c.cfg.Release = func(context.Context) (string, error) {
			if err := <-errs; err != nil {
				return "", err
			}
			return "8.5.1", nil
		}
	}).listen()
	session := func(err error, release string) {
		t.Helper()
		errs <- err
		z := s.accept()
		z.send(greeting(t))
		s.want("up " + release)
		s.next()
		z.Close()
		s.wantDown("")
	}
	session(errors.New("nobody there"), "8.4")
	session(errors.New("nobody there"), "8.4")
	session(nil, "8.5.1")
	session(errors.New("nobody there"), "8.5") // what it was before
	if n := s.logs.FilterMessageSnippet("release is not known").Len(); n != 2 {
		t.Errorf("told %d times: %v", n, s.logs.All())
	}
}

func TestClientEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := start(t).listen()
	s.up()
	done := make(chan struct{})
	c := New(Config{Socket: s.socket, Log: s.client.cfg.Log, Handler: s.rec})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	z := s.accept()
	z.send(greeting(t))
	s.want("up 8.4")
	s.next()
	z.wantRequest("+0.0.0.0/0")
	cancel()
	<-done
	if _, err := z.Read(make([]byte, 1)); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection is still there: %v", err)
	}
	if len(s.rec.events) != 0 {
		t.Errorf("event %q although nobody lost anything", <-s.rec.events)
	}
}

// A zebra that is newer or older than the table is spoken to as the nearest one in it, and the log says so once.
func TestClientMeetsAnUnknownRelease(t *testing.T) {
	for _, tt := range []struct{ said, recorded, warning, messages string }{
		{"FRRouting 11.2 (vm) on Linux(6.1)", "10.7.1", "newer than any release known here; speaking to it as to the newest one", "FRR 10.6 to 10.7"},
		{"FRRouting 6.0.2 (vm) on Linux(6.1)", "7.5.1", "older than any release known here; speaking to it as to the oldest one", "FRR 7.5 and later, before 8.0"},
	} {
		t.Run(tt.said, func(t *testing.T) {
			s := start(t, func(c *Client) {
				c.cfg.Release = func(context.Context) (string, error) { return tt.said, nil }
			}).listen()
			_, name, _ := parseVersion(tt.said)
			for range 2 {
				z := s.accept()
				z.send(greetingOf(t, tt.recorded))
				s.want("up " + name)
				if got := s.next(); !strings.HasPrefix(got, "interfaces 1:lo:true[10.255.0.1/32] 2:va0:") {
					t.Errorf("event %q", got)
				}
				z.Close()
				s.wantDown("")
			}
			told := s.logs.FilterMessageSnippet(tt.warning).All()
			if len(told) != 1 || told[0].Level != zap.WarnLevel || told[0].ContextMap()["release"] != name || told[0].ContextMap()["messages"] != tt.messages {
				t.Errorf("the log tells %v of %v", told, s.logs.All())
			}
		})
	}
}
