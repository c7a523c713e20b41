package pim

import "container/heap"

// heapName says which heap a join is in.
type heapName uint8

const (
	nowhere   heapName = iota
	inFresh            // those never sent before the others, then by seq
	inTimed            // by due
	inWaiting          // by seq
	inGroup            // by seq
)

// joinHeap orders joins by number; each join is in one heap at most.
type joinHeap struct {
	j     *Joiner
	name  heapName
	items []int32
}

func (h *joinHeap) push(i int32) {
	h.j.joins[i].where = h.name
	heap.Push(h, i)
}

func (h *joinHeap) remove(i int32) {
	heap.Remove(h, int(h.j.joins[i].pos))
	h.j.joins[i].where, h.j.joins[i].pos = nowhere, none
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (h *joinHeap) Len() int { return len(h.items) }

func (h *joinHeap) Less(x, y int) bool {
	a, b := &h.j.joins[h.items[x]], &h.j.joins[h.items[y]]
	switch h.name {
	case inFresh:
		if a.ours != b.ours {
			return b.ours
		}
	case inTimed:
		if a.due != b.due {
			return a.due < b.due
		}
	}
	return a.seq < b.seq
}

func (h *joinHeap) Swap(x, y int) {
	h.items[x], h.items[y] = h.items[y], h.items[x]
	h.j.joins[h.items[x]].pos = int32(x)
	h.j.joins[h.items[y]].pos = int32(y)
}

func (h *joinHeap) Push(x any) {
	i := x.(int32)
	h.j.joins[i].pos = int32(len(h.items))
	h.items = append(h.items, i)
}

func (h *joinHeap) Pop() any {
	n := len(h.items) - 1
	i := h.items[n]
	h.items = h.items[:n]
	return i
}
