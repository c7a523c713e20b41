package bgpd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/frrvty"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

const (
	// questionPeriod is how often bgpd is asked about a watched address.
	questionPeriod = time.Second
	// questionGap is the least time between two questions: 100 a second.
	questionGap = 10 * time.Millisecond
	// neighborsPeriod is how often bgpd is asked for its neighbours, a long answer.
	neighborsPeriod = 10 * time.Second
	// retryPeriod is how long bgpd is left alone when it did not answer.
	retryPeriod = time.Second
	// answerLimit is how long bgpd may take over an answer.
	answerLimit = 3 * time.Second
	// settlePeriod is how long a bgpd that comes back may say that it has no path before it
	// is believed: it is still learning.
	settlePeriod = 120 * time.Second
)

// Conn is a conversation with bgpd's vty: *frrvty.Client.
type Conn interface {
	// Ask returns what the line printed, with a *frrvty.StatusError where bgpd refused it or
	// warned. Any other error ends the conversation.
	Ask(ctx context.Context, line string) (output string, status frrvty.Status, err error)
	Close() error
}

// Handler hears what bgpd says, from the goroutine that runs Run.
type Handler interface {
	// BGPPath is the answer about an address: each one to Ask, and to Watch the first since
	// bgpd came and each that differs from the one before. nil: bgpd has no path.
	BGPPath(addr ipv4.Addr, path *rib.BGPPath)
	// BGPNeighbors are the ASes of the neighbours by address, told whenever bgpd said them. It
	// is the first that is heard of a bgpd that has come.
	BGPNeighbors(as map[ipv4.Addr]uint32)
	// BGPAway says, once, that bgpd does not answer; first of all where it was never there.
	BGPAway(err error)
}

// Config is what an Asker needs.
type Config struct {
	// Socket is the path of bgpd's vty socket.
	Socket  string
	Log     *zap.Logger
	Handler Handler
	// Dial opens a conversation; nil means frrvty.Dial.
	Dial func(ctx context.Context, socket string) (Conn, error)
}

// Asker asks bgpd from a goroutine of its own, at most 100 questions a second, in turn
// for whoever asks. Nobody waits for it.
type Asker struct {
	cfg Config
	questions

	// The rest belongs to Run.
	conn      Conn
	here      bool // bgpd answered last
	told      bool // BGPAway or BGPNeighbors was called
	wasHere   bool
	settled   time.Time
	neighbors time.Time // asked for
}

// New returns an Asker that does nothing before Run.
func New(cfg Config) *Asker {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Dial == nil {
		cfg.Dial = func(ctx context.Context, socket string) (Conn, error) { return frrvty.Dial(ctx, socket) }
	}
	a := &Asker{cfg: cfg}
	a.questions.init()
	return a
}

// Run asks until ctx ends, then returns nil. It is called once.
func (a *Asker) Run(ctx context.Context) error {
	defer a.hangUp()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		pause, err := a.step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wake := a.wake
		if err != nil {
			a.away(err)
			pause = retryPeriod
		}
		if pause <= questionGap || err != nil {
			wake = nil // no question is so urgent
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-timer.C:
		}
	}
}

// step asks one question, if one is due, and returns when to come again.
func (a *Asker) step(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	now := time.Now()
	if !a.here || now.Sub(a.neighbors) >= neighborsPeriod {
		return questionGap, a.askNeighbors(ctx, now)
	}
	q, pause := a.next(now)
	if q == nil {
		return min(pause, a.neighbors.Add(neighborsPeriod).Sub(now)), nil
	}
	return questionGap, a.askPath(ctx, q)
}

// askNeighbors is the first question of a conversation, too.
func (a *Asker) askNeighbors(ctx context.Context, now time.Time) error {
	if a.conn == nil {
		conn, err := a.cfg.Dial(ctx, a.cfg.Socket)
		if err != nil {
			return err
		}
		a.conn = conn
	}
	text, err := a.ask(ctx, "show bgp neighbors json")
	if err != nil {
		return err
	}
	as, err := parseNeighbors(text)
	if err != nil {
		return err
	}
	a.neighbors = now
	if !a.here {
		a.cfg.Log.Info("bgpd answers", zap.String("socket", a.cfg.Socket))
		if a.wasHere {
			a.settled = now.Add(settlePeriod)
		}
		a.here, a.wasHere, a.told = true, true, true
		a.tellAgain()
	}
	a.cfg.Handler.BGPNeighbors(as)
	return nil
}

func (a *Asker) askPath(ctx context.Context, q *question) error {
	text, err := a.ask(ctx, "show bgp ipv4 unicast "+q.addr.String()+" json")
	if err != nil {
		a.failed(q)
		return err
	}
	path, err := parsePath(text)
	if err != nil {
		a.failed(q)
		return err
	}
	now := time.Now()
	if tell := a.answered(q, now, path, now.Before(a.settled)); tell {
		a.cfg.Handler.BGPPath(q.addr, path)
	}
	return nil
}

// ask returns what a line printed. A bgpd without a BGP process warns and has no routes.
func (a *Asker) ask(ctx context.Context, line string) (string, error) {
	text, _, err := a.conn.Ask(ctx, line)
	if e := (*frrvty.StatusError)(nil); errors.As(err, &e) && e.Status == frrvty.Warning {
		return "{}", nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "", fmt.Errorf("no answer within %v", answerLimit)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// away ends the conversation and says so once.
func (a *Asker) away(err error) {
	a.hangUp()
	if a.here {
		a.cfg.Log.Warn("bgpd does not answer; what it said last stays in force for a while", zap.Error(err))
	}
	if a.here || !a.told {
		a.here, a.told = false, true
		a.cfg.Handler.BGPAway(err)
	}
}

func (a *Asker) hangUp() {
	if a.conn != nil {
		_ = a.conn.Close()
		a.conn = nil
	}
}
