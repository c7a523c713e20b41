package pimd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/frrvty"
)

// Asker is a conversation with pimd's vty: *frrvty.Client.
type Asker interface {
	// Ask returns what the line printed, with a *frrvty.StatusError where pimd refused it or
	// warned. Any other error ends the conversation.
	Ask(ctx context.Context, line string) (output string, status frrvty.Status, err error)
	Close() error
}

// Config is what a Watcher needs.
type Config struct {
	// Socket is the path of pimd's vty socket.
	Socket string
	// Interval is how often pimd is asked; 0 means 2 s.
	Interval time.Duration
	// Timeout bounds one round of questions; 0 means 10 s.
	Timeout time.Duration
	Log     *zap.Logger
	// Handler is called with each state that differs from the one before, first of all with
	// the first one, from the goroutine that runs Run. A pimd that was restarted is told as
	// two states: not present, then present again.
	Handler func(State)
	// Dial opens a conversation; nil means frrvty.Dial.
	Dial func(ctx context.Context, socket string) (Asker, error)
}

const (
	defaultInterval = 2 * time.Second
	defaultTimeout  = 10 * time.Second
	// settleTime is how long a pimd that has just appeared may say that it is no RP before it
	// is believed: it answers before it has read its configuration.
	settleTime = 5 * time.Second
	settlePoll = 200 * time.Millisecond
)

// Watcher asks pimd again and again.
type Watcher struct {
	cfg  Config
	poke chan struct{}

	conn      Asker
	release   string
	connected time.Time
	told      bool
	last      State
}

// New returns a Watcher that does nothing before Run.
func New(cfg Config) *Watcher {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Interval <= 0 {
		cfg.Interval = defaultInterval
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Dial == nil {
		cfg.Dial = func(ctx context.Context, socket string) (Asker, error) { return frrvty.Dial(ctx, socket) }
	}
	return &Watcher{cfg: cfg, poke: make(chan struct{}, 1)}
}

// Poke makes the Watcher ask at once. It may be called from any goroutine and never blocks.
func (w *Watcher) Poke() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// Run asks until ctx ends, then returns nil. It is called once.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.hangUp()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-w.poke:
		}
		timer.Reset(w.round(ctx))
	}
}

// round asks once, tells what changed, and returns when to ask again.
func (w *Watcher) round(ctx context.Context) time.Duration {
	roundCtx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	state, err := w.state(roundCtx)
	if ctx.Err() != nil {
		return 0
	}
	if err != nil {
		w.hangUp()
		if !w.told || w.last.Present {
			w.cfg.Log.Warn("pimd does not answer", zap.String("socket", w.cfg.Socket), zap.Error(err))
		}
		w.tell(State{})
		return w.cfg.Interval
	}
	if !w.last.Present {
		if len(state.RPs.MyRPs()) == 0 && time.Since(w.connected) < settleTime {
			return settlePoll
		}
		w.cfg.Log.Info("pimd answers", zap.String("socket", w.cfg.Socket), zap.String("release", state.Release))
	}
	w.tell(state)
	return w.cfg.Interval
}

func (w *Watcher) tell(s State) {
	if w.told && s.Equal(w.last) {
		return
	}
	w.told, w.last = true, s
	w.cfg.Handler(s)
}

func (w *Watcher) hangUp() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// connect opens the conversation and reads the release, which does not change in it.
func (w *Watcher) connect(ctx context.Context) error {
	conn, err := w.cfg.Dial(ctx, w.cfg.Socket)
	if err != nil {
		return err
	}
	w.conn = conn
	w.connected = time.Now()
	version, err := w.ask(ctx, "show version")
	if err != nil {
		return err
	}
	w.release = parseRelease(version)
	// Only the enabled mode shows the configuration.
	_, err = w.ask(ctx, "enable")
	return err
}

// state asks for everything.
func (w *Watcher) state(ctx context.Context) (State, error) {
	if w.conn == nil {
		if err := w.connect(ctx); err != nil {
			return State{}, err
		}
	}
	text, err := w.ask(ctx, "show ip pim rp-info json")
	if err != nil {
		return State{}, err
	}
	rps, err := parseRPs(text)
	if err != nil {
		return State{}, err
	}
	if text, err = w.ask(ctx, "show ip pim interface json"); err != nil {
		return State{}, err
	}
	interfaces, err := parseInterfaces(text)
	if err != nil {
		return State{}, err
	}
	if text, err = w.ask(ctx, "write terminal"); err != nil {
		return State{}, err
	}
	cfg := parseConfig(text)
	if !cfg.ownMSDP && !releaseAtLeast(w.release, 8, 0) {
		if cfg.ownMSDP, err = w.hasMSDPPeers(ctx); err != nil {
			return State{}, err
		}
	}
	for name := range cfg.pim {
		i := interfaces[name]
		i.PIM, i.Passive = cfg.pim[name], cfg.passive[name]
		interfaces[name] = i
	}
	s := State{
		Present: true, Release: w.release, RPs: rps, Interfaces: interfaces,
		OwnMSDP: cfg.ownMSDP, RegisterAcceptList: cfg.registerAcceptList,
	}
	return s, w.prefixLists(ctx, &s, cfg)
}

// hasMSDPPeers asks for MSDP's peers, which FRR 7 leaves out of its configuration.
func (w *Watcher) hasMSDPPeers(ctx context.Context) (bool, error) {
	text, err := w.ask(ctx, "show ip msdp peer json")
	if e := (*frrvty.StatusError)(nil); errors.As(err, &e) {
		return false, nil // no FRR that has MSDP
	}
	if err != nil {
		return false, err
	}
	return parseMSDPPeers(text)
}

// prefixLists fills in the lists that the state names.
func (w *Watcher) prefixLists(ctx context.Context, s *State, cfg config) error {
	names := make(map[string]PrefixList)
	for _, rp := range s.RPs {
		if rp.PrefixList != "" {
			names[rp.PrefixList] = nil
		}
	}
	if s.RegisterAcceptList != "" {
		names[s.RegisterAcceptList] = nil
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		text, err := w.ask(ctx, "show ip prefix-list "+name+" json")
		if e := (*frrvty.StatusError)(nil); errors.As(err, &e) {
			// It has no such list, or an old release does not know the command.
			names[name] = cfg.lists[name]
			continue
		}
		if err != nil {
			return err
		}
		if names[name], err = parsePrefixList(text, name); err != nil {
			return err
		}
	}
	for i := range s.RPs {
		s.RPs[i].List = names[s.RPs[i].PrefixList]
	}
	s.AcceptList = names[s.RegisterAcceptList]
	return nil
}

// ask returns what a line printed; a refusal is an error here.
func (w *Watcher) ask(ctx context.Context, line string) (string, error) {
	text, _, err := w.conn.Ask(ctx, line)
	if err != nil {
		return "", fmt.Errorf("ask pimd: %w", err)
	}
	return text, nil
}
