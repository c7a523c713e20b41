package main

import (
	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
	"msdpd/lib/mroute"
	"msdpd/lib/pim"
	"msdpd/lib/pimd"
	"msdpd/lib/rib"
	"msdpd/zclient"
)

// What follows tells an operator what the daemons beside us and the kernel are asked and say.

func (in *instance) debugAsked(who, what string, about ipv4.Addr) {
	if in.debug.On(debug.Zebra) {
		in.debug.Write(debug.Zebra, who+": "+what, zap.Stringer("address", about))
	}
}

func (in *instance) debugZebra(text string, fields ...zap.Field) {
	if in.debug.On(debug.Zebra) {
		in.debug.Write(debug.Zebra, text, fields...)
	}
}

func (in *instance) debugRoute(c zclient.Change) {
	if !in.debug.On(debug.Zebra) {
		return
	}
	if c.Unknown {
		in.debug.Write(debug.Zebra, "zebra: an answer that cannot be read", zap.Stringer("address", c.Addr))
		return
	}
	in.debug.Write(debug.Zebra, "zebra: route", zap.Stringer("address", c.Addr), zap.Stringer("prefix", c.Route.Prefix),
		zap.String("protocol", string(c.Route.Protocol)), zap.Uint8("distance", c.Route.Distance), zap.Uint32("metric", c.Route.Metric),
		zap.Stringers("next hops", c.Route.NextHops))
}

func (in *instance) debugPath(who string, addr ipv4.Addr, path *rib.BGPPath) {
	switch {
	case !in.debug.On(debug.Zebra):
	case path == nil:
		in.debug.Write(debug.Zebra, who+": no path", zap.Stringer("address", addr))
	default:
		in.debug.Write(debug.Zebra, who+": path", zap.Stringer("address", addr), zap.Stringer("prefix", path.Prefix),
			zap.Any("as path", path.ASPath), zap.Stringers("next hops", path.NextHops), zap.Stringer("neighbor", path.Neighbor))
	}
}

func (in *instance) debugRegister(r pim.Register) {
	if in.debug.On(debug.PIM) {
		in.debug.Write(debug.PIM, "Register heard", zap.Stringer("from", r.OuterSource), zap.Stringer("to", r.OuterDestination), zap.Stringer("sg", r.SG))
	}
}

// debugSender is a Joiner's Send whose Null-Registers can be watched.
func (in *instance) debugSender(send func(ipv4.Addr, []ipv4.SG) (int, error)) func(ipv4.Addr, []ipv4.SG) (int, error) {
	return func(rp ipv4.Addr, sgs []ipv4.SG) (int, error) {
		sent, err := send(rp, sgs)
		if in.debug.On(debug.PIM) {
			for _, sg := range sgs[:sent] {
				in.debug.Write(debug.PIM, "Null-Register sent", zap.Stringer("rp", rp), zap.Stringer("sg", sg))
			}
			if err != nil {
				in.debug.Write(debug.PIM, "Null-Register not sent", zap.Stringer("rp", rp), zap.Int("how many", len(sgs)-sent), zap.Error(err))
			}
		}
		return sent, err
	}
}

func (in *instance) debugKernel(e mroute.Entry) {
	if in.debug.On(debug.PIM) {
		in.debug.Write(debug.PIM, "kernel: multicast route", zap.Stringer("sg", e.SG()), zap.Int("incoming", e.InIf),
			zap.Ints("outgoing", e.OutIfs), zap.Uint64("packets", e.Packets))
	}
}

func (in *instance) debugKernelGone(sg ipv4.SG) {
	if in.debug.On(debug.PIM) {
		in.debug.Write(debug.PIM, "kernel: multicast route gone", zap.Stringer("sg", sg))
	}
}

func (in *instance) debugPIMD(st pimd.State) {
	if in.debug.On(debug.PIM) {
		in.debug.Write(debug.PIM, "pimd", zap.Bool("answers", st.Present), zap.String("release", st.Release), zap.Int("interfaces", len(st.Interfaces)))
	}
}
