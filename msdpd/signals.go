package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"
)

// signals brings the signals that a daemon acts on, which are those of FRR's. Each kind has its own channel with room
// for one: a second one says nothing new, and however many SIGHUPs come, the wish to end is heard.
type signals struct {
	reload chan os.Signal // SIGHUP
	reopen chan os.Signal // SIGUSR1: the log file was renamed
	end    chan os.Signal // SIGTERM, SIGINT
}

func listenForSignals() signals {
	s := signals{reload: make(chan os.Signal, 1), reopen: make(chan os.Signal, 1), end: make(chan os.Signal, 1)}
	signal.Notify(s.reload, syscall.SIGHUP)
	signal.Notify(s.reopen, syscall.SIGUSR1)
	signal.Notify(s.end, syscall.SIGTERM, syscall.SIGINT)
	return s
}

func (s signals) stop() {
	signal.Stop(s.reload)
	signal.Stop(s.reopen)
	signal.Stop(s.end)
}

// obey acts on signals until one ends the daemon, or the shell cannot be served any more.
func (d *daemon) obey(s signals, log logDestination, targets *logTargets, served <-chan error) error {
	for {
		select {
		case <-s.reload:
			d.reload()
		case <-s.reopen:
			if err := errors.Join(log.reopen(), targets.reopen()); err != nil {
				d.log.Error("the log stays where it is", zap.Error(err))
			}
		case sig := <-s.end:
			d.log.Info("msdpd ends", zap.Stringer("signal", sig))
			notify(d.log, systemd.SdNotifyStopping)
			return nil
		case err := <-served:
			return fmt.Errorf("serving the shell: %w", err)
		}
	}
}
