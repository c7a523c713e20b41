package pimd

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"msdpd/lib/frrvty"
)

// daemon is a pimd that answers from a table, and what a Watcher told of it.
type daemon struct {
	mu      sync.Mutex
	told    []State
	answers map[string]string
	present bool
	dials   int
	asked   map[string]int
	// hang makes every question wait for the end of its context.
	hang bool
}

// change changes what it says.
func (d *daemon) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// states returns what was told so far.
func (d *daemon) states() []State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.told)
}

// count returns how often it was connected to, and asked for its configuration.
func (d *daemon) count() (dials, rounds int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dials, d.asked["write terminal"]
}

type talk struct {
	d    *daemon
	open bool
}

var errGone = errors.New("connection refused")

func (d *daemon) dial(context.Context, string) (Asker, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dials++
	if !d.present {
		return nil, errGone
	}
	return &talk{d: d, open: true}, nil
}

func (k *talk) Ask(ctx context.Context, line string) (string, frrvty.Status, error) {
	k.d.mu.Lock()
	defer k.d.mu.Unlock()
	k.d.asked[line]++
	if k.d.hang {
		k.d.mu.Unlock()
		<-ctx.Done()
		k.d.mu.Lock()
		return "", 0, ctx.Err()
	}
	if !k.d.present || !k.open {
		return "", 0, errGone
	}
	text, ok := k.d.answers[line]
	if !ok {
		return "", frrvty.NoMatch, &frrvty.StatusError{Line: line, Status: frrvty.NoMatch}
	}
	return text, frrvty.Success, nil
}

func (k *talk) Close() error {
	k.open = false
	return nil
}

