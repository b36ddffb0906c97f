# SPDX-License-Identifier: ISC
# fdconnect: every form of ADDRESS, COMMAND, waiting, and what goes wrong.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# echo_server [ADDRESS]: an echo server for many; its address in $address.
echo_server()
{
	start server fdlisten -k -o address "${1-127.0.0.1:0}" fdecho
	address=$(address_of address)
}

# echoes ADDRESS: fdconnect gets back what it sends there.
echoes()
{
	same "$(echo hello | limited fdconnect "$1")" hello
}

# value NAME FILE: the value of a variable in what env(1) wrote, or "unset".
value()
{
	sed -n "s/^$1=//p;t" "$2" | grep . || echo unset
}

# free_port: a port of 127.0.0.1 that nobody listens on, in $port.
free_port()
{
	start picker fdlisten -o picked 127.0.0.1:0 true
	port=$(port_of picked)
	stop picker
}

# busy_listener FAMILY ADDRESS: a server that accepts nothing, with its queue
# full; writes its address to ./address.
busy_listener()
{
	need python3
	cat >busy.py <<-'END'
	import os, signal, socket, sys
	family = getattr(socket, sys.argv[1])
	unix = sys.argv[1] == "AF_UNIX"
	listener = socket.socket(family)
	listener.bind(sys.argv[2] if unix else (sys.argv[2], 0))
	listener.listen(0)
	clients = []
	for _ in range(8):
	    s = socket.socket(family)
	    s.setblocking(False)
	    s.connect_ex(listener.getsockname())
	    clients.append(s)
	with open("new", "w") as f:
	    name = listener.getsockname()
	    f.write((name if unix else "%s:%d" % name) + "\n")
	os.rename("new", "address")
	signal.sigwait([signal.SIGTERM])
	if unix:
	    os.unlink(sys.argv[2])
	END
	start server python3 busy.py "$@"
	address=$(address_of address)
}

# --- ADDRESS

@test "HOST:PORT connects over TCP" {
	echo_server
	echoes "$address"
	stop server
	is_status 0
	same "$(<server.err)" ""
}

@test "PORT connects to 127.0.0.1" {
	echo_server
	echoes "${address##*:}"
}

@test ":PORT connects to this machine" {
	echo_server :0
	echoes ":${address##*:}"
}

@test "the name of a host is looked up" {
	getent hosts localhost >/dev/null || skip "localhost has no address"
	echo_server :0
	echoes "localhost:${address##*:}"
}

@test "[::1]:PORT and ::1:PORT connect over IPv6" {
	need_ipv6
	echo_server '[::1]:0'
	echoes "$address"
	echoes "::1:${address##*:}"
}

@test "brackets around an IPv4 address are understood" {
	echo_server
	echoes "[127.0.0.1]:${address##*:}"
}

@test "a path connects to a UNIX socket" {
	echo_server ./a
	echoes ./a
	echoes "$PWD/a"
}

@test "@NAME connects to an abstract socket" {
	need_linux
	echo_server "$(unique connect)"
	echoes "$address"
}

@test "fd:N uses a connection that is open already" {
	echo_server
	same "$(echo hello | limited fdconnect "$address" fdconnect fd:6)" hello
	same "$(echo hello | limited fdconnect "$address" fdconnect fd:7)" hello
}

@test "fd:N passes on a connection to COMMAND as 6 and 7" {
	echo_server
	limited fdconnect "$address" \
		sh -c 'exec fdconnect fd:5 show -o shown fd 5<&6 6<&- 7<&-'
	grep -x "fd 6 tcp rw" shown
	grep -x "fd 7 tcp rw" shown
}

@test "fd:N works where fdlisten accepted the connection" {
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'exec fdconnect fd:3 3<&0 <greeting >got'
	echo welcome >greeting
	same "$(echo hello | limited fdconnect "$(address_of address)")" welcome
	ended server
	is_status 0
	same "$(<got)" hello
}

# --- COMMAND

@test "COMMAND gets the connection as 6 and 7, and nothing else" {
	echo_server
	# `with` closes what bats has open.
	limited with -x fdconnect "$address" show -o shown fds fd
	grep -x "fds 0 1 2 6 7" shown
	grep -x "fd 6 tcp rw" shown
	grep -x "fd 7 tcp rw" shown
}

