package zclient

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// recording reads testdata/frr-8.4.4.txt: whole messages, and what was done before each.
func recording(t testing.TB) (messages [][]byte, before []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/frr-8.4.4.txt")
	if err != nil {
		t.Fatal(err)
	}
	done := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if note, ok := strings.CutPrefix(line, "#"); ok {
			done += line[:len(line)-len(note)] + note + "\n"
			continue
		}
		m, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		messages, before = append(messages, m), append(before, done)
		done = ""
	}
	return messages, before
}

func release84(t testing.TB) *release {
	t.Helper()
	r, known := releaseOf(version{8, 4})
	if !known {
		t.Fatal("8.4 is not in the table")
	}
	return r
}

// inWords decodes one message by the release r.
func inWords(r *release, message []byte) string {
	h, err := decodeHeader(message)
	if err != nil {
		return err.Error()
	}
	if h.length != len(message) {
		return fmt.Sprintf("length %d of %d", h.length, len(message))
	}
	body := message[headerLen:]
	switch h.cmd {
	case interfaceAdd, interfaceDelete, interfaceUp, interfaceDown:
		i, err := decodeInterface(body, &r.layout)
		what := [...]string{interfaceAdd: "add", interfaceDelete: "delete", interfaceUp: "up", interfaceDown: "down"}[h.cmd]
		return fmt.Sprintf("interface %s: %d %s up=%v mtu=%d %v", what, i.Index, i.Name, i.Up, i.MTU, errWord(err))
	case addressAdd, addressDelete:
		ifindex, p, err := decodeAddress(body)
		what := map[command]string{addressAdd: "add", addressDelete: "delete"}[h.cmd]
		return fmt.Sprintf("address %s: %d %v %v", what, ifindex, p, errWord(err))
	case r.numbers.nexthopUpdate:
		u, err := decodeUpdate(body, r)
		if !u.found {
			return fmt.Sprintf("route to %v: none %v", u.asked, errWord(err))
		}
		return fmt.Sprintf("route to %v: %v %s [%d/%d] %v %v", u.asked, u.route.Prefix, u.route.Protocol,
			u.route.Distance, u.route.Metric, u.route.NextHops, errWord(err))
	case r.numbers.routerIDUpdate:
		return "router id"
	case r.numbers.refused:
		return "refused"
	}
	return fmt.Sprintf("message %d", h.cmd)
}

func errWord(err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return "ok"
}

