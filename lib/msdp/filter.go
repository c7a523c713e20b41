package msdp

import (
	"fmt"

	"msdpd/lib/acl"
	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// PeerFilters name the access lists that decide what crosses a peering, by default all that may
// cross at all. A list that does not exist permits nothing.
type PeerFilters struct {
	In, Out FilterLists
	// ScopeBoundary is a list of groups; what it denies crosses in neither direction (RFC 3618 §7,
	// RFC 2365).
	ScopeBoundary string
}

// FilterLists are the lists for one direction; "" is none. Both must permit an entry.
type FilterLists struct {
	SG string // matches source and group
	RP string // matches the originating RP
}

// Redistribution says which local sources are announced.
type Redistribution struct {
	// Restricted: only those that List permits; without a List, none.
	Restricted bool
	List       string
}

// DefaultPeer is a static RPF peer (rule v of §10.1.3).
type DefaultPeer struct {
	Addr ipv4.Addr
	// PrefixList names the RPs for which it is good; "" is all of them.
	PrefixList string
}

// MissingList is a list that something names and that does not exist.
type MissingList struct {
	Name string
	User string // what names it, as it is configured
}

// String says what comes of it.
func (m MissingList) String() string {
	return fmt.Sprintf("there is no list %s: %s refuses everything", m.Name, m.User)
}

// MissingLists returns what names lists that do not exist.
func (c *Config) MissingLists() []MissingList {
	var out []MissingList
	access := func(name, user string) {
		if name != "" && c.Lists.Access(name) == nil {
			out = append(out, MissingList{name, user})
		}
	}
	for _, p := range c.Peers {
		for _, m := range c.missingOf(p) {
			out = append(out, MissingList{m.Name, "peer " + p.Addr.String() + " " + m.User})
		}
	}
	if c.Redistribute.Restricted {
		access(c.Redistribute.List, "redistribute list")
	}
	for _, d := range c.DefaultPeers {
		if d.PrefixList != "" && c.Lists.Prefix(d.PrefixList) == nil {
			out = append(out, MissingList{d.PrefixList, "default-peer " + d.Addr.String() + " prefix-list"})
		}
	}
	return out
}

// missingOf returns the lists that p names and that do not exist.
func (c *Config) missingOf(p PeerConfig) []MissingList {
	var out []MissingList
	for _, m := range append(p.Filters.lists(), MissingList{p.Requests.List, "sa-request accept list"}) {
		if m.Name != "" && c.Lists.Access(m.Name) == nil {
			out = append(out, m)
		}
	}
	return out
}

// lists returns the names of all lists, with what each is for.
func (f PeerFilters) lists() []MissingList {
	return []MissingList{
		{f.In.SG, "sa-filter in"}, {f.In.RP, "sa-filter rp-list in"},
		{f.Out.SG, "sa-filter out"}, {f.Out.RP, "sa-filter rp-list out"},
		{f.ScopeBoundary, "scope-boundary"},
	}
}

// filter is what decides in one direction, with the lists in place of their names.
type filter struct {
	sg, rp, scope listUse
}

// listUse is a list in use. The zero value is none.
type listUse struct {
	name string
	list *acl.AccessList // nil: there is none of that name, and nothing is permitted
}

func (c *Config) use(name string) listUse { return listUse{name, c.Lists.Access(name)} }

func (c *Config) filter(l FilterLists, scope string) filter {
	return filter{sg: c.use(l.SG), rp: c.use(l.RP), scope: c.use(scope)}
}

func (u listUse) permits(sg ipv4.SG) bool {
	if u.name == "" {
		return true
	}
	ok, _ := u.list.Permits(sg)
	return ok
}

func (u listUse) permitsAddr(a ipv4.Addr) bool {
	if u.name == "" {
		return true
	}
	ok, _ := u.list.PermitsAddr(a)
	return ok
}

func (u listUse) permitsGroup(g ipv4.Addr) bool {
	if u.name == "" {
		return true
	}
	ok, _ := u.list.PermitsGroup(g)
	return ok
}

// passesAll reports whether there is nothing to look at.
func (f *filter) passesAll() bool { return f.sg.name == "" && f.rp.name == "" && f.scope.name == "" }

// judgeRP says why nothing with that RP passes, if so.
func (f *filter) judgeRP(rp ipv4.Addr) Reason {
	if !f.rp.permitsAddr(rp) {
		return ReasonFilter
	}
	return ReasonNone
}

// judge says why (S,G) does not pass, if so. The RP is judgeRP's.
func (f *filter) judge(sg ipv4.SG) Reason {
	if !f.scope.permitsGroup(sg.Group) {
		return ReasonScope
	}
	if !f.sg.permits(sg) {
		return ReasonFilter
	}
	return ReasonNone
}

// judgeEntry says why (S,G) of rp does not pass, if so.
func (f *filter) judgeEntry(sg ipv4.SG, rp ipv4.Addr) Reason {
	if why := f.judgeRP(rp); why != ReasonNone {
		return why
	}
	return f.judge(sg)
}

// syncFilters puts the configured lists into force: what the cache has against them leaves it.
func (s *Speaker) syncFilters() {
	for _, p := range s.ordered {
		in := s.config.filter(p.Filters.In, p.Filters.ScopeBoundary)
		if in != p.in {
			p.refilter = !in.passesAll()
			if p.refilter {
				s.refilterFrom = 1
			}
		}
		p.in = in
		p.out = s.config.filter(p.Filters.Out, p.Filters.ScopeBoundary)
	}
	s.redistribute = s.config.use(s.config.Redistribute.List)
	s.refilter()
}

// refilterLines is how many lines of lists a step of refilter looks at: some milliseconds.
const refilterLines = 1 << 20

// refilter goes on judging the cache by lists that have come into force: a small one at once, a
// large one with long lists in steps, between which the protocol goes on.
func (s *Speaker) refilter() {
	if s.refilterFrom == none {
		return
	}
	left, next := refilterLines, none
	s.cache.each(s.refilterFrom, s.cache.limit(), func(n number, e *entry) bool {
		left--
		if p := s.slots[e.peer]; p != nil && p.refilter {
			left -= p.in.lines()
			if why := p.in.judgeEntry(e.sg, e.rp); why != ReasonNone {
				s.refuse(p, e.rp, e.sg, why)
				s.removeEntry(n, e, why.Text())
			}
		}
		if left <= 0 {
			next = n + 1
		}
		return left > 0
	})
	s.refilterFrom = next
	if next == none {
		for _, p := range s.ordered {
			p.refilter = false
		}
	}
}

// stillPermitted reports whether e, which refilter may not have come to, may be passed on.
func (s *Speaker) stillPermitted(e *entry) bool {
	p := s.slots[e.peer]
	return p == nil || !p.refilter || p.in.judgeEntry(e.sg, e.rp) == ReasonNone
}

// lines is how many lines judgeEntry looks at, at most.
func (f *filter) lines() int { return f.sg.list.Len() + f.rp.list.Len() + f.scope.list.Len() }

// mayAnnounce reports whether SAs are sent for the local source sg.
func (s *Speaker) mayAnnounce(sg ipv4.SG) bool {
	r := s.config.Redistribute
	return !r.Restricted || r.List != "" && s.redistribute.permits(sg)
}

// filterBatch encodes for p what its filter permits of sgs, and returns it with the number of
// messages. It reports false where that is all of them: then what goes to others goes to p.
func (s *Speaker) filterBatch(p *peer, rp ipv4.Addr, sgs []ipv4.SG) (tlvs []byte, messages uint64, filtered bool) {
	if p.out.passesAll() {
		return nil, 0, false
	}
	s.permitted = s.permitted[:0]
	if p.out.judgeRP(rp) == ReasonNone {
		for _, sg := range sgs {
			if p.out.judge(sg) == ReasonNone {
				s.permitted = append(s.permitted, sg)
			}
		}
	}
	if len(s.permitted) == len(sgs) {
		return nil, 0, false
	}
	p.stats.FilteredOut += uint64(len(sgs) - len(s.permitted))
	s.filtered = wire.AppendSourceActive(s.filtered[:0], rp, s.permitted)
	return s.filtered, uint64(tlvCount(len(s.permitted))), true
}

// goodFor reports whether the default peer d serves SAs of rp.
func (c *Config) goodFor(d DefaultPeer, rp ipv4.Addr) bool {
	if d.PrefixList == "" {
		return true
	}
	list := c.Lists.Prefix(d.PrefixList)
	if list == nil {
		return false
	}
	ok, _ := list.PermitsAddr(rp)
	return ok
}
