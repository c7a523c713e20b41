package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/ipv4"
)

// TestFilterWithoutAList: IOS lets nothing cross then.
func TestFilterWithoutAList(t *testing.T) {
	s, err := read(t, "ip msdp peer 10.0.0.2 source 10.0.0.1\nip msdp sa-filter in 10.0.0.2\nip msdp sa-filter out 10.0.0.2 rp-list 7\n")
	if err != nil {
		t.Fatal(err)
	}
	text := written(s)
	for _, want := range []string{"ip msdp peer 10.0.0.2 sa-filter msdp-nothing in\n", "ip msdp peer 10.0.0.2 sa-filter rp-list 7 out\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	list := s.msdp.Lists.Access("msdp-nothing")
	if permit, _ := list.Permits(ipv4.SG{Source: ipv4.MustParse("10.1.1.1"), Group: ipv4.MustParse("233.1.1.1")}); permit {
		t.Error("it permits something")
	}
}

// A list that does not exist is told of once, when it is named, and once more when it is there or
// no longer named; a command about something else says nothing of it.
func TestMissingListIsToldOnce(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	in := &instance{log: zap.New(core)}
	before := newSettings()
	for _, step := range []struct {
		text string
		want []string
	}{
		{"ip msdp peer 10.0.0.1 sa-filter one in\nip msdp peer 10.0.0.1 sa-filter two out\n",
			[]string{"warn one peer 10.0.0.1 sa-filter in", "warn two peer 10.0.0.1 sa-filter out"}},
		{"ip msdp peer 10.0.0.1 sa-filter one in\nip msdp peer 10.0.0.1 sa-filter two out\nhostname x\n", nil},
		{"ip msdp peer 10.0.0.1 sa-filter one in\nip msdp peer 10.0.0.1 sa-filter two out\naccess-list two permit any\n",
			[]string{"info two peer 10.0.0.1 sa-filter out"}},
		{"", []string{"info one peer 10.0.0.1 sa-filter in"}},
	} {
		now, err := read(t, step.text)
		if err != nil {
			t.Fatal(err)
		}
		in.warnOfMissingLists(before, now)
		before = now
		var got []string
		for _, e := range logged.TakeAll() {
			got = append(got, fmt.Sprintf("%s %s %s", e.Level, e.ContextMap()["list"], e.ContextMap()["by"]))
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%q: told %q, want %q", step.text, got, step.want)
		}
	}
}

// TestWrongNameTakesNothingAway: `no` with another list's name than the configured one.
func TestWrongNameTakesNothingAway(t *testing.T) {
	r := newShellRig(t)
	in, rps, scope := "ip msdp peer 10.0.0.2 sa-filter A in", "ip msdp peer 10.0.0.2 sa-filter rp-list B in", "ip msdp peer 10.0.0.2 scope-boundary C"
	r.run("configure terminal", peerX, in, rps, scope)
	for line, complaint := range map[string]string{
		"no ip msdp peer 10.0.0.2 sa-filter X in":         "sa-filter of peer 10.0.0.2 is not X",
		"no ip msdp peer 10.0.0.2 sa-filter rp-list X in": "sa-filter rp-list of peer 10.0.0.2 is not X",
		"no ip msdp peer 10.0.0.2 scope-boundary X":       "scope-boundary of peer 10.0.0.2 is not X",
	} {
		r.refused(line, complaint)
	}
	r.wantRunning(peerX, in, rps, scope)
	r.run("no "+in, "no "+rps, "no "+scope)
	r.wantRunning(peerX)
}

// TestMeshMemberStaysAPeer: who takes away what is configured of a member is told that it stays one.
func TestMeshMemberStaysAPeer(t *testing.T) {
	r := newShellRig(t)
	mesh := []string{"ip msdp mesh-group any source 10.0.0.1", "ip msdp mesh-group any member 10.0.0.2"}
	r.run("configure terminal", mesh[0], mesh[1], "ip msdp peer 10.0.0.2 password k")
	if out := r.run("no ip msdp peer 10.0.0.2"); !strings.Contains(out, "stays a peer, as a member of mesh-group any") {
		t.Errorf("it says %q", out)
	}
	r.wantRunning(mesh...)
}
