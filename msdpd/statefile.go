package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"

	"msdpd/lib/msdp"
)

// statePeriod is how often the state file is written.
const statePeriod = 5 * time.Second

// writeState keeps the state file fresh for the case that this process is killed.
func (in *instance) writeState(ctx context.Context) error {
	ticker := time.NewTicker(statePeriod)
	defer ticker.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		var saved msdp.Saved
		if in.do(func() { saved = in.saved() }) != nil {
			return nil
		}
		err := storeState(in.options.stateFile(), saved)
		if err != nil && !failed {
			in.log.Warn("what is known cannot be kept for the next start", zap.Error(err))
		}
		failed = err != nil
	}
}

// saved is what the next start is to know.
func (in *instance) saved() msdp.Saved {
	return in.speaker.Save(in.joiner.Joined(in.settings.joins.all()))
}

// storeState replaces the file at path by saved, so that a reader sees the old or the new.
func storeState(path string, saved msdp.Saved) error {
	text, err := json.Marshal(saved)
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	return replaceFile(path, text, 0o640)
}

// replaceFile writes text beside path and renames it to path. The new file has the owner
// and the mode of the old one, or mode where there is none.
func replaceFile(path string, text []byte, mode fs.FileMode) error {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	defer root.Close()
	if err := replaceIn(root, filepath.Base(path), text, mode); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	return nil
}

// replaceIn is replaceFile for a name in root.
func replaceIn(root *os.Root, name string, text []byte, mode fs.FileMode) error {
	beside := name + ".new"
	if err := root.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// A file of our own: nobody has one open, or a link there, that the text would go to.
	f, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, likeOld(f, root, name, mode), f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(beside, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(beside))
	}
	return nil
}

// likeOld gives f the owner and the mode of the plain file called name, or mode where there is none.
func likeOld(f *os.File, root *os.Root, name string, mode fs.FileMode) error {
	old, err := root.Lstat(name)
	if err != nil || !old.Mode().IsRegular() {
		return f.Chmod(mode)
	}
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // root alone may give files away
	}
	return f.Chmod(old.Mode().Perm())
}

// loadState reads what storeState wrote; no file is no state.
func loadState(path string) (msdp.Saved, error) {
	var saved msdp.Saved
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return saved, nil
	}
	if err != nil {
		return saved, fmt.Errorf("reading the state: %w", err)
	}
	if err := json.Unmarshal(text, &saved); err != nil {
		return msdp.Saved{}, fmt.Errorf("reading the state from %s: %w", path, err)
	}
	return saved, nil
}
