package main

import (
	"fmt"
	"time"
)

// uptime formats a duration as FRR does: 00:00:20, 3d04h12m, 02w3d04h.
func uptime(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	switch {
	case d < day:
		return clock(d)
	case d < week:
		return fmt.Sprintf("%dd%02dh%02dm", d/day, d%day/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%02dw%dd%02dh", d/week, d%week/day, d%day/time.Hour)
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d:%02d", d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second)
}

func sinceOrDash(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return uptime(now.Sub(t))
}

// timer formats what is left of a timer; negative: it does not run.
func timer(d time.Duration) string {
	if d < 0 {
		return "--:--:--"
	}
	return clock(d)
}
