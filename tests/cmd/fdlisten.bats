# SPDX-License-Identifier: ISC
# fdlisten: the forms of ADDRESS, the port that the system picks, -o, -t, -v; one
# connection.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/serving
load ../lib/trace

# echoes OPERAND PATTERN CLIENT: fdlisten on OPERAND writes an address like
# PATTERN, and a client of CLIENT (with PORT replaced) gets its bytes back.
echoes()
{
	local address

	rm -f address
	start server fdlisten -o address "$1" fdecho
	address=$(address_of address)
	like "$address" "$2"
	same "$(echo hello | limited client "${3/PORT/${address##*:}}")" hello
	ended server
	is_status 0
	same "$(<server.err)" ""
}

@test "HOST:0 listens on a port that the system picks" {
	echoes 127.0.0.1:0 "127.0.0.1:[1-9]*" 127.0.0.1:PORT
}

@test "a script starts the client with the address that -o wrote" {
	cat >script <<-'END'
	mkfifo ./address
	fdlisten -o ./address 127.0.0.1:0 fdecho &
	read -r address <./address
	echo hello | client "$address"
	wait
	END
	run_limited sh ./script
	is_status 0
	same "$output" hello
}

@test "a client can connect at the moment that the file is there" {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		rm -f address
		start server fdlisten -o address ./a true
		until [ -e address ]; do :; done
		limited client ./a
		ended server
		is_status 0
	done
}

@test "PORT listens on 127.0.0.1" {
	echoes 0 "127.0.0.1:[1-9]*" 127.0.0.1:PORT
}

@test "PORT is that port of 127.0.0.1" {
	local port

	start first fdlisten -o address 127.0.0.1:0 true
	port=$(port_of address)
	fails 1 "fdlisten: *: Address*in use" fdlisten "$port" true
	limited client "127.0.0.1:$port"
	ended first
	echoes "$port" "127.0.0.1:$port" 127.0.0.1:PORT
}

@test ":PORT is reached over IPv4" {
	echoes :0 "*:[1-9]*" 127.0.0.1:PORT
}

@test ":PORT is reached over IPv6" {
	need_ipv6
	echoes :0 "*:[1-9]*" '[::1]:PORT'
}

@test ":PORT is reached over both by one server" {
	local port

	need_ipv6
	start server fdlisten -k -o address :0 fdecho
	port=$(port_of address)
	same "$(echo four | limited client "127.0.0.1:$port")" four
	same "$(echo six | limited client "[::1]:$port")" six
	stop server
	is_status 0
}

@test "[::1]:PORT listens on IPv6" {
	need_ipv6
	echoes '[::1]:0' '\[::1\]:[1-9]*' '[::1]:PORT'
}

@test "::1:PORT listens on IPv6" {
	need_ipv6
	echoes ::1:0 '\[::1\]:[1-9]*' '[::1]:PORT'
}

@test "[::]:PORT listens on every interface" {
	need_ipv6
	echoes '[::]:0' '\[::\]:[1-9]*' '[::1]:PORT'
}

@test "brackets around an IPv4 address or a name are understood" {
	echoes '[127.0.0.1]:0' "127.0.0.1:[1-9]*" 127.0.0.1:PORT
}

@test "a name is looked up" {
	getent hosts localhost >/dev/null || skip "localhost has no address"
	start server fdlisten -o address localhost:0 fdecho
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended server
	is_status 0
}

@test "a service name is looked up" {
	getent services http >/dev/null || skip "no table of services"
	# Some other address of loopback, so as to be in nobody's way.
	run_limited fdlisten -t 0.1 127.91.7.3:http true
	[ "$status" = 124 ] || like "$output" "*ermission denied"
}

@test "a UNIX socket is listened on by its path" {
	echoes ./a ./a ./a
	echoes "$PWD/a" "$PWD/a" ./a
}

@test "an abstract socket is listened on by its name" {
	local name

	need_linux
	name=$(unique address)
	echoes "$name" "$name" "$name"
}

@test "a port that was just used can be listened on again" {
	local address

	start server fdlisten -o address 127.0.0.1:0 true
	address=$(address_of address)
	for _ in 1 2 3; do
		# The server closes first.
		limited client "$address"
		ended server
		is_status 0
		rm address
		start server fdlisten -o address "$address" true
		same "$(address_of address)" "$address"
	done
	limited client "$address"
	ended server
	is_status 0
}

@test "clients that come before the first accept are served" {
	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	address_of address
	kill -STOP "$pid"
	start load load -n 40 -c 40 "$(<address)"
	wait_for halted server
	signal server CONT
	ended load
	is_status 0
	like "$(<load.out)" "ok=40 *"
	stop server
	is_status 0
}

# --- -o

@test "-o replaces a regular file whole" {
	head -c 5000 /dev/zero | tr '\0' x >address
	start server fdlisten -o address ./a true
	up ./a
	wait_for has 1 cat address
	same "$(<address)" ./a
	limited client ./a
	ended server
	same "$(ls)" $'address\nserver.err\nserver.out'
}

@test "-o leaves no temporary file, however it ends" {
	start server fdlisten -o address ./a true
	up ./a
	address_of address
	stop server
	same "$(ls)" $'address\nserver.err\nserver.out'
}

@test "-o writes to a FIFO" {
	mkfifo pipe
	start_from pipe reader cat
	start server fdlisten -o pipe ./a true
	ended reader
	same "$(<reader.out)" ./a
	limited client ./a
	ended server
	is_status 0
}

@test "-o writes to a device" {
	start server fdlisten -o /dev/null ./a true
	up ./a
	limited client ./a
	ended server
	is_status 0
	test -c /dev/null
}

@test "-o writes to standard error by its name" {
	[ -e /dev/stderr ] || skip "no /dev/stderr here"
	# The test's own is a regular file: through a pipe.
	mkfifo pipe
	start_from pipe reader cat
	start server sh -c 'exec fdlisten -o /dev/stderr ./a true 2>pipe'
	wait_for grep -qx ./a reader.out
	up ./a
	limited client ./a
	ended server
	is_status 0
	ended reader
}

@test "-o writes one line" {
	start server fdlisten -o address 127.0.0.1:0 true
	limited client "$(address_of address)"
	one_line address
	ended server
}

# --- what is not an address

@test "a bare word is an error that says how to write a UNIX socket" {
	run_apart fdlisten web.hold true
	is_status 2
	like "$stderr" "fdlisten: web.hold: *./web.hold*"
	not test -e web.hold
}

@test "a host without a port is an error that says what is missing" {
	run_apart fdlisten localhost true
	is_status 2
	like "$stderr" "fdlisten: localhost: *"
	run_apart fdlisten 127.0.0.1 true
	is_status 2
	like "$stderr" "fdlisten: 127.0.0.1: *HOST:PORT*"
}

@test "a port that is none is an error" {
	local port

	for port in 65536 99999 -1 1x 0x50 ""; do
		run_apart fdlisten -t 1 "127.0.0.1:$port" true
		like "$status" "[12]"
		like "$stderr" "fdlisten: 127.0.0.1:$port: *"
		same "${stderr//[!$'\n']/}" "" "ends of line in the middle"
	done
}

@test "an empty operand is an error" {
	run_apart fdlisten -t 1 "" true
	is_status 2
	run_apart fdrecv -t 1 "" true
	is_status 2
	run_apart fdsend ""
	is_status 2
}

@test "a lone @ is an error" {
	need_linux
	run_apart fdlisten -t 1 @ true
	is_status 2
	run_apart fdrecv -t 1 @ true
	is_status 2
}

# --- one connection

@test "fdlisten without -k accepts one connection and no more" {
	start server fdlisten -o address 127.0.0.1:0 sh -c "$cat_or_answer"
	hold holder "$(address_of address)" stay
	wait_for grep -q staying holder.out
	run_limited client "$(<address)"
	is_status 1
	like "$output" "*Connection refused*"
	stop holder
	ended server
	is_status 0
}

# --- what cannot be listened on

@test "fdlisten ends with 1 when it cannot listen" {
	fails 1 "fdlisten: ./no/a: *: No such file or directory" \
		fdlisten ./no/a true
}

@test "a host that does not resolve" {
	fails 1 "fdlisten: a..b:0: *" fdlisten a..b:0 true
}

@test "a service that does not exist" {
	fails 1 "fdlisten: 127.0.0.1:nosuchservice: *" \
		fdlisten 127.0.0.1:nosuchservice true
}

@test "an address that is not this machine's" {
	fails 1 "fdlisten: 192.0.2.1:0: bind: *" \
		fdlisten 192.0.2.1:0 true
}

@test "a port in use" {
	local address

	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	address=$(address_of address)
	fails 1 "fdlisten: $address: *: Address*in use" \
		fdlisten "$address" true
	fails 1 "fdlisten: $address: *: Address*in use" \
		fdlisten -k -o other "$address" true
	not test -e other
	same "$(echo hello | limited client "$address")" hello
	stop server
}

@test "a port that may not be bound" {
	[ "$(id -u)" != 0 ] || skip "the superuser may bind any port"
	fails 1 "fdlisten: 127.0.0.1:1: *: Permission denied" \
		fdlisten 127.0.0.1:1 true
}

# --- -t, signals

@test "fdlisten -t ends with 124 when nobody connects" {
	run_limited fdlisten -t 0.1 127.0.0.1:0 true
	is_status 124
	run_limited fdlisten -t 0.1 ./a true
	is_status 124
	not test -e ./a
}

@test "fdlisten dies by the signal that ends it, its socket removed" {
	dies_by TERM 15 ./a fdlisten ./a true
	dies_by INT 2 ./a fdlisten ./a true
	dies_by HUP 1 ./a fdlisten ./a true
}

# --- what -o cannot write

@test "-o in a missing directory" {
	fails 1 "fdlisten: ./no/address: *: No such file or directory" \
		fdlisten -o ./no/address ./a true
	nothing_left
}

@test "-o onto a directory" {
	mkdir directory
	fails 1 "fdlisten: directory: *" fdlisten -o directory ./a true
	rmdir directory
	nothing_left
}

@test "-o onto a full device" {
	[ -c /dev/full ] || skip "no /dev/full here"
	fails 1 "fdlisten: /dev/full: *: No space left on device" \
		fdlisten -o /dev/full ./a true
	nothing_left
}

# --- -v

@test "fdlisten -v shows socket, bind, listen, accept, close, exec" {
	start server fdlisten -v -o address 127.0.0.1:0 fdecho
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended server
	all_lines server.err
	in_order server.err '^S1 .*socket\(' '^S2 .*bind\(' '^S3 .*listen\(' \
		'^S6 .*accept\(' '^S8 .*close\(' 'exec\('
	in_order server.err '^S6 .*accept\(' 'dup2\(' 'exec\('
}

@test "a line names the step, the command, its process, the call, the peer" {
	local port address process

	start server fdlisten -v -o address 127.0.0.1:0 fdecho
	address=$(address_of address)
	limited client -v "$address" 2>own
	read -r _ port <own
	ended server
	process="fdlisten\[$pid\]"
	grep -E "^S2 $process: bind\([0-9]+, 127.0.0.1:[0-9]+\)" server.err
	grep -E "^S6 $process: accept\([0-9]+\) = [0-9]+ from 127.0.0.1:$port" \
		server.err
}
