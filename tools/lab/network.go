package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// T is what the package needs of a test: *testing.T and *testing.B are one, and
// [Run] has one for programs that are not tests. Fatalf must not return.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Options say how a Network is made. The zero value is good for tests.
type Options struct {
	// Name is the prefix of everything that the network makes on the machine. It must not be in use,
	// and is at most 24 letters long. Empty: msdp-PID-N, with the first N that is free.
	Name string
	// FRR says where the routers' FRR is. A node may differ: see Node.FRR. Zero: the environment's
	// MSDPD_LAB_FRR, a directory tree, and without that the machine's own.
	FRR FRR
	// MSDPD is the directory that holds the binaries msdpd and msdpsh. Empty: the environment's
	// MSDPD_BIN, and without that they are built from the source around the working directory.
	MSDPD string
}

// Network is a set of namespaces and what runs in them. Its methods may be called from
// several goroutines, those that can fail the test only from the test's own.
type Network struct {
	t      T
	o      Options
	name   string
	dir    string
	reaper *reaper

	// open is held for reading by whatever makes something that the reaper must know of, or uses
	// a node's handles; Close may come at any moment, by Ctrl-C.
	open   sync.RWMutex
	closed bool

	mu      sync.Mutex
	daemons []*Daemon
	closers []io.Closer
}

// New makes an empty network. Close must be called, also if t has failed.
func New(t T, o Options) (*Network, error) {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces need root")
	}
	if o.MSDPD == "" {
		o.MSDPD = os.Getenv("MSDPD_BIN")
	}
	if o.FRR == (FRR{}) {
		o.FRR.Root = os.Getenv(frrEnv)
	}
	n := &Network{t: t, o: o}
	if err := n.makeDir(); err != nil {
		return nil, err
	}
	r, err := startReaper()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(n.dir))
	}
	n.reaper = r
	if os.Getenv(logsEnv) == "" {
		r.path(n.dir)
	}
	return n, nil
}

// frrEnv names the directory tree of the FRR to run.
const frrEnv = "MSDPD_LAB_FRR"

// logsEnv names the directory to leave the logs in.
const logsEnv = "MSDPD_LAB_LOGS"

// makeDir chooses the network's name by creating the directory for its files, which
// fails if another network has that name.
func (n *Network) makeDir() error {
	parent := os.TempDir()
	if d := os.Getenv(logsEnv); d != "" {
		parent = d
	}
	if n.o.Name != "" {
		n.name = n.o.Name
		n.dir = filepath.Join(parent, n.name)
		if err := os.Mkdir(n.dir, 0o755); err != nil {
			return fmt.Errorf("a network of that name is there already: %w", err)
		}
		return nil
	}
	for i := 1; ; i++ {
		n.name = fmt.Sprintf("msdp-%d-%d", os.Getpid(), i)
		n.dir = filepath.Join(parent, n.name)
		if err := os.Mkdir(n.dir, 0o755); !errors.Is(err, os.ErrExist) {
			return err
		}
	}
}

// Name is the prefix of the network's namespaces.
func (n *Network) Name() string { return n.name }

// Dir is a directory for logs, captures and other files; it goes with the network.
func (n *Network) Dir() string { return n.dir }

// Router adds a namespace that forwards packets.
func (n *Network) Router(name string) *Node {
	n.t.Helper()
	return n.node(name, true)
}

// Host adds a namespace that does not forward packets.
func (n *Network) Host(name string) *Node {
	n.t.Helper()
	return n.node(name, false)
}

func (n *Network) node(name string, forward bool) *Node {
	n.t.Helper()
	nd := &Node{FRR: n.o.FRR, net: n, name: name, space: n.name + "-" + name}
	if err := n.whileOpen(func() error { return nd.make(forward) }); err != nil {
		n.t.Fatalf("making node %s: %v", name, err)
	}
	return nd
}

// closeLater has Close close c, the last one first.
func (n *Network) closeLater(c io.Closer) {
	n.mu.Lock()
	n.closers = append(n.closers, c)
	n.mu.Unlock()
}

// addDaemon has Close wait for d, and a failed test show its log.
func (n *Network) addDaemon(d *Daemon) {
	n.mu.Lock()
	n.daemons = append(n.daemons, d)
	n.mu.Unlock()
}

// Close ends everything that runs in the network and removes what it made. It returns when
// nothing is left. It may be called more than once, and from a goroutine of its own.
func (n *Network) Close() error {
	if !n.release() {
		return nil
	}
	err := n.reaper.reap()
	// The reaper has ended them; this collects them, so that none stays as a zombie.
	for _, d := range n.daemons {
		d.awaitExit()
	}
	return err
}

// Leave lets go of the network and leaves the nodes and daemons running; senders, receivers and
// captures end. [Remove] takes it down.
func (n *Network) Leave() error {
	if !n.release() {
		return errClosed
	}
	return n.reaper.dismiss()
}

// errClosed is for those who go on using a network that Close has taken from under them.
var errClosed = errors.New("the network is closed")

// whileOpen calls f and keeps Close waiting until it returns. f must not call whileOpen.
func (n *Network) whileOpen(f func() error) error {
	n.open.RLock()
	defer n.open.RUnlock()
	if n.closed {
		return errClosed
	}
	return f()
}

// release closes this process's own handles on the network; it reports false if they were closed before.
func (n *Network) release() bool {
	n.open.Lock()
	defer n.open.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.closed = true
	for i := len(n.closers) - 1; i >= 0; i-- {
		n.closers[i].Close() // sockets that go away with their namespace
	}
	return true
}

// dumpLogs prints the end of every daemon's log.
func (n *Network) dumpLogs() {
	n.mu.Lock()
	daemons := n.daemons
	n.mu.Unlock()
	for _, d := range daemons {
		n.t.Logf("---- %s on %s, %s ----\n%s", d.name, d.node.name, d.state(), tail(d.Log(), 60))
	}
}
