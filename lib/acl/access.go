package acl

import (
	"slices"

	"msdpd/lib/ipv4"
)

// AccessList is one access list. It does not change. A nil list has no lines.
type AccessList struct {
	name    string
	remark  string
	builtIn bool
	lines   []Line
}

// Name returns the list's name.
func (a *AccessList) Name() string { return a.name }

// Remark returns what `access-list NAME remark` says, or what a built-in list is for.
func (a *AccessList) Remark() string { return a.remark }

// BuiltIn reports whether the list is always there and cannot be changed.
func (a *AccessList) BuiltIn() bool { return a.builtIn }

// Len returns how many lines there are.
func (a *AccessList) Len() int {
	if a == nil {
		return 0
	}
	return len(a.lines)
}

// Lines returns a copy of the lines, by sequence number.
func (a *AccessList) Lines() []Line {
	if a == nil {
		return nil
	}
	return slices.Clone(a.lines)
}

// Permits reports whether the list permits an SA for the (S,G), and the line that decides: nil
// for the deny behind the last. The line must not be changed.
func (a *AccessList) Permits(sg ipv4.SG) (bool, *Line) {
	return a.first(func(l *Line) bool { return l.matches(sg) })
}

// PermitsAddr is Permits for a list that is about one address, such as an RP's.
func (a *AccessList) PermitsAddr(addr ipv4.Addr) (bool, *Line) {
	return a.first(func(l *Line) bool { return l.matchesAddr(addr) })
}

// PermitsGroup is Permits for a list that is about groups alone: a line with sources counts where
// they are all there are.
func (a *AccessList) PermitsGroup(group ipv4.Addr) (bool, *Line) {
	return a.first(func(l *Line) bool { return l.matchesGroup(group) })
}

// first returns what the first line says that matches.
func (a *AccessList) first(matches func(*Line) bool) (bool, *Line) {
	if a == nil {
		return false, nil
	}
	for i := range a.lines {
		if l := &a.lines[i]; matches(l) {
			return l.Permit, l
		}
	}
	return false, nil
}

// Equal reports whether two lists say the same.
func (a *AccessList) Equal(o *AccessList) bool {
	if a == nil || o == nil {
		return a == o
	}
	return a.name == o.name && a.remark == o.remark && slices.Equal(a.lines, o.lines)
}

func (l Line) seq() uint32 { return l.Seq }

func (l Line) withSeq(seq uint32) Line {
	l.Seq = seq
	return l
}

func (l Line) same(o Line) bool {
	o.Seq, o.Remark = l.Seq, l.Remark
	return l == o
}
