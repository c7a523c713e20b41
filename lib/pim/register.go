// Package pim hears the PIM Registers that reach this router and makes its PIM daemon
// join remote sources by Null-Registers (RFC 7761 §4.4). It takes no other part in PIM.
package pim

import (
	"encoding/binary"
	"errors"
	"fmt"

	"msdpd/lib/ipv4"
)

const (
	protocolPIM = 103
	// registerType is the first octet of a Register: version 2, type 1 (RFC 7761 §4.9).
	registerType = 0x21

	flagBorder = 0x80000000
	flagNull   = 0x40000000

	minIPv4Header = 20
	// pimHeader is what a Register has before the packet inside: type, checksum, flags.
	// It is also what the checksum covers (RFC 7761 §4.9.3).
	pimHeader = 8
)

// Register is a PIM Register as far as MSDP needs it.
type Register struct {
	// OuterSource is the DR, or whoever claims to be one.
	OuterSource ipv4.Addr
	// OuterDestination is the address that the DR takes for the RP.
	OuterDestination ipv4.Addr
	// SG is taken from the packet inside.
	SG ipv4.SG
	// Null marks a Null-Register: the source is there, no data comes along.
	Null bool
	// Border is the bit of that name, obsolete since RFC 4601.
	Border bool
	// Packet is the packet inside, to its last octet, where a Listener was told to hand it over:
	// a string, as nobody changes it. "" in a Null-Register.
	Packet string
}

// Why ParseRegister refuses a packet.
var (
	// ErrChecksum: right neither over the first eight octets nor over the whole message.
	ErrChecksum = errors.New("bad checksum")
	// ErrMalformed: not a Register, cut short, or no multicast from a host inside.
	ErrMalformed = errors.New("malformed")
)

// ParseRegister reads a packet that starts with the outer IPv4 header. It may have been
// cut behind the inner IPv4 header. The checksum has to be right over the first eight
// octets of the PIM message (RFC 7761 §4.9.3) or, as that section lets old routers do,
// over all of it; the latter is refused where the packet was cut, so that nothing
// unverified passes.
//
// The errors match ErrChecksum or ErrMalformed.
func ParseRegister(ipPacket []byte) (Register, error) {
	outer, payload, whole, err := splitIPv4(ipPacket)
	if err != nil {
		return Register{}, fmt.Errorf("%w: outer header: %w", ErrMalformed, err)
	}
	if outer[9] != protocolPIM {
		return Register{}, fmt.Errorf("%w: IP protocol %d is not PIM", ErrMalformed, outer[9])
	}
	if len(payload) < pimHeader+minIPv4Header {
		return Register{}, fmt.Errorf("%w: %d octets of PIM", ErrMalformed, len(payload))
	}
	if payload[0] != registerType {
		return Register{}, fmt.Errorf("%w: PIM version and type %#02x", ErrMalformed, payload[0])
	}
	if checksum(payload[:pimHeader]) != 0 && (!whole || checksum(payload) != 0) {
		return Register{}, ErrChecksum
	}
	flags := binary.BigEndian.Uint32(payload[4:])
	inner := payload[pimHeader:]
	if inner[0]>>4 != 4 || inner[0]&0xf < 5 {
		return Register{}, fmt.Errorf("%w: inner header starts with %#02x", ErrMalformed, inner[0])
	}
	r := Register{
		OuterSource:      ipv4.FromBytes(outer[12:]),
		OuterDestination: ipv4.FromBytes(outer[16:]),
		SG:               ipv4.SG{Source: ipv4.FromBytes(inner[12:]), Group: ipv4.FromBytes(inner[16:])},
		Null:             flags&flagNull != 0,
		Border:           flags&flagBorder != 0,
	}
	if !isHost(r.SG.Source) || !r.SG.Group.IsMulticast() {
		return Register{}, fmt.Errorf("%w: %s inside", ErrMalformed, r.SG)
	}
	return r, nil
}

// splitIPv4 returns the header and the payload, the latter without what the link layer
// may have put behind it. whole says whether the payload is there to its last octet.
func splitIPv4(p []byte) (header, payload []byte, whole bool, err error) {
	if len(p) < minIPv4Header {
		return nil, nil, false, fmt.Errorf("%d octets", len(p))
	}
	n := int(p[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(p[2:]))
	if p[0]>>4 != 4 || n < minIPv4Header || n > len(p) || total < n {
		return nil, nil, false, fmt.Errorf("first octet %#02x, length %d", p[0], total)
	}
	if binary.BigEndian.Uint16(p[6:])&0x3fff != 0 {
		return nil, nil, false, errors.New("a fragment")
	}
	whole = len(p) >= total
	return p[:n], p[n:min(total, len(p))], whole, nil
}

// packetInside returns the IPv4 packet in a sound Register, "" where it is not there as long as
// its own header says.
func packetInside(p []byte) string {
	_, payload, whole, err := splitIPv4(p)
	if err != nil || !whole || len(payload) < pimHeader+minIPv4Header {
		return ""
	}
	inner := payload[pimHeader:]
	total := int(binary.BigEndian.Uint16(inner[2:]))
	if total < minIPv4Header || total > len(inner) {
		return ""
	}
	return string(inner[:total])
}

// isHost reports whether a can be the address of one host: not 0/8, loopback, multicast
// or the broadcast address.
func isHost(a ipv4.Addr) bool {
	return a>>24 != 0 && !a.IsLoopback() && !a.IsMulticast() && a != 0xffffffff
}

// AppendNullRegister appends the PIM message (no outer IP header) that tells an RP of
// sg without data: RFC 7761 §4.9.3, with a dummy IPv4 header inside.
func AppendNullRegister(b []byte, sg ipv4.SG) []byte {
	start := len(b)
	b = append(b, registerType, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, flagNull)
	binary.BigEndian.PutUint16(b[start+2:], checksum(b[start:]))

	inner := len(b)
	b = append(b,
		0x45, 0, 0, minIPv4Header, // version, header length, TOS, total length
		0, 0, 0, 0, // identification, fragment
		0, protocolPIM, 0, 0) // TTL, protocol, checksum
	b = sg.Source.Append(b)
	b = sg.Group.Append(b)
	binary.BigEndian.PutUint16(b[inner+10:], checksum(b[inner:]))
	return b
}

// checksum is the Internet checksum (RFC 1071); over data that holds its own, it is 0.
func checksum(b []byte) uint16 {
	var sum uint64
	for len(b) >= 2 {
		sum += uint64(b[0])<<8 | uint64(b[1])
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
