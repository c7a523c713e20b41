package main

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"msdpd/lib/guard"
	"msdpd/vty"
)

// Hashes of "zebra" that cost little.
const (
	zebraHash   = "$2a$04$JWBtEnJWcIvyITV2dqvAS.WhPPRZIBHTY9VxmVoxS1AVRGpEvzCPG"
	foreignHash = "wUAgf6yhkxJQU"
)

// randomShell has any of the settings about the shell itself.
func randomShell(r *rand.Rand, s *settings) {
	hash := func() vty.PasswordHash {
		const letters = "./ABCxyz0189"
		if r.IntN(2) == 0 {
			return ""
		}
		text := []byte(zebraHash)
		for i := range 53 {
			text[7+i] = letters[r.IntN(len(letters))]
		}
		return vty.PasswordHash(text)
	}
	level := func() string {
		levels := []string{"", "emergencies", "alerts", "critical", "errors", "warnings", "notifications", "informational", "debugging"}
		return levels[r.IntN(len(levels))]
	}
	banners := []banner{{}, {none: true}, {line: "keep  out | or \"else\" ! 7"}, {line: "default"}}
	s.vty = vtySettings{
		password: hash(), enable: hash(), advanced: r.IntN(2) == 0, encrypt: r.IntN(2) == 0,
		lines: r.IntN(514) - 1, banner: banners[r.IntN(len(banners))],
		timeout: time.Duration(r.IntN(3)*r.IntN(40000)) * time.Second,
		class:   []string{"", "7", "home"}[r.IntN(3)],
	}
	s.log = logSettings{syslog: level(), stdout: level(), monitor: level(), precision: r.IntN(8) - 1}
	if s.log.file = level(); s.log.file != "" {
		s.log.path = "/var/log/frr/msdpd.log"
	}
}

func TestShellConfiguration(t *testing.T) {
	s, err := read(t, `frr version 8.4.4
frr defaults traditional
hostname rp1
log file /var/log/frr/msdpd.log informational
log syslog
log timestamp precision 6
log commands
no log monitor
password 8 `+zebraHash+`
enable secret zebra
service advanced-vty
service password-encryption
service integrated-vtysh-config
service terminal-length 0
banner motd line  Keep out
line vty
 access-class home
 exec-timeout 5
 login
exit
!
`)
	if err != nil {
		t.Fatal(err)
	}
	if bcrypt.CompareHashAndPassword([]byte(s.vty.enable.Reveal()), []byte("zebra")) != nil {
		t.Errorf("the enable password is kept as %q", s.vty.enable.Reveal())
	}
	var b bytes.Buffer
	s.write(&b, guard.Key.String)
	want := `!
hostname rp1
log file /var/log/frr/msdpd.log informational
log syslog debugging
no log monitor
log timestamp precision 6
password 8 <hidden>
enable password 8 <hidden>
service advanced-vty
service password-encryption
service terminal-length 0
banner motd line Keep out
!
!
line vty
 access-class home
 exec-timeout 5 0
exit
end
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if _, err := read(t, b.String()); err == nil || strings.Count(err.Error(), "stands for a password") != 2 {
		t.Errorf("what stands for a password became one: %v", err)
	}
}

// TestShellNoForms: each line, negated, leaves nothing of it.
func TestShellNoForms(t *testing.T) {
	s, err := read(t, `log file /var/log/x errors
log syslog errors
log stdout
log monitor errors
log timestamp precision 0
password 8 `+zebraHash+`
enable password 8 `+zebraHash+`
service advanced-vty
service password-encryption
service terminal-length 9
banner motd none
line vty
 access-class home
 exec-timeout 0 0
exit
no log file /var/log/x
no log syslog
no log stdout
log monitor
no log timestamp precision
no password
no enable secret
no service advanced-vty
no service password-encryption
no service terminal-length
banner motd default
line vty
 no access-class home
 no exec-timeout
`)
	if err != nil || written(s) != written(newSettings()) {
		t.Errorf("%v\n%s", err, written(s))
	}
}

func TestShellBadLines(t *testing.T) {
	for line, complaint := range map[string]string{
		"log file /etc/passwd":                         "is not a path below /var/log",
		"log file /var/log/../../etc/passwd":           "is not a path below /var/log",
		"log syslog loud":                              "",
		"password " + strings.Repeat("abracadabra", 7): "the password has 77 octets, 72 is the most",
		"enable password abracadabra abracadabra":      "nothing can follow",
		"password abracadabra abracadabra":             "nothing can follow",
		"enable secret abracadabra abracadabra":        "nothing can follow",
		"enabel secre abracadabra":                     "",
		"line vty\nexec-timeout 99999999":              "",
	} {
		_, err := read(t, line+"\n")
		if err == nil || !strings.Contains(err.Error(), complaint) || strings.Contains(err.Error(), "abra") {
			t.Errorf("%q: want %q: %v", line, complaint, err)
		}
	}
	s, err := read(t, "password 8 "+foreignHash+"\n")
	if err != nil || s.vty.password != "" {
		t.Errorf("FRR's own hash: %v, %q", err, s.vty.password.Reveal())
	}
}

// TestTelnetIsClosedByDefault: without a password, and to other machines without an access class.
func TestTelnetIsClosedByDefault(t *testing.T) {
	for _, tc := range []struct {
		addr, text, want string
		why              bool
	}{
		{"127.0.0.1", "", "", false},
		{"127.0.0.1", "password 8 " + zebraHash, "127.0.0.1:2639", false},
		{"::1", "password 8 " + zebraHash, "[::1]:2639", false},
		{"0.0.0.0", "password 8 " + zebraHash, "", true},
		{"0.0.0.0", "password 8 " + zebraHash + "\nline vty\naccess-class home", "0.0.0.0:2639", false},
		{"0.0.0.0", "line vty\naccess-class home", "", true},
		{"0.0.0.0", "", "", true},
		{"::", "password 8 " + zebraHash, "", true},
		{"192.0.2.1", "password 8 " + zebraHash, "", true},
		{"localhost", "password 8 " + zebraHash, "", true},
	} {
		s, err := read(t, tc.text+"\n")
		if err != nil {
			t.Fatal(err)
		}
		addr, why := s.telnetAddr(options{vtyAddr: tc.addr, vtyPort: defaultVtyPort})
		if addr != tc.want || (why != "") != tc.why {
			t.Errorf("%s, %q: %q, because %q", tc.addr, tc.text, addr, why)
		}
	}
	everywhere := options{vtyAddr: "0.0.0.0", vtyPort: defaultVtyPort}
	s, err := read(t, "password 8 "+zebraHash+"\naccess-list home permit 192.0.2.0 0.0.0.255\nline vty\naccess-class home\n")
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]bool{"192.0.2.7": true, "198.51.100.1": false, "2001:db8::1": false} {
		if s.mayConnect(everywhere, netip.MustParseAddr(from)) != want {
			t.Errorf("%s: want %v", from, want)
		}
	}
	s.vty.class = ""
	if s.mayConnect(everywhere, netip.MustParseAddr("192.0.2.7")) {
		t.Error("let in after the access-class has gone")
	}
	home, loopback := netip.MustParseAddr("127.0.0.1"), options{vtyAddr: "127.0.0.1", vtyPort: defaultVtyPort}
	if !s.mayConnect(loopback, home) {
		t.Error("refused without an access class")
	} else if s.vty.class = "missing"; s.mayConnect(loopback, home) {
		t.Error("let in by a list that does not exist")
	}
}
