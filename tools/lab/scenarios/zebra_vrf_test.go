//go:build lab

package scenarios

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"msdpd/tools/lab"
)

// zebraOfNamespaces has zebra take network namespaces for VRFs, those of an empty /run/netns that only it sees: it would
// take the routes out of those of other networks. A release's tree has no such directory and cannot be written to, so all of
// /run is made anew but for FRR's sockets.
const zebraOfNamespaces = `set -e
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
mkdir /var/tmp/sockets
mount --rbind /run/frr /var/tmp/sockets
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/frr /run/netns
mount --rbind /var/tmp/sockets /run/frr
mount -t tmpfs -o mode=755 tmpfs /run/netns
exec /usr/lib/frr/zebra -n -N "$1" -P 0 --log stdout`

// VRFs come and go on a running zebra. Kernels without VRF devices have network namespaces.
func TestVRFsComeAndGo(t *testing.T) {
	t.Parallel()
	r := lab.ForTest(t).Router("r")
	r.AddAddr("lo", "10.0.0.1/32")
	r.StartMSDPD(peerLine("10.0.0.2", "10.0.0.1"))
	zebra := r.StartInFRR("zebra", "/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c", zebraOfNamespaces, "zebra", r.Space())
	awaitVRFs := func(want ...string) {
		t.Helper()
		lab.Eventually(t, patience, poll, func() error {
			var v struct {
				Zebra struct {
					VRFs        []string
					Undecodable int
				}
			}
			if err := r.VtyJSON("msdpd", "show ip msdp summary json", &v); err != nil {
				return err
			}
			if v.Zebra.Undecodable > 0 {
				t.Fatalf("%d of zebra's messages could not be read", v.Zebra.Undecodable)
			}
			if !slices.Equal(v.Zebra.VRFs, want) {
				return fmt.Errorf("VRFs %v, want %v", v.Zebra.VRFs, want)
			}
			return nil
		})
	}
	netns := func(args ...string) {
		t.Helper()
		args = append([]string{"--mount", "--root", "--target", strconv.Itoa(zebra.Pid()), "ip", "netns"}, args...)
		if out, err := exec.Command("nsenter", args...).CombinedOutput(); err != nil {
			t.Fatalf("nsenter %v: %v: %s", args, err, out)
		}
	}
	awaitVRFs("default")
	running, err := r.Vty("zebra", "show version")
	if err != nil {
		t.Fatal(err)
	}
	if want, err := r.FRR.Version(); err != nil || !strings.Contains(running, want) {
		t.Fatalf("the node's FRR is %q (%v), its zebra says: %s", want, err, running)
	}
	netns("add", "blue")
	netns("add", "red")
	awaitVRFs("blue", "default", "red")
	netns("delete", "red")
	awaitVRFs("blue", "default")
	netns("delete", "blue")
	awaitVRFs("default")
}
