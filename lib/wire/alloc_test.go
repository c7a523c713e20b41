package wire

import (
	"slices"
	"testing"

	"msdpd/lib/ipv4"
)

// fullStream has one TLV of every kind that is read, the Source-Active with all the entries that fit.
func fullStream(t testing.TB) []byte {
	b := AppendKeepAlive(nil)
	b = AppendSourceActive(b, rp, slices.Repeat([]ipv4.SG{streamSG}, MaxEntries))
	b = append(b, golden(t, "source_active_data")...)
	b = append(b, golden(t, "sa_request")...)
	return append(b, golden(t, "sa_response")...)
}

// decode walks stream as a session does, and counts the sources in it.
func decode(stream []byte) (sources int, err error) {
	for len(stream) > 0 {
		h, tlv, rest, err := Next(stream)
		if err != nil {
			return 0, err
		}
		switch h.Type {
		case TypeSourceActive, TypeSAResponse:
			parsed, err := ParseSourceActive(tlv)
			if err != nil {
				return 0, err
			}
			for i := range parsed.Len() {
				if sg, plen := parsed.Entry(i); plen == 32 && sg.Group.IsMulticast() {
					sources++
				}
			}
		case TypeSARequest:
			if _, err := ParseSARequest(tlv); err != nil {
				return 0, err
			}
		}
		stream = rest
	}
	return sources, nil
}

func TestDecodeAllocatesNothing(t *testing.T) {
	stream := fullStream(t)
	allocs := testing.AllocsPerRun(100, func() {
		if n, err := decode(stream); err != nil || n != MaxEntries+2 {
			t.Errorf("%d sources, error %v", n, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	parsed, err := ParseSourceActive(golden(t, "source_active_data"))
	if err != nil {
		t.Fatal(err)
	}
	sgs := slices.Repeat([]ipv4.SG{streamSG}, 1000)
	b := make([]byte, 0, 1<<16)
	allocs := testing.AllocsPerRun(100, func() {
		b = AppendSourceActive(b[:0], rp, sgs)
		b = parsed.AppendStripped(b)
		b = AppendKeepAlive(b)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkDecode(b *testing.B) {
	stream := AppendSourceActive(nil, rp, slices.Repeat([]ipv4.SG{streamSG}, MaxEntries))
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		if n, err := decode(stream); err != nil || n != MaxEntries {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	sgs := make([]ipv4.SG, MaxEntries)
	for i := range sgs {
		sgs[i] = ipv4.SG{Source: ipv4.Addr(0x0a000000 + i), Group: 0xef010203}
	}
	buf := AppendSourceActive(nil, rp, sgs)
	b.ReportAllocs()
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		buf = AppendSourceActive(buf[:0], rp, sgs)
	}
}

func BenchmarkAppendStripped(b *testing.B) {
	buf := AppendSourceActive(nil, rp, slices.Repeat([]ipv4.SG{streamSG}, MaxEntries))
	parsed, err := ParseSourceActive(buf)
	if err != nil {
		b.Fatal(err)
	}
	out := make([]byte, 0, len(buf))
	b.ReportAllocs()
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		out = parsed.AppendStripped(out[:0])
	}
}
