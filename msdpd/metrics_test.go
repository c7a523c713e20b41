package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

func measured() (measurement, error) {
	up := msdp.PeerStatus{PeerConfig: msdp.PeerConfig{Addr: ipv4.MustParse("10.0.0.2")}, MeshGroup: "any", State: msdp.StateEstablished,
		Since: time.Unix(1700000000, 0), SACount: 7, AS: 65002, Sessions: 3}
	up.Counters.Refused[msdp.ReasonRPF] = 5
	up.Counters.SAsReceived = 11
	down := msdp.PeerStatus{PeerConfig: msdp.PeerConfig{Addr: ipv4.MustParse("10.0.0.3")}, State: msdp.StateListen}
	m := measurement{peers: []msdp.PeerStatus{up, down}, limits: []msdp.LimitStatus{
		{Kind: msdp.LimitPeer, Peer: up.Addr, Max: 1000, Count: 7, Refused: 2},
		{Kind: msdp.LimitPeer, Peer: down.Addr, Max: msdp.Unlimited},
		{Kind: msdp.LimitPeerRate, Peer: up.Addr, Refused: 1},
	}}
	m.Locals, m.Remotes = 2, 7
	m.zebra.Connected = true
	return m, nil
}

func TestMetrics(t *testing.T) {
	s, err := listenForMetrics("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	r, err := s.registry(measured)
	if err != nil {
		t.Fatal(err)
	}
	s.latency.Observe(0.001)
	// What `promtool check metrics` would complain of.
	problems, err := testutil.GatherAndLint(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	want := `
# HELP msdpd_peers Configured peers by state of the session.
# TYPE msdpd_peers gauge
msdpd_peers{state="connecting"} 0
msdpd_peers{state="disabled"} 0
msdpd_peers{state="established"} 1
msdpd_peers{state="inactive"} 0
msdpd_peers{state="listen"} 1
# HELP msdpd_peer_established Whether the session with a peer is established.
# TYPE msdpd_peer_established gauge
msdpd_peer_established{as="65002",mesh_group="any",peer="10.0.0.2"} 1
msdpd_peer_established{as="",mesh_group="",peer="10.0.0.3"} 0
# HELP msdpd_peer_established_timestamp_seconds When the session with a peer came up, in Unix time; absent while there is none.
# TYPE msdpd_peer_established_timestamp_seconds gauge
msdpd_peer_established_timestamp_seconds{peer="10.0.0.2"} 1.7e+09
# HELP msdpd_sa_entries Entries of the SA cache.
# TYPE msdpd_sa_entries gauge
msdpd_sa_entries{kind="local"} 2
msdpd_sa_entries{kind="remote"} 7
# HELP msdpd_limit_entries Configured or default limit on entries; absent where there is none.
# TYPE msdpd_limit_entries gauge
msdpd_limit_entries{limit="peer",subject="10.0.0.2"} 1000
# HELP msdpd_limit_refused_entries_total Entries that a limit refused.
# TYPE msdpd_limit_refused_entries_total counter
msdpd_limit_refused_entries_total{limit="peer",subject="10.0.0.2"} 2
msdpd_limit_refused_entries_total{limit="peer",subject="10.0.0.3"} 0
msdpd_limit_refused_entries_total{limit="peer-rate",subject="10.0.0.2"} 1
# HELP msdpd_frr_daemon_connected Whether an FRR daemon answers.
# TYPE msdpd_frr_daemon_connected gauge
msdpd_frr_daemon_connected{daemon="bgpd"} 0
msdpd_frr_daemon_connected{daemon="pimd"} 0
msdpd_frr_daemon_connected{daemon="zebra"} 1
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), "msdpd_peers", "msdpd_peer_established", "msdpd_peer_established_timestamp_seconds",
		"msdpd_sa_entries", "msdpd_limit_entries", "msdpd_limit_refused_entries_total", "msdpd_frr_daemon_connected"); err != nil {
		t.Error(err)
	}
}

// TestMetricsOfADaemonThatEnds: a scrape fails, and says why.
func TestMetricsOfADaemonThatEnds(t *testing.T) {
	s, err := listenForMetrics("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	r, err := s.registry(func() (measurement, error) { return measurement{}, errStopping })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Gather(); err == nil || !strings.Contains(err.Error(), errStopping.Error()) {
		t.Errorf("error %v, want %v", err, errStopping)
	}
}

// TestMetricsAddress: one that cannot be had is told by its option.
func TestMetricsAddress(t *testing.T) {
	s, err := listenForMetrics("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	if _, err := listenForMetrics(s.listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "--metrics 127.0.0.1:") {
		t.Errorf("error %v", err)
	}
}

// TestGrafanaBoard: the board in packaging asks for metrics and labels that there are.
func TestGrafanaBoard(t *testing.T) {
	text, err := os.ReadFile("../packaging/grafana/msdpd.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	s, err := listenForMetrics("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	r, err := s.registry(measured)
	if err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]bool{"instance": true, "le": true}
	metrics := make(map[string]bool)
	for _, f := range families {
		metrics[f.GetName()] = true
		metrics[f.GetName()+"_bucket"] = true
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = true
			}
		}
	}
	metric, label := regexp.MustCompile(`msdpd_[a-z_]+`), regexp.MustCompile(`by \(([a-z_]+)\)|\{\{([a-z_]+)\}\}`)
	targets := 0
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			targets++
			for _, name := range metric.FindAllString(target.Expr, -1) {
				if !metrics[name] {
					t.Errorf("%s: there is no metric %s", p.Title, name)
				}
			}
			for _, m := range label.FindAllStringSubmatch(target.Expr+target.LegendFormat, -1) {
				if name := m[1] + m[2]; !labels[name] {
					t.Errorf("%s: there is no label %s", p.Title, name)
				}
			}
		}
	}
	if targets < 10 {
		t.Errorf("%d targets", targets)
	}
}
