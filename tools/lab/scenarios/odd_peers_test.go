//go:build lab

package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// A peer whose host takes the session and then reads nothing, while sources appear by the thousand, neither holds
// up other peers nor makes msdpd grow. It is not dropped for it, and when it reads at last it gets all there is.
func TestDeafPeer(t *testing.T) {
	t.Parallel()
	s := startSiege(t)
	deaf := connectPeer(t, s.bad, badAddr, routerToBad, peerOptions{Deaf: true})
	deaf.sendKeepAlive()
	deaf.keepUp()
	other := connectPeer(t, s.other, otherAddr, routerToOther, peerOptions{})
	other.keepUp()
	other.awaitKeepAlives(1)
	s.witness = other

	const rounds, perRound = 8, 25000
	first, group := ipv4.MustParse("20.0.0.0"), ipv4.MustParse("239.7.7.7")
	var afterFirst int
	for round := range rounds {
		sgs := make([]ipv4.SG, perRound)
		for i := range sgs {
			sgs[i] = ipv4.SG{Source: first + ipv4.Addr(round*perRound+i), Group: group}
		}
		since := time.Now()
		s.good.send(wire.AppendSourceActive(nil, ipv4.MustParse(goodAddr), sgs))
		lab.Eventually(t, patience, poll, func() error {
			if got := other.heardCount(); got < (round+1)*perRound {
				return fmt.Errorf("beside a deaf peer the other one has heard of %d sources, want %d", got, (round+1)*perRound)
			}
			return nil
		})
		t.Logf("%d sources passed on beside a deaf peer in %.3f s; msdpd holds %d KiB", perRound, time.Since(since).Seconds(), rss(t, s.msdpd))
		if round == 0 {
			afterFirst = rss(t, s.msdpd)
		}
	}
	// The cache itself grows by less than 100 octets a source.
	const cache = (rounds - 1) * perRound * 100 >> 10
	if grown := rss(t, s.msdpd) - afterFirst; grown > cache+memoryBound {
		t.Errorf("msdpd has grown by %d KiB while the cache grew by at most %d", grown, cache)
	}
	s.unharmed("thousands of sources")
	p := s.peer(badAddr)
	if p.State != "established" || p.EstablishedChanges != 1 || p.CatchUps == 0 {
		t.Errorf("the deaf peer: %+v, want its one session established, and served from the cache", p)
	}

	since := time.Now()
	if out, err := s.router.Msdpsh("show ip msdp sa"); err != nil {
		t.Error(err)
	} else {
		t.Logf("show ip msdp sa: %d lines in %.3f s", strings.Count(out, "\n"), time.Since(since).Seconds())
	}
	since = time.Now()
	deaf.listen()
	const all = rounds*perRound + 1 // unharmed has announced one
	lab.Eventually(t, patience, poll, func() error {
		if got := deaf.heardCount(); got < all || !deaf.up() {
			return fmt.Errorf("the peer that has begun to read has heard of %d sources, want %d; %v", got, all, deaf.end)
		}
		return nil
	})
	t.Logf("a peer that has begun to read has all %d sources after %.3f s", all, time.Since(since).Seconds())
}

// A peer that lost power connects anew while its old session still stands here: the new connection takes over
// with its first KeepAlive, and not before. So somebody who can only open connections from its address cannot reset it.
func TestPeerConnectsAnew(t *testing.T) {
	t.Parallel()
	s := startSiege(t)
	old := connectPeer(t, s.bad, badAddr, routerToBad, peerOptions{})
	old.sendKeepAlive()
	old.awaitKeepAlives(1)

	works := func(p *simulatedPeer, source, what string) {
		t.Helper()
		p.announce("", "239.6.6.6", source)
		lab.Eventually(t, patience, poll, func() error {
			if s.good.rpOf(source, "239.6.6.6") != badAddr {
				return fmt.Errorf("%s: what is announced by it is not passed on", what)
			}
			return nil
		})
	}
	works(old, "10.150.0.1", "the old session")
	unchanged := func(when string) {
		t.Helper()
		if st := s.peer(badAddr); !old.up() || st.EstablishedChanges != 1 {
			t.Fatalf("%s: the old session is gone: %+v", when, st)
		}
	}

	silent := connectPeer(t, s.bad, badAddr, routerToBad, peerOptions{})
	works(old, "10.150.0.2", "the old session beside a silent second connection")
	unchanged("a second connection without a word")

	eager := connectPeer(t, s.bad, badAddr, routerToBad, peerOptions{})
	silent.awaitEnd("a third connection")
	eager.announce("", "239.6.6.6", "10.150.0.99")
	eager.awaitEnd("a Source-Active as first message of a second connection")
	works(old, "10.150.0.3", "the old session after others that came to nothing")
	unchanged("a second connection that begins with a Source-Active")
	if rp := s.good.rpOf("10.150.0.99", "239.6.6.6"); rp != "" {
		t.Errorf("a Source-Active on a second connection was taken, RP %s", rp)
	}

	anew := connectPeer(t, s.bad, badAddr, routerToBad, peerOptions{})
	anew.sendKeepAlive()
	old.awaitEnd("a KeepAlive on a second connection")
	anew.awaitKeepAlives(1)
	works(anew, "10.150.0.4", "the new session")
	s.unharmed("a peer that connects anew")
	lab.Eventually(t, patience, poll, func() error {
		// The cache as well: a peer that lost power knows nothing. Not what it announced itself.
		if s.announced != 1 || anew.rpOf("10.200.0.1", "239.9.9.9") == "" {
			return fmt.Errorf("the new session lacks what was announced; it has %d", anew.heardCount())
		}
		return nil
	})
	if st := s.peer(badAddr); st.State != "established" || st.EstablishedChanges != 2 {
		t.Errorf("after the change: %+v, want the second session established", st)
	}
}

// Who is no configured peer is hung up on at once, whatever it sends; the operator sees how often that
// happened, and once a minute from whom.
func TestStranger(t *testing.T) {
	t.Parallel()
	s := startSiege(t)
	s.stranger.AddRoute("0.0.0.0/0", routerToStranger)
	const attempts = 5
	for range attempts {
		since := time.Now()
		// To an address that is listened on, from one that no peer has.
		p, err := tryPeer(t, s.stranger, strangerAddr, routerToGood, peerOptions{})
		switch {
		case err == nil:
			p.awaitEnd("connecting as a stranger")
			if got := p.heardCount() + p.keepAlives; got != 0 {
				t.Errorf("a stranger was sent %d messages", got)
			}
		case !errors.Is(err, syscall.ECONNRESET): // it was faster than we are
			t.Fatal(err)
		}
		t.Logf("a stranger was hung up on %.3f s after it began to connect", time.Since(since).Seconds())
	}
	lab.Eventually(t, patience, poll, func() error {
		sum, err := askSummary(s.router)
		if err == nil && sum.ConnectionsRefused != attempts {
			err = fmt.Errorf("%d connections refused, want %d", sum.ConnectionsRefused, attempts)
		}
		return err
	})
	if n := strings.Count(s.msdpd.Log(), `"remote": "`+strangerAddr+`"`); n != 1 {
		t.Errorf("%d log lines name the stranger, want one a minute:\n%s", n, s.msdpd.Log())
	}
	// Nobody listens where no peer is to connect to.
	if _, err := tryPeer(t, s.stranger, strangerAddr, routerToStranger, peerOptions{}); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("connecting to an address without peers: %v, want connection refused", err)
	}
	s.unharmed("strangers")
}
