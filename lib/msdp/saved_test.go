package msdp

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"msdpd/lib/ipv4"
)

// save has everything saved that the Speaker asked to be joined.
func (r *rig) save() Saved { return r.s.Save(slices.Collect(maps.Keys(r.env.joined))) }

// restart returns a rig that took back what r saved, down for that long.
func (r *rig) restartAfter(down time.Duration, c Config) *rig {
	r.t.Helper()
	text, err := json.Marshal(r.save())
	if err != nil {
		r.t.Fatal(err)
	}
	var saved Saved
	if err := json.Unmarshal(text, &saved); err != nil {
		r.t.Fatal(err)
	}
	n := newRig(r.t, c)
	n.now = r.now.Add(down)
	n.s = New(n.now, n.env, r.s.log)
	n.s.SetInterfaces(n.now, rigInterfaces())
	n.s.Apply(n.now, c)
	n.s.Restore(n.now, saved)
	return n
}

func TestRestartKeepsLocalSources(t *testing.T) {
	for name, order := range map[string][]string{
		"RPs before the session":                {"rps", "session"},
		"RPs after the session":                 {"session", "rps"},
		"no RPs at first":                       {"none", "session", "none", "rps"},
		"DRs first":                             {"dr", "rps", "session"},
		"RPs and kernel, DRs last":              {"rps", "kernel", "session", "dr"},
		"the kernel's table before all":         {"kernel", "dr", "session", "rps"},
		"the kernel's table and DRs, then none": {"kernel", "dr", "none", "rps", "session"},
	} {
		t.Run(name, func(t *testing.T) {
			near := sg("10.1.0.7", "239.1.1.1")
			r := rpRig(t)
			r.s.SetDR(r.now, map[string]bool{"lan0": true})
			r.register(sgA)
			r.s.KernelEntry(r.now, near, 3, 7)
			r.advanceAlive(50 * time.Second)
			n := r.restartAfter(2*time.Second, peersConfig(below1, above1))
			for _, what := range order {
				switch what {
				case "rps":
					n.s.SetRPs(n.now, rpIs(rigRP))
				case "none":
					n.s.SetRPs(n.now, rps{})
				case "dr":
					n.s.SetDR(n.now, map[string]bool{"lan0": true})
				case "kernel":
					n.s.KernelEntry(n.now, sgA, 2, 9)
					n.s.KernelEntry(n.now, near, 3, 9)
				case "session":
					n.up(below1)
				}
				n.advance(500 * time.Millisecond)
			}
			n.wantSAs(below1, sgA, near)
			st, _ := n.s.SA(sgA)
			if !st.FirstSeen.Equal(start.Add(TickInterval)) || st.DR != dr {
				t.Errorf("first seen %v after the beginning, DR %s", st.FirstSeen.Sub(start), st.DR)
			}
			if st, _ := n.s.SA(near); !st.FirstSeen.Equal(start.Add(TickInterval)) {
				t.Errorf("the on-link source first seen %v after the beginning", st.FirstSeen.Sub(start))
			}
			// It dies as if nothing had happened.
			n.advanceAlive(start.Add(registeredPeriod + 2*time.Second).Sub(n.now))
			n.wantLocal(false, sgA)
		})
	}
}

func TestRestartMakesNoRemoteSourceLocal(t *testing.T) {
	r := rpRig(t)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	r.sa(below1, below1.String(), sgA)
	r.s.KernelEntry(r.now, sgA, 2, 100) // it was joined
	n := r.restartAfter(3*time.Second, peersConfig(below1, above1))
	n.s.SetRPs(n.now, rpIs(rigRP))
	n.s.SetDR(n.now, map[string]bool{"lan0": true, "eth0": true})
	n.s.KernelEntry(n.now, sgA, 2, 105)
	n.s.KernelEntry(n.now, anyA, 2, 0)
	if !n.env.joined[sgA] {
		t.Error("what was joined is not joined any more")
	}
	n.up(above1)
	n.s.RegisterHeard(n.now, Register{OuterSource: ip(rigRP), OuterDestination: ip(rigRP), SG: sgA}) // our own
	n.advanceAlive(3 * time.Minute)
	n.wantLocal(false, sgA)
}

func TestRestartPassesOnWhatIsFresh(t *testing.T) {
	r := rpRig(t)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	r.sa(below1, below1.String(), sgA)
	r.advance(10 * time.Second)
	n := r.restartAfter(time.Second, peersConfig(below1, above1))
	n.up(above1)
	n.wantSAs(above1, sgA)
	n.advanceAlive(200 * time.Second)
	n.wantCached(false, sgA) // 210 s from when it was heard, not from the restart
}

