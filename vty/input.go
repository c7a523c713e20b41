package vty

import (
	"bytes"
	"context"
	"sync"
	"time"
	"unicode/utf8"
)

// maxTyped is how much may be typed or pasted ahead, in octets. A client that sends more waits.
const maxTyped = 64 << 10

// input is what a Telnet client sends, read ahead so that Ctrl-C is seen while a command runs.
type input struct {
	conn *place
	wake chan struct{} // holds one when there is something new

	mu      sync.Mutex
	room    *sync.Cond
	typed   []byte // for the editor
	last    time.Time
	running context.CancelFunc // ends the command that runs, nil if none does
	// width and height are the window's, 0 if the client has not said.
	width, height int
	resized       bool
	err           error // there will be no more

	run int // characters since the last key that is none
}

// longestTyped is how many characters the editor's line holds: it would go through all of them for
// each one more, to leave that out.
const longestTyped = 4096

// fitting leaves out, in place, what no line has room for.
func (in *input) fitting(keys []byte) []byte {
	kept := keys[:0]
	for _, c := range keys {
		switch {
		case c < ' ' || c == 0x7f:
			in.run = 0
		case utf8.RuneStart(c):
			in.run = min(in.run+1, longestTyped+1)
		}
		if in.run <= longestTyped {
			kept = append(kept, c)
		}
	}
	return kept
}

func newInput(conn *place) *input {
	in := &input{conn: conn, wake: make(chan struct{}, 1), last: time.Now()}
	in.room = sync.NewCond(&in.mu)
	return in
}

// read reads until the connection ends.
func (in *input) read() {
	var decoder telnet
	var editor keys
	var data, reply []byte
	octets := make([]byte, 4096)
	for {
		n, err := in.conn.Read(octets)
		data, reply = decoder.decode(data[:0], reply[:0], octets[:n])
		if len(reply) > 0 && err == nil {
			_, err = in.conn.Write(reply)
		}
		in.take(&editor, data, decoder, err)
		if err != nil {
			return
		}
	}
}

// take has the session notice what was read, and waits while there is too much of it.
func (in *input) take(editor *keys, data []byte, decoder telnet, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
	if i := bytes.LastIndexByte(data, keyInterrupt); i >= 0 && in.running != nil {
		in.running()
		in.typed, data = in.typed[:0], data[i+1:]
	}
	if len(data) > 0 {
		in.last = time.Now()
		in.typed = append(in.typed, rename.Replace(string(in.fitting(editor.filter(nil, data))))...)
	}
	if decoder.width != in.width || decoder.height != in.height {
		in.width, in.height, in.resized = decoder.width, decoder.height, true
	}
	if err != nil && in.running != nil {
		in.running()
	}
	select {
	case in.wake <- struct{}{}:
	default:
	}
	for len(in.typed) > maxTyped && in.err == nil {
		in.room.Wait()
	}
}

// end says that nothing is wanted any more.
func (in *input) end(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
	in.room.Broadcast()
}

// state returns whether there is something typed, when there last was, and the error behind it.
func (in *input) state() (ready bool, last time.Time, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.typed) > 0, in.last, in.err
}

// get copies what was typed, up to the first of stops and that one.
func (in *input) get(p []byte, stops string) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	n := copy(p, in.typed)
	if i := bytes.IndexAny(p[:n], stops); i >= 0 {
		n = i + 1
	}
	in.typed = in.typed[:copy(in.typed, in.typed[n:])]
	in.room.Broadcast()
	return n
}

// interruptible has Ctrl-C end what runs, nil for nothing.
func (in *input) interruptible(cancel context.CancelFunc) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.running = cancel
	if in.err != nil && cancel != nil {
		cancel()
	}
}

// size returns the window's size, and whether it has changed since it was last asked for.
func (in *input) size() (width, height int, changed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	changed, in.resized = in.resized, false
	return in.width, in.height, changed
}
