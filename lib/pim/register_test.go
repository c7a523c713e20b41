package pim

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"golang.org/x/net/bpf"

	"msdpd/lib/ipv4"
)

var (
	dr    = ipv4.MustParse("10.1.0.1")
	rpOne = ipv4.MustParse("10.255.0.1")
	sgOne = ipv4.SG{Source: ipv4.MustParse("10.1.0.2"), Group: ipv4.MustParse("239.1.1.1")}
)

// outer wraps a PIM message into an IPv4 header without a checksum of its own, which the
// kernel has verified by then. options are octets of IP options.
func outer(src, dst ipv4.Addr, message []byte, options int) []byte {
	n := minIPv4Header + options
	b := make([]byte, n, n+len(message))
	b[0] = 0x40 | byte(n/4)
	binary.BigEndian.PutUint16(b[2:], uint16(n+len(message)))
	b[8], b[9] = 20, protocolPIM
	copy(b[12:], src.Append(nil))
	copy(b[16:], dst.Append(nil))
	return append(b, message...)
}

// dataRegister is a Register with payload octets of data. whole sums over all of it.
func dataRegister(sg ipv4.SG, payload int, whole bool) []byte {
	b := AppendNullRegister(nil, sg)
	binary.BigEndian.PutUint32(b[4:], 0)
	binary.BigEndian.PutUint16(b[pimHeader+2:], uint16(minIPv4Header+payload))
	for i := range payload {
		b = append(b, byte(i*7+1))
	}
	covered := b[:pimHeader]
	if whole {
		covered = b
	}
	binary.BigEndian.PutUint16(b[2:], 0)
	binary.BigEndian.PutUint16(b[2:], checksum(covered))
	return b
}

func TestNullRegisterOctets(t *testing.T) {
	// RFC 7761 §4.9.3: version and type, reserved, checksum over eight octets, N bit;
	// then a dummy IPv4 header.
	want := "2100" + "9eff" + "40000000" +
		"45000014" + "00000000" + "0067" + "c07e" + "0a010002" + "ef010101"
	got := hex.EncodeToString(AppendNullRegister(nil, sgOne))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	prefixed := AppendNullRegister([]byte("abc"), sgOne)
	if string(prefixed[:3]) != "abc" || hex.EncodeToString(prefixed[3:]) != want {
		t.Errorf("appended: %x", prefixed)
	}
}

func TestParseRegister(t *testing.T) {
	null := outer(dr, rpOne, AppendNullRegister(nil, sgOne), 0)
	mod := func(p []byte, f func([]byte)) []byte {
		p = slices.Clone(p)
		f(p)
		return p
	}
	withFlags := func(flags uint32) []byte {
		m := AppendNullRegister(nil, sgOne)
		binary.BigEndian.PutUint32(m[4:], flags)
		binary.BigEndian.PutUint16(m[2:], 0)
		binary.BigEndian.PutUint16(m[2:], checksum(m[:pimHeader]))
		return outer(dr, rpOne, m, 0)
	}
	inner := func(off int, v ...byte) []byte {
		return mod(null, func(p []byte) { copy(p[minIPv4Header+pimHeader+off:], v) })
	}
	good := Register{OuterSource: dr, OuterDestination: rpOne, SG: sgOne}
	goodNull, goodBorder := good, good
	goodNull.Null, goodBorder.Border = true, true
	whole := outer(dr, rpOne, dataRegister(sgOne, 1001, true), 0)
	short := outer(dr, rpOne, dataRegister(sgOne, 1001, false), 0)

	for _, tc := range []struct {
		name   string
		packet []byte
		want   Register
		err    error
	}{
		{"Null-Register", null, goodNull, nil},
		{"data, checksum over eight octets", short, good, nil},
		{"the same, cut", short[:48], good, nil},
		{"data, checksum over all, odd length", whole, good, nil},
		{"the same, cut: nothing can verify it", whole[:48], Register{}, ErrChecksum},
		{"the same, last octet changed", mod(whole, func(p []byte) { p[len(p)-1]++ }), Register{}, ErrChecksum},
		{"checksum over all, padding of the link behind", append(slices.Clone(whole), 1, 2, 3), good, nil},
		{"IP options", outer(dr, rpOne, AppendNullRegister(nil, sgOne), 40), goodNull, nil},
		{"Border bit", withFlags(flagBorder), goodBorder, nil},
		{"bits without meaning", withFlags(flagNull | 0x3fffffff), goodNull, nil},
		{"no checksum", mod(null, func(p []byte) { p[22], p[23] = 0, 0 }), Register{}, ErrChecksum},
		{"flag changed on the way", mod(null, func(p []byte) { p[24] ^= 0x80 }), Register{}, ErrChecksum},
		{"empty", nil, Register{}, ErrMalformed},
		{"IPv6", mod(null, func(p []byte) { p[0] = 0x65 }), Register{}, ErrMalformed},
		{"header length past the end", append([]byte{0x4f}, null[1:48]...), Register{}, ErrMalformed},
		{"total length shorter than the header", mod(null, func(p []byte) { p[3] = 8 }), Register{}, ErrMalformed},
		{"total length without room for the inner header", mod(null, func(p []byte) { p[3] = 47 }), Register{}, ErrMalformed},
		{"one octet short", null[:47], Register{}, ErrMalformed},
		{"a fragment", mod(null, func(p []byte) { p[6] = 0x20 }), Register{}, ErrMalformed},
		{"not PIM", mod(null, func(p []byte) { p[9] = 17 }), Register{}, ErrMalformed},
		{"PIM version 1", mod(null, func(p []byte) { p[20] = 0x11 }), Register{}, ErrMalformed},
		{"a Hello", mod(null, func(p []byte) { p[20] = 0x20 }), Register{}, ErrMalformed},
		{"IPv6 inside", inner(0, 0x60), Register{}, ErrMalformed},
		{"inner header too short", inner(0, 0x44), Register{}, ErrMalformed},
		{"source 0.0.0.0", inner(12, 0, 0, 0, 0), Register{}, ErrMalformed},
		{"source in loopback", inner(12, 127, 0, 0, 1), Register{}, ErrMalformed},
		{"source multicast", inner(12, 239, 0, 0, 1), Register{}, ErrMalformed},
		{"source broadcast", inner(12, 255, 255, 255, 255), Register{}, ErrMalformed},
		{"group unicast", inner(16, 10, 0, 0, 1), Register{}, ErrMalformed},
		{"group 240.0.0.1", inner(16, 240, 0, 0, 1), Register{}, ErrMalformed},
	} {
		got, err := ParseRegister(tc.packet)
		if !errors.Is(err, tc.err) || got != tc.want {
			t.Errorf("%s: got %+v, %v; want %+v, %v", tc.name, got, err, tc.want, tc.err)
		}
	}
}

