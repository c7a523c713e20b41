//go:build lab

package scenarios

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

const (
	junkSources = 200_000
	junkGroup   = "239.66.66.66"
	junkLimit   = 1000
	// junkRounds is how often there are so many, always others, at least: without a limit, a million
	// entries would be in the cache then and take 58 MB.
	junkRounds = 5
)

// flood has a peer announce 200,000 sources, and others again, as fast as the router takes them, until it is told to
// stop; then it tells how often.
func (p *simulatedPeer) flood(stop *atomic.Bool) <-chan int {
	junk := sgOf("20.0.0.0", junkGroup)
	done := make(chan int, 1)
	go func() {
		var tlvs []byte
		sgs := make([]ipv4.SG, junkSources)
		rounds := 0
		for ; p.up() && (rounds < junkRounds || !stop.Load()); rounds++ {
			for i := range sgs {
				sgs[i] = junk
				junk.Source++
			}
			tlvs = wire.AppendSourceActive(tlvs[:0], ipv4.MustParse(p.addr), sgs)
			p.send(tlvs)
		}
		done <- rounds
	}()
	return done
}

// junkHeard is how many of the junk sources the router has passed on.
func (p *simulatedPeer) junkHeard() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for sg := range p.heard {
		if sg.Group.String() == junkGroup {
			n++
		}
	}
	return n
}

// A peer announces 200,000 sources of junk, and as many others time and again, and may have 1000. While it does, each
// source that another peer announces is taken and passed on; the router's memory grows by what 1000 entries take; the
// log has one warning, which says who and what; nobody's session ends.
func TestFloodBehindALimit(t *testing.T) {
	t.Parallel()
	s := startSiege(t)
	s.witness = connectPeer(t, s.other, otherAddr, routerToOther, peerOptions{})
	s.witness.keepUp()
	s.witness.awaitKeepAlives(1)
	bad := connectPeer(t, s.bad, badAddr, routerToBad, peerOptions{})
	bad.awaitKeepAlives(1)
	if out, err := s.router.Msdpsh("enable", "configure terminal", fmt.Sprintf("ip msdp peer %s sa-limit %d", badAddr, junkLimit)); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.unharmed("nothing")
	before := rss(t, s.msdpd)

	const observations = 30
	var stop atomic.Bool
	done := bad.flood(&stop)
	worst := time.Duration(0)
	for range observations {
		since := time.Now()
		s.unharmedSource("a flood began")
		worst = max(worst, time.Since(since))
	}
	stop.Store(true)
	rounds := <-done
	refused := rounds*junkSources - junkLimit
	lab.Eventually(t, patience, poll, func() error {
		if got := s.peer(badAddr).Refused["peer-limit"]; got != refused {
			return fmt.Errorf("%d entries refused, want %d", got, refused)
		}
		return nil
	})
	after := rss(t, s.msdpd)
	t.Logf("%d SA entries refused meanwhile; a new source of the good peer was heard by the other after %.3f s at most; msdpd held %d KiB before and %d KiB after",
		refused, worst.Seconds(), before, after)

	s.unharmed("a flood")
	if n := s.witness.junkHeard(); n != junkLimit {
		t.Errorf("%d sources of junk were passed on, want %d", n, junkLimit)
	}
	// An entry takes less than 100 octets.
	if grown := after - before; grown > junkLimit*100>>10+memoryBound {
		t.Errorf("msdpd has grown by %d KiB", grown)
	}
	p := s.peer(badAddr)
	if p.State != "established" || p.EstablishedChanges != 1 || p.SACount != junkLimit || !bad.up() {
		t.Errorf("the flooding peer: %+v", p)
	}
	s.toldOfTheFlood()
	s.limitsShowTheFlood(refused)
}

// unharmedSource is the part of unharmed that a flood is about: a source of the good peer goes through.
func (s *siege) unharmedSource(after string) {
	s.t.Helper()
	s.announced++
	source := fmt.Sprintf("10.200.%d.%d", s.announced>>8, s.announced&255)
	s.good.announce("", "239.9.9.9", source)
	lab.Eventually(s.t, patience, poll, func() error {
		if got := s.witness.rpOf(source, "239.9.9.9"); got != goodAddr {
			return fmt.Errorf("after %s: (%s,239.9.9.9) of the good peer has RP %q", after, source, got)
		}
		return nil
	})
}

func (s *siege) toldOfTheFlood() {
	s.t.Helper()
	var told []string
	lab.Eventually(s.t, patience, poll, func() error {
		told = nil
		for line := range strings.Lines(s.msdpd.Log()) {
			if strings.Contains(line, "SA limit") {
				told = append(told, line)
			}
		}
		if len(told) == 0 {
			return fmt.Errorf("no warning")
		}
		return nil
	})
	if len(told) > 1 {
		s.t.Errorf("%d warnings:\n%s", len(told), strings.Join(told, ""))
	}
	for _, part := range []string{"WARN", "SA limit is reached", `"peer": "` + badAddr + `"`, `"max": 1000`, `"busiest_rps": ["` + badAddr + `: 1000"]`, `"busiest_sources": ["20.`} {
		if !strings.Contains(told[0], part) {
			s.t.Errorf("the warning does not have %s: %s", part, told[0])
		}
	}
}

func (s *siege) limitsShowTheFlood(refused int) {
	s.t.Helper()
	var shown struct {
		Limits []struct {
			Limit, Peer                        string
			Max, Entries, UsedPercent, Refused int
		}
	}
	if err := s.router.VtyJSON("msdpd", "show ip msdp limits json", &shown); err != nil {
		s.t.Fatal(err)
	}
	for _, l := range shown.Limits {
		if l.Limit == "peer" && l.Peer == badAddr {
			if l.Max != junkLimit || l.Entries != junkLimit || l.UsedPercent != 100 || l.Refused != refused {
				s.t.Errorf("shown: %+v", l)
			}
			return
		}
	}
	s.t.Errorf("the limit is not shown: %+v", shown)
}
