# SPDX-License-Identifier: ISC
# Descriptor streams: the end of one side, and of both.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/streams

# accepted: the connections that no longer wait in the listen queue.
accepted()
{
	backlogged || ss -Htn "sport = :$(port_of address)"
}

# told_to_end SIGNAL RIGHT...: in the middle of a run.
told_to_end()
{
	local signal=$1

	shift
	start both env FDTRACE=1 paired -t seqpacket \
		fdlisten -k -o address 127.0.0.1:0 '|' "$@"
	start load load -n 5000 -c 50 "$(address_of address)"
	wait_for more_than 200 accepted_lines
	# shellcheck disable=SC2046
	kill "-$signal" $(matching 'fdlisten *') $(matching "$*")
	ended load
	ended both
	all_served
}

# all_served: each connection that was accepted got its bytes back.
all_served()
{
	local accepted served

	accepted=$(accepted_lines)
	served=$(sed 's/^ok=\([0-9]*\) wrong=0 short=0 .*/\1/' load.out)
	same "$served" "$accepted" "connections served"
}

accepted_lines()
{
	grep -c "S6 fdlisten.*accept(.*from" both.err
}

# --- the end of a stream

@test "the end of file is seen by every worker of a pool" {
	start both sh -c 'fdlisten -o address 127.0.0.1:0 |
		fdrecv -n 5 - fdecho'
	wait_for has 6 matching 'fdrecv *'
	echoes "$(address_of address)"
	ended both
	is_status 0
	gone 'fdrecv *'
	same "$(cat both.err)" ""
}

@test "the end of file is seen by many who share one stream" {
	local type

	for type in stream seqpacket; do
		rm -f address
		start both paired -t "$type" fdlisten -o address 127.0.0.1:0 \
			'|' sh -c 'exec 5<&0
			fdecho - <&5 5<&- & fdecho - <&5 5<&- &
			fdrecv -k - fdecho <&5 5<&- &
			fdrecv -n 2 - fdecho <&5 5<&- &
			exec 0<&- 5<&-; wait'
		address_of address
		wait_for has 2 matching 'fdecho -'
		wait_for has 4 matching 'fdrecv *'
		run_limited client "$(cat address)"
		ended both
		is_status 0
		gone 'fd*'
	done
}

@test "the left end dies: the right finishes what it holds and ends with 0" {
	local right words

	for right in "fdecho -" "fdrecv -n 2 - fdecho" "fdrecv -k - fdecho"; do
		rm -f address
		read -ra words <<<"$right"
		start both paired -t seqpacket fdlisten -k -o address \
			127.0.0.1:0 '|' "${words[@]}"
		held client "$(address_of address)"
		kill -KILL "$(the_one 'fdlisten *')"
		gone 'fdlisten *'
		running both
		say client second
		heard client second
		hang_up client
		ended both
		is_status 0
		same "$(cat both.err)" ""
	done
}

@test "the left end dies: what it has sent is still served" {
	need ss
	mkfifo go
	start both paired -t seqpacket fdlisten -k -o address 127.0.0.1:0 '|' \
		sh -c 'read x <go; exec fdecho -'
	address_of address
	start load load -n 5 -c 5 "$(cat address)"
	wait_for has 5 accepted
	kill "$(the_one 'fdlisten *')"
	gone 'fdlisten *'
	limited sh -c 'echo >go'
	ended load
	is_status 0
	like "$(cat load.out)" "ok=5 *"
	ended both
	is_status 0
}

@test "the right end dies: the left ends as by SIGPIPE" {
	local type keep

	for type in stream seqpacket; do
		for keep in -k -t9; do
			start both paired -t "$type" \
				how left.how fdlisten "$keep" ./a '|' fdecho -
			up ./a
			kill -KILL "$(the_one 'fdecho *')"
			ended both
			is_status 137
			same "$(cat left.how)" "signal 13" "$type $keep"
			same "$(cat both.err)" ""
			not test -e ./a
		done
	done
}

@test "the right end dies: connections that it held are closed" {
	start both sh -c 'fdlisten -k -o address 127.0.0.1:0 | fdecho -'
	held client "$(address_of address)"
	kill -KILL "$(the_one 'fdecho *')"
	wait_for not running client
	ended client
	ended both
	gone 'fdlisten *'
}

@test "the right end dies: a datagram's sender closes the connection" {
	start both paired -t dgram how left.how \
		fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	echoes "$(address_of address)"
	kill -KILL "$(the_one 'fdecho *')"
	gone 'fdecho *'
	echo hello | limited client "$(cat address)" || :
	ended both
	same "$(cat left.how)" "signal 13"
}

@test "SIGTERM ends a worker on a stream, and others go on" {
	start both paired -t seqpacket fdlisten -k -o address 127.0.0.1:0 '|' \
		sh -c 'exec 5<&0
		fdecho - <&5 5<&- & fdecho - <&5 5<&- & exec 0<&- 5<&-; wait'
	wait_for has 2 matching 'fdecho *'
	echoes "$(address_of address)"
	kill "$(matching 'fdecho *' | head -n 1)"
	wait_for has 1 matching 'fdecho *'
	served_all "$(cat address)" -n 50 -c 5
	kill "$(the_one 'fdlisten *')"
	ended both
	is_status 0
}

@test "SIGTERM to a busy pool on a stream: it finishes what it holds" {
	start both paired -t seqpacket fdlisten -k -o address 127.0.0.1:0 '|' \
		how right.how fdrecv -n 3 - fdecho
	held client "$(address_of address)"
	kill "$(matching 'fdrecv *' | sort -n | head -n 1)"
	wait_for has 2 matching 'fdrecv *'
	say client second
	heard client second
	hang_up client
	ended both
	same "$(cat right.how)" "exit 0"
}

@test "SIGTERM to both ends at once: who was accepted is served" {
	told_to_end TERM fdecho -
	is_status 0
}

@test "SIGTERM to both ends at once: who was accepted a pool serves" {
	told_to_end TERM fdrecv -n 3 - fdecho
	is_status 0
}

@test "SIGINT to both ends at once: who was accepted is served" {
	told_to_end INT fdecho -
}
