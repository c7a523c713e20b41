//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msdpd/lib/frrvty"
	"msdpd/tools/lab"
)

// The passwords of these scenarios have a piece in common, by which they are looked for where
// they must not be.
const (
	firstKey  = "pa55-first"
	secondKey = "pa55-second"
	anyKey    = "pa55"
)

// guardedPeer is what `show ip msdp peer detail json` says of a password and a distance.
type guardedPeer struct {
	State              string `json:"state"`
	StateReason        string `json:"stateReason"`
	LastReset          string `json:"lastReset"`
	Password           bool   `json:"password"`
	PasswordMismatch   string `json:"passwordMismatch"`
	TTLSecurityHops    int    `json:"ttlSecurityHops"`
	ConnAttempts       int    `json:"connAttempts"`
	EstablishedChanges int    `json:"establishedChanges"`
}

func awaitGuarded(t *testing.T, nd *lab.Node, peer, what string, holds func(guardedPeer) bool) guardedPeer {
	t.Helper()
	var p guardedPeer
	lab.Eventually(t, 2*patience, poll, func() error {
		var all map[string]guardedPeer
		err := nd.VtyJSON("msdpd", "show ip msdp peer detail json", &all)
		if p = all[peer]; err == nil && !holds(p) {
			err = fmt.Errorf("%s: waiting for %s of peer %s: %+v", nd.Name(), what, peer, p)
		}
		return err
	})
	return p
}

// configureMSDPD gives msdpd commands of the configuration.
func configureMSDPD(t *testing.T, nd *lab.Node, commands ...string) {
	t.Helper()
	if _, err := nd.Vty("msdpd", append([]string{"enable", "configure terminal"}, commands...)...); err != nil {
		t.Fatal(err)
	}
}

// guardedLAN is a hub with the address 10.0.0.9 to which two routers connect, 10.0.0.1 and 10.0.0.2.
type guardedLAN struct {
	network       *lab.Network
	hub, one, two *lab.Node
}

func startGuardedLAN(t *testing.T) guardedLAN {
	t.Helper()
	n := lab.ForTest(t)
	g := guardedLAN{n, n.Router("hub"), n.Router("one"), n.Router("two")}
	n.LAN("lan", lab.Port{Node: g.hub, Iface: "lan", Addr: "10.0.0.9/24"},
		lab.Port{Node: g.one, Iface: "lan", Addr: "10.0.0.1/24"}, lab.Port{Node: g.two, Iface: "lan", Addr: "10.0.0.2/24"})
	for _, nd := range []*lab.Node{g.hub, g.one, g.two} {
		nd.StartFRR("zebra", "")
	}
	return g
}

const (
	hubConfig = "ip msdp peer 10.0.0.1 source 10.0.0.9\nip msdp peer 10.0.0.2 source 10.0.0.9\n"
	oneConfig = "ip msdp peer 10.0.0.9 source 10.0.0.1\n"
	twoConfig = "ip msdp peer 10.0.0.9 source 10.0.0.2\n"
	onHub     = "ip msdp peer 10.0.0.1 password "
	onOne     = "ip msdp peer 10.0.0.9 password "
)

func (g guardedLAN) awaitUp(t *testing.T) {
	t.Helper()
	g.hub.AwaitMSDPPeer(2*patience, "msdpd", "10.0.0.1", "established")
	g.one.AwaitMSDPPeer(2*patience, "msdpd", "10.0.0.9", "established")
}

