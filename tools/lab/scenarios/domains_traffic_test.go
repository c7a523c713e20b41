//go:build lab

package scenarios

import (
	"fmt"
	"testing"
	"time"

	"msdpd/tools/lab"
)

const group = "239.1.1.1"

// every is how often sources send where the time of a first packet is told.
const every = 10 * time.Millisecond

// The main job, both ways at once: a source that begins to send is heard by the receivers of the other domain
// at once, and the SA says which RP it is from.
func TestNewSourceIsHeardInTheOtherDomain(t *testing.T) {
	t.Parallel()
	crossBothWays(t, startDomains(t, domainsOptions{}))
}

// crossBothWays has a receiver and then a source in each domain, of a group for each direction.
func crossBothWays(t *testing.T, d [2]*domain) {
	t.Helper()
	for i, g := range []string{"239.1.1.1", "239.1.1.2"} {
		from, to := d[i], d[1-i]
		r := to.rcv.JoinGroup(g, "eth0", udpPort)
		to.rp.AwaitInterest(patience, g)
		s := from.src.SendMulticast(g, udpPort, lab.SendOptions{Interval: every})
		logTraffic(t, from.speaker+" to "+to.speaker+", first packet sent to first received", r, from.srcAddr, s.FirstSent)
		if sa := to.rp.AwaitSA(patience, to.speaker, from.srcAddr, g); sa.RP != from.rpAddr || sa.Local != "no" {
			t.Errorf("%s: %+v, want a remote one of RP %s", to.speaker, sa, from.rpAddr)
		}
		if sa := from.rp.AwaitSA(patience, from.speaker, from.srcAddr, g); sa.RP != "-" || sa.Local != "yes" {
			t.Errorf("%s: %+v, want a local one", from.speaker, sa)
		}
		// It is not a packet or two on the way to somewhere: the stream goes on.
		last := r.WaitSent(patience, from.srcAddr, time.Now())
		t.Logf("packet %d is the latest of %d received", last.Seq, r.From(from.srcAddr).Packets)
	}
}

// A receiver who joins when the source has been known for long gets the stream at once, and not
// with the next SA, which may be a minute away.
func TestLateReceiver(t *testing.T) {
	t.Parallel()
	d := startDomains(t, domainsOptions{})
	d[0].src.SendMulticast(group, udpPort, lab.SendOptions{Interval: every})
	d[1].rp.AwaitSA(patience, "msdpd", d[0].srcAddr, group)
	lab.Eventually(t, 2*time.Minute, time.Second, func() error { return oldEnough(d[1].rp, d[0].srcAddr, time.Minute) })

	joined := time.Now()
	r := d[1].rcv.JoinGroup(group, "eth0", udpPort)
	logTraffic(t, "late receiver, join to first packet", r, d[0].srcAddr, func() time.Time { return joined })
	r.WaitSent(patience, d[0].srcAddr, time.Now())
	lab.Eventually(t, patience, poll, func() error { return joinedInCache(d[1].rp, d[0].srcAddr) })
}

// oldEnough is an error until msdpd has had the source in its cache for that long.
func oldEnough(rp *lab.Node, source string, age time.Duration) error {
	sas, err := rp.SAs("msdpd")
	if err != nil {
		return err
	}
	sa, ok := sas[group][source]
	if up := duration(sa.UpTime); !ok || up < age {
		return fmt.Errorf("%s has (%s,%s) for %v, want %v", rp.Name(), source, group, up, age)
	}
	return nil
}

// joinedInCache is an error until msdpd says that pimd has joined the source.
func joinedInCache(rp *lab.Node, source string) error {
	sas, err := rp.SAs("msdpd")
	if err == nil && sas[group][source].SPTSetup != "yes" {
		err = fmt.Errorf("%s: %+v, want SPT yes", rp.Name(), sas[group][source])
	}
	return err
}

// duration reads FRR's hh:mm:ss; 0 for anything else.
func duration(text string) time.Duration {
	var h, m, s int
	if n, _ := fmt.Sscanf(text, "%d:%d:%d", &h, &m, &s); n != 3 {
		return 0
	}
	return time.Duration(h*3600+m*60+s) * time.Second
}
