# SPDX-License-Identifier: ISC
# fdsend -r: every message that arrives on standard input is passed on, to a
# name or to another stream.
#
# shellcheck disable=SC2030,SC2031 # $output is set and read in one test

load ../lib/helpers
load ../lib/streams

# What a receiver of two descriptors and a payload shows of them.
# shellcheck disable=SC2016
show_both='cat <&8; cat <&9; echo "$FDRECV_PAYLOAD"'
both_shown=$'b\na\nsome words'

two_files()
{
	echo a >a
	echo b >b
	send_both='exec fdsend -f 6 -f 5 -s "some words" - 5<a 6<b'
}

# --- nothing is changed on the way

@test "two descriptors and a payload pass to a name unchanged" {
	two_files
	start receiver fdrecv -f 8 -f 9 ./s sh -c "$show_both"
	up ./s
	run_limited sh -c "($send_both) | fdsend -r ./s"
	is_status 0
	same "$output" ""
	ended receiver
	is_status 0
	same "$(<receiver.out)" "$both_shown"
}

@test "two descriptors and a payload pass onward through pipes unchanged" {
	two_files
	run_limited sh -c "($send_both) | fdsend -r - | fdsend -r - |
		fdrecv -f 8 -f 9 - sh -c '$show_both'"
	is_status 0
	same "$output" "$both_shown"
}

# passes_over FROM TO: onward from a socket of one type to one of another.
passes_over()
{
	two_files
	start both paired -t "$1" sh -c "$send_both" '|' \
		paired -t "$2" fdsend -r - '|' \
		fdrecv -f 8 -f 9 - sh -c "$show_both"
	wait_for has 3 cat both.out
	same "$(<both.out)" "$both_shown"
	# Datagram sockets have no end of file.
	if [ "$1" = dgram ]; then
		kill "$(matching "fdsend -r -")" || :
	fi
	ended both
	is_status 0
	same "$(<both.err)" ""
}

@test "two descriptors and a payload pass between sockets of any type" {
	table passes_over \
		'stream stream' \
		'stream seqpacket' \
		'stream dgram' \
		'seqpacket stream' \
		'dgram stream' \
		'dgram seqpacket'
}

@test "payloads pass byte for byte" {
	start receiver foreign receive ./b
	up ./b
	start relay fdlisten ./a fdsend -r ./b
	up ./a
	limited foreign send -s 'one\0two\nthree' ./a
	ended receiver
	same "$(<receiver.out)" \
		'descriptors 1 bytes 13 payload one\0two\nthree'
	ended relay
	is_status 0
}

@test "bytes before the descriptors pass too" {
	start receiver foreign receive ./b
	up ./b
	start relay fdlisten ./a fdsend -r ./b
	up ./a
	limited foreign send -c -n 3 -s 'first and second' ./a
	ended receiver
	same "$(<receiver.out)" \
		"descriptors 3 bytes 16 payload first and second"
	ended relay
	is_status 0
}

# largest TARGET...: 65536 bytes and 253 descriptors in one message.
send_largest()
{
	head -c 65536 /dev/zero | tr '\0' x >payload
	# shellcheck disable=SC2016
	send_it='exec fdsend -s "$(cat payload)" \
		$(printf -- "-f 0 %.0s" $(seq 253)) -'
	# shellcheck disable=SC2016
	show_it='echo "$LISTEN_FDS"
		[ "$FDRECV_PAYLOAD" = "$(cat payload)" ] && echo same'
}

@test "the largest message passes to a name" {
	send_largest
	start receiver fdrecv -a ./s sh -c "$show_it"
	up ./s
	run_limited sh -c "($send_it) | fdsend -r ./s"
	is_status 0
	same "$output" ""
	ended receiver
	is_status 0
	same "$(<receiver.out)" $'253\nsame'
}

@test "the largest message passes onward" {
	send_largest
	run_limited sh -c "($send_it) | fdsend -r - |
		fdrecv -a - sh -c '$show_it'"
	is_status 0
	same "$output" $'253\nsame'
}