// awaitMismatch waits until the hub suspects its peer 10.0.0.1 for the reason given and 10.0.0.1, after
// more attempts, says what its silence can mean; there was no session meanwhile.
func (g guardedLAN) awaitMismatch(t *testing.T, reason string) {
	t.Helper()
	down := func(p guardedPeer) bool { return p.State != "established" }
	atHub := awaitGuarded(t, g.hub, "10.0.0.1", "no session", down)
	atOne := awaitGuarded(t, g.one, "10.0.0.9", "no session", down)
	suspected := awaitGuarded(t, g.hub, "10.0.0.1", "a suspicion", func(p guardedPeer) bool { return strings.Contains(p.PasswordMismatch, reason) })
	t.Logf("suspected at the hub: %s", suspected.PasswordMismatch)
	tried := awaitGuarded(t, g.one, "10.0.0.9", "two more attempts", func(p guardedPeer) bool {
		return p.ConnAttempts >= atOne.ConnAttempts+2 && strings.Contains(p.StateReason, "password")
	})
	t.Logf("said at its peer: %s", tried.StateReason)
	suspected = awaitGuarded(t, g.hub, "10.0.0.1", "a suspicion", func(p guardedPeer) bool { return p.PasswordMismatch != "" })
	if suspected.EstablishedChanges != atHub.EstablishedChanges || tried.EstablishedChanges != atOne.EstablishedChanges {
		t.Errorf("there was a session: at the hub %+v, before %+v; at its peer %+v, before %+v", suspected, atHub, tried, atOne)
	}
	if strings.Contains(suspected.PasswordMismatch, "or of") {
		t.Errorf("the only peer that it can be is not named alone: %s", suspected.PasswordMismatch)
	}
	out, err := g.hub.Vty("msdpd", "show ip msdp summary")
	if err != nil || !says(out, "peer 10.0.0.1: a mismatch of passwords is suspected") {
		t.Errorf("the summary does not tell of it: %v\n%s", err, out)
	}
}

// A password is set, wrong, missing on either side, changed and removed while everything runs, on the
// side that connects and on the side that listens: there is a session where both have the same and never
// else, the listening side says that a mismatch is suspected, and the peer that shares the listening
// address without a password does not notice.
func TestPasswordsWhileRunning(t *testing.T) {
	t.Parallel()
	g := startGuardedLAN(t)
	g.hub.StartMSDPD(hubConfig + onHub + firstKey + "\n")
	g.one.StartMSDPD(oneConfig + onOne + firstKey + "\n")
	g.two.StartMSDPD(twoConfig)
	g.awaitUp(t)
	g.two.AwaitMSDPPeer(patience, "msdpd", "10.0.0.9", "established")

	const unsigned, different, unexpected = "without a signature", "signed with another password", "has no password here"
	for _, step := range []struct {
		name     string
		nd       *lab.Node
		line     string
		mismatch string // "": the session is back
	}{
		{"wrong on the side that connects", g.one, onOne + secondKey, different},
		{"right again on the side that listens", g.hub, onHub + secondKey, ""},
		{"missing on the side that connects", g.one, "no " + onOne, unsigned},
		{"missing on both", g.hub, "no " + onHub, ""},
		{"missing on the side that listens", g.one, onOne + firstKey, unexpected},
		{"set on both", g.hub, onHub + firstKey, ""},
		{"wrong on the side that listens", g.hub, onHub + secondKey, different},
		{"right again on the side that connects", g.one, onOne + secondKey, ""},
		{"removed on the side that listens", g.hub, "no " + onHub, unexpected},
		{"removed on both", g.one, "no " + onOne, ""},
		{"set on the side that listens", g.hub, onHub + firstKey, unsigned},
		{"set again on both", g.one, onOne + firstKey, ""},
	} {
		began := time.Now()
		configureMSDPD(t, step.nd, strings.TrimSpace(step.line))
		if step.mismatch != "" {
			g.awaitMismatch(t, step.mismatch)
		} else {
			g.awaitUp(t)
			for _, end := range []struct {
				nd   *lab.Node
				peer string
			}{{g.hub, "10.0.0.1"}, {g.one, "10.0.0.9"}} {
				if p := awaitGuarded(t, end.nd, end.peer, "an answer", func(p guardedPeer) bool { return p.State == "established" }); p.PasswordMismatch != "" {
					t.Errorf("still suspected with a session: %s", p.PasswordMismatch)
				}
			}
		}
		t.Logf("%s: %.1f s", step.name, time.Since(began).Seconds())
	}
	expectOneSession(t, g.two, "10.0.0.9")
	expectOneSession(t, g.hub, "10.0.0.2")
}

