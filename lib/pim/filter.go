package pim

import (
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// wholePacket is more than any IPv4 packet has.
const wholePacket = 0x10000

// registerFilter lets only PIM version 2 Registers through. The checksum over their
// first eight octets is computed right here: where it is right, the packet is cut behind
// the inner IPv4 header, since nothing behind that is wanted. Where it is wrong the whole
// packet passes, because only then can the reader tell a router that sums over all of the
// message from a damaged packet. So the data that a DR wraps into Registers, megabits of
// it, is not copied, and no checksum goes unverified. With data it passes whole.
func registerFilter(data bool) []bpf.Instruction {
	const (
		sum       = 0 // scratch slot
		headerLen = 1
	)
	prog := []bpf.Instruction{
		bpf.LoadMemShift{Off: 0}, // X = length of the outer header
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: registerType, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}
	if data {
		return append(prog, bpf.RetConstant{Val: wholePacket})
	}
	prog = append(prog,
		bpf.StoreScratch{Src: bpf.RegX, N: headerLen},
		bpf.LoadIndirect{Off: 0, Size: 2},
		bpf.StoreScratch{Src: bpf.RegA, N: sum},
	)
	for off := uint32(2); off < pimHeader; off += 2 {
		prog = append(prog,
			bpf.LoadScratch{Dst: bpf.RegX, N: headerLen},
			bpf.LoadIndirect{Off: off, Size: 2},
			bpf.LoadScratch{Dst: bpf.RegX, N: sum},
			bpf.ALUOpX{Op: bpf.ALUOpAdd},
			bpf.StoreScratch{Src: bpf.RegA, N: sum},
		)
	}
	// Four words of 16 bits: one fold of the carry leaves at most one more.
	for range 2 {
		prog = append(prog,
			bpf.LoadScratch{Dst: bpf.RegA, N: sum},
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 16},
			bpf.TAX{},
			bpf.LoadScratch{Dst: bpf.RegA, N: sum},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xffff},
			bpf.ALUOpX{Op: bpf.ALUOpAdd},
			bpf.StoreScratch{Src: bpf.RegA, N: sum},
		)
	}
	return append(prog,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffff, SkipTrue: 1},
		bpf.RetConstant{Val: wholePacket},
		bpf.LoadScratch{Dst: bpf.RegA, N: headerLen},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: pimHeader + minIPv4Header},
		bpf.RetA{},
	)
}

// rejectAll lets nothing through.
func rejectAll() []bpf.Instruction { return []bpf.Instruction{bpf.RetConstant{Val: 0}} }

// attach puts a filter on a socket.
func attach(fd int, prog []bpf.Instruction) error {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		return fmt.Errorf("assemble socket filter: %w", err)
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, ins := range raw {
		filter[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return fmt.Errorf("attach socket filter: %w", err)
	}
	return nil
}
