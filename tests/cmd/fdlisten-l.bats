# SPDX-License-Identifier: ISC
# Listening sockets that are handed on: fdlisten -l, several in a chain, and
# fd:N as ADDRESS.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# value NAME FILE: the value of a variable in what env(1) wrote, or "unset".
value()
{
	sed -n "s/^$1=//p;t" "$2" | grep . || echo unset
}

# answers ADDRESS WORD: a client of ADDRESS reads WORD.
answers()
{
	same "$(limited client "$1")" "$2"
}

# --- fdlisten -l

@test "-l gives COMMAND the listening socket as 3, and nothing else" {
	run_limited with -x fdlisten -l 127.0.0.1:0 show fds fd
	is_status 0
	like "${lines[0]}" "fds 0 1 2 3"
	like "$output" $'*\nfd 3 tcp-listening rw'
}

@test "-l keeps standard input, output and error of the caller" {
	echo hello >file
	run_apart sh -c 'exec fdlisten -l 127.0.0.1:0 \
		sh -c "cat; echo error >&2" <file'
	is_status 0
	same "$output" hello
	same "$stderr" error
}

@test "-l announces LISTEN_FDS and LISTEN_PID" {
	limited fdlisten -l 127.0.0.1:0 sh -c 'echo $$ >pid; exec env' >vars
	same "$(value LISTEN_FDS vars)" 1
	same "$(value LISTEN_PID vars)" "$(<pid)"
	not grep -E '^(LISTEN_FDNAMES|PROTO|TCP|UNIX|FDRECV_)' vars
}

@test "-l removes what was announced to somebody else" {
	limited env LISTEN_FDS=7 LISTEN_PID=1 LISTEN_FDNAMES=a:b PROTO=TCP \
		TCPREMOTEIP=192.0.2.1 fdlisten -l 127.0.0.1:0 \
		sh -c 'echo $$ >pid; env >vars; exec show fds' >shown
	same "$(value LISTEN_FDS vars)" 1
	same "$(value LISTEN_PID vars)" "$(<pid)"
	not grep -E '^(LISTEN_FDNAMES|PROTO|TCP|UNIX|FDRECV_)' vars
}

@test "-l passes the exit status of COMMAND on" {
	run_limited fdlisten -l 127.0.0.1:0 sh -c 'exit 42'
	is_status 42
}

@test "-l writes the address with -o" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		fdlisten fd:3 echo served
	answers "$(address_of address)" served
	ended server
	is_status 0
}

@test "-l leaves the name of a UNIX socket to COMMAND" {
	leaves_sockets
	start server fdlisten -l ./a fdlisten -k fd:3 echo served
	up ./a
	answers ./a served
	answers ./a served
	stop server
	test -S ./a
	same "$(mode_of a)" 600
}

@test "-l makes a socket with the mode of -m" {
	leaves_sockets
	limited fdlisten -l -m 0660 ./a true
	same "$(mode_of a)" 660
}

@test "-l listens on an abstract socket" {
	local name

	need_linux
	name=$(unique listening)
	start server fdlisten -l -o address "$name" fdlisten fd:3 echo served
	answers "$(address_of address)" served
	ended server
}

@test "-l accepts nothing itself: clients wait" {
	mkfifo go
	start server fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'read -r x <go; exec fdlisten -k fd:3 fdecho'
	start load load -n 30 -c 30 "$(address_of address)"
	# shellcheck disable=SC2016
	limited sh -c 'echo >go'
	ended load
	is_status 0
	stop server
	is_status 0
}

@test "-l COMMAND works with 0, 1 and 2 closed" {
	limited with -x -c 0 -c 1 -c 2 fdlisten -l 127.0.0.1:0 \
		show -o shown fds
	same "$(<shown)" "fds 3"
}

@test "-l COMMAND that is not there leaves no socket" {
	fails 127 "fdlisten: no-such-command: *not found*" \
		fdlisten -l ./a no-such-command
	touch file
	fails 126 "fdlisten: ./file: *Permission denied*" \
		fdlisten -l ./a ./file
	# Found, may be run, and cannot be.
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	run_apart fdlisten -l ./a ./script
	like "$status" "12[67]"
	not test -e ./a
}

@test "-l and -k exclude each other" {
	refuses "fdlisten: *" fdlisten -kl 127.0.0.1:0 true
}

@test "-l without COMMAND sends the listening socket through a pipe" {
	start server sh -c 'fdlisten -l -o address 127.0.0.1:0 |
		fdrecv -f 3 - fdlisten -k fd:3 fdecho &
		echo $! >pid; wait'
	limited load -n 20 -c 4 "$(address_of address)"
	kill "$(<pid)"
	ended server
}

