package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/vty"
)

// serve runs until a signal ends it.
func (d *daemon) serve(s *settings) error {
	base, destination, err := openLog(d.options)
	if err != nil {
		return err
	}
	defer destination.Close()
	kind, _, _ := strings.Cut(d.options.log, ":")
	targets := newLogTargets(d.logDir, base, kind, d.monitor, d.recent)
	log := zap.New(targetsCore{logTargets: targets})
	d.log = log
	d.shell.LogTo(log.Named("vty"))
	useProcessors()
	signals := listenForSignals()
	defer signals.stop()

	removePidFile, err := writePidFile(d.options.pidFile)
	if err != nil {
		return err
	}
	defer removePidFile()
	if err := os.MkdirAll(d.options.vtyDir, 0o755); err != nil {
		return fmt.Errorf("making the directory of the sockets: %w", err)
	}
	listener, err := vty.ListenUnix(d.options.vtySocket(), "frr", "frrvty")
	if err != nil {
		return err
	}
	defer listener.Close()
	metrics, err := listenForMetrics(d.options.metrics)
	if err != nil {
		return err
	}
	defer metrics.close()
	watched := debug.New(zap.New(debugCore{targets}).Named("debug"))
	if d.instance, err = newInstance(log, watched, d.options, s); err != nil {
		return err
	}

	telnet := newTerminals(d.shell, d.options, log.Named("vty"), targets)
	telnet.apply(s)
	d.instance.applied = telnet.apply

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	d.instance.begin()
	ended := make(chan struct{})
	go func() { d.instance.run(ctx); close(ended) }()
	served := make(chan error, 1)
	go func() { served <- d.shell.Serve(ctx, listener) }()
	go telnet.run(ctx)
	go metrics.run(ctx, d)
	log.Info("msdpd is ready", zap.String("version", version()), zap.String("configuration", d.options.configFile))
	d.instance.transport.Opened(ctx)
	err = ready()
	if err == nil {
		notify(log, systemd.SdNotifyReady)
		err = d.obey(signals, destination, targets, served)
	}
	stop()
	<-ended
	return err
}
