package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Node is one router or host: a network namespace.
type Node struct {
	// FRR is the release that this node runs, the network's unless changed before the first StartFRR.
	FRR FRR

	net   *Network
	name  string
	space string
	// mgmtd is started with the first daemon of a release that has it.
	mgmtd *Daemon
	ns    netns.NsHandle
	nl    *netlink.Handle
}

// sysctls are set in each namespace before it has interfaces, which take over "default".
var sysctls = [][2]string{
	// Multicast and Anycast addresses come in by interfaces that unicast would not go out by.
	{"ipv4/conf/all/rp_filter", "0"},
	{"ipv4/conf/default/rp_filter", "0"},
	{"ipv4/conf/lo/rp_filter", "0"},
	// A receiver may join more than the kernel's 20 groups, and more sources than its 10.
	{"ipv4/igmp_max_memberships", "10000"},
	{"ipv4/igmp_max_msf", "10000"},
	// IPv4 only: no duplicate address detection, no router solicitations in captures.
	{"ipv6/conf/all/disable_ipv6", "1"},
	{"ipv6/conf/default/disable_ipv6", "1"},
}

// make makes the namespace.
func (nd *Node) make(forward bool) error {
	n := nd.net
	if !nameOK(nd.name) {
		return fmt.Errorf("%q cannot be part of a namespace's name", nd.name)
	}
	if _, err := os.Stat(filepath.Join(netnsDir, nd.space)); err == nil {
		return fmt.Errorf("namespace %s is there already", nd.space)
	}
	n.reaper.netns(nd.space)
	// ip(8), not netns.NewNamed: it also makes /run/netns the shared mount that ip netns del expects.
	if out, err := exec.Command("ip", "netns", "add", nd.space).CombinedOutput(); err != nil {
		return fmt.Errorf("ip netns add %s: %w: %s", nd.space, err, bytes.TrimSpace(out))
	}
	var err error
	if nd.ns, err = netns.GetFromName(nd.space); err != nil {
		return err
	}
	n.closeLater(closerFunc(nd.ns.Close))
	if nd.nl, err = netlink.NewHandleAt(nd.ns); err != nil {
		return err
	}
	n.closeLater(closerFunc(func() error { nd.nl.Close(); return nil }))
	if err := nd.inNamespace(func() error { return setSysctls(forward) }); err != nil {
		return err
	}
	lo, err := nd.nl.LinkByName("lo")
	if err != nil {
		return err
	}
	return nd.nl.LinkSetUp(lo)
}

// setSysctls writes to the namespace of the calling thread: /proc/sys/net is that of whoever opens it.
func setSysctls(forward bool) error {
	all := sysctls
	if forward {
		all = append(all[:len(all):len(all)], [2]string{"ipv4/ip_forward", "1"})
	}
	for _, kv := range all {
		err := os.WriteFile(filepath.Join("/proc/sys/net", kv[0]), []byte(kv[1]), 0)
		// A kernel without IPv6 has no such files, and needs none.
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// Name is the node's name as it was given.
func (nd *Node) Name() string { return nd.name }

// Space is the name of the node's namespace (ip netns exec SPACE) and of its FRR path space (vtysh -N SPACE).
func (nd *Node) Space() string { return nd.space }

// InNamespace runs f on a thread that is inside the node's namespace, in the caller's
// goroutine. Sockets that f makes stay there for life. Goroutines that f starts are outside.
// The network's Close waits for f.
func (nd *Node) InNamespace(f func() error) error {
	return nd.net.whileOpen(func() error { return nd.inNamespace(f) })
}

func (nd *Node) inNamespace(f func() error) error {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("entering %s: %w", nd.space, err)
	}
	if err := netns.Set(nd.ns); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("entering %s: %w", nd.space, errors.Join(err, home.Close()))
	}
	defer func() {
		if err := errors.Join(netns.Set(home), home.Close()); err != nil {
			// This thread would carry other goroutines into the namespace.
			panic(fmt.Sprintf("leaving namespace %s: %v", nd.space, err))
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

// execLimit bounds a command, so that one that hangs is an error and not the end of the test run.
const execLimit = 60 * time.Second

// Exec runs a command in the namespace and returns what it wrote to standard output and
// standard error. The error, which wraps *exec.ExitError, holds the output too. A command
// is killed after a minute.
func (nd *Node) Exec(command string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), execLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	// Grandchildren that keep the output open do not hold up the caller.
	cmd.WaitDelay = time.Second
	err := nd.InNamespace(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		err = fmt.Errorf("%s: %s: %w: %s", nd.name, command, err, bytes.TrimSpace(out.Bytes()))
	}
	return out.String(), err
}
