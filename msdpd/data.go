package main

import (
	"slices"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
	"msdpd/lib/mroute"
	"msdpd/lib/msdp"
	"msdpd/lib/transport"
)

func (e speakerEnv) SendData(conn msdp.ConnID, tlv []byte) bool {
	return e.transport.SendIfIdle(transport.ConnID(conn), tlv)
}

func (e speakerEnv) ForwardData(from ipv4.Addr, sg ipv4.SG, packet []byte) bool {
	var except []int
	for _, ifc := range e.world.interfaces.All() {
		if e.world.interfaces.OnLink(sg.Source, ifc.Index) {
			except = append(except, ifc.Index)
		}
	}
	return e.forwarder.Forward(mroute.Parcel{
		SG: sg, Packet: slices.Clone(packet), Except: except,
		Done: func(o mroute.Outcome) {
			e.post(func() { e.speaker.DataForwarded(e.now, from, dataFates[o]) })
		},
	})
}

// dataFates are the Speaker's words for what a Forwarder tells.
var dataFates = map[mroute.Outcome]msdp.DataFate{
	mroute.Sent: msdp.DataForwarded, mroute.NoReceivers: msdp.DataNoReceivers,
	mroute.Native: msdp.DataNative, mroute.Failed: msdp.DataFailed,
}

// handOverData has the listener give whole packets only while they are wanted.
func (in *instance) handOverData() {
	if err := in.registers.HandOverData(in.settings.msdp.DataPeriod > 0); err != nil {
		in.log.Error("the packets in Registers cannot be read, none are sent in SAs", zap.Error(err))
	}
}
