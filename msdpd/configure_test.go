package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
)

var settingsEqual = cmp.Options{
	cmp.AllowUnexported(settings{}, staticRP{}, joinLimits{}, logSettings{}, vtySettings{}, banner{}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmpopts.EquateEmpty(),
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
		"ip msdp log neighbor-events",
		"ip msdp log sa-events",
		"ip msdp originator-id 10.0.0.1",
		"ip msdp shutdown",
		"ip msdp sa-limit 2000000 threshold 95",
		"ip msdp group-limit 500",
		"ip msdp group-limit 239.1.0.0/16 10",
		"ip msdp group-limit 239.1.2.0/24 unlimited",
		"ip msdp source-limit 20",
		"ip msdp source-limit 0.0.0.0/0 4294967294",
		"ip msdp source-limit 10.0.0.0/8 unlimited",
		"ip msdp rp-limit 1000",
		"ip msdp register-rate 10 burst 4294967295",
		"ip msdp join-limit 5000 per-group 100",
		"ip msdp peer 9.0.0.9 source 10.0.0.1",
		"ip msdp peer 9.0.0.9 sa-limit 500",
		"ip msdp peer 10.0.0.2 source 10.0.0.1 as 65002",
		"ip msdp peer 10.0.0.2 description the  neighbour, \"east\"",
		"ip msdp peer 10.0.0.3 connect-source lo as 65003",
		"ip msdp peer 10.0.0.3 password !#k|ey$\"é<>",
		"ip msdp peer 10.0.0.3 ttl-security hops 3",
		"ip msdp peer 10.0.0.3 timers 20 65",
		"ip msdp peer 10.0.0.3 shutdown",
		"ip msdp peer 10.0.0.4 description a member",
		"ip msdp peer 10.0.0.4 password k",
		"ip msdp peer 10.0.0.4 timers 1 3 2",
		"ip msdp peer 10.0.0.4 sa-limit 1000 threshold 50",
		"ip msdp peer 10.0.0.4 sa-rate 100 burst 5000",
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
 msdp timers 10 30
 msdp originator-id lo
 msdp originator-id 10.0.0.1
 msdp log sa-events
 msdp log neighbor-events
 msdp shutdown
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
 msdp peer 10.0.0.4 timers 10 20 2
 msdp peer 10.0.0.4 description a member
 msdp peer 10.0.0.4 sa-limit unlimited
 msdp peer 10.0.0.4 sa-limit 1000 threshold 50
 msdp peer 10.0.0.4 sa-rate 100 burst 5000
 msdp peer 10.0.0.9 sa-limit unlimited
 no msdp peer 10.0.0.9 sa-limit
 msdp sa-limit 2000000 threshold 95
 msdp group-limit 239.1.2.3/24 unlimited
 msdp group-limit 500
 msdp group-limit 239.1.0.0/16 10
 msdp source-limit 10.1.2.3/8 unlimited
 msdp source-limit 0.0.0.0/0 4294967294
 msdp source-limit 20
 msdp rp-limit 1000
 msdp register-rate unlimited
 msdp register-rate 10 burst 4294967295
 msdp join-limit 5000 per-group 100
 msdp peer 10.0.0.9 password gone
 msdp peer 10.0.0.9 description gone
 no msdp peer 10.0.0.9 password
 no msdp peer 10.0.0.9 description
exit
! Cisco's
ip msdp peer 10.0.0.3 connect-source lo remote-as 65003
ip msdp shutdown 10.0.0.3
ip msdp sa-limit 9.0.0.9 500
ip msdp filter-sa-request 10.0.0.9 list 5
ip msdp filter-sa-request 10.0.0.9
ip msdp peer 10.0.0.3 ttl-security hops 3
ip msdp keepalive 10.0.0.3 20 65
ip msdp keepalive 10.0.0.4 1 3
ip msdp keepalive 10.0.0.9 1 3
no ip msdp keepalive 10.0.0.9
ip msdp peer 10.0.0.2 source 10.0.0.1 as 65002
ip msdp description 10.0.0.2 the  neighbour, "east"
ip msdp password peer 10.0.0.3 0 gone
ip msdp password peer 10.0.0.3 !#k|ey$"é<>
ip msdp password peer 10.0.0.4 7 000F
ip msdp password peer 10.0.0.9 7
no ip msdp password peer 10.0.0.9
ip msdp timer 5
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
		"ip msdp originator-id lo",
		"ip msdp shutdown",
		"ip msdp log neighbor-events",
		"ip msdp log sa-events",
		"ip msdp timer 7",
		"ip msdp peer 10.0.1.1 timers 10 30 5",
		"ip msdp keepalive 10.0.1.2 10 30",
		"ip msdp shutdown 10.0.1.3",
		"ip msdp description 10.0.1.4 a peer",
		"ip msdp password peer 10.0.1.5 7 0822455D0A16",
		"ip msdp peer 10.0.0.2 source 10.0.0.1 as 65002",
		"ip msdp peer 10.0.0.3 connect-source lo",
		"ip msdp peer 10.0.0.4 description a member",
		"ip msdp peer 10.0.0.5 password key",
		"ip msdp peer 10.0.0.6 ttl-security hops 1",
		"ip msdp peer 10.0.0.7 shutdown",
		"ip msdp peer 10.0.0.8 sa-limit unlimited threshold 7",
		"ip msdp peer 10.0.0.9 sa-rate 5 burst 7",
		"ip msdp sa-limit 10.0.0.10 100",
		"ip msdp sa-limit 5 threshold 7",
		"ip msdp group-limit 7",
		"ip msdp group-limit 239.1.0.0/16 unlimited",
		"ip msdp source-limit 7",
		"ip msdp source-limit 10.1.0.0/16 8",
		"ip msdp rp-limit 7",
		"ip msdp register-rate unlimited",
		"ip msdp join-limit 100",
		"ip msdp data-encapsulation",
		"ip msdp data-encapsulation 10",
		"ip msdp peer 10.0.0.12 data-encapsulation accept",
		"ip msdp peer 10.0.0.12 ttl-threshold 16",
		"ip msdp ttl-threshold 10.0.0.13 16",
		"ip msdp mesh-group any source 10.0.0.1",
		"ip msdp mesh-group any member 10.0.0.4",
		"ip msdp default-peer 10.0.0.3",
		"ip msdp default-peer 10.0.0.2 prefix-list near",
		"ip msdp redistribute",
		"ip msdp redistribute list some",
		"ip msdp peer 10.0.2.1 sa-filter some in",
		"ip msdp peer 10.0.2.2 sa-filter some out",
		"ip msdp peer 10.0.2.3 sa-filter rp-list some in",
		"ip msdp peer 10.0.2.4 sa-filter rp-list some out",
		"ip msdp sa-filter in 10.0.2.5 list some rp-list others",
		"ip msdp sa-filter out 10.0.2.6 rp-list others",
		"ip msdp peer 10.0.2.7 scope-boundary some",
		"ip msdp peer 10.0.2.8 sa-request accept",
		"ip msdp peer 10.0.2.9 sa-request accept list some",
		"ip msdp peer 10.0.2.10 sa-request send",
		"ip msdp sa-request 10.0.2.11",
		"ip msdp filter-sa-request 10.0.2.12 list some",
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
		{"ip msdp peer 10.0.0.2 source 0.0.0.0", "0.0.0.0 cannot be a router's address"},
		{"ip msdp mesh-group g source 0.0.0.0", "0.0.0.0 cannot be a router's address"},
		{"ip msdp originator-id 0.0.0.0", "0.0.0.0 cannot be a router's address"},
		{"ip msdp default-peer 0.0.0.0", "0.0.0.0 cannot be a router's address"},
		{"ip pim rp 0.0.0.0 239.0.0.0/8", "0.0.0.0 cannot be a router's address"},
		{"ip msdp peer 10.0.0.2", ""},
		{"no ip msdp peer 10.0.0.9 shutdown", "there is no peer 10.0.0.9"},
		{"no ip msdp peer 10.0.0.9 password", "there is no peer 10.0.0.9"},
		{"ip msdp peer 10.0.0.9 ttl-security hops 255", "255"},
		{"ip msdp peer 10.0.0.9 ttl-security hops 0", "0"},
		{"ip msdp peer 10.0.0.9 timers 60 60", "peer 10.0.0.9: keepalive 60 s must be less than the hold time 60 s"},
		{"no ip msdp peer 10.0.0.9 timers", "there is no peer 10.0.0.9"},
		{"no ip msdp shutdown 10.0.0.9", "there is no peer 10.0.0.9"},
		{"ip msdp originator-id 239.1.1.1", "originator-id: 239.1.1.1 cannot be a router's address"},
		{"ip msdp originator-id 10.0.0.256", "10.0.0.256 is neither an IPv4 address nor the name of an interface"},
		{"ip msdp originator-id an/interface", "an/interface cannot be the name of an interface"},
		{"ip msdp originator-id sixteen-letters.", "sixteen-letters. cannot be the name of an interface"},
		{"ip msdp peer 10.0.0.9 connect-source 10.0.0.256", "10.0.0.256 is neither an IPv4 address nor the name of an interface"},
		{"ip msdp timers 60 60", "keepalive 60 s must be less than the hold time 60 s"},
		{"ip msdp timers 1 2", "2"},
		{"ip msdp mesh-group b member 10.0.0.4", "member 10.0.0.4 is already a member of mesh-group a"},
		{"no ip msdp peer 10.0.0.9", "there is no peer 10.0.0.9"},
		{"no ip msdp mesh-group zz", "there is no mesh-group zz"},
		{"no ip msdp default-peer 10.0.0.9", "10.0.0.9 is not a default peer"},
		{"ip msdp group-limit 10.0.0.0/8 5", "10.0.0.0/8 is no range of groups"},
		{"ip msdp group-limit 224.0.0.0/3 5", "224.0.0.0/3 is no range of groups"},
		{"no ip msdp group-limit 239.0.0.0/8", "there is no group-limit for 239.0.0.0/8"},
		{"no ip msdp source-limit 10.0.0.0/8", "there is no source-limit for 10.0.0.0/8"},
		{"no ip msdp peer 10.0.0.9 sa-limit", "there is no peer 10.0.0.9"},
		{"no ip msdp sa-limit 10.0.0.9", "there is no peer 10.0.0.9"},
		{"ip msdp sa-limit 0", "0"},
		{"ip msdp data-encapsulation 61", "61"},
		{"ip msdp peer 10.0.0.9 ttl-threshold 256", "256"},
		{"no ip msdp ttl-threshold 10.0.0.9", "there is no peer 10.0.0.9"},
		{"ip msdp sa-limit 10 threshold 101", "101"},
		{"ip msdp peer 10.0.0.9 sa-limit 4294967295", "4294967295"},
		{"ip msdp peer 10.0.0.9 sa-rate 10 burst 0", "0"},
		{"ip msdp join-limit 100001", "100001"},
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
	s, err := newDaemon(options{configFile: filepath.Join(t.TempDir(), "none.conf")}).startConfig()
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
		"ip msdp password peer 10.0.0.2 abracadabra abracadabra":             "nothing can follow",
		"ip msdp password peer 10.0.0.256 abracadabra":                       "not an IPv4 address",
		"ip msdp password peer 10.0.0.2 5 abracadabra":                       "type 5 is not known",
		"ip msdp password peer 10.0.0.2 7 abracadabra":                       "type 7 password begins with two digits",
		"ip msdp password peer 10.0.0.2 7 09abracadabra":                     "pairs of hexadecimal digits",
		"ip msdp password peer 10.0.0.2 7 090C":                              "a space or a control character",
		"ip msdp password peer 10.0.0.2 <hidden>":                            "stands for a password",
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
