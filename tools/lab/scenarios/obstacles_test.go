//go:build lab

package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// obstacle is a sentence: how it begins, and the remedy that it must name.
type obstacle struct{ begins, remedy string }

var (
	passiveObstacle = obstacle{"lo: has the RP address 10.0.0.1 and 'ip pim passive'", "configure 'no ip pim passive' on it"}
	noPIMObstacle   = obstacle{"lan: has the RP address 10.1.1.1 but no 'ip pim'", "configure 'ip pim' on it"}
	noListObstacle  = obstacle{"register-accept-list NOWHERE: there is no such prefix list", "configure 'ip prefix-list NOWHERE permit 0.0.0.0/0 le 32', or remove it"}
	narrowObstacle  = obstacle{"register-accept-list SOURCES: remote sources that it does not permit are not joined", "add 'ip prefix-list SOURCES permit"}
	ownMSDPObstacle = obstacle{"pimd: runs MSDP of its own", "remove the msdp lines from its configuration and restart it"}
	absentObstacle  = obstacle{"pimd: does not answer on its vty socket", "start it"}
)

const (
	noLongerSo = "no longer so: "
	msdpPeer   = "ip msdp peer 10.0.0.9 source 10.0.0.1"
	acceptList = "ip pim register-accept-list "
)

// attention is what `show ip msdp summary json` says is in the way.
func attention(nd *lab.Node) ([]string, error) {
	var s struct{ Attention []string }
	err := nd.VtyJSON("msdpd", "show ip msdp summary json", &s)
	return s.Attention, err
}

// awaitObstacle waits until the summary has a sentence, or has it no more, and the log has told so count times.
func awaitObstacle(t *testing.T, nd *lab.Node, msdpd *lab.Daemon, o obstacle, there bool, count int) {
	t.Helper()
	var sentence string
	lab.Eventually(t, patience, poll, func() error {
		all, err := attention(nd)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, o.begins) })
		if (i >= 0) != there {
			return fmt.Errorf("%q in the summary: %t, want %t: %q", o.begins, i >= 0, there, all)
		}
		if there {
			sentence = all[i]
		}
		return nil
	})
	if there && !strings.Contains(sentence, o.remedy) {
		t.Errorf("%q does not name the remedy %q", sentence, o.remedy)
	}
	text, err := nd.Vty("msdpd", "show ip msdp summary")
	if err != nil {
		t.Fatal(err)
	}
	if containsAll(text, "  - "+o.begins) != there {
		t.Errorf("%q in show ip msdp summary: want %t:\n%s", o.begins, there, text)
	}
	mark := o.begins
	if !there {
		mark = noLongerSo + mark
	}
	if got := toldInLog(msdpd, mark); got != count {
		t.Errorf("the log tells %q %d times, want %d:\n%s", mark, got, count, msdpd.Log())
	}
}

// awaitNoObstacles waits until nothing but peers needs attention.
func awaitNoObstacles(t *testing.T, nd *lab.Node) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		all, err := attention(nd)
		if err == nil && slices.ContainsFunc(all, func(s string) bool { return !strings.HasPrefix(s, "peer ") }) {
			err = fmt.Errorf("%s: with a sound pimd there still is %q", nd.Name(), all)
		}
		return err
	})
}

// toldInLog counts the log's lines whose text begins so: "no longer so: …" is not the sentence itself.
func toldInLog(d *lab.Daemon, begins string) int {
	n := 0
	for line := range strings.Lines(d.Log()) {
		if words := strings.SplitN(line, " ", 3); len(words) == 3 && strings.HasPrefix(words[2], begins) {
			n++
		}
	}
	return n
}

// passiveSince is FRR's first release with `ip pim passive`.
const passiveSince = "8.3"

