# SPDX-License-Identifier: ISC
# fdconnect without COMMAND: both directions and their ends.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

random()
{
	head -c "$1" /dev/urandom >sent
}

# echo_server [ADDRESS]: an echo server for many; its address in $address.
echo_server()
{
	start server fdlisten -k -o address "${1-127.0.0.1:0}" fdecho
	address=$(address_of address)
}

# --- both directions

@test "a megabyte there and back" {
	random 1048576
	echo_server
	limited fdconnect "$address" <sent >back
	cmp sent back
}

@test "ten megabytes there and back, over a UNIX socket, from a slow pipe" {
	random 10485760
	echo_server ./a
	# shellcheck disable=SC2002
	cat sent | limited fdconnect ./a | dd obs=1000000 2>dd.err >back
	cmp sent back
}

@test "the end of the input is passed on, and the answer still comes" {
	start server fdlisten ./a sh -c 'cat >got; echo "$(wc -c <got) bytes"'
	up ./a
	like "$(echo hello | limited fdconnect ./a)" "*6 bytes"
	ended server
	is_status 0
}

@test "nothing to send: the answer still comes" {
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'cat; echo answer'
	same "$(limited fdconnect "$(address_of address)")" answer
	ended server
	is_status 0
}

@test "the server ends first, and still gets all that comes" {
	random 1048576
	# The server shuts down its writing side at once.
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'exec fdconnect fd:3 3<&0 </dev/null >got'
	address=$(address_of address)
	mkfifo pipe
	start_from pipe client fdconnect "$address"
	{
		echo first
		wait_for grep -qx first got
		running client
		cat sent
	} >pipe
	ended client
	is_status 0
	same "$(cat client.out client.err)" ""
	ended server
	is_status 0
	{ echo first; cat sent; } | cmp - got
}

@test "what the server says is written at once, though the input never ends" {
	start server fdlisten ./a sh -c 'echo hello; exec cat >got'
	up ./a
	mkfifo never
	start client sh -c 'exec fdconnect ./a <>never'
	wait_for grep -qx hello client.out
	echo line >never
	wait_for grep -qx line got
	running client
	stop client
	is_status 143
	ended server
	is_status 0
}

@test "the server goes away, and then the input ends" {
	start server fdlisten ./a echo bye
	up ./a
	mkfifo pipe
	start_from pipe client fdconnect ./a
	{
		ended server
		wait_for grep -qx bye client.out
	} >pipe
	ended client
	is_status 0
	same "$(<client.err)" ""
}

@test "the server goes away while the input never ends" {
	start server fdlisten ./a true
	up ./a
	run_limited sh -c 'yes | fdconnect ./a'
	like "$status" "[01]"
	like "$output" "@(|fdconnect: ./a: *Connection reset by peer)"
	ended server
}

@test "a server that reads no more does not stop what it sends" {
	need python3
	cat >server.py <<-'END'
	import os, socket, time
	s = socket.socket(fileno=0)
	s.shutdown(socket.SHUT_RD)
	s.sendall(b"ready\n")
	while not os.path.exists("go"):
	    time.sleep(0.02)
	s.sendall(b"more\n")
	END
	start server fdlisten ./a python3 server.py
	up ./a
	mkfifo never
	start client sh -c 'exec fdconnect ./a <>never'
	wait_for grep -qx ready client.out
	echo unwanted >never
	touch go
	ended client
	is_status 0
	same "$(cat client.out client.err)" $'ready\nmore'
	ended server
}

@test "a peer that resets a TCP connection is an error" {
	start server fdlisten -o address 127.0.0.1:0 \
		dd bs=1 count=1 of=/dev/null
	fails 1 "fdconnect: 127.0.0.1:*: *: Connection reset by peer" \
		sh -c 'echo hello | fdconnect "$1"' sh "$(address_of address)"
	ended server
}

@test "a peer that resets a UNIX connection is an error" {
	start server fdlisten ./a dd bs=1 count=1 of=/dev/null
	up ./a
	fails 1 "fdconnect: ./a: *: Connection reset by peer" \
		sh -c 'echo hello | fdconnect ./a'
	ended server
}

