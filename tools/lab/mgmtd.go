package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// FRR 10 has a daemon that keeps the configuration of others: of staticd in 10.3, of zebra too in 10.7. These then know no
// option -f, and are configured through vtysh; the rest read a file of their own as ever.

// startMgmtd starts mgmtd before the first daemon of a node, where the release has it.
func (nd *Node) startMgmtd(before string) {
	nd.net.t.Helper()
	if nd.mgmtd != nil || before == "mgmtd" || !nd.FRR.hasMgmtd() {
		return
	}
	nd.mgmtd = nd.newFRR("mgmtd")
	nd.launch(nd.mgmtd, "")
}

func (f FRR) hasMgmtd() bool {
	_, err := os.Stat(filepath.Join(f.Root, daemonDir, "mgmtd"))
	return err == nil
}

// readsConfig tells whether a daemon has the option -f.
func (f FRR) readsConfig(daemon string) bool {
	out, err := f.command("", filepath.Join(daemonDir, daemon), "--help").Output()
	return err != nil || strings.Contains(string(out), "--config_file")
}

// Configure gives a daemon lines of configuration, through mgmtd where that has them in its keeping.
func (nd *Node) Configure(daemon string, lines ...string) error {
	if !nd.FRR.readsConfig(daemon) {
		daemon = "mgmtd"
	}
	_, err := nd.Vty(daemon, append([]string{"enable", "configure terminal"}, lines...)...)
	return err
}

// vtysh has the release's vtysh hand out a file of commands to the node's daemons. It adds to what mgmtd knows
// already: a daemon that is started again with another file keeps the lines of the first.
func (nd *Node) vtysh(file string) error {
	cmd := nd.FRR.command(nd.space, "/usr/bin/vtysh", "-N", nd.space, "-f", file)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("vtysh -f %s: %w: %s", file, err, out)
	}
	return nil
}
