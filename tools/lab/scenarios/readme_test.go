//go:build lab

package scenarios

import (
	"os"
	"regexp"
	"testing"

	"msdpd/tools/lab"
)

// readmeConfig matches a configuration in README.md: its name stands in a comment above it.
var readmeConfig = regexp.MustCompile("(?s)<!-- config: ([^>]+) -->\n```\n(.*?)```")

// readmeConfigs returns the configurations of README.md by name.
func readmeConfigs(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	configs := make(map[string]string)
	for _, m := range readmeConfig.FindAllStringSubmatch(string(text), -1) {
		configs[m[1]] = m[2]
	}
	return configs
}

// pick returns one of them, and fails the test where README.md has it no more.
func pick(t *testing.T, configs map[string]string, name string) string {
	t.Helper()
	text, ok := configs[name]
	if !ok {
		t.Fatalf("README.md has no configuration %q", name)
	}
	return text
}

// rpPair is two routers that are RPs, as README.md draws them: the RP addresses on lo, a link
// between them, and a LAN with a host each.
type rpPair struct {
	rp1, rp2, host1, host2 *lab.Node
}

func newRPPair(t *testing.T, link1, link2 string) rpPair {
	n := lab.ForTest(t)
	p := rpPair{n.Router("rp1"), n.Router("rp2"), n.Host("host1"), n.Host("host2")}
	n.Connect(p.rp1, link1, "10.0.12.1/24", p.rp2, link2, "10.0.12.2/24")
	n.Connect(p.rp1, "eth-lan", "10.1.1.1/24", p.host1, "eth0", "10.1.1.2/24")
	n.Connect(p.rp2, "eth-lan", "10.2.1.1/24", p.host2, "eth0", "10.2.1.2/24")
	p.rp1.AddAddr("lo", "10.0.0.1/32")
	p.rp2.AddAddr("lo", "10.0.0.2/32")
	p.rp1.StartFRR("zebra", "")
	p.rp2.StartFRR("zebra", "")
	p.rp1.StartFRR("staticd", lab.Static("10.0.0.2/32 10.0.12.2", "10.2.0.0/16 10.0.12.2"))
	p.rp2.StartFRR("staticd", lab.Static("10.0.0.1/32 10.0.12.1", "10.1.0.0/16 10.0.12.1"))
	return p
}

// bothWays sends from the host of each router to the host of the other.
func (p rpPair) bothWays(t *testing.T) {
	p.rp1.AwaitPIMNeighbors(patience, 1)
	p.rp2.AwaitPIMNeighbors(patience, 1)
	p.rp1.AwaitDR(patience, "eth-lan", "10.1.1.1")
	p.rp2.AwaitDR(patience, "eth-lan", "10.2.1.1")
	for _, way := range []struct {
		from, to       *lab.Node
		source, group  string
		sourceRP, toRP *lab.Node
	}{
		{p.host1, p.host2, "10.1.1.2", "239.1.1.1", p.rp1, p.rp2},
		{p.host2, p.host1, "10.2.1.2", "239.1.1.2", p.rp2, p.rp1},
	} {
		receiver := way.to.JoinGroup(way.group, "eth0", 5000)
		way.toRP.AwaitInterest(patience, way.group)
		sender := way.from.SendMulticast(way.group, 5000, lab.SendOptions{})
		first := receiver.WaitFirst(patience)
		t.Logf("%s: first packet received %.3f s after the first was sent", way.group, first.Received.Sub(sender.FirstSent()).Seconds())
		if sa := way.sourceRP.AwaitSA(patience, "msdpd", way.source, way.group); sa.Local != "yes" {
			t.Errorf("at the source's RP: %+v", sa)
		}
		if sa := way.toRP.AwaitSA(patience, "msdpd", way.source, way.group); sa.Local != "no" {
			t.Errorf("at the receiver's RP: %+v", sa)
		}
	}
}

// TestReadmeTwoDomains: what README.md tells for two domains works as it stands there.
func TestReadmeTwoDomains(t *testing.T) {
	t.Parallel()
	configs := readmeConfigs(t)
	p := newRPPair(t, "eth-rp2", "eth-rp1")
	p.rp1.StartFRR("pimd", pick(t, configs, "two-domains rp1 pimd"))
	p.rp2.StartFRR("pimd", pick(t, configs, "two-domains rp2 pimd"))
	p.rp1.StartMSDPD(pick(t, configs, "two-domains rp1 msdpd"))
	p.rp2.StartMSDPD(pick(t, configs, "two-domains rp2 msdpd"))
	p.rp1.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	p.bothWays(t)
}

// TestReadmeAnycast: what README.md tells for Anycast-RP works as it stands there.
func TestReadmeAnycast(t *testing.T) {
	t.Parallel()
	configs := readmeConfigs(t)
	p := newRPPair(t, "eth-core", "eth-core")
	p.rp1.AddAddr("lo", "10.0.0.100/32")
	p.rp2.AddAddr("lo", "10.0.0.100/32")
	p.rp1.StartFRR("pimd", pick(t, configs, "anycast both pimd"))
	p.rp2.StartFRR("pimd", pick(t, configs, "anycast both pimd"))
	p.rp1.StartMSDPD(pick(t, configs, "anycast rp1 msdpd"))
	p.rp2.StartMSDPD(pick(t, configs, "anycast rp2 msdpd"))
	p.rp1.AwaitMSDPPeer(patience, "msdpd", "10.0.0.2", "established")
	p.bothWays(t)
}
