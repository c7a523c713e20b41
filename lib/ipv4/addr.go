// Package ipv4 holds IPv4 addresses as numbers, which is what tables of a million
// sources can afford: four bytes, no pointer, comparable, ordered as routers order
// them. At the edges they become netip.Addr or text.
package ipv4

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Addr is an IPv4 address in host order, so that a < b compares addresses as
// RFC 3618 §11 does ("the lower address connects"). The zero value is 0.0.0.0.
type Addr uint32

// Parse reads a dotted quad. The error names the input.
func Parse(s string) (Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return 0, fmt.Errorf("%q is not an IPv4 address", s)
	}
	return From4(a.As4()), nil
}

// MustParse is Parse for literals; it panics where Parse returns an error.
func MustParse(s string) Addr {
	a, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

// From4 takes the four octets in network order.
func From4(b [4]byte) Addr { return Addr(binary.BigEndian.Uint32(b[:])) }

// FromBytes reads the first four octets of b, in network order. It panics when b is shorter.
func FromBytes(b []byte) Addr { return Addr(binary.BigEndian.Uint32(b)) }

// FromNetip converts an IPv4 or IPv4-mapped address; ok is false for any other.
func FromNetip(a netip.Addr) (addr Addr, ok bool) {
	a = a.Unmap()
	if !a.Is4() {
		return 0, false
	}
	return From4(a.As4()), true
}

// As4 returns the four octets in network order.
func (a Addr) As4() [4]byte {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(a))
	return b
}

// Append appends the four octets in network order to b.
func (a Addr) Append(b []byte) []byte { return binary.BigEndian.AppendUint32(b, uint32(a)) }

// Netip returns the address as netip.Addr.
func (a Addr) Netip() netip.Addr { return netip.AddrFrom4(a.As4()) }

// String returns the dotted quad.
func (a Addr) String() string { return a.Netip().String() }

// AppendText appends the dotted quad to b. It never fails.
func (a Addr) AppendText(b []byte) ([]byte, error) { return a.Netip().AppendTo(b), nil }

// MarshalText implements encoding.TextMarshaler, so that JSON and zap show the dotted quad.
func (a Addr) MarshalText() ([]byte, error) { return a.AppendText(nil) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Addr) UnmarshalText(text []byte) error {
	v, err := Parse(string(text))
	if err != nil {
		return err
	}
	*a = v
	return nil
}

// IsUnspecified reports whether a is 0.0.0.0.
func (a Addr) IsUnspecified() bool { return a == 0 }

// IsMulticast reports whether a is in 224.0.0.0/4.
func (a Addr) IsMulticast() bool { return a>>28 == 0xe }

// IsLoopback reports whether a is in 127.0.0.0/8.
func (a Addr) IsLoopback() bool { return a>>24 == 127 }

// SG names one source of one group. Source 0.0.0.0 stands for any source: (*,G).
type SG struct {
	Source Addr
	Group  Addr
}

// String returns "(S,G)", with "*" for any source.
func (sg SG) String() string {
	s := "*"
	if !sg.Source.IsUnspecified() {
		s = sg.Source.String()
	}
	return "(" + s + "," + sg.Group.String() + ")"
}
