package msdp

import (
	"encoding/binary"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// rawSA builds an SA whose header says what it likes.
func rawSA(length, count int, rp string, entries ...[]byte) []byte {
	b := []byte{1, 0, 0, byte(count)}
	binary.BigEndian.PutUint16(b[1:], uint16(length))
	b = ip(rp).Append(b)
	for _, e := range entries {
		b = append(b, e...)
	}
	return b
}

func rawEntry(prefixLength byte, sg ipv4.SG) []byte {
	b := []byte{0, 0, 0, prefixLength}
	b = sg.Group.Append(b)
	return sg.Source.Append(b)
}

func TestFormatErrorsResetThatSessionOnly(t *testing.T) {
	rp := below1.String()
	for name, tlv := range map[string][]byte{
		"length 0":              {1, 0, 0},
		"length 1":              {4, 0, 1},
		"length 2, unknown":     {99, 0, 2},
		"SA without a count":    {1, 0, 3},
		"SA without an RP":      {1, 0, 7, 1, 1, 2, 3},
		"count past the length": rawSA(20, 2, rp, rawEntry(32, sgA)),
		"255 entries, one there": rawSA(20, 255, rp,
			rawEntry(32, sgA)),
		"a rest that is no packet": rawSA(24, 1, rp, rawEntry(32, sgA), []byte{1, 2, 3, 4}),
		"cut short":                rawSA(20, 1, rp, rawEntry(32, sgA))[:19],
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, peersConfig(below1, below2))
			r.up(below1, below2)
			bad, good := r.conn(below1), r.conn(below2)
			b := wire.AppendSourceActive(nil, below1, []ipv4.SG{sgB})
			b = append(b, tlv...)
			b = append(b, wire.AppendSourceActive(nil, below1, []ipv4.SG{sgC})...)
			if name == "cut short" {
				b = append(wire.AppendSourceActive(nil, below1, []ipv4.SG{sgB}), tlv...)
			}
			r.s.Received(r.now, bad, b)
			r.wantState(below1, StateListen)
			r.wantState(below2, StateEstablished)
			if !r.env.closed[bad] || r.env.closed[good] {
				t.Error("not just that session was closed")
			}
			r.wantCached(true, sgB) // it came before
			r.wantCached(false, sgA, sgC)
			st, _ := r.s.Peer(r.now, below1)
			if st.Counters.FormatErrors != 1 || st.LastReset == "" {
				t.Errorf("%d format errors, last reset %q", st.Counters.FormatErrors, st.LastReset)
			}
			r.up(below1) // and it may come back
		})
	}
}

func TestWhatIsNoFormatError(t *testing.T) {
	rp := below1.String()
	big := func(length int, head []byte) []byte {
		b := make([]byte, length)
		copy(b, head)
		binary.BigEndian.PutUint16(b[1:], uint16(length))
		return b
	}
	for name, tc := range map[string]struct {
		tlv    []byte
		cached bool
	}{
		"unknown type":                    {[]byte{99, 0, 5, 1, 2}, false},
		"unknown type, length 3":          {[]byte{99, 0, 3}, false},
		"reserved type":                   {[]byte{5, 0, 4, 0}, false},
		"SA Request":                      {wire.AppendSARequest(nil, sgA.Group), false},
		"SA Response":                     {wire.AppendSAResponse(nil, below1, []ipv4.SG{sgA}), false},
		"KeepAlive longer than 3":         {[]byte{4, 0, 6, 1, 2, 3}, false},
		"SA with no entries":              {rawSA(8, 0, rp), false},
		"SA of length 9193":               {big(9193, rawSA(20, 1, rp, rawEntry(32, sgA))), true},
		"SA of length 65535":              {big(65535, rawSA(20, 1, rp, rawEntry(32, sgA))), true},
		"unknown type of length 65535":    {big(65535, []byte{200}), false},
		"reserved octets are not zero":    {rawSA(20, 1, rp, append([]byte{7, 7, 7}, rawEntry(32, sgA)[3:]...)), true},
		"255 entries":                     {wire.AppendSourceActive(nil, below1, append(many(254), sgA)), true},
		"prefix length not 32, with more": {rawSA(32, 2, rp, rawEntry(24, sgB), rawEntry(32, sgA)), true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, peersConfig(below1, below2))
			r.up(below1, below2)
			r.advance(70 * time.Second)
			r.s.Received(r.now, r.conn(below2), wire.AppendKeepAlive(nil))
			r.tlv(below1, tc.tlv)
			r.wantState(below1, StateEstablished)
			r.wantCached(tc.cached, sgA)
			r.advance(70 * time.Second)
			r.wantState(below1, StateEstablished) // it reset the hold timer
		})
	}
}

