// Package lab builds networks of routers out of Linux network namespaces, veth pairs
// and bridges, and runs real FRR and msdpd in them. The integration tests and
// tools/demo stand on it. It needs root; nothing leaves the namespaces.
//
// # Writing a scenario
//
// A scenario is a test. It draws a network, starts the daemons, and then observes:
//
//	func TestReceiverHearsSource(t *testing.T) {
//		t.Parallel()
//		n := lab.ForTest(t)
//		rp, src, rcv := n.Router("rp"), n.Host("src"), n.Host("rcv")
//		n.Connect(src, "eth0", "10.1.0.2/24", rp, "eth0", "10.1.0.1/24")
//		n.Connect(rp, "eth1", "10.2.0.1/24", rcv, "eth0", "10.2.0.2/24")
//		rp.AddAddr("lo", "10.0.0.1/32")
//
//		rp.StartFRR("zebra", "")
//		rp.StartFRR("pimd", lab.PIM{
//			RP:         []string{"10.0.0.1 239.0.0.0/8"},
//			Interfaces: []string{"lo", "eth0", "eth1"},
//			IGMP:       []string{"eth1"},
//		}.Config())
//		rp.StartMSDPD("ip msdp peer 10.2.0.2 source 10.2.0.1\n")
//
//		r := rcv.JoinGroup("239.1.1.1", "eth0", 5000)
//		s := src.SendMulticast("239.1.1.1", 5000, lab.SendOptions{})
//		r.WaitFirst(10 * time.Second)
//		t.Logf("first packet after %v", r.Stats().First.Sent.Sub(s.FirstSent()))
//
//		rp.AwaitSA(5*time.Second, "msdpd", "10.1.0.2", "239.1.1.1")
//		lab.Eventually(t, 5*time.Second, 100*time.Millisecond, func() error {
//			out, err := rp.Vty("pimd", "show ip pim upstream")
//			if err == nil && !strings.Contains(out, "239.1.1.1") {
//				err = fmt.Errorf("no upstream state: %s", out)
//			}
//			return err
//		})
//	}
//
// # What ends a test
//
// Methods that build (Router, Connect, StartFRR, JoinGroup, …) return no error: what
// goes wrong there ends the test by Fatalf, so they must be called from the test's
// own goroutine. Methods that ask (Exec, Vty, InNamespace, Packets) return errors, so
// that they can be tried again inside [Eventually]. Nothing in this package sleeps to let
// something happen; StartFRR and StartMSDPD return when the daemon's vty answers,
// which says nothing of protocols having converged: the Await methods do. Where a time is
// what a scenario is about, compare Arrival.Sent and Received, or FirstSent; limits only
// keep a failing test from hanging, so let them be generous.
//
// # Running several at once
//
// Every Network has a name of its own (msdp-PID-N), which is in the names of its
// namespaces (msdp-PID-N-rp), FRR path spaces (-N msdp-PID-N-rp) and files. Networks of one
// process and of several processes do not meet, so scenarios may say t.Parallel, and addresses
// may be the same in each. go test runs as many at once as there are processors; as
// scenarios mostly wait, say -parallel 8.
//
// # Releases of FRR
//
// Networks run the FRR that is installed, or the one whose directory tree MSDPD_LAB_FRR names; [Node.FRR] is for
// nodes that differ, [NeedFRR] for tests about one release, [Node.AtLeast] for what a release does otherwise. Package
// releases has the trees, tools/lab/fetch fetches them. A daemon of a tree sees the machine's /run/frr and its own path space
// in /etc/frr, and mounts what it needs in a mount namespace of its own. FRR 10's mgmtd runs on each node that needs it.
//
// # Taking it down
//
// Cleaning up is the work of a small process beside the test, which is told of
// each namespace and directory before it is made and acts when its standard input
// ends: at Close, and just as well when the test panics, times out, is interrupted or is
// killed. It ends the processes that are in the network's own namespaces and no others.
//
// Set MSDPD_LAB_LOGS to a directory to find the logs and captures there
// afterwards. MSDPD_BIN names the directory of binaries to test; without it they are built
// by [Main], or by the first StartMSDPD.
package lab
