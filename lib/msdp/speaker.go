// Package msdp is the protocol of RFC 3618: peerings and their state machine, the SA
// cache, peer-RPF, flooding, origination. It has no socket, no goroutine and no clock:
// its owner calls a Speaker with events, each with the time it happened, and the Speaker
// calls back through Env. So the whole protocol runs in a test without a network.
package msdp

import (
	"time"

	"go.uber.org/zap"

	"msdpd/lib/debug"
	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// ConnID names one transport connection; the owner gives it out.
type ConnID uint64

// Env is what a Speaker asks of its owner. None of its methods may call back into the
// Speaker; what comes of them arrives later, as an event.
type Env interface {
	// Dial opens a connection from local to remote; Connected or DialFailed answers.
	Dial(local, remote ipv4.Addr) ConnID
	// Close ends a connection, or an attempt; no event follows for it.
	Close(conn ConnID)
	// Send queues whole TLVs and copies them. False: the queue is full, nothing was taken,
	// and Writable will follow.
	Send(conn ConnID, tlvs []byte) bool
	// SendData queues one TLV, which may be lost, if little waits before it; it copies it.
	// False: it was not taken, and nothing follows.
	SendData(conn ConnID, tlv []byte) bool
	// ForwardData has a packet of sg, which came from the peer 'from', forwarded to the
	// receivers here, unless its stream comes by its own way; it copies it. DataForwarded
	// tells what became of it. False: it was not taken.
	ForwardData(from ipv4.Addr, sg ipv4.SG, packet []byte) bool
	// Listen sets the local addresses on which peers may connect.
	Listen(locals []ipv4.Addr)
	// Allow sets the peers that may connect.
	Allow(peers []ipv4.Addr)
	// Guard sets what protects the sessions with each peer that has protection. It is called
	// before Dial, Listen and Allow, which it holds for; connections that were made with
	// another are not to be used any more.
	Guard(guards map[ipv4.Addr]guard.Guard)
	// TrackRoute asks for the route to addr and all its changes: RouteChanged answers.
	TrackRoute(addr ipv4.Addr)
	// UntrackRoute ends it. Calls are counted: an address may be tracked more than once.
	UntrackRoute(addr ipv4.Addr)
	// AskBGP has bgpd asked about the path to rp, in by's turn: the peer that wants to know,
	// 0.0.0.0 for this router itself. BGPAnswered answers.
	AskBGP(rp, by ipv4.Addr)
	// WatchBGP has bgpd asked again and again, as it does not tell of changes, until UnwatchBGP.
	WatchBGP(rp ipv4.Addr)
	UnwatchBGP(rp ipv4.Addr)
	// Join asks for (S,G) to be joined towards the source; Leave ends it.
	Join(sg ipv4.SG)
	Leave(sg ipv4.SG)
}

// RPMap answers which router is the RP of a group, and whether this one is.
type RPMap interface {
	// Lookup returns the RP of group; mine says that it is this router, ok that there is one.
	Lookup(group ipv4.Addr) (rp ipv4.Addr, mine, ok bool)
	// MyRPs returns the RP addresses that are this router's, each once.
	MyRPs() []ipv4.Addr
}

type noRPs struct{}

func (noRPs) Lookup(ipv4.Addr) (ipv4.Addr, bool, bool) { return 0, false, false }
func (noRPs) MyRPs() []ipv4.Addr                       { return nil }

// Speaker is one routing instance's MSDP. Its methods must be called by one goroutine,
// with times that never go back.
type Speaker struct {
	env   Env
	log   *zap.Logger
	debug *debug.Log // may be nil
	// epoch is stamp 0, an hour before the Speaker began so that restored entries have a stamp.
	epoch time.Time
	now   time.Time

	config     Config
	interfaces *rib.Interfaces
	rps        RPMap
	myRPs      map[ipv4.Addr]bool
	isDR       map[string]bool // interface name → this router is DR there; nil: not known yet

	peers     map[ipv4.Addr]*peer
	ordered   []*peer // by address
	up        []*peer // those that are established, by address
	slots     []*peer // by peerIndex
	conns     map[ConnID]*peer
	listening map[ipv4.Addr]error // by local address; nil = listens

	cache  *table
	seq    sequence // of the last change
	recent recent
	swept  number // where the expiry sweep goes on
	sweepT time.Time

	limiter limiter

	rpTable  map[ipv4.Addr]*rpInfo
	pending  int    // SAs waiting for a route
	nexts    int    // RPs whose route is becoming BGP's
	rpfEpoch uint64 // changes when a remembered decision may no longer hold

	bgpNeighbors map[ipv4.Addr]uint32 // AS of each of bgpd's neighbours
	bgpAway      string               // why bgpd does not answer; "" where it does, or was never asked

	locals       []localSource
	localFree    []int
	localIndex   map[ipv4.SG]int
	registers    map[ipv4.SG]pendingRegister
	kernel       map[ipv4.SG]kernelEntry
	interest     map[ipv4.Addr]bool
	advertised   time.Time // SA-Advertisement-Timer: the last slot served
	nextSlot     int
	registerSeen RegisterCounters

	originator        ipv4.Addr // originator-id in force; 0.0.0.0: none
	originatorTrouble string    // why it is not the configured one, "" where it is
	saLog             saLog

	dataBucket bucket
	dataHeld   int // octets of packets that wait

	redistribute listUse
	// refilterFrom is the first entry that changed filters are still to judge; none: all is judged.
	refilterFrom number
	rejected     rejections

	// scratch
	sgs, permitted  []ipv4.SG
	bytes, filtered []byte
	warmer          warmer
	refusedRP       bool // the last SA was refused for its RP
	chunk           chunk
}

// New returns a Speaker without peers. Call Apply to give it a configuration.
func New(now time.Time, env Env, log *zap.Logger) *Speaker {
	return &Speaker{
		env: env, log: log, now: now, epoch: now.Add(-time.Hour),
		config:     Config{Timers: DefaultTimers()},
		interfaces: rib.NewInterfaces(nil),
		rps:        noRPs{},
		peers:      make(map[ipv4.Addr]*peer),
		slots:      make([]*peer, 1), // index 0 is no peer
		conns:      make(map[ConnID]*peer),
		listening:  make(map[ipv4.Addr]error),
		cache:      newTable(),
		rpTable:    make(map[ipv4.Addr]*rpInfo),
		localIndex: make(map[ipv4.SG]int),
		registers:  make(map[ipv4.SG]pendingRegister),
		kernel:     make(map[ipv4.SG]kernelEntry),
		interest:   make(map[ipv4.Addr]bool),
		sweepT:     now, advertised: now,
		seq: 1, recent: recent{settled: 1}, // 0 is older than every change
	}
}

func (s *Speaker) stampOf(t time.Time) stamp { return stamp(t.Sub(s.epoch) / stampUnit) }
func (s *Speaker) timeOf(t stamp) time.Time  { return s.epoch.Add(time.Duration(t) * stampUnit) }
func (s *Speaker) stamp() stamp              { return s.stampOf(s.now) }

// Apply makes c the configuration and acts on the difference: a peer that did not change
// keeps its session. c must have passed Validate.
func (s *Speaker) Apply(now time.Time, c Config) {
	s.now = now
	old := s.config.Limits
	s.config = c.Clone()
	s.resolveOriginator()
	s.rejected.resize(c.RejectedSAs)
	s.syncPeers()
	s.applyLimits(old)
	s.rpfEpoch++
	s.announceChanged()
}

// SetInterfaces tells which addresses and subnets this router has.
func (s *Speaker) SetInterfaces(now time.Time, all *rib.Interfaces) {
	s.now = now
	s.interfaces = all
	s.resolveOriginator()
	s.syncPeers()
	for _, p := range s.ordered {
		s.localAddressMayHaveCome(p)
	}
	s.judgeOnLinkAgain()
	for group := range s.interest {
		s.interestChanged(group)
	}
}

// SetRPs tells for which groups this router is the RP.
func (s *Speaker) SetRPs(now time.Time, rps RPMap) {
	s.now = now
	s.rps = rps
	s.myRPs = make(map[ipv4.Addr]bool)
	for _, rp := range rps.MyRPs() {
		s.myRPs[rp] = true
	}
	s.dropForeignLocals()
	s.judgeOnLinkAgain()
}

// SetDR tells on which interfaces, by name, this router is the PIM DR. Until it is first
// called, nothing is decided about sources on our own subnets.
func (s *Speaker) SetDR(now time.Time, dr map[string]bool) {
	s.now = now
	s.isDR = dr
	s.judgeOnLinkAgain()
}

// RouteChanged tells the route to a tracked address, first and whenever it changes.
func (s *Speaker) RouteChanged(now time.Time, addr ipv4.Addr, r rib.Route) {
	s.now = now
	s.routeChanged(addr, r)
}

// TickInterval is how often Tick must be called: every timer of the protocol is that exact.
const TickInterval = 100 * time.Millisecond

// Tick runs what is due at now.
func (s *Speaker) Tick(now time.Time) {
	s.now = now
	for _, p := range s.ordered {
		s.peerTimers(p)
	}
	s.routeTimers()
	s.expireRegisters()
	s.tellLeftOut()
	if now.Sub(s.advertised) > SAAdvertisementPeriod { // the clock jumped
		s.advertised = now.Add(-SAAdvertisementPeriod)
	}
	for now.Sub(s.advertised) >= advertiseSlot {
		s.advertised = s.advertised.Add(advertiseSlot)
		s.advertiseNextSlot()
	}
	s.sweep()
	s.refilter()
	s.countMore()
	s.tellLimits()
}

// Close ends every session.
func (s *Speaker) Close(now time.Time) {
	s.now = now
	for _, p := range s.ordered {
		s.dropConnections(p)
		s.enter(p, StateDisabled, "msdpd ends")
	}
	s.env.Listen(nil)
	s.env.Allow(nil)
}
