package vty

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// PasswordHash is what is kept of a password: bcrypt's hash of it, "$2a$10$…". "" is no password.
// Formatted, it is <hidden>.
type PasswordHash string

// MaxPassword is the longest password, in octets: bcrypt looks at no more.
const MaxPassword = 72

// HashPassword returns the hash of a password. It takes a good part of a second of a processor on
// purpose. A password that is too long is an error, which does not show it.
func HashPassword(password string) (PasswordHash, error) {
	if len(password) > MaxPassword {
		return "", fmt.Errorf("the password has %d octets, %d is the most", len(password), MaxPassword)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	return PasswordHash(hash), err
}

// ErrForeignHash is the error of a hash that some other program made, such as FRR's crypt(3).
var ErrForeignHash = errors.New("not a bcrypt hash; give the password itself")

// ParsePasswordHash checks what was written by Reveal.
func ParsePasswordHash(text string) (PasswordHash, error) {
	cost, err := bcrypt.Cost([]byte(text))
	const length = 60
	if err != nil || len(text) != length || cost > bcrypt.DefaultCost+4 || strings.ContainsAny(text, " \t") {
		return "", ErrForeignHash
	}
	return PasswordHash(text), nil
}

// Reveal returns the hash, for those who may see the configuration file.
func (h PasswordHash) Reveal() string { return string(h) }

// String keeps a hash out of logs.
func (h PasswordHash) String() string { return hidden }

// verifying lets one password be compared at a time: it is work that strangers ask for.
type verifying chan struct{}

// matches reports whether the password is the one that was hashed.
func (v verifying) matches(h PasswordHash, password string) bool {
	v <- struct{}{}
	defer func() { <-v }()
	return h != "" && bcrypt.CompareHashAndPassword([]byte(h), []byte(password)) == nil
}
