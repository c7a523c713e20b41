package pim

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
)

var errGone = errors.New("cannot assign requested address")

// sent is one Null-Register that a joiner sent.
type sent struct {
	at time.Duration
	rp ipv4.Addr
	sg ipv4.SG
}

// bench drives a Joiner with a clock of its own.
type bench struct {
	*testing.T
	j     *Joiner
	start time.Time
	now   time.Time
	logs  *observer.ObservedLogs

	rp   map[ipv4.Addr]ipv4.Addr // by group; missing: no RP
	all  ipv4.Addr               // for every group, if not 0
	gone map[ipv4.Addr]bool      // RP addresses that cannot be sent to
	sent []sent
	// confirms makes the kernel confirm everything at once.
	confirms bool
}

func newBench(t *testing.T, cfg JoinerConfig) *bench {
	core, logs := observer.New(zap.InfoLevel)
	b := &bench{T: t, start: time.Unix(1e9, 0), logs: logs, all: rpOne, rp: map[ipv4.Addr]ipv4.Addr{}, gone: map[ipv4.Addr]bool{}}
	b.now = b.start
	cfg.Log = zap.New(core)
	cfg.RPFor = func(g ipv4.Addr) (ipv4.Addr, bool) {
		if rp, ok := b.rp[g]; ok || b.all == 0 {
			return rp, ok
		}
		return b.all, true
	}
	cfg.Send = func(rp ipv4.Addr, sgs []ipv4.SG) (int, error) {
		if b.gone[rp] {
			return 0, errGone
		}
		for _, sg := range sgs {
			b.sent = append(b.sent, sent{b.now.Sub(b.start), rp, sg})
		}
		return len(sgs), nil
	}
	b.j = NewJoiner(cfg)
	return b
}

// run lets time pass, calling Tick whenever Next wants it.
func (b *bench) run(d time.Duration) {
	b.Helper()
	end := b.now.Add(d)
	for ticks := 0; ; ticks++ {
		next, ok := b.j.Next()
		if !ok || next.After(end) {
			break
		}
		if next.After(b.now) {
			b.now = next
			ticks = 0
		}
		if ticks > 10 {
			b.Fatalf("Next stays at %v", next)
		}
		n := len(b.sent)
		b.j.Tick(b.now)
		for _, s := range b.sent[n:] {
			if b.confirms {
				b.j.Kernel(b.now, s.sg, 1, true)
			}
		}
	}
	b.now = end
}

func (b *bench) want(sgs ...ipv4.SG) {
	for _, sg := range sgs {
		b.j.Want(b.now, sg)
	}
}

func (b *bench) expect(sg ipv4.SG, want JoinState) {
	b.Helper()
	if got, ok := b.j.State(sg); !ok || got != want {
		b.Errorf("%s is %s, %v; want %s", sg, got, ok, want)
	}
}

// times returns when sg was sent, and forgets all that was sent.
func (b *bench) times(sg ipv4.SG) []time.Duration {
	var at []time.Duration
	for _, s := range b.sent {
		if s.sg == sg {
			at = append(at, s.at)
		}
	}
	b.sent = nil
	return at
}

// warnings counts log lines at warning level that contain a text.
func (b *bench) warnings(text string) int {
	return b.logs.FilterLevelExact(zap.WarnLevel).FilterMessageSnippet(text).Len()
}

// sgN is the n-th source of the g-th group.
func sgN(g, n int) ipv4.SG {
	return ipv4.SG{Source: ipv4.MustParse("10.64.0.1") + ipv4.Addr(n), Group: ipv4.MustParse("239.1.0.0") + ipv4.Addr(g)}
}

