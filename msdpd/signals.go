package main

import (
	"os"
	"os/signal"
	"syscall"
)

// signals brings the signals that a daemon acts on. Each kind has its own channel with room
// for one: a second one says nothing new, and however many SIGHUPs come, the wish to end is heard.
type signals struct {
	reload chan os.Signal // SIGHUP
	end    chan os.Signal // SIGTERM, SIGINT
}

func listenForSignals() signals {
	s := signals{reload: make(chan os.Signal, 1), end: make(chan os.Signal, 1)}
	signal.Notify(s.reload, syscall.SIGHUP)
	signal.Notify(s.end, syscall.SIGTERM, syscall.SIGINT)
	return s
}

func (s signals) stop() {
	signal.Stop(s.reload)
	signal.Stop(s.end)
}