// Two peers that it can be are both marked, and each names the other.
func TestPasswordMismatchOfOneOfTwo(t *testing.T) {
	t.Parallel()
	g := startGuardedLAN(t)
	g.hub.StartMSDPD(hubConfig + onHub + firstKey + "\nip msdp peer 10.0.0.2 password " + secondKey + "\n")
	g.one.StartMSDPD(oneConfig + onOne + secondKey + "\n")
	p := awaitGuarded(t, g.hub, "10.0.0.1", "a suspicion", func(p guardedPeer) bool { return strings.Contains(p.PasswordMismatch, "or of 10.0.0.2") })
	t.Log(p.PasswordMismatch)
	awaitGuarded(t, g.hub, "10.0.0.2", "a suspicion", func(p guardedPeer) bool { return strings.Contains(p.PasswordMismatch, "or of 10.0.0.1") })
	g.two.StartMSDPD(twoConfig + onOne + secondKey + "\n")
	awaitGuarded(t, g.hub, "10.0.0.2", "no suspicion", func(p guardedPeer) bool { return p.State == "established" && p.PasswordMismatch == "" })
	awaitGuarded(t, g.hub, "10.0.0.1", "a suspicion of it alone", func(p guardedPeer) bool {
		return p.PasswordMismatch != "" && !strings.Contains(p.PasswordMismatch, "or of")
	})
}

