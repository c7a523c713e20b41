package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

var settingsEqual = cmp.Options{
	cmp.AllowUnexported(settings{}, staticRP{}, logSettings{}, vtySettings{}, banner{}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Transformer("emptyAsNil", func(s []ipv4.Addr) []ipv4.Addr {
		if len(s) == 0 {
			return nil
		}
		return s
	}),
	cmp.Transformer("noPeersAsNil", func(s []msdp.PeerConfig) []msdp.PeerConfig {
		if len(s) == 0 {
			return nil
		}
		return s
	}),
}

// read reads text as a configuration file.
func read(t *testing.T, text string) (*settings, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "msdpd.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return newDaemon(options{}).readConfig(path)
}

func written(s *settings) string {
	var b bytes.Buffer
	s.write(&b, guard.Key.Reveal)
	return b.String()
}

func TestConfigurationOfEachSpelling(t *testing.T) {
	want := strings.Join([]string{
		"!", "hostname rp1", "!",
		"ip msdp timers 10 30 5",
		"ip msdp originator-id 10.0.0.1",
		"ip msdp peer 9.0.0.9 source 10.0.0.1",
		"ip msdp peer 10.0.0.2 source 10.0.0.1 as 65002",
		"ip msdp peer 10.0.0.2 description the  neighbour, \"east\"",
		"ip msdp peer 10.0.0.3 connect-source lo as 65003",
		"ip msdp peer 10.0.0.3 password !#k|ey$\"é<>",
		"ip msdp peer 10.0.0.3 ttl-security hops 3",
		"ip msdp peer 10.0.0.3 shutdown",
		"ip msdp peer 10.0.0.4 description a member",
		"ip msdp peer 10.0.0.4 password k",
		"ip msdp peer 10.0.0.4 shutdown",
		"ip msdp mesh-group any source 10.0.0.1",
		"ip msdp mesh-group any member 10.0.0.2",
		"ip msdp mesh-group any member 10.0.0.4",
		"ip msdp default-peer 10.0.0.3",
		"ip msdp default-peer 9.0.0.9",
		"ip pim rp 10.0.0.1 224.0.0.0/4",
		"ip pim rp 10.0.0.7 239.1.0.0/16",
		"!", "end", "",
	}, "\n")
	for name, text := range map[string]string{
		"as FRR 8 writes it": want,
		"as FRR 10 writes it, and Cisco": `
hostname rp1
ip pim rp 10.0.0.7 239.1.77.0/16
ip pim rp 10.0.0.1
router pim
 msdp timers 10 30 5
 msdp originator-id 10.0.0.1
 msdp mesh-group any source 10.0.0.1
 msdp mesh-group any 10.0.0.4
 msdp mesh-group any member 10.0.0.2
 msdp peer 9.0.0.9 source 10.0.0.1
 msdp peer 10.0.0.3 password !#k|ey$"é<>
 msdp peer 10.0.0.4 password another
 msdp peer 10.0.0.4 password k
 msdp peer 10.0.0.4 ttl-security hops 254
 no msdp peer 10.0.0.4 ttl-security
 msdp peer 10.0.0.4 shutdown
 msdp peer 10.0.0.4 description a member
 msdp peer 10.0.0.9 password gone
 msdp peer 10.0.0.9 description gone
 no msdp peer 10.0.0.9 password
 no msdp peer 10.0.0.9 description
exit
! Cisco's
ip msdp peer 10.0.0.3 connect-source lo remote-as 65003
ip msdp peer 10.0.0.3 shutdown
ip msdp peer 10.0.0.3 ttl-security hops 3
ip msdp peer 10.0.0.2 source 10.0.0.1 as 65002
ip msdp peer 10.0.0.2 description the  neighbour, "east"
ip msdp default-peer 10.0.0.3
ip msdp default-peer 9.0.0.9
`,
	} {
		s, err := read(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, written(s)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// TestNoFormsUndoEverything: each line, negated, leaves nothing of it.
func TestNoFormsUndoEverything(t *testing.T) {
	lines := []string{
		"hostname rp1",
		"ip msdp timers 10 30 5",
		"ip msdp originator-id 10.0.0.1",
		"ip msdp peer 10.0.0.2 source 10.0.0.1 as 65002",
		"ip msdp peer 10.0.0.3 connect-source lo",
		"ip msdp peer 10.0.0.4 description a member",
		"ip msdp peer 10.0.0.5 password key",
		"ip msdp peer 10.0.0.6 ttl-security hops 1",
		"ip msdp peer 10.0.0.7 shutdown",
		"ip msdp mesh-group any source 10.0.0.1",
		"ip msdp mesh-group any member 10.0.0.4",
		"ip msdp default-peer 10.0.0.3",
		"ip pim rp 10.0.0.1 239.0.0.0/8",
	}
	text := strings.Join(lines, "\n") + "\n"
	for _, line := range lines {
		text += "no " + line + "\n"
	}
	s, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written(newSettings()), written(s)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestShortNoForms: what is to go is named, and nothing else; in both places alike.
func TestShortNoForms(t *testing.T) {
	given := "ip msdp timers 10 30 5\nip msdp originator-id 10.0.0.1\nip msdp mesh-group any member 10.0.0.4\n" +
		"ip msdp peer 10.0.0.2 source 10.0.0.1\nip msdp peer 10.0.0.2 description the neighbour\n"
	for name, text := range map[string]string{
		"at the top": "no ip msdp timers\nno ip msdp originator-id\nno ip msdp mesh-group any\nno ip msdp peer 10.0.0.2 description\n",
		"router pim": "router pim\n no msdp timers\n no msdp originator-id\n no msdp mesh-group any\n no msdp peer 10.0.0.2 description\n",
	} {
		s, err := read(t, given+text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff("!\nip msdp peer 10.0.0.2 source 10.0.0.1\n!\nend\n", written(s)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	for name, text := range map[string]string{"at the top": "no ip msdp peer 10.0.0.2\n", "router pim": "router pim\n no msdp peer 10.0.0.2\n"} {
		s, err := read(t, "ip msdp peer 10.0.0.2 source 10.0.0.1\n"+text)
		if err != nil || written(s) != written(newSettings()) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	for _, tc := range []struct{ line, complaint string }{
		{"ip msdp peer 10.0.0.256 source 10.0.0.1", "10.0.0.256"},
		{"ip msdp peer 10.0.0.2 source 10.0.0.2", "the source 10.0.0.2 is the peer's own address"},
		{"ip msdp peer 224.0.0.1 source 10.0.0.1", "224.0.0.1 cannot be a router's address"},
		{"ip msdp peer 10.0.0.2", ""},
		{"no ip msdp peer 10.0.0.9 shutdown", "there is no peer 10.0.0.9"},
		{"no ip msdp peer 10.0.0.9 password", "there is no peer 10.0.0.9"},
		{"ip msdp peer 10.0.0.9 ttl-security hops 255", "255"},
		{"ip msdp peer 10.0.0.9 ttl-security hops 0", "0"},
		{"ip msdp timers 60 60", "keepalive 60 s must be less than the hold time 60 s"},
		{"ip msdp timers 1 2", "2"},
		{"ip msdp mesh-group b member 10.0.0.4", "member 10.0.0.4 is already a member of mesh-group a"},
		{"no ip msdp peer 10.0.0.9", "there is no peer 10.0.0.9"},
		{"no ip msdp mesh-group zz", "there is no mesh-group zz"},
		{"no ip msdp default-peer 10.0.0.9", "10.0.0.9 is not a default peer"},
		{"ip pim rp 10.0.0.1 10.0.0.0/8", "10.0.0.0/8 is no range of groups"},
		{"bogus words", "bogus words"},
	} {
		_, err := read(t, "ip msdp mesh-group a member 10.0.0.4\n!\n"+tc.line+"\n")
		if err == nil {
			t.Errorf("%q was taken", tc.line)
			continue
		}
		for _, part := range []string{"line 3", tc.line, tc.complaint} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: the error does not say %q:\n%v", tc.line, part, err)
			}
		}
	}
}

func TestEveryBadLineIsTold(t *testing.T) {
	_, err := read(t, "bogus one\nip msdp peer 10.0.0.2 source 10.0.0.1\nbogus two\n")
	if err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "line 3") || strings.Contains(err.Error(), "line 2") {
		t.Errorf("error: %v", err)
	}
}

func TestNoFileIsAnEmptyConfiguration(t *testing.T) {
	s, err := newDaemon(options{}).startConfig(filepath.Join(t.TempDir(), "none.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newSettings(), s, settingsEqual); diff != "" {
		t.Error(diff)
	}
}

// TestNoFileIsNoReload: an editor may be about to put the file back, and every session hangs on it.
func TestNoFileIsNoReload(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	d := newDaemon(options{configFile: filepath.Join(t.TempDir(), "none.conf")})
	d.log = zap.New(core)
	d.reload() // there is no instance that could be told
	if n := logged.FilterMessage("the configuration stays as it was").Len(); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// TestWrittenConfigurationReadsBack: what is printed, read back, is the same, for settings
// made at random.
func TestWrittenConfigurationReadsBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		s := randomSettings(r)
		if err := s.msdp.Validate(); err != nil {
			t.Fatalf("the generator made %v of\n%s", err, written(s))
		}
		back, err := read(t, written(s))
		if err != nil {
			t.Fatalf("%v\n%s", err, written(s))
		}
		if diff := cmp.Diff(s, back, settingsEqual); diff != "" {
			t.Fatalf("-written +read\n%s\n%s", diff, written(s))
		}
	}
}

func randomSettings(r *rand.Rand) *settings {
	s := newSettings()
	addr := func() ipv4.Addr {
		return ipv4.MustParse(fmt.Sprintf("10.%d.%d.%d", r.IntN(3), r.IntN(3), 1+r.IntN(20)))
	}
	if r.IntN(2) == 0 {
		s.hostname = fmt.Sprintf("router-%d", r.IntN(100))
	}
	randomShell(r, s)
	if r.IntN(2) == 0 {
		hold := 3 + r.IntN(65000)
		s.msdp.Timers = msdp.Timers{
			KeepAlive: time.Duration(1+r.IntN(hold-1)) * time.Second, Hold: time.Duration(hold) * time.Second,
			ConnectRetry: time.Duration(1+r.IntN(65535)) * time.Second,
		}
	}
	if r.IntN(3) == 0 {
		s.msdp.OriginatorID = addr()
	}
	own := ipv4.MustParse("192.0.2.1")
	for range r.IntN(6) {
		p := s.msdp.AddPeer(addr())
		p.Local, p.LocalInterface = own, ""
		if r.IntN(3) == 0 {
			p.Local, p.LocalInterface = 0, "eth0"
		}
		p.ASN = uint32(r.IntN(3)) * r.Uint32()
		p.Shutdown = r.IntN(4) == 0
		p.Guard = randomGuard(r)
		if r.IntN(3) == 0 {
			p.Description = "a  link | to \"somewhere\" ! # 7"
		}
	}
	for i := range r.IntN(3) {
		g := s.msdp.AddMeshGroup(fmt.Sprintf("g%d", i))
		if r.IntN(3) > 0 {
			g.Source = own
		}
		for range 1 + r.IntN(3) {
			member := ipv4.MustParse(fmt.Sprintf("10.9.%d.%d", i, 1+r.IntN(5)))
			g.AddMember(member)
			s.msdp.AddPeer(member).Guard = randomGuard(r)
			s.msdp.DropEmptyPeer(member)
		}
	}
	for i := range r.IntN(3) {
		s.msdp.DefaultPeers = append(s.msdp.DefaultPeers, ipv4.MustParse(fmt.Sprintf("10.8.0.%d", 9-i)))
	}
	for i := range r.IntN(3) {
		s.addStaticRP(staticRP{addr: addr(), group: netip.MustParsePrefix(fmt.Sprintf("239.%d.0.0/16", i))})
	}
	return s
}

// randomGuard has any key that a line can hold.
func randomGuard(r *rand.Rand) guard.Guard {
	var g guard.Guard
	if r.IntN(2) == 0 {
		g.Hops = uint8(r.IntN(guard.MaxHops + 1))
	}
	if r.IntN(3) == 0 {
		return g
	}
	key := ""
	for n := 1 + r.IntN(guard.MaxKeyLen); len(key) < n; {
		c := string('!' + rune(r.IntN('~'-'!'+1)))
		if r.IntN(20) == 0 {
			c = "ü"
		}
		if len(key)+len(c) > guard.MaxKeyLen {
			break
		}
		key += c
	}
	g.Key = guard.Key(key)
	return g
}

// TestKeysAreHidden: in what is printed without enable, and in what is said of bad lines.
func TestKeysAreHidden(t *testing.T) {
	s := newSettings()
	s.msdp.AddPeer(ipv4.MustParse("10.0.0.2")).Guard.Key = "abracadabra"
	var b bytes.Buffer
	s.write(&b, guard.Key.String)
	if text := b.String(); strings.Contains(text, "abra") || !strings.Contains(text, "ip msdp peer 10.0.0.2 password <hidden>\n") {
		t.Error(text)
	}
	if _, err := read(t, b.String()); err == nil || !strings.Contains(err.Error(), "stands for a password") {
		t.Errorf("what stands for a password became one: %v", err)
	}

	long := strings.Repeat("abracadabr", 8)
	if _, err := read(t, "ip msdp peer 10.0.0.2 password "+long+"\n"); err != nil {
		t.Errorf("80 octets: %v", err)
	}
	for line, complaint := range map[string]string{
		"ip msdp peer 10.0.0.2 password " + long + "a":                       "the password has 81 octets, 80 is the most",
		"ip msdp peer 10.0.0.2 password " + strings.Repeat("abracadabré", 7): "the password has 84 octets, 80 is the most",
		"ip msdp peer 10.0.0.256 password abracadabra":                       "not an IPv4 address",
		"ip msdp peer 10.0.0.2 password abracadabra abracadabra":             "nothing can follow",
		"ip msdp peer 224.0.0.1 password abracadabra":                        "224.0.0.1 cannot be a router's address",
		"no ip msdp peer 10.0.0.9 password abracadabra":                      "there is no peer 10.0.0.9",
		"ip msdp peer 10.0.0.2 passwort abracadabra":                         "expected",
		"msdp peer 10.0.0.2 password abracadabra":                            "",
	} {
		_, err := read(t, line+"\n")
		if err == nil {
			t.Errorf("%q was taken", line)
			continue
		}
		if text := err.Error(); strings.Contains(text, "abra") || !strings.Contains(text, "<hidden>") || !strings.Contains(text, complaint) {
			t.Errorf("%q: want %q, and no key:\n%s", line, complaint, text)
		}
	}
}

// TestConfigurationFileIsForItsOwner: it holds the keys.
func TestConfigurationFileIsForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msdpd.conf")
	for range 2 { // new, and replaced
		if err := replaceFile(path, []byte("ip msdp peer 10.0.0.2 password key\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v", info.Mode())
		}
	}
}
