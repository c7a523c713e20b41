package bgpd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"msdpd/lib/frrvty"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// daemon is a bgpd that answers from a table, and what an Asker told of it.
type daemon struct {
	mu        sync.Mutex
	absent    bool
	stuck     bool // answers to nobody
	dials     int
	neighbors string
	routes    map[ipv4.Addr]string
	slow      time.Duration // each answer takes so long
	refuse    *frrvty.StatusError

	asked []ask
	told  []string
}

// ask is one question and when it was asked.
type ask struct {
	at   time.Time
	addr ipv4.Addr
}

var errGone = errors.New("connection refused")

func (d *daemon) dial(context.Context, string) (Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dials++
	if d.absent {
		return nil, errGone
	}
	return talk{d}, nil
}

type talk struct{ d *daemon }

func (k talk) Ask(ctx context.Context, line string) (string, frrvty.Status, error) {
	d := k.d
	d.mu.Lock()
	defer d.mu.Unlock()
	text := d.neighbors
	if rest, ok := strings.CutPrefix(line, "show bgp ipv4 unicast "); ok {
		addr := ip(strings.TrimSuffix(rest, " json"))
		d.asked = append(d.asked, ask{time.Now(), addr})
		if text, ok = d.routes[addr]; !ok {
			text = "{}"
		}
	}
	d.mu.Unlock()
	time.Sleep(d.slow)
	d.mu.Lock()
	if d.stuck {
		d.mu.Unlock()
		<-ctx.Done()
		d.mu.Lock()
		return "", 0, ctx.Err()
	}
	if d.absent {
		return "", 0, errGone
	}
	if d.refuse != nil {
		return "", d.refuse.Status, d.refuse
	}
	return text, frrvty.Success, nil
}

func (k talk) Close() error { return nil }

func (d *daemon) BGPPath(addr ipv4.Addr, p *rib.BGPPath) {
	text := "none"
	if p != nil {
		text = p.ASPathText() + " from " + p.Neighbor.String()
	}
	d.tell(fmt.Sprintf("%s: %s", addr, text))
}

func (d *daemon) BGPNeighbors(as map[ipv4.Addr]uint32) { d.tell(fmt.Sprintf("%d neighbours", len(as))) }
func (d *daemon) BGPAway(err error)                    { d.tell("away: " + err.Error()) }

func (d *daemon) tell(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, text)
}

// change changes what the daemon says.
func (d *daemon) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// heard returns what was told since it was last called; the neighbours only the first time.
func (d *daemon) heard() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.told
	d.told = nil
	return out
}

func pathBy(as int, neighbor string) string {
	return fmt.Sprintf(`{"prefix":"10.0.0.0/8","paths":[{"aspath":{"segments":[{"type":"as-sequence","list":[%d]}]},"bestpath":{"overall":true},"nexthops":[{"ip":%q}],"peer":{"peerId":%q,"type":"external"}}]}`, as, neighbor, neighbor)
}

var (
	rp1 = ip("10.1.0.1")
	rp2 = ip("10.2.0.1")
)

