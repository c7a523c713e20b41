package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"msdpd/lib/msdp"
)

// measurement is what one scrape tells.
type measurement struct {
	overview
	peers  []msdp.PeerStatus
	limits []msdp.LimitStatus
}

func (d *daemon) measure() (measurement, error) {
	o, err := d.overview()
	if err != nil {
		return measurement{}, err
	}
	m := measurement{overview: o}
	_, err = d.ask(func(now time.Time) {
		m.peers = d.instance.speaker.Peers(now)
		m.limits = d.instance.speaker.Limits()
	})
	return m, err
}

// collector turns measurements into Prometheus' metrics.
type collector struct {
	measure func() (measurement, error)
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("msdpd_"+name, help, labels, nil)
}

var (
	descBuild = desc("build_info", "Version of msdpd; always 1.", "version")

	descPeers        = desc("peers", "Configured peers by state of the session.", "state")
	descPeerUp       = desc("peer_established", "Whether the session with a peer is established.", "peer", "mesh_group", "as")
	descPeerSince    = desc("peer_established_timestamp_seconds", "When the session with a peer came up, in Unix time; absent while there is none.", "peer")
	descPeerSessions = desc("peer_sessions_total", "Sessions with a peer that came up.", "peer")
	descPeerAttempts = desc("peer_connection_attempts_total", "Attempts to connect to a peer.", "peer")
	descPeerEntries  = desc("peer_sa_entries", "Entries of the SA cache that a peer announced.", "peer")
	descPeerPending  = desc("peer_sa_pending_entries", "Entries from a peer that wait for a route to their RP.", "peer")
	descPeerSAs      = desc("peer_sa_messages_total", "Source-Active messages exchanged with a peer.", "peer", "direction")
	descPeerAlive    = desc("peer_keepalive_messages_total", "KeepAlive messages exchanged with a peer.", "peer", "direction")
	descPeerRequests = desc("peer_sa_request_messages_total", "SA-Request messages exchanged with a peer.", "peer", "direction")
	descPeerRefused  = desc("peer_sa_refused_entries_total", "Entries from a peer that were not taken, by reason.", "peer", "reason")
	descPeerFiltered = desc("peer_sa_filtered_out_entries_total", "Entries that a filter kept from a peer.", "peer")
	descPeerFormat   = desc("peer_format_errors_total", "TLV format errors of a peer, each of which reset its session.", "peer")
	descPeerUnknown  = desc("peer_unknown_tlvs_total", "TLVs of unknown types from a peer.", "peer")
	descPeerDataSent = desc("peer_data_packets_sent_total", "Packets that went to a peer in SAs.", "peer")
	descPeerData     = desc("peer_data_packets_received_total", "Packets that came from a peer in SAs, by what became of them.", "peer", "fate")
	descPeerCatchUps = desc("peer_catch_ups_total", "Times a peer was so slow that it was served from the cache.", "peer")

	descEntries  = desc("sa_entries", "Entries of the SA cache.", "kind")
	descPending  = desc("sa_pending_entries", "Entries that wait for a route to their RP.")
	descGroups   = desc("sa_groups", "Groups that remote sources send to.")
	descInterest = desc("interested_groups", "Groups that have receivers here.")
	descRPs      = desc("rps", "Originating RPs that are known.")

	descLimit        = desc("limit_entries", "Configured or default limit on entries; absent where there is none.", "limit", "subject")
	descLimitUse     = desc("limit_used_entries", "Entries that count against a limit; of limits on each group, source or RP, how many of these are at it.", "limit", "subject")
	descLimitRefused = desc("limit_refused_entries_total", "Entries that a limit refused.", "limit", "subject")

	descJoinsWanted   = desc("joins_wanted", "Remote sources to be joined, whatever their state.")
	descJoins         = desc("joins", "Remote sources to be joined, each in one state.", "state")
	descNullRegisters = desc("null_registers_total", "PIM Null-Registers sent to the RP's PIM daemon, by result.", "result")
	descRegisters     = desc("registers_total", "PIM Registers heard, by what became of them.", "result")
	descStrangers     = desc("connections_refused_total", "TCP connections of others than configured peers.")
	descDaemon        = desc("frr_daemon_connected", "Whether an FRR daemon answers.", "daemon")
)

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	m, err := c.measure()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(descBuild, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(descBuild, 1, version())
	states := make(map[msdp.State]int)
	for _, p := range m.peers {
		states[p.State]++
		collectPeer(p, gauge, counter)
	}
	for _, st := range []msdp.State{msdp.StateDisabled, msdp.StateInactive, msdp.StateListen, msdp.StateConnecting, msdp.StateEstablished} {
		gauge(descPeers, float64(states[st]), st.String())
	}
	gauge(descEntries, float64(m.Locals), "local")
	gauge(descEntries, float64(m.Remotes), "remote")
	gauge(descPending, float64(m.Pending))
	gauge(descGroups, float64(m.Groups))
	gauge(descInterest, float64(m.InterestedGroups))
	gauge(descRPs, float64(m.RPs))
	for _, l := range m.limits {
		collectLimit(l, gauge, counter)
	}
	gauge(descJoinsWanted, float64(m.joins.Wanted))
	for state, n := range map[string]int{
		"queued": m.joins.Queued, "sent": m.joins.Sent, "confirmed": m.joins.Confirmed,
		"limited": m.joins.Limited, "blocked": m.joins.Blocked, "no_rp": m.joins.NoRP,
	} {
		gauge(descJoins, float64(n), state)
	}
	counter(descNullRegisters, m.joins.Registers, "sent")
	counter(descNullRegisters, m.joins.Failed, "failed")
	counter(descRegisters, m.Registers.Own, "own")
	counter(descRegisters, m.Registers.NotRP, "not_rp")
	counter(descRegisters, m.Registers.NotTaken, "not_taken")
	counter(descRegisters, m.Registers.Limited, "limited")
	counter(descRegisters, m.registers.BadChecksum+m.registers.Malformed+m.Registers.NoGroup, "bad")
	counter(descStrangers, m.strangers)
	gauge(descDaemon, yes(m.zebra.Connected), "zebra")
	gauge(descDaemon, yes(m.pimdHere), "pimd")
	gauge(descDaemon, yes(m.bgpdHere), "bgpd")
}

