package msdp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/debug"
	"msdpd/lib/ipv4"
)

// debugRig is a rig of which all that set names is watched.
func debugRig(t *testing.T, c Config, items ...debug.Item) (*rig, *observer.ObservedLogs) {
	r := newRig(t, c)
	core, logged := observer.New(zap.DebugLevel)
	l := debug.New(zap.New(core))
	var s debug.Set
	for _, i := range items {
		s = s.With(i)
	}
	l.Watch(s)
	r.s.Debug(l)
	return r, logged
}

// wantLine wants a line of that kind whose text and fields, written out, hold all of parts.
func wantLine(t *testing.T, logged *observer.ObservedLogs, k debug.Kind, parts ...string) {
	t.Helper()
	var lines []string
	for _, e := range logged.All() {
		if e.LoggerName != k.String() {
			continue
		}
		line := e.Message
		for key, v := range e.ContextMap() {
			line += " " + key + "=" + toText(v)
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		found := 0
		for _, p := range parts {
			if strings.Contains(line, p) {
				found++
			}
		}
		if found == len(parts) {
			return
		}
	}
	t.Errorf("%v: no line has all of %q:\n%s", k, parts, strings.Join(lines, "\n"))
}

func TestDebugTellsEachKind(t *testing.T) {
	var all []debug.Item
	for _, k := range debug.Kinds() {
		all = append(all, debug.Item{Kind: k})
	}
	c := peersConfig(below1, above1)
	r, logged := debugRig(t, c, all...)
	r.up(below1, above1)
	wantLine(t, logged, debug.Events, "peer state", "peer="+below1.String(), "to=established")
	wantLine(t, logged, debug.Packets, "sent", "peer="+below1.String(), "type=KeepAlive", "length=3")
	a := sg("10.7.0.1", "239.1.1.1")
	r.s.KernelEntry(r.now, sg("0.0.0.0", "239.1.1.1"), 1, 0)
	r.sa(below1, below1.String(), a)
	wantLine(t, logged, debug.Packets, "received", "type=Source-Active", "entries=1", "rp="+below1.String())
	wantLine(t, logged, debug.SAs, "SA received", "peer="+below1.String(), "sg="+a.String(), "result=new, flooded")
	wantLine(t, logged, debug.Packets, "sent", "peer="+above1.String(), "type=Source-Active")
	wantLine(t, logged, debug.SAs, "to be joined", "sg="+a.String())
	r.sa(below1, below1.String(), a)
	wantLine(t, logged, debug.SAs, "SA received", "result=refreshed")
	r.sa(below1, below1.String(), sg("10.7.0.1", "232.1.1.1"))
	wantLine(t, logged, debug.SAs, "SA received", "result=refused: "+ReasonGroup.Text())
	r.sa(below1, "10.6.6.6", sg("10.7.0.9", "239.1.1.1"))
	wantLine(t, logged, debug.SAs, "SA received", "rp=10.6.6.6", "result=waits for the route to its RP")
	r.route("10.6.6.6", 10, above1)
	wantLine(t, logged, debug.RPF, "RPF peer", "rp=10.6.6.6", "peer="+above1.String(), "rule=iii")
	wantLine(t, logged, debug.SAs, "SA received", "rp=10.6.6.6", "refused")
	r.advance(DefaultKeepAlive)
	wantLine(t, logged, debug.Timers, "KeepAlive timer expired", "peer="+below1.String())
	r.advance(DefaultHold)
	wantLine(t, logged, debug.Timers, "hold timer expired", "peer="+below1.String())
	r.advance(2 * time.Second)
	wantLine(t, logged, debug.Timers, "ConnectRetry timer expired", "peer="+above1.String())
	r.advance(SGStatePeriod + 20*time.Second)
	wantLine(t, logged, debug.SAs, "SA gone", "sg="+a.String(), "reason=no SA came any more")
}

// A peer that was not asked for, and a kind, are not told of.
func TestDebugOfOnePeer(t *testing.T) {
	r, logged := debugRig(t, peersConfig(below1, below2), debug.Item{Kind: debug.SAs, Peer: below1}, debug.Item{Kind: debug.Events, Peer: below2})
	r.up(below1, below2)
	r.sa(below1, below1.String(), sg("10.7.0.1", "239.1.1.1"))
	r.sa(below2, below2.String(), sg("10.7.0.2", "239.1.1.1"))
	wantLine(t, logged, debug.SAs, "SA received", "sg="+sg("10.7.0.1", "239.1.1.1").String())
	wantLine(t, logged, debug.Events, "peer state", "peer="+below2.String())
	for _, e := range logged.All() {
		want := map[string]ipv4.Addr{"sa": below1, "events": below2}[e.LoggerName]
		if got := toText(e.ContextMap()["peer"]); want == 0 || got != want.String() {
			t.Errorf("%s: %s of peer %s", e.LoggerName, e.Message, got)
		}
	}
}

func toText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}
