# shellcheck shell=sh
# Becomes a program in a directory tree: $1 is the tree, $2 a path space of FRR or nothing, the rest the program and its
# arguments. It runs in a mount namespace of its own. The tree cannot be written to, as others run in it too; the path space's
# configuration and all sockets are the machine's own.
set -e
root=$1
space=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for dir in /proc /dev /run/frr; do
	mount --rbind $dir "$root$dir"
done
# Crash logs, what 10.x keeps over restarts, and other path spaces than this one.
for dir in /var/tmp /var/lib/frr /etc/frr; do
	mount -t tmpfs -o mode=1777,size=64m tmpfs "$root$dir"
done
if [ -n "$space" ]; then
	mkdir "$root/etc/frr/$space"
	mount --bind "/etc/frr/$space" "$root/etc/frr/$space"
fi
exec chroot "$root" "$@"
