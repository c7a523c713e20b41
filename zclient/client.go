package zclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"msdpd/lib/ipv4"
	"msdpd/lib/rib"
)

// DefaultRetry is how long after a failed attempt or a lost session the next attempt starts.
const DefaultRetry = time.Second

// slowRetries is how many times longer the pause is at most after attempts in which a
// zebra was found but no session came up, or none that lasted. It ends early when another zebra
// comes.
const slowRetries = 30

const (
	// answerTimeout bounds the time from our HELLO to the last interface. A zebra that
	// is loading a full table at boot takes its time.
	answerTimeout = 15 * time.Second
	// stuckTimeout is how long zebra may leave our requests unread, or the rest of a
	// message unsent, until the session counts as lost.
	stuckTimeout = 60 * time.Second
	// releaseTimeout bounds the question for the release.
	releaseTimeout = 3 * time.Second
	// askAgainTime is how often it is asked again while it is only assumed.
	askAgainTime = 5 * time.Second
	// settledTime is how long a session must have lasted for the next attempt to come soon.
	settledTime = 10 * time.Second
)

// Config says where zebra is and who hears of it.
type Config struct {
	// Socket is the path of zebra's socket, as a rule /var/run/frr/zserv.api.
	Socket string
	// Release asks for zebra's release, "8.4.4" or the first line of its "show version".
	// It is called at the start of every session, for zebra may come back as another
	// one, with a context of a few seconds. Where it is nil or fails, the release of the
	// session before is assumed, or 8.4, and the log says so; it is called again then, every few
	// seconds, and a session with a zebra that speaks otherwise ends.
	Release func(context.Context) (string, error)
	Log     *zap.Logger
	Handler Handler
	// Retry is the pause between attempts; 0 stands for DefaultRetry.
	Retry time.Duration
}

// Handler hears what zebra says. Its methods are called from the goroutine of
// Client.Run, one after the other; while one does not return, nothing is read from
// zebra, and zebra keeps what it has for us.
type Handler interface {
	// ZebraUp says that a session is there and which release zebra is ("8.4.4").
	// Interfaces follows at once, then a Route for each tracked address.
	ZebraUp(release string)
	// ZebraDown says that the session is lost, once for each ZebraUp that Run outlives.
	ZebraDown(err error)
	// Interfaces is a full snapshot, sorted by index, of the interfaces of the default
	// VRF: at the start of a session, and after changes. The handler may keep it.
	// It says what FRR's own daemons are told: when a link goes down, zebra withdraws the
	// interface's addresses though the kernel keeps them, and a later session lists them again.
	//
	// nil says that zebra's messages about them cannot be read in this session: then
	// somebody else must be asked.
	Interfaces(all []rib.Interface)
	// Routes are the routes to tracked addresses: zebra's first answer for each, and what
	// changed. Of several changes of one route that come together only the last is told.
	Routes(changes []Change)
	// Path is the answer to AskPath; nil where BGP has told zebra nothing of addr.
	Path(addr ipv4.Addr, path *rib.BGPPath)
}

// Client keeps a session with zebra. Its methods may be called from any goroutine.
type Client struct {
	cfg       Config
	sessionID uint32
	// Two of the constants, shorter in tests.
	answerTimeout, stuckTimeout, askAgainTime, settledTime time.Duration

	wake chan struct{} // there is something in pending; of capacity 1

	mu     sync.Mutex
	wanted map[ipv4.Addr]struct{} // what is tracked
	// pending is what zebra must still be told: register if wanted, else unregister. It
	// is a set and no queue, so however long zebra does not read, it stays as small as
	// the set of addresses.
	pending map[ipv4.Addr]struct{}
	sent    map[ipv4.Addr]struct{} // what zebra was told to track in this session
	lookups map[ipv4.Addr]struct{} // what AskPath was called for
	live    bool                   // there is a session to tell it in
	paths   bool                   // zebra can answer AskPath in it
	status  Status
	release version             // of the last session in which it was known
	odd     map[string]struct{} // kinds of undecodable messages that the log has told of
}

// Status is what the client can say of itself.
type Status struct {
	Socket    string
	Connected bool
	// Since is when the session came up, or when it was lost; zero before the first one.
	Since time.Time
	// Release is zebra's release in the last session, as it was told or assumed.
	Release string
	// Error says why there is no session; "" while there is one.
	Error string
	// RouterID and VRFs, names by number, are what zebra said last; VRFs is not changed.
	RouterID ipv4.Addr
	VRFs     map[uint32]string
	// Sessions counts the sessions that came up.
	Sessions uint64
	// Tracked counts the addresses tracked, Pending those of them (or of those no longer
	// tracked) that zebra has yet to be told of.
	Tracked, Pending int
	// Received and Sent count messages; Undecodable those received that could not be
	// read, Refused our requests that zebra did not understand.
	Received, Sent, Undecodable, Refused uint64
}

