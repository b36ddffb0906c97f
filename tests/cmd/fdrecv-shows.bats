# SPDX-License-Identifier: ISC
# fdrecv without COMMAND: who sent what?

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# viewer [OPTION...]: fdrecv without COMMAND on ./s.
viewer()
{
	start viewer fdrecv "$@" ./s
	up ./s
}

# send_as OPTION...: fdsend to ./s, its process id to ./pid.
send_as()
{
	limited sh -c 'echo $$ >pid; exec fdsend "$@" ./s' sh "$@"
}

# from PID: how a sender of this user is shown.
from()
{
	if built_posix_only; then
		echo "from *"
	else
		echo "from pid $1 uid $(id -u) gid $(id -g)"
	fi
}

# holds NAME N: whether it has that many descriptors open.
holds()
{
	same "$(descriptors "$(process "$1")")" "$2" >/dev/null
}

# --- fdrecv without COMMAND

@test "the sender, the payload and the descriptor are shown" {
	local path="*path=$PWD/file *"

	! built_posix_only || path="*"
	echo hello >file
	viewer
	send_as -s "a payload" <file
	ended viewer
	is_status 0
	same "$(<viewer.err)" ""
	mapfile -t lines <viewer.out
	same "${#lines[@]}" 2
	like "${lines[0]}" "$(from "$(<pid)"), payload \"a payload\", 1 descriptor"
	like "${lines[1]}" "*0 file r *"
	like "${lines[1]}" "$path"
}

@test "one message without -k; the name is removed" {
	viewer
	send_as
	ended viewer
	is_status 0
	not test -e ./s
}

@test "-k shows one after another, each at once, until SIGTERM" {
	local i

	viewer -k
	for i in 1 2 3; do
		limited fdsend -s "message $i" ./s
		wait_for grep -q "payload \"message $i\"" viewer.out
	done
	stop viewer
	is_status 0
	same "$(grep -c ^from viewer.out)" 3
	same "$(<viewer.err)" ""
	not test -e ./s
}

@test "each kind of descriptor is shown as what it is" {
	mkfifo fifo
	viewer
	start server fdlisten -o address 127.0.0.1:0 sh -c 'exec 5<&0
		exec fdsend -f 3 -f 4 -f 5 -f 6 -f 7 -f 8 ./s \
		3<. 4</dev/null 6<>fifo 7>>file 8<file'
	limited client "$(address_of address)"
	ended server
	is_status 0
	ended viewer
	is_status 0
	mapfile -t lines <viewer.out
	like "${lines[0]}" '*, payload "\\0", 6 descriptors'
	like "${lines[1]}" "*0 directory r *"
	like "${lines[2]}" "*1 character r *"
	like "${lines[3]}" "*2 tcp rw *local=127.0.0.1:* peer=127.0.0.1:*"
	like "${lines[4]}" "*3 @(fifo|pipe) rw *"
	like "${lines[5]}" "*4 file w *append*"
	like "${lines[6]}" "*5 file r *"
	same "${#lines[@]}" 7
}

@test "a listening socket is shown as one" {
	viewer
	limited fdlisten -l -o address 127.0.0.1:0 fdsend -f 3 ./s
	ended viewer
	like "$(<viewer.out)" "*tcp * local=$(cat address) listening*"
}

@test "253 descriptors are shown" {
	local options=() i

	for ((i = 0; i < 253; i++)); do
		options+=(-f 0)
	done
	viewer
	limited fdsend "${options[@]}" ./s
	ended viewer
	is_status 0
	same "$(wc -l <viewer.out)" 254
	like "$(head -n 1 viewer.out)" "*, 253 descriptors"
	like "$(tail -n 1 viewer.out)" "* 252 *"
}

@test "a payload is escaped, and stays on one line" {
	viewer -k
	limited fdsend -s $'one\ntwo\tthree \\ "four" \001\377' ./s
	limited foreign send -s 'a\0b' ./s
	limited foreign send -b 65536 ./s
	stop viewer
	line=$(sed -n 1p viewer.out)
	like "payload ${line#*payload }" \
		'payload "one\\ntwo\\tthree \\\\ \\"four\\" \\*01\\*", 1 descriptor'
	like "$(grep -n 'a.*b' viewer.out)" '*, payload "a\\0b", 1 descriptor'
	same "$(grep -c '^from' viewer.out)" 3
	[ "$(wc -c <viewer.out)" -gt 65536 ]
}

