package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.uber.org/zap"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

// draftKey is under what name a session keeps the settings that a file is read into.
type draftKey struct{}

// change is one configuration command: it changes s or says why it cannot.
type change func(s *settings, c *vty.Call) error

// configurator installs the configuration commands. In a session that reads a file they
// change its draft, in any other the running configuration.
type configurator struct {
	daemon    *daemon
	shell     *vty.Shell
	routerPIM *vty.Mode // FRR 10.2 and later: `msdp …` in it is `ip msdp …` at the top
}

func (d *daemon) installConfigure(sh *vty.Shell) {
	c := &configurator{
		daemon: d, shell: sh,
		routerPIM: &vty.Mode{Name: "router pim", Prompt: "(config-pim)#", Parent: sh.Config},
	}
	sh.Install(sh.Config, "router pim", "Enable a routing process\nPIM and MSDP, as FRR 10.2 and later write it\n", func(call *vty.Call) error {
		call.Session.Enter(c.routerPIM)
		return nil
	})
	c.lists()
	c.instance()
	c.peers()
	c.filters()
	c.requests()
	c.data()
	c.meshGroups()
	c.vty()
	c.logs()
	c.limits()
	c.debugs()
	c.sessions()
	c.events()
	c.spellings()
}

func (c *configurator) install(mode *vty.Mode, syntax, help string, f change) {
	c.shell.Install(mode, syntax, help, func(call *vty.Call) error { return c.daemon.configure(call, f) })
}

// both installs a command and its `no` form where FRR up to 10.1 has it, and where later
// releases do.
func (c *configurator) both(syntax, help string, f change) {
	c.install(c.shell.Config, "[no] ip "+syntax, "Negate a command\nIP information\n"+help, f)
	c.install(c.routerPIM, "[no] "+syntax, "Negate a command\n"+help, f)
}

// withdraw installs a `no` form of its own, for a command that needs less to be taken back
// than to be given.
func (c *configurator) withdraw(syntax, help string, f change) {
	c.install(c.shell.Config, "no ip "+syntax, "Negate a command\nIP information\n"+help, f)
	c.install(c.routerPIM, "no "+syntax, "Negate a command\n"+help, f)
}

const (
	msdpHelp = "Multicast Source Discovery Protocol\n"
	peerHelp = msdpHelp + "A peer\nThe peer's address\n"
)

// configure runs a change on a session's draft, or on the running configuration.
func (d *daemon) configure(c *vty.Call, f change) error {
	if draft, ok := c.Session.Value(draftKey{}).(*settings); ok {
		trial := draft.clone()
		if err := applyChange(trial, c, f); err != nil {
			return err
		}
		*draft = *trial
		return nil
	}
	var missing []msdp.MissingList
	err := d.instance.reconfigure(c.Session, func(s *settings) error {
		before := s.msdp.MissingLists()
		err := applyChange(s, c, f)
		missing = without(s.msdp.MissingLists(), before)
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range missing {
		c.Printf("%% Warning: %s until it is there\n", m)
	}
	return nil
}

// routers are the names of what is some router's address in the commands. In the settings 0.0.0.0 is
// none.
var routers = []string{"peer", "source", "member", "rp", "id"}

// namesRouters refuses a command with an address that no router can have.
func namesRouters(c *vty.Call) error {
	for _, name := range routers {
		if a, ok := c.AddrOK(name); ok {
			if err := msdp.ValidRouterAddress(a); err != nil {
				return err
			}
		}
	}
	return nil
}

func applyChange(s *settings, c *vty.Call, f change) error {
	if err := f(s, c); err != nil {
		return err
	}
	if err := s.msdp.Validate(); err != nil {
		return err
	}
	return namesRouters(c)
}

// startConfig is readConfig for the start, where no file is an empty configuration, and where it may have been opened
// by root, before this process became another user's.
func (d *daemon) startConfig() (*settings, error) {
	path := d.options.configFile
	text, handed, err := handedConfig()
	if !handed && err == nil {
		text, err = os.ReadFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return newSettings(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return d.parseConfig(path, text)
}

// readConfig reads a configuration file. The error holds every bad line: its number, its
// text, what is wrong.
func (d *daemon) readConfig(path string) (*settings, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, withRemedy(fmt.Errorf("reading the configuration: %w", err), path)
	}
	return d.parseConfig(path, text)
}

func (d *daemon) parseConfig(path string, text []byte) (*settings, error) {
	draft := newSettings()
	session := d.shell.NewSession()
	session.SetValue(draftKey{}, draft)
	if err := d.shell.Load(context.Background(), bytes.NewReader(text), session); err != nil {
		return nil, fmt.Errorf("%s:\n%w", path, err)
	}
	return draft, nil
}

// reload reads the configuration file again and applies the difference. A file with a bad
// line changes nothing, nor does one that is not there: it may be in the middle of being
// replaced, and no wish to end every session.
func (d *daemon) reload() {
	notify(d.log, reloading())
	s, err := d.readConfig(d.options.configFile)
	if err == nil {
		err = d.instance.do(func() { d.instance.replace(s) })
	}
	defer notify(d.log, reloaded(err))
	if err != nil {
		d.log.Error("the configuration stays as it was", zap.Error(err))
		return
	}
	d.log.Info("configuration read again", zap.String("file", d.options.configFile))
}
