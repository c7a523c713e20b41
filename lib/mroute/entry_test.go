package mroute

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
)

// message builds the body of a route message.
func message(family, table uint8, flags uint32, attrs ...*nl.RtAttr) []byte {
	b := (&nl.RtMsg{RtMsg: unix.RtMsg{Family: family, Table: table, Flags: flags}}).Serialize()
	for _, a := range attrs {
		b = append(b, a.Serialize()...)
	}
	return b
}

func TestDecode(t *testing.T) {
	native := nl.NativeEndian()
	sg := ipv4.SG{Source: ipv4.MustParse("10.1.0.2"), Group: ipv4.MustParse("239.1.1.1")}
	src := nl.NewRtAttr(unix.RTA_SRC, sg.Source.Append(nil))
	dst := nl.NewRtAttr(unix.RTA_DST, sg.Group.Append(nil))
	iif := nl.NewRtAttr(unix.RTA_IIF, nl.Uint32Attr(7))
	hops := make([]byte, 24)
	for i, ifindex := range []uint32{300, 2, 9} {
		native.PutUint16(hops[8*i:], 8)
		native.PutUint32(hops[8*i+4:], ifindex)
	}
	multipath := nl.NewRtAttr(unix.RTA_MULTIPATH, hops)
	stats := make([]byte, 24)
	native.PutUint64(stats, 1<<40)
	native.PutUint64(stats[8:], 1<<50)
	native.PutUint64(stats[16:], 3)
	table := nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(1000))

	base := Entry{Source: sg.Source, Group: sg.Group, InIf: 7}
	full := base
	full.OutIfs, full.Packets, full.Bytes, full.WrongIf = []int{2, 9, 300}, 1<<40, 1<<50, 3
	for _, tc := range []struct {
		name       string
		body       []byte
		want       Entry
		ok         bool
		unresolved bool
	}{
		{"(S,G)", message(128, 253, 0, src, dst, iif, multipath, nl.NewRtAttr(unix.RTA_MFC_STATS, stats)), full, true, false},
		{"(*,G) without outgoing interface", message(128, 253, 0, dst, iif), Entry{Group: sg.Group, InIf: 7}, true, false},
		{"unresolved", message(128, 253, unresolved, src, dst), Entry{Source: sg.Source, Group: sg.Group}, true, true},
		{"another table", message(128, 252, 0, src, dst, iif, table), Entry{}, false, false},
		{"IPv6 multicast", message(129, 253, 0, src, dst, iif), Entry{}, false, false},
		{"a unicast route", message(unix.AF_INET, 254, 0, dst), Entry{}, false, false},
	} {
		d, ok, err := decode(tc.body)
		if err != nil || ok != tc.ok {
			t.Errorf("%s: %v, %v", tc.name, ok, err)
		}
		if !ok {
			continue
		}
		if diff := cmp.Diff(tc.want, d.entry); diff != "" || d.unresolved != tc.unresolved {
			t.Errorf("%s: unresolved %v (-want +got):\n%s", tc.name, d.unresolved, diff)
		}
	}
	for _, short := range [][]byte{nil, make([]byte, 11), append(message(128, 253, 0), 9, 0, 1, 0)} {
		if _, _, err := decode(short); err == nil {
			t.Errorf("%x was taken", short)
		}
	}
}

func TestOutgoingStopsAtNonsense(t *testing.T) {
	for _, tc := range []struct {
		octets string
		want   []int
	}{
		{"", nil},
		{"08000001", nil},
		{"0800000105000000", []int{5}},
		{"0800000105000000" + "0800000105000000", []int{5}},
		{"0800000105000000" + "0400000106000000", []int{5}},
		{"0800000105000000" + "1000000106000000", []int{5}},
		{"0c00000105000000ffffffff" + "0800000106000000", []int{5, 6}},
	} {
		b, err := hex.DecodeString(tc.octets)
		if err != nil {
			t.Fatal(err)
		}
		if got := outgoing(b); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.octets, got, tc.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(message(128, 253, 0, nl.NewRtAttr(unix.RTA_DST, []byte{239, 1, 1, 1}), nl.NewRtAttr(unix.RTA_MULTIPATH, make([]byte, 8))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, ok, err := decode(b); err != nil && ok {
			t.Errorf("%+v and %v", d, err)
		}
	})
}
