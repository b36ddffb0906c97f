# SPDX-License-Identifier: ISC
# recvfd: descriptors that arrive in a running bash.

# What is single-quoted is for the inner shell.
# shellcheck disable=SC2016

load ../lib/helpers
load ../lib/examples
load ../lib/streams
load ../lib/loadable

setup_file()
{
	build_loadable
}

setup()
{
	common_setup
	need_linux
	need_proc
	need_loadable
}

# script NAME LINE...: a script for bash, in the file NAME. Its function more
# says how many descriptors more than at the beginning are open.
script()
{
	local name=$1

	shift
	printf '%s\n' 'enable -f fdpass recvfd || exit' \
		'now() { set -- /proc/$$/fd/*; open=$#; }; now; first=$open' \
		'more() { now; echo "$((open - first)) more"; }' "$@" >"$name"
}

# in_bash LINE...: run them, as run_apart does.
in_bash()
{
	script lines "$@"
	run_apart bash --norc ./lines
}

# holds NAME N: whether it has at least so many descriptors open.
holds()
{
	[ "$(descriptors "$(process "$1")")" -ge "$2" ]
}

# says NAME TEXT: whether it has written this.
says()
{
	has_line "$1.out" "${2//[*?[\\]/\\&}"
}

# tells LINE...: what recvfd has written, in $stderr, whole, but for where in a
# script that was, and who sent something.
tells()
{
	same "$(sed -E -e 's/^[^ ]*: line [0-9]*: //' \
		-e 's/pid [0-9]+ uid [0-9]+ gid [0-9]+/pid P uid U gid G/' \
		<<<"$stderr")" "$(printf '%s\n' "$@")"
}

# told NAME LINE...: the same of what was started as NAME.
told()
{
	local stderr

	stderr=$(cat "$1.err")
	shift
	tells "$@"
}

@test "a descriptor arrives in the shell, with the words and the sender" {
	printf 'one\ntwo\n' >file
	start_from file sender fdsend -w -s 'a file' ./s
	in_bash 'recvfd f ./s || exit' 'read -r line <&$f' \
		'echo "$line, $FDRECV_PAYLOAD $FDRECV_UID $FDRECV_GID"' \
		'echo "$FDRECV_PID"' '[ "$f" -ge 10 ] && cat <&$f'
	is_status 0
	same "$stderr" ""
	same "${lines[0]}" "one, a file $(id -u) $(id -g)"
	same "${lines[1]}" "$(process sender)"
	same "$output" "${lines[0]}"$'\n'"${lines[1]}"$'\n'two
	ended sender
	is_status 0
	not test -e s
}

@test "a command of the shell inherits it, and exec closes it" {
	start sender fdsend -w ./s
	in_bash 'recvfd f ./s || exit' 'fdinfo "$f"' 'exec {f}>&-' \
		'fdinfo "$f"; echo $?'
	like "${lines[0]}" "1[0-9] character r*"
	not like "${lines[0]}" "*cloexec*"
	same "${lines[1]}" 1
}

@test "-a takes an array, a scalar and an associative array alike" {
	local kind

	for kind in 'f=old' 'f=(1 2 3)' 'declare -A f=([a]=1)' 'declare -i f=7' \
		'unset f'; do
		start sender fdsend -w -f 0 -f 1 ./s
		in_bash "$kind" 'recvfd -a f ./s' 'echo $? ${#f[@]} ${!f[@]}'
		same "$output" "0 2 0 1" "$kind"
		same "$stderr" "" "$kind"
		ended sender
		is_status 0
	done
}

@test "a message without descriptors fills an array with none" {
	script worker 'recvfd -a f ./s' 'echo "$? ${#f[@]} $FDRECV_PAYLOAD"'
	start worker bash ./worker
	up ./s
	same "$(limited foreign send -s none -n 0 ./s)" "answer 0"
	ended worker
	same "$(cat worker.out worker.err)" "0 0 none"
}

@test "a function has it in a local variable" {
	start sender fdsend -w ./s
	in_bash 'g() { local f; recvfd f ./s; echo "$? ${f:0:1}"; }' \
		'g' 'echo "[${f-none}]"'
	same "$output" $'0 1\n[none]'
}

