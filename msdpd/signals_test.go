package main

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestEndIsHeardBehindManyReloads: a script that sends SIGHUP again and again takes no room
// from the SIGTERM behind it.
func TestEndIsHeardBehindManyReloads(t *testing.T) {
	// This one is never stopped: a signal still on its way when the test is over must not
	// end the whole process.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGTERM)
	s := listenForSignals()
	defer s.stop()
	kill := func(sig syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		kill(syscall.SIGHUP)
	}
	kill(syscall.SIGTERM)
	if got := <-s.end; got != syscall.SIGTERM {
		t.Errorf("%v ends", got)
	}
	if got := <-s.reload; got != syscall.SIGHUP {
		t.Errorf("%v reloads", got)
	}
}
