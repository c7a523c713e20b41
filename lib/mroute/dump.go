package mroute

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// dumpTries bounds how often an interrupted dump is begun again.
const dumpTries = 5

// Dump returns the whole default table with its counters, in the kernel's order.
//
// The kernel walks its list by position: an entry can be left out when one before it
// is removed at that moment. Use a Watcher to know what exists, and Dump for counters.
func Dump() ([]Entry, error) {
	var (
		entries []Entry
		err     error
	)
	for range dumpTries {
		if entries, err = dumpOnce(); !errors.Is(err, nl.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("dump of the kernel's multicast routes: %w", err)
	}
	return entries, nil
}

func dumpOnce() ([]Entry, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: familyIPMR}})
	var (
		entries   []Entry
		decodeErr error
	)
	err := req.ExecuteIter(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE, func(body []byte) bool {
		d, ok, err := decode(body)
		if err != nil {
			decodeErr = err
			return false
		}
		if ok && !d.unresolved {
			entries = append(entries, d.entry)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return entries, decodeErr
}