@test "the terminal is not told what to do by a payload" {
	viewer
	limited fdsend -s $'\033]0;title\007\033[2J\233' ./s
	ended viewer
	not grep -a $'[\033\007\233]' viewer.out
}

@test "a foreign sender is shown" {
	viewer
	limited sh -c 'echo $$ >pid; exec foreign send -n 2 ./s' >answer
	ended viewer
	same "$(<answer)" "answer 0"
	like "$(head -n 1 viewer.out)" \
		"$(from "$(cat pid)"), payload *, 2 descriptors"
}

@test "bytes without a descriptor are shown" {
	viewer -k
	same "$(limited foreign send -n 0 -s hello ./s)" "answer 0"
	echo "GET / HTTP/1.0" | limited client ./s
	wait_for has 2 grep ^from viewer.out
	stop viewer
	is_status 0
	like "$(<viewer.out)" \
		'*payload "hello", 0 descriptors*payload "GET / HTTP/1.0\\n", 0 descriptors'
	same "$(wc -l <viewer.out)" 2
}

@test "the sender is told that it was taken, and may not be refused" {
	viewer -k
	limited fdsend -f 0 -f 0 -f 0 ./s
	limited sh -c 'exec fdsend ./s <.'
	same "$(limited foreign send ./s)" "answer 0"
	stop viewer
}

@test "what was shown is closed" {
	local before

	need_proc
	mkfifo pipe
	start_from pipe reader cat
	viewer -k
	limited sh -c 'exec fdsend -f 5 -f 5 ./s 5>pipe'
	ended reader
	is_status 0
	before=$(descriptors "$(process viewer)")
	limited fdsend -f 0 -f 0 -f 0 ./s
	wait_for has 2 grep ^from viewer.out
	# It closes them once they are shown.
	wait_for holds viewer "$before"
	stop viewer
}

@test "-n shows with several processes" {
	local i pids=()

	start viewer fdrecv -n 3 ./s
	up ./s
	for i in 1 2 3 4 5 6; do
		limited fdsend -f 0 -f 0 ./s &
		pids+=($!)
	done
	wait_for has 6 grep ^from viewer.out
	stop viewer
	is_status 0
	wait "${pids[@]}"
}

@test "messages of a pipe of the shell are shown" {
	run_limited sh -c 'fdsend -s hello - | fdrecv -'
	is_status 0
	like "${lines[0]}" 'from *, payload "hello", 1 descriptor'
	like "${lines[1]}" "*0 character r *"
}

@test "messages of a pair of sockets are shown, with -k all of them" {
	run_limited fdpipe sh -c 'fdsend -s one -; fdsend -s two -' '|' \
		fdrecv -k -
	is_status 0
	like "$output" '*"one"*"two"*'
	run_limited fdpipe sh -c 'fdsend -s one -; fdsend -s two -' '|' \
		fdrecv -
	is_status 0
	like "$output" '*"one"*'
	not like "$output" '*"two"*'
}

@test "connections on their way are shown" {
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 | fdrecv -k - &
		echo $! >pid; wait'
	limited client "$(address_of address)"
	limited client "$(address_of address)"
	wait_for has 2 grep -E "0 tcp .* local=$(cat address) " server.out
	kill "$(<pid)"
	ended server
}

@test "bytes on a pair of sockets are shown, and what follows too" {
	run_limited fdpipe sh -c 'fdsend -s one -; printf %s bytes; fdsend -s two -' \
		'|' fdrecv -k -
	is_status 0
	like "$output" \
		'*"one", 1 *"bytes", 0 descriptors*"two", 1 *'
}

@test "a stream without a message is an error" {
	fails 1 "fdrecv: -: end of file before a message came" \
		fdpipe true '|' fdrecv -
	run_limited fdpipe true '|' fdrecv -k -
	is_status 0
	same "$output" ""
}