@test "a function has it in the variable that a name reference leads to" {
	in_bash 'take() { local -n to=$1; recvfd to ./s; }' \
		'takes() { local -n to=$1 bytes=$2; recvfd -a -S bytes to ./s; }' \
		'fdsend -w ./s </etc/passwd & take file; wc -l <&$file' \
		'fdsend -w ./s </etc/group & take file; wc -l <&$file' \
		'fdsend -w -s words ./s </etc/group & takes all said' \
		'wc -l <&${all[0]}; echo "$said"'
	is_status 0
	same "$output" "$(wc -l </etc/passwd; wc -l </etc/group
		wc -l </etc/group; echo words)"
	same "$stderr" ""
}

@test "a name reference to an element of an array has no old number" {
	in_bash 'a=(1 2 3) b=(4)' 'declare -n f="a[1]" said="b[0]"' \
		'recvfd -t 0 -S said f ./s' 'echo "$? ${!a[*]} ${#b[*]}"' \
		'fdsend -w -s words ./s </etc/group & recvfd -S said f ./s' \
		'echo "$? ${!a[*]} ${b[0]}"; wc -l <&$f; f=2' \
		'readonly a' 'recvfd -t 0 f ./s; echo "$? ${a[1]}"'
	same "$output" "124 0 2 0
0 0 1 2 words
$(wc -l </etc/group)
1 2"
	like "$stderr" "*f: readonly variable"
}

@test "another number of descriptors is refused, named, and waited on" {
	script worker 'recvfd f ./s' 'echo "$? $FDRECV_PAYLOAD"' \
		more
	start worker bash ./worker
	up ./s
	same "$(limited foreign send -n 0 -s 'a\nb' ./s)" "answer 110"
	same "$(limited foreign send -n 2 ./s)" "answer 110"
	same "$(limited foreign send -n 253 ./s)" "answer 110"
	same "$(limited foreign send -n 2 -2 ./s)" "answer 110"
	same "$(limited foreign send -n 0 -b 0 ./s)" "answer 110"
	run_limited foreign send -n 1 -b 100000 ./s
	run_limited fdsend -s fine ./s
	is_status 0
	ended worker
	same "$(<worker.out)" $'0 fine\n1 more'
	like "$(head -n 1 worker.err)" "*recvfd: ./s: refused a message of 0 \
descriptors, expected 1, from pid * uid $(id -u) gid $(id -g), payload *"
	grep -qF "payload \$'a\\nb'" worker.err
	same "$(wc -l <worker.err)" 4
}

@test "-S has the bytes, and says that NULs are left out" {
	script worker 'recvfd -S bytes f ./s' \
		'printf "%s %q %q\n" "$?" "$bytes" "$FDRECV_PAYLOAD"' \
		'recvfd -S bytes f ./s' \
		'printf "%s %q %q\n" "$?" "$bytes" "$FDRECV_PAYLOAD"' \
		'recvfd -S bytes f ./s; printf "%s %q\n" "$?" "$bytes"' \
		'recvfd -S bytes f ./s; printf "%s\n" "$? ${#bytes}"'
	start worker bash ./worker
	run_limited fdsend -w -s $'\001\177\n\xff' ./s
	is_status 0
	up ./s
	same "$(limited foreign send -s 'a\0b\0' ./s)" "answer 0"
	run_limited fdsend -w ./s
	is_status 0
	run_limited fdsend -w -s "$(printf %065536d 0)" ./s
	is_status 0
	ended worker
	same "$(<worker.out)" "0 \$'\\001\\177\\n\\377' \$'\\001\\177\\n\\377'
0 ab ''
0 ''
0 65536"
	told worker \
		'recvfd: warning: bytes: left out the NULs of the payload'
}

@test "the time is over: 124, the line says what was missing, the name goes" {
	in_bash 'f=7 FDRECV_PID=1' 'recvfd -t 0.05 f ./s' \
		'echo "$? ${f-unset} ${FDRECV_PID-unset}"' \
		'recvfd -t .05 -cw f ./nobody; echo $?'
	same "$output" $'124 unset unset\n124'
	like "$stderr" "*: recvfd: ./s: no message within 0.05 s
*: recvfd: ./nobody: no message within .05 s: connect: No such file or directory"
	not test -e s
}

