# shellcheck shell=bash
# Sourced by tools/demo and tools/test: checks what they need and installs what is lacking.
# Sets $root, the top of the source, and makes it the working directory.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit
me=${0##*/}

say() { printf '%s: %s\n' "$me" "$*"; }
die() {
	printf '%s: %s\n' "$me" "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" = 0 ] || die "this makes network namespaces: run it as root"
	export HOME="${HOME:-/root}"
}

# need_go: the toolchain that go.mod asks for, 1.25 or later. A go from 1.21 on fetches it by itself.
need_go() {
	local version rest
	command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
	command -v go >/dev/null || die "Go 1.25 or later is needed and no go is in PATH: see https://go.dev/dl/"
	version=$(go env GOVERSION) || die "Go 1.25 or later is needed: 'go env GOVERSION' failed, see above"
	rest=${version#go1.}
	rest=${rest%%[!0-9]*}
	[ "${rest:-0}" -ge 25 ] || die "Go 1.25 or later is needed; $(command -v go) is $version"
	# Root's git refuses to look into another user's clone, and go build asks it for the revision.
	export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
}

# need_packages FILE=PACKAGE…: installs each Debian package whose file is missing.
need_packages() {
	local pair lacking=()
	for pair in "$@"; do
		[ -e "${pair%%=*}" ] || command -v "${pair%%=*}" >/dev/null || lacking+=("${pair#*=}")
	done
	[ ${#lacking[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "these are missing, and there is no apt-get to install them: ${lacking[*]}"
	say "installing from Debian: ${lacking[*]}"
	install_packages "${lacking[@]}" || die "installing ${lacking[*]} failed, see above"
}

# install_packages installs without starting services: FRR's own would begin to route on this
# machine. A policy that is there already is the administrator's, and stays.
install_packages() (
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap 'rm -f $policy' EXIT
		trap 'exit 130' INT TERM
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
		case " $* " in
		*" frr "*) say "FRR's service is not started (after a reboot systemd would: systemctl disable frr)" ;;
		esac
	fi
	export DEBIAN_FRONTEND=noninteractive
	# A fresh machine has no package lists, an old one has lists of versions that are gone.
	apt-get install -qq --no-install-recommends "$@" </dev/null ||
		{ apt-get update -qq && apt-get install -qq --no-install-recommends "$@" </dev/null; }
)
