package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"msdpd/lib/ipv4"
)

// sprefixLen is the only prefix length of a source that may be sent (§12.2.1).
const sprefixLen = 32

// SourceActive is a Source-Active or a Source-Active Response (§12.2.1; both look the same).
// It points into the TLV that it was read from.
type SourceActive struct {
	// RP is the address of the RP in whose domain the sources are.
	RP ipv4.Addr

	entries []byte
	data    []byte
}

// ParseSourceActive reads a whole TLV of type 1 or 3, its header included. A format error, which
// wraps ErrFormat, is a length below what the entry count needs, or a rest behind the entries
// that is not one IPv4 packet of just that length with the last entry's source and group. Reserved
// octets are not looked at, and a TLV longer than MaxTLVLen has no data, whatever is in it (§12).
func ParseSourceActive(tlv []byte) (SourceActive, error) {
	h, err := ParseHeader(tlv)
	if err != nil {
		return SourceActive{}, fmt.Errorf("reading a Source-Active: %w", err)
	}
	if h.Type != TypeSourceActive && h.Type != TypeSAResponse {
		return SourceActive{}, fmt.Errorf("reading a Source-Active: this is a %v", h.Type)
	}
	if h.Length != len(tlv) {
		return SourceActive{}, fmt.Errorf("%w: %v of length %d in %d octets", ErrFormat, h.Type, h.Length, len(tlv))
	}
	if len(tlv) < SAHeaderLen {
		return SourceActive{}, fmt.Errorf("%w: %v of length %d, the least is %d", ErrFormat, h.Type, h.Length, SAHeaderLen)
	}
	count := int(tlv[3])
	end := SAHeaderLen + count*EntryLen
	if len(tlv) < end {
		return SourceActive{}, fmt.Errorf("%w: %v of length %d, its %d entries need %d", ErrFormat, h.Type, h.Length, count, end)
	}
	sa := SourceActive{RP: ipv4.FromBytes(tlv[4:]), entries: tlv[SAHeaderLen:end:end]}
	rest := tlv[end:]
	switch {
	case len(rest) == 0 || h.Length > MaxTLVLen:
		return sa, nil
	case count == 0:
		return SourceActive{}, fmt.Errorf("%w: %v with no entries and %d octets behind them", ErrFormat, h.Type, len(rest))
	}
	sg, _ := sa.Entry(count - 1)
	if err := checkPacket(rest, sg); err != nil {
		return SourceActive{}, fmt.Errorf("%w: %d octets behind the %d entries of a %v: %w", ErrFormat, len(rest), count, h.Type, err)
	}
	sa.data = rest
	return sa, nil
}

// Len is the number of entries, 0 to MaxEntries.
func (sa SourceActive) Len() int { return len(sa.entries) / EntryLen }

// Entry returns entry i and the prefix length of its source. An entry with another prefix length
// than 32 is to be ignored. It panics when i is not below Len.
func (sa SourceActive) Entry(i int) (sg ipv4.SG, prefixLen uint8) {
	e := sa.entries[i*EntryLen:][:EntryLen]
	return ipv4.SG{Source: ipv4.FromBytes(e[8:]), Group: ipv4.FromBytes(e[4:])}, e[3]
}

// PrefixLen returns the prefix length of the source of entry i, as Entry does.
func (sa SourceActive) PrefixLen(i int) uint8 { return sa.entries[i*EntryLen+3] }

// Data returns the encapsulated packet, which belongs to the last entry; nil when there is none.
func (sa SourceActive) Data() []byte { return sa.data }

// AppendStripped appends sa as a Source-Active without its data: as it is forwarded to a peer
// that gets no encapsulated data. Entries whose prefix length is not 32 are left out, reserved
// octets are zero; nothing is appended where no entry is left.
func (sa SourceActive) AppendStripped(b []byte) []byte {
	if sa.isPlain() {
		return append(appendSAHeader(b, TypeSourceActive, sa.Len(), sa.RP), sa.entries...)
	}
	start := len(b)
	b = appendSAHeader(b, TypeSourceActive, 0, sa.RP)
	n := 0
	for i := range sa.Len() {
		if sg, plen := sa.Entry(i); plen == sprefixLen {
			b = appendEntry(b, sg)
			n++
		}
	}
	if n == 0 {
		return b[:start]
	}
	binary.BigEndian.PutUint16(b[start+1:], uint16(SAHeaderLen+n*EntryLen))
	b[start+3] = byte(n)
	return b
}

