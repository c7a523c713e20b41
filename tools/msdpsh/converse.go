package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"msdpd/lib/frrvty"
	"msdpd/vty"
)

// terminal returns the file behind a reader or writer, and whether it is a terminal.
func terminal(stream any) (*os.File, bool) {
	file, ok := stream.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

// conversation is a session with a person at a terminal.
type conversation struct {
	*session
	in, out  *os.File
	editor   *editor
	history  *history
	standing vty.Standing
	pager    string
	paginate bool
	colours  bool
	// interrupts has Ctrl-C while a command runs.
	interrupts chan os.Signal
}

// converse reads lines and runs them until the session ends; it returns the exit code.
func (s *session) converse(ctx context.Context, in, out *os.File) int {
	c := &conversation{session: s, in: in, out: out, interrupts: make(chan os.Signal, 1)}
	c.pager = pagerCommand(os.LookupEnv)
	c.paginate = true
	c.colours = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	var err error
	if c.history, err = openHistory(historyPath(s.histfile)); err != nil {
		c.complain("%v", err)
	}
	restore, err := quiet(in)
	if err != nil {
		fmt.Fprintf(s.stderr, "msdpsh: terminal: %v\n", err)
		return exitIO
	}
	defer restore()
	c.editor = newEditor(in, out, c.history, func(line string) []vty.Candidate { return c.complete(ctx, line) })

	signal.Notify(c.interrupts, os.Interrupt)
	defer signal.Stop(c.interrupts)
	others := make(chan os.Signal, 1)
	signal.Notify(others, unix.SIGWINCH, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(others)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case sig := <-others:
				if sig != unix.SIGWINCH {
					restore()
					os.Exit(128 + int(sig.(syscall.Signal)))
				}
				c.editor.resize()
			case <-done:
				return
			}
		}
	}()
	return c.loop(ctx)
}

// loop is the conversation itself.
func (c *conversation) loop(ctx context.Context) int {
	for {
		c.connected(ctx)
		line, key, err := c.editor.readLine(c.prompt())
		switch {
		case errors.Is(err, io.EOF) || key == vty.KeyEOF:
			return 0
		case err != nil:
			fmt.Fprintf(c.stderr, "msdpsh: terminal: %v\n", err)
			return exitIO
		case key != 0: // Ctrl-C and Ctrl-Z end the configuration
			if c.standing.Configuring && c.daemon.client != nil {
				c.execute(ctx, "end")
			}
			continue
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		c.keep(ctx, line)
		if on, ok := paginates(line); ok {
			c.paginate = on
			continue
		}
		if !c.reconnected(ctx) {
			continue
		}
		if c.execute(ctx, line) {
			return 0
		}
	}
}

// connected asks where the session stands. A connection that was cut on purpose is made again.
func (c *conversation) connected(ctx context.Context) bool {
	if c.daemon.client == nil && c.daemon.connect(ctx) != nil {
		return false
	}
	standing, err := c.daemon.standing(ctx)
	if err != nil {
		return false
	}
	c.standing = standing
	return true
}

// reconnected reports whether a line may be run: msdpd is there, and the session stands where the
// prompt told.
func (c *conversation) reconnected(ctx context.Context) bool {
	precious := c.precious()
	gone := c.daemon.client == nil
	if !gone {
		if _, err := c.daemon.standing(ctx); err == nil {
			return true
		}
	}
	if err := c.daemon.connect(ctx); err != nil {
		c.complain("%v", err)
		return false
	}
	if !c.connected(ctx) {
		c.complain("msdpd ended the connection")
		return false
	}
	c.complain("msdpd was away; the session begins anew")
	if precious {
		c.complain("not run: what was typed belongs to the session that is lost")
		return false
	}
	return true
}

// precious reports whether the connection holds what a new one would not.
func (c *conversation) precious() bool { return c.standing.Configuring || c.standing.Holds }

// prompt is that of the session.
func (c *conversation) prompt() string {
	text := c.standing.Prompt
	if c.daemon.client == nil {
		host, _, _ := strings.Cut(strings.TrimRight(text, " #>"), "(")
		if host == "" {
			host = "msdpd"
		}
		text = host + " (not connected)# "
	}
	if !c.colours {
		return text
	}
	return bold + strings.TrimSuffix(text, " ") + plain + " "
}

// complain tells what went wrong on this side.
func (c *conversation) complain(format string, args ...any) {
	text := fmt.Sprintf("%% "+format+"\n", args...)
	if c.colours {
		text = string((&painter{}).lines([]byte(text)))
	}
	fmt.Fprint(c.out, text)
}

// keep remembers a line unless it has a secret.
func (c *conversation) keep(ctx context.Context, line string) {
	line = strings.TrimSpace(line)
	if confidential(line) || c.daemon.hides(ctx, line) {
		return
	}
	if err := c.history.keep(line); err != nil {
		c.history.path = "" // once is enough
		c.complain("%v", err)
	}
}

// execute runs one line and reports whether the session is over.
func (c *conversation) execute(ctx context.Context, line string) (over bool) {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	enough := func() {
		// A connection that has a place in the configuration, or changes that are collected, is
		// kept: the rest is read, and left out.
		if !c.precious() {
			cut()
		}
	}
	width, height, err := term.GetSize(int(c.out.Fd()))
	if err != nil || width <= 0 {
		width, height = 80, 24
	}
	show := &screen{out: c.out, width: width, height: height, colours: c.colours, enough: enough}
	if c.paginate {
		show.pager = c.pager
	}
	finished := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.watch(show, enough, cut, finished)
	}()
	err = c.run(ctx, line, show)
	close(finished)
	<-watched
	closed := show.close()
	if closed != nil {
		return true // there is no terminal any more
	}
	switch {
	case err == nil, errors.As(err, new(*frrvty.StatusError)):
	case errors.As(err, new(refusal)):
		c.complain("%v", err)
	case ctx.Err() != nil:
		c.daemon.drop() // in the middle of an answer
		return false
	default:
		if standing, gone := c.daemon.standing(ctx); gone == nil {
			c.standing = standing
			c.complain("%v", err)
			return false
		}
		c.complain("msdpd ended the connection: %v; the next command connects again", err)
		return false
	}
	if leaves(line) && !c.standing.Configuring {
		_, gone := c.daemon.standing(ctx)
		return gone != nil
	}
	return false
}

