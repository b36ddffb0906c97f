# SPDX-License-Identifier: ISC
# HAProxy listens on a socket that fdlisten made, and gives its own away.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need haproxy
}

# configure BIND: what HAProxy is to do; BIND is where it listens.
configure()
{
	cat >haproxy.cfg <<-END
	global
	    stats socket $PWD/stats mode 600 level admin expose-fd listeners
	    maxconn 100
	defaults
	    mode http
	    timeout connect 5s
	    timeout client 5s
	    timeout server 5s
	frontend one
	    bind $1
	    http-request return status 200 content-type text/plain string hello
	END
}

# get ADDRESS: the last line of what a request is answered.
get()
{
	printf 'GET / HTTP/1.0\r\n\r\n' | limited fdconnect -w "$1" | tail -n 1
}

@test "HAProxy listens on fd@3, which fdlisten -l made" {
	configure fd@3
	start haproxy fdlisten -l -o address 127.0.0.1:0 \
		haproxy -db -f haproxy.cfg
	same "$(get "$(address_of address)")" hello
	same "$(get "$(address_of address)")" hello
	stop haproxy
	rm -f stats
}

@test "HAProxy listens on fd@3 and fd@4, a TCP and a UNIX socket" {
	configure fd@3
	echo "    bind fd@4" >>haproxy.cfg
	start haproxy fdlisten -l -o address 127.0.0.1:0 \
		fdlisten -l ./front haproxy -db -f haproxy.cfg
	same "$(get "$(address_of address)")" hello
	same "$(get ./front)" hello
	stop haproxy
	rm -f stats front
}

@test "HAProxy is restarted on a socket that is held" {
	configure fd@3
	start holder fdlisten -l -o address 127.0.0.1:0 \
		fdlisten -k ./web.hold fdsend -f 3 -
	for _ in 1 2; do
		start haproxy fdconnect -w ./web.hold fdrecv -f 3 fd:6 \
			haproxy -db -f haproxy.cfg
		same "$(get "$(address_of address)")" hello
		stop haproxy
		rm -f stats
	done
	stop holder
}

# A port that nobody has, on an address that nobody else uses.
free_address()
{
	start picker fdlisten -o picked 127.88.0.1:0 true
	address=$(address_of picked)
	stop picker
}

# getsocks COMMAND...: what HAProxy sends for _getsocks goes to COMMAND, or is
# shown if there is none. HAProxy sends how many come, then all at once.
getsocks()
{
	limited fdconnect -w ./stats sh -c \
		'echo _getsocks >&7; exec fdrecv "$@"' sh "$@"
}

@test "HAProxy's listening sockets are fetched, and shown" {
	need_linux
	free_address
	configure "$address"
	start haproxy haproxy -db -f haproxy.cfg
	same "$(get "$address")" hello
	getsocks fd:6 >shown
	like "$(head -n 1 shown)" '*, payload "\\*2\\0\\0\\0*", 2 descriptors'
	grep -E " tcp rw .* local=$address listening" shown
	grep -E " unix rw .* local=$PWD/stats[^ ]* listening" shown
	getsocks -a fd:6 fdinfo 3 4 >table
	has 2 cat table
	grep -E "^[34] +tcp .* local=$address listening" table
	grep -E "^[34] +unix .* local=$PWD/stats[^ ]* listening" table
	stop haproxy
	rm -f stats
}

@test "fdlisten goes on with HAProxy's listening socket" {
	need_linux
	free_address
	configure "$address"
	start haproxy haproxy -db -f haproxy.cfg
	same "$(get "$address")" hello
	cat >heir <<-'END'
	fd=$(fdinfo 3 4 | while read -r number type rest; do
		[ "$type" != tcp ] || echo "$number"
	done)
	echo ready
	exec fdlisten -k "fd:$fd" fdecho
	END
	start heir fdconnect ./stats sh -c \
		'echo _getsocks >&7; exec fdrecv -a fd:6 sh ./heir'
	wait_for grep -q ready heir.out
	stop haproxy
	limited load -n 20 -c 4 "$address"
	stop heir
	is_status 0
	rm -f stats
}
