package msdp

import (
	"fmt"
	"time"
)

// Defaults of RFC 3618 §5.4 to §5.6.
const (
	DefaultKeepAlive    = 60 * time.Second
	DefaultHold         = 75 * time.Second
	DefaultConnectRetry = 30 * time.Second
)

// Periods of RFC 3618 §5 that cannot be configured.
const (
	// SAAdvertisementPeriod is the interval of periodic SAs for local sources (§5.1).
	SAAdvertisementPeriod = 60 * time.Second
	// SGStatePeriod is how long an entry lives after its last SA (§5.3).
	SGStatePeriod = 210 * time.Second
)

// Timers are the periods of a peering, in whole seconds.
type Timers struct {
	KeepAlive    time.Duration // [KeepAlive-Period] of §5.5: at least 1 s, less than Hold
	Hold         time.Duration // [HoldTime-Period] of §5.4: at least 3 s
	ConnectRetry time.Duration // [ConnectRetry-Period] of §5.6: at least 1 s
}

// DefaultTimers returns the periods that RFC 3618 recommends.
func DefaultTimers() Timers {
	return Timers{KeepAlive: DefaultKeepAlive, Hold: DefaultHold, ConnectRetry: DefaultConnectRetry}
}

// Validate checks the bounds of RFC 3618 §5.4 to §5.6.
func (t Timers) Validate() error {
	switch {
	case t.Hold < 3*time.Second:
		return fmt.Errorf("hold time %d s is below 3 s, the least that RFC 3618 allows", t.Hold/time.Second)
	case t.KeepAlive < time.Second:
		return fmt.Errorf("keepalive %d s is below 1 s", t.KeepAlive/time.Second)
	case t.KeepAlive >= t.Hold:
		return fmt.Errorf("keepalive %d s must be less than the hold time %d s", t.KeepAlive/time.Second, t.Hold/time.Second)
	case t.ConnectRetry < time.Second:
		return fmt.Errorf("connect-retry %d s is below 1 s", t.ConnectRetry/time.Second)
	}
	return nil
}

// over returns t with what is not set (0) taken from others.
func (t Timers) over(others Timers) Timers {
	if t.KeepAlive == 0 {
		t.KeepAlive = others.KeepAlive
	}
	if t.Hold == 0 {
		t.Hold = others.Hold
	}
	if t.ConnectRetry == 0 {
		t.ConnectRetry = others.ConnectRetry
	}
	return t
}

// changeTimers puts other periods into force. A shorter one counts from now on, not after the
// longer one has run out; a longer hold time counts from the last message.
func (s *Speaker) changeTimers(p *peer, t Timers) {
	old := p.timers
	p.timers = t
	p.keepAliveAt = earlier(p.keepAliveAt, s.now.Add(t.KeepAlive))
	p.retryAt = earlier(p.retryAt, s.now.Add(t.ConnectRetry))
	if t.Hold > old.Hold {
		p.holdAt = p.holdAt.Add(t.Hold - old.Hold)
	} else {
		p.holdAt = earlier(p.holdAt, s.now.Add(t.Hold))
	}
}
