package msdp

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"msdpd/lib/acl"
	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// dataPacket is a packet of sg with a payload of so many octets.
func dataPacket(sg ipv4.SG, ttl uint8, payload int) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, ttl, 17, 0, 0}
	b = sg.Source.Append(b)
	b = sg.Group.Append(b)
	b = append(b, make([]byte, payload)...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	fixSum(b)
	return b
}

func fixSum(b []byte) {
	b[10], b[11] = 0, 0
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum))
}

// saData delivers an SA with a packet from the peer.
func (r *rig) saData(from ipv4.Addr, rp string, sg ipv4.SG, packet []byte) {
	r.t.Helper()
	tlv, err := wire.AppendSourceActiveData(nil, ip(rp), sg, packet)
	if err != nil {
		r.t.Fatal(err)
	}
	r.tlv(from, tlv)
}

// dataRig is the RP of all groups. below1 is an RP, whose SAs are accepted by rule (i).
func dataRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	c := peersConfig(below1, below2, above1)
	c.DataPeriod = DefaultDataPeriod
	for i := range c.Peers {
		c.Peers[i].Data.Accept = true
	}
	if change != nil {
		change(&c)
	}
	r := newRig(t, c)
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.up(below1, below2, above1)
	r.forgetSent()
	return r
}

func (r *rig) receivers(group string) {
	r.s.KernelEntry(r.now, ipv4.SG{Group: ip(group)}, 1, 0)
}

func (r *rig) wantFates(from ipv4.Addr, want map[DataFate]uint64) {
	r.t.Helper()
	for _, f := range DataFates() {
		if got := r.s.peers[from].stats.Data[f]; got != want[f] {
			r.t.Errorf("%d packets of %s: %s, want %d", got, from, f, want[f])
		}
	}
}

// takenData returns the packets sent to the peer, and forgets all that was sent.
func (r *rig) takenData(to ipv4.Addr) []string {
	r.t.Helper()
	var out []string
	for _, m := range r.taken(to) {
		if len(m.data) > 0 {
			out = append(out, string(m.data))
		}
	}
	return out
}

var dataSG = sg("192.0.2.1", "239.1.1.1")

func TestDataIsForwarded(t *testing.T) {
	r := dataRig(t, nil)
	r.receivers("239.1.1.1")
	packet := dataPacket(dataSG, 16, 100)
	r.saData(below1, "10.0.0.1", dataSG, packet)
	if len(r.env.forward) != 1 || r.env.forward[0] != (forwardedData{below1, dataSG, string(packet)}) {
		t.Fatalf("forwarded: %v", r.env.forward)
	}
	r.wantFates(below1, nil) // it is not known yet
	r.s.DataForwarded(r.now, below1, DataForwarded)
	r.s.DataForwarded(r.now, below1, DataNative)
	r.s.DataForwarded(r.now, ip("10.0.0.99"), DataNative) // a peer that was removed
	r.wantFates(below1, map[DataFate]uint64{DataForwarded: 1, DataNative: 1})
}