@test "a message passes to a datagram socket" {
	start receiver foreign receive -D ./b
	up ./b
	leaves_sockets
	run_limited sh -c 'fdsend -s "some words" - | fdsend -r ./b'
	is_status 0
	same "$output" ""
	ended receiver
	same "$(<receiver.out)" \
		"descriptors 1 bytes 10 payload some words"
}

@test "-v shows every descriptor that passes" {
	echo hello >file
	start receiver fdrecv ./b cat
	up ./b
	run_apart sh -c 'fdsend -s "some words" - <file | fdsend -rv ./b'
	is_status 0
	same "$output" ""
	like "$stderr" "*W1 fdsend*some words*$(shown file)*"
	ended receiver
}

# --- many at once

# relay SOCKET [OPTION...]: a server whose connections a relay hands over.
relay()
{
	local socket=$1

	shift
	start relay sh -c "how server.how \
		fdlisten -k -o address 127.0.0.1:0 |
		exec how relay.how fdsend -r $* $socket"
	address_of address
}

# relay_ends HOW: end the server, and so the relay.
relay_ends()
{
	kill "$(the_one 'fdlisten *')"
	ended relay
	same "$(<relay.how)" "$1" "end of the relay"
}

@test "a receiver that does not answer does not hold up the rest" {
	relay ./s -w
	start silent foreign receive -x silent ./s
	up ./s
	start first client "$(<address)"
	wait_for grep -q "descriptors 1" silent.out
	start pool fdrecv -n 2 ./s fdecho
	served_all "$(<address)" -n 100 -c 10
	running silent
	running relay
	# The end waits for the answer.
	kill "$(the_one 'fdlisten *')"
	gone 'fdlisten *'
	wait_for has 1 matching 'fdsend *'
	stop silent KILL
	ended relay
	same "$(<relay.how)" "exit 0"
	stop pool
	is_status 0
	same "$(cat relay.err pool.err | grep -v "still waiting")" ""
}

@test "a worker that stands still does not hold up the rest" {
	local worker

	start pool fdrecv -n 3 ./s fdecho
	up ./s
	relay ./s
	worker=$(children "$(process pool)" | head -n 1)
	kill -STOP "$worker"
	# One connection may wait in the stopped worker, for its answer.
	start load load -n 200 -c 10 -t 25 "$(<address)"
	wait_for has 1 idle_but_one
	kill -CONT "$worker"
	ended load
	is_status 0
	relay_ends "exit 0"
	stop pool
	is_status 0
}

# idle_but_one: a line when at most one client is still to be served.
idle_but_one()
{
	[ "$(ss -Htn "sport = :$(port_of address)" | grep -c ESTAB)" -le 1 ] &&
		echo idle
}

@test "at most 64 are under way, the rest waits" {
	need_proc
	need ss
	start pool fdrecv -n 2 ./s fdecho
	up ./s
	relay ./s
	served_all "$(<address)" -n 10
	# shellcheck disable=SC2046
	kill -STOP $(matching 'fdrecv *')
	start load load -n 450 -c 450 "$(<address)"
	wait_for backlogged
	# Each has a connection, and the socket that it is handed over on.
	[ "$(descriptors "$(the_one 'fdsend *')")" -le 150 ]
	[ "$(descriptors "$(the_one 'fdsend *')")" -ge 128 ]
	# shellcheck disable=SC2046
	kill -CONT $(matching 'fdrecv *')
	ended load
	is_status 0
	like "$(<load.out)" "ok=450 *"
	relay_ends "exit 0"
	stop pool
	is_status 0
}

@test "no descriptor count grows" {
	need_proc
	start pool fdrecv -n 2 ./s fdecho
	up ./s
	relay ./s -w
	served_all "$(<address)" -n 50 -c 20
	counts >before
	served_all "$(<address)" -n "$(scaled 200 500)" -c 20
	wait_for unchanged
	relay_ends "exit 0"
	stop pool
	is_status 0
}

counts()
{
	local process

	for process in $(matching 'fd[lrs]*'); do
		echo "$process $(descriptors "$process")"
	done
}

unchanged()
{
	counts >after && cmp -s before after
}

