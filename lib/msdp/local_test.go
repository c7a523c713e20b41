package msdp

import (
	"slices"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// dr is the router that registers sources with the rig.
var dr = ip("192.0.2.254")

// heard is a Register for s that reaches the rig's RP address.
func (r *rig) heard(s ipv4.SG) {
	r.s.RegisterHeard(r.now, Register{OuterSource: dr, OuterDestination: ip(rigRP), SG: s})
}

// register has a DR register (S,G) with the rig's RP, and the kernel take it.
func (r *rig) register(s ipv4.SG) {
	r.heard(s)
	r.s.KernelEntry(r.now, s, 2, 0)
}

func (r *rig) wantLocal(want bool, s ipv4.SG) {
	r.t.Helper()
	if st, ok := r.s.SA(s); (ok && st.Local) != want {
		r.t.Errorf("%s is local: %t, want %t", s, !want, want)
	}
}

func interfacesWithout(all []rib.Interface, name string) *rib.Interfaces {
	return rib.NewInterfaces(slices.DeleteFunc(slices.Clone(all), func(i rib.Interface) bool { return i.Name == name }))
}

// rpRig is RP of everything and has sessions with below1 and above1.
func rpRig(t testing.TB) *rig {
	t.Helper()
	r := newRig(t, peersConfig(below1, above1))
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.up(below1, above1)
	r.forgetSent()
	return r
}

func TestRegisterIsAnnouncedAtOnce(t *testing.T) {
	r := rpRig(t)
	r.heard(sgA)
	r.wantLocal(false, sgA)
	r.advance(300 * time.Millisecond)
	r.s.KernelEntry(r.now, sgA, 2, 0)
	for _, p := range []ipv4.Addr{below1, above1} {
		got := r.takenSAs(p)
		if rp, ok := got[sgA]; !ok || rp != ip(rigRP) || len(got) != 1 {
			t.Errorf("sent to %s: %v", p, got)
		}
	}
	if st, _ := r.s.SA(sgA); !st.Local || st.DR != dr || st.RP != ip(rigRP) {
		t.Errorf("%+v", st)
	}
}

func TestRegisterWhoseSourceTheKernelHasAlready(t *testing.T) {
	r := rpRig(t)
	r.s.KernelEntry(r.now, sgA, 2, 5)
	r.wantLocal(false, sgA)
	r.heard(sgA)
	r.wantSAs(below1, sgA)
}

func TestRegistersThatDoNotCount(t *testing.T) {
	for name, tc := range map[string]struct {
		register Register
		count    func(RegisterCounters) uint64
	}{
		"our own":                     {Register{rigLocal, ip(rigRP), sgA, false, nil}, func(c RegisterCounters) uint64 { return c.Own }},
		"our own, from the RP itself": {Register{ip("10.9.9.9"), ip("10.9.9.9"), sgA, false, nil}, func(c RegisterCounters) uint64 { return c.Own }},
		"to another address of ours":  {Register{dr, ip("10.9.9.9"), sgA, false, nil}, func(c RegisterCounters) uint64 { return c.NotRP }},
		"for a group that it does not serve": {Register{dr, ip(rigRP), sg("192.0.2.1", "239.77.0.1"), false, nil},
			func(c RegisterCounters) uint64 { return c.NotRP }},
		"for a group of another RP": {Register{dr, ip(rigRP), sg("192.0.2.1", "239.77.0.2"), false, nil},
			func(c RegisterCounters) uint64 { return c.NotRP }},
		"for SSM":               {Register{dr, ip(rigRP), sg("192.0.2.1", "232.1.1.1"), false, nil}, func(c RegisterCounters) uint64 { return c.NoGroup }},
		"from a made-up source": {Register{dr, ip(rigRP), sg("224.0.0.9", "239.1.1.1"), false, nil}, func(c RegisterCounters) uint64 { return c.NoGroup }},
	} {
		t.Run(name, func(t *testing.T) {
			r := rpRig(t)
			r.s.SetRPs(r.now, rps{all: rp{ip(rigRP), true}, group: map[ipv4.Addr]rp{
				ip("239.77.0.1"): {ip("10.9.9.9"), true},
				ip("239.77.0.2"): {ip("203.0.113.9"), false},
			}})
			r.s.RegisterHeard(r.now, tc.register)
			r.s.KernelEntry(r.now, tc.register.SG, 2, 0)
			r.advance(time.Minute)
			r.wantSAs(below1)
			r.wantLocal(false, tc.register.SG)
			if c := r.s.Summary().Registers; c.Heard != 1 || tc.count(c) != 1 {
				t.Errorf("counted %+v", c)
			}
		})
	}
}

// A remote source that was joined stands in the kernel's table, whatever pimd says of a Register for it.
func TestDeniedRegisterMakesNoRemoteSourceLocal(t *testing.T) {
	r := rpRig(t)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	r.sa(below1, below1.String(), sgA)
	r.s.KernelEntry(r.now, sgA, 2, 100)
	r.advance(takenPeriod + TickInterval)
	r.s.KernelEntry(r.now, sgA, 2, 200)
	r.s.RegisterHeard(r.now, Register{OuterSource: dr, OuterDestination: ip(rigRP), SG: sgA, Denied: true})
	r.wantLocal(false, sgA)
	r.wantCached(true, sgA)
	if !r.env.joined[sgA] {
		t.Error("it is not joined any more")
	}
	if c := r.s.Summary().Registers; c.NotTaken != 1 {
		t.Errorf("counted %+v", c)
	}
	// A moment after it was permitted, pimd takes what was thought to be denied.
	r.s.RegisterHeard(r.now, Register{OuterSource: dr, OuterDestination: ip(rigRP), SG: sgB, Denied: true})
	r.s.KernelEntry(r.now, sgB, 2, 0)
	r.wantLocal(true, sgB)
	// The kernel may be heard first.
	other := ipv4.SG{Source: ip("10.77.0.9"), Group: sgA.Group}
	r.s.KernelEntry(r.now, other, 2, 0)
	r.s.RegisterHeard(r.now, Register{OuterSource: dr, OuterDestination: ip(rigRP), SG: other, Denied: true})
	r.wantLocal(true, other)
}

func TestRegisterWithoutAnyRP(t *testing.T) {
	r := newRig(t, peersConfig(below1))
	r.up(below1)
	r.register(sgA)
	r.wantLocal(false, sgA)
}

func TestRegisterThatIsNotTaken(t *testing.T) {
	r := rpRig(t)
	r.heard(sgA)
	r.advance(takenPeriod + 2*TickInterval)
	if c := r.s.Summary().Registers; c.NotTaken != 1 {
		t.Errorf("counted %+v", c)
	}
	r.s.KernelEntry(r.now, sgA, 2, 0) // for another reason, a second later
	r.heard(sgB)
	r.now = r.now.Add(takenPeriod + time.Millisecond) // before a tick looks
	r.s.KernelEntry(r.now, sgB, 2, 0)
	r.wantLocal(false, sgB)
	r.wantLocal(false, sgA)
	r.wantSAs(below1)
	r.heard(sgA) // now it is there
	r.wantSAs(below1, sgA)
}

func TestManyRegistersThatAreNotTaken(t *testing.T) {
	r := rpRig(t)
	for i := range ipv4.Addr(maxRegistersWaiting + 1000) {
		r.heard(ipv4.SG{Source: ip("20.0.0.0") + i, Group: ip("239.1.1.1")})
	}
	if n := len(r.s.registers); n > maxRegistersWaiting {
		t.Errorf("%d wait", n)
	}
	r.advance(2 * time.Second)
	if n := len(r.s.registers); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// announcements returns when sg was sent to below1 during d, since the rig began.
func (r *rig) announcements(d time.Duration, s ipv4.SG) []time.Duration {
	var out []time.Duration
	for end := r.now.Add(d); r.now.Before(end); {
		r.advance(TickInterval)
		if r.now.Sub(start)%(20*time.Second) == 0 {
			r.keepAlive()
		}
		if _, ok := r.takenSAs(below1)[s]; ok {
			out = append(out, r.now.Sub(start))
		}
	}
	return out
}

func TestPeriodicOnceAMinuteUntilAMinuteAfterTheLastRegister(t *testing.T) {
	r := rpRig(t)
	var times []time.Duration
	for range 10 {
		r.register(sgA)
		r.takenSAs(below1) // the first is beside the period
		times = append(times, r.announcements(50*time.Second, sgA)...)
	}
	for i := 1; i < len(times); i++ {
		if gap := times[i] - times[i-1]; gap != SAAdvertisementPeriod {
			t.Errorf("%v between two periodic SAs", gap)
		}
	}
	if len(times) < 8 {
		t.Errorf("%d SAs in 500 s", len(times))
	}
	last := 450 * time.Second // when the last Register came
	for _, at := range r.announcements(5*time.Minute, sgA) {
		if at > last+announcePeriod {
			t.Errorf("an SA %v after the last Register", at-last)
		}
	}
	r.wantLocal(false, sgA)
}

func TestPeriodicSAsAreSpread(t *testing.T) {
	r := rpRig(t)
	sources := many(6000)
	for _, s := range sources {
		r.register(s)
	}
	r.takenSAs(below1)
	seen := make(map[ipv4.SG]int)
	most := 0
	for i := range 60 {
		if i%20 == 0 {
			r.keepAlive()
		}
		r.advance(time.Second)
		second := 0
		for _, m := range r.taken(below1) {
			second += len(m.sgs)
			for _, s := range m.sgs {
				seen[s]++
			}
		}
		most = max(most, second)
	}
	if len(seen) != len(sources) {
		t.Errorf("%d of %d announced within the period", len(seen), len(sources))
	}
	for s, n := range seen {
		if n != 1 {
			t.Fatalf("%s announced %d times within the period", s, n)
		}
	}
	if most > 200 {
		t.Errorf("%d entries in one second, the mean is 100", most)
	}
}

func TestLocalSourceGoesInTime(t *testing.T) {
	r := rpRig(t)
	r.register(sgA)
	onLink := sg("10.1.0.7", "239.1.1.1")
	r.s.SetDR(r.now, map[string]bool{"lan0": true})
	r.s.KernelEntry(r.now, onLink, 3, 1)
	r.advanceAlive(onLinkPeriod - time.Second)
	r.wantLocal(true, onLink)
	r.advanceAlive(2 * time.Second)
	r.wantLocal(false, onLink)
	r.advanceAlive(registeredPeriod - onLinkPeriod - 2*time.Second)
	r.wantLocal(true, sgA)
	r.advanceAlive(2 * time.Second)
	r.wantLocal(false, sgA)
}

// A source that spoke, fell silent, and speaks again is announced at once.
func TestSourceSpeaksAgain(t *testing.T) {
	r := rpRig(t)
	r.register(sgA)
	r.announcements(150*time.Second, sgA)
	r.wantLocal(true, sgA)
	r.heard(sgA)
	r.wantSAs(below1, sgA)
}

// While Registers come a minute apart nothing but the periodic SA goes out.
func TestRegistersThatComeInTimeTriggerNothing(t *testing.T) {
	r := rpRig(t)
	r.register(sgA)
	r.takenSAs(below1)
	n := 0
	for range 10 {
		n += len(r.announcements(60*time.Second, sgA))
		r.heard(sgA)
		n += len(r.takenSAs(below1))
	}
	if n < 9 || n > 11 {
		t.Errorf("%d SAs in ten minutes", n)
	}
}

// A DR that registers each 85 s triggers no SA where the last one is less than a period ago.
func TestRegistersThatComeLateTriggerNoSecondSA(t *testing.T) {
	r := rpRig(t)
	// The turn of the first source comes early after each whole minute.
	r.register(sgA)
	var times []time.Duration
	for range 20 {
		times = append(times, r.announcements(85*time.Second, sgA)...)
		r.heard(sgA)
		if len(r.takenSAs(below1)) > 0 {
			times = append(times, r.now.Sub(start))
		}
	}
	for i := 1; i < len(times); i++ {
		if i+2 < len(times) && times[i+2]-times[i] < SAAdvertisementPeriod {
			t.Errorf("three SAs within %v", times[i+2]-times[i])
		}
		if gap := times[i] - times[i-1]; gap > 2*time.Minute {
			t.Errorf("%v between two SAs", gap)
		}
	}
	for i, at := range times {
		trigger := at%(85*time.Second) == TickInterval && i > 0
		if trigger && at-times[i-1] <= SAAdvertisementPeriod {
			t.Errorf("at %v a Register triggered an SA %v after the last", at, at-times[i-1])
		}
	}
}

func TestOnLinkSources(t *testing.T) {
	near := sg("10.1.0.7", "239.1.1.1")
	isDR, notDR := map[string]bool{"lan0": true}, map[string]bool{"lan0": false}
	t.Run("this router is DR", func(t *testing.T) {
		r := rpRig(t)
		r.s.SetDR(r.now, isDR)
		r.s.KernelEntry(r.now, near, 3, 1)
		r.wantSAs(below1, near)
		if st, _ := r.s.SA(near); st.DR != 0 || !st.Local {
			t.Errorf("%+v", st)
		}
	})
	t.Run("before it is known who is DR", func(t *testing.T) {
		r := rpRig(t)
		r.s.KernelEntry(r.now, near, 3, 1)
		r.wantSAs(below1)
		r.advance(5 * time.Second)
		r.s.SetDR(r.now, isDR)
		r.wantSAs(below1, near)
	})
	t.Run("another router is DR", func(t *testing.T) {
		r := rpRig(t)
		r.s.SetDR(r.now, notDR)
		r.s.KernelEntry(r.now, near, 3, 1)
		r.wantSAs(below1)
		r.heard(near) // until that one registers it
		r.wantSAs(below1, near)
	})
	t.Run("it arrives on another interface", func(t *testing.T) {
		r := rpRig(t)
		r.s.SetDR(r.now, map[string]bool{"lan0": true, "eth0": true})
		r.s.KernelEntry(r.now, near, 2, 1)
		r.wantSAs(below1)
	})
	t.Run("another router becomes DR", func(t *testing.T) {
		r := rpRig(t)
		r.s.SetDR(r.now, isDR)
		r.s.KernelEntry(r.now, near, 3, 1)
		r.s.SetDR(r.now, notDR)
		r.wantLocal(false, near)
		r.takenSAs(below1)
		if got := r.announcements(3*time.Minute, near); len(got) != 0 {
			t.Errorf("announced at %v", got)
		}
	})
	t.Run("another router becomes DR after pimd's table was emptied", func(t *testing.T) {
		r := rpRig(t)
		r.s.SetDR(r.now, isDR)
		r.s.KernelEntry(r.now, near, 3, 1)
		r.s.KernelEntryGone(r.now, near)
		r.wantLocal(true, near)
		r.s.SetDR(r.now, notDR)
		r.wantLocal(false, near)
	})
	t.Run("our own packets", func(t *testing.T) {
		r := rpRig(t)
		r.s.SetDR(r.now, isDR)
		r.s.KernelEntry(r.now, sg("10.1.0.1", "239.1.1.1"), 3, 1)
		r.wantLocal(false, sg("10.1.0.1", "239.1.1.1"))
	})
	t.Run("while packets come", func(t *testing.T) {
		r := rpRig(t)
		r.s.SetDR(r.now, isDR)
		r.s.KernelEntry(r.now, near, 3, 1)
		r.takenSAs(below1)
		n := 0
		for i := range uint64(20) {
			n += len(r.announcements(30*time.Second, near))
			r.s.KernelCounters(r.now, near, 2+i)
		}
		if n < 9 || n > 11 {
			t.Errorf("%d SAs in ten minutes", n)
		}
		// And no more when the counter stands.
		last := r.now.Sub(start)
		for range 10 {
			for _, at := range r.announcements(30*time.Second, near) {
				if at > last+announcePeriod {
					t.Errorf("an SA %v after the last packet", at-last)
				}
			}
			r.s.KernelCounters(r.now, near, 21)
			r.s.SetDR(r.now, isDR) // news that change nothing
		}
		r.wantLocal(false, near)
	})
}

func TestRPChangeAnnouncesAgain(t *testing.T) {
	r := rpRig(t)
	r.register(sgA)
	r.advance(10 * time.Second)
	r.forgetSent()
	r.s.SetRPs(r.now, rpIs("10.9.9.9"))
	if got := r.takenSAs(below1)[sgA]; got != ip("10.9.9.9") {
		t.Errorf("announced with RP %s", got)
	}
	r.s.SetRPs(r.now, rpIs("10.9.9.9")) // no change
	r.wantSAs(below1)

	c := peersConfig(below1, above1)
	c.OriginatorID = ip("198.51.100.1")
	r.apply(c)
	if got := r.takenSAs(below1)[sgA]; got != c.OriginatorID {
		t.Errorf("announced with RP %s", got)
	}
}

func TestOriginatorOfOurSAs(t *testing.T) {
	c := meshConfig([]ipv4.Addr{below1}, below2)
	r := newRig(t, c)
	r.s.SetRPs(r.now, rpIs("10.9.9.9"))
	r.up(below1, below2)
	r.s.RegisterHeard(r.now, Register{OuterSource: dr, OuterDestination: ip("10.9.9.9"), SG: sgA})
	r.s.KernelEntry(r.now, sgA, 2, 0)
	if got := r.takenSAs(below1)[sgA]; got != rigLocal {
		t.Errorf("RP %s, want the source of the mesh group", got)
	}
}

func TestLossOfTheRPRole(t *testing.T) {
	r := rpRig(t)
	r.register(sgA)
	r.forgetSent()
	r.s.SetRPs(r.now, rpAway("203.0.113.9"))
	r.wantLocal(false, sgA)
	if got := r.announcements(2*time.Minute, sgA); len(got) != 0 {
		t.Errorf("announced at %v", got)
	}
	// The other RP announces it now, and is believed.
	r.sa(below1, below1.String(), sgA)
	r.wantCached(true, sgA)
	r.s.SetRPs(r.now, rpIs(rigRP))
	r.heard(sgA)
	r.wantLocal(true, sgA)
	r.s.SetRPs(r.now, rps{})
	r.wantLocal(false, sgA)
}

func TestManySourcesOfAnRPThatChanges(t *testing.T) {
	r := rpRig(t)
	for _, s := range many(5000) {
		r.register(s)
	}
	r.forgetSent()
	r.s.SetRPs(r.now, rpIs("10.9.9.9"))
	messages, entries := 0, 0
	for _, m := range r.taken(below1) {
		messages++
		entries += len(m.sgs)
	}
	if entries != 5000 || messages > 5000/200 {
		t.Errorf("%d entries in %d messages", entries, messages)
	}
}
