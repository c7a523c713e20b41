package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
)

// sa builds a Source-Active with any entry count, whatever is in body.
func sa(typ Type, count byte, body ...[]byte) []byte {
	b := append([]byte{byte(typ), 0, 0, count}, 192, 0, 2, 1)
	b = append(b, bytes.Join(body, nil)...)
	binary.BigEndian.PutUint16(b[1:], uint16(len(b)))
	return b
}

// with returns a copy of b with octet i set to v.
func with(b []byte, i int, v byte) []byte {
	b = bytes.Clone(b)
	b[i] = v
	return b
}

func TestParseSourceActive(t *testing.T) {
	stream, other := appendEntry(nil, streamSG), appendEntry(nil, otherSG)
	packet := streamPacket(t)
	fragment := func(n int) []byte { // a packet of n octets
		p := append(bytes.Clone(packet[:20]), make([]byte, n-20)...)
		binary.BigEndian.PutUint16(p[2:], uint16(n))
		return p
	}
	tests := []struct {
		name    string
		in      []byte
		entries []ipv4.SG
		data    []byte
		err     string // what the text of a format error has
	}{
		{name: "one entry", in: sa(1, 1, stream), entries: []ipv4.SG{streamSG}},
		{name: "response", in: sa(3, 1, stream), entries: []ipv4.SG{streamSG}},
		{name: "two entries", in: sa(1, 2, stream, other), entries: []ipv4.SG{streamSG, otherSG}},
		{name: "255 entries", in: sa(1, 255, bytes.Repeat(stream, 255)), entries: slices.Repeat([]ipv4.SG{streamSG}, 255)},
		{name: "no entries", in: sa(1, 0)},
		{name: "no entries and a rest", in: sa(1, 0, []byte{0}), err: "no entries and 1 octets"},
		{name: "no entries and a packet", in: sa(1, 0, packet), err: "no entries and 40 octets"},
		{name: "data", in: sa(1, 1, stream, packet), entries: []ipv4.SG{streamSG}, data: packet},
		{name: "data of the last entry", in: sa(1, 2, other, stream, packet), entries: []ipv4.SG{otherSG, streamSG}, data: packet},
		{name: "data of the first entry", in: sa(1, 2, stream, other, packet), err: "(198.51.100.10,239.1.2.3) with the entry (198.51.100.11,239.1.2.4)"},
		{name: "data from another source", in: sa(1, 1, stream, with(packet, 15, 9)), err: "with the entry"},
		{name: "data to another group", in: sa(1, 1, stream, with(packet, 19, 9)), err: "with the entry"},
		{name: "data and an octet", in: sa(1, 1, stream, packet, []byte{0}), err: "an IPv4 packet of 40 octets"},
		{name: "data less an octet", in: sa(1, 1, stream, packet[:39]), err: "an IPv4 packet of 40 octets"},
		{name: "one octet behind", in: sa(1, 1, stream, []byte{0x45}), err: "too short"},
		{name: "19 octets behind", in: sa(1, 1, stream, packet[:19]), err: "too short"},
		{name: "20 octets behind", in: sa(1, 1, stream, fragment(20)), entries: []ipv4.SG{streamSG}, data: fragment(20)},
		{name: "an entry too many", in: sa(1, 1, stream, other), err: "too short"},
		{name: "IPv6 behind", in: sa(1, 1, stream, with(packet, 0, 0x65)), err: "version 6"},
		{name: "IPv4 header too short", in: sa(1, 1, stream, with(packet, 0, 0x44)), err: "a header of 16 octets"},
		{name: "IPv4 header past the end", in: sa(1, 1, stream, with(packet, 0, 0x4f)), err: "a header of 60 octets"},
		{name: "count past the length", in: sa(1, 3, stream, other), err: "length 32, its 3 entries need 44"},
		{name: "count past the length by an octet", in: sa(1, 2, stream, other[:11]), err: "length 31, its 2 entries need 32"},
		{name: "shorter than the header", in: []byte{1, 0, 7, 0, 192, 0, 2}, err: "length 7, the least is 8"},
		{name: "header only", in: []byte{1, 0, 3}, err: "length 3, the least is 8"},
		{name: "length 2", in: []byte{1, 0, 2}, err: "length 2, the least is 3"},
		{name: "more octets than the length", in: append(sa(1, 1, stream), 0), err: "length 20 in 21 octets"},
		{name: "fewer octets than the length", in: sa(1, 1, stream)[:19], err: "length 20 in 19 octets"},
		{name: "length 9192, a packet", in: sa(1, 1, stream, fragment(MaxTLVLen-20)), entries: []ipv4.SG{streamSG}, data: fragment(MaxTLVLen - 20)},
		{name: "length 9192, no packet", in: sa(1, 1, stream, make([]byte, MaxTLVLen-20)), err: "version 0"},
		{name: "length 9193, a packet", in: sa(1, 1, stream, fragment(MaxTLVLen-19)), entries: []ipv4.SG{streamSG}},
		{name: "length 9193, no packet", in: sa(1, 1, stream, make([]byte, MaxTLVLen-19)), entries: []ipv4.SG{streamSG}},
		{name: "length 65535", in: sa(1, 2, stream, other, bytes.Repeat([]byte{0xff}, 65535-32)), entries: []ipv4.SG{streamSG, otherSG}},
		{name: "length 65535, no entries", in: sa(1, 0, make([]byte, 65535-8))},
		{name: "reserved octets set", in: sa(1, 1, []byte{1, 2, 3}, stream[3:]), entries: []ipv4.SG{streamSG}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSourceActive(tt.in)
			if tt.err != "" {
				if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want a format error with %q", err, tt.err)
				}
				if got.Len() != 0 || got.Data() != nil {
					t.Errorf("%d entries and %d octets in spite of the error", got.Len(), len(got.Data()))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.RP != rp || got.Len() != len(tt.entries) || !bytes.Equal(got.Data(), tt.data) || (got.Data() == nil) != (tt.data == nil) {
				t.Fatalf("RP %v, %d entries, data % x; want %v, %d, % x", got.RP, got.Len(), got.Data(), rp, len(tt.entries), tt.data)
			}
			for i, want := range tt.entries {
				if sg, plen := got.Entry(i); sg != want || plen != 32 {
					t.Errorf("entry %d: %v, prefix length %d; want %v, 32", i, sg, plen, want)
				}
			}
		})
	}
	for _, in := range [][]byte{nil, {1, 0}, AppendKeepAlive(nil), sa(2, 1, stream)} {
		if _, err := ParseSourceActive(in); err == nil || errors.Is(err, ErrFormat) {
			t.Errorf("ParseSourceActive(% x): error %v, want one that is no format error", in, err)
		}
	}
}