@test "wrong usage is 2, and leaves everything alone" {
	local line

	for line in 'recvfd' 'recvfd f' 'recvfd f s s' 'recvfd 1f s' \
		'recvfd "a[1]" s' 'recvfd FDRECV_PID s' 'recvfd -S f f s' \
		'recvfd -S - f s' 'recvfd -t x f s' 'recvfd -t -1 f s' \
		'recvfd -w f s' 'recvfd -c f fd:3' 'recvfd -c f -' \
		'recvfd f fd:' 'recvfd f fd:x' 'recvfd f fd:99999999999' \
		'recvfd f 7000' 'recvfd f localhost:7000' 'recvfd -x f s' \
		'recvfd -t' 'recvfd --help'; do
		in_bash 'f=old' "$line" 'echo "$? $f"'
		same "${lines[${#lines[@]} - 1]}" "2 old" "$line"
	done
}

@test "what is no socket says so" {
	in_bash 'recvfd f fd:77; echo $?' 'recvfd f -; echo $?' \
		'recvfd f ./lines; echo $?' 'recvfd f ./no/such; echo $?' \
		'recvfd f "./$(printf %0200d 1)"; echo $?'
	same "$output" "1
1
1
1
1"
	like "$stderr" "*fd:77: receive: Bad file descriptor
*-: not a UNIX socket or a pipe, so no descriptors come from it
*./lines: exists and is not a socket
*./no/such: listen: No such file or directory
*: listen: File name too long"
}

@test "each wrong use says what is wrong" {
	in_bash 'recvfd -S f f ./s' 'recvfd -w f ./s' 'recvfd f fd:x' \
		'recvfd -c f fd:3' 'recvfd f localhost:7000' \
		'recvfd -t x f ./s' 'recvfd 1f ./s' 'recvfd f'
	tells 'recvfd: -S f: the same variable twice' \
		'recvfd: -w goes with -c' \
		'recvfd: fd:x: no descriptor number after fd:' \
		'recvfd: -c connects to a name, fd:3 is open already' \
		'recvfd: localhost:7000: descriptors cannot leave this machine; for a file of that name write ./localhost:7000' \
		'recvfd: x: invalid number' \
		"recvfd: \`1f': not a valid identifier" \
		'recvfd: usage: recvfd [-acw] [-S var] [-t seconds] VAR SOCKET'
	is_status 2
}

@test "each failure says what failed" {
	mkdir deep
	in_bash 'recvfd f ./lines' 'recvfd f ./no/such' 'recvfd f ./deep' \
		'recvfd -c f ./nobody' 'recvfd f fd:77' 'recvfd f - </dev/null' \
		'recvfd -t 0.01 f ./s' 'recvfd -t 0.01 -cw f ./nobody' \
		'echo | recvfd f -' 'readonly r; recvfd r ./s' \
		'ulimit -S -n 10; recvfd f ./s' \
		'recvfd -c f ./nobody'
	tells 'recvfd: ./lines: exists and is not a socket' \
		'recvfd: ./no/such: listen: No such file or directory' \
		'recvfd: ./deep: exists and is not a socket' \
		'recvfd: ./nobody: connect: No such file or directory' \
		'recvfd: fd:77: receive: Bad file descriptor' \
		'recvfd: -: not a UNIX socket or a pipe, so no descriptors come from it' \
		'recvfd: ./s: no message within 0.01 s' \
		'recvfd: ./nobody: no message within 0.01 s: connect: No such file or directory' \
		'recvfd: -: bytes instead of descriptors; what writes into this pipe must be fdlisten or fdsend -' \
		'recvfd: r: readonly variable' \
		'recvfd: ./s: dup: Invalid argument' \
		'recvfd: ./nobody: connect: No such file or directory'
	not test -e s
}

@test "bytes of a name that do not print are escaped in every line" {
	in_bash "name=\$'a\\e[1m\\n'" 'recvfd -c v "./$name"' \
		'recvfd v "/$name/x"' 'recvfd -t 0 v "./$name"' \
		'recvfd v "$name:80"'
	is_status 2
	tells "recvfd: \$'./a\\E[1m\\n': connect: No such file or directory" \
		"recvfd: \$'/a\\E[1m\\n/x': listen: No such file or directory" \
		"recvfd: \$'./a\\E[1m\\n': no message within 0 s" \
		"recvfd: \$'a\\E[1m\\n:80': descriptors cannot leave this \
machine; for a file of that name write ./\$'a\\E[1m\\n:80'"
}

