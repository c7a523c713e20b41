// Package netnstest gives a test a network of its own, so that it can use raw sockets, add
// addresses and own the kernel's multicast table without touching this machine's.
package netnstest

import (
	"errors"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Enter moves the test's goroutine, with its thread, into a new network namespace in which
// only the loopback is, up. When the test has ended it is back in the one it came from, and
// the new one goes with its last socket. A goroutine that the test starts is not in there;
// a socket made before it starts is.
//
// The test is skipped where the process may not make namespaces (CAP_SYS_ADMIN).
func Enter(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	home, err := netns.Get()
	must(t, err)
	here, err := netns.New()
	if errors.Is(err, unix.EPERM) {
		home.Close()
		runtime.UnlockOSThread()
		t.Skip("needs root: it makes a network namespace")
	}
	must(t, err)
	t.Cleanup(func() {
		must(t, netns.Set(home))
		here.Close()
		home.Close()
		runtime.UnlockOSThread()
	})
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(lo))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
