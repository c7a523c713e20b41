package zclient

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
)

// The multicast table's route goes before, default routes and all.
func TestClientMulticastTableFirst(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	s.client.Track(rp1)
	z.wantRequest("+10.255.0.11/32")
	const unicast, multicast = "route 10.255.0.11 10.255.0.11/32 ospf [{10.0.12.2 2}]", "route 10.255.0.11 10.255.0.0/24 ospf [{10.0.12.2 2}] multicast"
	z.send(multicastMessage("10.255.0.11/32", "")) // nothing is told before the other answer
	z.send(routeMessage("10.255.0.11/32", "10.255.0.11/32"))
	s.want(unicast)
	z.send(multicastMessage("10.255.0.11/32", "10.255.0.0/24"))
	s.want(multicast)
	z.send(routeMessage("10.255.0.11/32", ""))
	s.want(multicast)
	z.send(routeMessage("10.255.0.11/32", "10.255.0.11/32"))
	s.want(multicast)
	z.send(multicastMessage("10.255.0.11/32", ""))
	s.want(unicast)
	z.send(multicastMessage("0.0.0.0/0", "0.0.0.0/0"))
	s.want("route 10.255.0.11 0.0.0.0/0 ospf [{10.0.12.2 2}] multicast")
	z.send(multicastMessage("0.0.0.0/0", ""))
	s.want(unicast)
}

// Of many changes of one route that come together the last one is told.
func TestClientTellsTheLastChange(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	s.client.Track(rp1)
	z.wantRequest("+10.255.0.11/32")
	var b []byte
	for range 100 {
		b = append(b, routeMessage("10.255.0.11/32", "")...)
		b = append(b, routeMessage("10.255.0.11/32", "10.255.0.0/24")...)
	}
	z.send(append(b, routeMessage("10.255.0.11/32", "10.255.0.11/32")...))
	told := 1
	for s.next() != "route 10.255.0.11 10.255.0.11/32 ospf [{10.0.12.2 2}]" {
		told++
	}
	if told > 10 {
		t.Errorf("told %d of 201 changes that came at once", told)
	}
}

// VRFs and the router id are known, and a VRF that goes is forgotten.
func TestClientVRFs(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	vrf := func(cmd command, number byte, name string) []byte {
		b := appendFrame(nil, cmd, append(make([]byte, 40), append([]byte(name), make([]byte, 36-len(name))...)...))
		b[7] = number
		return b
	}
	s.client.Track(rp1)
	z.wantRequest("+10.255.0.11/32")
	seen := func(want string) {
		t.Helper()
		z.send(routeMessage("10.255.0.11/32", ""))
		s.want("route 10.255.0.11 none")
		if st := s.client.Status(); fmt.Sprint(st.VRFs) != want || st.RouterID != ipv4.MustParse("10.255.0.1") || st.Undecodable != 0 {
			t.Errorf("status %+v, want VRFs %s", st, want)
		}
	}
	seen("map[0:default]")
	z.send(vrf(33, 7, "red"))
	seen("map[0:default 7:red]")
	z.send(vrf(34, 7, "red"))
	seen("map[0:default]")
}

// A zebra that can tell what BGP told it is asked for it; older ones are not.
func TestClientPaths(t *testing.T) {
	s := start(t).listen()
	z := s.up()
	s.client.AskPath(rp1)
	s.client.Track(rp2)
	z.wantRequest("+10.255.0.12/32") // and nothing else before

	s = start(t, func(c *Client) {
		c.cfg.Release = func(context.Context) (string, error) { return "10.7.1", nil }
	}).listen()
	z = s.accept()
	messages, before := recording(t, "10.7.1")
	z.send(greetingOf(t, "10.7.1"))
	s.want("up 10.7.1")
	s.want(interfacesAtFirst)
	z.requestIn(safiMulticast)
	z.requestIn(safiUnicast)
	addr := ipv4.MustParse("198.19.0.1")
	s.client.AskPath(addr)
	h, body := z.read()
	if want := append([]byte{0, 2}, append(addr.Netip().AsSlice(), 1)...); h.cmd != 40 || !slices.Equal(body, want) {
		t.Fatalf("request %d %x, want 40 %x", h.cmd, body, want)
	}
	z.send(messages[slices.Index(before, "# look up 198.19.0.1\n")])
	s.want("path 198.19.0.1 198.19.0.0/16 65002 65003 65004")
	z.send(messages[slices.Index(before, "# look up 192.0.2.1\n")])
	s.want("path 192.0.2.1 none")
}

// Whatever release a zebra is of: what it said in the recording comes through.
func TestClientReplaysRecordings(t *testing.T) {
	for _, name := range recorded {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *Client) {
				c.cfg.Release = func(context.Context) (string, error) { return "FRRouting " + name + " (vm) on Linux", nil }
			}).listen()
			addr := ipv4.MustParse("192.0.2.1")
			s.client.Track(addr)
			z := s.accept()
			messages, before := recording(t, name)
			var b []byte
			for i, m := range messages {
				if strings.Contains(before[i], "a second session") {
					break
				}
				b = append(b, m...)
			}
			z.send(b)
			s.want("up " + name)
			if got := s.next(); !strings.HasPrefix(got, "interfaces 1:lo:true[10.255.0.1/32] 2:va0:") {
				t.Errorf("event %q", got)
			}
			last := "route 192.0.2.1 192.0.2.0/24 static [{10.0.12.3 2} {10.0.14.3 3}]"
			if name == "7.5.1" { // which does not tell the prefix
				last = "route 192.0.2.1 192.0.2.1/32 static [{10.0.12.3 2} {10.0.14.3 3}]"
			}
			for s.next() != last {
			}
			if st := s.client.Status(); st.Undecodable != 0 || st.Release != name || !st.Connected {
				t.Errorf("status %+v", st)
			}
			told := s.logs.FilterMessage("zebra's release").All()
			if len(told) != 1 || told[0].ContextMap()["release"] != name || !strings.HasPrefix(told[0].ContextMap()["messages"].(string), "FRR ") {
				t.Errorf("the log tells %v", told)
			}
		})
	}
}

// By a wrong table nothing is believed: somebody else is asked for what cannot be read.
func TestClientWithTheWrongTable(t *testing.T) {
	s := start(t, func(c *Client) {
		c.cfg.Release = func(context.Context) (string, error) { return "10.2", nil }
	}).listen()
	s.client.Track(rp1)
	z := s.accept()
	b := greetingOf(t, "10.7.1") // with four octets more in each interface
	z.send(b)
	s.want("up 10.2")
	s.want("interfaces unknown")
	messages, before := recording(t, "10.7.1")
	m := slices.Clone(messages[slices.Index(before, "# register 198.18.0.1/32\n")+1])
	copy(m[headerLen+4+2+2+1:], rp1.Netip().AsSlice())
	z.send(m) // with an octet more in the number of next hops
	s.want("route 10.255.0.11 unknown")
}
