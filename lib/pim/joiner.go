package pim

import (
	"time"

	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

// JoinState is how far the join of a wanted (S,G) is.
type JoinState uint8

// The states of a join.
const (
	// JoinQueued waits for its turn, or for another try after a send that failed.
	JoinQueued JoinState = iota
	// JoinSent was sent to the PIM daemon, and the kernel does not forward yet.
	JoinSent
	// JoinConfirmed forwards: the kernel has the (S,G) with an outgoing interface.
	JoinConfirmed
	// JoinLimited is not sent because its group, or all together, reached the limit.
	JoinLimited
	// JoinBlocked is not sent because of what Block was told.
	JoinBlocked
	// JoinNoRP is not sent because no RP address of ours serves the group.
	JoinNoRP
	numJoinStates
)

// String returns the state in one or two words.
func (s JoinState) String() string {
	switch s {
	case JoinQueued:
		return "queued"
	case JoinSent:
		return "sent"
	case JoinConfirmed:
		return "confirmed"
	case JoinLimited:
		return "limited"
	case JoinBlocked:
		return "blocked"
	case JoinNoRP:
		return "no RP"
	}
	return "unknown"
}

// JoinerConfig is what a Joiner needs.
type JoinerConfig struct {
	// Send sends Null-Registers and says how many of sgs were sent, from the first on:
	// Sender.Send.
	Send func(rp ipv4.Addr, sgs []ipv4.SG) (sent int, err error)
	// RPFor returns our RP address that serves a group; ok is false where we are not its RP.
	RPFor func(group ipv4.Addr) (rp ipv4.Addr, ok bool)
	Log   *zap.Logger
	// Rate is the most Null-Registers a second; 0 means 2000.
	Rate int
	// Refresh is how often a join is repeated; 0 means 60 s. A PIM daemon forgets after
	// 185 s at the earliest.
	Refresh time.Duration
	// MaxJoins bounds the joins of all groups together; 0 means 10000.
	MaxJoins int
	// MaxPerGroup bounds the sources that are joined in one group, 0 means without limit:
	// State.MaxJoinsPerGroup of package pimd.
	MaxPerGroup int
}

const (
	defaultRate     = 2000
	defaultRefresh  = time.Minute
	defaultMaxJoins = 10000

	// A burst is what is sent at once, every stepTime: a PIM daemon's socket has room for
	// some 500 packets, and the Registers of its DRs go there too.
	stepTime = 10 * time.Millisecond

	maxBackoff = time.Minute
	// warnAfter is how many tries in vain there are before a warning.
	warnAfter = 3
	// lingerTime is how long a join that went unconfirmed keeps its place in its group after
	// it is not wanted any more: the PIM daemon may be just about to take it.
	lingerTime = 5 * time.Second
)

// JoinerStats counts joins: each wanted one is in exactly one of the states.
type JoinerStats struct {
	Wanted                                          int
	Queued, Sent, Confirmed, Limited, Blocked, NoRP int
	// Registers is the number of Null-Registers sent since the start, Failed that of those
	// which could not be sent.
	Registers, Failed uint64
}

// Joiner makes the PIM daemon join wanted (S,G)s and keeps them joined: paced, confirmed
// by the kernel's forwarding cache, tried again, and bounded. It has no goroutine and
// reads no clock; its owner calls it, and calls Tick when Next says so.
//
// It is known to the PIM daemon what was sent, for three minutes at least: an (S,G) that
// is not wanted any more stays in the kernel and in the daemon's Joins until then, and
// counts against its group's limit just like one that others brought about.
type Joiner struct {
	cfg       JoinerConfig
	perStep   int
	stepEvery int64

	base    time.Time
	started bool

	// joins are known by number; free slots are chained through next.
	joins  []join
	free   int32
	index  map[ipv4.SG]int32
	groups map[ipv4.Addr]*joinGroup

	fresh   joinHeap // to be sent for the first time, or again from the start
	timed   joinHeap // tries and refreshes, by due
	waiting joinHeap // limited by MaxJoins, the oldest first
	linger  []lingering

	seq      uint64
	admitted int
	states   [numJoinStates]int

	stepStart int64
	stepLeft  int

	blocked   bool
	registers uint64
	failed    uint64

	toldTotal  bool
	toldLimit  rateLimit
	toldTries  rateLimit
	failingRPs map[ipv4.Addr]bool
	batch      []int32
	sgs        []ipv4.SG
}

// join is an (S,G) that is wanted or that the kernel has. It holds no pointer.
type join struct {
	sg  ipv4.SG
	seq uint64 // order in which joins became wanted
	due int64  // nanoseconds since base
	rp  ipv4.Addr

	tries int32 // Null-Registers sent without being confirmed
	fails int32 // sends that failed, in a row

	outIfs     int32
	prev, next int32 // among the admitted ones of the group, in the order of admission
	pos        int32 // in the heap that where names

	where    heapName
	state    JoinState
	class    joinClass
	present  bool // the kernel has it
	wanted   bool
	admitted bool
	ours     bool // the PIM daemon has been told of it
	linger   bool
}

func (e *join) confirmed() bool { return e.present && e.outIfs > 0 }

// joinClass says how a join counts against its group's limit.
type joinClass uint8

const (
	classNone    joinClass = iota // not at all
	classJoined                   // admitted
	classHeld                     // wanted, not admitted, but in the PIM daemon's Joins
	classForeign                  // not wanted (any more), but in the PIM daemon's Joins
	numJoinClasses
)

type joinGroup struct {
	counts     [numJoinClasses]int
	known      int // joins of this group in the table, of any class
	head, tail int32
	waiting    joinHeap // limited by MaxPerGroup, the oldest first
	inWaiting  int      // joins of this group in Joiner.waiting
	toldLimit  bool
	toldTries  bool
}

// lingering is a join that keeps its place until then.
type lingering struct {
	sg    ipv4.SG
	until int64
}

const none = int32(-1)

// NewJoiner returns a Joiner that wants nothing.
func NewJoiner(cfg JoinerConfig) *Joiner {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Rate <= 0 {
		cfg.Rate = defaultRate
	}
	if cfg.Refresh <= 0 {
		cfg.Refresh = defaultRefresh
	}
	if cfg.MaxJoins <= 0 {
		cfg.MaxJoins = defaultMaxJoins
	}
	perStep := max(1, int(int64(cfg.Rate)*int64(stepTime)/int64(time.Second)))
	j := &Joiner{
		cfg:        cfg,
		perStep:    perStep,
		stepEvery:  (int64(time.Second)*int64(perStep) + int64(cfg.Rate) - 1) / int64(cfg.Rate),
		free:       none,
		index:      make(map[ipv4.SG]int32),
		groups:     make(map[ipv4.Addr]*joinGroup),
		failingRPs: make(map[ipv4.Addr]bool),
	}
	j.fresh = joinHeap{j: j, name: inFresh}
	j.timed = joinHeap{j: j, name: inTimed}
	j.waiting = joinHeap{j: j, name: inWaiting}
	j.stepLeft = perStep
	return j
}

// at returns a time as nanoseconds since the first one seen.
func (j *Joiner) at(now time.Time) int64 {
	if !j.started {
		j.started, j.base = true, now
	}
	return int64(now.Sub(j.base))
}

// Want says that sg shall be joined: an SA for it is cached, and its group has
// receivers here. It is sent by the next Tick that has room for it. Wanting it again
// changes nothing.
func (j *Joiner) Want(now time.Time, sg ipv4.SG) {
	t := j.at(now)
	i, e := j.lookup(sg)
	if e == nil {
		i, e = j.add(sg)
	}
	if e.wanted {
		return
	}
	e.wanted, e.linger = true, false
	e.seq = j.seq
	j.seq++
	e.state = JoinQueued
	j.states[JoinQueued]++
	j.reclass(i)
	j.place(i)
	j.fill(t, j.groups[sg.Group])
}

// Unwant says that sg need not be joined any more. Nothing is sent for it from now on;
// the PIM daemon forgets it by itself.
func (j *Joiner) Unwant(now time.Time, sg ipv4.SG) {
	t := j.at(now)
	i, e := j.lookup(sg)
	if e == nil || !e.wanted {
		return
	}
	g := j.groups[sg.Group]
	j.dequeue(i)
	j.unadmit(i)
	e.wanted = false
	j.states[e.state]--
	if e.ours && !e.present {
		e.linger, e.due = true, t+int64(lingerTime)
		j.linger = append(j.linger, lingering{sg, e.due})
	}
	j.reclass(i)
	j.forget(i)
	j.fill(t, g)
}

// Kernel says what the kernel's forwarding cache has for sg, wanted or not: whether the
// entry is there, and with how many outgoing interfaces. The owner calls it for each
// (S,G) that MFCUpdate and MFCDelete of package mroute tell of.
//
// (S,G)s that are not wanted but forwarded use up their group's limit, because the PIM
// daemon puts them into the same Join message. The owner leaves out sources on networks
// of this router: no Join is sent for these.
func (j *Joiner) Kernel(now time.Time, sg ipv4.SG, outIfs int, present bool) {
	if sg.Source.IsUnspecified() {
		return
	}
	t := j.at(now)
	if !present {
		outIfs = 0
	}
	i, e := j.lookup(sg)
	if e == nil {
		if outIfs == 0 {
			return
		}
		i, e = j.add(sg)
	}
	g := j.groups[sg.Group]
	e.present, e.outIfs = present, int32(outIfs)
	if !present && !e.wanted && !e.linger {
		e.ours = false
	}
	switch {
	case e.where != inTimed:
	case e.confirmed() && e.state == JoinSent:
		j.confirm(t, i)
	case !e.confirmed() && e.state == JoinConfirmed:
		// Receivers may just be leaving; if not, the PIM daemon has to be told again soon.
		j.setState(e, JoinSent)
		e.tries = 1
		j.schedule(i, t+int64(time.Second))
	}
	j.reclass(i)
	j.forget(i)
	j.shed(g)
	j.fill(t, g)
}

// SetLimits changes MaxJoins and MaxPerGroup, with the meaning they have in
// JoinerConfig. Where there are more joins than a new limit allows, those joined last
// become limited.
func (j *Joiner) SetLimits(now time.Time, maxJoins, maxPerGroup int) {
	t := j.at(now)
	if maxJoins <= 0 {
		maxJoins = defaultMaxJoins
	}
	if maxJoins == j.cfg.MaxJoins && maxPerGroup == j.cfg.MaxPerGroup {
		return
	}
	j.cfg.MaxJoins, j.cfg.MaxPerGroup = maxJoins, maxPerGroup
	j.toldTotal = false
	for _, g := range j.groups {
		g.toldLimit = false
		j.shed(g)
	}
	j.shedTotal()
	for _, g := range j.groups {
		j.fill(t, g)
	}
}

// Block stops all sending; reason is for the log. Unblock resumes it.
func (j *Joiner) Block(now time.Time, reason string) {
	j.at(now)
	if !j.blocked {
		j.cfg.Log.Warn("no joins are sent to the PIM daemon", zap.String("reason", reason))
	}
	j.blocked = true
}

// Unblock ends Block: all joins are sent again, paced.
func (j *Joiner) Unblock(now time.Time) {
	if !j.blocked {
		return
	}
	j.blocked = false
	j.cfg.Log.Info("joins are sent to the PIM daemon again")
	j.PIMRestarted(now)
}

// PIMRestarted says that the PIM daemon has started anew and knows nothing: all joins
// are sent again, paced.
func (j *Joiner) PIMRestarted(now time.Time) {
	t := j.at(now)
	for i := range j.joins {
		if j.joins[i].admitted {
			j.restart(t, int32(i))
		}
	}
}

// RPChanged says that RPFor may answer differently now. Joins whose RP address is
// another one are sent to that at once.
func (j *Joiner) RPChanged(now time.Time) {
	t := j.at(now)
	clear(j.failingRPs)
	for n := range j.joins {
		i, e := int32(n), &j.joins[n]
		if !e.wanted {
			continue
		}
		rp, ok := j.cfg.RPFor(e.sg.Group)
		switch {
		case !ok && e.state != JoinNoRP:
			j.withoutRP(i)
		case ok && e.state == JoinNoRP:
			j.place(i)
		case ok && e.admitted && (rp != e.rp || e.fails > 0):
			j.restart(t, i)
		}
	}
	for _, g := range j.groups {
		j.fill(t, g)
	}
}

// State returns the state of a wanted join; ok is false where sg is not wanted.
func (j *Joiner) State(sg ipv4.SG) (state JoinState, ok bool) {
	_, e := j.lookup(sg)
	if e == nil || !e.wanted {
		return 0, false
	}
	if j.blocked && e.admitted {
		return JoinBlocked, true
	}
	return e.state, true
}

// Joined returns what is joined, or will be as soon as there is an RP for it, in no order:
// at most limit. What a limit holds back is not among it.
func (j *Joiner) Joined(limit int) []ipv4.SG {
	var out []ipv4.SG
	for i := range j.joins {
		if len(out) == limit {
			break
		}
		if e := &j.joins[i]; e.wanted && e.state != JoinLimited {
			out = append(out, e.sg)
		}
	}
	return out
}

// Stats returns the counts of the moment.
func (j *Joiner) Stats() JoinerStats {
	s := JoinerStats{
		Queued: j.states[JoinQueued], Sent: j.states[JoinSent], Confirmed: j.states[JoinConfirmed],
		Limited: j.states[JoinLimited], NoRP: j.states[JoinNoRP],
		Registers: j.registers, Failed: j.failed,
	}
	s.Wanted = s.Queued + s.Sent + s.Confirmed + s.Limited + s.NoRP
	if j.blocked {
		s.Blocked = s.Queued + s.Sent + s.Confirmed
		s.Queued, s.Sent, s.Confirmed = 0, 0, 0
	}
	return s
}