// run calls f while a Watcher asks a daemon that says what 8.4.4 said.
func run(t *testing.T, f func(d *daemon, w *Watcher)) {
	t.Helper()
	d := &daemon{present: true, asked: map[string]int{}, answers: map[string]string{
		"show version":                    recorded(t, "version"),
		"enable":                          "",
		"show ip pim rp-info json":        recorded(t, "rp-info.json"),
		"show ip pim interface json":      recorded(t, "interface.json"),
		"write terminal":                  recorded(t, "config"),
		"show ip prefix-list GROUPS json": recorded(t, "prefix-list-GROUPS.json"),
		"show ip prefix-list ACC json":    recorded(t, "prefix-list-ACC.json"),
	}}
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{
			Socket:  "pimd.vty",
			Handler: func(s State) { d.change(func() { d.told = append(d.told, s) }) },
			Dial:    d.dial,
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		synctest.Wait()
		f(d, w)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// presence checks how many states were told, and whether pimd is there in each.
func (d *daemon) presence(t *testing.T, want ...bool) {
	t.Helper()
	var got []bool
	for _, s := range d.states() {
		got = append(got, s.Present)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("told of presence %v, want %v", got, want)
	}
}

func TestWatcherReadsEverything(t *testing.T) {
	run(t, func(d *daemon, _ *Watcher) {
		same(t, []State{{
			Present: true, Release: "8.4.4",
			RPs: RPSet{
				{Address: ip("10.2.0.1"), PrefixList: "GROUPS", List: recordedGroups, Mine: true, Source: "Static"},
				{Address: ip("10.255.0.1"), Group: prefix("239.200.0.0/16"), Source: "Static"},
				{Address: ip("10.255.0.2"), Group: prefix("224.0.0.0/4"), Mine: true, Source: "Static"},
			},
			Interfaces: map[string]Interface{
				"h0":     {PIM: true, DR: true, Up: true, Address: ip("10.2.0.1")},
				"lo":     {PIM: true, DR: true, Up: true, Address: ip("10.255.0.2")},
				"pimreg": {DR: true, Up: true},
				"x0":     {PIM: true, Passive: true, DR: true, Up: true, Address: ip("10.12.0.2")},
			},
			OwnMSDP: true, RegisterAcceptList: "ACC", AcceptList: recordedAccept,
		}}, d.states())
	})
}

// A release that cannot show one prefix list still has it in its configuration.
func TestPrefixListsFromTheConfiguration(t *testing.T) {
	run(t, func(d *daemon, w *Watcher) {
		d.change(func() {
			delete(d.answers, "show ip prefix-list GROUPS json")
			delete(d.answers, "show ip prefix-list ACC json")
		})
		pass(10 * time.Second)
		d.presence(t, true)
	})
}

func TestWatcherTellsChangesOnly(t *testing.T) {
	run(t, func(d *daemon, _ *Watcher) {
		pass(time.Minute)
		d.presence(t, true)
		if dials, rounds := d.count(); rounds != 31 || dials != 1 {
			t.Errorf("asked %d times over %d connections in a minute", rounds, dials)
		}
		d.change(func() { d.answers["write terminal"] = "" })
		pass(2 * time.Second)
		d.presence(t, true, true)
		if s := d.states()[1]; s.OwnMSDP || s.RegisterAcceptList != "" || len(s.RPs) != 3 {
			t.Errorf("%+v", s)
		}
	})
}

// FRR 7.5.1 prints no MSDP peer in its configuration: it is asked for them.
func TestOwnMSDPOfAnOldPIMD(t *testing.T) {
	run(t, func(d *daemon, w *Watcher) {
		d.change(func() {
			d.answers["show version"] = "FRRouting 7.5.1 (router).\n"
			d.answers["write terminal"] = "ip pim rp 10.0.0.1 224.0.0.0/4\n"
			d.answers["show ip msdp peer json"] = "{\n}\n"
			d.present = false
		})
		pass(2 * time.Second)
		d.change(func() { d.present = true })
		pass(2 * time.Second)
		d.presence(t, true, false, true)
		d.change(func() {
			d.answers["show ip msdp peer json"] = `{"10.0.0.9":{"peer":"10.0.0.9","local":"10.0.0.1","state":"listen"}}`
		})
		pass(2 * time.Second)
		d.presence(t, true, false, true, true)
		if s := d.states(); s[2].OwnMSDP || !s[3].OwnMSDP {
			t.Errorf("without a peer %+v, with one %+v", s[2], s[3])
		}
	})
}

func TestPokeAsksAtOnce(t *testing.T) {
	run(t, func(d *daemon, w *Watcher) {
		pass(time.Second)
		d.change(func() { d.answers["show ip pim rp-info json"] = "{}" })
		w.Poke()
		synctest.Wait()
		d.presence(t, true, true)
		if s := d.states()[1]; len(s.RPs) != 0 {
			t.Errorf("%+v", s)
		}
		_, before := d.count()
		pass(2*time.Second - 1)
		if _, rounds := d.count(); rounds != before {
			t.Errorf("asked again within the interval after a poke")
		}
		pass(1)
		if _, rounds := d.count(); rounds != before+1 {
			t.Errorf("asked %d times when the interval was over", rounds-before)
		}
	})
}

func TestWatcherSeesARestart(t *testing.T) {
	run(t, func(d *daemon, _ *Watcher) {
		d.change(func() { d.present = false })
		pass(2 * time.Second)
		d.presence(t, true, false)
		same(t, State{}, d.states()[1])
		pass(time.Minute)
		d.presence(t, true, false)
		// It answers before it has read its configuration.
		full := maps.Clone(d.answers)
		d.change(func() {
			d.answers["show ip pim rp-info json"], d.answers["write terminal"] = "{}", ""
			d.present = true
		})
		pass(4 * time.Second)
		d.presence(t, true, false)
		d.change(func() { d.answers = full })
		pass(settlePoll)
		d.presence(t, true, false, true)
		same(t, d.states()[0], d.states()[2])
	})
}

func TestWatcherBelievesARouterThatIsNoRP(t *testing.T) {
	run(t, func(d *daemon, _ *Watcher) {
		d.change(func() { d.present = false })
		pass(2 * time.Second)
		d.change(func() {
			d.answers["show ip pim rp-info json"] = "{}"
			d.present = true
		})
		pass(2*time.Second + settleTime + settlePoll)
		d.presence(t, true, false, true)
		if s := d.states()[2]; len(s.RPs) != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWatcherGivesUpOnSilence(t *testing.T) {
	run(t, func(d *daemon, _ *Watcher) {
		d.change(func() { d.hang = true })
		pass(2*time.Second + defaultTimeout)
		d.presence(t, true, false)
		d.change(func() { d.hang = false })
		pass(2 * time.Second)
		d.presence(t, true, false, true)
		if dials, _ := d.count(); dials != 2 {
			t.Errorf("%d connections", dials)
		}
	})
}

func TestWatcherNeedsSense(t *testing.T) {
	for _, line := range []string{"show ip pim rp-info json", "show ip pim interface json", "show ip prefix-list ACC json"} {
		t.Run(line, func(t *testing.T) {
			run(t, func(d *daemon, _ *Watcher) {
				d.change(func() { d.answers[line] = "no JSON" })
				pass(2 * time.Second)
				d.presence(t, true, false)
			})
		})
	}
	for _, line := range []string{"show version", "enable", "write terminal"} {
		t.Run("refused: "+line, func(t *testing.T) {
			run(t, func(d *daemon, _ *Watcher) {
				d.change(func() { delete(d.answers, line); d.present = false })
				pass(2 * time.Second)
				d.change(func() { d.present = true })
				pass(10 * time.Second)
				d.presence(t, true, false)
			})
		})
	}
}
