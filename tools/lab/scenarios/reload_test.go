//go:build lab

package scenarios

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"msdpd/tools/lab"
)

const (
	secondConnects = "ip msdp peer 10.0.12.2 source 10.0.12.1\n"
	secondListens  = "ip msdp peer 10.0.12.1 source 10.0.12.2\n"
)

// SIGHUP applies what has changed in the file and nothing else: sessions of peers that stay do not notice. A file with
// a mistake changes nothing, and the log says what is wrong in which line.
func TestReload(t *testing.T) {
	t.Parallel()
	a, b := neighbours(t)
	b.StartMSDPD(listensConfig + secondListens)
	d := a.StartMSDPD(connectsConfig)
	awaitSession(t, a, b, time.Now())

	// A peer more, and a description for the one that is there.
	d.WriteConfig(connectsConfig + "ip msdp peer 10.0.0.2 description east\n" + secondConnects)
	d.Signal(syscall.SIGHUP)
	a.AwaitMSDPPeer(patience, "msdpd", "10.0.12.2", "established")
	b.AwaitMSDPPeer(patience, "msdpd", "10.0.12.1", "established")
	expectOneSession(t, a, "10.0.0.2")
	expectOneSession(t, b, "10.0.0.1")
	awaitRunning(t, a, "ip msdp peer 10.0.0.2 description east", true)

	// A mistake: all stays, also what the good lines of the file say.
	before := running(t, a)
	d.WriteConfig(strings.Replace(badConfig, "rp1", "elsewhere", 1))
	d.Signal(syscall.SIGHUP)
	var told string
	lab.Eventually(t, patience, poll, func() error {
		_, after, found := strings.Cut(d.Log(), "configuration stays as it was")
		if !found || !strings.HasSuffix(after, "\n") {
			return fmt.Errorf("the log says nothing of the file")
		}
		told = after
		return nil
	})
	t.Logf("the log of a bad file: %s", told)
	expectBadLine(t, "the log", told)
	if after := running(t, a); after != before {
		t.Errorf("the configuration is now\n%s\nand was\n%s", after, before)
	}

	// The first peer less. That the second's session is as old as it was shows after the first has gone.
	d.WriteConfig(secondConnects)
	d.Signal(syscall.SIGHUP)
	awaitPeer(t, b, "msdpd", "10.0.0.1", patience, "the end of the session", func(p peerDetail) bool { return p.State != "established" })
	awaitRunning(t, a, "ip msdp peer 10.0.0.2 ", false)
	expectOneSession(t, a, "10.0.12.2")
	expectOneSession(t, b, "10.0.12.1")

	// The same file again: nothing happens; the one after it is the proof that it was read.
	reads := func() int { return strings.Count(d.Log(), "configuration read again") }
	read := reads()
	d.Signal(syscall.SIGHUP)
	lab.Eventually(t, patience, poll, func() error {
		if reads() == read {
			return fmt.Errorf("read %d times", read)
		}
		return nil
	})
	d.WriteConfig("ip msdp timers 20 60\n" + secondConnects)
	d.Signal(syscall.SIGHUP)
	awaitRunning(t, a, "ip msdp timers 20 60", true)
	expectOneSession(t, a, "10.0.12.2")
	expectOneSession(t, b, "10.0.12.1")
}

func expectOneSession(t *testing.T, nd *lab.Node, peer string) {
	t.Helper()
	p, err := askPeer(nd, "msdpd", peer)
	if err != nil {
		t.Fatal(err)
	}
	if p.State != "established" || p.EstablishedChanges != 1 || p.LastReset != "-" {
		t.Errorf("%s: peer %s: %+v, want the session that it had", nd.Name(), peer, p)
	}
}

func running(t *testing.T, nd *lab.Node) string {
	t.Helper()
	out, err := nd.Vty("msdpd", "enable", "show running-config")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// awaitRunning waits until the running configuration has, or has not, a line that begins so.
func awaitRunning(t *testing.T, nd *lab.Node, line string, want bool) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		if out := running(t, nd); strings.Contains("\n"+out, "\n"+line) != want {
			return fmt.Errorf("%q in the configuration: %v; it is\n%s", line, !want, out)
		}
		return nil
	})
}

// SIGTERM ends the sessions: the peer sees an orderly end of the connection at once, not a hold timer that expires after
// more than a minute, and not a reset that may take what was sent last with it. Nothing is left behind.
func TestTerminationEndsSessions(t *testing.T) {
	t.Parallel()
	for _, who := range []struct{ name, peerOf, self string }{
		{"the one that connects ends", "10.0.0.1", "10.0.0.1"},
		{"the one that listens ends", "10.0.0.2", "10.0.0.2"},
	} {
		t.Run(who.name, func(t *testing.T) {
			t.Parallel()
			a, b := neighbours(t)
			daemon := map[string]*lab.Daemon{}
			daemon["10.0.0.2"] = b.StartMSDPD(listensConfig)
			daemon["10.0.0.1"] = a.StartMSDPD(connectsConfig)
			awaitSession(t, a, b, time.Now())
			ends, stays, stayed := a, b, "10.0.0.2"
			if who.self == "10.0.0.2" {
				ends, stays, stayed = b, a, "10.0.0.1"
			}
			capture := stays.Capture("any", "tcp port 639")

			since := time.Now()
			daemon[who.self].Signal(syscall.SIGTERM)
			p := awaitPeer(t, stays, "msdpd", who.self, patience, "the end of the session", func(p peerDetail) bool { return p.State != "established" })
			seen := time.Since(since)
			<-daemon[who.self].Exited()
			t.Logf("the peer saw the end after %.3f s (%s), the process ended after %.3f s", seen.Seconds(), p.LastReset, time.Since(since).Seconds())
			for _, left := range []string{pidFile(ends), ends.VtySocket("msdpd")} {
				if exists(left) {
					t.Errorf("%s is left behind", left)
				}
			}

			// The kernel may still be asked for a connection that is no more; what counts is all that was said until the FIN.
			var rows [][]string
			lab.Eventually(t, patience, 100*time.Millisecond, func() (err error) {
				rows, err = capture.Packets("ip.src=="+who.self+" && (tcp.flags.fin==1 || (tcp.flags.reset==1 && tcp.seq > 1))",
					"tcp.flags.fin", "tcp.flags.reset", "frame.time_epoch")
				if err == nil && len(rows) == 0 {
					err = fmt.Errorf("neither FIN nor RST of %s in the capture yet", who.self)
				}
				return err
			})
			t.Logf("FIN, RST, time: %v", rows)
			if len(rows[0]) < 2 || !isSet(rows[0][0]) || isSet(rows[0][1]) {
				t.Errorf("%s ended the connection by %v (FIN, RST), want FIN", who.self, rows[0])
			}
			rst, err := capture.Packets("tcp.flags.reset==1 && tcp.flags.ack==1 && ip.src=="+stayed, "frame.number")
			if err != nil || len(rst) != 0 {
				t.Errorf("%s answered with RST: %v, %v", stayed, rst, err)
			}
		})
	}
}

// isSet reads a flag as tshark prints it: "1" or "True".
func isSet(flag string) bool { return flag == "1" || flag == "True" }