// New returns a client that does nothing until Run.
func New(cfg Config) *Client {
	if cfg.Retry <= 0 {
		cfg.Retry = DefaultRetry
	}
	return &Client{
		cfg:           cfg,
		sessionID:     uint32(os.Getpid()),
		answerTimeout: answerTimeout,
		settledTime:   settledTime,
		askAgainTime:  askAgainTime,
		stuckTimeout:  stuckTimeout,
		wake:          make(chan struct{}, 1),
		wanted:        make(map[ipv4.Addr]struct{}),
		pending:       make(map[ipv4.Addr]struct{}),
		sent:          make(map[ipv4.Addr]struct{}),
		lookups:       make(map[ipv4.Addr]struct{}),
		status:        Status{Socket: cfg.Socket},
		odd:           make(map[string]struct{}),
	}
}

// Run keeps a session with zebra until ctx ends: it connects, and connects again a
// pause after each failure and loss. The log tells of each change once, however many
// attempts lie between.
func (c *Client) Run(ctx context.Context) {
	var t troubles
	for {
		began := time.Now()
		up, err := c.session(ctx)
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		c.status.Error = err.Error()
		c.mu.Unlock()
		if up {
			c.cfg.Handler.ZebraDown(err)
		}
		if socket := c.socketID(); t.socket != socket || up && time.Since(began) >= c.settledTime {
			t = troubles{socket: socket, absent: t.absent}
		}
		c.rest(ctx, t.note(c.cfg.Log, up, err))
		if ctx.Err() != nil {
			return
		}
	}
}

// troubles are what one zebra, known by its socket, has given.
type troubles struct {
	socket  uint64
	refused int      // sessions that did not come up, or did not last
	said    []string // what was logged of that
	absent  bool     // that there is none was logged
}

// troublesSaid is how many different reasons are logged for one zebra.
const troublesSaid = 8

// note logs why there is no session, unless it did so already, and returns how many were refused
// in a row.
func (t *troubles) note(log *zap.Logger, up bool, err error) int {
	var greeting *greetingError
	text := ""
	switch {
	case up:
		text = "lost zebra; trying again until it is back"
		t.absent = true
	case errors.As(err, &greeting):
		text = "zebra is there, but no session comes up; trying on, less often"
	case errors.Is(err, fs.ErrPermission):
		text = "zebra's socket is not for this user; run msdpd as FRR's user and group (-u, -g); trying on, less often"
	default:
		if !t.absent {
			log.Warn("zebra is not there; trying until it is", zap.Error(err))
		}
		t.absent = true
		return 0
	}
	t.refused++
	if why := err.Error(); len(t.said) < troublesSaid && !slices.Contains(t.said, why) {
		t.said = append(t.said, why)
		log.Warn(text, zap.Error(err))
	}
	return t.refused
}

// rest waits between attempts: longer with each that was refused, but not when another
// zebra has come, whose socket is another one.
func (c *Client) rest(ctx context.Context, refused int) {
	before := c.socketID()
	for range min(1<<min(max(refused-1, 0), 10), slowRetries) {
		select {
		case <-time.After(c.cfg.Retry):
		case <-ctx.Done():
			return
		}
		if c.socketID() != before {
			return
		}
	}
}

// socketID is something that another socket in the same place differs in; 0: there is none.
func (c *Client) socketID() uint64 {
	var st unix.Stat_t
	if err := unix.Stat(c.cfg.Socket, &st); err != nil {
		return 0
	}
	return st.Ino ^ uint64(st.Ctim.Nano())
}

// Track asks zebra for the route to addr, from now on and after each return of zebra.
// It never blocks. To track what is tracked already does nothing.
func (c *Client) Track(addr ipv4.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.wanted[addr]; ok {
		return
	}
	c.wanted[addr] = struct{}{}
	// Also where zebra still tracks it: then it answers once more, for whoever asks anew
	// has forgotten the last answer.
	c.tell(addr)
}

// Untrack takes Track back. A call of Handler.Route for addr that is under way may still
// arrive. It never blocks.
func (c *Client) Untrack(addr ipv4.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.wanted[addr]; !ok {
		return
	}
	delete(c.wanted, addr)
	if _, ok := c.sent[addr]; ok {
		c.tell(addr)
	} else {
		delete(c.pending, addr)
	}
}

