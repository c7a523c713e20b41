package main

import (
	"fmt"

	"msdpd/lib/acl"
	"msdpd/vty"
)

// What follows permit or deny. A range is named by a letter for its part in the line: s for
// sources, g for groups, x for the only one.
const (
	actionHelp     = "What matches is refused\nWhat matches is let through\n"
	seqHelp        = "Where in the list the line stands\nIts number\n"
	standardSyntax = "<any$xany|host A.B.C.D$xhost|A.B.C.D/M$xprefix [exact-match$exact]|A.B.C.D$xaddr [A.B.C.D$xwild]>"
	standardHelp   = "Every address\nOne address\nThe address\nThe addresses in a prefix\nNone, as an address is no shorter prefix (as in FRR)\n" +
		"An address\nWildcard mask: bits that may differ\n"
	extendedSyntax = "ip$ip <any$sany|host A.B.C.D$shost|A.B.C.D/M$sprefix|A.B.C.D$saddr A.B.C.D$swild>" +
		" <any$gany|host A.B.C.D$ghost|A.B.C.D/M$gprefix|A.B.C.D$gaddr A.B.C.D$gwild>"
	extendedHelp = "Sources and groups\n" +
		"Every source\nOne source\nIts address\nThe sources in a prefix\nA source\nWildcard mask: bits that may differ\n" +
		"Every group\nOne group\nIts address\nThe groups in a prefix\nA group\nWildcard mask: bits that may differ\n"
)

// blockList is under what name a session keeps the list whose lines it is being given.
type blockList struct{}

// lists installs the commands about access lists and prefix lists.
func (c *configurator) lists() {
	c.accessLists()
	c.accessListBlocks()
	c.prefixLists()
}

// accessLists installs the commands of FRR, a line each.
func (c *configurator) accessLists() {
	const help = "An access list of addresses, or of sources and groups\nIts name, or 1-99 and 1300-1999 for one of addresses, 100-199 and 2000-2699 for one of sources and groups\n"
	const noHelp = "Negate a command\n" + help
	top := c.shell.Config
	c.install(top, "[no] access-list WORD$list [seq (1-4294967295)$seq] <deny|permit>$action "+standardSyntax,
		noHelp+seqHelp+actionHelp+standardHelp, configureLine)
	c.install(top, "[no] access-list WORD$list [seq (1-4294967295)$seq] <deny|permit>$action "+extendedSyntax,
		noHelp+seqHelp+actionHelp+extendedHelp, configureLine)
	c.install(top, "[no] access-list WORD$list remark LINE...$text", noHelp+"What the list is for\nThe words\n", configureRemark)
	c.install(top, "no access-list WORD$list remark", noHelp+"What the list is for\n", configureRemark)
	c.install(top, "no access-list WORD$list seq (1-4294967295)$seq", noHelp+seqHelp, removeLine)
	c.install(top, "no access-list WORD$list", noHelp, removeList)
}

// accessListBlocks installs Cisco's named lists, whose lines stand in a mode of their own.
func (c *configurator) accessListBlocks() {
	const help = "IP information\nAn access list\n"
	const noHelp = "Negate a command\n"
	const numberHelp = "Where in the list the line stands\nIts number\n"
	for _, block := range []struct {
		kind                 acl.Kind
		word, prompt         string
		kindHelp             string
		lineSyntax, lineHelp string
	}{
		{acl.Standard, "standard", "(config-std-nacl)#", "Of addresses\n", standardSyntax, standardHelp},
		{acl.Extended, "extended", "(config-ext-nacl)#", "Of sources and groups\n", extendedSyntax, extendedHelp},
	} {
		mode := &vty.Mode{Name: "ip access-list " + block.word, Prompt: block.prompt, Parent: c.shell.Config}
		c.shell.Install(c.shell.Config, "ip access-list "+block.word+" WORD$list", help+block.kindHelp+"Its name or number\n", func(call *vty.Call) error {
			if err := c.daemon.configure(call, takesLines(block.kind)); err != nil {
				return err
			}
			call.Session.SetValue(blockList{}, call.Arg("list"))
			call.Session.Enter(mode)
			return nil
		})
		c.install(c.shell.Config, "no ip access-list "+block.word+" WORD$list", noHelp+help+block.kindHelp+"Its name or number\n", removeList)
		c.install(mode, "[no] [[seq] (1-4294967295)$seq] <deny|permit>$action "+block.lineSyntax,
			noHelp+numberHelp+actionHelp+block.lineHelp, configureLine)
		c.install(mode, "no [seq] (1-4294967295)$seq", noHelp+numberHelp, removeLine)
		c.install(mode, "[no] remark LINE...$text", noHelp+"What the list is for\nThe words\n", configureRemark)
		c.install(mode, "no remark", noHelp+"What the list is for\n", configureRemark)
	}
}

