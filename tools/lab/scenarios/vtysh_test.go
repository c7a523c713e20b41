//go:build lab

package scenarios

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"msdpd/tools/lab"
)

// FRR's own programs speak to the socket. Their list of daemons cannot be added to, so that they are shown it by
// the name of one they know: vtysh asks for the configuration, and frr-reload.py says what differs from a file and
// brings it about.
func TestProgramsOfFRR(t *testing.T) {
	t.Parallel()
	n := lab.ForTest(t)
	r := n.Router("r")
	r.StartMSDPD(peerLine("10.0.0.2", "10.0.0.1"))
	dir := filepath.Join(n.Dir(), "sockets")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(r.VtySocket("msdpd"), filepath.Join(dir, "pimd.vty")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, n, "vtysh.conf", "")
	exec := func(program string, args ...string) string {
		t.Helper()
		out, err := r.Exec(program, args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	have := peerLine("10.0.0.2", "10.0.0.1")
	out := exec("vtysh", "--vty_socket", dir, "-d", "pimd", "-c", "show running-config")
	if strings.Count(out, "\n"+have) != 1 || strings.Contains(out, "%") || strings.Count(out, "Current configuration:") != 1 {
		t.Errorf("vtysh shows of the configuration\n%s", out)
	}

	want := peerLine("10.0.0.3", "10.0.0.1")
	file := writeFile(t, n, "wanted.conf", want)
	reload := []string{"--stdout", "--vty_socket", dir, "--daemon", "pimd", "--confdir", n.Dir(), "--rundir", n.Dir(), file}
	out = exec("/usr/lib/frr/frr-reload.py", append([]string{"--test"}, reload...)...)
	for _, part := range []string{"Lines To Delete\n===============\nno " + have, "Lines To Add\n============\n" + want} {
		if !strings.Contains(out, part) {
			t.Errorf("frr-reload.py --test says\n%swant %q in it", out, part)
		}
	}
	if peers := peersOf(t, r); len(peers) != 1 || peers["10.0.0.2"].State == "" {
		t.Fatalf("frr-reload.py --test has changed something: %+v", peers)
	}
	out = exec("/usr/lib/frr/frr-reload.py", append([]string{"--reload"}, reload...)...)
	if peers := peersOf(t, r); len(peers) != 1 || peers["10.0.0.3"].State == "" || strings.Contains(out, "% ") {
		t.Errorf("after frr-reload.py --reload the peers are %+v; it said\n%s", peers, out)
	}
}

func peersOf(t *testing.T, nd *lab.Node) map[string]peerDetail {
	t.Helper()
	var peers map[string]peerDetail
	if err := nd.VtyJSON("msdpd", "show ip msdp peer detail json", &peers); err != nil {
		t.Fatal(err)
	}
	return peers
}
