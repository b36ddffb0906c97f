# SPDX-License-Identifier: ISC
# Descriptor streams: a reader that does not keep up, messages that are too much.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/streams

# large_payload: ./payload, of which a few fill a stream.
large_payload()
{
	head -c 60000 /dev/zero | tr '\0' x >payload
}

# accepted: the connections that no longer wait in the listen queue.
accepted()
{
	backlogged || ss -Htn "sport = :$(port_of address)"
}

# too_much STATUS OUTPUT COMMAND...: a message of a hundred descriptors and
# then one of a file come to COMMAND, which may have forty, and ends so. It waits
# a second for room: that over both types at once.
too_much()
{
	local type expected=$1 shown=$2

	shift 2
	hundred
	echo hello >file
	for type in stream seqpacket; do
		start "$type" paired -t "$type" sh -c "
			fdsend $hundred -; exec fdsend - <file" '|' \
			with -l 40 "$@"
	done
	for type in stream seqpacket; do
		ended "$type"
		is_status "$expected"
		same "$(cat "$type.out")" "$shown"
		like "$(cat "$type.err")" "fd*: -: *"
	done
}

# hundred: the options of fdsend to send a hundred descriptors.
hundred()
{
	local i

	hundred=
	for i in {1..100}; do
		hundred+=" -f 0"
	done
}

# too_many_in_flight: 200 clients of a server that may not have as many
# descriptors in flight, for its reader stands still. Those are counted for each
# user, but for root.
too_many_in_flight()
{
	need ss
	another_user 65533
	# Its address comes through a pipe: the directory is not theirs.
	mkfifo -m 666 pipe
	exec 7<>pipe
	start both sh -c "exec paired -t seqpacket ${nobody[*]} \
		$FDPASS_TOOLS/with -l 30 fdlisten -kv -o /proc/self/fd/7 \
		127.0.0.1:0 '|' fdecho - 7>pipe"
	read -r -t "$DEADLINE" line <&7
	echo "$line" >address
	echoes "$line"
	kill -STOP "$(the_one 'fdecho *')"
	start load load -n 200 -c 200 "$line"
	wait_for backlogged
}

# has_noticed PROCESS: whether no SIGTERM is pending for it.
has_noticed()
{
	! grep -q '^ShdPnd:.*[4-7c-f]...$' "/proc/$1/status"
}

# full_stream COMMAND...: COMMAND at a stream that takes nothing any more.
full_stream()
{
	large_payload
	# shellcheck disable=SC2016
	start both paired -t seqpacket sh -c '
		while fdsend -t 0.1 -s "$(cat payload)" -; do :; done
		exec how left.how "$@"' sh "$@" '|' sleep 60
	wait_for has 1 matching "$*"
}

# interrupted SIGNAL COMMAND: it ends by that signal, and the rest with it.
interrupted()
{
	kill "-$1" "$(the_one "$2")"
	wait_for test -s left.how
	kill "$(the_one 'sleep 60')"
	ended both
	# What filled it has said that its time was over.
	same "$(grep -v "not read within" both.err)" ""
}

# --- a reader that does not keep up

@test "fdsend -t gives up on a full stream" {
	large_payload
	# shellcheck disable=SC2016
	start both paired -t seqpacket sh -c '
		while fdsend -t 0.1 -s "$(cat payload)" -
		status=$?; [ "$status" = 0 ]; do :; done
		echo "$status" >status' '|' sleep 60
	wait_for test -s status
	same "$(cat status)" 124
	same "$(cat both.err)" "fdsend: -: not read within 0.1 s"
	kill "$(the_one "sleep 60")"
	ended both
}

@test "a reader that stands still holds up the accepting, and loses nobody" {
	need ss
	start both sh -c 'fdlisten -k -o address 127.0.0.1:0 | fdecho -'
	echoes "$(address_of address)"
	kill -STOP "$(the_one 'fdecho *')"
	start load load -n 800 -c 800 "$(cat address)"
	wait_for backlogged
	kill -CONT "$(the_one 'fdecho *')"
	ended load
	is_status 0
	like "$(cat load.out)" "ok=800 *"
	kill "$(the_one 'fdlisten *')"
	ended both
	is_status 0
}