@test "COMMAND keeps standard input, output and error of the caller" {
	echo_server
	echo hello >file
	run_apart sh -c 'exec fdconnect "$1" sh -c "cat; echo error >&2" <file' \
		sh "$address"
	is_status 0
	same "$output" hello
	same "$stderr" error
}

@test "COMMAND talks to the server" {
	start server fdlisten ./a \
		sh -c 'read -r line; echo "you said: $line"'
	up ./a
	run_limited fdconnect ./a sh -c 'echo hello >&7; cat <&6'
	is_status 0
	same "$output" "you said: hello"
	ended server
	is_status 0
}

@test "COMMAND has what the caller had at 6 and 7 replaced" {
	echo_server
	echo old >old
	run_limited sh -c 'exec fdconnect "$1" sh -c "
		echo hello >&7; head -n 1 <&6" 6<old 7<old' sh "$address"
	is_status 0
	same "$output" hello
}

@test "COMMAND works with 0, 1 and 2 closed, singly and together" {
	local closed

	echo_server
	for closed in 0 1 2 "0 1" "0 1 2"; do
		rm -f shown
		# shellcheck disable=SC2046,SC2086
		limited with -x $(printf -- '-c %s ' $closed) \
			fdconnect "$address" show -o shown fd
		grep -x "fd 6 tcp rw" shown
		grep -x "fd 7 tcp rw" shown
		not grep -E "^fd [${closed// /}] " shown
	done
}

@test "the exit status of COMMAND is that of fdconnect" {
	echo_server
	run_limited fdconnect "$address" sh -c 'exit 42'
	is_status 42
}

@test "COMMAND finds UCSPI's variables for TCP" {
	start server fdlisten -o address 127.0.0.1:0 env
	limited fdconnect "$(address_of address)" \
		sh -c 'env >vars; cat <&6 >server.vars'
	ended server
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALIP vars)" 127.0.0.1
	same "$(value TCPREMOTEIP vars)" 127.0.0.1
	same "$(value TCPREMOTEPORT vars)" "$(port_of address)"
	same "$(value TCPLOCALPORT vars)" "$(value TCPREMOTEPORT server.vars)"
	not grep -E '^(TCP.*(HOST|INFO)|UNIX|FDRECV_|LISTEN_)' vars
}

@test "COMMAND finds UCSPI's variables for IPv6" {
	need_ipv6
	echo_server '[::1]:0'
	limited fdconnect "$address" env >vars
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALIP vars)" ::1
	same "$(value TCPREMOTEIP vars)" ::1
	same "$(value TCPREMOTEPORT vars)" "${address##*:}"
}

@test "COMMAND finds UCSPI's variables for UNIX" {
	echo_server ./a
	limited fdconnect ./a env >vars
	same "$(value PROTO vars)" UNIX
	if ! built_posix_only; then
		same "$(value UNIXREMOTEPID vars)" "$(process server)"
		same "$(value UNIXREMOTEEUID vars)" "$(id -u)"
		same "$(value UNIXREMOTEEGID vars)" "$(id -g)"
	fi
	not grep -E '^(TCP|FDRECV_|LISTEN_)' vars
}

@test "COMMAND finds UCSPI's variables for fd:N" {
	echo_server
	limited fdconnect "$address" fdconnect fd:6 env >vars
	same "$(value PROTO vars)" TCP
	same "$(value TCPREMOTEPORT vars)" "${address##*:}"
}

@test "COMMAND finds no stale values" {
	echo_server ./a
	limited env TCPREMOTEIP=stale TCPREMOTEHOST=stale PROTO=stale \
		UNIXREMOTEPATH=stale FDRECV_PAYLOAD=stale LISTEN_FDS=stale \
		LISTEN_FDNAMES=stale OTHER=kept fdconnect ./a env >vars
	not grep '=stale' vars
	grep -x OTHER=kept vars
	not grep -E '^(TCP|FDRECV_|LISTEN_)' vars
}

@test "COMMAND that is not there costs the server no connection" {
	start server fdlisten ./a echo served
	up ./a
	fails 127 "fdconnect: no-such-command: *not found*" \
		fdconnect ./a no-such-command
	touch file
	fails 126 "fdconnect: ./file: *Permission denied*" \
		fdconnect ./a ./file
	same "$(limited fdconnect ./a)" served
	ended server
	is_status 0
}

# --- -w and -t