func collectPeer(p msdp.PeerStatus, gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	peer, n := p.Addr.String(), p.Counters
	as := ""
	if p.AS != 0 {
		as = asnOrDash(p.AS)
	}
	gauge(descPeerUp, yes(p.State == msdp.StateEstablished), peer, p.MeshGroup, as)
	if !p.Since.IsZero() {
		gauge(descPeerSince, float64(p.Since.UnixMilli())/1000, peer)
	}
	counter(descPeerSessions, p.Sessions, peer)
	counter(descPeerAttempts, n.ConnAttempts, peer)
	gauge(descPeerEntries, float64(p.SACount), peer)
	gauge(descPeerPending, float64(p.Pending), peer)
	for _, d := range []struct {
		direction              string
		sas, alive, saRequests uint64
	}{
		{"received", n.SAsReceived, n.KeepAlivesReceived, n.RequestsReceived},
		{"sent", n.SAsSent, n.KeepAlivesSent, n.RequestsSent},
	} {
		counter(descPeerSAs, d.sas, peer, d.direction)
		counter(descPeerAlive, d.alive, peer, d.direction)
		counter(descPeerRequests, d.saRequests, peer, d.direction)
	}
	for _, r := range msdp.Reasons() {
		counter(descPeerRefused, n.Refused[r], peer, r.String())
	}
	counter(descPeerFiltered, n.FilteredOut, peer)
	counter(descPeerFormat, n.FormatErrors, peer)
	counter(descPeerUnknown, n.UnknownTLVs, peer)
	counter(descPeerCatchUps, n.CatchUps, peer)
	counter(descPeerDataSent, n.DataSent, peer)
	for _, f := range msdp.DataFates() {
		counter(descPeerData, n.Data[f], peer, f.String())
	}
}

func collectLimit(l msdp.LimitStatus, gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	subject := ""
	switch {
	case l.Peer != 0:
		subject = l.Peer.String()
	case l.Prefix.IsValid():
		subject = l.Prefix.String()
	}
	kind := l.Kind.String()
	rate := l.Kind == msdp.LimitPeerRate || l.Kind == msdp.LimitRegister
	if !rate {
		if l.Max != msdp.Unlimited {
			gauge(descLimit, float64(l.Max), kind, subject)
		}
		gauge(descLimitUse, float64(l.Count), kind, subject)
	}
	counter(descLimitRefused, l.Refused, kind, subject)
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
