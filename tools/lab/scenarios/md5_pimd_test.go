//go:build lab

package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// foreignPeer is a router with msdpd and a neighbour with the MSDP of FRR's own pimd, of another release if one says so.
type foreignPeer struct {
	// own runs msdpd, other pimd. Addresses are what each is known by to the other.
	own, other         *lab.Node
	ownAddr, otherAddr string
}

// newForeignPeer makes the two, with zebra, and starts neither speaker. The one with the lower address connects.
func newForeignPeer(t *testing.T, pimd lab.FRR, pimdConnects bool) foreignPeer {
	t.Helper()
	n := lab.ForTest(t)
	f := foreignPeer{n.Router("own"), n.Router("other"), "10.0.12.1", "10.0.12.2"}
	if pimdConnects {
		f.ownAddr, f.otherAddr = f.otherAddr, f.ownAddr
	}
	f.other.FRR = pimd
	n.Connect(f.own, "peer", f.ownAddr+"/24", f.other, "peer", f.otherAddr+"/24")
	f.own.StartFRR("zebra", "")
	f.other.StartFRR("zebra", "")
	return f
}

// startPIMD starts the neighbour's MSDP, which tries to connect again every second, with more lines of `router pim`.
func (f foreignPeer) startPIMD(lines ...string) {
	lines = slices.Concat([]string{"msdp timers 60 75 1", "msdp peer " + f.ownAddr + " source " + f.otherAddr}, lines)
	f.other.StartFRR("pimd", "router pim\n "+strings.Join(lines, "\n ")+"\nexit\ninterface peer\n ip pim\nexit\n")
}

// configurePIMD gives the neighbour a line of `router pim` about its peer, and has it begin anew with that.
func (f foreignPeer) configurePIMD(t *testing.T, line string) {
	t.Helper()
	if _, err := f.other.Vty("pimd", "enable", "configure terminal", "router pim", line, "end", "clear ip msdp peer "+f.ownAddr); err != nil {
		t.Fatal(err)
	}
}

// password is the line that sets or, if it is empty, removes one; the same at both ends but for the address.
func password(peer, key string) string {
	if key == "" {
		return "no msdp peer " + peer + " password"
	}
	return "msdp peer " + peer + " password " + key
}

// sessions is how many the ends have had.
func (f foreignPeer) sessions(t *testing.T) [2]int {
	t.Helper()
	var n [2]int
	for i, end := range []struct {
		nd           *lab.Node
		daemon, peer string
	}{{f.own, "msdpd", f.otherAddr}, {f.other, "pimd", f.ownAddr}} {
		p, err := askPeer(end.nd, end.daemon, end.peer)
		if err != nil {
			t.Fatal(err)
		}
		n[i] = p.EstablishedChanges
	}
	return n
}

// awaitUp waits until both ends have a session in which each has heard the other.
func (f foreignPeer) awaitUp(t *testing.T) {
	t.Helper()
	up := func(p peerDetail) bool { return p.State == "established" }
	awaitPeer(t, f.own, "msdpd", f.otherAddr, 3*patience, "a session", up)
	awaitPeer(t, f.other, "pimd", f.ownAddr, 3*patience, "a session", up)
}

// FRR's pimd has passwords since some release 10. With the same at both ends there is a session, whoever connects;
// with another one, or one on one side only, there is none, and msdpd says what it suspects; and both
// can be changed while everything runs. pimd leaves the session that it has, and without one the socket that it listens on,
// to their old password until the peer is cleared there.
func TestPasswordAgainstFRR(t *testing.T) {
	t.Parallel()
	pimd := lab.NeedFRR(t, "10.7.1")
	for _, c := range []struct {
		name         string
		pimdConnects bool
	}{{"msdpd connects", false}, {"FRR connects", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newForeignPeer(t, pimd, c.pimdConnects)
			f.startPIMD(password(f.ownAddr, firstKey))
			f.own.StartMSDPD(peerLine(f.otherAddr, f.ownAddr) + "ip " + password(f.otherAddr, firstKey) + "\n")
			f.awaitUp(t)
			for _, step := range []struct {
				name   string
				atPIMD bool
				key    string
				// suspects is what msdpd says where it listens; empty: the session is back.
				suspects string
			}{
				{"wrong at msdpd", false, secondKey, "signed with another password"},
				{"right again, by a change at pimd", true, secondKey, ""},
				{"missing at pimd", true, "", "without a signature"},
				{"missing at both", false, "", ""},
				{"missing at msdpd", true, firstKey, "has no password here"},
				{"set at both", false, firstKey, ""},
				{"wrong at pimd", true, secondKey, "signed with another password"},
				{"right again, by a change at msdpd", false, secondKey, ""},
				{"removed at msdpd", false, "", "has no password here"},
				{"removed at both", true, "", ""},
				{"set at msdpd", false, firstKey, "without a signature"},
				{"set at both again", true, firstKey, ""},
			} {
				began := time.Now()
				if step.atPIMD {
					f.configurePIMD(t, password(f.ownAddr, step.key))
				} else {
					configureMSDPD(t, f.own, "router pim", password(f.otherAddr, step.key))
				}
				if step.suspects == "" {
					f.awaitUp(t)
				} else {
					f.awaitNone(t, c.pimdConnects, step.suspects)
				}
				t.Logf("%s: %.1f s", step.name, time.Since(began).Seconds())
			}
		})
	}
}

// awaitNone waits until the session has ended and the side that connects has tried in vain, and msdpd says why that may be.
func (f foreignPeer) awaitNone(t *testing.T, pimdConnects bool, suspects string) {
	t.Helper()
	down := func(p peerDetail) bool { return p.State != "established" }
	awaitPeer(t, f.own, "msdpd", f.otherAddr, 3*patience, "the end of the session", down)
	awaitPeer(t, f.other, "pimd", f.ownAddr, 3*patience, "the end of the session", down)
	before := f.sessions(t)
	said := ""
	if pimdConnects {
		said = awaitGuarded(t, f.own, f.otherAddr, "a suspicion", func(p guardedPeer) bool { return strings.Contains(p.PasswordMismatch, suspects) }).PasswordMismatch
		tried, err := askPeer(f.other, "pimd", f.ownAddr)
		if err != nil {
			t.Fatal(err)
		}
		awaitPeer(t, f.other, "pimd", f.ownAddr, patience, "two more attempts", func(p peerDetail) bool { return p.ConnAttempts >= tried.ConnAttempts+2 })
	} else {
		tried, err := askPeer(f.own, "msdpd", f.otherAddr)
		if err != nil {
			t.Fatal(err)
		}
		said = awaitGuarded(t, f.own, f.otherAddr, "two more attempts", func(p guardedPeer) bool {
			return p.ConnAttempts >= tried.ConnAttempts+2 && strings.Contains(p.StateReason, "password")
		}).StateReason
	}
	t.Logf("msdpd says: %s", said)
	if after := f.sessions(t); after != before {
		t.Errorf("there was a session: %v before, %v after", before, after)
	}
}