@test "-l without COMMAND sends the listening socket over a UNIX socket" {
	start server fdpipe fdlisten -l -o address 127.0.0.1:0 '|' \
		fdrecv -a - fdlisten -k fd:3 fdecho
	limited load -n 20 -c 4 "$(address_of address)"
	stop server
	is_status 0
}

@test "-l without COMMAND refuses an output that carries no descriptors" {
	refuses "fdlisten: standard output: *" \
		sh -c 'exec fdlisten -l ./a >/dev/null'
	not test -e ./a
}

# --- chains

@test "three in a chain are 3, 4 and 5" {
	local ip6=127.0.0.1:0

	! grep -qs '^0*1 ' /proc/net/if_inet6 || ip6='[::1]:0'
	start server fdlisten -l -o one 127.0.0.1:0 \
		fdlisten -l ./two fdlisten -l -o three "$ip6" \
		sh -c 'env >vars; show >shown
		fdlisten -k fd:3 echo first 4<&- 5<&- & one=$!
		fdlisten -k fd:4 echo second 3<&- 5<&- & two=$!
		fdlisten -k fd:5 echo third 3<&- 4<&- & three=$!
		trap "kill $one $two $three" TERM
		echo $$ >pid
		wait; wait'
	wait_for test -s pid
	answers "$(address_of one)" first
	answers ./two second
	answers "$(address_of three)" third
	answers "$(address_of one)" first
	same "$(value LISTEN_FDS vars)" 3
	same "$(value LISTEN_PID vars)" "$(<pid)"
	grep -x "fds 0 1 2 3 4 5" shown
	grep -x "fd 3 tcp-listening rw" shown
	grep "^fd 4 unix.* rw" shown
	grep -x "fd 5 tcp-listening rw" shown
	stop server
	rm two
}

@test "a chain goes on from what another program announced" {
	echo hello >file
	limited with -x sh -c 'LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=a:b \
		exec fdlisten -l 127.0.0.1:0 \
		sh -c "env >vars; cat <&4; exec show -o shown fds" \
		3</dev/null 4<file' >out
	same "$(<out)" hello
	same "$(value LISTEN_FDS vars)" 3
	same "$(<shown)" "fds 0 1 2 3 4 5"
}

@test "what was announced to another process does not count" {
	echo hello >file
	# The child of the shell has another process id.
	limited with -x sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ \
		fdlisten -l 127.0.0.1:0 sh -c "env >vars; exec show -o shown" \
		3<file; :'
	same "$(value LISTEN_FDS vars)" 1
	grep -x "fd 3 tcp-listening rw" shown
}

@test "a nonsensical LISTEN_FDS is no disaster" {
	local value

	for value in -1 0 many ''; do
		run_limited with -x sh -c 'LISTEN_FDS=$1 LISTEN_PID=$$ \
			exec fdlisten -l 127.0.0.1:0 show fds' sh "$value"
		is_status 0
		same "$output" "fds 0 1 2 3"
	done
	for value in 999999999 2147483647 99999999999999999999; do
		run_apart sh -c 'LISTEN_FDS=$1 LISTEN_PID=$$ \
			exec fdlisten -l 127.0.0.1:0 show fds' sh "$value"
		[ "$status" -eq 0 ] || like "$stderr" "fdlisten: *"
		same "${stderr//[!$'\n']/}" ""
	done
}

# --- fd:N

@test "fd:N is accepted from, and COMMAND does not get it" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		with -c 0 -c 1 fdlisten fd:3 show fds fd
	run_limited client "$(address_of address)"
	like "$output" "fds 0 1 2"$'\n'"fd 0 tcp rw"$'\n'"fd 1 tcp rw*"
	ended server
	is_status 0
}

@test "fd:N serves one connection without -k, and many with it" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'fdlisten fd:3 echo once; exec fdlisten -k fd:3 fdecho'
	answers "$(address_of address)" once
	limited load -n 50 -c 8 "$(cat address)"
	stop server
	is_status 0
}

@test "fd:0 is accepted from" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'exec fdlisten fd:0 echo served 0<&3 3<&-'
	answers "$(address_of address)" served
	ended server
	is_status 0
}

@test "fd:N without COMMAND sends each connection on" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'fdlisten -k fd:3 | fdecho - & echo $! >pid
		exec 3<&-; wait'
	limited load -n 50 -c 8 "$(address_of address)"
	kill "$(<pid)"
	ended server
}

@test "fd:N tells its address with -o" {
	start server fdlisten -l -o one 127.0.0.1:0 \
		fdlisten -o two fd:3 echo served
	answers "$(address_of two)" served
	same "$(<one)" "$(<two)"
	ended server
}

