package main

import (
	"fmt"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

// meshGroups installs the commands about mesh groups.
func (c *configurator) meshGroups() {
	c.both("msdp mesh-group WORD$name source A.B.C.D$source",
		msdpHelp+"A mesh group\nIts name\nWhere the sessions to its members come from\nAn address of this router\n", configureMeshSource)
	c.both("msdp mesh-group WORD$name member A.B.C.D$member",
		msdpHelp+"A mesh group\nIts name\nA member\nThe member's address\n", configureMeshMember)
	c.both("msdp mesh-group WORD$name A.B.C.D$member",
		msdpHelp+"A mesh group\nIts name\nThe address of a member\n", configureMeshMember)
	c.withdraw("msdp mesh-group WORD$name", msdpHelp+"A mesh group\nIts name\n", removeMesh)
}

func configureMeshSource(s *settings, c *vty.Call) error {
	name := c.Arg("name")
	if !c.No {
		s.msdp.AddMeshGroup(name).Source = c.Addr("source")
		return nil
	}
	g := s.msdp.MeshGroup(name)
	if g == nil || g.Source != c.Addr("source") {
		return fmt.Errorf("mesh-group %s has no source %s", name, c.Addr("source"))
	}
	g.Source = 0
	dropEmptyMesh(s, g)
	return nil
}

func configureMeshMember(s *settings, c *vty.Call) error {
	name, member := c.Arg("name"), c.Addr("member")
	if !c.No {
		s.msdp.AddMeshGroup(name).AddMember(member)
		return nil
	}
	g := s.msdp.MeshGroup(name)
	if g == nil || !g.RemoveMember(member) {
		return fmt.Errorf("mesh-group %s has no member %s", name, member)
	}
	dropEmptyMesh(s, g)
	return nil
}

func dropEmptyMesh(s *settings, g *msdp.MeshGroup) {
	if g.Source == 0 && len(g.Members) == 0 {
		s.msdp.RemoveMeshGroup(g.Name)
	}
}

func removeMesh(s *settings, c *vty.Call) error {
	if !s.msdp.RemoveMeshGroup(c.Arg("name")) {
		return fmt.Errorf("there is no mesh-group %s", c.Arg("name"))
	}
	return nil
}
