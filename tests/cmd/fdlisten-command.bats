# SPDX-License-Identifier: ISC
# What COMMAND of fdlisten finds: its environment (UCSPI), its descriptors, its
# signals, its timer.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/command

listen_closed()
{
	start server with "${closed[@]}" fdlisten ./a show -o shown fds fd
	up ./a
	limited client ./a
	ended server
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 1 $open)"
	grep -qx "fd 0 unix rw" shown
	grep -qx "fd 1 unix rw" shown
}

listen_keep_closed()
{
	start server with "${closed[@]}" fdlisten -k ./a show -o shown fds fd
	up ./a
	limited client ./a
	wait_for test -s shown
	stop server
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 1 $open)"
	grep -qx "fd 0 unix rw" shown
	grep -qx "fd 1 unix rw" shown
}

@test "fdlisten sets UCSPI's variables for TCP" {
	local ip port

	start server fdlisten -o address 127.0.0.1:0 env
	limited client -v "$(address_of address)" >vars 2>own
	ended server
	read -r ip port <own
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALIP vars)" 127.0.0.1
	same "$(value TCPLOCALPORT vars)" "$(port_of address)"
	same "$(value TCPREMOTEIP vars)" "$ip"
	same "$(value TCPREMOTEPORT vars)" "$port"
	not grep -E '^(TCP.*(HOST|INFO)|UNIX|FDRECV_|LISTEN_)' vars
}

@test "fdlisten sets UCSPI's variables for IPv6" {
	local ip port

	need_ipv6
	start server fdlisten -o address '[::1]:0' env
	limited client -v "$(address_of address)" >vars 2>own
	ended server
	read -r ip port <own
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALIP vars)" ::1
	same "$(value TCPLOCALPORT vars)" "$(port_of address)"
	same "$(value TCPREMOTEIP vars)" ::1
	same "$(value TCPREMOTEPORT vars)" "$port"
}

@test "an IPv4 client of an IPv6 socket is shown as IPv4" {
	start server fdlisten -o address :0 env
	limited client "127.0.0.1:$(port_of address)" >vars
	ended server
	same "$(value TCPLOCALIP vars)" 127.0.0.1
	same "$(value TCPREMOTEIP vars)" 127.0.0.1
}

@test "fdlisten sets UCSPI's variables for UNIX" {
	start server fdlisten ./a env
	up ./a
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec client ./a' >vars
	ended server
	same "$(value PROTO vars)" UNIX
	same "$(value UNIXLOCALPATH vars)" ./a
	if ! built_posix_only; then
		same "$(value UNIXREMOTEPID vars)" "$(<pid)"
		same "$(value UNIXREMOTEEUID vars)" "$(id -u)"
		same "$(value UNIXREMOTEEGID vars)" "$(id -g)"
	fi
	not grep -E '^(TCP|UNIXREMOTEPATH|FDRECV_|LISTEN_)' vars
}

@test "UNIXLOCALPATH is the operand, of an abstract socket too" {
	local name

	need_linux
	name=$(unique environ)
	start server fdlisten -o address "$name" env
	address_of address
	limited client "$name" >vars
	ended server
	same "$(value UNIXLOCALPATH vars)" "$name"
}

@test "each connection of fdlisten -k has its own values" {
	local ip port

	start server fdlisten -k -o address :0 env
	for _ in 1 2 3; do
		limited client -v "127.0.0.1:$(port_of address)" >vars 2>own
		read -r ip port <own
		same "$(value TCPREMOTEIP vars)" "$ip"
		same "$(value TCPREMOTEPORT vars)" "$port"
		has 1 grep '^TCPREMOTEPORT=' vars
		has 1 grep '^PROTO=' vars
	done
	stop server
}

@test "an IPv4 and an IPv6 client of one server have their own values" {
	need_ipv6
	start server fdlisten -k -o address :0 env
	for _ in 1 2; do
		limited client "127.0.0.1:$(port_of address)" >vars
		same "$(value TCPREMOTEIP vars)" 127.0.0.1
		limited client "[::1]:$(port_of address)" >vars
		same "$(value TCPREMOTEIP vars)" ::1
	done
	stop server
}

