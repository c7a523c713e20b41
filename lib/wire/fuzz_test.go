package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"msdpd/lib/ipv4"
)

// FuzzTLV walks a stream of TLVs as a session does. Whatever comes, nothing panics, an error is
// one of the two kinds that there are, and what was read is written as it was.
func FuzzTLV(f *testing.F) {
	f.Add(append(AppendSourceActive(nil, 1, []ipv4.SG{{Source: 2, Group: 3}}), AppendKeepAlive(nil)...))
	f.Add(sa(1, 1, appendEntry(nil, streamSG), make([]byte, MaxTLVLen)))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for {
			h, tlv, rest, err := Next(stream)
			if err != nil {
				if err != io.ErrUnexpectedEOF && !errors.Is(err, ErrFormat) {
					t.Fatalf("error of another kind: %v", err)
				}
				return
			}
			if len(tlv) != h.Length || len(tlv)+len(rest) != len(stream) {
				t.Fatalf("%v: %d octets, %d left of %d", h, len(tlv), len(rest), len(stream))
			}
			switch h.Type {
			case TypeSourceActive, TypeSAResponse:
				checkSourceActive(t, h, tlv)
			case TypeSARequest:
				checkSARequest(t, tlv)
			case TypeKeepAlive:
				if got := AppendKeepAlive(nil); h.Length == HeaderLen && !bytes.Equal(got, tlv) {
					t.Fatalf("% x, want % x", got, tlv)
				}
			}
			stream = rest
		}
	})
}

func checkSourceActive(t *testing.T, h Header, tlv []byte) {
	parsed, err := ParseSourceActive(tlv)
	if err != nil {
		if !errors.Is(err, ErrFormat) {
			t.Fatalf("error of another kind: %v", err)
		}
		return
	}
	if h.Length > MaxTLVLen && parsed.Data() != nil {
		t.Fatalf("data in a TLV of length %d", h.Length)
	}
	// want is the TLV as it has to be sent: as it came, but for reserved octets, data and
	// entries that are to be ignored.
	want := bytes.Clone(tlv[:SAHeaderLen])
	var sgs []ipv4.SG
	for i := range parsed.Len() {
		sg, plen := parsed.Entry(i)
		if plen != 32 {
			continue
		}
		sgs = append(sgs, sg)
		entry := bytes.Clone(tlv[SAHeaderLen+i*EntryLen:][:EntryLen])
		clear(entry[:3])
		want = append(want, entry...)
	}
	want[1], want[2], want[3] = byte(len(want)>>8), byte(len(want)), byte(len(sgs))
	if len(sgs) == 0 {
		want = nil
	}
	encode := AppendSourceActive
	if h.Type == TypeSAResponse {
		encode = AppendSAResponse
	}
	if got := encode(nil, parsed.RP, sgs); !bytes.Equal(got, want) {
		t.Fatalf("% x, want % x", got, want)
	}
	if len(want) > 0 {
		want[0] = byte(TypeSourceActive)
	}
	if got := parsed.AppendStripped(nil); !bytes.Equal(got, want) {
		t.Fatalf("stripped % x, want % x", got, want)
	}
	if parsed.Data() == nil || len(sgs) != 1 || parsed.Len() != 1 {
		return
	}
	got, err := AppendSourceActiveData(nil, parsed.RP, sgs[0], parsed.Data())
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, parsed.Data()...)
	want[1], want[2] = byte(len(want)>>8), byte(len(want))
	if !bytes.Equal(got, want) {
		t.Fatalf("with data % x, want % x", got, want)
	}
}

func checkSARequest(t *testing.T, tlv []byte) {
	parsed, err := ParseSARequest(tlv)
	if err != nil {
		if !errors.Is(err, ErrFormat) {
			t.Fatalf("error of another kind: %v", err)
		}
		return
	}
	want := bytes.Clone(tlv[:SARequestLen])
	want[1], want[2], want[3] = 0, SARequestLen, 0
	if got := AppendSARequest(nil, parsed.Group); !bytes.Equal(got, want) {
		t.Fatalf("% x, want % x", got, want)
	}
}
