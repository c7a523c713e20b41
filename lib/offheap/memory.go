// Package offheap holds large arrays outside of the collector's heap: it neither walks nor counts
// them. In the heap, a table that grows makes the collector run again and again, though nothing in
// it can be freed.
package offheap

import (
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Memory is what arrays are made of. All of it is given back when nothing refers to the Memory any
// more: who keeps an array, or a pointer into one, must keep the Memory too. It is for one goroutine.
type Memory struct {
	held *mappings
}

// kernel gives memory and takes it back.
type kernel struct {
	mmap   func(fd int, offset int64, length, prot, flags int) ([]byte, error)
	munmap func([]byte) error
}

// mappings are what the kernel gave.
type mappings struct {
	kernel
	all    [][]byte
	octets int
}

// atOnceFrom is how much a Memory holds when what is added to it comes with all its pages: it is
// about to be used, and a page fault for each takes longer.
const atOnceFrom = 1 << 20

// New returns a Memory that holds nothing yet.
func New() *Memory { return newMemory(kernel{unix.Mmap, unix.Munmap}) }

func newMemory(k kernel) *Memory {
	m := &Memory{held: &mappings{kernel: k}}
	runtime.AddCleanup(m, (*mappings).release, m.held)
	return m
}

// release gives all of it back. What the kernel does not take, as it has no room to note a hole in
// a mapping, stays: there is nobody to tell.
func (h *mappings) release() {
	for _, b := range h.all {
		_ = h.munmap(b)
	}
	h.all = nil
}

// Slice returns a slice of n zero values, n above 0. T must not hold pointers, which the collector
// would not follow: it panics otherwise. It takes whole pages; where the kernel gives none, the
// slice is in the heap.
func Slice[T any](m *Memory, n int) []T {
	if t := reflect.TypeFor[T](); holdsPointers(t) {
		panic(fmt.Sprintf("offheap: %v holds pointers", t))
	}
	var zero T
	flags := unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	if m.held.octets >= atOnceFrom {
		flags |= unix.MAP_POPULATE
	}
	b, err := m.held.mmap(-1, 0, n*int(unsafe.Sizeof(zero)), unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return make([]T, n)
	}
	m.held.all = append(m.held.all, b)
	m.held.octets += len(b)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

func holdsPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return holdsPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return t.Kind() > reflect.Complex128
}
