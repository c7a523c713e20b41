package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// usage is what a process has used of the machine.
type usage struct {
	cpu       time.Duration // of all its threads, to the nanosecond
	rss, peak int           // octets: VmRSS, VmHWM
}

// usageOf reads the usage of a process: its threads' schedstat, as /proc/PID/stat counts in 10 ms,
// and /proc/PID/schedstat is the first thread's. Threads that ended are not in it; Go's stay.
func usageOf(pid int) (usage, error) {
	var u usage
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		return u, fmt.Errorf("process %d is not there: %v", pid, err)
	}
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err != nil {
			continue // it ended
		}
		var ns int64
		if _, err := fmt.Sscan(string(b), &ns); err != nil {
			return u, fmt.Errorf("%s: %w", task, err)
		}
		u.cpu += time.Duration(ns)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			u.rss = kib << 10
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			u.peak = kib << 10
		}
	}
	return u, nil
}
