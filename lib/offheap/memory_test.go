package offheap

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

type plain struct {
	a uint32
	b [3]uint16
	c bool
}

func TestSliceIsZeroAndKeepsWhatIsWritten(t *testing.T) {
	m := New()
	var all [][]plain
	for range 20 {
		s := Slice[plain](m, 10_000)
		if len(s) != 10_000 {
			t.Fatalf("%d elements", len(s))
		}
		all = append(all, s)
	}
	for k, s := range all {
		for i := range s {
			if s[i] != (plain{}) {
				t.Fatalf("element %d of slice %d is %v before it was written", i, k, s[i])
			}
			s[i] = plain{a: uint32(k), b: [3]uint16{uint16(i)}, c: true}
		}
	}
	runtime.GC()
	for k, s := range all {
		for i := range s {
			if want := (plain{a: uint32(k), b: [3]uint16{uint16(i)}, c: true}); s[i] != want {
				t.Fatalf("element %d of slice %d is %v, want %v", i, k, s[i], want)
			}
		}
	}
	runtime.KeepAlive(m)
}

func TestSliceIsNotInTheHeap(t *testing.T) {
	var before, after runtime.MemStats
	m := New()
	runtime.ReadMemStats(&before)
	s := Slice[plain](m, 1<<20)
	s[len(s)-1].a = 1
	runtime.ReadMemStats(&after)
	if grown := after.HeapSys + after.TotalAlloc - before.HeapSys - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("the heap grew by %d octets", grown)
	}
	runtime.KeepAlive(m)
}

func TestMemoryIsGivenBack(t *testing.T) {
	var octets atomic.Int64
	m := newMemory(kernel{unix.Mmap, func(b []byte) error {
		octets.Add(int64(len(b)))
		return unix.Munmap(b)
	}})
	Slice[[4096]byte](m, 100)
	Slice[[4096]byte](m, 200)
	m = nil
	for deadline := time.Now().Add(10 * time.Second); octets.Load() < 300*4096; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("%d octets are given back of %d", octets.Load(), 300*4096)
		}
	}
}

func TestPointersAreRefused(t *testing.T) {
	refused := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s is taken", name)
			}
		}()
		f()
	}
	m := New()
	refused("a pointer", func() { Slice[*int](m, 1) })
	refused("a string in a struct", func() { Slice[struct{ s string }](m, 1) })
	refused("a slice in an array", func() { Slice[[2][]byte](m, 1) })
	refused("a map", func() { Slice[map[int]int](m, 1) })
}

func TestWithoutTheKernelItIsInTheHeap(t *testing.T) {
	m := newMemory(kernel{func(int, int64, int, int, int) ([]byte, error) { return nil, unix.ENOMEM }, unix.Munmap})
	s := Slice[plain](m, 100)
	s[99].a = 7
	if len(s) != 100 || s[99].a != 7 || len(m.held.all) != 0 {
		t.Errorf("%d elements, %d mappings", len(s), len(m.held.all))
	}
}
