package vty

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"
)

// pager is the writer of one command's output on a terminal: it stops when a page is full.
type pager struct {
	t      *terminal
	ctx    context.Context
	cancel context.CancelFunc
	row    int // rows of the page that are full
	column int
	// flushed is when the client was last given what there was.
	flushed time.Time
}

// flushPeriod is how long output that comes slowly may wait for more of it.
const flushPeriod = 200 * time.Millisecond

// errQuit is the error of output that nobody wants to see more of.
var errQuit = errors.New("enough was shown")

const (
	more      = "--More--"
	eraseMore = "\r        \r"
)

// Write implements io.Writer. It waits for a reader, and for a key when a page is full.
func (p *pager) Write(text []byte) (int, error) {
	for rest := text; len(rest) > 0; {
		if p.ctx.Err() != nil {
			return 0, errQuit
		}
		width, height := p.page()
		if height > 0 && p.row >= height-1 && p.column == 0 {
			if err := p.more(height); err != nil {
				p.cancel()
				return 0, err
			}
			continue
		}
		n := p.fill(rest, width)
		if _, err := p.t.out.Write(crlf(rest[:n])); err != nil {
			p.cancel()
			return 0, err
		}
		rest = rest[n:]
	}
	if time.Since(p.flushed) > flushPeriod {
		if err := p.t.out.Flush(); err != nil {
			p.cancel()
			return 0, err
		}
		p.flushed = time.Now()
	}
	return len(text), nil
}

// page returns the width of the window, and how many rows of it are used: 0 for no paging.
func (p *pager) page() (width, height int) {
	p.t.in.mu.Lock()
	defer p.t.in.mu.Unlock()
	height = p.t.in.height
	if p.t.lines >= 0 {
		height = p.t.lines
	}
	if height == 1 {
		height = 2
	}
	return columns(p.t.in.width), height
}

// fill returns how much of the text fits the row, its end of line included.
func (p *pager) fill(text []byte, width int) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		at += size
		if r != '\n' {
			p.column++
			if p.column < width {
				continue
			}
			if at < len(text) && text[at] == '\n' { // it fills the row just so
				at++
			}
		}
		p.column = 0
		p.row++
		return at
	}
	return len(text)
}

// more waits for a key: space for a page, Enter for a line, q for enough.
func (p *pager) more(height int) error {
	t := p.t
	t.in.interruptible(nil)
	defer t.in.interruptible(p.cancel)
	if _, err := t.out.WriteString(more); err != nil {
		return err
	}
	key := make([]byte, 1)
	for {
		if err := t.wait(); err != nil {
			return err
		}
		t.in.get(key, "")
		switch key[0] {
		case ' ':
			p.row = 0
		case '\r':
			p.row = height - 2
		case 'q', 'Q', editInterrupt:
			_, _ = t.out.WriteString(eraseMore)
			return errQuit
		default:
			continue
		}
		_, err := t.out.WriteString(eraseMore)
		return err
	}
}
