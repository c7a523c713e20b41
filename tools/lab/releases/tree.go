package releases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
)

// build unpacks the packages that debootstrap has left in a directory, and adds what their scripts would have.
func build(ctx context.Context, packages, tree string) error {
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc/pam.d", "run", "var"} {
		if err := os.MkdirAll(filepath.Join(tree, dir), 0o755); err != nil {
			return err
		}
	}
	// As on every machine of today; packages of bullseye and bookworm bring some of these as directories.
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+name, filepath.Join(tree, name)); err != nil {
			return err
		}
	}
	if err := os.Symlink("../run", filepath.Join(tree, "var/run")); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(packages, "var/cache/apt/archives/*.deb"))
	if err != nil {
		return err
	}
	version := ""
	for _, file := range files {
		if err := unpack(ctx, file, tree); err != nil {
			return err
		}
		name, v, err := identify(ctx, file)
		if err != nil {
			return err
		}
		if name == "frr" {
			version = v
		}
	}
	if version == "" {
		return fmt.Errorf("no package frr among the %d that debootstrap fetched", len(files))
	}
	if err := finish(tree); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(tree, versionFile), []byte(version+"\n"), 0o644)
}

// unpack is dpkg-deb --extract, which would put directories in the place of links.
func unpack(ctx context.Context, file, tree string) error {
	var stderr bytes.Buffer
	tar := exec.CommandContext(ctx, "tar", "--extract", "--keep-directory-symlink", "--preserve-permissions", "--directory", tree)
	tar.Stderr = &stderr
	in, err := tar.StdinPipe()
	if err != nil {
		return err
	}
	deb := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", file)
	deb.Stdout, deb.Stderr = in, &stderr
	if err := tar.Start(); err != nil {
		return err
	}
	err = errors.Join(deb.Run(), in.Close(), tar.Wait())
	if err != nil {
		err = fmt.Errorf("unpacking %s: %w: %s", filepath.Base(file), err, lastLines(stderr.Bytes(), 3))
	}
	return err
}

func identify(ctx context.Context, file string) (name, version string, err error) {
	out, err := exec.CommandContext(ctx, "dpkg-deb", "--show", "--showformat=${Package} ${Version}", file).Output()
	if err == nil {
		_, err = fmt.Sscan(string(out), &name, &version)
	}
	if err != nil {
		return "", "", fmt.Errorf("reading %s: %w", filepath.Base(file), err)
	}
	return name, version, nil
}

// finish makes the places that the machine's directories and empty file systems are mounted on when a daemon runs, has
// vtysh let anybody in who may use its sockets, and takes away what no daemon reads.
func finish(tree string) error {
	for _, dir := range []string{"proc", "dev", "run/frr", "etc/frr", "var/tmp", "var/lib/frr"} {
		if err := os.MkdirAll(filepath.Join(tree, dir), 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"} {
		if err := os.RemoveAll(filepath.Join(tree, dir)); err != nil {
			return err
		}
	}
	// PAM reads other too, and fails at the files that it includes.
	for _, service := range []string{"frr", "other"} {
		rules := "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n"
		if err := os.WriteFile(filepath.Join(tree, "etc/pam.d", service), []byte(rules), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeUsers gives a tree this machine's numbers for FRR's user and groups: configuration and sockets are in the machine's
// own directories.
func (t Tree) writeUsers() error {
	u, err := user.Lookup("frr")
	if err != nil {
		return fmt.Errorf("its daemons become the user of the machine's own FRR: %w", err)
	}
	vty, err := user.LookupGroup("frrvty")
	if err != nil {
		return fmt.Errorf("its sockets belong to a group of the machine's own FRR: %w", err)
	}
	passwd := fmt.Sprintf("root:x:0:0:root:/root:/bin/sh\nfrr:x:%s:%s::/nonexistent:/usr/sbin/nologin\n", u.Uid, u.Gid)
	group := fmt.Sprintf("root:x:0:\nfrr:x:%s:\nfrrvty:x:%s:root,frr\n", u.Gid, vty.Gid)
	return errors.Join(t.replace("etc/passwd", passwd), t.replace("etc/group", group))
}

// replace writes a file in one step, if it is not that already: daemons may be starting in the tree.
func (t Tree) replace(name, content string) error {
	path := filepath.Join(t.Root, name)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, []byte(content)) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after a failure
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