@test "a message of a stream that is too large is told of, and lost" {
	need python3
	script worker 'recvfd f fd:7; echo $? $FDRECV_PAYLOAD; exec {f}<&-' \
		more
	cat >give.py <<-'END'
	import array, os, socket
	a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))]
	a.sendmsg([b"x" * 70000], rights)
	a.sendmsg([b"next"], rights)
	os.dup2(b.fileno(), 7)
	os.execvp("bash", ["bash", "--norc", "./worker"])
	END
	run_apart python3 give.py
	same "$output" $'0 next\n0 more'
	tells 'recvfd: fd:7: lost a message that was too large'
}

@test "a variable that cannot be set is found before anything is taken" {
	in_bash 'readonly f; recvfd f ./s; echo $?' \
		'readonly FDRECV_GID; recvfd g ./s; echo $?' \
		'readonly b; recvfd -S b g ./s; echo $?' \
		'recvfd GROUPS ./s; echo $?'
	same "$output" $'1\n1\n1\n1'
	like "$stderr" "*recvfd: f: readonly variable*"
	not test -e s
}

@test "one that a trap makes readonly meanwhile: refused, and closed" {
	script worker 'trap "readonly f; echo now" USR1' 'echo ready' \
		'recvfd f ./s; echo $?' more
	start worker bash ./worker
	up ./s
	signal worker USR1
	wait_for says worker now
	run_limited fdsend ./s
	is_status 1
	ended worker
	same "$(<worker.out)" $'ready\nnow\n1\n0 more'
}

@test "-c fetches what somebody holds, again and again" {
	leaves_sockets
	start keeper fdlisten -l 127.0.0.1:0 fdlisten -k ./keep \
		fdsend -f 3 -s web -
	up ./keep
	in_bash 'for i in 1 2 3; do recvfd -c f ./keep' \
		'echo $? $FDRECV_PAYLOAD; fdinfo $f | grep -c "listening"' \
		'done; fdlisten -t 0.01 fd:$f true; echo $?'
	same "$stderr" "fdlisten: fd:12: no connection within 0.01 s" || :
	same "$output" $'0 web\n1\n0 web\n1\n0 web\n1\n124'
	stop keeper
}

@test "-c with a long message, with none, and with too many" {
	leaves_sockets
	start keeper fdlisten -k ./keep fdsend -s "$(printf %060000d 0)" -
	start empty fdlisten -k ./empty true
	start two fdlisten -k ./two fdsend -f 0 -f 2 -s many -
	up ./keep
	up ./empty
	up ./two
	in_bash 'recvfd -c f ./keep; echo $? ${#FDRECV_PAYLOAD}' \
		'recvfd -c f ./empty; echo $?' 'recvfd -c f ./two; echo $?' \
		'recvfd -ac f ./two; echo $? ${#f[@]}'
	same "$output" $'0 60000\n1\n1\n0 2'
	tells 'recvfd: ./empty: end of file before a message came' \
		"recvfd: ./two: refused a message of 2 descriptors, expected 1, from pid P uid U gid G, payload \$'many'"
	stop keeper
	stop empty
	stop two
}

@test "-cw says once what it waits for" {
	script worker 'recvfd -cw f ./nobody'
	start worker bash --norc ./worker
	wait_for test -s worker.err
	told worker \
		'recvfd: ./nobody: connect: No such file or directory; still waiting'
	stop worker
}

@test "-cw waits for the holder" {
	leaves_sockets
	script worker 'recvfd -cw f ./keep; echo $?'
	start worker bash ./worker
	wait_for idle worker
	start keeper fdlisten -k ./keep fdsend -
	ended worker
	same "$(cat worker.out worker.err)" 0
	stop keeper
}

@test "-c to an abstract name takes from the same user alone" {
	local name

	name=$(unique keep)
	another_user
	chmod 755 .
	start keeper "${nobody[@]}" fdlisten -k "$name" fdsend -
	wait_for fdconnect "$name" true
	in_bash "recvfd -c f $name; echo \$?"
	same "$output" 1
	stderr=${stderr/"$name"/@keep} \
		tells 'recvfd: @keep: its owner is another user, and an abstract name keeps nobody away'
	stop keeper
}

