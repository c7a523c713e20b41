package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"msdpd/lib/ipv4"
	"msdpd/lib/wire"
)

// missing is which entries of some spreads were not heard of yet.
type missing struct {
	spreads map[ipv4.Addr]spread
	left    map[ipv4.Addr][]bool
	count   int
	strange string // an entry that nobody announced, "" if there was none
}

func newMissing(spreads []spread) *missing {
	m := &missing{spreads: make(map[ipv4.Addr]spread), left: make(map[ipv4.Addr][]bool)}
	for _, s := range spreads {
		m.spreads[s.rp], m.left[s.rp] = s, make([]bool, s.entries)
		for i := range s.entries {
			m.left[s.rp][i] = true
		}
		m.count += s.entries
	}
	return m
}

func (m *missing) heard(tlv []byte) {
	sa, err := wire.ParseSourceActive(tlv)
	if err != nil {
		m.strange = err.Error()
		return
	}
	for i := range sa.Len() {
		sg, length := sa.Entry(i)
		n, ok := m.spreads[sa.RP].index(sg)
		if !ok || length != 32 {
			m.strange = fmt.Sprintf("%s of RP %s", sg, sa.RP)
			continue
		}
		if m.left[sa.RP][n] {
			m.left[sa.RP][n] = false
			m.count--
		}
	}
}

// checked is how many entries are looked up one by one.
const checked = 100

// check sees to it that what arrived is right: the speaker says how many there are, a hundred at
// random are found, and a sink that comes now gets every one. Further entries are those of probes.
func (f *flood) check(further int) string {
	r := f.r
	var summary struct{ RemoteSources int }
	r.must(r.b.router.VtyJSON("msdpd", "show ip msdp summary json", &summary))
	if summary.RemoteSources != f.entries+further {
		r.must(fmt.Errorf("the summary has %d sources, want %d and %d probes", summary.RemoteSources, f.entries, further))
	}
	for range checked {
		s := f.spreads[rand.IntN(len(f.spreads))]
		sg := s.entry(rand.IntN(s.entries))
		out, err := r.b.router.Vty("msdpd", fmt.Sprintf("show ip msdp sa %s %s json", sg.Group, sg.Source))
		r.must(err)
		var shown map[string]map[string]struct{ RP string }
		r.must(json.Unmarshal([]byte(out), &shown))
		if got := shown[sg.Group.String()][sg.Source.String()].RP; got != s.rp.String() {
			r.must(fmt.Errorf("%s is shown with RP %q, want %s: %s", sg, got, s.rp, out))
		}
	}
	late := &sink{session: r.connect(sinkBase + maxSinks), whole: true, probed: make(map[int]time.Time), missing: newMissing(f.spreads)}
	go late.read()
	r.must(late.await(f.entries, f.octets, limit))
	late.mu.Lock()
	defer late.mu.Unlock()
	if late.missing.count > 0 || late.missing.strange != "" {
		r.must(fmt.Errorf("a late sink has not got %d entries; strange: %q", late.missing.count, late.missing.strange))
	}
	return fmt.Sprintf("the summary says %d and %d probes, %d entries were looked up, a late sink got every one", f.entries, further, checked)
}

// counter counts how often a word comes in what is written to it.
type counter struct {
	word  []byte
	count int
	size  int
	tail  []byte
}

func (c *counter) Write(b []byte) (int, error) {
	c.size += len(b)
	all := append(c.tail, b...)
	c.count += bytes.Count(all, c.word)
	// A word may be cut in two, but none is counted twice.
	keep := min(len(all), len(c.word)-1)
	c.tail = append([]byte(nil), all[len(all)-keep:]...)
	return len(b), nil
}
