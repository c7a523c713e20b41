package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"msdpd/lib/acl"
	"msdpd/lib/guard"
	"msdpd/vty"
)

// ask has the owner run f; it returns the time at which f ran.
func (d *daemon) ask(f func(now time.Time)) (time.Time, error) {
	var now time.Time
	err := d.instance.do(func() {
		now = d.instance.now
		f(now)
	})
	return now, err
}

func (d *daemon) installSystem(sh *vty.Shell) {
	sh.Install(sh.View, "show version [json$json]", "Show running system information\nThe release of msdpd\nAs JSON\n", showVersion)
	sh.Install(sh.View, "show running-config [brief$brief] [json$json]",
		"Show running system information\nThe configuration in force\nWithout the access lists and prefix lists\nAs JSON\n", d.showRunning)
	sh.Install(sh.Enable, "show startup-config [json$json]", "Show running system information\nThe configuration file\nAs JSON\n", d.showStartup)
	sh.Install(sh.Enable, "write terminal", "Write the configuration\nTo this terminal\n", d.showRunning)
	sh.Install(sh.Enable, "write [<memory|file>]", "Write the configuration\nTo the configuration file\nTo the configuration file\n", d.writeFile)
	sh.Install(sh.Enable, "copy running-config WORD$file", "Copy a configuration\nThe configuration in force\nA file, msdpd…, in the configuration file's directory or below\n", d.copyRunning)
	sh.Install(sh.Enable, "copy running-config startup-config", "Copy a configuration\nThe configuration in force\nThe configuration file\n", d.writeFile)
}

// showRunning shows passwords to those who may see the configuration file, too.
func (d *daemon) showRunning(c *vty.Call) error {
	s, err := d.instance.snapshot()
	if err != nil {
		return err
	}
	key := guard.Key.Reveal
	if c.Session.Mode() == d.shell.View {
		key = guard.Key.String
	}
	if c.Has("brief") {
		s.msdp.Lists = acl.Lists{}
	}
	if c.Has("json") {
		var text bytes.Buffer
		s.write(&text, key)
		return linesJSON(c, strings.Split(strings.TrimRight(text.String(), "\n"), "\n"))
	}
	// vtysh puts its own heading over what the daemons answer, and takes every line of it for a command.
	if !c.Has("terminal") || c.Session.OnTerminal() {
		c.Printf("\nCurrent configuration:\n")
	}
	s.write(c, key)
	return nil
}

// linesJSON prints lines of a configuration.
func linesJSON(c *vty.Call, lines []string) error {
	if lines == nil {
		lines = []string{}
	}
	out := newJSONObject(c)
	out.member("lines", lines)
	return out.close()
}

// copyRunning writes the running configuration to a file below the directory of the configuration
// file, and to no other: whoever may use the shell need not be allowed to write elsewhere. Those of
// other daemons are there too.
func (d *daemon) copyRunning(c *vty.Call) error {
	dir := filepath.Dir(d.options.configFile)
	path := c.Arg("file")
	if !filepath.IsAbs(path) {
		path = strings.TrimSuffix(dir, "/") + "/" + path
	}
	switch {
	case path == d.options.configFile:
		return d.writeFile(c)
	case path == d.options.pidFile, path == d.options.stateFile(), path == d.options.vtySocket():
		return fmt.Errorf("%s is msdpd's own", path)
	case !strings.HasPrefix(filepath.Base(path), "msdpd"):
		return fmt.Errorf("%s: the name has to begin with msdpd, the files of others are there, too", path)
	}
	root, name, err := openBelow(dir, path)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := checkPlain(root, name); err != nil {
		return err
	}
	s, err := d.instance.snapshot()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	s.write(&text, guard.Key.Reveal)
	d.writing.Lock()
	defer d.writing.Unlock()
	if err := replaceIn(root, name, text.Bytes(), 0o640); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	c.Printf("Configuration saved to %s\n", path)
	return nil
}

func (d *daemon) showStartup(c *vty.Call) error {
	text, err := os.ReadFile(d.options.configFile)
	if err != nil {
		return err
	}
	if c.Has("json") {
		return linesJSON(c, strings.Split(strings.TrimRight(string(text), "\n"), "\n"))
	}
	_, err = c.Write(text)
	return err
}

// writeFile replaces the configuration file; what was there stays beside it as .sav, as
// FRR does it.
func (d *daemon) writeFile(c *vty.Call) error {
	// First of all: whoever writes last has the settings that are in force then.
	d.writing.Lock()
	defer d.writing.Unlock()
	var s *settings
	var refused error
	if _, err := d.ask(func(time.Time) { s, refused = d.instance.settings.clone(), d.instance.mayBeSaved() }); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	var text bytes.Buffer
	s.write(&text, guard.Key.Reveal)
	path := d.options.configFile
	if err := saveConfig(path, text.Bytes()); err != nil {
		return withRemedy(err, path)
	}
	c.Printf("Configuration saved to %s\n", path)
	return nil
}

// saveConfig replaces the file at path. One that belongs to somebody who lets nobody else write it stays as it is,
// although the directory's owner could replace it.
func saveConfig(path string, text []byte) error {
	if err := unix.Access(path, unix.W_OK); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	if old, err := os.ReadFile(path); err == nil {
		if err := replaceFile(path+".sav", old, 0o640); err != nil {
			return err
		}
	}
	return replaceFile(path, text, 0o640)
}

// withRemedy adds to an error about the configuration file at path how it is mended, where that is a matter of rights.
func withRemedy(err error, path string) error {
	switch dir := filepath.Dir(path); {
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w; if msdpd.service runs it, `systemctl edit msdpd` and ReadWritePaths=%s let it write there", err, dir)
	case errors.Is(err, fs.ErrPermission):
		who := strconv.Itoa(os.Geteuid())
		if u, lookup := user.LookupId(who); lookup == nil {
			who = u.Username
		}
		return fmt.Errorf("%w; msdpd runs as the user %s: as root, `chown %s %s %s`", err, who, who, dir, path)
	}
	return err
}

// hostname is what prompts show.
func (d *daemon) hostname() string {
	if d.instance != nil {
		if s, err := d.instance.snapshot(); err == nil && s.hostname != "" {
			return s.hostname
		}
	}
	name, _ := os.Hostname()
	return name
}