@test "the workers of a pool share a listening socket, and lose nothing" {
	local i

	script worker 'while recvfd c fd:3; do read -r line <&$c' \
		'echo "you said $line" >&$c; exec {c}>&-; done'
	leaves_sockets
	start pool fdlisten -l ./pool bash -c 'for i in 1 2 3; do
		bash ./worker & done; exec bash ./worker'
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool
	for i in 1 2 3 4 5 6 7 8 9 10; do
		same "$(echo "$i" | limited client "$(address_of address)")" \
			"you said $i"
	done
	stop server
	signal pool
	# shellcheck disable=SC2046
	kill $(matching "bash ./worker")
	wait_for none_left
	same "$(cat pool.err server.err)" ""
}

@test "four workers serve many connections at once, and none is lost" {
	local count

	count=$(scaled 400 5000)
	script worker 'trap "echo \$n; exit" TERM; n=0' \
		'while recvfd c fd:3; do IFS= read -r -d "" x <&$c' \
		'printf %s "$x" >&$c; exec {c}>&-; ((++n)); done'
	leaves_sockets
	start pool fdlisten -l ./pool sh -c 'for i in 1 2 3 4; do
		bash ./worker & done; wait'
	start server sh -c \
		'fdlisten -k -o address 127.0.0.1:0 | fdsend -rw ./pool'
	run_limited load -t 60 -c 16 -n "$count" "$(address_of address)"
	is_status 0
	like "$output" "ok=$count wrong=0 short=0 refused=0 reset=0 timeout=0 *"
	# shellcheck disable=SC2046
	kill $(matching "bash ./worker")
	ended pool
	# Each of the four has done its part.
	same "$(wc -l <pool.out)" 4
	same "$(awk '$1 > 0 { n += $1 } END { print n }' pool.out)" "$count"
	kill "$(the_one "fdsend -rw*")"
	ended server
	same "$(cat pool.err server.err)" ""
}

@test "a stream at standard input, to its end" {
	run_limited fdpipe sh -c 'fdsend -s one -; fdsend -s two -' '|' \
		bash -c 'enable -f fdpass recvfd
		until recvfd f -; r=$?; [ $r -ne 0 ]; do
		echo "$FDRECV_PAYLOAD"; exec {f}<&-; done; echo "$r ${f-unset}"'
	same "$output" $'one\ntwo\n1 unset'
}

# serve_pipe OPTION...: a bash worker, ./worker, at the end of an ordinary pipe.
serve_pipe()
{
	leaves_sockets
	mkfifo pipe
	start worker sh -c 'exec bash ./worker <pipe'
	start server sh -c 'exec fdlisten -k -o address 127.0.0.1:0 >pipe'
}

@test "at the end of an ordinary pipe it receives from fdlisten" {
	script worker 'while recvfd c -; do read -r line <&$c' \
		'echo "you said $line" >&$c; exec {c}>&-; done' more
	serve_pipe
	for i in 1 2 3; do
		same "$(echo "$i" | limited client "$(address_of address)")" \
			"you said $i"
	done
	stop server
	ended worker
	is_status 0
	# The socket stands where the pipe was.
	same "$(cat worker.out worker.err server.err)" "0 more"
	same "$(ls -A "$TMPDIR")" ""
}

@test "a pipe that a redirection makes, and one message of fdsend -" {
	echo hello >file
	in_bash 'until recvfd -t 20 f fd:7; r=$?; [ $r -ne 0 ]; do' \
		'cat <&$f; exec {f}<&-; done 7< <(fdsend -s one - <file)' \
		'echo $r' \
		'fdsend - <file | { recvfd f -; echo $?; cat <&$f' \
		'recvfd f -; echo $? ${f-unset}; }'
	same "$output" $'hello\n1\n0\nhello\n1 unset'
	same "$stderr" ""
	same "$(ls -A "$TMPDIR")" ""
}

@test "workers that a shell starts share what became of its pipe" {
	script worker 'work() { while echo "$BASHPID" >&$c; exec {c}>&-' \
		'recvfd c -; do :; done; }' 'recvfd c - || exit' \
		'work <&0 & work <&0 & work <&0 & work'
	serve_pipe
	run_limited load -q -c 4 -n 200 "$(address_of address)"
	for i in 1 2 3 4 5 6 7 8 9 10; do
		limited client "$(address_of address)" </dev/null
	done >workers
	same "$(wc -l <workers)" 10
	stop server
	wait_for none_left
	same "$(cat worker.out worker.err server.err)" ""
}

@test "a pipe that ends without an invitation is the end of a stream" {
	in_bash 'true | { recvfd f -; echo "$? ${f-unset}"; }' \
		'echo "fdpass $PWD/none/s" | { recvfd f -; echo $?; }'
	same "$output" $'1 unset\n1'
	same "$stderr" ""
}

