# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# Signals at random moments: no message that was taken is dropped, no socket
# file or directory stays, the exit status is the documented one.

load ../lib/helpers
load ../lib/trials

# ends SIGNAL... -- OPTION... COMMAND...: a thousand rounds of `moments` for
# these signals, or $parts of such, together.
ends()
{
	local signals=() each rounds delay line field name

	while [ "$1" != -- ]; do
		signals+=("$1")
		shift
	done
	shift
	rounds=$(($(scaled 24 1020) / ${#signals[@]} / ${parts:-1}))
	delay=20000
	if [ "${FDPASS_VARIANT-}" = sanitized ]; then
		delay=100000
	fi
	for each in "${signals[@]}"; do
		status=0
		# Not $(...): what it leaves, should it die, has that open.
		LIMIT=200 limited moments -n "$rounds" -s "$each" \
			-d "$delay" -S "$BATS_SUITE_TEST_NUMBER" "$@" \
			>line || status=$?
		line=$(cat line)
		for field in $line; do
			name=${field%=*}
			sum[$name]=$((${sum[$name]-0} + ${field#*=}))
		done
		is_status 0 || { echo "$line"; return 1; }
	done
}

setup()
{
	common_setup
	declare -gA sum=()
}

teardown()
{
	local name line=

	common_teardown || return
	for name in rounds messages taken lost twice wrong left hung; do
		line+=" $name=${sum[$name]-0}"
	done
	report "${line# }"
}

all="TERM INT HUP"

# --- what receives

@test "fdrecv -k on a name" {
	ends $all -- -k -m name -a ./s fdrecv -k ./s fdecho
}

@test "fdrecv -n on a name" {
	ends $all -- -k -m name -a ./s fdrecv -n 3 ./s fdecho
}

@test "fdecho on a name" {
	ends $all -- -k -m name -a ./s fdecho ./s
}

@test "fdrecv -k on a stream" {
	ends TERM -- -k -m stream fdrecv -k - fdecho
}

@test "fdrecv -n on a stream" {
	ends TERM -- -k -m stream fdrecv -n 3 - fdecho
}

@test "fdecho on a stream" {
	ends TERM -- -k -m stream fdecho -
}

@test "fdrecv that shows, and waits for one" {
	ends $all -- -m none -a ./s fdrecv ./s
	ends $all -- -m none -a ./s fdrecv ./s true
}

# --- what listens

@test "fdlisten -k with a COMMAND" {
	ends $all -- -k -m listen fdlisten -k fd:3 fdecho
}

@test "fdlisten -k with a COMMAND, its own name" {
	ends $all -- -k -m none -a ./a fdlisten -k ./a fdecho
}

@test "fdlisten that waits for one" {
	ends $all -- -m none -a ./a fdlisten ./a fdecho
}

@test "fdlisten -l holds a socket" {
	ends $all -- -k -m none fdlisten -l 127.0.0.1:0 \
		fdlisten -k fd:3 fdsend -f 3 -
}

@test "fdlisten -k with fdsend and a pool" {
	start pool fdrecv -n 2 ./pool fdecho
	up ./pool
	ends TERM -- -k -m listen fdlisten -k fd:3 fdsend -w ./pool
	stop pool
	is_status 0
}

# --- pipelines, each of their stages

# stages N -- COMMANDS...
stages()
{
	local turn turns=$1 parts=$(($1 + 1))

	shift 2
	for ((turn = 1; turn <= turns; turn++)); do
		ends TERM -- -k -g "$turn" -m listen "$@"
	done
	# systemd, for one, ends all processes of a service at once.
	ends TERM -- -k -p -m listen "$@"
}

@test "fdlisten | fdecho" {
	stages 2 -- fdlisten -k fd:3 '||' fdecho -
}

# Here a COMMAND would be ended with the others.
stages_and_commands()
{
	local turn turns=$1 parts=$(($1 + 1))

	shift 2
	for ((turn = 0; turn <= turns; turn++)); do
		ends TERM -- -k -g "$turn" -m listen "$@"
	done
}

@test "fdlisten | fdrecv -n" {
	stages_and_commands 2 -- fdlisten -k fd:3 '||' fdrecv -n 3 - fdecho
}

@test "fdlisten | fdrecv -k" {
	stages_and_commands 2 -- fdlisten -k fd:3 '||' fdrecv -k - fdecho
}

@test "fdlisten | fdsend -r to a pool" {
	start pool fdrecv -n 2 ./pool fdecho
	up ./pool
	stages 2 -- fdlisten -k fd:3 '||' fdsend -rw ./pool
	stop pool
	is_status 0
}

@test "fdlisten | fdsend -r | fdecho" {
	stages 3 -- fdlisten -k fd:3 '||' fdsend -r - '||' fdecho -
}

@test "fdlisten | fdecho, by SIGINT" {
	ends INT HUP -- -g 0 -m listen fdlisten -k fd:3 '||' fdecho -
}

@test "fdpipe" {
	local parts=2

	ends TERM -- -k -m listen fdpipe -n 3 fdlisten -k fd:3 '|' fdecho -
	ends TERM -- -k -m listen \
		fdpipe -n 2 fdlisten -k fd:3 '|' fdrecv -k - fdecho
}

# Once they are there: before they have their handlers, the signal ends them,
# and what they should have taken is lost.
@test "fdpipe, and all that it has started" {
	local there="-w 20" parts=3

	start pool fdecho ./pool
	up ./pool
	ends TERM -- $there -k -p -m listen \
		fdpipe fdlisten -k fd:3 '|' fdecho -
	ends TERM -- $there -k -p -m listen \
		fdpipe fdlisten -k fd:3 '|' fdsend -rw ./pool
	ends TERM -- $there -k -p -m listen \
		fdpipe fdlisten -k fd:3 '|' fdsend -r - '|' fdecho -
	stop pool
	is_status 0
}

# --- what waits

@test "an invitation that nobody takes" {
	mkfifo pipe
	exec 8<>pipe
	ends $all -- -m none sh -c 'exec fdsend - >pipe 8>&-'
	ends INT HUP -- -m none sh -c 'exec fdlisten -k ./a >pipe 8>&-'
	exec 8>&-
	rm -f ./a
}

@test "fdsend -w, fdconnect -w that wait for ever" {
	ends $all -- -m none fdsend -w ./absent
	ends $all -- -m none fdconnect -w ./absent true
}
