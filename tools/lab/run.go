package lab

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// ForTest makes a network that is closed when the test ends. A failed test shows the end of every daemon's log.
func ForTest(t testing.TB) *Network {
	t.Helper()
	n, err := New(t, Options{})
	if err != nil {
		t.Fatalf("making a network: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			n.dumpLogs()
		}
		if err := n.Close(); err != nil {
			t.Errorf("closing the network: %v", err)
		}
	})
	return n
}

// ErrInterrupted is Run's answer to SIGINT and SIGTERM.
var ErrInterrupted = errors.New("interrupted")

// Run makes a network for a program that is no test, has body use it, and closes it: when body
// returns, when it fails, and at once on SIGINT or SIGTERM. It returns when nothing is left. The T given to
// body ends it by Fatalf; Logf goes to standard error. With keep, a network whose body succeeded is left.
func Run(o Options, keep bool, body func(t T, n *Network) error) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	t := &program{failed: make(chan error, 1)}
	n, err := New(t, o)
	if err != nil {
		return err
	}
	go func() {
		// Fatalf has sent its error already when it ends this goroutine.
		t.fail(body(t, n))
	}()
	select {
	case err = <-t.failed:
	case <-signals:
		err = ErrInterrupted
	}
	switch {
	case err == nil && keep:
		return n.Leave()
	case err != nil && !errors.Is(err, ErrInterrupted):
		n.dumpLogs()
	}
	return errors.Join(err, n.Close())
}

// program is the T of Run.
type program struct{ failed chan error }

// fail hands over the result; only the first one counts.
func (p *program) fail(err error) {
	select {
	case p.failed <- err:
	default:
	}
}

func (p *program) Helper() {}

func (p *program) Logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (p *program) Fatalf(format string, args ...any) {
	p.fail(fmt.Errorf(format, args...))
	runtime.Goexit()
}

// Eventually calls a function again and again until it returns nil. If it does not within the time
// given, its last error fails the test.
func Eventually(t T, within, every time.Duration, f func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %v", within, err)
		}
		time.Sleep(every)
	}
}