func seconds(n ...float64) []time.Duration {
	var d []time.Duration
	for _, s := range n {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

func TestJoinIsSentAtOnceAndConfirmed(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	if _, ok := b.j.Next(); ok {
		t.Error("a new joiner has something to do")
	}
	b.want(sgOne)
	b.expect(sgOne, JoinQueued)
	b.run(0)
	b.expect(sgOne, JoinSent)
	if len(b.sent) != 1 || b.sent[0] != (sent{0, rpOne, sgOne}) {
		t.Fatalf("sent %v", b.sent)
	}
	b.j.Kernel(b.now, sgOne, 0, true)
	b.expect(sgOne, JoinSent)
	b.j.Kernel(b.now, sgOne, 2, true)
	b.expect(sgOne, JoinConfirmed)
	if s := b.j.Stats(); s.Wanted != 1 || s.Confirmed != 1 || s.Registers != 1 {
		t.Errorf("%+v", s)
	}
}

func TestUnconfirmedIsTriedAgain(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.want(sgOne)
	b.run(200 * time.Second)
	if got, want := b.times(sgOne), seconds(0, 1, 3, 7, 15, 31, 63, 123, 183); !slices.Equal(got, want) {
		t.Errorf("sent at %v, want %v", got, want)
	}
	if n := b.warnings("does not join"); n != 1 {
		t.Errorf("%d warnings", n)
	}
}

func TestWarningComesAfterTheThirdTry(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.want(sgOne)
	b.run(7*time.Second - 1)
	if n := b.warnings(""); n != 0 {
		t.Errorf("%d warnings while the third try may still succeed", n)
	}
	b.run(1)
	if n := b.warnings("does not join"); n != 1 {
		t.Errorf("%d warnings after it", n)
	}
	// Other sources of the group are not told of, other groups ten seconds later at most once.
	for g := range 5 {
		for n := range 5 {
			b.want(sgN(g, n))
		}
	}
	b.run(8 * time.Second)
	if n := b.warnings("does not join"); n > 2 {
		t.Errorf("%d warnings for a handful of groups at once", n)
	}
}

func TestRefreshEveryMinuteSpread(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.confirms = true
	const joins = 3000
	for n := range joins {
		b.want(sgN(n/100, n%100))
	}
	b.run(time.Minute)
	b.sent = nil
	perSecond := make([]int, 60)
	b.run(time.Minute)
	seen := map[ipv4.SG]int{}
	for _, s := range b.sent {
		seen[s.sg]++
		perSecond[int(s.at.Seconds())-60]++
	}
	if len(seen) != joins || len(b.sent) != joins {
		t.Errorf("%d refreshes of %d joins in a minute, want %d of each", len(b.sent), len(seen), joins)
	}
	if least, most := slices.Min(perSecond), slices.Max(perSecond); least < 20 || most > 90 {
		t.Errorf("%d to %d refreshes a second, want about 50", least, most)
	}
}

func TestPacing(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.confirms = true
	for n := range 5000 {
		b.want(sgN(n/100, n%100))
	}
	b.run(2 * time.Second)
	if n := len(b.sent); n < 3980 || n > 4020 {
		t.Errorf("%d sent in two seconds, want 4000", n)
	}
	burst := map[time.Duration]int{}
	for _, s := range b.sent {
		burst[s.at]++
		if burst[s.at] > 20 {
			t.Fatalf("more than 20 at %v", s.at)
		}
	}
	slow := newBench(t, JoinerConfig{Rate: 3})
	for n := range 10 {
		slow.want(sgN(0, n))
	}
	slow.confirms = true
	slow.run(2*time.Second - 1)
	if n := len(slow.sent); n != 6 {
		t.Errorf("%d sent in two seconds at three a second", n)
	}
}

func TestNewJoinsGoBeforeRefreshes(t *testing.T) {
	b := newBench(t, JoinerConfig{Rate: 100})
	b.confirms = true
	for n := range 1000 {
		b.want(sgN(0, n))
	}
	b.run(20 * time.Second)
	// All are due at once now, ten seconds' worth.
	b.j.PIMRestarted(b.now)
	b.run(time.Second)
	b.sent = nil
	b.want(sgN(1, 1))
	at := b.now.Sub(b.start)
	b.run(time.Second)
	if b.sent[0].sg != sgN(1, 1) || b.sent[0].at > at+10*time.Millisecond {
		t.Errorf("a new join waits: first sent is %v", b.sent[0])
	}
}

func TestUnwant(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.want(sgOne)
	b.run(time.Second)
	b.sent = nil
	b.j.Unwant(b.now, sgOne)
	if _, ok := b.j.State(sgOne); ok {
		t.Error("still wanted")
	}
	b.run(10 * time.Minute)
	if len(b.sent) != 0 {
		t.Errorf("sent %v", b.sent)
	}
	if _, ok := b.j.Next(); ok || len(b.j.index) != 0 || len(b.j.groups) != 0 {
		t.Error("something is left of it")
	}
	b.j.Unwant(b.now, sgOne)
	b.want(sgOne, sgOne)
	b.run(0)
	if len(b.sent) != 1 || b.j.Stats().Wanted != 1 {
		t.Errorf("sent %v, %+v", b.sent, b.j.Stats())
	}
}

func TestLostConfirmationIsRepaired(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.confirms = true
	b.want(sgOne)
	b.run(90 * time.Second)
	b.confirms, b.sent = false, nil
	b.j.Kernel(b.now, sgOne, 0, false)
	b.expect(sgOne, JoinSent)
	b.run(10 * time.Second)
	if got, want := b.times(sgOne), seconds(91, 93, 97); !slices.Equal(got, want) {
		t.Errorf("sent at %v, want %v", got, want)
	}
}

func TestFailedSendIsTriedAgain(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.confirms = true
	b.gone[rpOne] = true
	b.want(sgOne, sgN(0, 1))
	b.run(2 * time.Second)
	b.expect(sgOne, JoinQueued)
	if s := b.j.Stats(); s.Failed != 4 || s.Registers != 0 {
		t.Errorf("%+v", s)
	}
	delete(b.gone, rpOne)
	b.run(time.Second)
	if got, want := b.times(sgOne), seconds(3); !slices.Equal(got, want) {
		t.Errorf("sent at %v, want %v", got, want)
	}
	b.expect(sgOne, JoinConfirmed)
	if b.warnings("cannot be sent") != 1 || b.logs.FilterMessageSnippet("can be sent again").Len() != 1 {
		t.Errorf("log: %v", b.logs.All())
	}
	// The address is back before the next try is due: RPChanged says so.
	b.gone[rpOne] = true
	b.run(4 * time.Minute)
	b.sent = nil
	delete(b.gone, rpOne)
	b.j.RPChanged(b.now)
	b.run(0)
	if got := b.times(sgOne); len(got) != 1 {
		t.Errorf("sent %d times after RPChanged", len(got))
	}
}

// A batch of which a part was sent.
func TestPartlySentBatch(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	calls := 0
	b.j.cfg.Send = func(_ ipv4.Addr, sgs []ipv4.SG) (int, error) {
		if calls++; calls > 1 {
			return len(sgs), nil
		}
		return 2, errGone
	}
	b.want(sgN(0, 0), sgN(0, 1), sgN(0, 2), sgN(0, 3))
	b.run(0)
	for n, want := range []JoinState{JoinSent, JoinSent, JoinQueued, JoinQueued} {
		b.expect(sgN(0, n), want)
	}
	if s := b.j.Stats(); s.Registers != 2 || s.Failed != 2 {
		t.Errorf("%+v", s)
	}
	b.run(time.Second)
	b.expect(sgN(0, 3), JoinSent)
}

func TestRPChanges(t *testing.T) {
	two := ipv4.MustParse("10.255.0.9")
	b := newBench(t, JoinerConfig{})
	b.confirms = true
	b.all = 0
	b.want(sgOne)
	b.expect(sgOne, JoinNoRP)
	b.run(time.Minute)
	if len(b.sent) != 0 {
		t.Fatalf("sent %v without an RP", b.sent)
	}
	b.rp[sgOne.Group] = rpOne
	b.j.RPChanged(b.now)
	b.run(time.Second)
	b.expect(sgOne, JoinConfirmed)

	b.sent = nil
	b.rp[sgOne.Group] = two
	b.j.RPChanged(b.now)
	b.run(0)
	if len(b.sent) != 1 || b.sent[0].rp != two {
		t.Errorf("sent %v, want one to the new RP", b.sent)
	}
	b.sent = nil
	b.j.RPChanged(b.now)
	b.run(0)
	if len(b.sent) != 0 {
		t.Errorf("sent %v although nothing changed", b.sent)
	}

	// Nobody says so, but a refresh notices.
	delete(b.rp, sgOne.Group)
	b.run(time.Minute)
	b.expect(sgOne, JoinNoRP)
	if len(b.sent) != 0 || b.j.Stats().NoRP != 1 {
		t.Errorf("sent %v, %+v", b.sent, b.j.Stats())
	}
}

func TestOneBatchForSeveralRPs(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	for g := range 6 {
		b.rp[sgN(g, 0).Group] = rpOne + ipv4.Addr(g%2)
		b.want(sgN(g, 0))
	}
	b.run(0)
	for _, s := range b.sent {
		if want := b.rp[s.sg.Group]; s.rp != want {
			t.Errorf("%s sent to %s, want %s", s.sg, s.rp, want)
		}
	}
	if len(b.sent) != 6 {
		t.Errorf("%d sent", len(b.sent))
	}
}

func TestBlock(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.confirms = true
	b.want(sgN(0, 0))
	b.run(time.Second)
	b.j.Block(b.now, "pimd runs MSDP")
	b.want(sgN(0, 1))
	b.sent = nil
	b.run(5 * time.Minute)
	if len(b.sent) != 0 {
		t.Errorf("sent %v while blocked", b.sent)
	}
	b.expect(sgN(0, 0), JoinBlocked)
	b.expect(sgN(0, 1), JoinBlocked)
	if s := b.j.Stats(); s.Blocked != 2 || s.Wanted != 2 || s.Confirmed != 0 {
		t.Errorf("%+v", s)
	}
	b.j.Unblock(b.now)
	b.run(0)
	if len(b.sent) != 2 {
		t.Errorf("sent %v after it", b.sent)
	}
}

func TestPIMRestarted(t *testing.T) {
	b := newBench(t, JoinerConfig{})
	b.confirms = true
	for n := range 100 {
		b.want(sgN(n, 0))
	}
	b.run(10 * time.Minute)
	for n := range 100 {
		b.j.Kernel(b.now, sgN(n, 0), 0, false)
	}
	b.sent = nil
	b.j.PIMRestarted(b.now)
	b.run(50 * time.Millisecond)
	if len(b.sent) != 100 {
		t.Errorf("%d of 100 sent again in 50 ms", len(b.sent))
	}
	if s := b.j.Stats(); s.Confirmed != 100 {
		t.Errorf("%+v", s)
	}
}

func ExampleJoiner() {
	now := time.Unix(0, 0)
	j := NewJoiner(JoinerConfig{
		RPFor: func(ipv4.Addr) (ipv4.Addr, bool) { return ipv4.MustParse("10.255.0.1"), true },
		Send: func(rp ipv4.Addr, sgs []ipv4.SG) (int, error) {
			fmt.Println("Null-Register for", sgs[0], "to", rp)
			return len(sgs), nil
		},
	})
	sg := ipv4.SG{Source: ipv4.MustParse("10.1.0.2"), Group: ipv4.MustParse("239.1.1.1")}
	j.Want(now, sg)
	j.Tick(now)
	j.Kernel(now, sg, 1, true)
	fmt.Println(j.State(sg))
	// Output:
	// Null-Register for (10.1.0.2,239.1.1.1) to 10.255.0.1
	// confirmed true
}