// watch ends a command for Ctrl-C; a second one ends the connection, too.
func (c *conversation) watch(show *screen, enough, cut func(), finished <-chan struct{}) {
	for first := true; ; {
		select {
		case <-finished:
			return
		case <-c.interrupts:
			if !show.stop() {
				continue // it is the pager's
			}
			_ = unix.IoctlSetInt(int(c.in.Fd()), unix.TCFLSH, unix.TCIFLUSH) // what was typed ahead was for later
			_, _ = c.out.WriteString("^C\n")
			if !first {
				cut()
			}
			first = false
			enough()
		}
	}
}

// complete lists what the end of a line can be or become.
func (c *conversation) complete(ctx context.Context, line string) []vty.Candidate {
	list, err := c.daemon.candidates(ctx, line)
	if err != nil {
		return nil
	}
	words := strings.Fields(line)
	if len(words) > 0 && len(words[0]) > 1 && strings.HasPrefix("terminal", words[0]) && !c.standing.Configuring {
		last := ""
		if !strings.HasSuffix(line, " ") {
			last = words[len(words)-1]
			words = words[:len(words)-1]
		}
		own := vty.Candidate{Text: "paginate", Help: "Show what is longer than a page through the pager"}
		if (len(words) == 1 || len(words) == 2 && words[1] == "no") && strings.HasPrefix(own.Text, last) {
			list = append([]vty.Candidate{own}, list...)
		}
	}
	return list
}

// paginates reports whether a line is `[no] terminal paginate`, which is for this side, and what
// it wants.
func paginates(line string) (on, ok bool) {
	words := strings.Fields(line)
	on = true
	for i, w := range words {
		if w == "no" && i < 2 && on {
			on = false
			words = append(append([]string{}, words[:i]...), words[i+1:]...)
			break
		}
	}
	if len(words) != 2 || len(words[0]) < 2 || len(words[1]) < 2 {
		return false, false
	}
	return on, strings.HasPrefix("terminal", words[0]) && strings.HasPrefix("paginate", words[1])
}

// quiet has a terminal neither show nor hold what is typed while a command runs, for the line that
// comes next; Ctrl-C still interrupts. Restore undoes it.
func quiet(in *os.File) (restore func(), err error) {
	fd := int(in.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	now := *was
	now.Lflag &^= unix.ECHO | unix.ICANON
	now.Lflag |= unix.NOFLSH // the kernel throws output away under a Write that waits for room, and never wakes it
	now.Iflag &^= unix.ICRNL
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &now); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, was) }, nil // a terminal that has gone needs nothing
}