func TestEntryPrefixLen(t *testing.T) {
	for _, plen := range []byte{0, 24, 31, 32, 33, 255} {
		tlv := sa(1, 2, with(appendEntry(nil, otherSG), 3, plen), appendEntry(nil, streamSG))
		got, err := ParseSourceActive(tlv)
		if err != nil {
			t.Fatalf("prefix length %d: %v", plen, err)
		}
		if sg, n := got.Entry(0); n != plen || sg != otherSG {
			t.Errorf("prefix length %d: %v, %d", plen, sg, n)
		}
		if sg, n := got.Entry(1); n != 32 || sg != streamSG {
			t.Errorf("the entry behind prefix length %d: %v, %d", plen, sg, n)
		}
	}
}

func TestAppendStripped(t *testing.T) {
	stream, other := appendEntry(nil, streamSG), appendEntry(nil, otherSG)
	packet := streamPacket(t)
	tests := []struct {
		name string
		in   []byte
		want []byte
	}{
		{"unchanged", sa(1, 2, stream, other), sa(1, 2, stream, other)},
		{"data", sa(1, 2, other, stream, packet), sa(1, 2, other, stream)},
		{"data past 9192", sa(1, 1, stream, make([]byte, 9999)), sa(1, 1, stream)},
		{"response", sa(3, 1, stream), sa(1, 1, stream)},
		{"reserved octets", sa(1, 1, with(stream, 1, 7)), sa(1, 1, stream)},
		{"prefix length", sa(1, 3, with(other, 3, 24), stream, with(other, 3, 0)), sa(1, 1, stream)},
		{"only other prefix lengths", sa(1, 1, with(stream, 3, 31)), nil},
		{"no entries", sa(1, 0), nil},
	}
	before := AppendKeepAlive(nil)
	for _, tt := range tests {
		parsed, err := ParseSourceActive(tt.in)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got := parsed.AppendStripped(bytes.Clone(before))
		if want := append(bytes.Clone(before), tt.want...); !bytes.Equal(got, want) {
			t.Errorf("%s: % x, want % x", tt.name, got, want)
		}
	}
}