func TestDataThatIsNotForwarded(t *testing.T) {
	other := sg("192.0.2.1", "239.2.2.2")
	bad := func(off int, v byte) []byte {
		p := dataPacket(dataSG, 16, 100)
		p[off] = v
		return p
	}
	options := bad(0, 0x46) // the checksum is not over the option
	for name, tc := range map[string]struct {
		change func(*Config)
		from   ipv4.Addr
		sg     ipv4.SG
		packet []byte
		want   DataFate
	}{
		"accept is off":           {func(c *Config) { c.Peer(below1).Data.Accept = false }, below1, dataSG, dataPacket(dataSG, 16, 100), DataNotAccepted},
		"all is off":              {func(c *Config) { c.Peer(below1).Data.Accept = false; c.DataPeriod = 0 }, below1, dataSG, dataPacket(dataSG, 16, 100), DataNotAccepted},
		"filtered":                {denyAll, below1, dataSG, dataPacket(dataSG, 16, 100), DataRefused},
		"own RP":                  {func(c *Config) { c.OriginatorID = ip("10.0.0.1") }, below1, dataSG, dataPacket(dataSG, 16, 100), DataRefused},
		"checksum":                {nil, below1, dataSG, bad(11, 0x77), DataMalformed},
		"checksum with an option": {nil, below1, dataSG, options, DataMalformed},
		"TTL 1":                   {nil, below1, dataSG, dataPacket(dataSG, 1, 100), DataTTL},
		"TTL 0":                   {nil, below1, dataSG, dataPacket(dataSG, 0, 100), DataTTL},
		"no receivers":            {nil, below1, other, dataPacket(other, 16, 100), DataNoReceivers},
	} {
		t.Run(name, func(t *testing.T) {
			r := dataRig(t, tc.change)
			r.receivers("239.1.1.1")
			r.saData(tc.from, "10.0.0.1", tc.sg, tc.packet)
			r.wantFates(tc.from, map[DataFate]uint64{tc.want: 1})
			if len(r.env.forward) > 0 {
				t.Errorf("forwarded: %v", r.env.forward)
			}
		})
	}
	r := dataRig(t, nil)
	r.receivers("239.1.1.1")
	r.s.SetRPs(r.now, rpAway("10.0.0.77"))
	r.saData(below1, "10.0.0.1", dataSG, dataPacket(dataSG, 16, 100))
	r.wantFates(below1, map[DataFate]uint64{DataNotRP: 1})
}

func denyAll(c *Config) {
	c.Lists = acl.Lists{} // NONE does not exist, and so permits nothing
	c.Peer(below1).Filters.In.SG = "NONE"
}

// TestDataIsBounded: in number and time of each (S,G), and in all.
func TestDataIsBounded(t *testing.T) {
	r := dataRig(t, nil)
	r.receivers("239.1.1.1")
	packet := dataPacket(dataSG, 16, 100)
	for range maxDataPackets + 7 {
		r.saData(below1, "10.0.0.1", dataSG, packet)
	}
	if len(r.env.forward) != maxDataPackets {
		t.Errorf("%d packets forwarded", len(r.env.forward))
	}
	r.wantFates(below1, map[DataFate]uint64{DataMany: 7})
	second := sg("192.0.2.2", "239.1.1.1")
	r.saData(below1, "10.0.0.1", second, dataPacket(second, 16, 100))
	r.advance(dataPeriod + TickInterval)
	r.saData(below1, "10.0.0.1", second, dataPacket(second, 16, 100))
	r.wantFates(below1, map[DataFate]uint64{DataMany: 7, DataLate: 1})

	// A source that was silent until it was forgotten begins anew.
	r.advanceAlive(dataAgain)
	r.env.forward = nil
	r.saData(below1, "10.0.0.1", dataSG, packet)
	if len(r.env.forward) != 1 {
		t.Error("a source that comes again is not forwarded")
	}

	// Of a peer that names ever new sources.
	r = dataRig(t, func(c *Config) { c.DataPeriod = 0 })
	r.receivers("239.1.1.1")
	for i := range maxDataSources + 10 {
		if i%500 == 0 {
			r.advance(time.Second) // its rate is not what is looked at
		}
		s := ipv4.SG{Source: ip("20.0.0.1") + ipv4.Addr(i), Group: ip("239.1.1.1")}
		r.saData(below1, "10.0.0.1", s, dataPacket(s, 16, 1))
	}
	if n := len(r.s.peers[below1].dataSources); n != maxDataSources {
		t.Errorf("%d sources are remembered", n)
	}
	r.wantFates(below1, map[DataFate]uint64{DataRate: 10})
	s := sg("30.0.0.1", "239.1.1.1")
	r.saData(below2, "10.0.0.2", s, dataPacket(s, 16, 1))
	r.wantFates(below2, nil) // it is not this peer's fault

	// And of all together.
	r = dataRig(t, nil)
	r.receivers("239.1.1.1")
	for i := range int(dataRate.Burst) + 5 {
		s := ipv4.SG{Source: ip("20.0.0.1") + ipv4.Addr(i), Group: ip("239.1.1.1")}
		r.saData(below1, "10.0.0.1", s, dataPacket(s, 16, 1))
	}
	r.wantFates(below1, map[DataFate]uint64{DataRate: 5})
}