func TestRestoreLeavesOut(t *testing.T) {
	now := start.Add(time.Hour)
	local := func(heard time.Duration) SavedLocal {
		return SavedLocal{Source: sgA.Source, Group: sgA.Group, DR: dr, Registered: true, LastRegister: now.Add(-heard)}
	}
	entry := func(heard time.Duration) SavedEntry {
		return SavedEntry{Source: sgB.Source, Group: sgB.Group, RP: below1, Peer: below1, Heard: now.Add(-heard)}
	}
	for name, tc := range map[string]struct {
		saved Saved
		want  int
	}{
		"young":              {Saved{Locals: []SavedLocal{local(time.Minute)}, Joined: []SavedEntry{entry(time.Minute)}}, 2},
		"old":                {Saved{Locals: []SavedLocal{local(210 * time.Second)}, Joined: []SavedEntry{entry(210 * time.Second)}}, 0},
		"from the future":    {Saved{Locals: []SavedLocal{local(-time.Hour)}, Joined: []SavedEntry{entry(-time.Hour)}}, 0},
		"the same twice":     {Saved{Locals: []SavedLocal{local(0), local(0)}, Joined: []SavedEntry{entry(0), entry(0)}}, 2},
		"an unknown peer":    {Saved{Joined: []SavedEntry{{Source: sgB.Source, Group: sgB.Group, RP: below1, Peer: below3, Heard: now}}}, 0},
		"a group of no use":  {Saved{Locals: []SavedLocal{{Source: sgA.Source, Group: ip("232.1.1.1"), Registered: true, LastRegister: now}}}, 0},
		"neither kind":       {Saved{Locals: []SavedLocal{{Source: sgA.Source, Group: sgA.Group, LastRegister: now, LastPacket: now}}}, 0},
		"local and joined":   {Saved{Locals: []SavedLocal{local(0)}, Joined: []SavedEntry{{Source: sgA.Source, Group: sgA.Group, RP: below1, Peer: below1, Heard: now}}}, 1},
		"an unusable source": {Saved{Joined: []SavedEntry{{Source: 0, Group: sgA.Group, RP: below1, Peer: below1, Heard: now}}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, peersConfig(below1))
			r.now = now
			r.s.Restore(now, tc.saved)
			if sum := r.s.Summary(); sum.Locals+sum.Remotes != tc.want {
				t.Errorf("%d local and %d remote sources, want %d in all", sum.Locals, sum.Remotes, tc.want)
			}
		})
	}
}

func TestRestoredSourceThatMovedAway(t *testing.T) {
	r := rpRig(t)
	r.register(sgA)
	n := r.restartAfter(time.Second, peersConfig(below1))
	n.up(below1)
	// No RP is known here yet, and the peer announces it as its own.
	n.sa(below1, below1.String(), sgA)
	n.wantLocal(false, sgA)
	n.wantCached(true, sgA)
}

func TestSaveAndRestoreAgree(t *testing.T) {
	r := rpRig(t)
	r.s.SetDR(r.now, map[string]bool{"lan0": true})
	r.register(sgA)
	r.s.KernelEntry(r.now, sg("10.1.0.7", "239.1.1.1"), 3, 7)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	r.sa(below1, below1.String(), sgB)
	r.advance(20 * time.Second)
	n := r.restartAfter(0, peersConfig(below1, above1))
	n.s.SetRPs(n.now, rpIs(rigRP))
	n.s.KernelEntry(n.now, anyA, 2, 0)
	if diff := cmp.Diff(r.save(), n.save()); diff != "" {
		t.Error(diff)
	}
	if len(r.save().Locals) != 2 || len(r.save().Joined) != 1 {
		t.Errorf("saved %+v", r.save())
	}
}

func TestSaveLeavesOutWhatIsNotJoined(t *testing.T) {
	r := rpRig(t)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	r.sa(below1, below1.String(), sgA, sgB) // both are wanted
	saved := r.s.Save([]ipv4.SG{sgB, sg("192.0.2.99", "239.1.1.1")})
	if len(saved.Joined) != 1 || saved.Joined[0].Source != sgB.Source || saved.Joined[0].Group != sgB.Group {
		t.Errorf("saved %+v", saved.Joined)
	}
}
