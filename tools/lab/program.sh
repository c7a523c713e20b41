# shellcheck shell=bash
# Sourced after install.sh by tools that run a program of tools/lab with fresh binaries of msdpd.

# run_program NAME [OPTION…]: builds tools/lab/NAME, msdpd and msdpsh, runs it and exits with its
# status. It cleans up after itself when it is told to end, and so is waited for.
run_program() {
	local name=$1 dir pid="" signalled="" status=0
	shift
	dir=$(mktemp -d)
	trap 'signalled=yes; [ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null || true' INT TERM HUP
	# shellcheck disable=SC2064 # the directory of now
	trap "rm -rf '$dir'" EXIT
	say "building (a minute or two the first time)"
	go build -o "$dir/" "./tools/lab/$name" ./msdpd ./tools/msdpsh
	[ -z "$signalled" ] || exit 130
	MSDPD_BIN=$dir "$dir/$name" "$@" &
	pid=$!
	wait "$pid" || status=$?
	# A signal ends wait before the program has ended.
	while [ -n "$signalled" ]; do
		signalled=
		status=0
		wait "$pid" || status=$?
	done
	exit "$status"
}
