# Descriptor streams: on standard input and output and on fd:N, over each type
# of UNIX socket; their end, and a reader that does not keep up.
#
# shellcheck disable=SC2030,SC2031 # $output is set and read in one test

load ../lib/helpers
load ../lib/streams

# --- fdsend to a stream, fdrecv from it

# passes TYPE [OPTION...] -- SEND RECEIVE: a file goes from `fdsend SEND` to
# `fdrecv RECEIVE`.
passes()
{
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	echo hello >file
	run_apart paired "${options[@]}" sh -c "exec fdsend $2 <file" '|' \
		fdrecv "$3" cat
	is_status 0
	same "$output" hello
	same "$stderr" ""
}

@test "stream sockets: from standard output to standard input" {
	passes -t stream -- - -
}

@test "stream sockets: from fd:N to fd:N" {
	passes -t stream -o 5 -i 7 -- fd:5 fd:7
}

@test "seqpacket sockets: from standard output to standard input" {
	passes -t seqpacket -- - -
}

@test "seqpacket sockets: from fd:N to fd:N" {
	passes -t seqpacket -o 5 -i 7 -- fd:5 fd:7
}

@test "datagram sockets: from standard output to standard input" {
	passes -t dgram -- - -
}

@test "datagram sockets: from fd:N to fd:N" {
	passes -t dgram -o 5 -i 7 -- fd:5 fd:7
}

@test "an ordinary pipe on fd:N, both ways" {
	echo hello >file
	run_limited sh -c 'fdsend fd:5 <file 5>&1 >/dev/null |
		{ fdrecv fd:7 cat 7<&0 </dev/null; }'
	is_status 0
	same "$output" hello
}

@test "fd:0 and fd:1 are standard input and output" {
	passes -t seqpacket -- fd:1 fd:0
}

# carries TYPE: descriptors in their order, the payload, the sender.
carries()
{
	local size=$2

	echo a >a
	echo b >b
	head -c "$size" /dev/zero | tr '\0' x >payload
	# shellcheck disable=SC2016
	run_limited paired -t "$1" sh -c '
		exec fdsend -f 6 -f 5 -s "$(cat payload)" - 5<a 6<b' '|' \
		fdrecv -f 8 -f 9 - sh -c '
		cat <&8; cat <&9; [ "$FDRECV_PAYLOAD" = "$(cat payload)" ] &&
		echo "the payload"'
	is_status 0
	same "$output" $'b\na\nthe payload'
}

@test "stream sockets carry several descriptors and a payload" {
	carries stream 10
}

@test "seqpacket sockets carry several descriptors and a payload" {
	carries seqpacket 10
}

@test "datagram sockets carry several descriptors and a payload" {
	carries dgram 10
}

@test "stream sockets carry a large payload" {
	carries stream 60000
}

@test "seqpacket sockets carry a large payload" {
	carries seqpacket 60000
}

@test "datagram sockets carry a large payload" {
	carries dgram 60000
}

# largest TYPE: 65536 bytes and 253 descriptors in one message.
largest()
{
	head -c 65536 /dev/zero | tr '\0' x >payload
	# shellcheck disable=SC2016
	run_limited paired -t "$1" sh -c '
		exec fdsend -s "$(cat payload)" $(printf -- "-f 0 %.0s" \
			$(seq 253)) -' '|' \
		fdrecv -a - sh -c 'echo "$LISTEN_FDS"
			[ "$FDRECV_PAYLOAD" = "$(cat payload)" ] && echo same'
	is_status 0
	same "$output" $'253\nsame'
}

@test "the largest message goes over a stream socket" {
	largest stream
}

@test "the largest message goes over a seqpacket socket" {
	largest seqpacket
}

@test "the largest message goes over a datagram socket" {
	largest dgram
}

@test "over an invitation come several descriptors and a payload" {
	echo a >a
	echo b >b
	# shellcheck disable=SC2016
	run_limited sh -c 'fdsend -f 6 -f 5 -s "some words" - 5<a 6<b |
		fdrecv -f 8 -f 9 - sh -c "cat <&8; cat <&9
		echo \"\$FDRECV_PAYLOAD\""'
	is_status 0
	same "$output" $'b\na\nsome words'
}