// What is wrong in pimd's configuration is told as soon as msdpd starts, all of it, in sentences that say what to do.
func TestObstaclesAtStart(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	r, h := n.Router("r"), n.Host("h")
	n.Connect(r, "lan", "10.1.1.1/24", h, "eth0", "10.1.1.2/24")
	r.AddAddr("lo", "10.0.0.1/32")
	r.StartFRR("zebra", "")
	pimd := r.StartFRR("pimd", lab.PIM{
		RP:         []string{"10.0.0.1 239.1.0.0/16", "10.1.1.1 239.2.0.0/16"},
		Interfaces: []string{"lo"}, MSDP: []string{strings.TrimPrefix(msdpPeer, "ip msdp ")},
		Extra: "interface lo\n ip pim passive\nexit\n" + acceptList + "NOWHERE\n",
	}.Config())
	all := []obstacle{noPIMObstacle, noListObstacle, ownMSDPObstacle}
	if r.AtLeast(passiveSince) {
		all = append(all, passiveObstacle)
	}
	since := time.Now()
	msdpd := r.StartMSDPD(peerLine("10.0.0.9", "10.0.0.1"))
	for _, o := range all {
		awaitObstacle(t, r, msdpd, o, true, 1)
	}
	t.Logf("all were told %.3f s after the start", time.Since(since).Seconds())
	text, err := r.Msdpsh("show ip msdp summary")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("show ip msdp summary\n%s", text)

	// A pimd that is away is one more, and then the only one: the others were its own.
	pimd.Kill()
	awaitObstacle(t, r, msdpd, absentObstacle, true, 1)
	for _, o := range all {
		awaitObstacle(t, r, msdpd, o, false, 1)
	}
	pimd.WriteConfig(lab.PIM{RP: []string{"10.0.0.1"}, Interfaces: []string{"lo", "lan"}}.Config())
	pimd.Restart()
	awaitObstacle(t, r, msdpd, absentObstacle, false, 1)
	awaitNoObstacles(t, r)
}

// Somebody changes pimd's configuration while all runs: msdpd tells what is in the way from then on, and
// that it is gone, once each.
func TestObstaclesComeAndGo(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	r, h := n.Router("r"), n.Host("h")
	n.Connect(r, "lan", "10.1.1.1/24", h, "eth0", "10.1.1.2/24")
	r.AddAddr("lo", "10.0.0.1/32")
	r.StartFRR("zebra", "")
	r.StartFRR("pimd", lab.PIM{RP: []string{"10.0.0.1 239.1.0.0/16", "10.1.1.1 239.2.0.0/16"}, Interfaces: []string{"lo", "lan"}}.Config())
	msdpd := r.StartMSDPD(peerLine("10.0.0.9", "10.0.0.1"))
	mustContainEventually(t, r, "show ip msdp summary", "10.0.0.1, 10.1.1.1, by pimd")
	configure := func(lines ...string) {
		t.Helper()
		if _, err := r.Vty("pimd", append([]string{"enable", "configure terminal"}, lines...)...); err != nil {
			t.Fatal(err)
		}
	}
	awaitNoObstacles(t, r)

	told := make(map[obstacle]int)
	for _, c := range []struct {
		obstacle
		on, off []string
	}{
		{passiveObstacle, []string{"interface lo", "ip pim passive"}, []string{"interface lo", "no ip pim passive"}},
		{noPIMObstacle, []string{"interface lan", "no ip pim"}, []string{"interface lan", "ip pim"}},
		{noListObstacle, []string{acceptList + "NOWHERE"}, []string{"no " + acceptList + "NOWHERE"}},
		{narrowObstacle, []string{"ip prefix-list SOURCES permit 10.1.0.0/16 le 32", acceptList + "SOURCES"}, []string{"no " + acceptList + "SOURCES"}},
		{narrowObstacle, []string{acceptList + "SOURCES"}, []string{"ip prefix-list SOURCES permit 0.0.0.0/0 le 32"}},
		{ownMSDPObstacle, []string{msdpPeer}, []string{"no ip msdp peer 10.0.0.9"}},
		{passiveObstacle, []string{"interface lo", "ip pim passive"}, []string{"interface lo", "no ip pim passive"}},
	} {
		if c.obstacle == passiveObstacle && !r.AtLeast(passiveSince) {
			continue
		}
		told[c.obstacle]++
		since := time.Now()
		configure(c.on...)
		awaitObstacle(t, r, msdpd, c.obstacle, true, told[c.obstacle])
		there := time.Since(since)
		since = time.Now()
		configure(c.off...)
		awaitObstacle(t, r, msdpd, c.obstacle, false, told[c.obstacle])
		t.Logf("told after %.3f s, and that it is gone after %.3f s: %s…", there.Seconds(), time.Since(since).Seconds(), c.begins)
	}
	awaitNoObstacles(t, r)
}
