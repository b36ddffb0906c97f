# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of what COMMAND finds load beside the helpers.
#
# shellcheck disable=SC2034 # variables for those who load it

# For each way to close some of 0, 1 and 2, call "$@" with the options for
# `with` in the array $closed and the numbers that stay open in $open.
each_closing()
{
	local way fd

	for way in 0 1 2 "0 1" "0 2" "1 2" "0 1 2"; do
		closed=()
		open="0 1 2"
		for fd in $way; do
			closed+=(-c "$fd")
			open=${open/$fd/}
		done
		echo "closed: $way"
		rm -f shown
		"$@" || return
	done
}

# sorted NUMBER...: "fds" and the numbers in order, each once.
sorted()
{
	echo "fds $(printf '%s\n' "$@" | sort -nu | xargs)"
}

# The state of COMMAND, for a caller who ignores and blocks some.
ignores=(-i PIPE -i CHLD -i HUP -i USR1 -b USR2 -b CHLD -b PIPE)

# value NAME FILE: the value of a variable in what env(1) wrote, or "unset".
value()
{
	sed -n "s/^$1=//p;t" "$2" | grep . || echo unset
}

stale=(PROTO=STALE TCPREMOTEHOST=stale TCPLOCALHOST=stale TCPREMOTEINFO=stale
	TCPREMOTEIP=stale TCPLOCALPORT=stale UNIXLOCALPATH=stale
	UNIXREMOTEPATH=stale UNIXREMOTEPID=stale FDRECV_PAYLOAD=stale
	FDRECV_PID=stale FDRECV_OTHER=stale LISTEN_FDS=3 LISTEN_PID=1
	LISTEN_FDNAMES=stale)
