package lab

import (
	_ "embed" // for chrootScript
	"os/exec"
)

//go:embed chroot.sh
var chrootScript string

// command makes a command of one of the release's programs. What is mounted for it in the directory tree is in a mount
// namespace of that process, which the kernel takes away with it, however it ends; the process keeps its number from
// the shell to the program.
//
// A path space that is not empty is the only one whose configuration the program sees.
func (f FRR) command(space, path string, args ...string) *exec.Cmd {
	if f.Root == "" {
		return exec.Command(path, args...)
	}
	all := append([]string{"--mount", "--propagation", "private", "sh", "-c", chrootScript, "msdp-lab-chroot", f.Root, space, path}, args...)
	return exec.Command("unshare", all...)
}
