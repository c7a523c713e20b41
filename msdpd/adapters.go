package main

import (
	"context"
	"net/netip"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/frrvty"
	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/mroute"
	"msdpd/lib/msdp"
	"msdpd/lib/pim"
	"msdpd/lib/rib"
	"msdpd/lib/transport"
	"msdpd/zclient"
)

// speakerEnv is what the Speaker asks of its owner.
type speakerEnv struct{ *instance }

func (e speakerEnv) Dial(local, remote ipv4.Addr) msdp.ConnID {
	return msdp.ConnID(e.transport.Dial(local, remote))
}

func (e speakerEnv) Close(conn msdp.ConnID) {
	if e.closing {
		e.transport.CloseAfterFlush(transport.ConnID(conn), flushPeriod)
		return
	}
	e.transport.Close(transport.ConnID(conn))
}

func (e speakerEnv) Send(conn msdp.ConnID, tlvs []byte) bool {
	return e.transport.Send(transport.ConnID(conn), tlvs)
}

func (e speakerEnv) Listen(locals []ipv4.Addr) { e.transport.Listen(locals) }
func (e speakerEnv) Allow(peers []ipv4.Addr)   { e.transport.Allow(peers) }

func (e speakerEnv) Guard(guards map[ipv4.Addr]guard.Guard) { e.transport.Guard(guards) }

func (e speakerEnv) TrackRoute(addr ipv4.Addr) {
	e.afterwards(func() {
		r, known := e.tracker.Route(addr)
		e.tracker.Track(e.now, addr)
		e.debugAsked("zebra", "asked for the route", addr)
		if known { // it was tracked already, and so nothing new will be told
			e.routeDelivered(addr, r)
		}
	})
}

func (e speakerEnv) UntrackRoute(addr ipv4.Addr) {
	e.afterwards(func() {
		e.tracker.Untrack(addr)
		e.debugAsked("zebra", "no longer asked for the route", addr)
	})
}

func (e speakerEnv) AskBGP(rp, by ipv4.Addr) {
	e.debugAsked("bgpd", "asked for the path", rp)
	e.bgpd.Ask(rp, by)
	e.askZebraForPath(rp)
}

func (e speakerEnv) WatchBGP(rp ipv4.Addr) {
	e.bgpd.Watch(rp)
	e.zebraPaths.watch(rp)
}

func (e speakerEnv) UnwatchBGP(rp ipv4.Addr) {
	e.bgpd.Unwatch(rp)
	e.zebraPaths.unwatch(rp)
}

func (e speakerEnv) Join(sg ipv4.SG)  { e.joiner.Want(e.now, sg) }
func (e speakerEnv) Leave(sg ipv4.SG) { e.joiner.Unwant(e.now, sg) }

func (in *instance) routeDelivered(addr ipv4.Addr, r rib.Route) {
	in.afterwards(func() { in.speaker.RouteChanged(in.now, addr, r) })
}

// sessions brings what happens on TCP to the Speaker.
type sessions struct{ in *instance }

func (h sessions) Connected(id transport.ConnID, local, remote netip.AddrPort) {
	h.in.inbox.happened(id, func() { h.in.speaker.Connected(h.in.now, msdp.ConnID(id), local, remote) })
}

func (h sessions) DialFailed(id transport.ConnID, err error) {
	h.in.inbox.happened(id, func() { h.in.speaker.DialFailed(h.in.now, msdp.ConnID(id), err) })
}

func (h sessions) Accepted(id transport.ConnID, local, remote netip.AddrPort) {
	h.in.inbox.happened(id, func() { h.in.speaker.Accepted(h.in.now, msdp.ConnID(id), local, remote) })
}

func (h sessions) Received(id transport.ConnID, batch *transport.Batch) {
	h.in.inbox.received(id, batch)
}

// Writable waits for no turn: what is read of a peer does not delay what it is sent.
func (h sessions) Writable(id transport.ConnID) {
	h.in.post(func() { h.in.speaker.Writable(h.in.now, msdp.ConnID(id)) })
}

func (h sessions) Closed(id transport.ConnID, err error) {
	h.in.inbox.happened(id, func() { h.in.speaker.Closed(h.in.now, msdp.ConnID(id), err) })
}

func (h sessions) ListenerUp(local ipv4.Addr) {
	h.in.post(func() { h.in.speaker.ListenerUp(h.in.now, local) })
}

func (h sessions) ListenerFailed(local ipv4.Addr, err error) {
	h.in.post(func() { h.in.speaker.ListenerFailed(h.in.now, local, err) })
}

