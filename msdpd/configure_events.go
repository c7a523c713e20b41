package main

import "msdpd/vty"

// events installs the commands about what is logged.
func (c *configurator) events() {
	const logHelp = msdpHelp + "What is logged\n"
	c.both("msdp log neighbor-events", logHelp+"Each change of a peer's state\n", func(s *settings, c *vty.Call) error {
		s.msdp.Log.Neighbors = !c.No
		return nil
	})
	c.both("msdp log sa-events", logHelp+"Each SA that comes, goes or is refused\n", func(s *settings, c *vty.Call) error {
		s.msdp.Log.SAs = !c.No
		return nil
	})
}