@test "many messages follow one another" {
	local type

	for type in stream seqpacket dgram; do
		# shellcheck disable=SC2016
		start both paired -t "$type" sh -c '
			for i in 1 2 3 4 5 6 7 8 9 10; do
				echo "$i" >"$i"
				fdsend -s "word $i" - <"$i" || exit
			done' '|' \
			fdrecv -k - sh -c 'cat; echo "$FDRECV_PAYLOAD"'
		wait_for has 20 cat both.out
		# Datagram sockets have no end of file.
		[ "$type" != dgram ] || kill "$(the_one "fdrecv *")"
		ended both
		is_status 0
		same "$(cat both.out)" \
			"$(for i in {1..10}; do echo "$i"; echo "word $i"; done)"
		same "$(cat both.err)" ""
	done
}

@test "stream sockets: bytes before the descriptors belong to the payload" {
	# shellcheck disable=SC2016
	start receiver fdlisten ./a fdrecv -f 5 - \
		sh -c 'echo "$FDRECV_PAYLOAD" >&2'
	up ./a
	limited foreign send -c -s "first and second" ./a
	ended receiver
	is_status 0
	same "$(cat receiver.err)" "first and second"
}

@test "the sender of a message is told where the system tells" {
	need_linux
	# shellcheck disable=SC2016
	run_limited paired -t seqpacket sh -c 'echo $$ >pid; exec fdsend -' \
		'|' fdrecv - sh -c 'echo "$FDRECV_PID $FDRECV_UID $FDRECV_GID"'
	is_status 0
	same "$output" "$(cat pid) $(id -u) $(id -g)"
}

@test "fdrecv without COMMAND shows what comes on a stream" {
	echo hello >file
	run_limited sh -c 'fdsend -s "some words" - <file | fdrecv -'
	is_status 0
	like "$output" "*some words*$(shown file)*"
}

@test "a wrong number of descriptors is refused and said" {
	fails 1 "fdrecv: -: *2 descriptors*" \
		sh -c 'fdsend -f 0 -f 0 - | fdrecv - true'
}

@test "a wrong number of descriptors does not end a worker" {
	echo hello >file
	start both paired -t seqpacket sh -c '
		fdsend -f 0 -f 0 - && fdsend - <file' '|' fdrecv -k - cat
	ended both
	is_status 0
	same "$(cat both.out)" hello
	like "$(cat both.err)" "fdrecv: -: *2 descriptors*"
	one_line both.err
}

@test "fdrecv - gives COMMAND /dev/null, not the stream" {
	start both paired -t seqpacket fdsend - '|' \
		fdrecv -f 7 - show fds fd
	ended both
	is_status 0
	like "$(cat both.out)" "fds 0 1 2 7"$'\n'"fd 0 device r"$'\n'"*"
}

@test "fdrecv fd:N closes it, and its duplicates, for COMMAND" {
	start both paired -t seqpacket -i 6 fdsend - '|' \
		sh -c 'exec fdrecv -f 9 fd:6 show fds 5<&6 8<&6'
	ended both
	is_status 0
	same "$(cat both.out)" "fds 0 1 2 9"
}

# --- what exit statuses a stream has

@test "fdsend to a stream does not wait for the reader" {
	run_limited paired sh -c 'fdsend -; echo "$?" >status; echo >go' '|' \
		sh -c 'exec 5<&0; until [ -e go ]; do sleep 0.01; done
		exec fdrecv fd:5 true'
	is_status 0
	same "$(cat status)" 0
}

@test "fdsend -w to a stream is wrong usage" {
	# shellcheck disable=SC2016
	run_apart paired -o 5 sh -c 'fdsend -w fd:5; echo "$?" >&2' '|' true
	like "$stderr" "fdsend: *-w*"$'\n'2
	# shellcheck disable=SC2016
	run_apart paired sh -c 'fdsend -w -; echo "$?" >&2' '|' true
	like "$stderr" "fdsend: *-w*"$'\n'2
}

@test "fdsend -d to a stream is sent like any other" {
	echo hello >file
	run_limited paired sh -c 'fdsend -d - <file' '|' fdrecv - cat
	is_status 0
	same "$output" hello
}