// isPlain reports whether there are entries, and all of them are such as are sent: with prefix
// length 32, and reserved octets that are zero.
func (sa SourceActive) isPlain() bool {
	for e := sa.entries; len(e) >= EntryLen; e = e[EntryLen:] {
		if binary.BigEndian.Uint32(e) != sprefixLen {
			return false
		}
	}
	return len(sa.entries) > 0
}

// AppendSourceActive appends sgs as Source-Actives of the RP rp, as few as hold them: MaxEntries
// in each but the last. For no sgs it appends nothing.
func AppendSourceActive(b []byte, rp ipv4.Addr, sgs []ipv4.SG) []byte {
	return appendEntries(b, TypeSourceActive, rp, sgs)
}

// AppendSAResponse appends sgs as Source-Active Responses, otherwise as AppendSourceActive does.
func AppendSAResponse(b []byte, rp ipv4.Addr, sgs []ipv4.SG) []byte {
	return appendEntries(b, TypeSAResponse, rp, sgs)
}

// AppendSourceActiveData appends a Source-Active with one entry and the packet that its source
// sent (§14). The error says why the packet cannot go with sg, or that it does not fit in
// MaxTLVLen; b is returned as it was then.
func AppendSourceActiveData(b []byte, rp ipv4.Addr, sg ipv4.SG, packet []byte) ([]byte, error) {
	if err := checkPacket(packet, sg); err != nil {
		return b, fmt.Errorf("encapsulating a packet of %v: %w", sg, err)
	}
	if n := SAHeaderLen + EntryLen + len(packet); n > MaxTLVLen {
		return b, fmt.Errorf("encapsulating a packet of %v: the TLV would have %d octets, the most is %d", sg, n, MaxTLVLen)
	}
	start := len(b)
	b = appendSAHeader(b, TypeSourceActive, 1, rp)
	b = appendEntry(b, sg)
	b = append(b, packet...)
	binary.BigEndian.PutUint16(b[start+1:], uint16(len(b)-start))
	return b, nil
}

func appendEntries(b []byte, t Type, rp ipv4.Addr, sgs []ipv4.SG) []byte {
	for len(sgs) > 0 {
		n := min(len(sgs), MaxEntries)
		b = appendSAHeader(b, t, n, rp)
		for _, sg := range sgs[:n] {
			b = appendEntry(b, sg)
		}
		sgs = sgs[n:]
	}
	return b
}

func appendSAHeader(b []byte, t Type, count int, rp ipv4.Addr) []byte {
	b = appendHeader(b, t, SAHeaderLen+count*EntryLen)
	b = append(b, byte(count))
	return rp.Append(b)
}

func appendEntry(b []byte, sg ipv4.SG) []byte {
	b = append(b, 0, 0, 0, sprefixLen)
	b = sg.Group.Append(b)
	return sg.Source.Append(b)
}

// checkPacket says why p is not one whole IPv4 packet from sg's source to its group.
func checkPacket(p []byte, sg ipv4.SG) error {
	const minHeader = 20
	if len(p) < minHeader {
		return errors.New("too short for an IPv4 packet")
	}
	if v := p[0] >> 4; v != 4 {
		return fmt.Errorf("no IPv4 packet: version %d", v)
	}
	if n := int(p[0]&0xf) * 4; n < minHeader || n > len(p) {
		return fmt.Errorf("no IPv4 packet: a header of %d octets", n)
	}
	if n := int(binary.BigEndian.Uint16(p[2:])); n != len(p) {
		return fmt.Errorf("an IPv4 packet of %d octets", n)
	}
	if got := (ipv4.SG{Source: ipv4.FromBytes(p[12:]), Group: ipv4.FromBytes(p[16:])}); got != sg {
		return fmt.Errorf("a packet of %v with the entry %v", got, sg)
	}
	return nil
}