@test "a reader that goes away ends fdconnect by SIGPIPE" {
	start server fdlisten ./a yes
	up ./a
	limited how ended fdconnect ./a | head -n 1
	wait_for test -s ended
	same "$(<ended)" "signal 13"
	ended server
}

@test "an output that cannot be written is an error" {
	[ -c /dev/full ] || skip "no /dev/full here"
	start server fdlisten ./a echo hello
	up ./a
	fails 1 "fdconnect: *: No space left on device" \
		sh -c 'exec fdconnect ./a >/dev/full'
	ended server
}

@test "an input that cannot be read is an error" {
	start server fdlisten ./a cat
	up ./a
	fails 1 "fdconnect: *: Is a directory" sh -c 'exec fdconnect ./a <.'
	ended server
}

@test "without COMMAND a closed standard input or output is an error" {
	echo_server ./a
	fails 1 "fdconnect: *" sh -c 'exec fdconnect ./a <&-'
	fails 1 "fdconnect: *" sh -c 'echo hello | fdconnect ./a >&-'
}

@test "standard error may be closed" {
	echo_server ./a
	same "$(echo hello | limited sh -c 'exec fdconnect ./a 2>&-')" hello
}

@test "O_NONBLOCK is not changed on the caller's descriptors" {
	local fd

	echo_server
	echo hello | limited fdconnect "$address" \
		sh -c 'fdconnect fd:6; exec show -o shown fd' | cat
	grep -x "fd 0 fifo r\|fd 0 pipe r" shown
	grep -x "fd 6 tcp rw" shown
	mkfifo in
	start client with -N 0 -N 1 sh -c 'fdconnect "$1" >&1; exec show \
		-o nonblocking fd' sh "$address"
	ended client
	cat nonblocking
	for fd in 0 1; do
		grep "^fd $fd .*nonblock" nonblocking
	done
}

@test "input and output in non-blocking mode are waited for" {
	random 1048576
	echo_server ./a
	mkfifo in out
	start reader dd obs=700000 if=out of=back
	start client sh -c 'exec with -N 0 -N 1 fdconnect ./a <in >out'
	exec 8>in
	wait_for idle client
	cat sent >&8
	exec 8>&-
	ended client
	is_status 0
	ended reader
	cmp sent back
}

# --- who goes first

@test "an answer that comes before a reset is not lost" {
	need python3
	start server python3 -c '
import os, socket, time
s = socket.create_server(("127.0.0.1", 0))
open("new", "w").write("127.0.0.1:%d\n" % s.getsockname()[1])
os.rename("new", "address")
c = s.accept()[0]
c.recv(1)
c.sendall(b"x" * 20000)
open("sent", "w")
while not os.path.exists("go"):
    time.sleep(0.02)
c.close()'
	address=$(address_of address)
	# It has it all, in a pipe, and is told of the reset.
	mkfifo out
	exec 7<>out
	start client sh -c 'head -c 30000000 /dev/zero |
		{ fdconnect "$0" >out 2>err 7>&-; echo "$?"; }' "$address"
	wait_for test -e sent
	: >go
	ended client
	same "$(<client.out)" 1
	same "$(limited head -c 20000 <&7 | wc -c)" 20000
	exec 7>&-
	one_line err
	like "$(<err)" "fdconnect: $address: *: Connection reset by peer"
	ended server
}

@test "a server that is gone ends it, though standard input does not" {
	mkfifo in
	exec 6<>in
	start server fdlisten ./a echo hello
	up ./a
	start client sh -c 'exec fdconnect ./a <in 6>&-'
	ended client
	is_status 0
	same "$(<client.out)" hello
	exec 6>&-
	ended server
}

@test "what fails is named: standard input or output" {
	[ -c /dev/full ] || skip "no /dev/full here"
	start server fdlisten -k -o address 127.0.0.1:0 echo hello
	address=$(address_of address)
	fails 1 "fdconnect: standard output: write: No space left on device" \
		sh -c 'exec fdconnect "$0" >/dev/full' "$address"
	run_apart sh -c 'exec fdconnect "$0" <.' "$address"
	is_status 1
	like "$stderr" "fdconnect: standard input: read: Is a directory"
	stop server
}