// TestOnlyTheLastEntryCounts: the packet is of the last entry, whatever becomes of the others.
func TestOnlyTheLastEntryCounts(t *testing.T) {
	r := dataRig(t, nil)
	r.receivers("239.1.1.1")
	for i, tc := range []struct {
		first string // group of the entry before
		last  ipv4.SG
		want  DataFate
	}{
		{"232.1.1.1", dataSG, DataForwarded},
		{"239.9.9.9", sg("192.0.2.1", "232.1.1.1"), DataRefused},
	} {
		b := wire.AppendSourceActive(nil, ip("10.0.0.1"), []ipv4.SG{sg("192.0.2.9", tc.first), tc.last})
		b = append(b, dataPacket(tc.last, 16, 100)...)
		binary.BigEndian.PutUint16(b[1:], uint16(len(b)))
		r.tlv(below1, b)
		if got := len(r.env.forward); got != 1 {
			t.Errorf("%d: %d forwarded", i, got)
		}
	}
	r.wantFates(below1, map[DataFate]uint64{DataRefused: 1})
}

// TestDataWaitsForTheRoute: the first SA of an RP waits, and its packet with it.
func TestDataWaitsForTheRoute(t *testing.T) {
	for name, tc := range map[string]struct {
		gateway ipv4.Addr
		want    map[DataFate]uint64
		forward int
	}{
		"accepted": {below1, nil, 1},
		"refused":  {below2, map[DataFate]uint64{DataRefused: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := dataRig(t, nil)
			r.receivers("239.1.1.1")
			r.saData(below1, "10.77.0.1", dataSG, dataPacket(dataSG, 16, 100))
			if len(r.env.forward) > 0 || r.s.dataHeld != 120 {
				t.Fatalf("forwarded: %v, held %d", r.env.forward, r.s.dataHeld)
			}
			r.route("10.77.0.1", 20, tc.gateway)
			if len(r.env.forward) != tc.forward || r.s.dataHeld != 0 {
				t.Errorf("forwarded: %v, held %d", r.env.forward, r.s.dataHeld)
			}
			r.wantFates(below1, tc.want)
		})
	}
	// What waits is bounded, and goes with what it waits with.
	r := dataRig(t, nil)
	const n = maxDataHeld/9020 + 10
	for i := range n {
		s := ipv4.SG{Source: ip("20.0.0.1") + ipv4.Addr(i), Group: ip("239.1.1.1")}
		r.saData(below1, "10.77.0.1", s, dataPacket(s, 16, 9000))
	}
	if r.s.dataHeld > maxDataHeld || r.s.dataHeld < maxDataHeld-9020 {
		t.Errorf("%d octets wait", r.s.dataHeld)
	}
	c := r.s.config.Clone()
	c.RemovePeer(below1)
	r.apply(c)
	if r.s.dataHeld != 0 {
		t.Errorf("%d octets wait for nobody", r.s.dataHeld)
	}
}

// registerData delivers a Register with a packet of sg.
func (r *rig) registerData(sg ipv4.SG, packet []byte) {
	r.s.RegisterHeard(r.now, Register{OuterSource: ip("10.7.0.254"), OuterDestination: ip(rigRP), SG: sg, Packet: packet})
}