// What a real zebra 8.4.4 said, in words. The golden file was read line by line against
// what was done to the router.
func TestRecordingInWords(t *testing.T) {
	const golden = "testdata/frr-8.4.4.words"
	messages, before := recording(t)
	var got bytes.Buffer
	for i, m := range messages {
		fmt.Fprintf(&got, "%s%s\n", before[i], strings.TrimSuffix(inWords(release84(t), m), " ok"))
	}
	if *updateGolden {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("line %d differs:\n got %q\nwant %q", i+1, at(gotLines, i), at(wantLines, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// Every message cut short anywhere is an error, and so is one with an octet too many.
func TestDecodeCutShort(t *testing.T) {
	r := release84(t)
	messages, _ := recording(t)
	for _, m := range messages {
		if words := inWords(r, m); strings.HasPrefix(words, "message ") || words == "router id" || words == "refused" {
			continue // no body of interest
		}
		for n := headerLen; n <= len(m)+1; n++ {
			cut := append(slices.Clone(m), 0)[:n]
			be.PutUint16(cut, uint16(n))
			if ok := strings.HasSuffix(inWords(r, cut), " ok"); ok != (n == len(m)) {
				t.Errorf("%x of %x: %s", cut, m, inWords(r, cut))
			}
		}
	}
}

func TestDecodeHeader(t *testing.T) {
	good := []byte{0, 10, 254, 6, 0, 0, 0, 3, 0, 22}
	h, err := decodeHeader(good)
	if err != nil || h != (header{length: 10, vrf: 3, cmd: 22}) {
		t.Errorf("got %+v, %v", h, err)
	}
	for name, change := range map[string]func(b []byte){
		"marker":     func(b []byte) { b[2] = 255 },
		"version":    func(b []byte) { b[3] = 5 },
		"length 9":   func(b []byte) { b[1] = 9 },
		"length 0":   func(b []byte) { b[1] = 0 },
		"length big": func(b []byte) { b[0] = 0xff },
	} {
		b := slices.Clone(good)
		change(b)
		if _, err := decodeHeader(b); err == nil {
			t.Errorf("%s: %x was taken", name, b)
		}
	}
	if _, err := decodeHeader(good[:9]); err == nil {
		t.Error("nine octets were taken")
	}
}

// updateOf builds NEXTHOP_UPDATE as a release would, for 10.255.0.1 on 10.255.0.0/24.
func updateOf(r *release, protocol byte, hops ...[]byte) []byte {
	b := be.AppendUint32(nil, 0)
	if r.layout.asked {
		b = append(b, 0, 1, 0, 2, 32, 10, 255, 0, 1)
		b = append(b, 0, 2, 24, 10, 255, 0, 0)
	} else {
		b = append(b, 0, 2, 32, 10, 255, 0, 1)
	}
	b = append(b, protocol, 0, 0, 110)
	b = be.AppendUint32(b, 20)
	if r.layout.nexthopCount == 2 {
		b = append(b, 0)
	}
	b = append(b, byte(len(hops)))
	return append(b, bytes.Join(hops, nil)...)
}

// The layouts of all releases, with everything that a next hop can have.
func TestDecodeUpdateByRelease(t *testing.T) {
	for i := range releases {
		r := &releases[i]
		t.Run(r.from.String(), func(t *testing.T) {
			ospf := slices.Index(r.protocols, rib.OSPF)
			labels := []byte{2, 0, 0, 0, 100, 0, 0, 0, 200}
			if r.layout.labelType {
				labels = slices.Insert(labels, 1, 1)
			}
			weight := make([]byte, r.layout.nexthopWeight)
			hop := slices.Concat([]byte{0, 0, 0, 0, hopIPv4Ifindex, hopLabels | hopWeight | hopBackups, 10, 0, 12, 2, 0, 0, 0, 9},
				labels, weight, []byte{2, 0, 1})
			body := updateOf(r, byte(ospf), hop,
				[]byte{0, 0, 0, 0, hopIfindex, 0, 0, 0, 0, 3},
				slices.Concat([]byte{0, 0, 0, 0, hopIPv6Ifindex, 0}, make([]byte, 16), []byte{0, 0, 0, 4}),
				[]byte{0, 0, 0, 0, hopIPv4, 0, 10, 0, 12, 3, 0, 0, 0, 2},
				[]byte{0, 0, 0, 0, hopBlackhole, 0, 1},
			)
			u, err := decodeUpdate(body, r)
			if err != nil {
				t.Fatal(err)
			}
			want := rib.Route{
				Prefix: netip.MustParsePrefix("10.255.0.0/24"), Protocol: rib.OSPF, Distance: 110, Metric: 20,
				NextHops: []rib.NextHop{
					{Gateway: ipv4.MustParse("10.0.12.3"), Ifindex: 2}, {Ifindex: 3}, {Ifindex: 4},
					{Gateway: ipv4.MustParse("10.0.12.2"), Ifindex: 9},
				},
			}
			if !r.layout.asked {
				want.Prefix = netip.MustParsePrefix("10.255.0.1/32")
			}
			if !u.found || !u.route.Equal(want) || u.asked.String() != "10.255.0.1/32" {
				t.Errorf("got  %+v\nwant %+v", u, want)
			}
			// A release away, the same octets say something else: that must not pass for a route.
			for _, v := range []version{{7, 5}, {8, 4}, {10, 3}} {
				other, _ := releaseOf(v)
				if other.layout.asked == r.layout.asked && other.layout.nexthopCount == r.layout.nexthopCount &&
					other.layout.nexthopWeight == r.layout.nexthopWeight && other.layout.labelType == r.layout.labelType {
					continue
				}
				if u, err := decodeUpdate(body, other); err == nil {
					t.Errorf("taken for one of %v: %+v", v, u)
				}
			}
		})
	}
}

func TestDecodeInterfaceByRelease(t *testing.T) {
	for i := range releases {
		r := &releases[i]
		t.Run(r.from.String(), func(t *testing.T) {
			l := &r.layout
			b := append([]byte("eth0"), make([]byte, l.ifName-4)...)
			b = be.AppendUint32(b, 7)
			b = append(b, 5)
			b = be.AppendUint64(b, 0x11043)
			b = append(b, make([]byte, 1+1+4+4)...)
			if l.ifTxqlen {
				b = be.AppendUint32(b, 1000)
			}
			b = be.AppendUint32(b, 1500)
			b = append(b, make([]byte, 4+4+4)...)
			if l.ifKind {
				b = be.AppendUint32(b, 0)
			}
			b = be.AppendUint32(b, 1)
			b = be.AppendUint32(b, 6)
			b = append(b, make([]byte, 6+1)...)
			got, err := decodeInterface(b, l)
			if err != nil || got.Name != "eth0" || got.Index != 7 || !got.Up || got.MTU != 1500 {
				t.Errorf("got %+v, %v", got, err)
			}
			b[len(b)-1] = 1 // parameters for traffic engineering follow
			if _, err := decodeInterface(append(b, 1, 2, 3), l); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	messages, _ := recording(f)
	for _, m := range messages {
		f.Add(uint8(2), m)
	}
	for i := range releases {
		f.Add(uint8(i), append(make([]byte, headerLen), updateOf(&releases[i], 6, []byte{0, 0, 0, 0, 1, 0, 0, 0, 0, 3})...))
	}
	f.Fuzz(func(t *testing.T, row uint8, message []byte) {
		r := &releases[int(row)%len(releases)]
		if h, err := decodeHeader(message); err == nil && (h.length < headerLen || h.length > maxMessage) {
			t.Errorf("length %d", h.length)
		}
		body := message[min(headerLen, len(message)):]
		if i, err := decodeInterface(body, &r.layout); err == nil && (i.Index <= 0 || i.Name == "" || i.MTU < 0) {
			t.Errorf("interface %+v", i)
		}
		if _, p, err := decodeAddress(body); err == nil && p.IsValid() && !p.Addr().Is4() {
			t.Errorf("address %v", p)
		}
		u, err := decodeUpdate(body, r)
		if err != nil {
			return
		}
		if !u.asked.IsValid() || u.found != u.route.Prefix.IsValid() || u.route.From != rib.FromZebra {
			t.Errorf("update %+v", u)
		}
		if again := rib.SortNextHops(slices.Clone(u.route.NextHops)); !slices.Equal(again, u.route.NextHops) {
			t.Errorf("next hops out of order: %v", u.route.NextHops)
		}
	})
}