// The filter runs here in a machine that follows the kernel's rules.
func TestRegisterFilter(t *testing.T) {
	vm, err := bpf.NewVM(registerFilter(false))
	if err != nil {
		t.Fatal(err)
	}
	hello := outer(dr, rpOne, []byte{0x20, 0, 0xdf, 0xff, 0, 0, 0, 0}, 0)
	for _, tc := range []struct {
		name   string
		packet []byte
		want   int
	}{
		{"Null-Register", outer(dr, rpOne, AppendNullRegister(nil, sgOne), 0), 48},
		{"data is cut off", outer(dr, rpOne, dataRegister(sgOne, 1400, false), 0), 48},
		{"cut behind options", outer(dr, rpOne, dataRegister(sgOne, 1400, false), 8), 56},
		{"checksum over all: whole", outer(dr, rpOne, dataRegister(sgOne, 1400, true), 0), 1448},
		{"Hello", hello, 0},
		{"too short for a checksum", outer(dr, rpOne, []byte{registerType, 0, 0, 0}, 0), 0},
	} {
		n, err := vm.Run(tc.packet)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if n = min(n, len(tc.packet)); n != tc.want {
			t.Errorf("%s: %d octets pass, want %d", tc.name, n, tc.want)
		}
	}
}

// Whatever the first eight octets are, the filter's sum and ours agree, with all carries.
func TestRegisterFilterSums(t *testing.T) {
	vm, err := bpf.NewVM(registerFilter(false))
	if err != nil {
		t.Fatal(err)
	}
	right, wrong := 0, 0
	for _, hi := range []uint16{0, 1, 0x7fff, 0x8000, 0xdeff, 0xfffe, 0xffff} {
		for _, lo := range []uint16{0, 1, 0x2100, 0x8000, 0xdeff, 0xfffe, 0xffff} {
			for _, fix := range []bool{true, false} {
				m := dataRegister(sgOne, 8, false)
				binary.BigEndian.PutUint16(m[4:], hi)
				binary.BigEndian.PutUint16(m[6:], lo)
				if fix {
					binary.BigEndian.PutUint16(m[2:], 0)
					binary.BigEndian.PutUint16(m[2:], checksum(m[:pimHeader]))
				}
				n, err := vm.Run(outer(dr, rpOne, m, 0))
				if err != nil {
					t.Fatal(err)
				}
				want := wholePacket
				if checksum(m[:pimHeader]) == 0 {
					want = 48
					right++
				} else {
					wrong++
				}
				if n != want {
					t.Errorf("%x: filter says %d, want %d", m[:pimHeader], n, want)
				}
			}
		}
	}
	if right < 49 || wrong == 0 {
		t.Errorf("%d right and %d wrong sums tried", right, wrong)
	}
}

func FuzzParseRegister(f *testing.F) {
	f.Add(outer(dr, rpOne, AppendNullRegister(nil, sgOne), 0))
	f.Add(outer(dr, rpOne, dataRegister(sgOne, 64, true), 4))
	f.Add(outer(dr, rpOne, dataRegister(sgOne, 64, false), 0)[:50])
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := ParseRegister(p)
		if err != nil {
			if !errors.Is(err, ErrChecksum) && !errors.Is(err, ErrMalformed) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if !r.SG.Group.IsMulticast() || !isHost(r.SG.Source) {
			t.Errorf("took %+v", r)
		}
	})
}
