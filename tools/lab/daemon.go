package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"msdpd/lib/frrvty"
)

// Daemon is a process that runs in a node's namespace: one of FRR's, msdpd, or another that Start has started.
type Daemon struct {
	node *Node
	name string
	// path, args and frr are how it was started, and is started again. frr is zero for what is not FRR's.
	path   string
	args   []string
	frr    FRR
	config string
	// configure gives the configuration file to a daemon that does not read it by itself. It may be nil.
	configure func(file string) error
	logFile   string
	vtySocket string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
}

// startLimit is how long a daemon may take until its vty answers. On a busy machine with
// -race and several networks at once that is seconds.
const startLimit = 30 * time.Second

// stopLimit is how long a daemon may take to end after SIGTERM.
const stopLimit = 15 * time.Second

// Start runs a program in the background, its output in the log; it is Restart's and Close's
// to handle like a daemon, but has no vty and no configuration.
func (nd *Node) Start(name, path string, args ...string) *Daemon {
	nd.net.t.Helper()
	return nd.startProgram(FRR{}, name, path, args)
}

// StartInFRR is Start for a program of the directory tree that the node's FRR is in: what it starts there by itself is of that
// release. Without such a tree it is one of the machine's.
func (nd *Node) StartInFRR(name, path string, args ...string) *Daemon {
	nd.net.t.Helper()
	return nd.startProgram(nd.FRR, name, path, args)
}

func (nd *Node) startProgram(in FRR, name, path string, args []string) *Daemon {
	nd.net.t.Helper()
	d := nd.newDaemon(name)
	d.path, d.args, d.frr, d.vtySocket = path, args, in, ""
	if err := d.start(); err != nil {
		nd.net.t.Fatalf("starting %s on %s: %v", name, nd.name, err)
	}
	nd.net.addDaemon(d)
	return d
}

// start runs the daemon and waits until its vty answers and it has its configuration.
func (d *Daemon) start() error {
	if err := d.startUnconfigured(); err != nil || d.configure == nil {
		return err
	}
	return d.configure(d.config)
}

func (d *Daemon) startUnconfigured() error {
	if err := d.exec(); err != nil || d.vtySocket == "" {
		return err
	}
	deadline := time.Now().Add(startLimit)
	for {
		err := d.answers()
		switch {
		case err == nil:
			return nil
		case !d.Alive():
			return fmt.Errorf("%s: its log ends:\n%s", d.state(), tail(d.Log(), 20))
		case time.Now().After(deadline):
			return fmt.Errorf("its vty does not answer after %v: %w; its log ends:\n%s", startLimit, err, tail(d.Log(), 20))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// answers asks the vty something that every daemon knows.
func (d *Daemon) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := frrvty.Query(ctx, d.vtySocket, "show version")
	return err
}

// exec starts the process, its output appended to the log.
func (d *Daemon) exec() error {
	log, err := os.OpenFile(d.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd := d.frr.command(d.node.space, d.path, d.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	// Setpgid: a terminal's Ctrl-C is the caller's affair, not the daemons'.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = d.node.InNamespace(func() error {
		if err := cmd.Start(); err != nil {
			return err
		}
		// Where the machine's own daemons put their crash logs; each makes it at its start.
		d.node.net.reaper.path(fmt.Sprintf("/var/tmp/frr/%s.%d", d.name, cmd.Process.Pid))
		return nil
	})
	if err != nil {
		return err
	}
	exited := make(chan struct{})
	d.mu.Lock()
	d.cmd, d.exited = cmd, exited
	d.mu.Unlock()
	go func() {
		cmd.Wait() // its result is in cmd.ProcessState
		close(exited)
	}()
	return nil
}

func (d *Daemon) process() (*exec.Cmd, chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cmd, d.exited
}

// Pid is the process's number, also after its end.
func (d *Daemon) Pid() int {
	cmd, _ := d.process()
	return cmd.Process.Pid
}

// Alive reports whether the process runs.
func (d *Daemon) Alive() bool {
	select {
	case <-d.Exited():
		return false
	default:
		return true
	}
}

// Exited is closed when the process has ended. After a Restart there is a new one.
func (d *Daemon) Exited() <-chan struct{} {
	_, exited := d.process()
	return exited
}

func (d *Daemon) awaitExit() { <-d.Exited() }

// state says in words whether it runs, or how it ended.
func (d *Daemon) state() string {
	cmd, _ := d.process()
	if d.Alive() {
		return fmt.Sprintf("pid %d", cmd.Process.Pid)
	}
	return "ended: " + cmd.ProcessState.String()
}

// Signal sends a signal. That the process has ended already is no failure.
func (d *Daemon) Signal(sig syscall.Signal) {
	d.node.net.t.Helper()
	cmd, _ := d.process()
	if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		d.node.net.t.Fatalf("sending %v to %s on %s: %v", sig, d.name, d.node.name, err)
	}
}

// Kill ends the process by SIGKILL and waits for its end.
func (d *Daemon) Kill() {
	d.node.net.t.Helper()
	d.Signal(syscall.SIGKILL)
	d.awaitExit()
}

// Stop ends the process by SIGTERM and waits for its end. One that does not end within 15 seconds fails the test.
func (d *Daemon) Stop() {
	d.node.net.t.Helper()
	d.Signal(syscall.SIGTERM)
	select {
	case <-d.Exited():
	case <-time.After(stopLimit):
		d.node.net.t.Fatalf("%s on %s still runs %v after SIGTERM", d.name, d.node.name, stopLimit)
	}
}

// Restart starts the daemon again with the same options, and waits until its vty answers. If it runs, it is stopped first.
func (d *Daemon) Restart() {
	d.node.net.t.Helper()
	if d.Alive() {
		d.Stop()
	}
	if err := d.start(); err != nil {
		d.node.net.t.Fatalf("starting %s on %s again: %v", d.name, d.node.name, err)
	}
}

// WriteConfig replaces the configuration file, to be read at the next start or on SIGHUP.
func (d *Daemon) WriteConfig(text string) {
	d.node.net.t.Helper()
	if err := d.writeConfig(text); err != nil {
		d.node.net.t.Fatalf("writing the configuration of %s on %s: %v", d.name, d.node.name, err)
	}
}

func (d *Daemon) writeConfig(text string) error {
	if err := os.WriteFile(d.config, []byte(text), 0o640); err != nil {
		return err
	}
	return chownFRR(d.config)
}

// Log is what it has written so far, in all its lives.
func (d *Daemon) Log() string {
	b, err := os.ReadFile(d.logFile)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(b)
}

// tail returns the last lines of a text.
func tail(text string, lines int) string {
	text = strings.TrimRight(text, "\n")
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == '\n' {
			if lines--; lines == 0 {
				return text[i+1:]
			}
		}
	}
	return text
}
