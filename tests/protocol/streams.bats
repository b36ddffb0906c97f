# SPDX-License-Identifier: ISC
# Descriptor streams: on standard input and output and on fd:N, over each type
# of UNIX socket; listening sockets in their place; fdlisten onto a stream.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/streams

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

# accepts TYPE COMMAND...: a listening socket of that type on descriptor 5.
accepts()
{
	local type=$1

	shift
	start receiver bound -t "$type" -f 5 ./s "$@"
	up ./s
	leaves_sockets
}

# onto TYPE: connections through a pair of sockets of that type.
onto()
{
	start both paired -t "$1" fdlisten -k -o address 127.0.0.1:0 '|' \
		fdecho -
	served_all "$(address_of address)" -n "$(scaled 100 300)" -c 20 -s 3000
	kill "$(the_one 'fdlisten *')"
	[ "$1" != dgram ] || kill "$(the_one 'fdecho *')"
	ended both
	is_status 0
	same "$(cat both.err)" ""
}

# times_out COMMAND...: where nothing comes, though the stream stays open; several
# at once, ended by times_are_out.
times_out()
{
	receivers=$((${receivers-0} + 1))
	start "receiver$receivers" paired -t seqpacket sleep 60 '|' \
		how "how$receivers" "$@"
}

times_are_out()
{
	local n

	for ((n = 1; n <= receivers; n++)); do
		wait_for test -s "how$n"
		same "$(cat "how$n")" "exit 124"
		same "$(cat "receiver$n.err")" \
			"fdrecv: -: no message within 0.1 s"
	done
	# shellcheck disable=SC2046
	kill $(matching 'sleep 60')
	for ((n = 1; n <= receivers; n++)); do
		ended "receiver$n"
	done
}

# --- fdsend to a stream, fdrecv from it

@test "sockets of each type carry a file, as standard output and input and as fd:N" {
	table passes \
		'-t stream -- - -' \
		'-t stream -o 5 -i 7 -- fd:5 fd:7' \
		'-t seqpacket -- - -' \
		'-t seqpacket -o 5 -i 7 -- fd:5 fd:7' \
		'-t dgram -- - -' \
		'-t dgram -o 5 -i 7 -- fd:5 fd:7' \
		'-t seqpacket -- fd:1 fd:0'
}

@test "an ordinary pipe on fd:N, both ways" {
	echo hello >file
	run_limited sh -c 'fdsend fd:5 <file 5>&1 >/dev/null |
		{ fdrecv fd:7 cat 7<&0 </dev/null; }'
	is_status 0
	same "$output" hello
}

@test "sockets of each type carry several descriptors and a payload, a large one too" {
	table carries \
		'stream 10' \
		'seqpacket 10' \
		'dgram 10' \
		'stream 60000' \
		'seqpacket 60000' \
		'dgram 60000'
}

@test "the largest message goes over sockets of each type" {
	table largest \
		'stream' \
		'seqpacket' \
		'dgram'
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

# follow_one_another TYPE
follow_one_another()
{
	local numbers

	read -ra numbers < <(scaled "1 2 3 4" "1 2 3 4 5 6 7 8 9 10")
	start both paired -t "$1" sh -c '
		for i; do
			echo "$i" >"$i"
			fdsend -s "word $i" - <"$i" || exit
		done' sh "${numbers[@]}" '|' \
		fdrecv -k - sh -c 'cat; echo "$FDRECV_PAYLOAD"'
	wait_for has "$((2 * ${#numbers[@]}))" cat both.out
	# Datagram sockets have no end of file.
	[ "$1" != dgram ] || kill "$(the_one "fdrecv *")"
	ended both
	is_status 0
	same "$(cat both.out)" \
		"$(for i in "${numbers[@]}"; do echo "$i"; echo "word $i"; done)"
	same "$(cat both.err)" ""
}

@test "many messages follow one another" {
	table follow_one_another stream seqpacket dgram
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
	mkfifo go
	run_limited paired sh -c 'fdsend -; echo "$?" >status; echo >go' '|' \
		sh -c 'exec 5<&0; read -r x <go; exec fdrecv fd:5 true'
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

@test "standard output a file, device or terminal: exit 2, and what to write instead" {
	touch file
	refuses "fdlisten: standard output: *file*fdrecv -*fdpipe*" \
		sh -c 'fdlisten -k ./a >file'
	refuses "fdlisten: standard output: *file*fdrecv -*fdpipe*" \
		sh -c 'fdlisten -l ./a >file'
	refuses "fdsend: -: *file*fdrecv -*fdpipe*" sh -c 'fdsend - >file'
	same "$(cat file)" ""
	refuses "fdlisten: standard output: *device*fdrecv -*fdpipe*" \
		sh -c 'fdlisten -k ./a >/dev/null'
	refuses "fdsend: -: *device*fdrecv -*fdpipe*" \
		sh -c 'fdsend - >/dev/null'
	refuses "fdsend: fd:5: *device*fdrecv -*fdpipe*" \
		sh -c 'fdsend fd:5 5>/dev/null'
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

# takes TYPE
takes()
{
	echo hello >file
	accepts "$1" fdrecv fd:5 cat
	limited fdsend ./s <file
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
	# It is not ours to remove.
	test -S ./s
}

@test "fdrecv accepts from an inherited listening socket, seqpacket too" {
	table takes stream seqpacket
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

@test "fdlisten sends connections over sockets of each type" {
	table onto \
		'stream' \
		'seqpacket' \
		'dgram'
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
	same "$output$stderr" \
		"fdlisten: 127.0.0.1:0: no connection within 0.1 s"
}

@test "-t ends a receiver when no message comes" {
	times_out fdrecv -t 0.1 - true
	times_out fdrecv -k -t 0.1 - true
	times_out fdrecv -n 3 -t 0.1 - true
	times_out fdrecv -t 0.1 -
	times_are_out
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
