package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// backgroundEnv marks the process that -d has put into the background, and readyFD is where
// it says that it is ready: a Go process cannot fork, so -d starts it anew.
const (
	backgroundEnv = "MSDPD_BACKGROUND"
	readyFD       = 3
)

func inBackground() bool { return os.Getenv(backgroundEnv) != "" }

// runInBackground starts the process that does the work, in a session of its own, and waits until it is ready.
func runInBackground(stderr io.Writer) int {
	err := startInBackground(stderr)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode() // it has said why
	}
	fmt.Fprintf(stderr, "msdpd: going into the background: %v\n", err)
	return 1
}

func startInBackground(stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program's own file: %w", err)
	}
	readyR, readyW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer readyR.Close()
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), backgroundEnv+"=1")
	cmd.Stderr = stderr
	cmd.ExtraFiles = []*os.File{readyW}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	readyW.Close()
	if err != nil {
		return err
	}
	if n, _ := readyR.Read(make([]byte, 1)); n == 1 {
		return nil
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	return errors.New("it ended at once")
}

// ready tells the process that started us in the background that all is well, and lets go
// of its directory and of its standard output and error: whoever reads those waits no longer.
func ready() error {
	if !inBackground() {
		return nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("letting go of standard output: %w", err)
	}
	defer null.Close()
	f := os.NewFile(readyFD, "ready")
	_, _ = f.Write([]byte{1}) // whoever waited may have gone
	_ = f.Close()
	for _, fd := range []int{unix.Stdin, unix.Stdout, unix.Stderr} {
		if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
			return fmt.Errorf("letting go of file descriptor %d: %w", fd, err)
		}
	}
	return os.Chdir("/")
}
