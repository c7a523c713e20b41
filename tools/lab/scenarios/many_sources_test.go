//go:build lab

package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// pimdSurvives is how long pimd is watched. Up to 10.6 it dies of too many joined sources in one group at the first periodic Join, 57 s
// after they were joined.
const pimdSurvives = 5 * time.Minute

// A peer announces more sources of a group with receivers than FRR's pimd survives joining: 1,300. Those that it
// survives are joined, and they work; the others wait, and the operator is told so in the log, in the summary and at each entry.
// With a pimd that survives them all, all are joined.
func TestMoreSourcesThanPIMSurvives(t *testing.T) {
	t.Parallel()
	const group, realSource, peer, rp = "239.5.5.5", "10.1.0.2", "10.2.0.1", "10.0.0.9"
	const sources = 1300
	n := lab.ForTest(t)
	src, dr, router, rcv, sim := n.Host("src"), n.Router("dr"), n.Router("rp"), n.Host("rcv"), n.Host("sim")
	n.Connect(src, "eth0", realSource+"/16", dr, "src", "10.1.255.1/16")
	n.Connect(dr, "rp", "10.0.1.1/24", router, "dr", "10.0.1.2/24")
	n.Connect(router, "rcv", "10.3.0.1/24", rcv, "eth0", "10.3.0.2/24")
	n.Connect(router, "sim", "10.2.0.9/24", sim, "eth0", peer+"/24")
	router.AddAddr("lo", rp+"/32")
	limit := 180
	if router.AtLeast("10.7") {
		limit = sources
	}
	dr.StartFRR("zebra", "")
	dr.StartFRR("staticd", lab.Static("0.0.0.0/0 10.0.1.2"))
	// The sources' own domain has another RP, which is of no concern here: their first router hears (S,G) Joins.
	dr.StartFRR("pimd", lab.PIM{RP: []string{"10.0.1.1"}, Interfaces: []string{"src", "rp"}}.Config())
	router.StartFRR("zebra", "")
	router.StartFRR("staticd", lab.Static("10.1.0.0/16 10.0.1.1"))
	pimd := router.StartFRR("pimd", lab.PIM{RP: []string{rp}, Interfaces: []string{"lo", "dr", "rcv"}, IGMP: []string{"rcv"}}.Config())
	msdpd := router.StartMSDPD(peerLine(peer, "10.2.0.9"))
	router.AwaitPIMNeighbors(patience, 1)
	router.AwaitDR(patience, "rcv", "10.3.0.1")
	dr.AwaitDR(patience, "src", "10.1.255.1")
	r := rcv.JoinGroup(group, "eth0", udpPort)
	router.AwaitInterest(patience, group)
	src.SendMulticast(group, udpPort, lab.SendOptions{})
	p := connectPeer(t, sim, peer, "10.2.0.9", peerOptions{})
	p.keepUp()

	sgs := make([]ipv4.SG, sources)
	for i := range sgs {
		sgs[i] = ipv4.SG{Source: ipv4.MustParse(realSource) + ipv4.Addr(i), Group: ipv4.MustParse(group)}
	}
	announce := func() { p.send(wire.AppendSourceActive(nil, ipv4.MustParse(peer), sgs)) }
	since := time.Now()
	announce()
	a := r.WaitFirst(patience)
	t.Logf("first packet of the source that is real %.3f s after %d were announced", a.Received.Sub(since).Seconds(), sources)

	var reached time.Time
	lab.Eventually(t, patience, 100*time.Millisecond, func() error {
		sum, err := askSummary(router)
		if err == nil && (sum.RemoteSources != sources || sum.Joins["limited"] != sources-limit || sum.Joins["confirmed"] != limit) {
			err = fmt.Errorf("remote sources %d, joins %v, want %d, of which %d limited and the others confirmed", sum.RemoteSources, sum.Joins, sources, sources-limit)
		}
		told := strings.Contains(strings.Join(sum.Attention, "\n"), fmt.Sprintf("%d sources are not joined", sources-limit))
		if err == nil && told != (limit < sources) {
			t.Errorf("%d sources are joined, and the summary says %q", limit, sum.Attention)
		}
		return err
	})
	reached = time.Now()
	t.Logf("%d sources joined %.3f s after they were announced", limit, reached.Sub(since).Seconds())
	const toldOf = "1120 sources are not joined because of the limits on joins: 180 a group"
	if out, err := router.Msdpsh("show ip msdp summary"); err != nil || says(out, toldOf) != (limit < sources) {
		t.Errorf("show ip msdp summary: %v\n%s", err, out)
	}
	if out, err := router.Msdpsh("show ip msdp sa detail"); err != nil || strings.Count(out, "Join        : limited\n") != sources-limit || strings.Count(out, "Join        : confirmed\n") != limit {
		t.Errorf("show ip msdp sa detail: %v, %d entries limited, %d confirmed", err,
			strings.Count(out, "Join        : limited\n"), strings.Count(out, "Join        : confirmed\n"))
	}
	warnings := 1
	if limit == sources {
		warnings = 0
	}
	if n := strings.Count(msdpd.Log(), "group has more sources than can be joined"); n != warnings {
		t.Errorf("the log tells of the limit %d times, want %d", n, warnings)
	}

	// Five minutes of watching: pimd lives, the stream flows, and no more are joined than may be.
	pid := pimd.Pid()
	nextSA := reached
	lab.Eventually(t, pimdSurvives+patience, time.Second, func() error {
		if !pimd.Alive() || pimd.Pid() != pid {
			t.Fatalf("pimd has died %v after the sources were joined", time.Since(reached).Round(time.Second))
		}
		if age := time.Since(r.Stats().Last.Received); age > 10*time.Second {
			t.Fatalf("the stream has stopped %v ago", age)
		}
		if sum, err := askSummary(router); err != nil {
			t.Fatal(err)
		} else if sum.Joins["limited"] < sources-limit {
			t.Fatalf("more are joined than may be: %v", sum.Joins)
		}
		if time.Since(nextSA) >= wireSAPeriod {
			nextSA = time.Now()
			announce()
		}
		if left := pimdSurvives - time.Since(reached); left > 0 {
			return fmt.Errorf("%v to go", left)
		}
		return nil
	})
	st := r.Stats()
	t.Logf("pimd lives after %v; %d packets came, %d twice, of the first one's %d since", time.Since(reached).Round(time.Second),
		st.Packets, st.Duplicates, st.Last.Seq-st.First.Seq+1)
}

// wireSAPeriod is RFC 3618's SA-Advertisement-Period.
const wireSAPeriod = time.Minute