@test "other bytes in a pipe are no invitation" {
	in_bash 'echo hello | { recvfd f -; echo $?; }' \
		'printf "fdpass /tmp/x" | { recvfd f -; echo $?; }' \
		'yes | { recvfd f -; echo $?; }' \
		'printf "fdpass /a\0/b\n" | { recvfd f -; echo $?; }'
	same "$output" $'1\n1\n1\n1'
	same "$(wc -l <<<"$stderr")" 4
	same "$(grep -c "recvfd: -: bytes instead of descriptors; what writes \
into this pipe must be fdlisten or fdsend -\$" <<<"$stderr")" 4
}

@test "an invitation of another user is not followed" {
	another_user
	mkfifo pipe
	start inviter sh -c "exec ${nobody[*]} fdlisten -k 127.0.0.1:0 >pipe"
	in_bash 'recvfd f fd:7 7<pipe; echo $?'
	same "$output" 1
	tells 'recvfd: fd:7: the invitation is from another user'
	ended inviter
}

@test "the time for an invitation ends, and it is taken later" {
	mkfifo pipe
	exec 7<>pipe
	script worker 'recvfd -t 0.05 f -; echo $?' 'recvfd f -; echo $?'
	start_from pipe worker bash ./worker
	wait_for says worker 124
	like "$(<worker.err)" "*recvfd: -: no message within 0.05 s"
	run_limited sh -c 'fdsend - >pipe'
	is_status 0
	ended worker
	same "$(<worker.out)" $'124\n0'
	exec 7>&-
}

@test "traps run while it waits for an invitation, break ends the wait" {
	mkfifo pipe
	exec 7<>pipe
	script worker 'trap "echo trapped" USR1; trap break USR2' \
		'echo ready; while recvfd f -; do :; done; more'
	start_from pipe worker bash ./worker
	wait_for says worker ready
	wait_for idle worker
	signal worker USR1
	wait_for says worker trapped
	signal worker USR1
	wait_for has 2 grep trapped worker.out
	signal worker USR2
	ended worker
	same "$(cat worker.out worker.err)" \
		$'ready\ntrapped\ntrapped\n0 more'
	exec 7>&-
}

@test "an untrapped signal ends the shell that waits for an invitation" {
	local signal

	mkfifo pipe
	exec 7<>pipe
	script worker 'echo ready; recvfd f -; echo no'
	for signal in TERM:143 INT:130 HUP:129; do
		start_from pipe worker bash ./worker
		wait_for says worker ready
		wait_for idle worker
		stop worker "${signal%:*}"
		is_status "${signal#*:}"
		same "$(cat worker.out worker.err)" ready
	done
	exec 7>&-
}

@test "a trap runs at once, and the wait goes on" {
	script worker 'trap "echo trapped" TERM' 'echo ready' \
		'recvfd f ./s; echo $?'
	start worker bash ./worker
	up ./s
	signal worker
	wait_for says worker trapped
	signal worker
	wait_for has 2 grep trapped worker.out
	run_limited fdsend ./s
	is_status 0
	ended worker
	same "$(cat worker.out worker.err)" $'ready\ntrapped\ntrapped\n0'
}

@test "no signal is lost under load, SIGALRM neither" {
	local i relay signals

	signals=$(scaled 30 100)
	leaves_sockets
	script worker 'trap "echo \$((++n))" ALRM' \
		'while recvfd c fd:3; do exec {c}>&-; done'
	start worker fdlisten -l ./s bash ./worker
	up ./s
	start server sh -c \
		'fdlisten -k -o address 127.0.0.1:0 | fdsend -rw ./s'
	start load load -q -d 60 -c 4 -n 1000000 "$(address_of address)"
	for ((i = 1; i <= signals; i++)); do
		signal worker ALRM
		wait_for says worker "$i"
	done
	signal load
	signal worker
	wait_for not_running worker
	# What it has in hand nobody takes any more: the second signal ends it.
	relay=$(the_one "fdsend -rw*")
	kill "$relay"
	wait_for eval 'not_running server || { kill "$relay"; false; }'
	ended server
}