# Nobody reads: fdsend ends as a writer into a broken pipe does.
@test "fdsend to a stream without reader ends as by SIGPIPE" {
	local type pair

	for type in stream seqpacket dgram; do
		mkfifo gone
		limited paired -t "$type" -o 5 sh -c '
			read x <gone; exec how sender.how fdsend fd:5' '|' true &
		pair=$!
		wait_for has 0 matching true
		limited sh -c 'echo >gone'
		wait "$pair"
		same "$(cat sender.how)" "signal 13" "$type"
		rm gone
	done
}

# large_payload: ./payload, of which a few fill a stream.
large_payload()
{
	head -c 60000 /dev/zero | tr '\0' x >payload
}

@test "fdsend -t gives up on a full stream" {
	large_payload
	# shellcheck disable=SC2016
	start both paired -t seqpacket sh -c '
		while fdsend -t 0.1 -s "$(cat payload)" -
		status=$?; [ "$status" = 0 ]; do :; done
		echo "$status" >status' '|' sleep 60
	wait_for test -s status
	same "$(cat status)" 124
	same "$(cat both.err)" ""
	kill "$(the_one "sleep 60")"
	ended both
}

@test "a descriptor that is not open is said so" {
	fails 1 "fdsend: *fd:9*not open*" fdsend fd:9
	fails 1 "fdrecv: *fd:9*not open*" fdrecv fd:9 true
	fails 1 "fdecho: *fd:9*not open*" fdecho fd:9
	fails 1 "fdlisten: *fd:9*not open*" fdlisten fd:9 true
}

@test "a stream closed on standard input or output is said so" {
	# shellcheck disable=SC2016
	run_apart sh -c 'fdsend - >&-; echo "$?" >&2'
	like "$stderr" "fdsend: -: *not open*"$'\n'1
	run_apart sh -c 'fdrecv - true <&-; echo "$?" >&2'
	like "$stderr" "fdrecv: -: *not open*"$'\n'1
}

# --- neither a socket nor a pipe

@test "standard output a file: exit 2, and what to write instead" {
	touch file
	refuses "fdlisten: standard output: *file*fdrecv -*fdpipe*" \
		sh -c 'fdlisten -k ./a >file'
	refuses "fdlisten: standard output: *file*fdrecv -*fdpipe*" \
		sh -c 'fdlisten -l ./a >file'
	refuses "fdsend: -: *file*fdrecv -*fdpipe*" sh -c 'fdsend - >file'
	same "$(cat file)" ""
	not test -e ./a
}

@test "standard output a device: exit 2, and what to write instead" {
	refuses "fdlisten: standard output: *device*fdrecv -*fdpipe*" \
		sh -c 'fdlisten -k ./a >/dev/null'
	refuses "fdsend: -: *device*fdrecv -*fdpipe*" \
		sh -c 'fdsend - >/dev/null'
	refuses "fdsend: fd:5: *device*fdrecv -*fdpipe*" \
		sh -c 'fdsend fd:5 5>/dev/null'
}

@test "standard output a terminal: exit 2, and what to write instead" {
	refuses "fdlisten: standard output: *terminal*fdrecv -*fdpipe*" \
		with -T 1 fdlisten -k ./a
	refuses "fdsend: -: *terminal*fdrecv -*fdpipe*" with -T 1 fdsend -
	not test -e ./a
}

@test "standard output a TCP connection: exit 2, and what to write instead" {
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'fdsend -; echo "$?" >status'
	run_limited client "$(address_of address)"
	ended server
	same "$(cat status)" 2
	like "$(cat server.err)" "fdsend: -: *socket*fdrecv -*fdpipe*"
}

@test "standard input a file, device or terminal: exit 2" {
	touch file
	refuses "fdrecv: -: *not a UNIX socket*" sh -c 'fdrecv - true <file'
	refuses "fdecho: -: *not a UNIX socket*" sh -c 'fdecho - <file'
	refuses "fdrecv: -: *not a UNIX socket*" \
		sh -c 'fdrecv - true </dev/null'
	refuses "fdecho: -: *not a UNIX socket*" sh -c 'fdecho - </dev/null'
	refuses "fdecho: -: *not a UNIX socket or a pipe*" with -T 0 fdecho -
	refuses "fdsend: standard input: *not a UNIX socket or a pipe*" \
		sh -c 'fdsend -r ./s <file'
}

