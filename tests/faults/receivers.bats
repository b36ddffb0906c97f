# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# Hostile receivers: the sender ends with the promised status, in time.

load ../lib/helpers
load ../lib/trials

# receives KIND [OPTION...]: a receiver of that kind at ./s.
receives()
{
	local kind=$1

	shift
	start receiver hostile receive -k "$kind" "$@" ./s
	up ./s
}

teardown()
{
	# It is not one of ours that would remove it.
	rm -f ./s
	common_teardown
}

# times FROM TO COMMAND...: COMMAND takes so many milliseconds; $status.
times()
{
	local from=$1 to=$2 began ended

	shift 2
	began=$(date +%s%3N)
	run_apart "$@"
	ended=$(($(date +%s%3N) - began))
	at_least "$from" "$ended" ms
	# On a busy machine, or under a sanitizer.
	at_most $((to + 1500)) "$ended" ms
	took=$ended
}

# always STATUS PATTERN FROM TO COMMAND...: so often, always the same.
always()
{
	local expected=$1 pattern=$2 turn turns

	shift 2
	turns=$(scaled 2 20)
	for ((turn = 0; turn < turns; turn++)); do
		times "$@"
		is_status "$expected"
		like "$stderr" "$pattern"
		same "${stderr//[!$'\n']/}" "" "more lines"
	done
	report "${*:3:4}: $turns times status $expected, the last after $took ms"
}

@test "a receiver that never answers" {
	receives silent
	always 124 "fdsend: ./s: not taken within 0.3 s: *" 300 300 \
		fdsend -t 0.3 ./s
	always 124 "fdsend: ./s: not taken within 0.3 s: *" 300 300 \
		fdsend -w -t 0.3 ./s
	always 0 "" 0 50 fdsend -d ./s
}

@test "a receiver that never reads" {
	receives deaf
	always 124 "fdsend: ./s: not taken within 0.3 s: *" 300 300 \
		fdsend -t 0.3 ./s
	always 124 "fdsend: ./s: not taken within 0.3 s: *" 300 300 \
		fdsend -w -t 0.3 -s "$(printf %060000d 1)" ./s
	always 0 "" 0 50 fdsend -d ./s
}

@test "a receiver that never accepts" {
	receives never -b 0
	always 124 "fdsend: ./s: not taken within 0.3 s: *" 300 300 \
		fdsend -t 0.3 ./s
	# Its queue has room for one, and that is taken now.
	limited fdsend -d -t 1 ./s || :
	always 124 "fdsend: ./s: not taken within 0.3 s: *" 300 300 \
		fdsend -w -t 0.3 ./s
	always 124 "fdsend: ./s: not taken within 0.3 s: *" 300 300 \
		fdsend -d -t 0.3 ./s
}

@test "a receiver that refuses" {
	receives no
	always 1 "fdsend: ./s: refused by the receiver" 0 50 fdsend ./s
	always 1 "fdsend: ./s: refused by the receiver" 0 50 fdsend -w ./s
}

@test "a receiver that answers garbage" {
	receives garbage
	always 1 'fdsend: ./s: answered *: not an fdrecv; -d sends *' 0 50 \
		fdsend ./s
	always 1 'fdsend: ./s: answered *: not an fdrecv; -d sends *' 0 50 \
		fdsend -w ./s
}

@test "a receiver that closes unread" {
	receives unread
	always 1 "fdsend: ./s: the receiver closed * without reading" 0 50 \
		fdsend ./s
	always 1 "fdsend: ./s: closed with the payload unread; *" 0 50 \
		fdsend -w -s text ./s
	# It may be another one the next time.
	always 124 "fdsend: ./s: not taken within 0.3 s: *" 300 300 \
		fdsend -w -t 0.3 ./s
}

@test "a receiver that reads half" {
	receives half
	always 1 "fdsend: ./s: closed with the payload unread; *" 0 50 fdsend -s text ./s
	always 1 "fdsend: ./s: closed with the payload unread; *" 0 50 fdsend -w -s text ./s
}

@test "a receiver that reads and does not answer has taken it" {
	receives end
	always 0 "" 0 50 fdsend ./s
	always 0 "" 0 50 fdsend -w -s text ./s
}

# passes_by KIND N: fdsend -r gives up N messages, one after another or all at
# once, and the next, to a good receiver, goes through.
passes_by()
{
	local n began

	n=$(scaled 100 2000)
	receives "$1"
	mkfifo go
	# shellcheck disable=SC2016
	start relay paired -t seqpacket \
		sh -c 'for i in $(seq "$0"); do fdsend -s message -; done
			echo >all; read -r line <go; exec fdsend -' "$n" \
		'|' fdsend -rw -t 0.2 ./s
	began=$SECONDS
	wait_for test -s all
	wait_for relay_is_free
	stop receiver KILL
	rm ./s
	start good fdrecv ./s echo received
	up ./s
	limited sh -c 'echo >go'
	ended relay
	is_status 1
	ended good
	is_status 0
	same "$(cat good.out)" received
	at_most $(((SECONDS - began + 2) * 4)) "$(wc -l <relay.err)" lines
	report "$n messages to a receiver that is $1," \
		"$((SECONDS - began)) s, $(wc -l <relay.err) lines"
}

# All hand-overs under way are over.
relay_is_free()
{
	local relay

	relay=$(ours_named fdsend | tail -n 1)
	[ "$(descriptors "$relay")" -le 5 ]
}

@test "fdsend -r gives up on one that never answers, and goes on" {
	passes_by silent
}

@test "fdsend -r gives up on one that closes unread, and goes on" {
	passes_by unread
}

@test "fdsend -r gives up on one that refuses, and goes on" {
	passes_by no
}
