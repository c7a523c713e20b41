package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
	"msdpd/lib/pimd"
	"msdpd/lib/rib"
)

// absencePeriod is how long what a daemon beside us said stays in force after it went.
const absencePeriod = 120 * time.Second

// neighbors is what the daemons beside us and the kernel say.
type neighbors struct {
	zebraHere  bool
	zebraGone  time.Time // since when it is away
	zebraSpoke bool      // zebra's interfaces are in force

	interfaces *rib.Interfaces

	bgpdHere bool
	bgpdSaid bool      // what it said is in force
	bgpdGone time.Time // since when it is away
	bgpdWhy  string    // why it does not answer
	bgpPeers int       // how many neighbours it has
	bgpdSeen bool      // there is one on this router, whether it answers or not

	pimd     pimd.State // what was said last while it was there
	pimdHere bool
	pimdSaid bool      // it answered, or was found absent, at least once
	pimdGone time.Time // since when it is away
	rps      msdp.RPMap

	obstacles  []pimd.Obstacle
	bearsJoins int // sources of one group that pimd bears, 0 = any number
	groupJoins int // sources joined of one group at most, 0 = no bound
}

func (w *neighbors) init() {
	w.interfaces = rib.NewInterfaces(nil)
	w.rps = staticRPs(nil)
}

// tick ends what was kept in force for a daemon that did not come back.
func (w *neighbors) tick(in *instance) {
	if w.zebraSpoke && !w.zebraHere && in.now.Sub(w.zebraGone) >= absencePeriod {
		w.zebraSpoke = false
		in.kernelInterfaces()
	}
	if w.bgpdSaid && !w.bgpdHere && in.now.Sub(w.bgpdGone) >= absencePeriod {
		in.log.Warn("bgpd is away: no peer-RPF rule of BGP applies until it is back", zap.Duration("for", absencePeriod))
		w.bgpdSaid = false
		in.speaker.BGPForget(in.now)
	}
	if w.pimd.Present && !w.pimdHere && in.now.Sub(w.pimdGone) >= absencePeriod {
		in.log.Warn("pimd is away: this router is no RP until it is back", zap.Duration("for", absencePeriod))
		w.pimd = pimd.State{}
		in.judgeRPs()
	}
}

func (in *instance) zebraUp() {
	in.world.zebraHere = true
	in.tracker.ZebraUp(in.now)
}

func (in *instance) zebraDown() {
	in.world.zebraHere = false
	in.world.zebraGone = in.now
	in.tracker.ZebraDown(in.now)
}

func (in *instance) zebraInterfaces(all []rib.Interface) {
	if all == nil { // its messages cannot be read
		in.world.zebraSpoke = false
		in.kernelInterfaces()
		return
	}
	in.world.zebraSpoke = true
	in.setInterfaces(all)
}

// kernelInterfaces takes the kernel's word where zebra's is not in force.
func (in *instance) kernelInterfaces() {
	if in.world.zebraSpoke {
		return
	}
	all, err := rib.KernelInterfaces()
	if err != nil {
		in.log.Warn("the interfaces cannot be read from the kernel", zap.Error(err))
		return
	}
	in.setInterfaces(all)
}

func (in *instance) setInterfaces(all []rib.Interface) {
	if rib.EqualInterfaces(in.world.interfaces.All(), all) {
		return
	}
	in.world.interfaces = rib.NewInterfaces(all)
	in.speaker.SetInterfaces(in.now, in.world.interfaces)
	in.transport.Wake()
	in.joiner.RPChanged(in.now) // an RP's address may be back
	if in.world.pimd.Present {
		in.limitJoins(in.world.pimd.MaxJoinsPerGroup(in.leastPIMMTU())) // an MTU may be smaller
	}
	in.pimd.Poke()
	in.judgeObstacles()
}

// bgpdAnswered takes bgpd's neighbours, which it says again and again.
func (in *instance) bgpdAnswered(as map[ipv4.Addr]uint32) {
	w := &in.world
	w.bgpdHere, w.bgpdSaid, w.bgpdSeen, w.bgpdWhy, w.bgpPeers = true, true, true, "", len(as)
	in.speaker.BGPNeighbors(in.now, as)
}

func (in *instance) bgpdAway(err error) {
	w := &in.world
	if w.bgpdHere {
		w.bgpdGone = in.now
	}
	w.bgpdHere, w.bgpdWhy = false, err.Error()
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ECONNREFUSED) {
		w.bgpdSeen = true // it is stuck
	}
	in.speaker.BGPAway(in.now, w.bgpdWhy)
}

// pimdAnswered is called by the watcher whenever pimd's answers changed.
func (in *instance) pimdAnswered(st pimd.State) {
	in.debugPIMD(st)
	in.post(func() { in.pimdChanged(st) })
}

