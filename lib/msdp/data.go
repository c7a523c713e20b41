package msdp

import (
	"slices"
	"time"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// PeerData says what becomes of the packets that come along in SAs (RFC 3618 §8, §14).
type PeerData struct {
	// Accept has those from the peer forwarded to the receivers here.
	Accept bool
	// TTLThreshold is the least TTL of a packet that is sent to the peer; 0: none is asked for.
	TTLThreshold uint8
}

// DataFate says why a packet in an SA of a peer did not reach a receiver, or that it did.
type DataFate uint8

// The fates, in the order in which they are looked for.
const (
	DataForwarded   DataFate = iota // to the receivers here
	DataNotAccepted                 // data-encapsulation accept is not configured for the peer
	DataRefused                     // with the entry
	DataMalformed                   // no sound IPv4 header
	DataTTL                         // at its end
	DataLate                        // more than 3 s after the first of its (S,G)
	DataMany                        // more than 100 of its (S,G)
	DataRate                        // of all packets, or too many (S,G)s of the peer
	DataNotRP                       // this router is not the RP of the group
	DataNoReceivers
	DataNative // the stream comes by its own way
	DataFailed // the kernel took it for no interface, or packets come faster than it takes them
	dataFateCount
)

var dataFateNames = [dataFateCount]string{
	"forwarded", "not-accepted", "refused", "malformed", "ttl", "late", "many", "rate", "not-rp", "no-receivers", "native", "failed",
}

// String returns a short name, as used in JSON.
func (f DataFate) String() string { return dataFateNames[f] }

var dataFateTexts = [dataFateCount]string{
	"forwarded to the receivers here",
	"data-encapsulation accept is not configured for the peer",
	"the SA's last entry was refused",
	"no sound IPv4 header",
	"its TTL is at its end",
	"more than 3 s after the first packet of its source and group",
	"more than 100 of its source and group",
	"packets, or sources with packets, come too fast",
	"this router is not the RP of the group",
	"the group has no receivers here",
	"the stream comes by its own way",
	"the kernel did not send it",
}

// Text returns the fate in words.
func (f DataFate) Text() string { return dataFateTexts[f] }

// DataFates returns what can become of packets in SAs.
func DataFates() []DataFate {
	var out []DataFate
	for f := range dataFateCount {
		out = append(out, f)
	}
	return out
}

const (
	// DefaultDataPeriod is how long the packets of a new source are sent, if nothing else is
	// configured, and MaxDataPeriod the most that can be.
	DefaultDataPeriod = 3 * time.Second
	MaxDataPeriod     = time.Minute
	// maxDataPackets bounds how many packets of an (S,G) are sent, or taken from a peer, and
	// dataPeriod how long they are taken. After dataAgain they are taken anew: that is
	// when a silent source is forgotten.
	maxDataPackets = 100
	dataPeriod     = 3 * time.Second
	dataAgain      = SGStatePeriod
	// maxDataSources bounds the (S,G)s of a peer that are remembered for that.
	maxDataSources = 4096
	// maxDataHeld bounds, in octets, what waits for pimd to take a Register, or for a route.
	maxDataHeld = 1 << 20
)

// dataRate bounds the packets that are taken from all peers together.
var dataRate = Rate{PerSecond: 1000, Burst: 1000}

// dataWindow counts the packets of one (S,G).
type dataWindow struct {
	began time.Time
	count int
}

// dataSources are the (S,G)s of a peer whose packets came lately.
type dataSources map[ipv4.SG]dataWindow

// take counts a packet, or says why it is not taken.
func (d *dataSources) take(sg ipv4.SG, now time.Time) DataFate {
	w, known := (*d)[sg]
	if !known || now.Sub(w.began) > dataAgain {
		if !known && len(*d) >= maxDataSources && !d.tidy(now) {
			return DataRate
		}
		w = dataWindow{began: now}
	}
	switch {
	case now.Sub(w.began) > dataPeriod:
		return DataLate
	case w.count >= maxDataPackets:
		return DataMany
	}
	w.count++
	if *d == nil {
		*d = make(dataSources)
	}
	(*d)[sg] = w
	return DataForwarded
}

// tidy forgets what is old enough, and reports whether there is room now.
func (d *dataSources) tidy(now time.Time) bool {
	for sg, w := range *d {
		if now.Sub(w.began) > dataAgain {
			delete(*d, sg)
		}
	}
	return len(*d) < maxDataSources
}

// heldPackets are packets that wait for something, within maxDataHeld for all.
type heldPackets [][]byte

// hold adds a copy of packet where there is room.
func (s *Speaker) hold(h heldPackets, packet []byte) heldPackets {
	if len(packet) == 0 || len(h) >= maxDataPackets || s.dataHeld+len(packet) > maxDataHeld {
		return h
	}
	s.dataHeld += len(packet)
	return append(h, slices.Clone(packet))
}

// release ends the waiting; what is done with h afterwards is the caller's.
func (s *Speaker) release(h heldPackets) heldPackets {
	for _, packet := range h {
		s.dataHeld -= len(packet)
	}
	return h
}

// sendLocalData sends the packet that a local source's Register brought.
func (s *Speaker) sendLocalData(sg ipv4.SG, packet []byte) {
	i, ok := s.localIndex[sg]
	if !ok || len(packet) == 0 {
		return
	}
	l := &s.locals[i]
	if s.config.DataPeriod == 0 || s.now.Sub(l.data.began) > s.config.DataPeriod || l.data.count >= maxDataPackets {
		return
	}
	rp, ok := s.announcedRP(l)
	if !ok || checkData(packet) != DataForwarded {
		return
	}
	l.data.count++
	s.sendData(nil, rp, sg, packet)
}

// sendData sends a packet to all that are to hear what 'from' said. One that does not fit in
// a TLV, or would have to wait in a queue, is lost.
func (s *Speaker) sendData(from *peer, rp ipv4.Addr, sg ipv4.SG, packet []byte) {
	tlv, err := wire.AppendSourceActiveData(s.bytes[:0], rp, sg, packet)
	s.bytes = tlv
	for _, p := range s.up {
		switch {
		case !mayHear(p, from) || p.out.judgeEntry(sg, rp) != ReasonNone:
		case packetTTL(packet) < p.Data.TTLThreshold:
			p.stats.DataBelowTTL++
		case err != nil || p.catchUp != nil || !s.env.SendData(p.conn, tlv):
			p.stats.DataNotSent++
		default:
			p.stats.DataSent++
			p.keepAliveAt = s.now.Add(p.timers.KeepAlive)
			if s.debug.Of(debug.Packets, p.Addr) {
				s.debugTLVs(p, "sent", tlv)
			}
		}
	}
}

// receiveData looks after the packet in an SA from p whose last entry is sg; why is what
// became of that.
func (s *Speaker) receiveData(p *peer, r *rpInfo, sg ipv4.SG, packet []byte, why Reason) {
	if packet == nil {
		return
	}
	p.stats.DataReceived++
	switch {
	case why != ReasonNone:
		p.stats.Data[DataRefused]++
	case s.holds(p, r.addr, sg):
		s.takeData(p, r.addr, sg, packet)
	case len(r.waiting) > 0 && (p.Data.Accept || s.config.DataPeriod > 0): // it was the last to be put there
		w := &r.waiting[len(r.waiting)-1]
		w.packets = s.hold(w.packets, packet)
	}
}

// takeHeldData does the same with what waited with the entries, which have been judged.
func (s *Speaker) takeHeldData(p *peer, r *rpInfo, waiting []waitingSA) {
	for _, w := range waiting {
		for _, packet := range s.release(w.packets) {
			switch {
			case p == nil:
			case s.holds(p, r.addr, w.sg):
				s.takeData(p, r.addr, w.sg, packet)
			default:
				p.stats.Data[DataRefused]++
			}
		}
	}
}

// holds reports whether the cache has sg with that RP, from p, who announced it just now: an entry
// from before, while p's new one waits for the route to the RP, proves nothing.
func (s *Speaker) holds(p *peer, rp ipv4.Addr, sg ipv4.SG) bool {
	n := s.cache.find(sg)
	if n == none {
		return false
	}
	e := s.cache.at(n)
	return e.peer == p.index && e.rp == rp && e.heard == s.stamp()
}

// takeData passes on a packet whose entry was taken from p: to other peers and to the
// receivers here (§8).
func (s *Speaker) takeData(p *peer, rp ipv4.Addr, sg ipv4.SG, packet []byte) {
	if !p.Data.Accept && s.config.DataPeriod == 0 {
		p.stats.Data[DataNotAccepted]++
		return
	}
	if fate := s.boundData(p, sg, packet); fate != DataForwarded {
		p.stats.Data[fate]++
		return
	}
	if s.config.DataPeriod > 0 {
		s.sendData(p, rp, sg, packet)
	}
	_, isRP := s.originRP(sg.Group)
	switch {
	case !p.Data.Accept:
		p.stats.Data[DataNotAccepted]++
	case !isRP:
		p.stats.Data[DataNotRP]++
	case !s.interest[sg.Group]:
		p.stats.Data[DataNoReceivers]++
	case !s.env.ForwardData(p.Addr, sg, packet):
		p.stats.Data[DataFailed]++
	}
}

func (s *Speaker) boundData(p *peer, sg ipv4.SG, packet []byte) DataFate {
	if fate := checkData(packet); fate != DataForwarded {
		return fate
	}
	if fate := p.dataSources.take(sg, s.now); fate != DataForwarded {
		return fate
	}
	if !s.dataBucket.take(s.now, dataRate) {
		return DataRate
	}
	return DataForwarded
}

// DataForwarded tells what became of a packet from a peer that was given to Env.ForwardData.
func (s *Speaker) DataForwarded(now time.Time, from ipv4.Addr, fate DataFate) {
	s.now = now
	if p := s.peers[from]; p != nil {
		p.stats.Data[fate]++
	}
}

// checkData looks at what the decoding of a TLV does not: that has seen to it that there is
// a header, and that its length, source and group are right.
func checkData(packet []byte) DataFate {
	const header, igmp, pim = 20, 2, 103
	switch {
	case len(packet) < header || packet[0] != 0x45: // options are for routers, as are IGMP and PIM
		return DataMalformed
	case packet[9] == igmp || packet[9] == pim:
		return DataMalformed
	case !headerSumRight(packet[:header]) || !fragmentMayBe(packet, len(packet)-header):
		return DataMalformed
	}
	if packetTTL(packet) <= 1 {
		return DataTTL
	}
	return DataForwarded
}

// fragmentMayBe reports whether what the header says of fragments can be so; payload is in octets.
func fragmentMayBe(header []byte, payload int) bool {
	const reserved, dont, more = 0x8000, 0x4000, 0x2000
	word := uint16(header[6])<<8 | uint16(header[7])
	offset := int(word&0x1fff) * 8
	switch {
	case word&reserved != 0:
		return false
	case offset == 0 && word&more == 0:
		return true
	case word&dont != 0, payload == 0, word&more != 0 && payload%8 != 0:
		return false
	}
	return 20+offset+payload <= 0xffff
}

// headerSumRight reports whether the checksum of an IPv4 header is right.
func headerSumRight(header []byte) bool {
	var sum uint32
	for i := 0; i < len(header); i += 2 {
		sum += uint32(header[i])<<8 | uint32(header[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum == 0xffff
}

func packetTTL(packet []byte) uint8 { return packet[8] }
