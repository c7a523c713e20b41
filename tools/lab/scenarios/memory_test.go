//go:build lab

package scenarios

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"msdpd/tools/lab"
)

// rss is how much memory a process holds, in KiB.
func rss(t *testing.T, d *lab.Daemon) int { return processStatus(t, d, "VmRSS") }

// peakMemory is the most that it has ever held, in KiB.
func peakMemory(t *testing.T, d *lab.Daemon) int { return processStatus(t, d, "VmHWM") }

func processStatus(t *testing.T, d *lab.Daemon, what string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if n, _ := fmt.Sscanf(line, what+": %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatalf("no %s in %s", what, b)
	return 0
}