func TestLocalDataIsSent(t *testing.T) {
	r := dataRig(t, func(c *Config) { c.Peer(below2).Data.TTLThreshold = 17; c.Peer(above1).Data.TTLThreshold = 16 })
	first, second := dataPacket(dataSG, 16, 100), dataPacket(dataSG, 16, 101)
	r.registerData(dataSG, first)
	r.registerData(dataSG, second)
	if len(r.env.sent) > 0 || r.s.dataHeld != 241 {
		t.Fatalf("sent before pimd took the Register: %v; %d octets wait", r.env.sent, r.s.dataHeld)
	}
	r.s.KernelEntry(r.now, dataSG, 2, 0)
	for peer, want := range map[ipv4.Addr]int{below1: 2, below2: 0, above1: 2} {
		got := r.taken(peer)
		if len(got) != 1+want || len(got[0].data) > 0 || len(got[0].sgs) != 1 {
			t.Errorf("%s was sent %d messages, want a plain SA and %d with packets", peer, len(got), want)
			continue
		}
		for i, m := range got[1:] {
			if string(m.data) != string([][]byte{first, second}[i]) || m.rp != ip(rigRP) || len(m.sgs) != 1 || m.sgs[0] != dataSG {
				t.Errorf("%s: %+v", peer, m)
			}
		}
	}
	if st := r.s.peers[below2].stats; st.DataBelowTTL != 2 || st.DataSent != 0 {
		t.Errorf("below the threshold: %+v", st)
	}
	if r.s.dataHeld != 0 {
		t.Errorf("%d octets wait", r.s.dataHeld)
	}

	// Then as they come, up to 100, and for three seconds.
	for range maxDataPackets {
		r.registerData(dataSG, first)
	}
	if n := len(r.takenData(below1)); n != maxDataPackets-2 {
		t.Errorf("%d packets more", n)
	}
	other := sg("192.0.2.2", "239.1.1.1")
	r.s.KernelEntry(r.now, other, 2, 0)
	r.registerData(other, dataPacket(other, 16, 1))
	r.registerData(other, nil) // a Null-Register
	r.advance(DefaultDataPeriod)
	r.registerData(other, dataPacket(other, 16, 1))
	r.advance(TickInterval)
	r.registerData(other, dataPacket(other, 16, 1))
	if n := len(r.takenData(below1)); n != 2 {
		t.Errorf("%d packets in %s", n, DefaultDataPeriod)
	}
	// A source that was silent is new.
	r.advanceAlive(2 * time.Minute)
	r.registerData(other, dataPacket(other, 16, 1))
	if n := len(r.takenData(below1)); n != 1 {
		t.Errorf("%d packets after a silence", n)
	}
}