func TestAppendSourceActiveSplits(t *testing.T) {
	for _, n := range []int{0, 1, 254, 255, 256, 510, 511, 1000} {
		sgs := make([]ipv4.SG, n)
		for i := range sgs {
			sgs[i] = ipv4.SG{Source: ipv4.Addr(0x0a000000 + i), Group: ipv4.Addr(0xef000000 + i)}
		}
		for typ, encode := range map[Type]func([]byte, ipv4.Addr, []ipv4.SG) []byte{
			TypeSourceActive: AppendSourceActive,
			TypeSAResponse:   AppendSAResponse,
		} {
			rest := encode(nil, rp, sgs)
			i, tlvs := 0, 0
			for len(rest) > 0 {
				h, tlv, r, err := Next(rest)
				if err != nil {
					t.Fatalf("%d entries: %v", n, err)
				}
				parsed, err := ParseSourceActive(tlv)
				if err != nil || h.Type != typ || parsed.RP != rp || h.Length > MaxTLVLen {
					t.Fatalf("%d entries: %v of RP %v, error %v", n, h, parsed.RP, err)
				}
				for j := range parsed.Len() {
					if sg, _ := parsed.Entry(j); i >= n || sg != sgs[i] {
						t.Fatalf("%d entries: entry %d is %v", n, i, sg)
					}
					i++
				}
				rest = r
				tlvs++
			}
			if want := (n + MaxEntries - 1) / MaxEntries; i != n || tlvs != want {
				t.Errorf("%d entries: %d entries in %d TLVs, want %d TLVs", n, i, tlvs, want)
			}
		}
	}
}

func TestAppendSourceActiveDataRefuses(t *testing.T) {
	packet := streamPacket(t)
	long := append(bytes.Clone(packet), make([]byte, MaxTLVLen)...)
	long = long[:MaxTLVLen-SAHeaderLen-EntryLen]
	binary.BigEndian.PutUint16(long[2:], uint16(len(long)))
	before := AppendKeepAlive(nil)
	got, err := AppendSourceActiveData(before, rp, streamSG, long)
	if err != nil || len(got) != len(before)+MaxTLVLen {
		t.Errorf("the longest packet: %d octets, error %v", len(got), err)
	}
	long = append(long, 0)
	binary.BigEndian.PutUint16(long[2:], uint16(len(long)))
	for name, tt := range map[string]struct {
		sg     ipv4.SG
		packet []byte
		want   string
	}{
		"too long":    {streamSG, long, "9193 octets, the most is 9192"},
		"other (S,G)": {otherSG, packet, "with the entry"},
		"cut":         {streamSG, packet[:30], "an IPv4 packet of 40 octets"},
		"nothing":     {streamSG, nil, "too short"},
	} {
		got, err := AppendSourceActiveData(before, rp, tt.sg, tt.packet)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !bytes.Equal(got, before) {
			t.Errorf("%s: % x, error %v, want one with %q", name, got, err, tt.want)
		}
	}
}
