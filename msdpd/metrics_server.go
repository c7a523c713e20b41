package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

const (
	// latencyPeriod is how often the time is taken that an event waits for its turn.
	latencyPeriod = time.Second
	// scrapeLimit bounds a scrape, and scrapes how many run at once.
	scrapeLimit = 10 * time.Second
	scrapes     = 2
)

// metricsServer answers Prometheus. nil answers nobody.
type metricsServer struct {
	listener net.Listener
	http     http.Server
	latency  prometheus.Histogram
}

// listenForMetrics opens the address that --metrics gives; for "" there is no server.
func listenForMetrics(addr string) (*metricsServer, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--metrics %s: %w", addr, err)
	}
	return &metricsServer{listener: l, latency: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "msdpd_event_latency_seconds", Help: "How long an event waits for its turn, taken once a second.",
		Buckets: []float64{.0001, .001, .005, .01, .02, .05, .1, .2, .5, 1, 5},
	})}, nil
}

// registry has what msdpd measures, and the process.
func (s *metricsServer) registry(measure func() (measurement, error)) (*prometheus.Registry, error) {
	r := prometheus.NewRegistry()
	err := errors.Join(
		r.Register(collector{measure}), r.Register(s.latency),
		r.Register(collectors.NewGoCollector()), r.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
	return r, err
}

func (s *metricsServer) close() {
	if s != nil {
		s.listener.Close() // run may have done it
	}
}

// run answers until ctx ends. That nobody can be answered any more is no reason to end sessions.
func (s *metricsServer) run(ctx context.Context, d *daemon) {
	if s == nil {
		return
	}
	if err := s.answer(ctx, d); err != nil {
		d.log.Error("Prometheus is not answered any more", zap.Error(err))
	}
}

func (s *metricsServer) answer(ctx context.Context, d *daemon) error {
	registry, err := s.registry(d.measure)
	if err != nil {
		return err
	}
	d.log.Info("Prometheus is answered", zap.Stringer("address", s.listener.Addr()))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: scrapes, Timeout: scrapeLimit, ErrorLog: zap.NewStdLog(d.log.Named("metrics")),
	}))
	s.http = http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 2 * scrapeLimit, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 14, ErrorLog: zap.NewStdLog(d.log.Named("metrics"))}
	go s.takeLatency(ctx, d.instance)
	stop := context.AfterFunc(ctx, func() { s.http.Close() })
	defer stop()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// takeLatency has an event that does nothing wait in the owner's queue, again and again.
func (s *metricsServer) takeLatency(ctx context.Context, in *instance) {
	ticker := time.NewTicker(latencyPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case posted := <-ticker.C:
			if in.do(func() {}) != nil {
				return
			}
			s.latency.Observe(time.Since(posted).Seconds())
		}
	}
}
