# SPDX-License-Identifier: ISC
# Through an ordinary pipe: the invitation, who may follow it, and that nothing
# of it is ever left.
#
# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/streams

# invite NAME COMMAND...: start a sender whose standard output is a pipe that
# this test reads. Its invitation is in $line, the socket in $path, and the
# directory in $directory.
invite()
{
	local name=$1

	shift
	open_pipe
	start "$name" sh -c 'exec "$@" >pipe' sh "$@"
	read_invitation
}

# open_pipe: ./pipe, with this test as its reader (and never without writer).
open_pipe()
{
	[ -p pipe ] || mkfifo pipe
	exec 7<>pipe
}

close_pipe()
{
	exec 7>&-
}

read_invitation()
{
	read -r -t "$DEADLINE" line <&7 || return
	path=${line#fdpass }
	directory=${path%/*}
}

# follow NAME COMMAND...: start a receiver whose standard input is a pipe with
# the invitation in it.
follow()
{
	local name=$1

	shift
	say_to "$name.pipe" "$line" && start_from "$name.pipe" "$name" "$@"
}

# say_to FIFO LINE: the line is in the pipe, and the pipe stays open.
say_to()
{
	mkfifo "$1"
	exec 8<>"$1"
	[ -z "$2" ] || echo "$2" >&8
}

nothing_is_left()
{
	not test -e "$path" && not test -e "$directory"
}

# --- what it is

@test "the invitation is one line with the name of a socket in TMPDIR" {
	invite server fdlisten 127.0.0.1:0
	like "$line" "fdpass $TMPDIR/*/*"
	test -S "$path"
	not read -r -t 0.1 line <&7
}

@test "it comes in one write" {
	need strace
	run_limited sh -c 'strace -o trace -s 200 -e trace=write \
		fdlisten 127.0.0.1:0 | head -n 1'
	like "$output" "fdpass /*"
	has 1 grep 'write(1, "fdpass /.*/.*\\n", ' trace
}

@test "its directory is for its user alone, and holds nothing else" {
	umask 0
	invite server fdlisten 127.0.0.1:0
	same "$(mode_of "$directory")" 700
	same "$(ls -A "$directory")" "${path##*/}"
}

@test "it works with every umask" {
	local mask

	for mask in 0 077 0777; do
		umask "$mask"
		run_limited sh -c 'fdsend - </dev/null | fdrecv - true'
		is_status 0
		same "$output" ""
	done
	umask 022
}

@test "it works with every umask for who is not root" {
	local mask

	another_user
	for mask in 0 0777; do
		run_limited "${nobody[@]}" sh -c "umask $mask
			fdsend - </dev/null | fdrecv - true"
		is_status 0
		same "$output" ""
	done
}

@test "it is gone as soon as the reader has connected" {
	invite server fdlisten -k -o address 127.0.0.1:0
	follow reader fdecho -
	wait_for not test -e "$directory"
	echoes "$(cat address)"
	stop server
	is_status 0
	ended reader
	is_status 0
}

@test "a sender without a descriptor for its reader says so, and waits" {
	need prlimit
	not_sanitized "they open files to report"
	[ "${FDPASS_VARIANT-}" != posix ] ||
		skip "without ppoll() it needs a pipe, too"
	invite server with -x sh -c "ulimit -S -n 5; exec fdlisten -k ./a"
	follow reader fdecho -
	wait_for has_line server.err "fdlisten: standard output: accept: Too many open files; trying again"
	prlimit --pid "$(process server)" --nofile=20:
	wait_for not test -e "$directory"
	echoes ./a
	stop server
	is_status 0
	ended reader
	is_status 0
}

@test "a second reader finds nothing, and disturbs nobody" {
	invite server fdlisten -k -o address 127.0.0.1:0
	follow reader fdecho -
	wait_for not test -e "$directory"
	follow late fdecho -
	ended late
	is_status 0
	same "$(cat late.err)" ""
	echoes "$(cat address)"
	stop server
	is_status 0
	ended reader
	is_status 0
}

@test "of two readers at once one is served, the other gets nothing" {
	invite server fdlisten -k -o address 127.0.0.1:0
	signal server STOP
	follow one fdecho -
	follow two fdecho -
	signal server CONT
	echoes "$(cat address)"
	wait_for has 1 matching "fdecho -"
	stop server
	is_status 0
	gone "fdecho -"
	nothing_is_left
}

@test "nothing is accepted before the reader is there" {
	need_proc
	need ss
	invite server fdlisten -k -o address 127.0.0.1:0
	descriptors "$pid" >before
	start client sh -c 'echo early | exec client "$(cat address)"'
	wait_for backlogged
	same "$(descriptors "$(process server)")" "$(cat before)"
	follow reader fdecho -
	ended client
	same "$(cat client.out)" early
	stop server
	ended reader
	is_status 0
}

# --- readers that are not ours, or go away

# ends_with_head COMMAND...: whose reader takes the line and leaves.
ends_with_head()
{
	run_limited sh -c 'how sender.how "$@" | head -n 1' sh "$@"
	like "$output" "fdpass $TMPDIR/*"
	same "$(cat sender.how)" "signal 13"
}

@test "fdlisten -k | head -n 1 ends, and so does fdsend - | head -n 1" {
	table ends_with_head 'fdlisten -k 127.0.0.1:0' 'fdsend -'
}

@test "fdlisten | true ends" {
	for _ in $(scaled "1 2" "1 2 3 4 5"); do
		run_limited sh -c 'how server.how fdlisten 127.0.0.1:0 | true'
		is_status 0
		same "$output" ""
		same "$(cat server.how)" "signal 13"
	done
}

# reader_leaves COMMAND...
reader_leaves()
{
	invite sender how sender.how "$@"
	close_pipe
	ended_as sender "signal 13"
	nothing_is_left
	not test -e ./a
	same "$(cat sender.err)" ""
}

@test "the reader goes away before it connects" {
	table reader_leaves 'fdlisten -k ./a' 'fdsend -'
}

@test "the reader goes away while a client waits" {
	invite server how server.how fdlisten -k ./a
	start client client ./a
	close_pipe
	ended_as server "signal 13"
	ended client
}

@test "the reader dies after it has connected" {
	invite server how server.how fdlisten -k ./a
	follow reader fdecho -
	wait_for not test -e "$directory"
	close_pipe
	exec 8>&-
	stop reader KILL
	ended_as server "signal 13"
	not test -e ./a
	same "$(cat server.err)" ""
}

@test "a reader that only connects and leaves ends the sender" {
	invite server how server.how fdlisten -k ./a
	start reader knock "$path"
	wait_for grep -q connected reader.out
	wait_for not test -e "$directory"
	stop reader KILL
	ended_as server "signal 13"
}

@test "a reader that starts late finds the sender waiting" {
	invite server fdlisten -o address 127.0.0.1:0
	wait_for test -s address
	follow reader fdecho -
	echoes "$(cat address)"
	ended server
	is_status 0
	ended reader
	is_status 0
}

@test "another user's reader is turned away, the right one is served" {
	need_linux
	another_user
	open_pipe
	start server sh -c "exec ${nobody[*]} fdlisten -k 127.0.0.1:0 >pipe"
	read_invitation
	like "$path" "/tmp/*/*"
	# Root can enter every directory.
	run_limited knock "$path"
	same "$output" $'connected\nend'
	test -S "$path"
	running server
	follow reader "${nobody[@]}" fdecho -
	wait_for not test -e "$directory"
	stop server
	is_status 0
	ended reader
	is_status 0
}

@test "an invitation of another user is not followed" {
	need_linux
	another_user
	open_pipe
	start server sh -c "exec ${nobody[*]} fdlisten -k 127.0.0.1:0 >pipe"
	read_invitation
	follow reader fdecho -
	ended reader
	is_status 1
	like "$(cat reader.err)" "fdecho: -: *another user*"
	one_line reader.err
	stop server
	nothing_is_left
}

@test "no other user can reach the socket" {
	another_user
	invite server fdlisten -k 127.0.0.1:0
	run_limited "${nobody[@]}" knock "$path"
	is_status 1
	like "$output" "*Permission denied*"
	stop server
	nothing_is_left
}

# --- signals

# ends_by SIGNAL HOW COMMAND...: a signal while the invitation is out.
ends_by()
{
	local signal=$1 how=$2

	shift 2
	invite sender how sender.how "$@"
	kill "-$signal" "$(the_one "$1 *")"
	ended_as sender "$how"
	nothing_is_left
	not test -e ./a
	same "$(cat sender.err)" ""
}

@test "a signal ends fdlisten and fdsend while their invitation is out" {
	table ends_by \
		'TERM "exit 0" fdlisten -k ./a' \
		'TERM "signal 15" fdlisten ./a' \
		'INT "signal 2" fdlisten -k ./a' \
		'HUP "signal 1" fdlisten -k ./a' \
		'TERM "signal 15" fdsend -' \
		'INT "signal 2" fdsend -' \
		'HUP "signal 1" fdsend -' \
		'TERM "signal 15" fdlisten -l ./a'
}

@test "a signal at any moment leaves nothing" {
	local signal ms first=1

	open_pipe
	for signal in TERM INT HUP; do
		for ((ms = first; ms <= 12; ms += $(scaled 3 1))); do
			timeout -s "$signal" "0.0$((ms / 10))$((ms % 10))" \
				fdlisten ./a >pipe 3>&- 4>&- 7>&- || :
			same "$(ls -A "$TMPDIR")" "" "$signal, $ms ms"
			not test -e ./a
		done
		first=$((first + $(scaled 1 0)))
	done
}

@test "SIGTERM ends a sender that finds the pipe full" {
	open_pipe
	# More than a pipe holds: it is full when dd would block.
	dd if=/dev/zero of=pipe bs=4096 count=1000 oflag=nonblock 2>/dev/null ||
		:
	start server sh -c 'exec how server.how fdlisten -k ./a >pipe'
	up ./a
	kill -TERM "$(the_one "fdlisten *")"
	ended_as server "exit 0"
	not test -e ./a
}

@test "SIGTERM ends a receiver that waits for its invitation" {
	say_to pipe ""
	start_from pipe worker fdrecv -k - true
	start_from pipe once how once.how fdrecv - true
	start_from pipe echo fdecho -
	the_one "fdrecv - true" >process
	stop worker
	is_status 0
	stop echo
	is_status 0
	kill "$(cat process)"
	ended_as once "signal 15"
	same "$(cat worker.err once.err echo.err)" ""
}

# --- time limits

@test "-t ends a receiver and a pool that wait for their invitation" {
	say_to pipe ""
	start_from pipe receiver fdrecv -t 0.1 - true
	start_from pipe pool fdrecv -n 2 -t 0.1 - true
	ended receiver
	is_status 124
	ended pool
	is_status 124
}

# gives_up COMMAND...
gives_up()
{
	invite sender "$@"
	ended sender
	is_status 124
	nothing_is_left
	not test -e ./a
}

@test "-t ends fdsend and fdlisten whose invitation nobody follows" {
	table gives_up 'fdsend -t 0.1 -' 'fdlisten -t 0.1 ./a'
}

# --- TMPDIR

# in_tmp: the directory is in /tmp, and goes away like any other.
in_tmp()
{
	like "$path" "/tmp/fdpass*/*"
	same "$(mode_of "$directory")" 700
	stop server
	nothing_is_left
}

# not_in OPTION...: with env's OPTION for TMPDIR.
not_in()
{
	mkdir sub
	touch file
	invite server env "$@" fdlisten -k ./a
	in_tmp
	same "$(ls -A sub)" ""
}

@test "TMPDIR unset, empty, relative, not there or not a directory: /tmp" {
	table not_in '-u TMPDIR' 'TMPDIR=' 'TMPDIR=sub' 'TMPDIR="$PWD/none"' \
		'TMPDIR="$PWD/file"'
}

@test "TMPDIR not writable: /tmp" {
	mkdir sub
	chmod 555 sub
	if [ "$(id -u)" -eq 0 ]; then
		another_user
		open_pipe
		start server sh -c "exec ${nobody[*]} env TMPDIR=/usr \
			fdlisten -k 127.0.0.1:0 >pipe"
		read_invitation
	else
		invite server env TMPDIR="$PWD/sub" fdlisten -k ./a
	fi
	in_tmp
}

@test "TMPDIR too long: /tmp" {
	local name=$PWD

	while [ ${#name} -lt 120 ]; do
		name+=/0123456789
	done
	mkdir -p "$name"
	invite server env TMPDIR="$name" fdlisten -k ./a
	in_tmp
	same "$(ls -A "$name")" ""
}

@test "TMPDIR of any length: the shortest way out, never a cut name" {
	local name length

	for length in $(scaled "80 88 89 90 91 92 93 94 107 108" \
		"80 85 86 87 88 89 90 91 92 93 94 95 96 100 107 108"); do
		name=$PWD/
		while [ ${#name} -lt "$length" ]; do
			name+=x
		done
		mkdir "$name"
		run_limited env TMPDIR="$name" \
			sh -c 'fdsend - </dev/null | fdrecv - true'
		is_status 0
		same "$output" "" "TMPDIR of $length bytes"
		same "$(ls -A "$name")" ""
	done
}

# called NAME: TMPDIR is a directory of that name.
called()
{
	mkdir "$1"
	run_limited env TMPDIR="$PWD/$1" \
		sh -c 'fdsend - </dev/null | fdrecv - true'
	is_status 0
	same "$output" ""
	same "$(ls -A "$1")" ""
}

@test "TMPDIR with a space or an end of line in its name" {
	table called '"a b"' "\$'a\\nb'"
}

# --- what is no invitation

# not_followed PATTERN COMMAND...: standard input is from this test's printf.
not_followed()
{
	local pattern=$1 bytes=$2

	shift 2
	fails 1 "$pattern" sh -c 'printf "$1" | { shift; exec "$@"; }' \
		sh "$bytes" "$@"
}

@test "bytes instead of an invitation are refused" {
	not_followed "fdecho: -: *fdlisten*" "hello\n" fdecho -
	not_followed "fdrecv: -: *fdlisten*" "hello\n" fdrecv - cat
	not_followed "fdrecv: -: *fdlisten*" "hello" fdrecv -k - cat
	not_followed "fdsend: *: *fdlisten*" "\n" fdsend -rw ./s
}

@test "half an invitation is refused" {
	not_followed "fdecho: -: *" "fdpass /tmp/x" fdecho -
	not_followed "fdecho: -: *" "fdpass \n" fdecho -
	not_followed "fdecho: -: *" "fdpass x\n" fdecho -
	not_followed "fdecho: -: *" "fdpass" fdecho -
}

@test "a line without end is refused" {
	local spaces

	spaces=$(printf '%5000s' "")
	not_followed "fdecho: -: *" "$spaces" fdecho -
	not_followed "fdecho: -: *" "fdpass /$spaces\n" fdecho -
}

@test "an endless stream of bytes is refused" {
	fails 1 "fdecho: -: *" sh -c 'yes | fdecho -'
	fails 1 "fdecho: -: *" sh -c 'cat /dev/zero | fdecho -'
}

# ends_here COMMAND...: standard input is the end of a stream for it.
ends_here()
{
	run_apart "$@"
	is_status 0
	same "$output$stderr" ""
}

@test "an invitation of one that has gone again is the end of a stream" {
	line="fdpass $PWD/none/s"
	export line
	ends_here sh -c 'echo "$line" | fdecho -'
	ends_here sh -c 'echo "$line" | fdrecv -n 3 - cat'
	ends_here sh -c 'echo "$line" | fdsend -rw ./s'
	fails 1 "fdrecv: -: end of file*" sh -c 'echo "$line" | fdrecv - cat'
}

@test "an invitation of one that was killed is the end of a stream" {
	invite server fdlisten -k 127.0.0.1:0
	stop server KILL
	follow reader fdecho -
	ended reader
	is_status 0
	same "$(cat reader.err)" ""
	rm -r "$directory"
}

@test "an empty pipe is the end of a stream" {
	ends_here sh -c 'true | fdecho -'
	ends_here sh -c 'true | fdrecv -k - cat'
	ends_here sh -c 'true | fdrecv -n 3 - cat'
	ends_here sh -c 'true | fdsend -rw ./s'
	fails 1 "fdrecv: -: end of file*" sh -c 'true | fdrecv - cat'
}