// routing brings what zebra says to the RIB and the Speaker.
type routing struct{ in *instance }

func (h routing) ZebraUp(release string) {
	h.in.debugZebra("zebra: connected", zap.String("release", release))
	h.in.post(h.in.zebraUp)
}

func (h routing) ZebraDown(err error) {
	h.in.debugZebra("zebra: connection lost", zap.Error(err))
	h.in.post(h.in.zebraDown)
}

func (h routing) Interfaces(all []rib.Interface) {
	h.in.debugZebra("zebra: interfaces", zap.Int("count", len(all)))
	h.in.post(func() { h.in.zebraInterfaces(all) })
}

func (h routing) Routes(changes []zclient.Change) {
	h.in.post(func() {
		for _, c := range changes {
			h.in.debugRoute(c)
			if c.Unknown {
				h.in.tracker.ZebraUnknown(h.in.now, c.Addr)
			} else {
				h.in.tracker.ZebraRoute(h.in.now, c.Addr, c.Route)
			}
		}
	})
}

func (h routing) Path(addr ipv4.Addr, path *rib.BGPPath) {
	h.in.debugPath("zebra", addr, path)
	h.in.post(func() { h.in.zebraPath(addr, path) })
}

// paths brings what bgpd says to the Speaker.
type paths struct{ in *instance }

func (h paths) BGPPath(rp ipv4.Addr, path *rib.BGPPath) {
	h.in.debugPath("bgpd", rp, path)
	h.in.post(func() { h.in.speaker.BGPAnswered(h.in.now, rp, path) })
}

func (h paths) BGPNeighbors(as map[ipv4.Addr]uint32) {
	h.in.post(func() { h.in.bgpdAnswered(as) })
}

func (h paths) BGPAway(err error) {
	h.in.post(func() { h.in.bgpdAway(err) })
}

// zebraRelease asks zebra's shell which release it is, unless the command line says it.
func (in *instance) zebraRelease(ctx context.Context) (string, error) {
	if in.options.zebraVersion != "" {
		return in.options.zebraVersion, nil
	}
	out, err := frrvty.Query(ctx, in.options.neighborVty("zebra"), "show version")
	if err != nil {
		return "", err
	}
	return frrRelease(out[0])
}

func (in *instance) kernelChanged() {
	in.post(func() {
		in.tracker.KernelChanged(in.now)
		in.kernelInterfaces()
	})
}

// forwarding brings the kernel's multicast state to the Speaker and the Joiner.
type forwarding struct{ in *instance }

func (h forwarding) MFCUpdate(e mroute.Entry) {
	h.in.debugKernel(e)
	h.in.post(func() {
		h.in.speaker.KernelEntry(h.in.now, e.SG(), e.InIf, arrived(e))
		outgoing := len(e.OutIfs)
		if h.in.world.interfaces.OnLink(e.Source, e.InIf) {
			outgoing = 0 // no Join is sent for it, so it takes no place in pimd's
		}
		h.in.joiner.Kernel(h.in.now, e.SG(), outgoing, true)
	})
}

func (h forwarding) MFCDelete(sg ipv4.SG) {
	h.in.debugKernelGone(sg)
	h.in.post(func() {
		h.in.speaker.KernelEntryGone(h.in.now, sg)
		h.in.joiner.Kernel(h.in.now, sg, 0, false)
	})
}

func (h forwarding) MFCSynced() {}

// arrived is how many packets came from where they should: the kernel counts those of
// another interface, too, and these say nothing of a source on a subnet of ours.
func arrived(e mroute.Entry) uint64 { return e.Packets - min(e.Packets, e.WrongIf) }

// countersPeriod is how often the kernel's packet counters are read.
const countersPeriod = 30 * time.Second

// readCounters tells the Speaker which on-link sources still send.
func (in *instance) readCounters(ctx context.Context) error {
	ticker := time.NewTicker(countersPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		entries, err := mroute.Dump()
		if err != nil {
			in.log.Warn("the kernel's packet counters cannot be read", zap.Error(err))
			continue
		}
		in.post(func() {
			for _, e := range entries {
				in.speaker.KernelCounters(in.now, e.SG(), arrived(e))
			}
		})
	}
}

func (in *instance) registerHeard(r pim.Register) {
	in.debugRegister(r)
	in.post(func() {
		in.speaker.RegisterHeard(in.now, msdp.Register{
			Packet:      []byte(r.Packet),
			OuterSource: r.OuterSource, OuterDestination: r.OuterDestination, SG: r.SG,
			Denied: !in.world.pimd.PermitsRegister(r.SG.Source),
		})
	})
}
