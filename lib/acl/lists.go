package acl

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Lists are the access lists and prefix lists of a configuration.
type Lists struct {
	access map[string]*AccessList
	prefix map[string]*PrefixList
}

// Clone returns lists that can be changed apart from these.
func (l *Lists) Clone() Lists {
	return Lists{access: maps.Clone(l.access), prefix: maps.Clone(l.prefix)}
}

// Equal reports whether both have the same lists with the same lines.
func (l Lists) Equal(o Lists) bool {
	return maps.EqualFunc(l.access, o.access, (*AccessList).Equal) &&
		maps.EqualFunc(l.prefix, o.prefix, (*PrefixList).Equal)
}

// Access returns the access list of that name, built-in or configured, nil if there is none.
func (l *Lists) Access(name string) *AccessList {
	switch name {
	case border.name:
		return border
	case nothing.name:
		return nothing
	}
	return l.access[name]
}

// Prefix returns the prefix list of that name, nil if there is none.
func (l *Lists) Prefix(name string) *PrefixList { return l.prefix[name] }

// AccessNames returns the names of the configured access lists: numbers first, in order.
func (l *Lists) AccessNames() []string { return names(l.access) }

// PrefixNames returns the names of the prefix lists, in the same order.
func (l *Lists) PrefixNames() []string { return names(l.prefix) }

func names[T any](m map[string]T) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		m, errA := strconv.ParseUint(a, 10, 32)
		n, errB := strconv.ParseUint(b, 10, 32)
		switch {
		case errA == nil && errB == nil:
			return cmp.Or(cmp.Compare(m, n), strings.Compare(a, b))
		case errA == nil:
			return -1
		case errB == nil:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// All yields the commands that give these lists, in canonical order.
func (l *Lists) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range l.AccessNames() {
			a := l.access[name]
			if a.remark != "" && !yield("access-list "+name+" remark "+a.remark) {
				return
			}
			for i := range a.lines {
				if !yield(a.lines[i].String()) {
					return
				}
			}
		}
		for _, name := range l.PrefixNames() {
			p := l.prefix[name]
			if p.description != "" && !yield("ip prefix-list "+name+" description "+p.description) {
				return
			}
			for i := range p.lines {
				if !yield(p.lines[i].String()) {
					return
				}
			}
		}
	}
}

// AddLine adds a line to the list that it names, which need not exist. Without a sequence
// number it goes behind the last, 5 further, or stays where it is if the list has it already.
// With one it takes the place of the line that has the number, and leaves the place it had. The
// error says that the list cannot be changed or has no room.
func (l *Lists) AddLine(line Line) error {
	a, err := l.changeable(line.List)
	if err != nil {
		return err
	}
	if err := line.CheckKind(KindOf(line.List)); err != nil {
		return err
	}
	if a.lines, err = insert(a.lines, line); err != nil {
		return fmt.Errorf("access-list %s: %w", line.List, err)
	}
	l.setAccess(a)
	return nil
}

// RemoveLine takes away a line, wherever it stands if it has no sequence number. The error says
// that it is not there.
func (l *Lists) RemoveLine(line Line) error {
	a, err := l.changeable(line.List)
	if err != nil {
		return err
	}
	i := find(a.lines, line)
	if i < 0 {
		return fmt.Errorf("there is no line %q", line.String())
	}
	a.lines = slices.Delete(slices.Clone(a.lines), i, i+1)
	l.setAccess(a)
	return nil
}

// RemoveSeq takes away the line of that sequence number. The error says that there is none.
func (l *Lists) RemoveSeq(name string, seq uint32) error {
	a, err := l.changeable(name)
	if err != nil {
		return err
	}
	i, ok := bySeq(a.lines, seq)
	if !ok {
		return fmt.Errorf("access-list %s has no line with seq %d", name, seq)
	}
	a.lines = slices.Delete(slices.Clone(a.lines), i, i+1)
	l.setAccess(a)
	return nil
}

// RemoveAccess takes away an access list. The error says that there is none.
func (l *Lists) RemoveAccess(name string) error {
	if _, err := l.changeable(name); err != nil {
		return err
	}
	if l.access[name] == nil {
		return fmt.Errorf("there is no access-list %s", name)
	}
	l.setAccess(AccessList{name: name})
	return nil
}

// SetRemark sets what an access list is for, "" to take it away. A list can have a remark and
// no line.
func (l *Lists) SetRemark(name, remark string) error {
	a, err := l.changeable(name)
	if err != nil {
		return err
	}
	if remark == "" && a.remark == "" {
		return fmt.Errorf("access-list %s has no remark", name)
	}
	a.remark = remark
	l.setAccess(a)
	return nil
}

