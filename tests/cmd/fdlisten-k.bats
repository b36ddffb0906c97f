# SPDX-License-Identifier: ISC
# fdlisten -k: many connections, -n, COMMANDs and clients that misbehave, and the
# end by SIGTERM.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/serving
load ../lib/trace

random()
{
	head -c "$1" /dev/urandom >sent
}

# --- bytes

@test "a megabyte comes back, half-closed by the client" {
	random 1048576
	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	limited client "$(address_of address)" <sent >back
	cmp sent back
	stop server
	is_status 0
	same "$(<server.err)" ""
}

@test "ten megabytes come back over UNIX sockets" {
	random 10485760
	start server fdlisten ./a fdecho
	up ./a
	limited client ./a <sent >back
	cmp sent back
	ended server
	is_status 0
}

@test "nothing comes back when nothing was sent" {
	start server fdlisten ./a fdecho
	up ./a
	same "$(limited client ./a)" ""
	ended server
	is_status 0
}

# --- clients that misbehave

@test "a client that resets in the middle does not disturb the next" {
	random 10485760
	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	for _ in 1 2 3; do
		limited client -r 100000 "$(address_of address)" <sent
		same "$(echo hello | limited client "$(<address)")" hello
	done
	wait_for has 0 children "$pid"
	stop server
	is_status 0
}

@test "a client that resets before it is accepted does not end the server" {
	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	address_of address
	kill -STOP "$pid"
	echo x | limited client -r 0 "$(cat address)" &
	kill -CONT "$pid"
	wait $! || :
	same "$(echo hello | limited client "$(<address)")" hello
	stop server
	is_status 0
}

# --- COMMANDs that misbehave

@test "a COMMAND that ignores its input does not disturb the next" {
	start server fdlisten -k ./a true
	up ./a
	random 1048576
	for _ in 1 2 3; do
		run_limited client ./a <sent
		[ "$status" = 0 ] || [ "$status" = 3 ]
	done
	wait_for has 0 children "$pid"
	stop server
	is_status 0
	same "$(<server.err)" ""
}

@test "a COMMAND that dies by a signal does not disturb the next" {
	# shellcheck disable=SC2016
	start server fdlisten -k ./a sh -c 'echo hello; kill -KILL $$'
	up ./a
	same "$(limited client ./a)" hello
	same "$(limited client ./a)" hello
	wait_for has 0 children "$pid"
	stop server
	is_status 0
}

@test "a COMMAND that runs for ever does not hold up other connections" {
	start server fdlisten -k ./a sh -c "$cat_or_answer"
	up ./a
	hold holder ./a stay
	wait_for grep -q staying holder.out
	same "$(echo two | limited client ./a)" "served two"
	same "$(echo three | limited client ./a)" "served three"
	stop holder
	wait_for has 0 children "$(process server)"
	stop server
	is_status 0
}

@test "a COMMAND that vanishes later loses that connection only" {
	printf '#!/bin/sh\necho hello\n' >prog
	chmod +x prog
	start server fdlisten -k ./a ./prog
	up ./a
	same "$(limited client ./a)" hello
	mv prog away
	same "$(limited client ./a)" ""
	mv away prog
	same "$(limited client ./a)" hello
	stop server
	is_status 0
	one_line server.err
}

# --- -n

@test "fdlisten -n runs at most that many at once" {
	local most

	mkdir run
	# shellcheck disable=SC2016
	start server fdlisten -k -n 3 -o address ./a sh -c '
		>run/$$; ls run | wc -l >>most; fdecho; rm run/$$'
	run_limited load -n 60 -c 12 "$(address_of address)"
	is_status 0
	most=$(sort -n most | tail -n 1)
	[ "$most" -le 3 ]
	[ "$most" -ge 2 ]
	stop server
	is_status 0
}

@test "fdlisten -n 1 serves one after the other" {
	start server fdlisten -k -n 1 ./a sh -c "$cat_or_answer"
	up ./a
	hold holder ./a stay
	wait_for grep -q staying holder.out
	start next sh -c 'echo two | exec client ./a'
	has 1 children "$(process server)"
	same "$(<next.out)" ""
	stop holder
	ended next
	same "$(<next.out)" "served two"
	stop server
	is_status 0
}

# --- -t, signals

@test "SIGTERM ends accepting at once" {
	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	same "$(echo hello | limited client "$(address_of address)")" hello
	stop server
	is_status 0
	run_limited client "$(<address)"
	is_status 1
	like "$output" "*Connection refused*"
}

@test "COMMANDs of fdlisten live on after SIGTERM" {
	start server fdlisten -k ./a sh -c "$cat_or_answer"
	up ./a
	hold holder ./a stay
	wait_for grep -q staying holder.out
	stop server
	is_status 0
	not test -e ./a
	echo "still here" >holder.in
	wait_for grep -qx "still here" holder.out
	stop holder
}

@test "SIGTERM while MAX COMMANDs run ends fdlisten at once" {
	start server fdlisten -k -n 1 ./a sh -c "$cat_or_answer"
	up ./a
	hold holder ./a stay
	wait_for grep -q staying holder.out
	stop server
	is_status 0
	stop holder
}

@test "fdlisten -k ends with 0 by SIGTERM" {
	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	address_of address
	stop server
	is_status 0
}

@test "fdlisten -k -t ends with 124 when nobody connects any more" {
	start server fdlisten -k -t 0.3 -o address ./a fdecho
	address_of address
	same "$(echo hello | limited client ./a)" hello
	ended server
	is_status 124
	not test -e ./a
}

@test "fdlisten -k dies by INT and HUP, its socket removed" {
	dies_by INT 2 ./a fdlisten -k ./a true
	dies_by HUP 1 ./a fdlisten -k ./a true
}

# --- -v

@test "fdlisten -kv shows fork for each connection, and its own close" {
	start server fdlisten -kv ./a fdecho
	up ./a
	same "$(echo hello | limited client ./a)" hello
	same "$(echo hello | limited client ./a)" hello
	wait_for has 2 grep '^S8 .*close(' server.err
	stop server
	is_status 0
	all_lines server.err
	has 2 grep '^S6 .*accept(' server.err
	has 2 grep ': fork()' server.err
}
