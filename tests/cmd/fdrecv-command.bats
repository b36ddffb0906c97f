# SPDX-License-Identifier: ISC
# What COMMAND of fdrecv finds: its environment (FDRECV_*, UCSPI, LISTEN_*), its
# descriptors, its signals; and that nothing breaks when the caller closed 0, 1
# or 2.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/command

receive_closed()
{
	start receiver with "${closed[@]}" fdrecv ./s show -o shown fds fd
	limited fdsend -w ./s <file
	ended receiver
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 $open)"
	grep -qx "fd 0 file r" shown
}

receive_output_closed()
{
	start receiver with "${closed[@]}" fdrecv ./s show -o shown fds fd
	limited fdsend -w -f 5 ./s 5>file
	ended receiver
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 1 $open)"
	grep -qx "fd 1 file w" shown
}

receive_at_closed()
{
	start receiver with "${closed[@]}" fdrecv -f 2 -f 7 -f 0 ./s \
		show -o shown fds fd
	limited fdsend -w -f 5 -f 6 -f 0 ./s 5<. 6<file </dev/null
	ended receiver
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 2 7 $open)"
	grep -qx "fd 2 directory r" shown
	grep -qx "fd 7 file r" shown
	grep -qx "fd 0 device r" shown
}

receive_all_closed()
{
	start receiver with "${closed[@]}" fdrecv -a ./s show -o shown fds fd
	limited fdsend -w -f 5 -f 6 ./s 5<. 6<file
	ended receiver
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 3 4 $open)"
	grep -qx "fd 3 directory r" shown
	grep -qx "fd 4 file r" shown
}

pool_closed()
{
	start pool with "${closed[@]}" fdrecv -n 2 ./s show -o shown fds fd
	limited fdsend -w ./s <file
	wait_for test -s shown
	stop pool
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 $open)"
	grep -qx "fd 0 file r" shown
}

# --- closed 0, 1, 2

@test "fdrecv works with 0, 1, 2 closed, singly and together" {
	echo hello >file
	each_closing receive_closed
}

@test "fdrecv puts an output at 1 with 0, 1, 2 closed" {
	each_closing receive_output_closed
}

@test "fdrecv -f lands right with 0, 1, 2 closed" {
	echo hello >file
	each_closing receive_at_closed
}

@test "fdrecv -a lands from 3 up with 0, 1, 2 closed" {
	echo hello >file
	each_closing receive_all_closed
}

@test "fdrecv -n works with 0, 1, 2 closed, singly and together" {
	echo hello >file
	each_closing pool_closed
}

# --- what COMMAND finds open

@test "COMMAND of fdrecv finds the descriptor at 0, nothing more" {
	start receiver fdrecv ./s show -o shown fds
	limited fdsend -w ./s
	ended receiver
	same "$(<shown)" "fds 0 1 2"
}

@test "COMMAND of fdrecv finds what the caller had open" {
	start receiver sh -c '
		exec fdrecv -f 5 ./s show -o shown fds 7</dev/null'
	limited fdsend -w ./s
	ended receiver
	same "$(<shown)" "fds 0 1 2 5 7"
}

@test "COMMAND of a worker finds nothing of the options -k, -t, -v" {
	start worker fdrecv -kv -t 20 ./s show -o shown fds
	limited fdsend -w ./s
	wait_for test -s shown
	same "$(<shown)" "fds 0 1 2"
	stop worker
	is_status 0
}

@test "COMMAND of a worker finds nothing of the message before" {
	start worker fdrecv -ak ./s show -o shown fds
	limited fdsend -w -f 0 -f 0 -f 0 ./s
	wait_for test -s shown
	wait_for has 0 children "$pid"
	rm shown
	limited fdsend ./s
	wait_for test -s shown
	same "$(<shown)" "fds 0 1 2 3"
	stop worker
	is_status 0
}

@test "COMMAND of a pool finds nothing more" {
	start pool fdrecv -v -n 3 -f 5 ./s show -o shown fds
	limited fdsend -w ./s
	wait_for test -s shown
	same "$(<shown)" "fds 0 1 2 5"
	stop pool
	is_status 0
}

@test "an output that lands at 1 leaves the caller's input at 0" {
	echo hello >file
	start_from file receiver fdrecv ./s cat
	limited fdsend -w -f 5 ./s 5>out
	ended receiver
	same "$(<out)" hello
}

# --- signals and timers

@test "fdrecv: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start receiver with "${ignores[@]}" fdrecv ./s \
		show -o shown ignored blocked
	limited fdsend -w ./s
	ended receiver
	same "$(<shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
}

@test "fdrecv -k: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start worker with "${ignores[@]}" fdrecv -k ./s \
		show -o shown ignored blocked
	limited fdsend -w ./s
	wait_for test -s shown
	same "$(<shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
	stop worker
	is_status 0
}

@test "fdrecv -n: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start pool with "${ignores[@]}" fdrecv -n 2 ./s \
		show -o shown ignored blocked
	limited fdsend -w ./s
	wait_for test -s shown
	same "$(<shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
	stop pool
	is_status 0
}

@test "a caller that ignores or blocks SIGCHLD gets its messages served" {
	local how

	for how in -i -b; do
		start worker with "$how" CHLD fdrecv -k ./s echo received
		limited fdsend -w ./s
		limited fdsend ./s
		wait_for has 2 grep received worker.out
		wait_for has 0 children "$pid"
		stop worker
		is_status 0
		start pool with "$how" CHLD fdrecv -n 2 ./s echo received
		limited fdsend -w ./s
		limited fdsend ./s
		limited fdsend ./s
		wait_for has 3 grep received pool.out
		stop pool
		is_status 0
	done
}

# --- how it is found