func TestUnknownTypesAreCounted(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	r.tlv(below1, []byte{99, 0, 3, 200, 0, 4, 0})
	if n := r.s.peers[below1].stats.UnknownTLVs; n != 2 {
		t.Errorf("%d", n)
	}
}

// many returns n different (S,G)s.
func many(n int) []ipv4.SG {
	out := make([]ipv4.SG, n)
	for i := range out {
		out[i] = ipv4.SG{Source: ip("20.0.0.0") + ipv4.Addr(i), Group: ip("239.3.0.0") + ipv4.Addr(i%200)}
	}
	return out
}

func TestEntriesThatNeverCross(t *testing.T) {
	for name, tc := range map[string]struct {
		sg  ipv4.SG
		why Reason
	}{
		"SSM":                   {sg("192.0.2.1", "232.1.1.1"), ReasonGroup},
		"last of SSM":           {sg("192.0.2.1", "232.255.255.255"), ReasonGroup},
		"link-local":            {sg("192.0.2.1", "224.0.0.5"), ReasonGroup},
		"Auto-RP announce":      {sg("192.0.2.1", "224.0.1.39"), ReasonGroup},
		"Auto-RP discovery":     {sg("192.0.2.1", "224.0.1.40"), ReasonGroup},
		"no group":              {sg("192.0.2.1", "10.1.1.1"), ReasonGroup},
		"group 0":               {sg("192.0.2.1", "0.0.0.0"), ReasonGroup},
		"group broadcast":       {sg("192.0.2.1", "255.255.255.255"), ReasonGroup},
		"multicast source":      {sg("239.1.1.2", "239.1.1.1"), ReasonSource},
		"loopback source":       {sg("127.0.0.1", "239.1.1.1"), ReasonSource},
		"source 0":              {sg("0.0.0.0", "239.1.1.1"), ReasonSource},
		"source in 0/8":         {sg("0.1.2.3", "239.1.1.1"), ReasonSource},
		"source broadcast":      {sg("255.255.255.255", "239.1.1.1"), ReasonSource},
		"Auto-RP's neighbour":   {sg("192.0.2.1", "224.0.1.41"), ReasonNone},
		"just above link-local": {sg("192.0.2.1", "224.0.1.0"), ReasonNone},
		"just above SSM":        {sg("192.0.2.1", "233.0.0.0"), ReasonNone},
		"just below SSM":        {sg("192.0.2.1", "231.255.255.255"), ReasonNone},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, peersConfig(below1, below2))
			r.s.SetRPs(r.now, rpIs(rigRP))
			r.up(below1, below2)
			r.forgetSent()
			r.sa(below1, below1.String(), sgB, tc.sg, sgC)
			r.wantCached(true, sgB, sgC)
			r.wantCached(tc.why == ReasonNone, tc.sg)
			if tc.why == ReasonNone {
				r.wantSAs(below2, sgB, tc.sg, sgC)
				return
			}
			r.wantRefused(below1, tc.why, 1)
			r.wantSAs(below2, sgB, sgC)
			// Nor are they originated.
			r.register(tc.sg)
			r.wantSAs(below2)
			if r.s.Summary().Locals != 0 {
				t.Error("it became a local source")
			}
		})
	}
}

func TestRPAddressesThatCannotBe(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	for i, rp := range []string{"0.0.0.0", "127.0.0.1", "224.1.1.1", "255.255.255.255"} {
		r.sa(below1, rp, sgA)
		r.wantRefused(below1, ReasonRPAddress, uint64(i+1))
	}
	if r.s.Summary().RPs != 0 {
		t.Error("one of them is remembered")
	}
}

func TestPrefixLengthIsCounted(t *testing.T) {
	r := newRig(t, peersConfig(below1, below2))
	r.up(below1, below2)
	r.forgetSent()
	r.tlv(below1, rawSA(44, 3, below1.String(), rawEntry(24, sgA), rawEntry(32, sgB), rawEntry(0, sgC)))
	r.wantRefused(below1, ReasonPrefixLength, 2)
	r.wantSAs(below2, sgB)
}