@test "a trap that exits, or leaves the loop, ends the wait and the name" {
	local trap

	for trap in 'exit 7' 'break' 'return 7'; do
		script worker "trap '$trap' TERM" \
			'f() { while recvfd f ./s; do :; done; more' \
			'return 7; }; f; exit 7'
		start worker bash ./worker
		up ./s
		signal worker
		ended worker
		is_status 7
		not test -e s
		same "$(<worker.err)" ""
		[ "$trap" != break ] || same "$(cat worker.out)" "0 more"
	done
}

@test "what a trap does with descriptors is no matter" {
	script worker 'trap "exec 3</dev/null 4<&3 5<&3; echo trapped" TERM' \
		'recvfd f ./s; echo $?; fdinfo 3 4 5 | grep -c /dev/null'
	start worker bash ./worker
	up ./s
	# Somebody is on the way in, and brings nothing as yet.
	start silent foreign send -S ./s
	wait_for idle silent
	wait_for holds worker 6
	signal worker
	wait_for says worker trapped
	ended silent
	run_limited fdsend ./s
	is_status 0
	ended worker
	same "$(cat worker.out worker.err)" $'trapped\n0\n3'
}

@test "an untrapped signal ends the shell as ever, and the name goes" {
	local signal

	script worker 'recvfd f ./s; echo no'
	for signal in TERM:143 INT:130 HUP:129 USR1:138; do
		start worker bash ./worker
		up ./s
		stop worker "${signal%:*}"
		is_status "${signal#*:}"
		not test -e s
		same "$(<worker.out)" ""
	done
}

@test "the trap of EXIT runs, too, when a signal ends the shell" {
	script worker 'trap "echo bye" EXIT' 'recvfd f ./s; echo no'
	start worker bash ./worker
	up ./s
	stop worker
	is_status 143
	same "$(<worker.out)" bye
}

@test "children are reaped while it waits, and wait knows of them" {
	script worker 'trap "echo child" CHLD' 'set +m' \
		'(read -r x <go; exit 5) & child=$!' \
		'recvfd f ./s; echo $?; trap - CHLD; wait "$child"; echo $?'
	mkfifo go
	start worker bash ./worker
	up ./s
	echo >go
	wait_for says worker child
	has 0 children "$(process worker)" Z
	run_limited fdsend ./s
	is_status 0
	ended worker
	same "$(cat worker.out worker.err)" $'child\n0\n5'
}

# typed TEXT: at the keyboard of the terminal.
typed()
{
	printf '%b' "$1" >&7
}

@test "Ctrl-C at a terminal goes back to the prompt" {
	need script
	mkfifo keys
	exec 7<>keys
	start_from keys terminal script -qfc "bash --norc -i" screen
	wait_for grep -q 'bash.*[$#] ' screen
	typed 'enable -f fdpass recvfd\n'
	typed 'recvfd f ./s\n'
	up ./s
	typed '\003'
	wait_for not test -e s
	typed 'echo status $?\n'
	wait_for grep -q 'status 130' screen
	mkfifo pipe
	typed 'exec 8<>pipe; echo wai""ts; recvfd f fd:8\n'
	wait_for grep -q waits screen
	typed '\003'
	typed 'echo pipe $?\n'
	wait_for grep -q 'pipe 130' screen
	typed 'recvfd f ./s; echo taken $?\n'
	up ./s
	run_limited fdsend ./s
	is_status 0
	wait_for grep -q 'taken 0' screen
	typed 'exit\n'
	ended terminal
	exec 7>&-
}

@test "what its sender has given up is not taken, and the next is" {
	script worker 'echo ready; read -r x <go; recvfd f fd:3' \
		'echo "$? $FDRECV_PAYLOAD"' more
	mkfifo go
	leaves_sockets
	start worker fdlisten -l ./s bash ./worker
	wait_for says worker ready
	run_limited fdsend -t 0.1 -s late ./s
	is_status 124
	echo >go
	run_limited fdsend -s 'in time' ./s
	is_status 0
	ended worker
	same "$(cat worker.out worker.err)" $'ready\n0 in time\n1 more'
}

@test "where the table has no number above 9, its sender may try again" {
	script worker 'ulimit -n 10; recvfd f fd:3; echo $?; more'
	leaves_sockets
	start worker fdlisten -l ./s bash ./worker
	up ./s
	start sender fdsend -w ./s
	ended worker
	same "$(<worker.out)" $'1\n0 more'
	like "$(<worker.err)" "*recvfd: fd:3: dup: Invalid argument"
	running sender
	stop sender
	is_status 143
}