// AskPath asks zebra once what BGP told it of the route to addr; Handler.Path is the answer.
// It never blocks. Without a session, and with an FRR before 10.5, which cannot say it,
// nothing happens.
func (c *Client) AskPath(addr ipv4.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paths {
		c.lookups[addr] = struct{}{}
		c.poke()
	}
}

// tell notes that zebra must hear of addr. c.mu is held.
func (c *Client) tell(addr ipv4.Addr) {
	if !c.live {
		return // all that is wanted goes out when a session begins
	}
	c.pending[addr] = struct{}{}
	c.poke()
}

// poke wakes the writer.
func (c *Client) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Status returns the state of this moment.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	s.Tracked, s.Pending = len(c.wanted), len(c.pending)
	return s
}

// count changes the status.
func (c *Client) count(f func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.status)
}

func (c *Client) tracked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.wanted)
}

func (c *Client) isWanted(addr ipv4.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.wanted[addr]
	return ok
}

// begin makes everything wanted pending in a new session.
func (c *Client) begin(r *release, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live, c.paths = true, r.tellsPaths()
	clear(c.sent)
	clear(c.pending)
	for addr := range c.wanted {
		c.pending[addr] = struct{}{}
	}
	c.status.Connected, c.status.Since, c.status.Error = true, time.Now(), ""
	c.status.Release = name
	c.status.Sessions++
}

// finish ends what begin began.
func (c *Client) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live, c.paths = false, false
	clear(c.sent)
	clear(c.pending)
	clear(c.lookups)
	c.status.Connected, c.status.Since = false, time.Now()
}

// requestBatch is the most requests in one write.
const requestBatch = 512

// takePending moves some of what is pending into requests for zebra. They count as sent:
// if they are lost, the session is.
func (c *Client) takePending(b []byte, r *release) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for addr := range c.pending {
		if n++; n > requestBatch {
			break
		}
		delete(c.pending, addr)
		_, on := c.wanted[addr]
		if on {
			c.sent[addr] = struct{}{}
		} else {
			delete(c.sent, addr)
		}
		b = appendRegister(b, r, netip.PrefixFrom(addr.Netip(), 32), on)
		c.status.Sent += uint64(len(r.tables()))
	}
	for addr := range c.lookups {
		if n++; n > requestBatch {
			break
		}
		delete(c.lookups, addr)
		b = appendLookup(b, r, addr)
		c.status.Sent++
	}
	return b
}

// askRelease finds out what zebra speaks, and its release in words; told is false where nobody
// said so.
func (c *Client) askRelease(ctx context.Context) (r *release, name string, told bool) {
	v, name, err := c.toldRelease(ctx)
	if err == nil {
		r, known := releaseOf(v)
		if c.firstTime("release " + name) {
			c.logRelease(r, v, known, name)
		}
		return r, name, true
	}
	c.mu.Lock()
	v = c.release
	c.mu.Unlock()
	if v == (version{}) {
		v = assumed
	}
	r, _ = releaseOf(v)
	if c.firstTime("no release") {
		c.cfg.Log.Warn("zebra's release is not known; say it by --zebra-version if the one assumed is wrong",
			zap.Stringer("assumed", v), zap.String("messages", r.span()), zap.Error(err))
	}
	return r, v.String(), false
}

// logRelease tells which release zebra is, and by which messages it is spoken to.
func (c *Client) logRelease(r *release, v version, known bool, name string) {
	fields := []zap.Field{zap.String("release", name), zap.String("messages", r.span())}
	switch {
	case known:
		c.cfg.Log.Info("zebra's release", fields...)
	case v.compare(newest) > 0:
		c.cfg.Log.Warn("zebra is newer than any release known here; speaking to it as to the newest one", fields...)
	default:
		c.cfg.Log.Warn("zebra is older than any release known here; speaking to it as to the oldest one", fields...)
	}
}

// toldRelease asks for the release and remembers it.
func (c *Client) toldRelease(ctx context.Context) (v version, name string, err error) {
	if c.cfg.Release == nil {
		return v, "", errors.New("there is nobody to ask")
	}
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	said, err := c.cfg.Release(ctx)
	if err != nil {
		return v, "", err
	}
	v, name, ok := parseVersion(said)
	if !ok {
		return v, "", fmt.Errorf("no release in %q", said)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release = v
	delete(c.odd, "no release")
	return v, name, nil
}

// firstTime reports whether what was not said before, so that the log tells it once.
func (c *Client) firstTime(what string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.odd[what]; ok {
		return false
	}
	c.odd[what] = struct{}{}
	return true
}