// A password outlives a restart, of either side and in either order. It is in the configuration file, which
// others cannot read, and nowhere else: not in the log, in the state file, in JSON, in answers to bad
// lines, nor in the configuration as one sees it without enable.
func TestPasswordIsKeptAndNotShown(t *testing.T) {
	t.Parallel()
	g := startGuardedLAN(t)
	hub := g.hub.StartMSDPD(hubConfig)
	one := g.one.StartMSDPD(oneConfig)
	g.awaitUp(t)
	configureMSDPD(t, g.hub, strings.TrimSpace(onHub+firstKey), "do write")
	configureMSDPD(t, g.one, "router pim", "msdp peer 10.0.0.9 password "+firstKey, "do write")
	g.awaitUp(t)
	for _, order := range [][]*lab.Daemon{{hub, one}, {one, hub}} {
		for _, d := range order {
			d.Stop()
		}
		for _, d := range order {
			d.Restart()
		}
		g.awaitUp(t)
		for _, end := range []struct {
			nd   *lab.Node
			peer string
		}{{g.hub, "10.0.0.1"}, {g.one, "10.0.0.9"}} {
			if p := awaitGuarded(t, end.nd, end.peer, "a session", func(p guardedPeer) bool { return p.State == "established" }); !p.Password {
				t.Errorf("%s: the session has no password", end.nd.Name())
			}
		}
	}

	dir := filepath.Join("/etc/frr", g.hub.Space())
	files, err := filepath.Glob(filepath.Join(dir, "msdpd.conf*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("configuration files %v: %v", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o640 {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
	}
	if out := running(t, g.hub); !strings.Contains(out, "\nip msdp peer 10.0.0.1 password "+firstKey+"\n") {
		t.Errorf("the configuration in enable mode lacks the password:\n%s", out)
	}
	out, err := g.hub.Vty("msdpd", "show running-config")
	if err != nil || !strings.Contains(out, "\nip msdp peer 10.0.0.1 password <hidden>\n") || strings.Contains(out, anyKey) {
		t.Errorf("the configuration without enable: %v\n%s", err, out)
	}
	for _, command := range []string{"show ip msdp peer detail", "show ip msdp peer detail json", "show ip msdp summary json"} {
		if out, err := g.hub.Vty("msdpd", command); err != nil || strings.Contains(out, anyKey) {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	for _, bad := range []string{
		onHub + firstKey + " " + secondKey,
		onHub + strings.Repeat(anyKey, 21),
		"ip msdp peer 10.0.0.256 password " + firstKey,
	} {
		_, err := g.hub.Vty("msdpd", "enable", "configure terminal", bad)
		var answer *frrvty.StatusError
		if !errors.As(err, &answer) || answer.Text == "" || strings.Contains(err.Error(), anyKey) {
			t.Errorf("the answer to a bad line: %v", err)
		}
	}
	hub.WriteConfig(hubConfig + onHub + firstKey + " " + secondKey + "\n")
	if out, err := g.hub.Exec(g.network.Binary("msdpd"), "-C", "-f", files[0]); err == nil || strings.Contains(out+err.Error(), anyKey) {
		t.Errorf("checking a bad file: %v\n%s", err, out)
	}
	for name, d := range map[string]*lab.Daemon{"hub": hub, "one": one} {
		if strings.Contains(d.Log(), anyKey) {
			t.Errorf("%s: the log shows a password", name)
		}
	}
	state, err := os.ReadFile(filepath.Join(filepath.Dir(g.hub.VtySocket("msdpd")), "msdpd.state"))
	if err != nil || strings.Contains(string(state), anyKey) {
		t.Errorf("the state file: %v\n%s", err, state)
	}
}

// A member of a mesh group has a password and more without a source of its own: the group's is its.
func TestMeshMemberHasAPassword(t *testing.T) {
	t.Parallel()
	g := startGuardedLAN(t)
	const member = "ip msdp mesh-group any source 10.0.0.%d\nip msdp mesh-group any member 10.0.0.%d\n"
	const settings = "ip msdp peer 10.0.0.%d password %s\nip msdp peer 10.0.0.%[1]d ttl-security hops 1\nip msdp peer 10.0.0.%[1]d description a member\n"
	g.hub.StartMSDPD(fmt.Sprintf(settings, 1, firstKey) + fmt.Sprintf(member, 9, 1))
	g.one.StartMSDPD(fmt.Sprintf(member, 1, 9))
	g.awaitMismatch(t, "without a signature")
	configureMSDPD(t, g.one, strings.Split(strings.TrimSpace(fmt.Sprintf(settings, 9, firstKey)), "\n")...)
	g.awaitUp(t)
	p := awaitGuarded(t, g.one, "10.0.0.9", "a session", func(p guardedPeer) bool { return p.State == "established" })
	if !p.Password || p.TTLSecurityHops != 1 {
		t.Errorf("%+v", p)
	}
	configureMSDPD(t, g.one, "ip msdp peer 10.0.0.9 shutdown")
	g.hub.AwaitMSDPPeer(patience, "msdpd", "10.0.0.1", "listen")
	configureMSDPD(t, g.one, "no ip msdp peer 10.0.0.9 shutdown")
	g.awaitUp(t)
}

// FRR 8.4's MSDP knows no passwords: with one there is never a session with it, and what is suspected is shown.
func TestPasswordAgainstFRRWithout(t *testing.T) {
	t.Parallel()
	t.Run("FRR connects", func(t *testing.T) {
		t.Parallel()
		g := startGuardedLAN(t)
		g.hub.StartMSDPD(hubConfig + onHub + firstKey + "\n")
		g.one.StartFRR("pimd", lab.PIM{MSDP: []string{"peer 10.0.0.9 source 10.0.0.1"}}.Config())
		g.two.StartFRR("pimd", lab.PIM{MSDP: []string{"peer 10.0.0.9 source 10.0.0.2"}}.Config())
		g.hub.AwaitMSDPPeer(3*patience, "msdpd", "10.0.0.2", "established") // has no password
		p := awaitGuarded(t, g.hub, "10.0.0.1", "a suspicion of it alone", func(p guardedPeer) bool {
			return strings.Contains(p.PasswordMismatch, "without a signature") && !strings.Contains(p.PasswordMismatch, "or of")
		})
		t.Log(p.PasswordMismatch)
		if p.EstablishedChanges != 0 {
			t.Errorf("there was a session: %+v", p)
		}
		configureMSDPD(t, g.hub, strings.TrimSpace("no "+onHub))
		g.hub.AwaitMSDPPeer(3*patience, "msdpd", "10.0.0.1", "established")
		expectOneSession(t, g.hub, "10.0.0.2")
	})
	t.Run("FRR listens", func(t *testing.T) {
		t.Parallel()
		g := startGuardedLAN(t)
		g.one.StartMSDPD(oneConfig + onOne + firstKey + "\n")
		g.hub.StartFRR("pimd", lab.PIM{MSDP: []string{"peer 10.0.0.1 source 10.0.0.9"}}.Config())
		p := awaitGuarded(t, g.one, "10.0.0.9", "attempts without an answer", func(p guardedPeer) bool {
			return p.ConnAttempts >= 4 && strings.Contains(p.StateReason, "the password is not the peer's")
		})
		if p.EstablishedChanges != 0 {
			t.Errorf("there was a session: %+v", p)
		}
		configureMSDPD(t, g.one, strings.TrimSpace("no "+onOne))
		g.one.AwaitMSDPPeer(patience, "msdpd", "10.0.0.9", "established")
	})
}

// With ttl-security a peer next door has its session; one behind a router has none, until it is said
// to be that far away.
func TestTTLSecurity(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	a, via, b := n.Router("a"), n.Router("via"), n.Router("b")
	n.Connect(a, "via", "10.0.1.1/24", via, "a", "10.0.1.2/24")
	n.Connect(via, "b", "10.0.2.1/24", b, "via", "10.0.2.2/24")
	a.AddRoute("10.0.2.0/24", "10.0.1.2")
	b.AddRoute("10.0.1.0/24", "10.0.2.1")
	a.StartMSDPD("ip msdp peer 10.0.2.2 source 10.0.1.1\n")
	b.StartMSDPD("ip msdp peer 10.0.1.1 source 10.0.2.2\n")
	up := func() {
		t.Helper()
		a.AwaitMSDPPeer(2*patience, "msdpd", "10.0.2.2", "established")
		b.AwaitMSDPPeer(2*patience, "msdpd", "10.0.1.1", "established")
	}
	up()
	for _, end := range []struct {
		nd   *lab.Node
		peer string
	}{{a, "10.0.2.2"}, {b, "10.0.1.1"}} {
		line := "ip msdp peer " + end.peer + " ttl-security hops "
		configureMSDPD(t, end.nd, line+"1")
		p := awaitGuarded(t, end.nd, end.peer, "the end of the session", func(p guardedPeer) bool { return p.State != "established" })
		if p.LastReset == "" || !strings.Contains(p.LastReset, "ttl-security changed") {
			t.Errorf("%s: last reset %q", end.nd.Name(), p.LastReset)
		}
		tried := awaitGuarded(t, a, "10.0.2.2", "an answer", func(guardedPeer) bool { return true })
		after := awaitGuarded(t, a, "10.0.2.2", "attempts in vain", func(p guardedPeer) bool {
			return p.ConnAttempts >= tried.ConnAttempts+3 && p.State != "established"
		})
		t.Logf("%s guards: %s", end.nd.Name(), after.StateReason)
		still := awaitGuarded(t, end.nd, end.peer, "an answer", func(guardedPeer) bool { return true })
		if still.EstablishedChanges != p.EstablishedChanges {
			t.Errorf("%s: a session from too far: %+v", end.nd.Name(), still)
		}
		configureMSDPD(t, end.nd, line+"2")
		up()
	}
}
