package pim

import (
	"cmp"
	"slices"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

// lookup returns the join's number and itself, nil where there is none.
func (j *Joiner) lookup(sg ipv4.SG) (int32, *join) {
	i, ok := j.index[sg]
	if !ok {
		return none, nil
	}
	return i, &j.joins[i]
}

// add makes a slot for sg.
func (j *Joiner) add(sg ipv4.SG) (int32, *join) {
	i := j.free
	if i == none {
		i = int32(len(j.joins))
		j.joins = append(j.joins, join{})
	} else {
		j.free = j.joins[i].next
	}
	j.joins[i] = join{sg: sg, prev: none, next: none, pos: none}
	j.index[sg] = i
	g := j.groups[sg.Group]
	if g == nil {
		g = &joinGroup{head: none, tail: none}
		g.waiting = joinHeap{j: j, name: inGroup}
		j.groups[sg.Group] = g
	}
	g.known++
	return i, &j.joins[i]
}

// forget frees the slot of a join that nobody knows of any more.
func (j *Joiner) forget(i int32) {
	e := &j.joins[i]
	if e.wanted || e.linger || e.class != classNone {
		return
	}
	if e.present && e.ours {
		return
	}
	g := j.groups[e.sg.Group]
	if g.known--; g.known == 0 {
		delete(j.groups, e.sg.Group)
	}
	delete(j.index, e.sg)
	*e = join{next: j.free}
	j.free = i
}

func (j *Joiner) setState(e *join, s JoinState) {
	j.states[e.state]--
	j.states[s]++
	e.state = s
}

// reclass counts a join where it belongs now. What we told the PIM daemon of counts as
// long as the kernel has it, with outgoing interfaces or without: the next receiver
// gives it one.
func (j *Joiner) reclass(i int32) {
	e := &j.joins[i]
	class := classNone
	switch held := e.confirmed() || e.present && e.ours || e.linger; {
	case e.admitted:
		class = classJoined
	case held && e.wanted:
		class = classHeld
	case held:
		class = classForeign
	}
	if class == e.class {
		return
	}
	g := j.groups[e.sg.Group]
	g.counts[e.class]--
	g.counts[class]++
	e.class = class
}

// room reports whether the group's limit lets e be admitted.
func (j *Joiner) room(g *joinGroup, e *join) bool {
	if j.cfg.MaxPerGroup <= 0 {
		return true
	}
	// No more of a group wait for a place among all than the group has room for.
	others := g.counts[classJoined] + g.counts[classHeld] + g.counts[classForeign]
	if e.class == classHeld {
		others--
	}
	return others+g.inWaiting < j.cfg.MaxPerGroup
}

// place lets a wanted join that is in no heap wait for room, or for an RP. The caller
// fills what room there is.
func (j *Joiner) place(i int32) {
	e := &j.joins[i]
	if _, ok := j.cfg.RPFor(e.sg.Group); !ok {
		j.setState(e, JoinNoRP)
		return
	}
	j.setState(e, JoinLimited)
	j.groups[e.sg.Group].waiting.push(i)
}

// wait queues a join for a place among all.
func (j *Joiner) wait(i int32) {
	j.groups[j.joins[i].sg.Group].inWaiting++
	j.waiting.push(i)
}

func (j *Joiner) admit(t int64, i int32) {
	e := &j.joins[i]
	g := j.groups[e.sg.Group]
	e.admitted = true
	j.admitted++
	e.prev, e.next = g.tail, none
	if g.tail != none {
		j.joins[g.tail].next = i
	} else {
		g.head = i
	}
	g.tail = i
	j.reclass(i)
	j.restart(t, i)
}

// unadmit gives a join's place back. The caller reclassifies it and fills the place.
func (j *Joiner) unadmit(i int32) {
	e := &j.joins[i]
	if !e.admitted {
		return
	}
	g := j.groups[e.sg.Group]
	if e.prev != none {
		j.joins[e.prev].next = e.next
	} else {
		g.head = e.next
	}
	if e.next != none {
		j.joins[e.next].prev = e.prev
	} else {
		g.tail = e.prev
	}
	e.prev, e.next = none, none
	e.admitted = false
	j.admitted--
}

// withoutRP takes a wanted join out of everything until there is an RP for it.
func (j *Joiner) withoutRP(i int32) {
	j.dequeue(i)
	j.unadmit(i)
	j.setState(&j.joins[i], JoinNoRP)
	j.reclass(i)
}

// fill gives free places to those who wait longest: who has room in its group waits for a
// place among all, and gets it in the order of wanting.
func (j *Joiner) fill(t int64, g *joinGroup) {
	j.promote(t, g)
	for j.admitted < j.cfg.MaxJoins && len(j.waiting.items) > 0 {
		i := j.waiting.items[0]
		g := j.groups[j.joins[i].sg.Group]
		j.dequeue(i)
		if j.room(g, &j.joins[i]) {
			j.admit(t, i)
		} else {
			g.waiting.push(i)
		}
		j.promote(t, g)
	}
	if len(j.waiting.items) > 0 {
		j.warnTotal()
	}
}

// promote lets those who wait within the group wait among all, as long as the group has room.
func (j *Joiner) promote(t int64, g *joinGroup) {
	for len(g.waiting.items) > 0 {
		i := g.waiting.items[0]
		if !j.room(g, &j.joins[i]) {
			j.warnGroup(t, g, &j.joins[i])
			return
		}
		g.waiting.remove(i)
		j.wait(i)
	}
}

// shed takes the places of those joined last while the group is over its limit, so that
// the PIM daemon forgets them. It does so only for what others brought about: shedding
// is no help against what was joined and is on its way out already.
func (j *Joiner) shed(g *joinGroup) {
	if j.cfg.MaxPerGroup <= 0 {
		return
	}
	for g.tail != none && g.counts[classJoined]+g.counts[classForeign] > j.cfg.MaxPerGroup {
		i := g.tail
		j.displace(i)
		g.waiting.push(i)
	}
}

// shedTotal does the same for the limit over all groups.
func (j *Joiner) shedTotal() {
	over := j.admitted - j.cfg.MaxJoins
	if over <= 0 {
		return
	}
	var all []int32
	for i := range j.joins {
		if j.joins[i].admitted {
			all = append(all, int32(i))
		}
	}
	slices.SortFunc(all, func(a, b int32) int { return cmp.Compare(j.joins[b].seq, j.joins[a].seq) })
	for _, i := range all[:over] {
		j.displace(i)
		j.wait(i)
	}
}

func (j *Joiner) displace(i int32) {
	j.dequeue(i)
	j.unadmit(i)
	j.setState(&j.joins[i], JoinLimited)
	j.reclass(i)
}

func (j *Joiner) warnGroup(t int64, g *joinGroup, e *join) {
	if g.toldLimit {
		return
	}
	g.toldLimit = true
	more, ok := j.toldLimit.allow(t)
	if !ok {
		return
	}
	j.cfg.Log.Warn("group has more sources than can be joined; the oldest stay joined. FRR's pimd before 10.7 dies of more than 181",
		zap.Stringer("group", e.sg.Group), zap.Int("limit", j.cfg.MaxPerGroup), zap.Int("groups_untold", more))
}

func (j *Joiner) warnTotal() {
	if j.toldTotal {
		return
	}
	j.toldTotal = true
	j.cfg.Log.Warn("more sources than can be joined in all groups together; the oldest stay joined", zap.Int("limit", j.cfg.MaxJoins))
}
