//go:build lab

package scenarios

import (
	"fmt"
	"testing"
	"time"

	"msdpd/tools/lab"
)

// siege is a router with msdpd among hosts that speak MSDP as simulated peers. Peers have addresses 10.N.0.1,
// the router 10.N.0.9 in each of their subnets, so that it listens.
type siege struct {
	t      *testing.T
	router *lab.Node
	msdpd  *lab.Daemon
	// good is an honest peer, connected from the start; what it announces must always be heard.
	good *simulatedPeer
	// bad and other are hosts with addresses of configured peers, stranger is not.
	bad, other, stranger *lab.Node

	// witness, if there is one, is a peer that must hear what the good one announces. Otherwise the cache is
	// asked, which takes its time when it is large.
	witness   *simulatedPeer
	announced int
}

// Addresses of the siege: peers, and the router's towards them.
const (
	goodAddr, routerToGood         = "10.1.0.1", "10.1.0.9"
	badAddr, routerToBad           = "10.2.0.1", "10.2.0.9"
	otherAddr, routerToOther       = "10.3.0.1", "10.3.0.9"
	strangerAddr, routerToStranger = "10.4.0.1", "10.4.0.9"
)

// announceAgain is after what time the good peer announces a source again: a real one would after a minute.
const announceAgain = 5 * time.Second

func startSiege(t *testing.T) *siege {
	t.Helper()
	n := lab.ForTest(t)
	s := &siege{t: t, router: n.Router("router"), bad: n.Host("bad"), other: n.Host("other"), stranger: n.Host("stranger")}
	good := n.Host("good")
	for i, h := range []*lab.Node{good, s.bad, s.other, s.stranger} {
		n.Connect(h, "eth0", fmt.Sprintf("10.%d.0.1/24", i+1), s.router, h.Name(), fmt.Sprintf("10.%d.0.9/24", i+1))
	}
	s.router.StartFRR("zebra", "")
	// The good peer is on the way to RPs beyond it, as a transit network is.
	s.router.StartFRR("staticd", lab.Static("10.100.0.0/16 "+goodAddr))
	s.router.AwaitRoute(patience, "10.100.0.0/16", "static")
	// At the level of a router in service: a line for each SA is not what memory and time are about.
	s.msdpd = s.router.StartMSDPD(peerLine(goodAddr, routerToGood)+peerLine(badAddr, routerToBad)+peerLine(otherAddr, routerToOther),
		"--log-level", "info")
	s.good = connectPeer(t, good, goodAddr, routerToGood, peerOptions{})
	s.good.keepUp()
	s.good.awaitKeepAlives(1)
	return s
}

// unharmed checks that the good peer is served as if nothing had been: its one session is up, and the router takes
// a source that it has not heard of before, of an RP that it has not heard of before.
func (s *siege) unharmed(after string) {
	s.t.Helper()
	s.announced++
	source := fmt.Sprintf("10.200.%d.%d", s.announced>>8, s.announced&255)
	rp := fmt.Sprintf("10.100.%d.%d", s.announced>>8, s.announced&255)
	// As every speaker does, the good one announces again. The first SA is of no use where zebra, whose every
	// step is logged here, is busy with thousands of questions for longer than an SA waits for its route.
	announced := time.Time{}
	lab.Eventually(s.t, patience, poll, func() error {
		if time.Since(announced) > announceAgain {
			if !announced.IsZero() {
				s.t.Logf("after %s the good peer has to announce again", after)
			}
			announced = time.Now()
			s.good.announce(rp, "239.9.9.9", source)
		}
		got, err := s.rpOf(source, "239.9.9.9")
		if err == nil && got != rp {
			err = fmt.Errorf("after %s: (%s,239.9.9.9) of the good peer has RP %q, want %s", after, source, got, rp)
		}
		return err
	})
	p := s.peer(goodAddr)
	if p.State != "established" || p.EstablishedChanges != 1 || !s.good.up() {
		s.t.Errorf("after %s the good peer's session is not what it was: %+v; from its own end: %v", after, p, s.good.end)
	}
	if !s.msdpd.Alive() {
		s.t.Fatalf("after %s msdpd has ended", after)
	}
}

// rpOf is the RP with which the router knows (S,G), "" if it does not.
func (s *siege) rpOf(source, group string) (string, error) {
	if s.witness != nil {
		return s.witness.rpOf(source, group), nil
	}
	sas, err := s.router.SAs("msdpd")
	return sas[group][source].RP, err
}

// siegePeer is what msdpd says of a peer beyond what FRR does.
type siegePeer struct {
	peerDetail
	Refused      map[string]int `json:"saRefused"`
	FormatErrors int            `json:"formatErrors"`
	UnknownTLVs  int            `json:"unknownTlvs"`
	CatchUps     int            `json:"catchUps"`
}

func (s *siege) peer(addr string) siegePeer {
	s.t.Helper()
	var all map[string]siegePeer
	if err := s.router.VtyJSON("msdpd", "show ip msdp peer detail json", &all); err != nil {
		s.t.Fatal(err)
	}
	return all[addr]
}

// summary is the part of `show ip msdp summary json` that scenarios look at.
type summary struct {
	RemoteSources      int                      `json:"remoteSources"`
	LocalSources       int                      `json:"localSources"`
	Joins              map[string]int           `json:"joins"`
	SARefused          map[string]int           `json:"saRefused"`
	Registers          map[string]int           `json:"registers"`
	ConnectionsRefused int                      `json:"connectionsRefused"`
	Attention          []string                 `json:"attention"`
	Zebra              struct{ Connected bool } `json:"zebra"`
	PIMD               struct{ Present bool }   `json:"pimd"`
}

func askSummary(nd *lab.Node) (summary, error) {
	var s summary
	err := nd.VtyJSON("msdpd", "show ip msdp summary json", &s)
	return s, err
}
