package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"msdpd/lib/frrvty"
)

// maxHistory is how many lines are kept, maxRemembered how long one may be, in octets.
const (
	maxHistory    = 1000
	maxRemembered = 1024
)

// history holds the lines that the arrow keys bring back, in a file that only the user can read.
// It implements term.History, but takes no line from the editor, which does not know what a secret is.
type history struct {
	lines []string // the oldest first
	path  string   // "": there is no file
}

// historyPath is where the history is kept: the file that was asked for, or one in the user's
// home, beside vtysh's; "" where he has none.
func historyPath(asked string) string {
	if asked != "" {
		return asked
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return ""
	}
	return filepath.Join(home, ".history_msdpsh")
}

// openHistory reads the file, and shortens it where it has grown. The history can be used
// whatever the error, which names the file.
func openHistory(path string) (*history, error) {
	h := &history{path: path}
	if path == "" {
		return h, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		h.path = ""
		return h, fmt.Errorf("history: %w", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		h.path = "" // such as /dev/null, for none
		return h, nil
	}
	// What is older than this much of it is older than the oldest line that is kept.
	if _, err := file.Seek(-maxHistory*maxRemembered, io.SeekEnd); err != nil {
		_, err = file.Seek(0, io.SeekStart)
		if err != nil {
			return h, fmt.Errorf("history: %s: %w", path, err)
		}
	}
	read := 0
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, maxHistory*maxRemembered+1)
	for scanner.Scan() {
		h.remember(scanner.Text())
		read++
	}
	if err := scanner.Err(); err != nil {
		return h, fmt.Errorf("history: %s: %w", path, err)
	}
	if info, err := file.Stat(); err == nil && (read > 2*maxHistory || info.Size() >= maxHistory*maxRemembered || info.Mode().Perm()&0o077 != 0) {
		return h, h.rewrite()
	}
	return h, nil
}

// rewrite puts a file with the lines in the place of the old one.
func (h *history) rewrite() error {
	file, err := os.CreateTemp(filepath.Dir(h.path), filepath.Base(h.path)) // with mode 0600
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = io.WriteString(file, strings.Join(append(h.lines, ""), "\n"))
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), h.path)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// Add implements term.History.
func (*history) Add(string) {}

// Len implements term.History.
func (h *history) Len() int { return len(h.lines) }

// At implements term.History: 0 is the latest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

// keep adds a line that was typed, in the file, too.
func (h *history) keep(line string) error {
	if !h.remember(line) || h.path == "" {
		return nil
	}
	file, err := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = io.WriteString(file, line+"\n")
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// remember adds a line unless it is no news.
func (h *history) remember(line string) bool {
	if line == "" || len(line) > maxRemembered || strings.ContainsAny(line, "\r\n\x00\x1b") || len(h.lines) > 0 && h.At(0) == line {
		return false
	}
	if len(h.lines) == maxHistory {
		h.lines = h.lines[:copy(h.lines, h.lines[1:])]
	}
	h.lines = append(h.lines, line)
	return true
}

// confidential reports whether a line looks as if it had a secret in it, whatever msdpd says.
func confidential(line string) bool {
	if frrvty.Shown(line) != line {
		return true
	}
	for word := range strings.FieldsSeq(strings.ToLower(line)) {
		for _, secret := range []string{"pass", "secr", "key", "md5"} {
			if strings.Contains(word, secret) {
				return true
			}
		}
	}
	return false
}
