package wire

import (
	"fmt"

	"msdpd/lib/ipv4"
)

// SARequest asks for the sources of a group (type 2). RFC 3618 assigns its number only; the
// format is that of the drafts before it: one reserved octet and the group.
type SARequest struct {
	Group ipv4.Addr
}

// ParseSARequest reads a whole TLV of type 2, its header included. A TLV shorter than
// SARequestLen is a format error, which wraps ErrFormat; what follows the group is ignored.
func ParseSARequest(tlv []byte) (SARequest, error) {
	h, err := ParseHeader(tlv)
	if err != nil {
		return SARequest{}, fmt.Errorf("reading a Source-Active Request: %w", err)
	}
	if h.Type != TypeSARequest {
		return SARequest{}, fmt.Errorf("reading a Source-Active Request: this is a %v", h.Type)
	}
	if h.Length != len(tlv) {
		return SARequest{}, fmt.Errorf("%w: %v of length %d in %d octets", ErrFormat, h.Type, h.Length, len(tlv))
	}
	if h.Length < SARequestLen {
		return SARequest{}, fmt.Errorf("%w: %v of length %d, the least is %d", ErrFormat, h.Type, h.Length, SARequestLen)
	}
	return SARequest{Group: ipv4.FromBytes(tlv[4:])}, nil
}

// AppendSARequest appends a Source-Active Request for group.
func AppendSARequest(b []byte, group ipv4.Addr) []byte {
	b = appendHeader(b, TypeSARequest, SARequestLen)
	b = append(b, 0)
	return group.Append(b)
}
