// Package guard says what keeps strangers out of a session: TCP MD5 signatures (RFC 2385) and
// the TTL of what arrives (RFC 5082).
package guard

import (
	"fmt"
	"io"
)

// MaxKeyLen is how many octets the kernel takes of a key (TCP_MD5SIG_MAXKEYLEN).
const MaxKeyLen = 80

// MaxHops is the greatest distance that a TTL can tell.
const MaxHops = 254

// Hidden stands where a key would be.
const Hidden = "<hidden>"

// Key is the shared secret of a session's signatures, "" for none. Whatever prints, logs or
// encodes one shows Hidden; Reveal alone gives its text.
type Key string

// Reveal returns the key itself.
func (k Key) Reveal() string { return string(k) }

// String returns Hidden, or "" where there is no key.
func (k Key) String() string {
	if k == "" {
		return ""
	}
	return Hidden
}

// Format implements fmt.Formatter: no verb shows the key.
func (k Key) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, k.String()) // as package fmt does, which looks at no error either
}

// GoString returns what String does.
func (k Key) GoString() string { return k.String() }

// MarshalText implements encoding.TextMarshaler, and with it what JSON and logs show.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Validate checks that the kernel can take the key. The error does not tell it.
func (k Key) Validate() error {
	if len(k) > MaxKeyLen {
		return fmt.Errorf("the password has %d octets, %d is the most that the kernel takes", len(k), MaxKeyLen)
	}
	return nil
}

// Guard is what protects the sessions with one peer. The zero value protects nothing.
type Guard struct {
	// Key signs each segment, and segments without that signature are dropped.
	Key Key
	// Hops is how many hops away the peer may be, 1 to MaxHops; 0: any number.
	Hops uint8
}

// MinTTL is the least TTL of what may arrive, 0 where any may: a peer sends with 255, and each
// router between takes one off (RFC 5082 §3).
func (g Guard) MinTTL() int {
	if g.Hops == 0 {
		return 0
	}
	return 256 - int(g.Hops)
}

// Validate checks both parts.
func (g Guard) Validate() error {
	if g.Hops > MaxHops {
		return fmt.Errorf("ttl-security hops %d is more than %d", g.Hops, MaxHops)
	}
	return g.Key.Validate()
}
