package main

import (
	"os"
	"runtime"
)

// leastProcessors is on how many threads Go code runs at a time, even where there are fewer cores. A
// show of a million entries computes for a second or two. With a thread for each core, Go lets it
// go on for 10 ms before whatever else is due has its turn, and an SA has to wait for three or four
// turns on its way. With more of them the kernel shares the cores, and who wakes comes first.
const leastProcessors = 4

// useProcessors leaves it to GOMAXPROCS where that is in the environment, and to the runtime where a
// cgroup gives less time than the cores have, as more threads would only use that up sooner. The
// runtime does not follow later changes of either where this is called with fewer cores.
func useProcessors() {
	threads := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" && threads == runtime.NumCPU() && threads < leastProcessors {
		runtime.GOMAXPROCS(leastProcessors)
	}
}
