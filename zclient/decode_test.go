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

// recorded are the releases of which there is a conversation in testdata.
var recorded = []string{"7.5.1", "8.4.4", "10.3", "10.7.1"}

// recording reads a conversation: whole messages, and what was done before each.
func recording(t testing.TB, name string) (messages [][]byte, before []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/frr-" + name + ".txt")
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

func releaseNamed(t testing.TB, name string) *release {
	t.Helper()
	v, _, ok := parseVersion(name)
	r, known := releaseOf(v)
	if !ok || !known {
		t.Fatalf("%s is not in the table", name)
	}
	return r
}

func release84(t testing.TB) *release { return releaseNamed(t, "8.4") }

// allReleases are those in which something changed.
func allReleases() []*release {
	var all []*release
	for _, v := range versions() {
		r, _ := releaseOf(v)
		all = append(all, r)
	}
	return all
}

// inWords decodes one message by the release r.
func inWords(r *release, message []byte) string {
	h, err := decodeHeader(message, r)
	if err != nil {
		return err.Error()
	}
	if h.length != len(message) {
		return fmt.Sprintf("length %d of %d", h.length, len(message))
	}
	body := message[headerLen:]
	switch h.cmd {
	case interfaceAdd, interfaceDelete, interfaceUp, interfaceDown:
		i, err := decodeInterface(body, r)
		what := [...]string{interfaceAdd: "add", interfaceDelete: "delete", interfaceUp: "up", interfaceDown: "down"}[h.cmd]
		return fmt.Sprintf("interface %s: %d %s up=%v mtu=%d %v", what, i.Index, i.Name, i.Up, i.MTU, errWord(err))
	case addressAdd, addressDelete:
		ifindex, p, err := decodeAddress(body)
		what := map[command]string{addressAdd: "add", addressDelete: "delete"}[h.cmd]
		return fmt.Sprintf("address %s: %d %v %v", what, ifindex, p, errWord(err))
	case r.cmd(nexthopUpdate):
		u, err := decodeUpdate(body, r)
		table := "route"
		if u.multicast {
			table = "multicast route"
		}
		if !u.found {
			return fmt.Sprintf("%s to %v: none %v", table, u.asked, errWord(err))
		}
		return fmt.Sprintf("%s to %v: %v %s [%d/%d] %v %v", table, u.asked, u.route.Prefix, u.route.Protocol,
			u.route.Distance, u.route.Metric, u.route.NextHops, errWord(err))
	case r.cmd(nexthopLookup):
		l, err := decodeLookup(body, r)
		path := "no path"
		if l.path != nil {
			path = fmt.Sprintf("AS path %s of %v", l.path.ASPathText(), l.path.Prefix)
		}
		return fmt.Sprintf("lookup of %v: %s %v", l.asked, path, errWord(err))
	case r.cmd(vrfAdd), r.cmd(vrfDelete):
		name, err := decodeVRF(body)
		return fmt.Sprintf("VRF %d %s %v", h.vrf, name, errWord(err))
	case r.cmd(routerIDUpdate):
		id, err := decodeRouterID(body)
		return fmt.Sprintf("router id %v %v", id, errWord(err))
	case r.cmd(errorReply):
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

// What real zebras said, in words. The golden files were read line by line against what was
// done to the router.
func TestRecordingsInWords(t *testing.T) {
	for _, name := range recorded {
		t.Run(name, func(t *testing.T) {
			golden := "testdata/frr-" + name + ".words"
			messages, before := recording(t, name)
			var got bytes.Buffer
			for i, m := range messages {
				fmt.Fprintf(&got, "%s%s\n", before[i], strings.TrimSuffix(inWords(releaseNamed(t, name), m), " ok"))
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
		})
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
	for _, name := range recorded {
		r := releaseNamed(t, name)
		messages, _ := recording(t, name)
		for _, m := range messages {
			if words := inWords(r, m); strings.HasPrefix(words, "message ") || words == "refused" {
				continue // no body of interest
			}
			for n := headerLen; n <= len(m)+1; n++ {
				cut := append(slices.Clone(m), 0)[:n]
				be.PutUint16(cut, uint16(n))
				if ok := strings.HasSuffix(inWords(r, cut), " ok"); ok != (n == len(m)) {
					t.Errorf("%s: %x of %x: %s", name, cut, m, inWords(r, cut))
				}
			}
		}
	}
}

// What one release says is never taken for something else by the table of another: it says
// the same there, or is an error, or is a message of which nothing is known.
func TestNoTableTakesOneThingForAnother(t *testing.T) {
	for _, name := range recorded {
		messages, _ := recording(t, name)
		for _, other := range allReleases() {
			same, not := 0, 0
			for _, m := range messages {
				right, words := inWords(releaseNamed(t, name), m), inWords(other, m)
				switch {
				case words == right:
					same++
				case strings.Contains(words, "error: "), strings.HasPrefix(words, "message "), words == "refused":
					not++
				default:
					t.Errorf("zebra %s says %q, by the table of %v %q: %x", name, right, other.from, words, m)
				}
			}
			if same+not != len(messages) || other.from == releaseNamed(t, name).from && not != 0 {
				t.Errorf("zebra %s by the table of %v: %d the same, %d not read", name, other.from, same, not)
			}
		}
	}
}

func TestDecodeHeader(t *testing.T) {
	r84, r107 := release84(t), releaseNamed(t, "10.7")
	good := []byte{0, 10, 254, 6, 0, 0, 0, 3, 0, 22}
	h, err := decodeHeader(good, r84)
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
		if _, err := decodeHeader(b, r84); err == nil {
			t.Errorf("%s: %x was taken", name, b)
		}
	}
	if _, err := decodeHeader(good[:9], r84); err == nil {
		t.Error("nine octets were taken")
	}
	long := append([]byte{0xff, 0xff}, good[2:]...)
	if h, err := decodeHeader(long, r107); err != nil || h.length != 65535 {
		t.Errorf("10.7's longest message: %+v, %v", h, err)
	}
}

// updateOf builds NEXTHOP_UPDATE as a release would, for 10.255.0.1 on 10.255.0.0/24.
func updateOf(r *release, protocol byte, hops ...[]byte) []byte {
	b := be.AppendUint32(nil, 0)
	if r.has(asksForSAFI) {
		b = append(b, 0, 1, 0, 2, 32, 10, 255, 0, 1)
		b = append(b, 0, 2, 24, 10, 255, 0, 0)
	} else {
		b = append(b, 0, 2, 32, 10, 255, 0, 1)
	}
	b = append(b, protocol, 0, 0, 110)
	b = be.AppendUint32(b, 20)
	if r.size(hopCountLen) == 2 {
		b = append(b, 0)
	}
	b = append(b, byte(len(hops)))
	return append(b, bytes.Join(hops, nil)...)
}

// The layouts of all releases, with everything that a next hop can have.
func TestDecodeUpdateByRelease(t *testing.T) {
	for _, r := range allReleases() {
		t.Run(r.from.String(), func(t *testing.T) {
			ospf := 6
			if r.has(hasLocalProtocol) {
				ospf = 7
			}
			labels := []byte{2, 0, 0, 0, 100, 0, 0, 0, 200}
			if r.has(hopHasLabelType) {
				labels = slices.Insert(labels, 1, 1)
			}
			weight := make([]byte, r.size(hopWeightLen))
			hop := slices.Concat([]byte{0, 0, 0, 0, hopIPv4Ifindex, hopLabels | hopWeight | hopBackups | hopEVPN, 10, 0, 12, 2, 0, 0, 0, 9},
				labels, weight, []byte{1, 2, 3, 4, 5, 6}, []byte{2, 0, 1})
			gateway6 := netip.MustParseAddr("fe80::2")
			body := updateOf(r, byte(ospf), hop,
				[]byte{0, 0, 0, 0, hopIfindex, 0, 0, 0, 0, 3},
				slices.Concat([]byte{0, 0, 0, 0, hopIPv6Ifindex, 0}, gateway6.AsSlice(), []byte{0, 0, 0, 4}),
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
					{Gateway: ipv4.MustParse("10.0.12.3"), Ifindex: 2}, {Ifindex: 3}, {Gateway6: gateway6, Ifindex: 4},
					{Gateway: ipv4.MustParse("10.0.12.2"), Ifindex: 9},
				},
			}
			if !r.has(asksForSAFI) {
				want.Prefix = netip.MustParsePrefix("10.255.0.1/32")
			}
			if !u.found || !u.route.Equal(want) || u.asked.String() != "10.255.0.1/32" {
				t.Errorf("got  %+v\nwant %+v", u, want)
			}
			// A release away, the same octets say something else: that must not pass for a route.
			for _, v := range []version{{7, 5}, {8, 4}, {10, 3}} {
				other, _ := releaseOf(v)
				if other.has(asksForSAFI) == r.has(asksForSAFI) && other.size(hopCountLen) == r.size(hopCountLen) &&
					other.size(hopWeightLen) == r.size(hopWeightLen) && other.has(hopHasLabelType) == r.has(hopHasLabelType) {
					continue
				}
				if u, err := decodeUpdate(body, other); err == nil {
					t.Errorf("taken for one of %v: %+v", v, u)
				}
			}
		})
	}
}

// interfaceOf builds INTERFACE_ADD as a release would, without link parameters.
func interfaceOf(r *release, name string, index int32, flags uint64, mtu int32) []byte {
	b := append([]byte(name), make([]byte, r.size(ifNameLen)-len(name))...)
	b = be.AppendUint32(b, uint32(index))
	b = append(b, 5)
	b = be.AppendUint64(b, flags)
	b = append(b, make([]byte, 1+1+4+4)...)
	if r.has(ifHasTxqlen) {
		b = be.AppendUint32(b, 1000)
	}
	b = be.AppendUint32(b, uint32(mtu))
	b = append(b, make([]byte, 4+4+4)...)
	if r.has(ifHasKind) {
		b = be.AppendUint32(b, 0)
	}
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, 6)
	return append(b, make([]byte, 6+1)...)
}

func TestDecodeInterfaceByRelease(t *testing.T) {
	const running = 0x11043
	for _, r := range allReleases() {
		t.Run(r.from.String(), func(t *testing.T) {
			longest := strings.Repeat("n", r.size(ifNameLen)-1)
			for _, tt := range []struct {
				name  string
				index int32
				flags uint64
				mtu   int32
				ok    bool
			}{
				{"eth0", 7, running, 1500, true},
				{"e", 1, 0, 0, true},
				{longest, 1<<31 - 1, 1<<32 - 1, 1<<31 - 1, true},
				{"", 7, running, 1500, false},
				{longest + "n", 7, running, 1500, false},
				{"eth0", 0, running, 1500, false},
				{"eth0", -1, running, 1500, false},
				{"eth0", 7, running, -1, false},
				{"eth0", 7, running | 1<<32, 1500, false},
			} {
				got, err := decodeInterface(interfaceOf(r, tt.name, tt.index, tt.flags, tt.mtu), r)
				if !tt.ok {
					if err == nil {
						t.Errorf("%+v: taken for %+v", tt, got)
					}
					continue
				}
				if err != nil || got.Name != tt.name || got.Index != int(tt.index) || got.Up != (tt.flags&0x41 == 0x41) || got.MTU != int(tt.mtu) {
					t.Errorf("%+v: got %+v, %v", tt, got, err)
				}
			}
		})
	}
}

// A route is one to what was asked for, of a type that there is; else nothing is known.
func TestDecodeUpdateMustFit(t *testing.T) {
	hop := []byte{0, 0, 0, 0, hopIfindex, 0, 0, 0, 0, 3}
	for _, r := range allReleases() {
		if !r.has(asksForSAFI) {
			continue // the prefix is that which was asked for
		}
		const matched = 4 + 2 + 7 + 2 // where the length of the route's prefix stands
		for _, tt := range []struct {
			prefix string
			ok     bool
		}{
			{"10.255.0.1/32", true}, {"10.255.0.0/31", true}, {"0.0.0.0/0", true}, {"128.0.0.0/0", true},
			{"192.0.2.0/24", false}, {"10.255.0.2/31", false}, {"10.255.0.2/32", false}, {"11.0.0.0/8", false},
		} {
			b := updateOf(r, 2, hop)
			p := netip.MustParsePrefix(tt.prefix)
			b[matched] = byte(p.Bits())
			copy(b[matched+1:], p.Addr().AsSlice())
			u, err := decodeUpdate(b, r)
			if u.asked.String() != "10.255.0.1/32" || u.found != tt.ok || (err == nil) != tt.ok {
				t.Errorf("%v, route to %s: %+v, %v", r.from, tt.prefix, u, err)
			}
			if b = updateOf(r, 2); tt.ok {
				continue
			}
			b[matched] = byte(p.Bits())
			copy(b[matched+1:], p.Addr().AsSlice())
			if u, err := decodeUpdate(b, r); u.found || err != nil {
				t.Errorf("%v, no route and %s: %+v, %v", r.from, tt.prefix, u, err)
			}
		}
		// A longer prefix is none of those that contain a shorter one.
		b := updateOf(r, 2, hop)
		b[4+2+2] = 16
		if u, err := decodeUpdate(b, r); err == nil {
			t.Errorf("%v, a /24 where a /16 was asked for: %+v", r.from, u)
		}
	}
	for _, r := range allReleases() {
		for _, routeType := range []byte{32, 100, 222, 255} {
			if u, err := decodeUpdate(updateOf(r, routeType, hop), r); err == nil || u.found || u.asked.String() != "10.255.0.1/32" {
				t.Errorf("%v, route type %d: %+v, %v", r.from, routeType, u, err)
			}
		}
	}
}

// The type of a route that was looked up must be one that there is as well.
func TestDecodeLookupMustFit(t *testing.T) {
	r := releaseNamed(t, "10.7")
	b := []byte{0, 2, 192, 0, 2, 1, 1, 0, 0, 0, 0, 0, 24, 0, 0, 0, 222, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, hopIfindex, 0, 0, 0, 3}
	if l, err := decodeLookup(b, r); err == nil {
		t.Errorf("a route of type 222: %+v", l)
	}
	b[16] = 4
	if l, err := decodeLookup(b, r); err != nil || l.path != nil || l.asked.String() != "192.0.2.1" {
		t.Errorf("a static route: %+v, %v", l, err)
	}
	none := slices.Concat(b[:16], []byte{222}, make([]byte, 6))
	if l, err := decodeLookup(none, r); err != nil || l.path != nil {
		t.Errorf("no route: %+v, %v", l, err)
	}
}

// FuzzDecode reads any message by the table of any release.
func FuzzDecode(f *testing.F) {
	all := allReleases()
	for _, name := range recorded {
		messages, _ := recording(f, name)
		row := slices.IndexFunc(all, func(r *release) bool { return r.from == releaseNamed(f, name).from })
		for _, m := range messages {
			f.Add(uint8(row), m)
		}
	}
	for i, r := range all {
		f.Add(uint8(i), append(make([]byte, headerLen), updateOf(r, 6, []byte{0, 0, 0, 0, 1, 0, 0, 0, 0, 3})...))
	}
	f.Fuzz(func(t *testing.T, row uint8, message []byte) {
		r := all[int(row)%len(all)]
		if h, err := decodeHeader(message, r); err == nil && (h.length < headerLen || h.length > r.size(maxMessage)) {
			t.Errorf("length %d", h.length)
		}
		body := message[min(headerLen, len(message)):]
		if i, err := decodeInterface(body, r); err == nil && (i.Index <= 0 || i.Name == "" || i.MTU < 0) {
			t.Errorf("interface %+v", i)
		}
		if _, p, err := decodeAddress(body); err == nil && p.IsValid() && !p.Addr().Is4() {
			t.Errorf("address %v", p)
		}
		if name, err := decodeVRF(body); err == nil && name == "" {
			t.Error("a VRF without a name")
		}
		if _, err := decodeRouterID(body); err == nil && len(body) != 6 {
			t.Errorf("router id of %d octets", len(body))
		}
		if p, err := decodeLookup(body, r); err == nil && p.path != nil && !p.path.Prefix.IsValid() {
			t.Errorf("path %+v", p.path)
		}
		u, err := decodeUpdate(body, r)
		if err != nil {
			return
		}
		if !u.asked.IsValid() || u.found != u.route.Prefix.IsValid() || u.route.From != rib.FromZebra ||
			u.found && (u.route.Protocol == "" || !u.route.Prefix.Contains(u.asked.Addr())) {
			t.Errorf("update %+v", u)
		}
		if again := rib.SortNextHops(slices.Clone(u.route.NextHops)); !slices.Equal(again, u.route.NextHops) {
			t.Errorf("next hops out of order: %v", u.route.NextHops)
		}
	})
}
