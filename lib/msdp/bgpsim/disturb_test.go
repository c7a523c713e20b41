package bgpsim

import (
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

// startSource has a source begin somewhere. Its DR registers it at once and then each
// 25 to 85 s.
func (net *network) startSource() *source {
	number := len(net.sources)
	src := &source{
		number: number,
		sg: ipv4.SG{
			Source: ipv4.MustParse("198.18.0.1") + ipv4.Addr(number),
			Group:  ipv4.MustParse("225.1.0.0") + ipv4.Addr(net.rng.IntN(4)),
		},
		origin: net.nodes[net.rng.IntN(len(net.nodes))],
		dr:     ipv4.MustParse("198.51.100.1"),
		every:  time.Duration(25+net.rng.IntN(61)) * time.Second,
		active: true,
	}
	net.sources = append(net.sources, src)
	net.bySG[src.sg] = src
	net.registers(src)
	return src
}

func (net *network) registers(src *source) {
	if src.active {
		net.register(src)
		net.after(src.every, func() { net.registers(src) })
	}
}

func (net *network) register(src *source) {
	src.last = net.now
	s := src.origin.s
	s.RegisterHeard(net.time(), msdp.Register{OuterSource: src.dr, OuterDestination: src.origin.rp(), SG: src.sg})
	s.KernelEntry(net.time(), src.sg, 10, 0)
}

// stopSource ends src with a last Register, and sees that it is gone from everywhere when
// its time is over, if nothing disturbs the network until then.
func (net *network) stopSource(src *source) {
	net.register(src)
	src.active = false
}

// active are the sources that send.
func (net *network) active() []*source {
	var out []*source
	for _, src := range net.sources {
		if src.active {
			out = append(out, src)
		}
	}
	return out
}

// disturbance is how long the network is disturbed.
const disturbance = 60 * time.Second

// disturb breaks and mends things for a while. Some of it stays so: sessions without TCP, eBGP
// sessions that are down, changed costs.
func (net *network) disturb() {
	for range len(net.plan.peerings) / 10 {
		one := net.plan.peerings[net.rng.IntN(len(net.plan.peerings))]
		l := net.byEnd[[2]ipv4.Addr{ipv4.Addr(one.ends[0].addr), ipv4.Addr(one.ends[1].addr)}]
		stays := net.rng.IntN(3) == 0
		mended := time.Duration(net.rng.Int64N(int64(disturbance)))
		net.sometime(func() {
			net.cutOff(l)
			if !stays {
				net.after(min(mended, disturbance), func() { l.cut = false })
			}
		})
	}
	for _, one := range net.plan.peerings {
		if one.cut && net.rng.IntN(2) == 0 { // of the last time
			net.sometime(func() { one.cut = false })
		}
	}
	for range len(net.plan.peerings) / 20 {
		n := net.nodes[net.rng.IntN(len(net.nodes))]
		if len(n.places) == 0 {
			continue
		}
		l := n.places[net.rng.IntN(len(n.places))]
		long := time.Duration(5+net.rng.IntN(35)) * time.Second
		net.sometime(func() {
			if !l.stalled {
				net.stall(l, true)
				net.after(long, func() { net.stall(l, false) })
			}
		})
	}
	for range 1 + len(net.nodes)/50 {
		n := net.nodes[net.rng.IntN(len(net.nodes))]
		net.sometime(n.restart)
	}
	for range 3 {
		net.sometime(func() {
			net.changeRoutes()
			net.worldChanged()
		})
	}
	net.run(disturbance)
}

// sometime has f happen during the disturbance.
func (net *network) sometime(f func()) {
	net.after(time.Duration(net.rng.Int64N(int64(disturbance))), f)
}

// changeRoutes takes eBGP sessions down and up, and changes costs of the IGPs.
func (net *network) changeRoutes() {
	w := net.plan.world
	for i := range w.Sessions {
		if s := &w.Sessions[i]; s.Down {
			s.Down = net.rng.IntN(2) == 0
		} else {
			s.Down = net.rng.IntN(25) == 0
		}
	}
	for i := range w.Subnets {
		if s := &w.Subnets[i]; s.Cost != 0 && net.rng.IntN(20) == 0 {
			s.Cost = uint32(1+net.rng.IntN(3)) * 10
		}
	}
}