@test "SIGTERM ends fdlisten while its stream is full" {
	need ss
	start both paired -t seqpacket \
		how left.how fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	echoes "$(address_of address)"
	kill -STOP "$(the_one 'fdecho *')"
	start load load -n 800 -c 800 "$(cat address)"
	wait_for backlogged
	kill "$(the_one 'fdlisten *')"
	wait_for test -s left.how
	same "$(cat left.how)" "exit 0"
	kill -CONT "$(the_one 'fdecho *')"
	ended load
	# Those that were accepted are served, the rest is refused.
	like "$(cat load.out)" "ok=* wrong=0 short=0 *"
	ended both
	is_status 0
	same "$(cat both.err)" ""
}

@test "others have filled the stream: fdlisten accepts none, one signal ends it" {
	need ss
	large_payload
	start both paired -t seqpacket sh -c '
		FDTRACE=1 how left.how fdlisten -k -o address 127.0.0.1:0 \
			2>trace &
		until test -e go-on; do sleep 0.02; done
		while fdsend -t 0.1 -s "$(cat payload)" -; do :; done
		: >filled; wait' '|' sleep 60
	# One is sent while there is room.
	start first fdconnect "$(address_of address)"
	wait_for grep -q S8 trace
	: >go-on
	wait_for test -e filled
	start second fdconnect "$(cat address)"
	wait_for backlogged
	kill "$(the_one 'fdlisten *')"
	wait_for test -s left.how
	same "$(cat left.how)" "exit 0"
	kill "$(the_one "sleep 60")"
	ended both
	ended first
	ended second
}

@test "a reader that dies while the stream is full ends all connections" {
	need ss
	start both paired -t seqpacket \
		how left.how fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	echoes "$(address_of address)"
	kill -STOP "$(the_one 'fdecho *')"
	start load load -n 800 -c 800 "$(cat address)"
	wait_for backlogged
	kill -KILL "$(the_one 'fdecho *')"
	# Nobody hangs.
	ended load
	is_status 1
	like "$(cat load.out)" "*timeout=0 *"
	ended both
	same "$(cat left.how)" "signal 13"
}

# --- a message that is too much

@test "a message that never fits is refused by a worker, the next comes" {
	too_much 0 hello fdrecv -k - cat
}

@test "a message that never fits ends a receiver of one" {
	too_much 1 "" fdrecv -a - true
}

@test "a message that never fits is refused by fdecho, the next comes" {
	too_much 0 "" fdecho -
}

@test "a message that never fits is refused on a named socket" {
	hundred
	echo hello >file
	start receiver with -l 40 fdrecv -k ./s cat
	up ./s
	# shellcheck disable=SC2086
	fails 1 "fdsend: ./s: refused*" fdsend $hundred ./s
	limited fdsend ./s <file
	wait_for grep -qx hello receiver.out
	stop receiver
	is_status 0
}

@test "more in flight than the sender may have: it waits" {
	too_many_in_flight
	kill -CONT "$(the_one 'fdecho *')"
	ended load
	is_status 0
	like "$(cat load.out)" "ok=200 *"
	kill "$(the_one 'fdlisten *')"
	ended both
	is_status 0
}

@test "more in flight than the sender may have: SIGTERM loses nobody" {
	local accepted

	too_many_in_flight
	kill "$(the_one 'fdlisten *')"
	wait_for has_noticed "$(the_one 'fdlisten *')"
	# What it holds goes first.
	kill -CONT "$(the_one 'fdecho *')"
	ended load
	ended both
	is_status 0
	# One came before these.
	accepted=$(($(grep -c 'accept(.*) = ' both.err) - 1))
	like "$(cat load.out)" "ok=$accepted wrong=0 short=0 *"
}

# --- a signal while a stream is full

@test "a signal ends fdsend that waits for room in a stream" {
	local signal

	for signal in TERM:15 INT:2 HUP:1; do
		full_stream fdsend -
		interrupted "${signal%:*}" "fdsend -"
		same "$(cat left.how)" "signal ${signal#*:}"
		rm left.how
	done
}

@test "a signal ends fdlisten -l that waits for room in a stream" {
	full_stream fdlisten -l ./a
	up ./a
	interrupted TERM "fdlisten -l ./a"
	same "$(cat left.how)" "signal 15"
	not test -e ./a
}
