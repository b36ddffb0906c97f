# SPDX-License-Identifier: ISC
# netcat-openbsd connects, and passes the connection on: nc -F.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	local name

	common_setup
	for name in nc.openbsd nc; do
		case $("$name" -h 2>&1) in
		*-F*[Pp]ass*) nc=$name; break ;;
		esac
	done
	[ -n "${nc-}" ] || skip "netcat-openbsd is not installed"
	start server fdlisten -k -o address 127.0.0.1:0 \
		sh -c 'read -r line; echo "you said: $line"'
	port=$(port_of address)
}

@test "nc -F passes a connection through fdpipe to a command" {
	# nc leaves O_NONBLOCK on: COMMAND has to know how to wait.
	run_limited fdpipe "$nc" -F 127.0.0.1 "$port" '|' \
		fdrecv -f 6 - sh -c 'echo hello | fdconnect fd:6'
	is_status 0
	same "$output" "you said: hello"
}

@test "nc -F passes a connection as standard input and output" {
	need python3
	cat >talk.py <<-'END'
	import socket
	s = socket.socket(fileno=0)
	s.setblocking(True)
	s.sendall(b"hello\n")
	with open("got", "w") as f:
	    f.write(s.makefile().read())
	END
	run_limited fdpipe "$nc" -F 127.0.0.1 "$port" '|' \
		fdrecv - python3 talk.py
	is_status 0
	same "$(cat got)" "you said: hello"
}

@test "nc -F sends what fdrecv shows" {
	run_limited fdpipe "$nc" -F 127.0.0.1 "$port" '|' fdrecv -
	is_status 0
	like "${lines[0]}" 'from *, payload "\\0", 1 descriptor'
	like "${lines[1]}" "*0 tcp rw * peer=127.0.0.1:$port*"
}

@test "nc -F feeds a pool by way of fdsend -r" {
	start pool fdrecv -k -f 6 ./pool \
		sh -c 'echo hello | fdconnect fd:6; echo finished'
	up ./pool
	run_limited fdpipe "$nc" -F 127.0.0.1 "$port" '|' fdsend -r ./pool
	is_status 0
	wait_for grep -qx finished pool.out
	same "$(cat pool.out)" $'you said: hello\nfinished'
	stop pool
}

@test "ssh's ProxyCommand may be either: fdconnect sends what nc -F sends" {
	run_limited fdpipe fdconnect "127.0.0.1:$port" fdsend -f 6 - '|' fdrecv -
	is_status 0
	like "${lines[0]}" 'from *, payload "\\0", 1 descriptor'
	like "${lines[1]}" "*0 tcp rw * peer=127.0.0.1:$port*"
}
