// Package wire reads and writes the TLVs of MSDP (RFC 3618 §12). Reading allocates
// nothing: what it returns points into the bytes that it was given, and is valid as
// long as they are.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Type is the first octet of a TLV (RFC 3618 §12.2).
type Type uint8

// The assigned types. A type that is not among them is no error: its TLV is skipped (§13).
const (
	TypeSourceActive       Type = 1
	TypeSARequest          Type = 2
	TypeSAResponse         Type = 3
	TypeKeepAlive          Type = 4
	TypeNotification       Type = 5 // reserved; it was Notification in the drafts
	TypeTracerouteProgress Type = 6 // assigned, not described by RFC 3618
	TypeTracerouteReply    Type = 7 // assigned, not described by RFC 3618
)

// String names the type as RFC 3618 does, "type 99" where it names none.
func (t Type) String() string {
	switch t {
	case TypeSourceActive:
		return "Source-Active"
	case TypeSARequest:
		return "Source-Active Request"
	case TypeSAResponse:
		return "Source-Active Response"
	case TypeKeepAlive:
		return "KeepAlive"
	case TypeNotification:
		return "Notification"
	case TypeTracerouteProgress:
		return "Traceroute in Progress"
	case TypeTracerouteReply:
		return "Traceroute Reply"
	}
	return "type " + strconv.Itoa(int(t))
}

// Sizes in octets, and the figures that bound a TLV.
const (
	// Port is MSDP's TCP port (§11).
	Port = 639
	// HeaderLen is the length of type and length, the shortest TLV there is.
	HeaderLen = 3
	// MaxTLVLen is the longest TLV that may be sent (§12.1). A longer one is taken, without
	// its data (§12).
	MaxTLVLen = 9192
	// MaxEntries is what the one octet of the entry count can say (§12.2.1).
	MaxEntries = 255
	// SAHeaderLen is the length of a Source-Active up to its first entry, HeaderLen included.
	SAHeaderLen = 8
	// EntryLen is the length of one (S,G) entry.
	EntryLen = 12
	// SARequestLen is the length of a Source-Active Request.
	SARequestLen = 8
)

// ErrFormat is what every TLV format error wraps: the session with the peer that sent it
// has to be reset (RFC 3618 §13), and no other.
var ErrFormat = errors.New("MSDP TLV format error")

// Header is the beginning of a TLV.
type Header struct {
	Type Type
	// Length is what the wire says, 3 to 65535 octets, the header's own included.
	Length int
}

// ParseHeader reads the header at the beginning of b; what follows it need not be there yet.
// The error is io.ErrUnexpectedEOF when b has less than HeaderLen octets, and wraps ErrFormat
// when the length is less than HeaderLen, after which the stream cannot be followed further.
// Any type is accepted.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return Header{}, io.ErrUnexpectedEOF
	}
	h := Header{Type: Type(b[0]), Length: int(binary.BigEndian.Uint16(b[1:]))}
	if h.Length < HeaderLen {
		return h, fmt.Errorf("%w: %v of length %d, the least is %d", ErrFormat, h.Type, h.Length, HeaderLen)
	}
	return h, nil
}

// Next splits the first TLV off b. The errors are those of ParseHeader, and
// io.ErrUnexpectedEOF when b ends within the TLV; tlv is nil then and rest is b.
func Next(b []byte) (h Header, tlv, rest []byte, err error) {
	h, err = ParseHeader(b)
	if err != nil {
		return h, nil, b, err
	}
	if len(b) < h.Length {
		return h, nil, b, io.ErrUnexpectedEOF
	}
	return h, b[:h.Length:h.Length], b[h.Length:], nil
}

// AppendKeepAlive appends a KeepAlive (§12.2.2).
func AppendKeepAlive(b []byte) []byte { return appendHeader(b, TypeKeepAlive, HeaderLen) }

func appendHeader(b []byte, t Type, length int) []byte {
	return append(b, byte(t), byte(length>>8), byte(length))
}
