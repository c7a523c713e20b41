package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestAdapterIsStartedAgain: an adapter that fails comes back until it ends by itself, and
// each reason is told once, however often it is the same.
func TestAdapterIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logged := observer.New(zap.InfoLevel)
		in := &instance{log: zap.New(core)}
		results := []error{errors.New("no buffer"), errors.New("no buffer"), errors.New("no buffer"), errors.New("no socket"), nil}
		runs := 0
		in.keepRunning(t.Context(), "mroute", func(context.Context) error {
			runs++
			return results[runs-1]
		})
		if runs != len(results) {
			t.Errorf("run %d times, want %d", runs, len(results))
		}
		if n := logged.Len(); n != 2 {
			t.Errorf("%d lines, want one for each reason: %v", n, logged.All())
		}
	})
}

// TestAdapterEndsWithTheDaemon: one that always fails does not hold up the end.
func TestAdapterEndsWithTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		in := &instance{log: zap.NewNop()}
		runs, ended := 0, make(chan struct{})
		go func() {
			defer close(ended)
			in.keepRunning(ctx, "mroute", func(context.Context) error {
				runs++
				return errors.New("no socket")
			})
		}()
		synctest.Wait() // it has failed, and rests
		stop()
		<-ended
		if runs != 1 {
			t.Errorf("run %d times, want 1", runs)
		}
	})
}