// run calls f while an Asker asks a daemon with one neighbour and routes to rp1 and rp2.
func run(t *testing.T, d *daemon, f func(a *Asker)) {
	t.Helper()
	d.neighbors = `{"172.16.0.1":{"remoteAs":1}}`
	d.routes = map[ipv4.Addr]string{rp1: pathBy(1, "172.16.0.1"), rp2: pathBy(2, "172.16.0.2")}
	synctest.Test(t, func(t *testing.T) {
		a := New(Config{Socket: "bgpd.vty", Handler: d, Dial: d.dial})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		synctest.Wait()
		f(a)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func (d *daemon) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := d.heard(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestAskedAtOnceAndWatchedEverySecond(t *testing.T) {
	d := &daemon{}
	run(t, d, func(a *Asker) {
		d.want(t, "1 neighbours")
		time.Sleep(time.Second)
		d.want(t)
		a.Ask(rp1, 0)
		time.Sleep(questionGap)
		d.want(t, "10.1.0.1: 1 from 172.16.0.1")
		a.Watch(rp2)
		time.Sleep(questionGap)
		d.want(t, "10.2.0.1: 2 from 172.16.0.2")
		d.change(func() { d.routes[rp1], d.routes[rp2] = pathBy(3, "172.16.0.2"), pathBy(3, "172.16.0.2") })
		time.Sleep(questionPeriod + questionGap)
		d.want(t, "10.2.0.1: 3 from 172.16.0.2") // the other is not watched
		a.Ask(rp2, 0)
		time.Sleep(questionGap)
		d.want(t, "10.2.0.1: 3 from 172.16.0.2") // told again, as it was asked for
		a.Unwatch(rp2)
		d.change(func() { d.asked = nil })
		time.Sleep(3 * time.Second)
		d.want(t)
		if len(d.asked) != 0 {
			t.Errorf("asked %d times about what is not watched", len(d.asked))
		}
		if len(a.all) != 0 {
			t.Errorf("%d questions are remembered", len(a.all))
		}
	})
}

func TestNoMoreThanAHundredQuestionsASecondOldestFirst(t *testing.T) {
	d := &daemon{}
	run(t, d, func(a *Asker) {
		const count = 250
		for i := range ipv4.Addr(count) {
			a.Watch(rp1 + i)
		}
		// Somebody asks for ever more.
		for i := range ipv4.Addr(1000) {
			a.Ask(ip("10.99.0.0")+i, 0)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		var last [count]time.Time
		asked := d.asked
		if len(asked) < 900 || len(asked) > 1001 {
			t.Errorf("%d questions in 10 s", len(asked))
		}
		for _, q := range asked {
			if q.addr >= rp1+count {
				continue
			}
			i := q.addr - rp1
			// Every second question is of the others.
			if !last[i].IsZero() && q.at.Sub(last[i]) > count*2*questionGap+100*time.Millisecond {
				t.Errorf("address %d was asked about %v after the last time", i, q.at.Sub(last[i]))
			}
			last[i] = q.at
		}
		for i, at := range last {
			if at.IsZero() {
				t.Errorf("address %d was not asked about", i)
			}
		}
	})
}

// Whoever wants to know of thousands does not keep others waiting, not even with what they want to know, too.
func TestAskersTakeTurns(t *testing.T) {
	const crowd, other, third = 1, 2, 3
	made := ip("10.99.0.0")
	d := &daemon{}
	run(t, d, func(a *Asker) {
		for i := range ipv4.Addr(10_000) {
			a.Ask(made+i, crowd)
			a.Watch(made + i)
		}
		began := time.Now()
		a.Ask(rp1, other)
		a.Ask(made+9_999, other)
		a.Ask(rp2, third)
		time.Sleep(time.Second)
		synctest.Wait()
		// In each turn of all three, as many watched ones are asked about.
		limits := map[ipv4.Addr]time.Duration{rp1: 6 * questionGap, rp2: 6 * questionGap, made + 9_999: 12 * questionGap}
		crowded := 0
		for _, q := range d.asked {
			if limit, ok := limits[q.addr]; ok {
				if q.at.Sub(began) > limit {
					t.Errorf("%v was asked about after %v, want %v", q.addr, q.at.Sub(began), limit)
				}
				delete(limits, q.addr)
			} else {
				crowded++
			}
		}
		if len(limits) > 0 {
			t.Errorf("not asked about: %v", limits)
		}
		if crowded < 90 {
			t.Errorf("%d questions of the others in a second", crowded)
		}
	})
}

// A question that bgpd did not answer stays in the lines of all who asked it.
func TestUnansweredStaysInLine(t *testing.T) {
	var qs questions
	qs.init()
	now := time.Now()
	qs.Ask(rp1, 1)
	qs.Ask(rp1, 2)
	qs.Ask(rp1, 2)
	qs.Ask(rp2, 1)
	q, _ := qs.next(now)
	qs.failed(q)
	var order []ipv4.Addr
	for q, _ := qs.next(now); q != nil; q, _ = qs.next(now) {
		order = append(order, q.addr)
		if !qs.answered(q, now, nil, false) {
			t.Errorf("the answer about %v is kept back", q.addr)
		}
	}
	if !slices.Equal(order, []ipv4.Addr{rp2, rp1}) {
		t.Errorf("asked about %v", order)
	}
	if len(qs.all) != 0 || len(qs.lines) != 0 || qs.urgent.Len() != 0 {
		t.Errorf("left over: %d questions, %d lines", len(qs.all), len(qs.lines))
	}
}

func TestAnswerNewerThanTheQuestion(t *testing.T) {
	d := &daemon{slow: 100 * time.Millisecond}
	run(t, d, func(a *Asker) {
		time.Sleep(time.Second)
		d.want(t, "1 neighbours")
		a.Ask(rp1, 0)
		time.Sleep(50 * time.Millisecond) // bgpd is about to answer
		d.change(func() { d.routes[rp1] = pathBy(3, "172.16.0.2") })
		a.Ask(rp1, 0)
		time.Sleep(time.Second)
		d.want(t, "10.1.0.1: 1 from 172.16.0.1", "10.1.0.1: 3 from 172.16.0.2")
	})
}

func TestBGPDAbsentThenThere(t *testing.T) {
	d := &daemon{absent: true}
	run(t, d, func(a *Asker) {
		d.want(t, "away: connection refused")
		a.Ask(rp1, 0)
		a.Watch(rp2)
		time.Sleep(10 * time.Second)
		d.want(t)
		if d.dials > 11 {
			t.Errorf("%d attempts in 10 s", d.dials)
		}
		d.change(func() { d.absent = false })
		time.Sleep(retryPeriod + 3*questionGap)
		synctest.Wait()
		got := d.heard()
		slices.Sort(got)
		if want := []string{"1 neighbours", "10.1.0.1: 1 from 172.16.0.1", "10.2.0.1: 2 from 172.16.0.2"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestBGPDStuckThenBack(t *testing.T) {
	d := &daemon{}
	run(t, d, func(a *Asker) {
		a.Watch(rp1)
		time.Sleep(time.Second)
		d.want(t, "1 neighbours", "10.1.0.1: 1 from 172.16.0.1")
		d.change(func() { d.stuck = true })
		time.Sleep(answerLimit + questionPeriod)
		d.want(t, `away: no answer within 3s`)
		a.Ask(rp2, 0) // nobody is held up, and it is not forgotten
		time.Sleep(time.Minute)
		d.want(t)
		d.change(func() { d.stuck = false })
		time.Sleep(answerLimit + retryPeriod + 3*questionGap)
		synctest.Wait()
		got := d.heard()
		slices.Sort(got)
		if want := []string{"1 neighbours", "10.1.0.1: 1 from 172.16.0.1", "10.2.0.1: 2 from 172.16.0.2"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// A bgpd that was restarted has no routes at first.
func TestNoPathWhileBGPDLearns(t *testing.T) {
	d := &daemon{}
	run(t, d, func(a *Asker) {
		a.Watch(rp1)
		time.Sleep(time.Second)
		d.want(t, "1 neighbours", "10.1.0.1: 1 from 172.16.0.1")
		d.change(func() { d.absent = true })
		time.Sleep(2 * time.Second)
		d.want(t, "away: connection refused")
		d.change(func() { d.absent = false; delete(d.routes, rp1) })
		time.Sleep(settlePeriod - 10*time.Second)
		synctest.Wait()
		if got := d.heard(); slices.Contains(got, "10.1.0.1: none") || !slices.Contains(got, "1 neighbours") {
			t.Errorf("told %q", got)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := d.heard(); !slices.Contains(got, "10.1.0.1: none") {
			t.Errorf("told %q", got)
		}
		// From now on it is believed at once.
		d.change(func() { d.routes[rp1] = pathBy(1, "172.16.0.1") })
		time.Sleep(2 * time.Second)
		d.change(func() { delete(d.routes, rp1) })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := d.heard(); !slices.Contains(got, "10.1.0.1: none") {
			t.Errorf("told %q", got)
		}
	})
}

func TestRefusals(t *testing.T) {
	d := &daemon{refuse: &frrvty.StatusError{Status: frrvty.Warning}}
	run(t, d, func(a *Asker) { // no BGP process: no neighbours, no routes
		a.Ask(rp1, 0)
		time.Sleep(time.Second)
		d.want(t, "0 neighbours", "10.1.0.1: none")
	})
	d = &daemon{refuse: &frrvty.StatusError{Line: "show", Status: frrvty.NoMatch}}
	run(t, d, func(a *Asker) {
		a.Ask(rp1, 0)
		time.Sleep(time.Second)
		d.want(t, `away: command "show": unknown command`)
	})
}