@test "without room for a connection it says so once, and tries again" {
	script worker 'trap "ulimit -S -n 100" USR1; ulimit -S -n 4' \
		'recvfd f fd:3; echo $?'
	leaves_sockets
	start worker fdlisten -l ./s bash ./worker
	up ./s
	start sender fdsend -w ./s
	wait_for test -s worker.err
	signal worker USR1
	ended worker
	ended sender
	is_status 0
	same "$(<worker.out)" 0
	told worker 'recvfd: fd:3: Too many open files; trying again'
}

@test "nothing is lost of the table or of memory in many rounds" {
	local rounds=200

	[ "${FDPASS_TRIALS-}" != full ] || rounds=10000
	script worker 'size() { local x; read -r _ x _ </proc/$$/statm' \
		'echo "$x"; }' \
		'i=0; while ((i < '"$rounds"')) && recvfd -S b c fd:3; do' \
		'exec {c}>&-; ((++i == 100)) && before=$(size); done' \
		'echo "$i $(($(size) - before < 64)) $c"' \
		more
	leaves_sockets
	start worker fdlisten -l ./s bash ./worker
	up ./s
	LIMIT=300 limited sh -c 'i=0; while [ $i -lt '"$rounds"' ]; do
		fdsend -s "round $i" ./s || exit; i=$((i + 1)); done'
	ended worker
	same "$(cat worker.out worker.err)" "$rounds 1 10
0 more"
}

@test "unloaded, it leaves nothing" {
	start sender fdsend -w ./s
	in_bash 'state() { local line; state=; while read -r line; do' \
		'case $line in Sig[BIC]*) state+=" $line" ;; esac' \
		'done </proc/$$/status; }' \
		'trap : TERM EXIT' 'state; before=$state; recvfd f ./s' \
		'recvfd -t 0.01 g ./s' 'exec {f}<&-; more' \
		'enable -d recvfd && state' \
		'[ "$before" = "$state" ] || echo "$before$state"' \
		'type recvfd; grep -c cmd/bash/fdpass /proc/$$/maps'
	same "$output" $'0 more\n0'
	like "$stderr" "*recvfd: not found"
}

@test "help tells of each option" {
	local option

	in_bash 'help recvfd'
	for option in -a -c '-S VAR' '-t SECONDS' -w; do
		grep -q "^ *${option}[[:space:]]" <<<"$output"
	done
	in_bash 'help -s recvfd'
	same "$output" "recvfd: recvfd [-acw] [-S var] [-t seconds] VAR SOCKET"
}

@test "the examples of recvfd(1) run" {
	local number

	blocks "$top_dir/man/recvfd.1" '.Bd -literal -offset indent'
	same "$n_blocks" 4
	for ((number = 1; number <= n_blocks; number++)); do
		move_ports "block.$number" 7000 8000
		mkdir "$number"
		(echo 'enable -f fdpass recvfd'; echo "cd $number"
			cat "block.$number") >example
		run_apart bash ./example
		is_status 0
		same "$stderr" ""
		[ -n "$output" ]
		wait_for none_left
		same "$(find "$number" -mindepth 1)" ""
	done
	same "$output" "1: web"
}

@test "bash proposes its options and operands" {
	run_limited bash --norc --noprofile -c '. "$1"
		COMP_WORDS=(recvfd "$2") COMP_CWORD=1 COMP_LINE="recvfd $2"
		_fdpass recvfd "$2" recvfd
		printf "%s " "${COMPREPLY[@]}"
		COMP_WORDS=(recvfd -a f fd) COMP_CWORD=3 COMP_LINE="recvfd -a f fd"
		_fdpass recvfd fd f; printf "%s " "${COMPREPLY[@]}"' \
		bash "$top_dir/cmd/completion/fdpass.bash" -
	like "$output" "-S -t -a -c -w --help *fd:0 *"
}

@test "what make says where bash's headers are missing is one line" {
	mkdir none
	run_limited env -u MAKEFLAGS -u MAKELEVEL PKG_CONFIG_LIBDIR="$PWD/none" \
		PKG_CONFIG_PATH= make -s -C "$top_dir" bash
	[ "$status" -ne 0 ]
	grep -qxF "bash's headers are missing (Debian: bash-builtins, \
pkg-config)" <<<"$output"
}
