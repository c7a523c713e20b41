package main

// target is what is asked of msdpd, and what was measured.
type target struct {
	What             string
	AtMost, Measured float64
	Met              bool
}

// judge compares what was measured with what is asked. The yardstick is the relay by message: it,
// too, has to find the ends of messages.
func (r *report) judge() {
	lines := make(map[string]line)
	for _, l := range r.Workloads {
		lines[l.Key] = l
	}
	with := func(f func(l []line), keys ...string) {
		var found []line
		for _, k := range keys {
			l, ok := lines[k]
			if !ok {
				return
			}
			found = append(found, l)
		}
		f(found)
	}
	add := func(what string, atMost, measured float64) {
		r.Targets = append(r.Targets, target{what, atMost, measured, measured <= atMost})
	}
	n := float64(r.Entries)

	with(func(l []line) {
		add("(a) new: times the relay's time", 3, l[0].RatioByMessage.Median)
		add("(a) octets an entry over idle, at the peak, 1000 groups", 64, l[0].PeakPerEntry.Median)
		add("(a) and after", 64, l[0].ResidentPerEntry.Median)
	}, "a")
	if few, many := r.point(10_000), r.point(r.Entries); few != nil && many != nil && few != many {
		add("(a) linear: time an entry, times that at 10,000", 1.5, many.Wall.Median/float64(many.Entries)/(few.Wall.Median/float64(few.Entries)))
	}
	with(func(l []line) {
		add("(a2) octets an entry over idle, at the peak, a group for each", 64, l[0].PeakPerEntry.Median)
		add("(a2) and after", 64, l[0].ResidentPerEntry.Median)
	}, "a2")
	with(func(l []line) {
		cpu := l[0].CPUPerEntry.Median * n / 1e9
		add("(b) refresh: CPU, times the relay's time", 2, cpu/l[0].RelayByMessage.Median)
		add("(b) % of one core, of a refresh in 60 s", 2, cpu/60*100)
	}, "b")
	with(func(l []line) {
		add("(c) 50 sinks: CPU, times the relay's CPU", 2, l[0].CPUPerEntry.Median/l[0].RelayByMessageCPU.Median)
	}, "c")
	with(func(l []line) { add("(e) full cache: times the relay's time", 2, l[0].RatioByMessage.Median) }, "e")
	with(func(l []line) { add("(f) one entry a message: times (a)", 5, l[1].Wall.Median/l[0].Wall.Median) }, "a", "f")
	with(func(l []line) {
		add("(h) a slow sink: times the time of the others without it", 1.1, l[1].Wall.Median/l[0].Wall.Median)
		add("(h) memory at the peak, times that without it", 1.05, l[1].PeakPerEntry.Median/l[0].PeakPerEntry.Median)
	}, "h0", "h")
	with(func(l []line) { add("(i) SA to Null-Register, 99 %, ms", 20, milliseconds(l[0].Join99)) }, "i")
	with(func(l []line) { add("(k) KeepAlives late, most, ms", 50, milliseconds(l[0].KeepAliveLate)) }, "k")
	for _, l := range r.Workloads {
		if l.Probes > 0 {
			add("("+l.Key+") another peer's SA, most, ms", 50, milliseconds(l.ProbeMost))
		}
	}
	with(func(l []line) { add("no peers: MB resident", 25, l[0].Resident.Median/megabyte) }, "g0")
	with(func(l []line) {
		add("(g) 1000 peers: kB a peer over that", 30, (l[1].Resident.Median-l[0].Resident.Median)/maxIdle/1000)
	}, "g0", "g")
}

func (r *report) point(entries int) *point {
	for i := range r.Series {
		if r.Series[i].Entries == entries {
			return &r.Series[i]
		}
	}
	return nil
}
