# SPDX-License-Identifier: ISC
# socat: descriptors that it inherits by number, and connections that it passes
# to a command.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

@test "socat accepts from a socket of fdlisten -l" {
	need socat
	socat -h | grep -q ACCEPT-FD || skip "this socat has no ACCEPT-FD"
	start server fdlisten -l -o address 127.0.0.1:0 \
		socat ACCEPT-FD:3,fork EXEC:cat
	# socat kills a side half a second after the other has ended.
	same "$(echo hello | limited fdconnect "$(address_of address)" \
		socat -t 5 STDIO FD:6)" hello
	limited load -n 10 -c 2 "$(address_of address)"
	stop server
}

@test "socat talks over the connection of fdconnect" {
	need socat
	start server fdlisten ./a sh -c 'read -r line; echo "you said: $line"'
	up ./a
	same "$(echo hello | limited fdconnect ./a socat -t 5 STDIO FD:6)" \
		"you said: hello"
	ended server
}

@test "socat's connections feed a pool" {
	need socat
	start pool fdrecv -n 2 ./pool fdecho
	start server socat UNIX-LISTEN:./a,fork EXEC:"fdsend -w ./pool",nofork
	same "$(echo hello | limited fdconnect -w ./a)" hello
	limited load -n 10 -c 2 ./a
	stop server
	stop pool
	is_status 0
	rm -f a
}
