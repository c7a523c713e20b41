package main

import (
	"testing"
	"time"
)

func TestUptime(t *testing.T) {
	const day = 24 * time.Hour
	for _, tc := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Second, "00:00:00"},
		{20 * time.Second, "00:00:20"},
		{day - time.Second, "23:59:59"},
		{day + 2*time.Hour + 3*time.Minute, "1d02h03m"},
		{7*day - time.Minute, "6d23h59m"},
		{15*day + 4*time.Hour, "02w1d04h"},
	} {
		if got := uptime(tc.d); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.d, got, tc.want)
		}
	}
}

func TestTimerThatDoesNotRun(t *testing.T) {
	if got := timer(-1); got != "--:--:--" {
		t.Error(got)
	}
	if got := timer(74500 * time.Millisecond); got != "00:01:14" {
		t.Error(got)
	}
}

func TestFRRRelease(t *testing.T) {
	for text, want := range map[string]string{
		"FRRouting 8.4.4 (rp1) on Linux(6.1).\nCopyright": "8.4.4",
		"FRRouting 10.7.1 (x) on Linux":                   "10.7.1",
		"Quagga 1.2":                                      "",
		"":                                                "",
	} {
		got, err := frrRelease(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
