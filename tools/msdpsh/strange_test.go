package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPaste: what is pasted is run line by line, and none of it is lost.
func TestPaste(t *testing.T) {
	const lines = 2000
	p := sits(t, startDaemon(t))
	p.sees("rp1# ")
	p.types("conf t\r")
	p.sees("rp1(config)# ")
	go func() {
		// The terminal takes no more than a few kilobytes at once. If it is closed, sees fails.
		_, _ = p.tty.WriteString(strings.Repeat("ip msdp timers 60 75\r", lines) + "end\rshow ver\r")
	}()
	for range lines {
		p.sees("timers 60 75\r\ntimers 60 75\r\n")
	}
	p.sees("msdpd 1\r\n")
}

// TestDaemonWithoutEnquiries: one that is older than the shell can be used, without help.
func TestDaemonWithoutEnquiries(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "msdpd.vty"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewReader(conn); ; {
					line, err := lines.ReadString(0)
					answer := "you said " + strings.TrimSuffix(line, "\x00") + "\n\x00\x00\x00\x00"
					if strings.HasPrefix(line, "\x05") {
						answer = "% Unknown command\n\x00\x00\x00\x02"
					}
					if err != nil || line == "exit\x00" {
						return
					}
					if _, err := io.WriteString(conn, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	p := sits(t, dir)
	p.sees("msdpd# ")
	p.types("show ?")
	p.sees("% There is no matched command.\r\n")
	p.types("version\r")
	p.sees("you said show version\r\n")
	p.sees("msdpd# ")
	p.types(up + ctrlC)
	p.sees("show version^C")
	wants(t, dir, []string{"-c", "show version"}, 0, "you said show version\n", "")
	wants(t, dir, []string{"--json", "-c", "show version"}, 0, "you said show version json\n", "")
}

// TestLinesOverStandardInput: a script that is no terminal's gets no prompt and no history.
func TestLinesOverStandardInput(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	var out, errs strings.Builder
	code := run(t.Context(), []string{"--vty_socket", startDaemon(t)}, strings.NewReader("show version\nshow bogus\nshow version\n"), &out, &errs)
	if code != 2 || withoutMarks(out.String()) != "msdpd 1\n% [MSDP] Unknown command: show bogus\n" ||
		errs.String() != "msdpsh: stopped at line 2: show bogus\n" {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errs.String())
	}
	if files, err := os.ReadDir(home); err != nil || len(files) > 0 {
		t.Errorf("%v, %v", files, err)
	}
}
