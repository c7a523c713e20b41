// Package releases has the releases of FRR that Debian ships, each as a directory tree that daemons can be run in,
// with the libraries of its own time: on any Debian machine the integration tests run with all of them.
//
// debootstrap fetches a tree's packages. It believes the archive's Release file only with a signature by a key in
// Debian's archive keyring, and each package only with the checksum that the signed file leads to; without keyring it
// is told to fail. Nothing of a fetched package is run outside its tree, and no maintainer script at all.
package releases

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Suite is a suite of Debian and the release of FRR that it is here for.
type Suite struct {
	// Name is the archive's name for it.
	Name string
	// FRR is the upstream version that it had when the tests were written. A later one is taken as well.
	FRR string
}

// Suites are those that have an FRR with MSDP, oldest first.
var Suites = []Suite{
	{"bullseye", "7.5.1"},
	{"bookworm", "8.4.4"},
	{"trixie", "10.3"},
	{"testing", "10.7.1"},
}

// String is how a person knows it: "FRR 10.7.1 (Debian testing)".
func (s Suite) String() string { return fmt.Sprintf("FRR %s (Debian %s)", s.FRR, s.Name) }

// Find returns the suites that are meant by a list of versions or suite names with commas, or by "all".
func Find(list string) ([]Suite, error) {
	if list == "all" {
		return Suites, nil
	}
	var found []Suite
	for word := range strings.SplitSeq(list, ",") {
		s, err := find(word)
		if err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	return found, nil
}

func find(word string) (Suite, error) {
	var known []string
	for _, s := range Suites {
		if word == s.FRR || word == s.Name {
			return s, nil
		}
		known = append(known, s.FRR+" or "+s.Name)
	}
	return Suite{}, fmt.Errorf("no release of FRR is known as %q: say all, %s", word, strings.Join(known, ", "))
}

// dirEnv overrides the directory of the trees.
const dirEnv = "MSDPD_LAB_CACHE"

// Dir is the directory that holds the trees: the environment's MSDPD_LAB_CACHE, or /var/cache/msdpd-lab.
func Dir() string {
	if dir := os.Getenv(dirEnv); dir != "" {
		return dir
	}
	return "/var/cache/msdpd-lab"
}

// Tree is a release that is there to be run.
type Tree struct {
	Suite Suite
	// Root is its directory.
	Root string
	// Package is the version of Debian's package in it: 10.7.1-6.
	Package string
}

// Version is FRR's own version: 10.7.1.
func (t Tree) Version() string { return upstream(t.Package) }

// upstream takes what Debian added from a package's version.
func upstream(version string) string {
	if _, after, found := strings.Cut(version, ":"); found {
		version = after
	}
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		version = version[:i]
	}
	version, _, _ = strings.Cut(version, "+")
	return version
}

// ErrMissing is in the error of Open if a tree has not been fetched.
var ErrMissing = errors.New("it has not been fetched: go run ./tools/lab/fetch does so")

// Open returns a suite's tree if it has been fetched, and ErrMissing if not. Root's rights are needed.
func Open(s Suite) (Tree, error) {
	t := Tree{Suite: s, Root: filepath.Join(Dir(), "frr-"+s.Name)}
	// Written last, so that a tree that has it is whole.
	version, err := os.ReadFile(filepath.Join(t.Root, versionFile))
	if errors.Is(err, os.ErrNotExist) {
		return Tree{}, fmt.Errorf("%v: %w", s, ErrMissing)
	}
	if err != nil {
		return Tree{}, fmt.Errorf("%v: %w", s, err)
	}
	t.Package = strings.TrimSpace(string(version))
	if err := t.writeUsers(); err != nil {
		return Tree{}, fmt.Errorf("%v: %w", s, err)
	}
	return t, nil
}

// versionFile is where a tree's package version stands, inside it.
const versionFile = "msdpd-lab-version"

// Get returns a suite's tree, which it fetches if it is not there. One fetches at a time on a machine, also
// if several programs ask; the others wait. Progress is a line now and then.
func Get(ctx context.Context, s Suite, progress func(line string)) (Tree, error) {
	unlock, err := lock(ctx)
	if err != nil {
		return Tree{}, fmt.Errorf("%v: %w", s, err)
	}
	defer unlock()
	t, err := Open(s)
	if !errors.Is(err, ErrMissing) {
		return t, err
	}
	progress(fmt.Sprintf("fetching %v", s))
	if err := fetch(ctx, s, filepath.Join(Dir(), "frr-"+s.Name)); err != nil {
		return Tree{}, fmt.Errorf("fetching %v: %w", s, err)
	}
	return Open(s)
}