func TestLocalDataThatIsNotSent(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		before func(*rig)
		packet []byte
		want   PeerCounters
	}{
		"off":           {func(c *Config) { c.DataPeriod = 0 }, nil, dataPacket(dataSG, 16, 100), PeerCounters{}},
		"not announced": {func(c *Config) { c.Redistribute.Restricted = true }, nil, dataPacket(dataSG, 16, 100), PeerCounters{}},
		"filtered":      {func(c *Config) { c.Peer(below1).Filters.Out.SG = "NONE" }, nil, dataPacket(dataSG, 16, 100), PeerCounters{}},
		"beyond the scope": {func(c *Config) { c.Peer(below1).Filters.ScopeBoundary = "NONE" }, nil, dataPacket(dataSG, 16, 100),
			PeerCounters{}},
		"a slow peer": {nil, func(r *rig) { r.env.busy[r.conn(below1)] = true }, dataPacket(dataSG, 16, 100), PeerCounters{DataNotSent: 1}},
		"a full queue": {nil, func(r *rig) { r.env.full[r.conn(below1)] = true }, dataPacket(dataSG, 16, 100),
			PeerCounters{DataNotSent: 1}},
		"too long":           {nil, nil, dataPacket(dataSG, 16, wire.MaxTLVLen-20-20+1), PeerCounters{DataNotSent: 1}},
		"another's packet":   {nil, nil, dataPacket(sg("192.0.2.9", "239.1.1.1"), 16, 100), PeerCounters{DataNotSent: 1}},
		"at its end":         {nil, nil, dataPacket(dataSG, 1, 100), PeerCounters{}},
		"not IP":             {nil, nil, make([]byte, 100), PeerCounters{}},
		"shorter than it is": {nil, nil, dataPacket(dataSG, 16, 100)[:60], PeerCounters{DataNotSent: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := dataRig(t, tc.change)
			if tc.before != nil {
				tc.before(r)
			}
			r.s.KernelEntry(r.now, dataSG, 2, 0)
			r.registerData(dataSG, tc.packet)
			if got := r.takenData(below1); len(got) > 0 {
				t.Errorf("sent %x", got)
			}
			if st := r.s.peers[below1].stats; st.DataSent != 0 || st.DataNotSent != tc.want.DataNotSent {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestRegistersThatPimdRefusesHoldNoPackets: they wait no longer than their Registers do.
func TestRegistersThatPimdRefusesHoldNoPackets(t *testing.T) {
	r := dataRig(t, nil)
	for i := range 300 {
		s := sg("192.0.2.1", fmt.Sprintf("239.1.1.%d", i%250))
		r.registerData(s, dataPacket(s, 16, 8000))
	}
	if r.s.dataHeld > maxDataHeld || r.s.dataHeld < maxDataHeld-8020 {
		t.Errorf("%d octets wait", r.s.dataHeld)
	}
	r.advance(takenPeriod + TickInterval)
	if r.s.dataHeld != 0 {
		t.Errorf("%d octets wait for nothing", r.s.dataHeld)
	}
}

// TestOthersDataIsPassedOn: to whom the SA goes, also while the SA itself is not due again.
func TestOthersDataIsPassedOn(t *testing.T) {
	r := dataRig(t, func(c *Config) {
		c.AddPeer(above2).Local = rigLocal
		c.Peer(above2).Filters.Out.SG = "NONE"
		c.Peer(below2).Data.TTLThreshold = 64
	})
	r.up(above2)
	r.forgetSent()
	packet := dataPacket(dataSG, 16, 100)
	for range 2 {
		r.saData(below1, "10.0.0.1", dataSG, packet)
	}
	for peer, want := range map[ipv4.Addr]int{below1: 0, below2: 0, above1: 2, above2: 0} {
		if got := r.takenData(peer); len(got) != want || want > 0 && got[0] != string(packet) {
			t.Errorf("%s was sent %d packets, want %d", peer, len(got), want)
		}
	}
	c := r.s.config.Clone()
	c.DataPeriod = 0
	r.apply(c)
	other := sg("192.0.2.2", "239.1.1.1")
	r.saData(below1, "10.0.0.1", other, dataPacket(other, 16, 100))
	if got := r.taken(above1); len(got) != 1 || len(got[0].data) > 0 || len(got[0].sgs) != 1 {
		t.Errorf("what is off is passed on: %+v", got)
	}
}

// TestDataOfAnAnswerIsIgnored: an SA-Response tells of sources, and is no way for packets.
func TestDataOfAnAnswerIsIgnored(t *testing.T) {
	r := dataRig(t, func(c *Config) { c.Peer(below1).Requests.Send = true })
	r.receivers("239.1.1.1")
	tlv, err := wire.AppendSourceActiveData(nil, ip("10.0.0.1"), dataSG, dataPacket(dataSG, 16, 100))
	if err != nil {
		t.Fatal(err)
	}
	tlv[0] = byte(wire.TypeSAResponse)
	r.tlv(below1, tlv)
	r.wantCached(true, dataSG)
	if len(r.env.forward) > 0 || r.s.peers[below1].stats.DataReceived > 0 {
		t.Errorf("forwarded: %v", r.env.forward)
	}
}
