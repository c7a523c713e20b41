package lab

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"msdpd/tools/lab/releases"
)

// NeedFRR returns a release by its version ("10.7.1"), for a node's FRR: the machine's own if it is that, or what
// tools/lab/fetch has fetched; that suite of Debian may have a later one by now. The test is skipped, and says by what name, if
// it is not there.
func NeedFRR(t testing.TB, version string) FRR {
	t.Helper()
	if own, err := (FRR{}).Version(); err == nil && own == version {
		return FRR{}
	}
	suites, err := releases.Find(version)
	if err != nil || len(suites) != 1 {
		t.Fatalf("FRR %s: %v", version, err)
	}
	tree, err := releases.Open(suites[0])
	if err != nil {
		t.Skipf("skipped without %v", err)
	}
	t.Logf("with FRR %s, Debian %s's %s", tree.Version(), tree.Suite.Name, tree.Package)
	return FRR{Root: tree.Root}
}

// Version is what the release's pimd says of itself: "8.4.4".
func (f FRR) Version() (string, error) {
	out, err := f.command("", filepath.Join(daemonDir, "pimd"), "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("asking pimd for its version: %w: %s", err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	version, ok := strings.CutPrefix(line, "pimd version ")
	if !ok {
		return "", fmt.Errorf("pimd says of its version: %q", line)
	}
	return strings.TrimSpace(version), nil
}

// AtLeast reports whether the node's FRR is of a version or later; versions are like "9.1".
func (nd *Node) AtLeast(version string) bool {
	nd.net.t.Helper()
	has, err := nd.FRR.Version()
	if err != nil {
		nd.net.t.Fatalf("%s: %v", nd.name, err)
	}
	return compareVersions(has, version) >= 0
}

// compareVersions compares numbers between dots; what is no number ends the comparison.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y int
		fmt.Sscanf(a, "%d", &x)
		fmt.Sscanf(b, "%d", &y)
		if x != y {
			return x - y
		}
		_, a, _ = strings.Cut(a, ".")
		_, b, _ = strings.Cut(b, ".")
	}
	return 0
}