@test "a COMMAND that may not be run does not hide one later in PATH" {
	mkdir one two
	echo "#!/bin/sh" >one/prog
	printf '#!/bin/sh\necho two\n' >two/prog
	chmod +x two/prog
	PATH=$PWD/one:$PWD/two:$PATH start receiver fdrecv ./s prog
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(<receiver.out)" two
}

# --- its status

@test "fdrecv has the status of COMMAND" {
	start receiver fdrecv ./s sh -c 'exit 7'
	limited fdsend -w ./s
	ended receiver
	is_status 7
}

@test "fdrecv ends by the signal that COMMAND dies by" {
	# shellcheck disable=SC2016
	start receiver how result fdrecv ./s sh -c 'kill -KILL $$'
	limited fdsend -w ./s
	ended receiver
	same "$(<result)" "signal 9"
}

# --- the environment

@test "fdrecv removes stale values" {
	start receiver env "${stale[@]}" fdrecv ./s env
	limited fdsend -w ./s
	ended receiver
	not grep -i =stale receiver.out
	not grep -E '^(LISTEN|TCP|UNIX|PROTO)' receiver.out
	grep -x 'FDRECV_PAYLOAD=' receiver.out
}

@test "fdrecv -n removes stale values" {
	start pool env "${stale[@]}" fdrecv -n 2 ./s \
		sh -c 'env >new; mv new vars'
	limited fdsend -w ./s
	wait_for test -e vars
	stop pool
	not grep -i =stale vars
	not grep -E '^(LISTEN|TCP|UNIX|PROTO)' vars
}

@test "fdrecv names the sender" {
	! built_posix_only || skip "built with FDPASS_POSIX_ONLY"
	start receiver fdrecv ./s env
	up ./s
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec fdsend ./s'
	ended receiver
	same "$(value FDRECV_PID receiver.out)" "$(<pid)"
	same "$(value FDRECV_UID receiver.out)" "$(id -u)"
	same "$(value FDRECV_GID receiver.out)" "$(id -g)"
}

@test "fdrecv names a foreign sender" {
	! built_posix_only || skip "built with FDPASS_POSIX_ONLY"
	start receiver fdrecv ./s env
	up ./s
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec foreign send ./s'
	ended receiver
	same "$(value FDRECV_PID receiver.out)" "$(<pid)"
}

@test "a worker names the sender of this message" {
	! built_posix_only || skip "built with FDPASS_POSIX_ONLY"
	# shellcheck disable=SC2016
	start worker fdrecv -k ./s sh -c 'echo "$FDRECV_PID $FDRECV_PAYLOAD"'
	up ./s
	for i in 1 2 3; do
		# shellcheck disable=SC2016
		limited sh -c 'echo "$$ $1" >>expected
			exec fdsend -s "$1" ./s' \
			sh "message $i"
	done
	wait_for has 3 cat worker.out
	diff expected worker.out
	stop worker
}

@test "FDRECV_PAYLOAD is empty for a lone NUL, and set" {
	start receiver fdrecv ./s printenv FDRECV_PAYLOAD
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(<receiver.out)" ""
}

@test "fdrecv sets UCSPI's variables for a TCP connection that arrives" {
	local ip port

	start receiver fdrecv ./s env
	start server fdlisten -o address 127.0.0.1:0 fdsend -w ./s
	limited client -v "$(address_of address)" >vars 2>own
	ended receiver
	ended server
	read -r ip port <own
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALIP vars)" 127.0.0.1
	same "$(value TCPLOCALPORT vars)" "$(port_of address)"
	same "$(value TCPREMOTEIP vars)" "$ip"
	same "$(value TCPREMOTEPORT vars)" "$port"
}

@test "fdrecv sets UCSPI's variables for a UNIX connection that arrives" {
	start receiver fdrecv ./s env
	start server fdlisten ./a fdsend -w ./s
	up ./a
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec client ./a' >vars
	ended receiver
	ended server
	same "$(value PROTO vars)" UNIX
	if ! built_posix_only; then
		same "$(value UNIXREMOTEPID vars)" "$(<pid)"
		same "$(value UNIXREMOTEEUID vars)" "$(id -u)"
	fi
	not grep '^TCP' vars
}

@test "fdrecv -f sets UCSPI's variables when the first is a connection" {
	start receiver fdrecv -f 6 -f 5 ./s sh -c 'env >new; mv new vars'
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'exec fdsend -w -f 0 -f 5 ./s 5</dev/null'
	limited client "$(address_of address)"
	ended receiver
	ended server
	same "$(value PROTO vars)" TCP
	same "$(value TCPREMOTEIP vars)" 127.0.0.1
}

@test "a worker has nothing of the connection before" {
	start worker fdrecv -k ./s sh -c 'env >new; mv new vars'
	start server fdlisten -o address 127.0.0.1:0 \
		fdsend -w -s "with payload" ./s
	limited client "$(address_of address)"
	ended server
	wait_for test -e vars
	same "$(value FDRECV_PAYLOAD vars)" "with payload"
	same "$(value PROTO vars)" TCP
	rm vars
	limited fdsend ./s
	wait_for test -e vars
	grep -x 'FDRECV_PAYLOAD=' vars
	not grep -E '^(PROTO|TCP|UNIX)' vars
	stop worker
}

@test "fdrecv -a announces LISTEN_FDS and LISTEN_PID, and nothing stale" {
	# shellcheck disable=SC2016
	start receiver env "${stale[@]}" fdrecv -a ./s \
		sh -c 'env; echo "pid $$"'
	limited fdsend -w -f 0 -f 0 ./s
	ended receiver
	same "$(value LISTEN_FDS receiver.out)" 2
	grep -x "pid $(value LISTEN_PID receiver.out)" receiver.out
	not grep '^LISTEN_FDNAMES' receiver.out
}
