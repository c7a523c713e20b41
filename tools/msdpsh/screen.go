package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// pagerCommand is what shows output of more than a page: what vtysh or everybody takes for it by
// the environment, else less or more where they are; "" for none.
func pagerCommand(getenv func(string) (string, bool)) string {
	for _, name := range []string{"VTYSH_PAGER", "PAGER"} {
		if command, ok := getenv(name); ok {
			return strings.TrimSpace(command)
		}
	}
	for _, name := range []string{"less", "more"} {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	return ""
}

// patience is how long output may take to fill a page before what there is is shown.
const patience = 500 * time.Millisecond

// screen shows the output of one command at a terminal: as it is while it fits a page, else
// through the pager. It holds no more than a page of it.
type screen struct {
	out           io.Writer
	width, height int
	pager         string // "": no paging
	colours       bool
	// enough is called, once, when the one who reads wants no more; what comes then is left out.
	enough func()

	mu      sync.Mutex
	page    []byte
	row     int
	column  int
	slow    *time.Timer
	direct  bool // there is no paging, or no more
	running *exec.Cmd
	to      io.WriteCloser
	ended   bool
	paint   painter
	last    byte
}

// Write implements io.Writer; its error is that of the terminal.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || len(p) == 0 {
		return len(p), nil
	}
	s.last = p[len(p)-1]
	if s.running != nil {
		return len(p), s.feed(p)
	}
	if s.direct || s.pager == "" || s.height <= 1 {
		return len(p), s.show(p)
	}
	s.page = append(s.page, p...)
	for _, c := range p {
		if c&0xc0 == 0x80 {
			continue // a further octet of a character
		}
		if s.column++; c == '\n' || s.column > s.width {
			s.row, s.column = s.row+1, 0
		}
	}
	if s.row >= s.height-1 {
		return len(p), s.startPager()
	}
	if s.slow == nil {
		s.slow = time.AfterFunc(patience, s.hurry)
	}
	return len(p), nil
}

// hurry shows what there is of output that comes slowly, such as that of `terminal monitor`; it
// is not paged any more.
func (s *screen) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil && !s.ended {
		_ = s.showPage() // the terminal's next Write fails, too
	}
}

func (s *screen) showPage() error {
	s.direct = true
	page := s.page
	s.page = nil
	return s.show(page)
}

// show writes to the terminal.
func (s *screen) show(p []byte) error {
	if s.colours {
		p = s.paint.lines(p)
	}
	_, err := s.out.Write(p)
	return err
}

// startPager starts the pager and gives it the page; where that fails there is no paging.
func (s *screen) startPager() error {
	cmd := exec.Command("/bin/sh", "-c", s.pager)
	cmd.Env = os.Environ()
	if _, ok := os.LookupEnv("LESS"); !ok {
		cmd.Env = append(cmd.Env, "LESS=FX") // a page alone ends it, and stays on the screen
	}
	cmd.Stdout, cmd.Stderr = s.out, s.out
	to, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return s.showPage()
	}
	s.running, s.to = cmd, to
	page := s.page
	s.page = nil
	return s.feed(page)
}

// feed gives text to the pager. One that does not take it has ended.
func (s *screen) feed(p []byte) error {
	if _, err := s.to.Write(p); err != nil {
		s.end()
	}
	return nil
}

func (s *screen) end() {
	if !s.ended {
		s.ended = true
		s.enough()
	}
}

// stop leaves out what is still to come. A pager is not stopped: it takes Ctrl-C itself.
func (s *screen) stop() (stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return false
	}
	s.ended = true
	return true
}

// close shows what is left, and waits until the pager is done.
func (s *screen) close() error {
	s.mu.Lock()
	if s.slow != nil {
		s.slow.Stop()
	}
	var err error
	if s.running == nil && !s.ended {
		if err = s.showPage(); err == nil && s.last != 0 && s.last != '\n' {
			err = s.show([]byte("\n"))
		}
	}
	running := s.running
	s.mu.Unlock()
	if running == nil {
		return err
	}
	s.to.Close()
	_ = running.Wait() // how a pager ends is between it and its user
	return err
}

// painter gives lines that begin with a percent sign, which tell of errors, another colour.
type painter struct {
	within bool // a line
	red    bool
}

const (
	red   = "\x1b[31m"
	bold  = "\x1b[1m"
	plain = "\x1b[0m"
)

func (c *painter) lines(p []byte) []byte {
	if !c.red && !bytes.ContainsRune(p, '%') {
		if len(p) > 0 {
			c.within = p[len(p)-1] != '\n'
		}
		return p
	}
	out := make([]byte, 0, len(p)+16)
	for _, b := range p {
		if !c.within && b == '%' {
			out = append(out, red...)
			c.red = true
		}
		if c.red && b == '\n' {
			out = append(out, plain...)
			c.red = false
		}
		c.within = b != '\n'
		out = append(out, b)
	}
	return out
}
