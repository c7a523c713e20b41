# shellcheck shell=sh
# Takes down a network: reads what there is to remove, one a line, and begins when its input ends,
# which the kernel sees to even if the process that made the network was killed.
#   netns NAME   a namespace: its processes are killed, then it is deleted
#   path PATH    a file or directory
#   dismiss      forget all of it
# $1 is the process that made the network: its threads enter the namespaces.
trap '' INT TERM HUP QUIT
owner=$1
netns='' paths='' crash=''
while read -r kind what; do
	case $kind in
	netns) netns="$netns $what" ;;
	# The last one first: the first is the directory that says that the network's name is taken.
	path) paths="$what $paths" ;;
	dismiss) exit 0 ;;
	esac
done
status=0
for ns in $netns; do
	[ -e "/run/netns/$ns" ] || continue
	tries=0
	while :; do
		left=''
		for pid in $(ip netns pids "$ns"); do
			[ "$pid" = "$owner" ] && continue
			# A zombie has ended: it only waits for its parent.
			case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null) in
			'' | Z*) continue ;;
			esac
			left="$left $pid"
			# Where FRR's daemons put crash logs.
			crash="$crash $pid"
		done
		[ -n "$left" ] || break
		tries=$((tries + 1))
		if [ $tries -gt 100 ]; then
			echo "processes$left in $ns do not end" >&2
			status=1
			break
		fi
		# shellcheck disable=SC2086 # a list of numbers
		kill -9 $left 2>/dev/null
		sleep 0.05
	done
	ip netns del "$ns" || status=1
done
for pid in $crash; do
	rm -rf /var/tmp/frr/*."$pid"
done
for path in $paths; do
	rm -rf "$path" || status=1
done
exit $status
