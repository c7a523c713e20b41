package pim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// ListenConfig is what a Listener needs.
type ListenConfig struct {
	Log *zap.Logger
	// Handler is called for each sound Register from the goroutine that runs Run. It must
	// not block for long: what does not fit into the socket's buffer meanwhile is lost.
	Handler func(Register)
	// ReceiveBuffer is the socket's buffer in octets; 0 means 8 MiB.
	ReceiveBuffer int
}

// ListenerStats counts since Listen.
type ListenerStats struct {
	// Registers were handed to the handler.
	Registers uint64
	// BadChecksum and Malformed were refused by ParseRegister.
	BadChecksum, Malformed uint64
	// Dropped by the kernel because the buffer was full.
	Dropped uint64
}

// Listener hears every Register that is delivered on this host, whatever its
// destination among our addresses and whatever the PIM daemon does with its own copy.
// Null-Registers that a Sender of this host sent are heard too; their outer source is
// one of our own addresses.
type Listener struct {
	cfg  ListenConfig
	file *os.File
	data atomic.Bool // packets are handed over
	// budget are the packets that may still be handed over, in the second that began at budgetOf.
	budget   int
	budgetOf time.Time

	registers, badChecksum, malformed, dropped atomic.Uint64
}

// Listen opens the socket in the calling thread's network namespace. It needs
// CAP_NET_RAW; a larger buffer than the system allows, CAP_NET_ADMIN.
func Listen(cfg ListenConfig) (*Listener, error) {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.ReceiveBuffer == 0 {
		cfg.ReceiveBuffer = 8 << 20
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocolPIM)
	if err != nil {
		return nil, fmt.Errorf("raw PIM socket: %w", err)
	}
	if err := prepareListener(fd, cfg); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("raw PIM socket: %w", err)
	}
	return &Listener{cfg: cfg, file: os.NewFile(uintptr(fd), "pim")}, nil
}

func prepareListener(fd int, cfg ListenConfig) error {
	if err := attach(fd, registerFilter(false)); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, cfg.ReceiveBuffer); err != nil {
		cfg.Log.Debug("small buffer for PIM Registers", zap.Error(err))
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, cfg.ReceiveBuffer)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1); err != nil {
		return fmt.Errorf("count drops: %w", err)
	}
	return nil
}

// Run reads until ctx ends, closes the socket and returns nil, or returns what went
// wrong with the socket. It is called once.
func (l *Listener) Run(ctx context.Context) error {
	defer l.file.Close()
	stop := context.AfterFunc(ctx, func() { l.file.Close() })
	defer stop()
	conn, err := l.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("raw PIM socket: %w", err)
	}
	buf := make([]byte, wholePacket)
	oob := make([]byte, unix.CmsgSpace(4))
	for {
		var n, oobn int
		var readErr error
		err := conn.Read(func(fd uintptr) bool {
			n, oobn, _, _, readErr = unix.Recvmsg(int(fd), buf, oob, 0)
			return !errors.Is(readErr, unix.EAGAIN)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = readErr
		}
		switch {
		case err == nil:
			l.countDrops(oob[:oobn])
			l.packet(buf[:n])
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOBUFS):
		default:
			return fmt.Errorf("read PIM Registers: %w", err)
		}
	}
}

func (l *Listener) packet(p []byte) {
	r, err := ParseRegister(p)
	switch {
	case err == nil:
		if l.data.Load() && !r.Null && l.mayCopy(time.Now()) {
			r.Packet = packetInside(p)
		}
		l.registers.Add(1)
		l.cfg.Handler(r)
	case errors.Is(err, ErrChecksum):
		l.badChecksum.Add(1)
	default:
		l.malformed.Add(1)
	}
}

// dataPerSecond is how many packets are handed over in a second. A DR goes on registering
// until it is told to stop, and what is wanted are the first packets of a source.
const dataPerSecond = 2000

func (l *Listener) mayCopy(now time.Time) bool {
	if now.Sub(l.budgetOf) >= time.Second {
		l.budgetOf, l.budget = now, dataPerSecond
	}
	if l.budget == 0 {
		return false
	}
	l.budget--
	return true
}

// HandOverData says whether Registers have the packets inside with them. While they have,
// the kernel copies what DRs register to its last octet, and not only its headers. It
// may be called from any goroutine.
func (l *Listener) HandOverData(on bool) error {
	conn, err := l.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("raw PIM socket: %w", err)
	}
	var attachErr error
	if err := conn.Control(func(fd uintptr) { attachErr = attach(int(fd), registerFilter(on)) }); err != nil {
		return fmt.Errorf("raw PIM socket: %w", err)
	}
	if attachErr != nil {
		return attachErr
	}
	l.data.Store(on)
	return nil
}

// countDrops takes the kernel's running count of drops, which comes along with a packet
// once there was one.
func (l *Listener) countDrops(oob []byte) {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			l.dropped.Store(uint64(binary.NativeEndian.Uint32(data)))
		}
		oob = rest
	}
}

// Stats returns the counters. It may be called from any goroutine.
func (l *Listener) Stats() ListenerStats {
	return ListenerStats{
		Registers:   l.registers.Load(),
		BadChecksum: l.badChecksum.Load(),
		Malformed:   l.malformed.Load(),
		Dropped:     l.dropped.Load(),
	}
}
