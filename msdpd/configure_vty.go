package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"msdpd/lib/guard"
	"msdpd/vty"
)

// vtySettings are what the configuration says of the shell itself.
type vtySettings struct {
	password vty.PasswordHash
	enable   vty.PasswordHash
	advanced bool // service advanced-vty
	encrypt  bool // service password-encryption; passwords are hashed without it, too
	lines    int  // service terminal-length; below 0: that of the window
	banner   banner
	timeout  time.Duration
	class    string // an access list
}

// banner is `banner motd`.
type banner struct {
	none bool
	line string // "": the default
}

// defaultTimeout is FRR's.
const defaultTimeout = 10 * time.Minute

func newVtySettings() vtySettings { return vtySettings{lines: -1, timeout: defaultTimeout} }

// text is what a session is shown first.
func (b banner) text() string {
	switch {
	case b.none:
		return ""
	case b.line != "":
		return b.line + "\n"
	}
	return fmt.Sprintf("\nHello, this is msdpd %s.\n", version())
}

// writeTop prints what FRR has at the top of a file.
func (v *vtySettings) writeTop(line func(string, ...any), key func(guard.Key) string) {
	hash := func(command string, h vty.PasswordHash) {
		if h != "" {
			line("%s 8 %s", command, key(guard.Key(h.Reveal())))
		}
	}
	hash("password", v.password)
	hash("enable password", v.enable)
	if v.advanced {
		line("service advanced-vty")
	}
	if v.encrypt {
		line("service password-encryption")
	}
	if v.lines >= 0 {
		line("service terminal-length %d", v.lines)
	}
	switch {
	case v.banner.none:
		line("no banner motd")
	case v.banner.line != "":
		line("banner motd line %s", v.banner.line)
	}
}

// writeLine prints the block `line vty`, if there is anything in it.
func (v *vtySettings) writeLine(line func(string, ...any)) {
	if v.class == "" && v.timeout == defaultTimeout {
		return
	}
	line("line vty")
	if v.class != "" {
		line(" access-class %s", v.class)
	}
	if v.timeout != defaultTimeout {
		minutes := min(v.timeout/time.Minute, maxTimeoutMinutes)
		line(" exec-timeout %d %d", minutes, (v.timeout-minutes*time.Minute)/time.Second)
	}
	line("exit")
}

// vty installs the commands about the shell itself.
func (c *configurator) vty() {
	top := c.shell.Config
	c.password("password", "The password for telnet\n", func(s *settings) *vty.PasswordHash { return &s.vty.password })
	c.password("enable <password|secret>", "The enable mode\nIts password\nIts password\n", func(s *settings) *vty.PasswordHash { return &s.vty.enable })

	const service = "Negate a command\nSet up a service\n"
	c.install(top, "[no] service advanced-vty", service+"Sessions begin in the enable mode where it has no password\n", func(s *settings, call *vty.Call) error {
		s.vty.advanced = !call.No
		return nil
	})
	c.install(top, "[no] service password-encryption", service+"Keep no password as it was typed; so it is in any case\n", func(s *settings, call *vty.Call) error {
		s.vty.encrypt = !call.No
		return nil
	})
	c.install(top, "service terminal-length (0-512)$lines", "Set up a service\nThe length of a page\nIn lines; 0: no paging\n", func(s *settings, call *vty.Call) error {
		s.vty.lines = int(call.Uint("lines"))
		return nil
	})
	c.install(top, "no service terminal-length [(0-512)]", service+"The length of a page\nIn lines\n", func(s *settings, _ *vty.Call) error {
		s.vty.lines = -1
		return nil
	})
	c.install(top, "banner motd <line LINE...$text|default|none>",
		"What is shown before a login\nThe message of the day\nThis\nThe text\nName and release\nNothing\n", func(s *settings, call *vty.Call) error {
			s.vty.banner = banner{none: call.Has("none"), line: call.Arg("text")}
			return nil
		})
	c.install(top, "no banner motd", "Negate a command\nWhat is shown before a login\nThe message of the day\n", func(s *settings, _ *vty.Call) error {
		s.vty.banner = banner{none: true}
		return nil
	})
	c.line()
	c.ignored()
}

// maxTimeoutMinutes is the most that the first number of `exec-timeout` may be, as in FRR; the seconds
// may go beyond it.
const maxTimeoutMinutes = 35791

// line installs `line vty` and what is in it.
func (c *configurator) line() {
	mode := &vty.Mode{Name: "line vty", Prompt: "(config-line)#", Parent: c.shell.Config}
	c.shell.Install(c.shell.Config, "line vty", "Set up terminals\nThose over telnet\n", func(call *vty.Call) error {
		call.Session.Enter(mode)
		return nil
	})
	const timeout = "End a session in which no key is pressed\n"
	c.install(mode, "exec-timeout (0-35791)$minutes [(0-2147483)$seconds]", timeout+"Minutes; 0 0: never\nand seconds\n", func(s *settings, call *vty.Call) error {
		s.vty.timeout = time.Duration(call.Uint("minutes"))*time.Minute + time.Duration(call.Uint("seconds"))*time.Second
		return nil
	})
	c.install(mode, "no exec-timeout [(0-35791) [(0-2147483)]]", "Negate a command\n"+timeout+"Minutes\nSeconds\n", func(s *settings, _ *vty.Call) error {
		s.vty.timeout = defaultTimeout
		return nil
	})
	const class = "Say who may connect\n"
	c.install(mode, "access-class WORD$list", class+"An access list of addresses\n", func(s *settings, call *vty.Call) error {
		s.vty.class = call.Arg("list")
		return nil
	})
	c.install(mode, "no access-class [WORD]", "Negate a command\n"+class+"An access list of addresses\n", func(s *settings, _ *vty.Call) error {
		s.vty.class = ""
		return nil
	})
	c.shell.Install(mode, "login", "Ask for the password; so it is in any case\n", func(*vty.Call) error { return nil })
	c.shell.Install(mode, "no login", "Negate a command\nAsk for the password\n", func(*vty.Call) error {
		return vty.Warningf("no login: ignored, telnet always asks for the password")
	})
}

