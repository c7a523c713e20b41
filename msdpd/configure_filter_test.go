package main

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

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
