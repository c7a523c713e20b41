package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// StartMSDPD starts msdpd with a configuration and more options, and waits until its vty answers. It
// finds the node's zebra and the other daemons where StartFRR has started them.
func (nd *Node) StartMSDPD(config string, args ...string) *Daemon {
	nd.net.t.Helper()
	dir, err := nd.net.binaries()
	if err != nil {
		nd.net.t.Fatalf("building msdpd: %v", err)
	}
	d := nd.newDaemon("msdpd")
	d.path = filepath.Join(dir, "msdpd")
	d.args = append([]string{
		"-N", nd.space, "-u", "root", // unless args say otherwise
		"-f", d.config,
		"-z", nd.ZservSocket(),
		"--vty_socket", filepath.Dir(d.vtySocket),
		"--log", "stdout", "--log-level", "debug",
	}, args...)
	nd.launch(d, config)
	return d
}

// Msdpsh runs the shell's client as an operator would, one command after another, and returns what it prints.
func (nd *Node) Msdpsh(commands ...string) (string, error) {
	dir, err := nd.net.binaries()
	if err != nil {
		return "", err
	}
	args := []string{"-N", nd.space}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	return nd.Exec(filepath.Join(dir, "msdpsh"), args...)
}

// Binary is the path of msdpd or msdpsh, for scenarios that run them by Exec.
func (n *Network) Binary(name string) string {
	n.t.Helper()
	dir, err := n.binaries()
	if err != nil {
		n.t.Fatalf("building %s: %v", name, err)
	}
	return filepath.Join(dir, name)
}

// binaries returns the directory of msdpd and msdpsh, which it builds if nobody has.
func (n *Network) binaries() (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.o.MSDPD == "" {
		if err := Build(n.dir); err != nil {
			return "", err
		}
		n.o.MSDPD = n.dir
	}
	return n.o.MSDPD, nil
}

// Build builds msdpd and msdpsh into a directory, with the race detector if the calling
// program has it. The working directory must be inside the module.
func Build(dir string) error {
	// Root's git refuses to look into another user's clone, and the revision matters to no test.
	args := []string{"build", "-buildvcs=false", "-o", dir + "/"}
	if raceEnabled {
		args = append(args, "-race")
	}
	args = append(args, "msdpd/msdpd", "msdpd/tools/msdpsh")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	// Other users than root must reach it, too: msdpd -u frr starts itself anew as one.
	return os.Chmod(dir, 0o755)
}

// Main is the TestMain of packages with scenarios: it builds msdpd once for all of
// them (unless MSDPD_BIN names binaries), runs the tests and exits.
//
//	func TestMain(m *testing.M) { lab.Main(m) }
func Main(m *testing.M) {
	os.Exit(runMain(m))
}

func runMain(m *testing.M) int {
	if os.Getenv("MSDPD_BIN") != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "msdpd-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Not a deferred RemoveAll: that would not run at go test's timeout.
	r, err := startReaper()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	r.path(dir)
	defer r.reap() // a directory in /tmp
	if err := Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.Setenv("MSDPD_BIN", dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