@test "fd:N is looked at" {
	viewer -k
	# shellcheck disable=SC2016
	limited fdlisten -l ./t sh -c 'fdrecv fd:3 & fdsend -s hello ./t; wait' \
		>shown
	like "$(<shown)" 'from *, payload "hello", 1 descriptor*'
	rm t
	stop viewer
}

@test "-a and -f need a COMMAND" {
	refuses "fdrecv: *COMMAND*" fdrecv -a ./s
	refuses "fdrecv: *COMMAND*" fdrecv -f 3 ./s
	not test -e ./s
}

@test "-t limits the wait" {
	fails 124 "fdrecv: ./s: no message within 0.1 s" fdrecv -t 0.1 ./s
	fails 124 "fdrecv: ./s: no message within 0.1 s" fdrecv -k -t 0.1 ./s
	not test -e ./s
}

@test "an output that cannot be written is an error" {
	[ -c /dev/full ] || skip "no /dev/full here"
	for option in "" -k; do
		# shellcheck disable=SC2016,SC2086
		start viewer sh -c 'exec fdrecv $1 ./s >/dev/full' sh $option
		up ./s
		# (The answer comes first: its sender may have given up.)
		limited fdsend ./s
		ended viewer
		is_status 1
		one_line viewer.err
		like "$(<viewer.err)" \
			"fdrecv: standard output: *: No space left on device"
	done
}

@test "-k ends when nobody reads its output any more" {
	start viewer sh -c '
		{ fdrecv -k ./s; echo "status $?" >&2; } | head -n 1'
	up ./s
	limited fdsend ./s
	wait_for has 1 cat viewer.out
	limited fdsend ./s || :
	ended viewer
	same "$(<viewer.err)" "status 141"
	not test -e ./s
}

@test "a long path is shown whole" {
	local long

	need_linux
	long=$(printf '%0200d' 1)
	mkdir -p "$long/$long/$long/$long/$long/$long/$long"
	: >"$long/$long/$long/$long/$long/$long/$long/file"
	viewer
	limited fdsend ./s <"$long/$long/$long/$long/$long/$long/$long/file"
	ended viewer
	like "$(tail -n 1 viewer.out)" "*$long/file pos=0 size=0 inode=*"
}

@test "a closed output is an error" {
	start viewer sh -c 'exec fdrecv -t 5 ./s >&-'
	wait_for eval 'not_running viewer || test -S ./s'
	limited fdsend ./s || :
	ended viewer
	is_status 1
	one_line viewer.err
}

# --- fdsend -rv

@test "the relay refuses what carries no descriptors" {
	refuses "fdsend: standard input: *" fdsend -r ./b
	fails 1 "fdsend: standard input: bytes instead of descriptors*" \
		sh -c 'echo hello | fdsend -r ./b'
	refuses "fdsend: *-r*" fdsend -r -f 3 ./b
	refuses "fdsend: *-r*" fdsend -r -s hello ./b
}

# --- bytes where a message was due

@test "a pipe that brings bytes is an error that says what must write there" {
	fails 1 "fdrecv: -: bytes instead of descriptors*fdlisten*fdsend*" \
		sh -c 'echo hello | fdrecv - cat'
	fails 1 "fdrecv: -: bytes instead of descriptors*" \
		sh -c 'echo hello | fdrecv -'
	fails 1 "fdrecv: -: bytes instead of descriptors*" \
		sh -c 'head -c 100000 /dev/zero | fdrecv -k - cat'
	fails 1 "fdecho: -: bytes instead of descriptors*" \
		sh -c 'echo hello | fdecho -'
	refuses "fdrecv: -: not a UNIX socket or a pipe*" fdrecv - cat
}

@test "a pair of sockets that brings bytes is an error" {
	fails 1 "fdrecv: -: *0 descriptors*" \
		fdpipe echo hello '|' fdrecv - cat
}

@test "an invitation that leads nowhere is an error" {
	touch file
	fails 1 "fdrecv: -: *" \
		sh -c 'echo "fdpass /no/such/file" | fdrecv - cat'
	fails 1 "fdrecv: -: *" \
		sh -c 'echo "fdpass $PWD/file" | fdrecv - cat'
}