@test "fd:N of a UNIX socket: the name is told and stays" {
	start server fdlisten -l ./a fdlisten -o address fd:3 env
	same "$(address_of address)" ./a
	limited client "$(address_of address)" >vars
	ended server
	same "$(value PROTO vars)" UNIX
	rm a
}

@test "fd:N: COMMAND's environment has the facts of the connection only" {
	start server fdlisten -l -o address 127.0.0.1:0 fdlisten fd:3 env
	limited client "$(address_of address)" >vars
	ended server
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALPORT vars)" "$(port_of address)"
	not grep '^LISTEN_' vars
}

@test "several fdlisten share one listening socket" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'fdlisten -k fd:3 fdecho & one=$!
		fdlisten -k fd:3 fdecho & two=$!
		fdlisten -k fd:3 fdecho & three=$!
		trap "kill $one $two $three" TERM
		echo $one >pid
		wait; wait'
	limited load -n 100 -c 16 "$(address_of address)"
	# One ends; the others go on.
	wait_for test -s pid
	kill "$(<pid)"
	limited load -n 50 -c 8 "$(address_of address)"
	stop server
}

@test "a non-blocking fd:N is waited on, and stays non-blocking" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		with -N 3 sh -c 'fdlisten fd:3 echo served; exec show -o shown fd'
	answers "$(address_of address)" served
	ended server
	grep "^fd 3 tcp-listening rw.*nonblock" shown
}

@test "a blocking fd:N stays blocking, under several processes too" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'fdlisten -k fd:3 fdecho & one=$!
		fdlisten -k fd:3 fdecho & two=$!
		trap "kill $one $two" TERM
		show -o shown fd
		wait; wait'
	limited load -n 40 -c 8 "$(address_of address)"
	wait_for test -s shown
	grep -x "fd 3 tcp-listening rw" shown
	stop server
}

@test "-t limits the wait on fd:N" {
	fails 124 "fdlisten: fd:3: no connection within 0.1 s" \
		fdlisten -l 127.0.0.1:0 fdlisten -t 0.1 fd:3 true
	fails 124 "fdlisten: fd:3: no connection within 0.1 s" \
		fdlisten -l 127.0.0.1:0 fdlisten -k -t 0.1 fd:3 true
}

@test "fd:N that is no listening socket is an error" {
	touch file
	fails 1 "fdlisten: fd:9: *not open*" fdlisten fd:9 true
	fails 1 "fdlisten: fd:9: *not open*" fdlisten -l fd:9 true
	fails 1 "fdlisten: fd:5: *listening socket*" \
		sh -c 'exec fdlisten fd:5 true 5<file'
	fails 1 "fdlisten: fd:5: *listening socket*" \
		sh -c 'exec fdlisten -k fd:5 true 5<file'
	fails 1 "fdlisten: fd:5: *listening socket*" \
		with -P 5 fdlisten fd:5 true
	refuses "fdlisten: fd:: *" fdlisten fd: true
	refuses "fdlisten: fd:-1: *" fdlisten fd:-1 true
	refuses "fdlisten: fd:3x: *" fdlisten fd:3x true
	fails 1 "fdlisten: fd:0: *not open*" \
		sh -c 'exec fdlisten fd:0 true <&-'
}

@test "-l fd:N hands an open listening socket on, as 3" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'exec env -u LISTEN_PID fdlisten -l fd:5 \
			sh -c "show -o shown fds; exec fdlisten fd:3 \
				echo served" 5<&3 3<&-'
	answers "$(address_of address)" served
	ended server
	is_status 0
	same "$(<shown)" "fds 0 1 2 3"
}

@test "-l fd:3 keeps the socket where it is" {
	start server with -x fdlisten -l -o address 127.0.0.1:0 \
		env -u LISTEN_PID fdlisten -l fd:3 \
		sh -c 'env >vars; exec show -o shown'
	ended server
	is_status 0
	grep -x "fds 0 1 2 3" shown
	same "$(value LISTEN_FDS vars)" 1
}

@test "-l fd:0 leaves COMMAND /dev/null in its place" {
	start server fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'exec env -u LISTEN_PID fdlisten -l fd:0 \
			fdinfo 0 3 <&3 3<&-'
	ended server
	is_status 0
	like "$(<server.out)" "0 character *
3 tcp * listening *"
}

@test "-o writes a name without a slash as fdconnect takes it" {
	need python3
	leaves_sockets
	start server python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind("rel")
s.listen(4)
os.set_inheritable(s.fileno(), True)
os.execvp("fdlisten", ["fdlisten", "-o", "address",
    "fd:%d" % s.fileno(), "echo", "hi"])'
	same "$(address_of address)" ./rel
	same "$(limited fdconnect ./rel </dev/null)" hi
	ended server
}