func (in *instance) pimdChanged(st pimd.State) {
	w := &in.world
	came := st.Present && !w.pimdHere
	if !st.Present {
		if w.pimdHere {
			w.pimdGone = in.now
		}
		w.pimdHere, w.pimdSaid = false, true
		in.judgeRPs()
		return
	}
	w.pimd, w.pimdHere, w.pimdSaid = st, true, true
	dr := make(map[string]bool)
	for name, ifc := range st.Interfaces {
		dr[name] = ifc.DR
	}
	in.speaker.SetDR(in.now, dr)
	in.judgeRPs()
	in.limitJoins(st.MaxJoinsPerGroup(in.leastPIMMTU()))
	if st.OwnMSDP {
		in.joiner.Block(in.now, "pimd runs its own MSDP")
	} else {
		in.joiner.Unblock(in.now)
	}
	if came {
		in.joiner.PIMRestarted(in.now)
	}
}

// leastPIMMTU is the smallest MTU, in octets, over which pimd's Joins may go; 1500 where
// none is known.
func (in *instance) leastPIMMTU() int {
	least := 1500
	for name, pim := range in.world.pimd.Interfaces {
		// The loopback and pimd's own pimreg carry no Joins.
		if ifc, ok := in.world.interfaces.ByName(name); ok && pim.PIM && ifc.MTU > 0 && name != "lo" && !strings.HasPrefix(name, "pimreg") {
			least = min(least, ifc.MTU)
		}
	}
	return least
}

// judgeRPs decides for which groups this router is the RP: pimd says it; our own
// configuration does where there is no pimd.
func (in *instance) judgeRPs() {
	w := &in.world
	switch {
	case w.pimd.Present:
		w.rps = w.pimd.RPs
	case w.pimdSaid:
		w.rps = staticRPs(in.settings.staticRPs).owned(w.interfaces)
	default:
		return // pimd was not asked yet
	}
	in.speaker.SetRPs(in.now, w.rps)
	in.joiner.RPChanged(in.now)
	in.judgeObstacles()
}

// judgeObstacles says what stands in the way, once for each.
func (in *instance) judgeObstacles() {
	w := &in.world
	if !w.pimdSaid {
		return
	}
	st := w.pimd
	st.Present = w.pimdHere
	found := st.FindObstacles(func(rp ipv4.Addr) (string, bool) {
		ifc, ok := w.interfaces.InterfaceOf(rp)
		return ifc.Name, ok
	})
	found = append(found, in.differingRPs()...)
	for _, o := range found {
		if !slices.Contains(w.obstacles, o) {
			in.log.Warn(o.Text)
		}
	}
	for _, o := range w.obstacles {
		if !slices.Contains(found, o) {
			in.log.Info("no longer so: " + o.Text)
		}
	}
	w.obstacles = found
}

// differingRPs says where pimd and our own configuration name different RPs.
func (in *instance) differingRPs() []pimd.Obstacle {
	if !in.world.pimd.Present {
		return nil
	}
	var out []pimd.Obstacle
	for _, own := range in.settings.staticRPs {
		group, _ := ipv4.FromNetip(own.group.Addr())
		rp, _, ok := in.world.pimd.RPs.Lookup(group)
		if !ok || rp != own.addr {
			says := "names no RP"
			if ok {
				says = "says " + rp.String()
			}
			out = append(out, pimd.Obstacle{Text: fmt.Sprintf("`ip pim rp %s %s` does not count: pimd answers and %s for these groups; remove the line, or configure pimd alike", own.addr, own.group, says)})
		}
	}
	return out
}

// staticRPs answer from `ip pim rp` in our own configuration, by the longest match.
type staticRPs []staticRP

// owned keeps those whose address is on this router.
func (rps staticRPs) owned(interfaces *rib.Interfaces) staticRPs {
	return slices.DeleteFunc(slices.Clone(rps), func(rp staticRP) bool { return !interfaces.OwnAddr(rp.addr) })
}

// Lookup implements msdp.RPMap.
func (rps staticRPs) Lookup(group ipv4.Addr) (rp ipv4.Addr, mine, ok bool) {
	longest := -1
	for _, s := range rps {
		if s.group.Contains(group.Netip()) && s.group.Bits() > longest {
			rp, mine, ok = s.addr, true, true
			longest = s.group.Bits()
		}
	}
	return rp, mine, ok
}

// MyRPs implements msdp.RPMap.
func (rps staticRPs) MyRPs() []ipv4.Addr {
	var out []ipv4.Addr
	for _, s := range rps {
		if !slices.Contains(out, s.addr) {
			out = append(out, s.addr)
		}
	}
	return out
}