// changeable returns a copy of the access list of that name, empty if there is none.
func (l *Lists) changeable(name string) (AccessList, error) {
	switch a := l.Access(name); {
	case a == nil:
		return AccessList{name: name}, nil
	case a.builtIn:
		return AccessList{}, fmt.Errorf("access-list %s is built in and cannot be changed", name)
	default:
		return *a, nil
	}
}

// setAccess puts a list in the place of the one of its name. An empty one is none.
func (l *Lists) setAccess(a AccessList) {
	switch {
	case len(a.lines) == 0 && a.remark == "":
		delete(l.access, a.name)
	case a.Equal(l.access[a.name]):
	case l.access == nil:
		l.access = map[string]*AccessList{a.name: &a}
	default:
		l.access[a.name] = &a
	}
}

// AddPrefixLine is AddLine for a prefix list.
func (l *Lists) AddPrefixLine(line PrefixLine) error {
	p := l.prefixCopy(line.List)
	var err error
	if p.lines, err = insert(p.lines, line); err != nil {
		return fmt.Errorf("ip prefix-list %s: %w", line.List, err)
	}
	l.setPrefix(p)
	return nil
}

// RemovePrefixLine is RemoveLine for a prefix list.
func (l *Lists) RemovePrefixLine(line PrefixLine) error {
	p := l.prefixCopy(line.List)
	i := find(p.lines, line)
	if i < 0 {
		return fmt.Errorf("there is no line %q", line.String())
	}
	p.lines = slices.Delete(slices.Clone(p.lines), i, i+1)
	l.setPrefix(p)
	return nil
}

// RemovePrefixSeq is RemoveSeq for a prefix list.
func (l *Lists) RemovePrefixSeq(name string, seq uint32) error {
	p := l.prefixCopy(name)
	i, ok := bySeq(p.lines, seq)
	if !ok {
		return fmt.Errorf("ip prefix-list %s has no line with seq %d", name, seq)
	}
	p.lines = slices.Delete(slices.Clone(p.lines), i, i+1)
	l.setPrefix(p)
	return nil
}

// RemovePrefix takes away a prefix list. The error says that there is none.
func (l *Lists) RemovePrefix(name string) error {
	if l.prefix[name] == nil {
		return fmt.Errorf("there is no ip prefix-list %s", name)
	}
	delete(l.prefix, name)
	return nil
}

// SetDescription is SetRemark for a prefix list.
func (l *Lists) SetDescription(name, description string) error {
	p := l.prefixCopy(name)
	if description == "" && p.description == "" {
		return fmt.Errorf("ip prefix-list %s has no description", name)
	}
	p.description = description
	l.setPrefix(p)
	return nil
}

func (l *Lists) prefixCopy(name string) PrefixList {
	if p := l.prefix[name]; p != nil {
		return *p
	}
	return PrefixList{name: name}
}

func (l *Lists) setPrefix(p PrefixList) {
	switch {
	case len(p.lines) == 0 && p.description == "":
		delete(l.prefix, p.name)
	case p.Equal(l.prefix[p.name]):
	case l.prefix == nil:
		l.prefix = map[string]*PrefixList{p.name: &p}
	default:
		l.prefix[p.name] = &p
	}
}

// entry is a line of either kind of list.
type entry[T any] interface {
	seq() uint32
	withSeq(seq uint32) T
	// same reports whether two lines say the same, wherever they stand.
	same(o T) bool
}

// seqStep is how far apart lines are that came without a sequence number, as in FRR.
const seqStep = 5

// insert returns lines with l among them. It leaves lines as they are.
func insert[T entry[T]](lines []T, l T) ([]T, error) {
	twin := slices.IndexFunc(lines, l.same)
	if l.seq() == 0 {
		if twin >= 0 {
			return lines, nil
		}
		last := uint32(0)
		if n := len(lines); n > 0 {
			last = lines[n-1].seq()
		}
		if last > math.MaxUint32-seqStep {
			return nil, fmt.Errorf("no line fits behind seq %d", last)
		}
		l = l.withSeq(last + seqStep)
	}
	out := make([]T, 0, len(lines)+1)
	for i, o := range lines {
		if i != twin && o.seq() != l.seq() {
			out = append(out, o)
		}
	}
	at, _ := bySeq(out, l.seq())
	return slices.Insert(out, at, l), nil
}

// find returns where l is, with its sequence number if it has one, -1 if nowhere.
func find[T entry[T]](lines []T, l T) int {
	return slices.IndexFunc(lines, func(o T) bool {
		return l.same(o) && (l.seq() == 0 || l.seq() == o.seq())
	})
}

func bySeq[T entry[T]](lines []T, seq uint32) (int, bool) {
	return slices.BinarySearchFunc(lines, seq, func(l T, seq uint32) int { return cmp.Compare(l.seq(), seq) })
}