@test "-w waits for a TCP server to come up" {
	free_port
	start client fdconnect -w "127.0.0.1:$port"
	start server fdlisten "127.0.0.1:$port" echo hello
	ended client
	is_status 0
	same "$(<client.out)" hello
	ended server
}

@test "-w waits for a UNIX server to come up" {
	start client fdconnect -w ./a
	start server fdlisten ./a echo hello
	ended client
	is_status 0
	same "$(<client.out)" hello
	ended server
}

@test "-w waits where a stale socket is" {
	start dead fdlisten ./a true
	up ./a
	stop dead KILL
	start client fdconnect -w ./a
	start server fdlisten ./a echo hello
	ended client
	is_status 0
	same "$(<client.out)" hello
	ended server
}

@test "-w waits for an abstract socket" {
	local name

	need_linux
	name=$(unique wait)
	start client fdconnect -w "$name"
	start server fdlisten "$name" echo hello
	ended client
	is_status 0
	same "$(<client.out)" hello
	ended server
}

@test "-w waits, and then runs COMMAND" {
	start client fdconnect -w ./a sh -c 'cat <&6'
	start server fdlisten ./a echo hello
	ended client
	is_status 0
	same "$(<client.out)" hello
	ended server
}

@test "-w says nothing while it waits, and ends by the signal" {
	local name

	for name in TERM:15 INT:2; do
		start client how ended fdconnect -w ./a
		wait_for has 1 children "$pid"
		stop client "${name%:*}"
		same "$(<ended)" "signal ${name#*:}"
		same "$(cat client.err client.out)" ""
	done
}

@test "-w does not wait for what will never be a server" {
	touch file
	fails 1 "fdconnect: ./file: *not a socket*" fdconnect -w -t 5 ./file
	mkdir dir
	fails 1 "fdconnect: ./dir: *not a socket*" fdconnect -w -t 5 ./dir
	fails 1 "fdconnect: ./file/a: *: Not a directory" \
		fdconnect -w -t 5 ./file/a
}

@test "-t limits the wait of -w" {
	fails 124 "fdconnect: ./nobody: not connected within 0.1 s: connect: *" \
		fdconnect -w -t 0.1 ./nobody
	free_port
	fails 124 "*: not connected within 0.1 s: connect: *" \
		fdconnect -w -t 0.1 "127.0.0.1:$port"
}

@test "-t limits the connecting to a busy TCP server" {
	busy_listener AF_INET 127.0.0.1
	fails 124 "fdconnect: $address: not connected within 0.2 s" \
		fdconnect -t 0.2 "$address"
	fails 124 "*: not connected within 0.2 s" fdconnect -t 0.2 "$address" touch ran
	not test -e ran
	signal server TERM
}

@test "-t limits the connecting to a busy UNIX server" {
	busy_listener AF_UNIX ./a
	fails 124 "fdconnect: ./a: not connected within 0.2 s" fdconnect -t 0.2 ./a
	fails 124 "fdconnect: ./a: not connected within 0.2 s" \
		fdconnect -w -t 0.2 ./a touch ran
	not test -e ran
	stop server
	rm -f a
}

# The pauses are what is tested: they are longer than the limit.
@test "-t does not limit what is done with the connection" {
	start server fdlisten -k ./a sh -c 'cat; sleep 0.3; echo late'
	up ./a
	same "$(limited fdconnect -t 0.2 ./a)" late
	same "$(limited fdconnect -t 0.2 ./a sh -c 'sleep 0.3; echo late')" late
	limited fdconnect -t 5 ./a show -o shown alarm
	same "$(<shown)" "alarm 0"
}

# --- what goes wrong

@test "a server that is not there" {
	free_port
	fails 1 "fdconnect: 127.0.0.1:$port: connect: Connection refused" \
		fdconnect "127.0.0.1:$port"
	fails 1 "fdconnect: 127.0.0.1:$port: connect: Connection refused" \
		fdconnect -t 5 "127.0.0.1:$port" true
	fails 1 "fdconnect: ./a: connect: No such file or directory" \
		fdconnect ./a
	fails 1 "fdconnect: ./a: connect: No such file or directory" \
		fdconnect -t 5 ./a true
}

@test "a stale socket" {
	start dead fdlisten ./a true
	up ./a
	stop dead KILL
	fails 1 "fdconnect: ./a: connect: Connection refused" fdconnect ./a
	rm a
}