@test "an inherited TCP listening socket is no stream" {
	refuses "fdrecv: fd:5: *" with -L 5 fdrecv fd:5 true
	refuses "fdecho: fd:5: *" with -L 5 fdecho fd:5
	refuses "fdsend: fd:5: *" with -L 5 fdsend fd:5
}

@test "the reading end of a pipe is nothing to send on" {
	refuses "fdsend: fd:5: *reading end*" \
		sh -c 'true | fdsend fd:5 5<&0'
}

# --- listening sockets

# accepts TYPE COMMAND...: a listening socket of that type on descriptor 5.
accepts()
{
	local type=$1

	shift
	start receiver bound -t "$type" -f 5 ./s "$@"
	up ./s
	leaves_sockets
}

@test "fdrecv accepts from an inherited listening socket" {
	echo hello >file
	accepts stream fdrecv fd:5 cat
	limited fdsend ./s <file
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
	# It is not ours to remove.
	test -S ./s
}

@test "fdrecv accepts from an inherited seqpacket listening socket" {
	echo hello >file
	accepts seqpacket fdrecv fd:5 cat
	limited fdsend ./s <file
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

@test "fdrecv takes datagrams from an inherited bound socket" {
	echo hello >file
	accepts dgram fdrecv -k fd:5 cat
	limited fdsend ./s <file
	limited fdsend ./s <file
	wait_for has 2 cat receiver.out
	stop receiver
	is_status 0
	same "$(cat receiver.err)" ""
}

@test "fdrecv - accepts from a listening socket on standard input" {
	echo hello >file
	accepts stream sh -c 'exec fdrecv - cat <&5 5<&-'
	limited fdsend ./s <file
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

@test "a pool shares an inherited listening socket" {
	accepts stream fdrecv -n 3 fd:5 fdecho
	start server fdlisten -k -o address 127.0.0.1:0 fdsend ./s
	served_all "$(address_of address)" -n 60 -c 10
	stop server
	stop receiver
	is_status 0
	same "$(cat receiver.err)" ""
}

@test "two pools share one inherited listening socket" {
	accepts stream sh -c '
		fdrecv -n 2 fd:5 fdecho & fdrecv -n 2 fd:5 fdecho & wait'
	start server fdlisten -k -o address 127.0.0.1:0 fdsend ./s
	served_all "$(address_of address)" -n 60 -c 10
	stop server
	kill "$(matching 'fdrecv *' | sort -n | head -n 1)"
	kill "$(matching 'fdrecv *' | sort -n | tail -n 1)"
	# shellcheck disable=SC2046
	kill $(matching 'fdrecv *') || :
	ended receiver
}

@test "fdecho accepts from an inherited listening socket" {
	local type

	for type in stream seqpacket; do
		rm -f ./s address
		accepts "$type" fdecho fd:5
		start server fdlisten -k -o address 127.0.0.1:0 fdsend ./s
		served_all "$(address_of address)" -n 60 -c 10
		stop server
		stop receiver
		is_status 0
		same "$(cat receiver.err)" ""
	done
}

@test "fdecho takes datagrams from an inherited bound socket" {
	accepts dgram fdecho fd:5
	start server fdlisten -k -o address 127.0.0.1:0 fdsend ./s
	served_all "$(address_of address)" -n 60 -c 10
	stop server
	stop receiver
	is_status 0
	same "$(cat receiver.err)" ""
}

# --- fdlisten onto a stream

# onto TYPE: connections through a pair of sockets of that type.
onto()
{
	start both paired -t "$1" fdlisten -k -o address 127.0.0.1:0 '|' \
		fdecho -
	served_all "$(address_of address)" -n 300 -c 20 -s 3000
	kill "$(the_one 'fdlisten *')"
	[ "$1" != dgram ] || kill "$(the_one 'fdecho *')"
	ended both
	is_status 0
	same "$(cat both.err)" ""
}

@test "fdlisten sends connections over stream sockets" {
	onto stream
}

@test "fdlisten sends connections over seqpacket sockets" {
	onto seqpacket
}

@test "fdlisten sends connections over datagram sockets" {
	onto dgram
}

@test "fdlisten without -k sends one connection and ends" {
	start both sh -c 'fdlisten -o address 127.0.0.1:0 | fdrecv - fdecho'
	echoes "$(address_of address)"
	ended both
	is_status 0
	run_limited client "$(cat address)"
	is_status 1
}

@test "fdlisten -l sends the listening socket itself" {
	start both sh -c 'fdlisten -l -o address 127.0.0.1:0 |
		fdrecv -f 3 - fdlisten -k fd:3 fdecho'
	served_all "$(address_of address)" -n 20 -c 4
	kill "$(the_one 'fdlisten -k fd:3 *')"
	ended both
	is_status 0
}

@test "fdlisten keeps no copy of a connection that it has sent" {
	need_proc
	start both sh -c 'fdlisten -k -o address 127.0.0.1:0 | fdecho -'
	echoes "$(address_of address)"
	descriptors "$(the_one 'fdlisten *')" >before
	held one "$(cat address)"
	held two "$(cat address)"
	same "$(descriptors "$(the_one 'fdlisten *')")" "$(cat before)"
	hang_up one
	hang_up two
	kill "$(the_one 'fdlisten *')"
	ended both
}

@test "-t ends fdlisten when no client comes, and the reader in order" {
	run_apart sh -c '{ how server.how fdlisten -t 0.1 127.0.0.1:0; } |
		fdecho -'
	is_status 0
	same "$(cat server.how)" "exit 124"
	same "$output$stderr" ""
}

# times_out COMMAND...: where nothing comes, though the stream stays open.
times_out()
{
	start both paired -t seqpacket sleep 60 '|' how right.how "$@"
	wait_for test -s right.how
	same "$(cat right.how)" "exit 124"
	same "$(cat both.err)" ""
	kill "$(the_one 'sleep 60')"
	ended both
	rm right.how
}

@test "-t ends a receiver when no message comes" {
	times_out fdrecv -t 0.1 - true
	times_out fdrecv -k -t 0.1 - true
	times_out fdrecv -n 3 -t 0.1 - true
	times_out fdrecv -t 0.1 -
}

@test "-t limits the time between two messages" {
	start both sh -c 'how left.how fdlisten -k -t 1 -o address \
		127.0.0.1:0 | how right.how fdrecv -k -t 5 - fdecho'
	echoes "$(address_of address)"
	echoes "$(cat address)"
	ended both
	same "$(cat left.how)" "exit 124"
	same "$(cat right.how)" "exit 0"
}

# --- a reader that does not keep up

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

# hundred: the options of fdsend to send a hundred descriptors.
hundred()
{
	local i

	hundred=
	for i in {1..100}; do
		hundred+=" -f 0"
	done
}

# too_much COMMAND...: a message of a hundred descriptors and
# then one of a file come to COMMAND, which may have forty.
too_much()
{
	local type

	hundred
	echo hello >file
	for type in stream seqpacket; do
		start both paired -t "$type" sh -c "
			fdsend $hundred -; exec fdsend - <file" '|' \
			with -l 40 "$@"
		ended both
		like "$(cat both.err)" "fd*: -: *"
	done
}

@test "a message that never fits is refused by a worker, the next comes" {
	too_much fdrecv -k - cat
	is_status 0
	same "$(cat both.out)" hello
}

@test "a message that never fits ends a receiver of one" {
	too_much fdrecv -a - true
	is_status 1
}

@test "a message that never fits is refused by fdecho, the next comes" {
	too_much fdecho -
	is_status 0
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

# has_noticed PROCESS: whether no SIGTERM is pending for it.
has_noticed()
{
	! grep -q '^ShdPnd:.*[4-7c-f]...$' "/proc/$1/status"
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
	same "$(cat both.err)" ""
}

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

# --- the end

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

# accepted: the connections that no longer wait in the listen queue.
accepted()
{
	backlogged || ss -Htn "sport = :$(port_of address)"
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
		for keep in -k -n1; do
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

# Both ends are told at once, as by the end of a terminal session.

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
