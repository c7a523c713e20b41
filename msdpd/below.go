package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// checkBelow refuses a path that is not below a directory, by its text alone.
func checkBelow(dir, path string) error {
	if !strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/") || filepath.Clean(path) != path {
		return fmt.Errorf("%s is not a path below %s", path, dir)
	}
	return nil
}

// openBelow opens dir and returns it with what path is called in it. No link in path leads out of
// what is returned; the error says so of one that would, and names the path.
func openBelow(dir, path string) (*os.Root, string, error) {
	if err := checkBelow(dir, path); err != nil {
		return nil, "", err
	}
	in, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	beside, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	if beside != in && checkBelow(in, beside) != nil {
		return nil, "", fmt.Errorf("%s is not a path below %s: %s is %s", path, dir, filepath.Dir(path), beside)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return nil, "", errors.Join(err, root.Close())
	}
	return root, name, nil
}

// checkPlain refuses what is there under a name and is no plain file: a link, a socket, a pipe.
func checkPlain(root *os.Root, name string) error {
	switch info, err := root.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no plain file", filepath.Join(root.Name(), name))
	}
	return nil
}
