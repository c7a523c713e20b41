package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Capture writes what passes an interface to a file.
type Capture struct {
	node    *Node
	file    string
	cmd     *exec.Cmd
	exited  chan struct{}
	once    sync.Once
	started *lineWaiter
}

// Capture starts tcpdump on an interface ("any" for all) with a filter in its syntax, and returns when it captures.
func (nd *Node) Capture(iface, filter string) *Capture {
	nd.net.t.Helper()
	c, err := nd.startCapture(iface, filter)
	if err != nil {
		nd.net.t.Fatalf("%s: capturing on %s: %v", nd.name, iface, err)
	}
	nd.net.closeLater(closerFunc(func() error { c.stop(); return nil }))
	return c
}

func (nd *Node) startCapture(iface, filter string) (*Capture, error) {
	f, err := os.CreateTemp(nd.net.dir, nd.name+"-"+iface+"-*.pcap")
	if err != nil {
		return nil, err
	}
	c := &Capture{node: nd, file: f.Name(), exited: make(chan struct{}), started: &lineWaiter{word: "listening on", seen: make(chan struct{})}}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// -U and immediate mode: a packet is in the file as soon as it was seen.
	c.cmd = exec.Command("tcpdump", "-Z", "root", "-n", "-U", "--immediate-mode", "-s", "0", "-i", iface, "-w", c.file, filter)
	c.cmd.Stderr = c.started
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := nd.InNamespace(c.cmd.Start); err != nil {
		return nil, err
	}
	go func() {
		c.cmd.Wait() // its result is in ProcessState
		close(c.exited)
	}()
	select {
	case <-c.started.seen:
		return c, nil
	case <-c.exited:
		return nil, fmt.Errorf("tcpdump: %s: %s", c.cmd.ProcessState, c.started)
	case <-time.After(startLimit):
		c.stop()
		return nil, fmt.Errorf("tcpdump does not start: %s", c.started)
	}
}

// lineWaiter closes seen when what is written to it holds a word.
type lineWaiter struct {
	word string
	seen chan struct{}
	mu   sync.Mutex
	text bytes.Buffer
	done bool
}

func (w *lineWaiter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	if !w.done && strings.Contains(w.text.String(), w.word) {
		w.done = true
		close(w.seen)
	}
	return len(b), nil
}

func (w *lineWaiter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(w.text.String())
}

// stop ends the capture; the file is complete when it returns.
func (c *Capture) stop() {
	c.once.Do(func() { c.cmd.Process.Signal(syscall.SIGINT) }) // it may have ended with its interface
	<-c.exited
}

// Packets has tshark read what was captured so far, with MSDP on TCP port 639. Each packet that the display
// filter lets through (empty: every one) is one row with the values of the fields asked for; a field that
// occurs several times has its values joined by commas. It can be asked
// while the capture runs; tshark then refuses a file that ends within a packet, so ask again on an error.
func (c *Capture) Packets(filter string, fields ...string) ([][]string, error) {
	if len(fields) == 0 {
		fields = []string{"frame.number"}
	}
	args := []string{"-n", "-r", c.file, "-d", "tcp.port==639,msdp", "-T", "fields"}
	if filter != "" {
		args = append(args, "-Y", filter)
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("tshark", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tshark on %s: %w: %s", filepath.Base(c.file), err, strings.TrimSpace(stderr.String()))
	}
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows, nil
}
