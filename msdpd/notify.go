package main

import (
	"context"
	"fmt"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// notify tells systemd of a change of state, see sd_notify(3). Where nobody asked for that, it does nothing.
func notify(log *zap.Logger, state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		log.Warn("systemd cannot be told", zap.String("state", state), zap.Error(err))
	}
}

// reloading is what systemd is told before the configuration is read again. Type=notify-reload wants the time, too.
func reloading() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return systemd.SdNotifyReloading
	}
	return fmt.Sprintf("%s\nMONOTONIC_USEC=%d", systemd.SdNotifyReloading, now.Nano()/int64(time.Microsecond))
}

// reloaded is what systemd is told when that is over, and `systemctl status` shows.
func reloaded(err error) string {
	if err != nil {
		return systemd.SdNotifyReady + "\nSTATUS=The configuration stays as it was, the file was refused: see the log"
	}
	return systemd.SdNotifyReady + "\nSTATUS="
}

// watchdog takes signs of life from the owner's goroutine to systemd, which restarts a process that gives none. The
// owner hands them over without ever waiting for systemd; no other goroutine gives any.
type watchdog struct {
	period time.Duration // between two signs; 0: nobody watches
	next   time.Time     // the owner's
	signs  chan struct{}
}

// newWatchdog asks the environment whether systemd watches this process. It is told twice as often as it wants.
func newWatchdog(log *zap.Logger) *watchdog {
	interval, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not served", zap.Error(err))
		interval = 0
	}
	return &watchdog{period: interval / 2, signs: make(chan struct{}, 1)}
}

// alive is the owner's sign of life; calls within a period count as one.
func (w *watchdog) alive(now time.Time) {
	if w.period == 0 || now.Before(w.next) {
		return
	}
	w.next = now.Add(w.period)
	select {
	case w.signs <- struct{}{}:
	default: // the one before is not told yet
	}
}

// run tells systemd until ctx ends.
func (w *watchdog) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.signs:
		}
		if _, err := systemd.SdNotify(false, systemd.SdNotifyWatchdog); err != nil {
			return fmt.Errorf("telling systemd's watchdog: %w", err)
		}
	}
}
