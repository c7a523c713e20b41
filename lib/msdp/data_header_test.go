package msdp

import (
	"encoding/binary"
	"testing"
)

// TestDataHeaders: what no router would forward is not brought in by an SA.
func TestDataHeaders(t *testing.T) {
	packet := func(payload int, change func(p []byte)) []byte {
		p := make([]byte, 20+payload)
		p[0], p[8], p[9] = 0x45, 9, 17
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
		copy(p[16:], sgInside.Group.Append(nil))
		change(p)
		p[10], p[11] = 0, 0
		var sum uint32
		for i := 0; i < 20; i += 2 {
			sum += uint32(binary.BigEndian.Uint16(p[i:]))
		}
		binary.BigEndian.PutUint16(p[10:], ^uint16(sum>>16+sum&0xffff))
		return p
	}
	for name, tc := range map[string]struct {
		payload int
		change  func(p []byte)
		want    DataFate
	}{
		"sound":                  {5, func([]byte) {}, DataForwarded},
		"do not fragment":        {5, func(p []byte) { p[6] = 0x40 }, DataForwarded},
		"a first fragment":       {16, func(p []byte) { p[6] = 0x20 }, DataForwarded},
		"a last fragment":        {5, func(p []byte) { p[7] = 2 }, DataForwarded},
		"fragment of odd length": {5, func(p []byte) { p[6] = 0x20 }, DataMalformed},
		"empty fragment":         {0, func(p []byte) { p[7] = 2 }, DataMalformed},
		"fragment past the end":  {16, func(p []byte) { p[6], p[7] = 0x1f, 0xff }, DataMalformed},
		"more, and do not":       {16, func(p []byte) { p[6] = 0x60 }, DataMalformed},
		"reserved flag":          {5, func(p []byte) { p[6] = 0x80 }, DataMalformed},
		"options":                {8, func(p []byte) { p[0] = 0x46 }, DataMalformed},
		"IGMP":                   {8, func(p []byte) { p[9] = 2 }, DataMalformed},
		"PIM":                    {8, func(p []byte) { p[9] = 103 }, DataMalformed},
		"TTL":                    {8, func(p []byte) { p[8] = 1 }, DataTTL},
	} {
		if got := checkData(packet(tc.payload, tc.change)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