@test "-w: nothing is dropped while the receiver restarts" {
	local i count

	count=$(scaled 300 600)
	relay ./s -w
	start load load -n "$count" -c 20 -s 2000 "$(<address)"
	for i in 1 2 3 4 5; do
		start pool fdrecv -n 2 ./s account served fdecho
		wait_for more_than $((i * count * 2 / 15)) served
		stop pool
		is_status 0
		same "$(<pool.err)" ""
	done
	start pool fdrecv -n 2 ./s fdecho
	ended load
	is_status 0
	like "$(<load.out)" "ok=$count *"
	relay_ends "exit 0"
	same "$(<relay.err)" ""
	stop pool
}

served()
{
	local counted

	count_lines served
	echo "$counted"
}

@test "with few descriptors fewer are under way, and none is lost" {
	start pool fdrecv -n 2 ./s fdecho
	up ./s
	start relay sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		exec with -l 40 how relay.how fdsend -rw ./s'
	# Fewer than 40 wait in the stream, or an ordinary user may have too many
	# descriptors in flight for the relay to send one.
	served_all "$(address_of address)" -n "$(scaled 150 300)" -c 50
	relay_ends "exit 0"
	stop pool
	is_status 0
	same "$(<pool.err)" ""
}

# --- what fails

@test "one that fails is reported, its descriptors are closed, others go on" {
	relay ./s
	# Closed, not hanging.
	run_limited client "$(<address)"
	start pool fdrecv -k ./s fdecho
	up ./s
	echoes "$(<address)"
	relay_ends "exit 1"
	like "$(<relay.err)" "fdsend: ./s: connect: No such file or directory"
	one_line relay.err
	stop pool
}

@test "one that is refused is reported, others go on" {
	echo hello >file
	start receiver fdrecv -k ./s cat
	up ./s
	run_apart paired -t seqpacket sh -c '
		fdsend -f 0 -f 0 - && fdsend - <file' '|' fdsend -r ./s
	is_status 1
	like "$stderr" "fdsend: ./s: refused*"
	wait_for grep -qx hello receiver.out
	stop receiver
}

@test "a receiver that closes unread is reported" {
	start receiver foreign receive -x unread ./s
	up ./s
	fails 1 "fdsend: ./s: *without reading" \
		sh -c 'fdsend - | fdsend -r ./s'
	ended receiver
}

@test "-t limits each hand-over, and the next goes on" {
	relay ./s -t 0.2
	start silent foreign receive -x silent ./s
	up ./s
	start first client "$(<address)"
	wait_for grep -q "fdsend: ./s: not taken within" relay.err
	ended silent
	ended first
	start pool fdrecv -k ./s fdecho
	up ./s
	echoes "$(<address)"
	relay_ends "exit 1"
	one_line relay.err
	stop pool
}

# loses TO: a message that is too large does not pass, and the status says so.
loses()
{
	# shellcheck disable=SC2016
	run_apart fdpipe python3 -c '
import socket
socket.socket(fileno=1).send(b"x" * 66000)' '|' \
		sh -c 'fdsend -r "$1"; echo "status $?" >&2' sh "$1" '|' \
		fdrecv -k - true
	like "$stderr" "fdsend: -: refused a message: more than *
status 1"
}

@test "a message that it cannot take fails, whether for a stream or for a name" {
	need python3
	table loses - ./nobody
}

@test "it waits for room in its table before it refuses a message" {
	local i many=

	for i in {1..40}; do
		many+=" -f 0"
	done
	# shellcheck disable=SC2016
	run_apart fdpipe sh -c "fdsend $many -" '|' \
		with -l 20 fdsend -r - '|' fdrecv -k - true
	is_status 1
	like "$stderr" "fdsend: -: Too many open files; trying again
*
fdsend: -: refused a message: the descriptor table has no room *"
}

@test "-wt waits for a receiver so long, and gives up" {
	relay ./s -w -t 0.2
	run_limited client "$(<address)"
	wait_for grep -q "fdsend: ./s: not taken within" relay.err
	relay_ends "exit 1"
}