// password installs a command for a password and its `no` form.
func (c *configurator) password(syntax, help string, field func(*settings) *vty.PasswordHash) {
	set := func(name string, hash func(string) (vty.PasswordHash, error)) func(*vty.Call) error {
		return func(call *vty.Call) error {
			text := call.Arg(name)
			if text == guard.Hidden {
				return fmt.Errorf("%s stands for a password in what is shown without enable, and is none", guard.Hidden)
			}
			h, err := hash(text) // here: it takes longer than the protocol could wait
			if errors.Is(err, vty.ErrForeignHash) {
				return vty.Warningf("ignored: %v", err)
			}
			if err != nil {
				return err
			}
			return c.daemon.configure(call, func(s *settings, _ *vty.Call) error {
				*field(s) = h
				return nil
			})
		}
	}
	c.shell.Install(c.shell.Config, syntax+" WORD!$password", help+"The password, up to 72 octets\n", set("password", vty.HashPassword))
	c.shell.Install(c.shell.Config, syntax+" (8-8) WORD!$hash", help+"A hash of it follows\nbcrypt's hash\n", set("hash", vty.ParsePasswordHash))
	c.install(c.shell.Config, "no "+syntax+" [LINE...!]", "Negate a command\n"+help+"The password\n", func(s *settings, _ *vty.Call) error {
		*field(s) = ""
		return nil
	})
}

// ignored installs what FRR and vtysh write into any daemon's file and means nothing here.
func (c *configurator) ignored() {
	for _, i := range []struct{ syntax, help, why string }{
		{"frr version LINE...", "FRR\nThe release that wrote the file\nThe release\n", ""},
		{"frr defaults WORD", "FRR\nA set of defaults\nIts name\n", ""},
		{"[no] service integrated-vtysh-config", "Negate a command\nSet up a service\nOne file for all daemons\n", ""},
		{"[no] service cputime-stats", "Negate a command\nSet up a service\nStatistics\n", ""},
		{"[no] service cputime-warning [(1-4294967295)]", "Negate a command\nSet up a service\nWarnings\nMilliseconds\n", ""},
		{"[no] service walltime-warning [(1-4294967295)]", "Negate a command\nSet up a service\nWarnings\nMilliseconds\n", ""},
		{"username WORD nopassword", "A user of vtysh\nThe name\nHas no password\n", ""},
		{"[no] domainname WORD", "Negate a command\nThe domain's name\nThe name\n", "it is used for nothing"},
		{"[no] log record-priority", "Negate a command\nThe log\nLevels in it\n", "every line has its level"},
		{"[no] log commands", "Negate a command\nThe log\nCommands in it\n", "commands are not logged"},
		{"[no] log facility WORD", "Negate a command\nThe log\nThe facility of syslog\nIts name\n", "it is daemon"},
		{"[no] log <error-category|unique-id|immediate-mode>", "Negate a command\nThe log\nError codes\nMessage codes\nNo buffer\n", "there is no such thing here"},
		{"banner motd file WORD", "What is shown before a login\nThe message of the day\nA file\nIts name\n", "a file is not read, use banner motd line"},
		{"agentx", "SNMP\n", "there is no SNMP"},
	} {
		c.shell.Install(c.shell.Config, i.syntax, i.help, func(call *vty.Call) error {
			if i.why == "" {
				return nil
			}
			return vty.Warningf("%s: ignored, %s", call.Line, i.why)
		})
	}
}

// mayConnect reports whether telnet is open to an address: where there is to be none at all it is
// not, even if what listened until now has not ended yet. An access list that does not exist lets
// nobody in.
func (s *settings) mayConnect(o options, from netip.Addr) bool {
	if addr, _ := s.telnetAddr(o); addr == "" {
		return false
	}
	if s.vty.class == "" {
		return true
	}
	return from.Is4() && s.classPermits(from)
}

// telnetAddr says where telnet is to be, "" for nowhere, and why not if an operator may wonder.
// That nobody set a password is no wonder, unless another address than a loopback was asked for.
func (s *settings) telnetAddr(o options) (addr, why string) {
	ip, err := netip.ParseAddr(o.vtyAddr)
	loopback := err == nil && ip.IsLoopback()
	switch {
	case o.vtyPort == 0, loopback && s.vty.password == "":
		return "", ""
	case !loopback && (s.vty.password == "" || s.vty.class == ""):
		return "", "an address that is not a loopback needs a password, and an access-class under line vty"
	}
	host := strings.Trim(o.vtyAddr, "[]")
	return netJoin(host, o.vtyPort), ""
}