@test "fdlisten removes stale values" {
	start server env "${stale[@]}" fdlisten ./a env
	up ./a
	limited client ./a >vars
	ended server
	not grep -i =stale vars
	not grep -E '^(LISTEN|FDRECV|TCP)' vars
	same "$(value PROTO vars)" UNIX
}

@test "fdlisten -k removes stale values" {
	start server env "${stale[@]}" fdlisten -k -o address 127.0.0.1:0 env
	limited client "$(address_of address)" >vars
	stop server
	not grep -i =stale vars
	not grep -E '^(LISTEN|FDRECV|UNIX)' vars
	same "$(value PROTO vars)" TCP
}

# --- its status

@test "fdlisten has the status of COMMAND" {
	start server fdlisten ./a sh -c 'exit 7'
	up ./a
	limited client ./a
	ended server
	is_status 7
}

# --- closed 0, 1, 2

@test "fdlisten works with 0, 1, 2 closed, singly and together" {
	each_closing listen_closed
}

@test "fdlisten -k works with 0, 1, 2 closed, singly and together" {
	each_closing listen_keep_closed
}

# --- what COMMAND finds open

@test "COMMAND of fdlisten finds the connection at 0 and 1, nothing more" {
	start server fdlisten ./a show -o shown fds
	up ./a
	limited client ./a
	ended server
	same "$(<shown)" "fds 0 1 2"
}

@test "COMMAND of fdlisten finds what the caller had open" {
	start server sh -c 'exec fdlisten ./a show -o shown fds 5</dev/null'
	up ./a
	limited client ./a
	ended server
	same "$(<shown)" "fds 0 1 2 5"
}

@test "COMMAND of fdlisten finds nothing of the options -k, -n, -o, -t, -v" {
	start server fdlisten -kv -n 2 -o address -t 20 127.0.0.1:0 \
		show -o shown fds
	limited client "$(address_of address)"
	wait_for test -s shown
	same "$(<shown)" "fds 0 1 2"
	stop server
	is_status 0
}

@test "COMMAND of fdlisten with a trace finds nothing more" {
	FDTRACE=1 start server fdlisten -t 20 ./a show -o shown fds
	up ./a
	limited client ./a
	ended server
	same "$(<shown)" "fds 0 1 2"
}

@test "COMMAND of fdlisten -k does not find the other connections" {
	# shellcheck disable=SC2016
	start server fdlisten -k ./a \
		sh -c 'read -r x; show -o "shown.$x" fds; exec cat'
	up ./a
	mkfifo hold
	start client sh -c 'exec client ./a <>hold'
	echo first >hold
	wait_for test -s shown.first
	echo second | limited client ./a
	same "$(<shown.second)" "fds 0 1 2"
	stop client
	stop server
	is_status 0
}

@test "the connection that COMMAND gets is blocking" {
	start server fdlisten -k ./a show -o shown fd
	up ./a
	limited client ./a
	wait_for test -s shown
	stop server
	not grep nonblock shown
}

# --- signals and timers

@test "fdlisten: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start server with "${ignores[@]}" fdlisten ./a \
		show -o shown ignored blocked
	up ./a
	limited client ./a
	ended server
	same "$(<shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
}

@test "fdlisten -k: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start server with "${ignores[@]}" fdlisten -k ./a \
		show -o shown ignored blocked
	up ./a
	limited client ./a
	wait_for test -s shown
	same "$(<shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
	stop server
	is_status 0
}

@test "a caller that ignores SIGCHLD gets its connections served, no zombies" {
	start server with -i CHLD fdlisten -k -n 2 -o address ./a fdecho
	run_limited load -n 30 -c 5 "$(address_of address)"
	is_status 0
	wait_for has 0 children "$pid"
	stop server
	is_status 0
}

# --- its arguments

@test "what follows COMMAND of fdlisten belongs to COMMAND" {
	start server fdlisten ./a printf '%s\n' -k --help -n 3
	up ./a
	same "$(limited client ./a)" $'-k\n--help\n-n\n3'
	ended server
	is_status 0
}
