package main

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
	"msdpd/vty"
)

// terminals serve the shell over telnet, as the settings in force have it, and see to the log.
type terminals struct {
	shell    *vty.Shell
	options  options
	log      *zap.Logger
	targets  *logTargets
	settings atomic.Pointer[settings]
	changed  chan struct{} // holds one when the settings are new
}

func newTerminals(shell *vty.Shell, o options, log *zap.Logger, targets *logTargets) *terminals {
	return &terminals{shell: shell, options: o, log: log, targets: targets, changed: make(chan struct{}, 1)}
}

// apply puts settings into force; it does not wait. They are not changed afterwards.
func (t *terminals) apply(s *settings) {
	t.settings.Store(s)
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// retryListen is how often an address that is not free is tried again.
const retryListen = 5 * time.Second

// run listens while the settings say so, until ctx ends.
func (t *terminals) run(ctx context.Context) {
	stop := func() {}
	defer func() { stop() }()
	var have, said string
	ended := make(chan error, 1)
	ticker := time.NewTicker(retryListen)
	defer ticker.Stop()
	var logs logSettings
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-ended:
			t.log.Error("telnet ended, it is started again", zap.Error(err))
			have = ""
			stop()
			stop = func() {}
			continue // with the next tick
		case <-t.changed:
		case <-ticker.C:
		}
		s := t.settings.Load()
		if s == nil {
			continue
		}
		if s.log != logs {
			logs = s.log
			if err := t.targets.apply(logs); err != nil {
				t.log.Error("part of the log is missing", zap.Error(err))
			}
		}
		addr, why := s.telnetAddr(t.options)
		if addr == have {
			if why != "" && why != said {
				t.log.Warn("no telnet", zap.String("address", t.options.vtyAddr), zap.String("because", why))
			}
			said = why
			continue
		}
		stop()
		stop, have = func() {}, ""
		if addr == "" {
			continue
		}
		l, err := net.Listen(family(t.options.vtyAddr), addr)
		if err != nil {
			if err.Error() != said {
				said = err.Error()
				t.log.Error("no telnet", zap.Error(err))
			}
			continue
		}
		have, said = addr, ""
		stop = t.serve(ctx, l, ended)
	}
}

// serve serves a listener; the result ends it and waits for that.
func (t *terminals) serve(ctx context.Context, l net.Listener, ended chan<- error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := t.shell.ServeTelnet(ctx, l, vty.TelnetConfig{Settings: t.telnet}); err != nil {
			ended <- err
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// telnet is what holds for a session now.
func (t *terminals) telnet() vty.TelnetSettings {
	s := t.settings.Load()
	return vty.TelnetSettings{
		Password: s.vty.password, Enable: s.vty.enable, Advanced: s.vty.advanced,
		Banner: s.vty.banner.text(), Timeout: s.vty.timeout, Lines: s.vty.lines,
		Permit: func(from netip.Addr) bool { return s.mayConnect(t.options, from) },
	}
}

// classPermits asks the access class.
func (s *settings) classPermits(from netip.Addr) bool {
	a, ok := ipv4.FromNetip(from)
	if !ok {
		return false
	}
	permit, _ := s.msdp.Lists.Access(s.vty.class).PermitsAddr(a)
	return permit
}

// family is what to listen with: by itself 0.0.0.0 would be all addresses of IPv6, too.
func family(addr string) string {
	if ip, err := netip.ParseAddr(addr); err == nil && ip.Is4() {
		return "tcp4"
	}
	return "tcp"
}

func netJoin(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
