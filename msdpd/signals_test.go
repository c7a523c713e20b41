package main

import (
	"os"
	"syscall"
	"testing"
)

// TestEndIsHeardBehindManyReloads: a script that sends SIGHUP again and again takes no room
// from the SIGTERM behind it.
func TestEndIsHeardBehindManyReloads(t *testing.T) {
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