@test "an abstract socket that nobody has" {
	need_linux
	fails 1 "fdconnect: *: connect: Connection refused" \
		fdconnect "$(unique nobody)"
}

@test "a UNIX path that is no socket" {
	touch file
	fails 1 "fdconnect: ./file: *not a socket*" fdconnect ./file
	fails 1 "fdconnect: ./file: *not a socket*" fdconnect ./file true
	fails 1 "fdconnect: ./: *not a socket*" fdconnect ./
}

@test "a UNIX socket of another type" {
	start receiver foreign receive -D ./s
	up ./s
	fails 1 "fdconnect: ./s: connect: *" fdconnect ./s
	limited foreign send -D ./s
	ended receiver
	rm s
}

@test "a UNIX socket that others may not use" {
	[ "$(id -u)" != 0 ] || skip "the superuser may use any"
	start server fdlisten -m 0000 ./a true
	up ./a
	fails 1 "fdconnect: ./a: connect: Permission denied" fdconnect ./a
}

@test "a path that is too long" {
	fails 1 "fdconnect: *10[0-9] bytes*" \
		fdconnect "./$(printf '%0200d' 0)"
}

@test "a descriptor that is not open" {
	fails 1 "fdconnect: fd:9: *not open*" fdconnect fd:9
	fails 1 "fdconnect: fd:9: *not open*" fdconnect fd:9 true
	fails 1 "fdconnect: fd:0: *not open*" \
		sh -c 'exec fdconnect fd:0 true <&-'
}

@test "a descriptor that is not a connected socket" {
	touch file
	fails 1 "fdconnect: fd:5: *connected socket*" \
		sh -c 'exec fdconnect fd:5 5<file'
	fails 1 "fdconnect: fd:5: *connected socket*" \
		sh -c 'exec fdconnect fd:5 true 5<file'
	fails 1 "fdconnect: fd:5: *connected socket*" \
		with -L 5 fdconnect fd:5
	fails 1 "fdconnect: fd:5: *connected socket*" \
		with -L 5 fdconnect fd:5 true
	fails 1 "fdconnect: fd:5: *connected socket*" \
		with -P 5 fdconnect fd:5 true
}

@test "a host that does not resolve" {
	fails 1 "fdconnect: a..b:1: *" fdconnect a..b:1
}

@test "what is no address is an error that says how to write it" {
	refuses "fdconnect: web.hold: *./web.hold*" fdconnect web.hold
	refuses "fdconnect: 127.0.0.1: *" fdconnect 127.0.0.1
	refuses "fdconnect: 127.0.0.1:65536: *65535*" fdconnect 127.0.0.1:65536
	refuses "fdconnect: fd:x: *" fdconnect fd:x
	refuses "fdconnect: -: *fd:N*" fdconnect -
	refuses "fdconnect: *" fdconnect ""
}

@test "wrong usage" {
	refuses "fdconnect: *fdconnect --help*" fdconnect
	refuses "fdconnect: *fdconnect --help*" fdconnect -w
	refuses "fdconnect: *fdconnect --help*" fdconnect -k ./a
	refuses "fdconnect: *fdconnect --help*" fdconnect -t x ./a
	refuses "fdconnect: *fdconnect --help*" fdconnect -t
}

@test "what follows COMMAND belongs to COMMAND" {
	echo_server ./a
	run_limited fdconnect ./a echo -w -t 1 --help
	is_status 0
	same "$output" "-w -t 1 --help"
}

# It has happened to many a client that waits for a server: the system picks
# the very port that is called as the client's own.
@test "-w does not mistake itself for the server" {
	need unshare ip
	unshare -n true 2>/dev/null || skip "no right to make a network"
	run_limited unshare -n sh -c 'ip link set lo up &&
		echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range &&
		exec fdconnect -w -t 0.3 127.0.0.1:40000 true'
	is_status 124
}

# --- the trace

@test "-v shows the client's steps" {
	local call

	echo_server
	run_apart sh -c 'echo hello | fdconnect -v "$1"' sh "$address"
	is_status 0
	same "$output" hello
	for call in socket connect send shutdown recv close; do
		like "$stderr" "*C* fdconnect\[*\]: $call(*"
	done
}

@test "-v shows what COMMAND becomes" {
	echo_server
	run_apart fdconnect -v "$address" true
	is_status 0
	like "$stderr" "*C* fdconnect\[*\]: exec*true*"
}