func (c *configurator) prefixLists() {
	const help = "IP information\nA list of prefixes\nIts name\n"
	const noHelp = "Negate a command\n" + help
	const descriptionHelp = "What the list is for\n"
	top := c.shell.Config
	c.install(top, "[no] ip prefix-list WORD$list [seq (1-4294967295)$seq] <deny|permit>$action "+
		"<any$any|A.B.C.D/M$prefix [<ge (0-32)$ge [le (0-32)$le]|le (0-32)$le [ge (0-32)$ge]>]>",
		noHelp+seqHelp+actionHelp+"Every prefix\nA prefix, and every address in it\n"+
			"The least length\nThe length\nThe greatest length\nThe length\nThe greatest length\nThe length\nThe least length\nThe length\n", configurePrefixLine)
	c.install(top, "[no] ip prefix-list WORD$list description LINE...$text", noHelp+descriptionHelp+"The words\n", configureListDescription)
	c.install(top, "no ip prefix-list WORD$list description", noHelp+descriptionHelp, configureListDescription)
	c.install(top, "no ip prefix-list WORD$list seq (1-4294967295)$seq", noHelp+seqHelp, func(s *settings, call *vty.Call) error {
		return s.msdp.Lists.RemovePrefixSeq(call.Arg("list"), uint32(call.Uint("seq")))
	})
	c.install(top, "no ip prefix-list WORD$list", noHelp, func(s *settings, call *vty.Call) error {
		return s.msdp.Lists.RemovePrefix(call.Arg("list"))
	})
}

// listName is the access list that a command is about: the one it names, or that of its block.
func listName(c *vty.Call) string {
	if c.Has("list") {
		return c.Arg("list")
	}
	name, _ := c.Session.Value(blockList{}).(string)
	return name
}

// takesLines is a change that changes nothing: it refuses a list that does not take the lines
// of a block.
func takesLines(kind acl.Kind) change {
	return func(s *settings, c *vty.Call) error {
		name := c.Arg("list")
		if numbered := acl.KindOf(name); numbered != acl.Mixed && numbered != kind {
			return fmt.Errorf("access-list %s is a number for %s lists", name, numbered)
		}
		list := s.msdp.Lists.Access(name)
		if list == nil {
			return nil
		}
		if list.BuiltIn() {
			return fmt.Errorf("access-list %s is built in and cannot be changed", name)
		}
		for _, line := range list.Lines() {
			if line.Kind() != kind {
				return fmt.Errorf("access-list %s is no %s list, it has %q", name, kind, line.String())
			}
		}
		return nil
	}
}

func configureLine(s *settings, c *vty.Call) error {
	words := lineHead(c)
	if c.Has("ip") {
		words = append(words, "ip")
		words = append(words, rangeWords(c, "s")...)
		words = append(words, rangeWords(c, "g")...)
	} else {
		words = append(words, rangeWords(c, "x")...)
	}
	if c.Has("exact") {
		words = append(words, "exact-match")
	}
	line, err := acl.ParseLine(listName(c), words)
	if err != nil {
		return err
	}
	if c.No {
		return s.msdp.Lists.RemoveLine(line)
	}
	return s.msdp.Lists.AddLine(line)
}

func lineHead(c *vty.Call) []string {
	if c.Has("seq") {
		return []string{"seq", c.Arg("seq"), c.Arg("action")}
	}
	return []string{c.Arg("action")}
}

// rangeWords are the words of one range of a line, none abbreviated.
func rangeWords(c *vty.Call, part string) []string {
	switch {
	case c.Has(part + "any"):
		return []string{"any"}
	case c.Has(part + "host"):
		return []string{"host", c.Arg(part + "host")}
	case c.Has(part + "prefix"):
		return []string{c.Arg(part + "prefix")}
	case c.Has(part + "wild"):
		return []string{c.Arg(part + "addr"), c.Arg(part + "wild")}
	}
	return []string{c.Arg(part + "addr")}
}

func removeLine(s *settings, c *vty.Call) error {
	return s.msdp.Lists.RemoveSeq(listName(c), uint32(c.Uint("seq")))
}

func removeList(s *settings, c *vty.Call) error { return s.msdp.Lists.RemoveAccess(listName(c)) }

func configureRemark(s *settings, c *vty.Call) error {
	text := c.Arg("text")
	if c.No {
		text = ""
	}
	return s.msdp.Lists.SetRemark(listName(c), text)
}

func configurePrefixLine(s *settings, c *vty.Call) error {
	words := lineHead(c)
	if c.Has("any") {
		words = append(words, "any")
	} else {
		words = append(words, c.Arg("prefix"))
	}
	for _, bound := range []string{"ge", "le"} {
		if c.Has(bound) {
			words = append(words, bound, c.Arg(bound))
		}
	}
	line, err := acl.ParsePrefixLine(c.Arg("list"), words)
	if err != nil {
		return err
	}
	if c.No {
		return s.msdp.Lists.RemovePrefixLine(line)
	}
	return s.msdp.Lists.AddPrefixLine(line)
}

func configureListDescription(s *settings, c *vty.Call) error {
	text := c.Arg("text")
	if c.No {
		text = ""
	}
	return s.msdp.Lists.SetDescription(c.Arg("list"), text)
}

// writeLists prints the lists, before what names them.
func writeLists(line func(string, ...any), l *acl.Lists) {
	some := false
	for command := range l.All() {
		line("%s", command)
		some = true
	}
	if some {
		line("!")
	}
}
