//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// sourceGoneWithin is SG-State-Period + 60 s.
const sourceGoneWithin = 270 * time.Second

// A source that stops is gone from every router's cache 270 s after its last Register at the latest: at its own RP,
// at the RP that the SA came to from there, and at the one behind that.
func TestDeadSourceIsForgotten(t *testing.T) {
	t.Parallel()
	const source, group = "10.1.0.2", "239.1.1.1"
	n := lab.ForTest(t)
	src, dr := n.Host("src"), n.Router("dr")
	n.Connect(src, "eth0", source+"/24", dr, "src", "10.1.0.1/24")
	var rps [3]*lab.Node
	for i := range rps {
		rps[i] = n.Router(fmt.Sprintf("rp%d", i+1))
		rps[i].AddAddr("lo", fmt.Sprintf("10.0.0.%d/32", i+1))
	}
	n.Connect(dr, "rp", "10.0.1.1/24", rps[0], "dr", "10.0.1.2/24")
	n.Connect(rps[0], "right", "10.0.12.1/24", rps[1], "left", "10.0.12.2/24")
	n.Connect(rps[1], "right", "10.0.23.2/24", rps[2], "left", "10.0.23.3/24")
	routes := [][]string{
		{"10.0.0.2/32 10.0.12.2", "10.1.0.0/24 10.0.1.1"},
		{"10.0.0.1/32 10.0.12.1", "10.0.0.3/32 10.0.23.3"},
		{"10.0.0.2/32 10.0.23.2", "10.0.0.1/32 10.0.23.2"},
	}
	peers := []string{
		peerLine("10.0.0.2", "10.0.0.1"),
		peerLine("10.0.0.1", "10.0.0.2") + peerLine("10.0.0.3", "10.0.0.2"),
		peerLine("10.0.0.2", "10.0.0.3"),
	}
	dr.StartFRR("zebra", "")
	dr.StartFRR("staticd", lab.Static("10.0.0.1/32 10.0.1.2"))
	// A DR sends Null-Registers for as long as it believes in the source: for 210 s by default.
	dr.StartFRR("pimd", lab.PIM{RP: []string{"10.0.0.1"}, Interfaces: []string{"src", "rp"}, Extra: "ip pim keep-alive-timer 31\n"}.Config())
	for i, rp := range rps {
		rp.StartFRR("zebra", "")
		rp.StartFRR("staticd", lab.Static(routes[i]...))
		ifaces := []string{"lo"}
		if i == 0 {
			ifaces = append(ifaces, "dr")
		}
		rp.StartFRR("pimd", lab.PIM{RP: []string{fmt.Sprintf("10.0.0.%d", i+1)}, Interfaces: ifaces}.Config())
		rp.StartMSDPD(peers[i])
	}
	rps[0].AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	rps[2].AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	dr.AwaitPIMNeighbors(patience, 1)
	dr.AwaitDR(patience, "src", "10.1.0.1")
	registers := rps[0].Capture("dr", "ip proto 103")
	s := src.SendMulticast(group, udpPort, lab.SendOptions{})
	for i, rp := range rps {
		rp.AwaitSA(patience, "msdpd", source, group)
		t.Logf("heard by RP %d %.3f s after the first packet", i+1, time.Since(s.FirstSent()).Seconds())
	}
	s.Stop()
	stopped := time.Now()

	// lastRegister is when tshark has seen the last one.
	lastRegister := func() (time.Time, error) {
		rows, err := registers.Packets("pim.type == 1 && ip.dst == 10.0.0.1", "frame.time_epoch")
		if err != nil {
			return time.Time{}, err
		}
		if len(rows) == 0 {
			return time.Time{}, errors.New("there is no Register in the capture")
		}
		sec, err := strconv.ParseFloat(rows[len(rows)-1][0], 64)
		return time.UnixMicro(int64(sec * 1e6)), err
	}
	// Once the DR has no state, no Register comes any more.
	lab.Eventually(t, 5*time.Minute, time.Second, func() error {
		out, err := dr.Vty("pimd", "show ip pim upstream json")
		if err == nil && len(out) > 4 {
			err = fmt.Errorf("the DR still has the source: %s", out)
		}
		return err
	})
	last, err := lastRegister()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the DR has sent its last Register %.0f s after the source stopped, and forgot the source after %.0f s", last.Sub(stopped).Seconds(), time.Since(stopped).Seconds())

	gone := make([]time.Time, len(rps))
	lab.Eventually(t, time.Until(last)+sourceGoneWithin+patience, 100*time.Millisecond, func() error {
		left := 0
		for i, rp := range rps {
			if !gone[i].IsZero() {
				continue
			}
			sas, err := rp.SAs("msdpd")
			if err != nil {
				return err
			}
			if _, ok := sas[group][source]; ok {
				left++
			} else {
				gone[i] = time.Now()
			}
		}
		if left > 0 {
			return fmt.Errorf("%d of %d routers still have the source", left, len(rps))
		}
		return nil
	})
	if again, err := lastRegister(); err != nil || !again.Equal(last) {
		t.Fatalf("a Register came after the one that was thought the last: %v, %v", again.Sub(last), err)
	}
	for i := range rps {
		t.Logf("RP %d forgot the source %.1f s after its last Register", i+1, gone[i].Sub(last).Seconds())
		// Remote caches are swept once a second, and asked ten times a second here.
		if after := gone[i].Sub(last); after > sourceGoneWithin+2*time.Second || after < 60*time.Second {
			t.Errorf("RP %d forgot the source %v after its last Register, want at most %v", i+1, after, sourceGoneWithin)
		}
	}
}