@test "-d leaves the message in the queue and asks no more" {
	echo hello >file
	start receiver fdrecv -k ./s cat
	listens ./s
	signal receiver STOP
	run_apart sh -c 'fdsend - <file | fdsend -rd ./s'
	is_status 0
	same "$output$stderr" ""
	signal receiver CONT
	wait_for grep -qx hello receiver.out
	stop receiver
}

@test "-f, -p and -s with -r are wrong usage" {
	refuses "fdsend: *-r*fdsend --help*" fdsend -r -f 0 ./s
	refuses "fdsend: *-r*fdsend --help*" fdsend -r -p 1 ./s
	refuses "fdsend: *-r*fdsend --help*" fdsend -r -s words ./s
	refuses "fdsend: *-w*fdsend --help*" fdsend -rw -
}

# --- the end

@test "nothing to pass on is no failure" {
	run_limited sh -c 'true | fdsend -r ./s'
	is_status 0
	same "$output" ""
	run_limited sh -c 'true | fdsend -r - | fdrecv -k - true'
	is_status 0
	same "$output" ""
	run_limited paired true '|' fdsend -rw ./s
	is_status 0
	same "$output" ""
}

@test "SIGTERM: what is under way is finished" {
	relay ./s -w
	start load load -n 5 -c 5 "$(<address)"
	# Nobody is there to take them.
	need_proc
	wait_for more_than 8 descriptors "$(the_one 'fdsend *')"
	kill "$(the_one 'fdsend *')"
	gone 'fdlisten *'
	start pool fdrecv -n 2 ./s fdecho
	ended relay
	same "$(<relay.how)" "exit 0"
	ended load
	not like "$(<load.out)" "ok=0 *" >/dev/null
	stop pool
}

@test "a second SIGTERM ends a relay that would wait for ever" {
	relay ./s -w
	start client client "$(<address)"
	need_proc
	wait_for more_than 5 descriptors "$(the_one 'fdsend *')"
	kill "$(the_one 'fdsend *')"
	gone 'fdlisten *'
	wait_for twice
	ended relay
	like "$(<relay.how)" "exit 1"
	# Its connection is closed, not kept.
	ended client
}

twice()
{
	# shellcheck disable=SC2046
	kill $(matching 'fdsend *') 2>/dev/null || :
	has 0 matching 'fdsend *'
}

@test "SIGINT ends an idle relay by that signal" {
	relay ./s -w
	kill -INT "$(the_one 'fdsend *')"
	ended relay
	same "$(<relay.how)" "signal 2"
	same "$(<server.how)" "signal 13"
}

@test "the relay dies: the server ends as by SIGPIPE, the client is told" {
	relay ./s -w
	start client client "$(<address)"
	need_proc
	wait_for more_than 5 descriptors "$(the_one 'fdsend *')"
	kill -KILL "$(the_one 'fdsend *')"
	ended client
	ended relay
	same "$(<server.how)" "signal 13"
}

@test "onward: a reader that stands still loses nobody" {
	need ss
	start relay sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		fdsend -r - | exec fdecho -'
	echoes "$(address_of address)"
	kill -STOP "$(the_one 'fdecho -')"
	start load load -n 1500 -c 1500 "$(<address)"
	wait_for backlogged
	kill -CONT "$(the_one 'fdecho -')"
	ended load
	is_status 0
	like "$(<load.out)" "ok=1500 *"
	kill "$(the_one 'fdlisten *')"
	ended relay
	is_status 0
}

@test "onward: the reader dies, and all to its left end" {
	start relay sh -c 'how server.how fdlisten -k -o address 127.0.0.1:0 |
		how relay.how fdsend -r - | exec fdecho -'
	echoes "$(address_of address)"
	kill -KILL "$(the_one 'fdecho -')"
	ended relay
	same "$(<server.how)" "signal 13"
	same "$(<relay.how)" "signal 13"
}

@test "onward: the left end dies, and all to its right end in order" {
	start relay sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		how relay.how fdsend -r - | exec how echo.how fdecho -'
	held client "$(address_of address)"
	kill -KILL "$(the_one 'fdlisten *')"
	wait_for test -s relay.how
	say client second
	heard client second
	hang_up client
	ended relay
	same "$(<relay.how)" "exit 0"
	same "$(<echo.how)" "exit 0"
}
