# SPDX-License-Identifier: ISC
# ucspi-tcp: tcpserver and tcpclient, and its programs under ours. What they
# find in descriptors and environment is what UCSPI says.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# No look-ups, no names.
plain=(-RHl0)

# value NAME FILE: the value of a variable in what env(1) wrote, or "unset".
value()
{
	sed -n "s/^$1=//p;t" "$2" | grep . || echo unset
}

# tcpserver_runs COMMAND...: its address in $address.
tcpserver_runs()
{
	need tcpserver
	start tcpserver tcpserver -1 "${plain[@]}" 127.0.0.1 0 "$@"
	wait_for test -s tcpserver.out
	address=127.0.0.1:$(cat tcpserver.out)
}

@test "connections of tcpserver feed fdsend" {
	start pool fdrecv -n 3 ./pool fdecho
	tcpserver_runs fdsend -w ./pool
	limited load -n 50 -c 8 "$address"
	stop tcpserver
	stop pool
	is_status 0
	same "$(cat pool.err)" ""
}

@test "tcpserver runs fdecho" {
	tcpserver_runs fdecho
	limited load -n 20 -c 4 "$address"
	stop tcpserver
}

@test "a command finds under fdlisten what it finds under tcpserver" {
	local name

	need tcpserver
	start tcpserver tcpserver -1 "${plain[@]}" 127.0.0.1 0 env
	start fdlisten fdlisten -k -o address 127.0.0.1:0 env
	wait_for test -s tcpserver.out
	limited client "127.0.0.1:$(cat tcpserver.out)" >theirs
	limited client "$(address_of address)" >ours
	for name in PROTO TCPLOCALIP TCPREMOTEIP; do
		same "$(value $name ours)" "$(value $name theirs)" $name
	done
	same "$(value TCPLOCALPORT ours)" "$(port_of address)"
	same "$(value TCPLOCALPORT theirs)" "$(cat tcpserver.out)"
	like "$(value TCPREMOTEPORT ours)" "[1-9]*"
	# Nobody looked up a name, in either.
	same "$(value TCPREMOTEHOST ours)" "$(value TCPREMOTEHOST theirs)"
	stop tcpserver
	stop fdlisten
}

@test "a command finds under fdconnect what it finds under tcpclient" {
	local name

	need tcpclient
	start server fdlisten -k -o address 127.0.0.1:0 true
	port_of address
	limited tcpclient "${plain[@]}" 127.0.0.1 "$(port_of address)" \
		env >theirs
	limited fdconnect "$(address_of address)" env >ours
	for name in PROTO TCPLOCALIP TCPREMOTEIP TCPREMOTEPORT; do
		same "$(value $name ours)" "$(value $name theirs)" $name
	done
	like "$(value TCPLOCALPORT ours)" "[1-9]*"
	with -x tcpclient "${plain[@]}" 127.0.0.1 "$(port_of address)" \
		show -o theirs.fds fds fd
	with -x fdconnect "$(address_of address)" show -o ours.fds fds fd
	diff theirs.fds ours.fds
	stop server
}

@test "tcpclient connects, fdsend hands the connection on" {
	need tcpclient
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'read -r line; echo "you said: $line"'
	start receiver fdrecv -f 6 ./s sh -c 'echo hello >&6; cat <&6'
	limited tcpclient "${plain[@]}" 127.0.0.1 "$(port_of address)" \
		fdsend -w -f 6 ./s
	ended receiver
	same "$(cat receiver.out)" "you said: hello"
	ended server
}

@test "tcpclient talks to fdlisten" {
	need tcpclient
	start server fdlisten -o address 127.0.0.1:0 fdecho
	run_limited tcpclient "${plain[@]}" 127.0.0.1 "$(port_of address)" \
		sh -c 'echo hello >&7; head -n 1 <&6'
	same "$output" hello
	ended server
}

@test "fdlisten runs recordio" {
	need recordio
	start server fdlisten -o address 127.0.0.1:0 recordio cat
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended server
	wait_for grep -q '> hello' server.err
	grep '< hello' server.err
}

@test "fdlisten runs rblsmtpd, which knows its variables" {
	need rblsmtpd
	start server fdlisten -o address 127.0.0.1:0 \
		env RBLSMTPD="go away" rblsmtpd true
	printf 'QUIT\r\n' | limited client "$(address_of address)" >got
	grep '^220 rblsmtpd' got
	ended server
	like "$(cat server.err)" "rblsmtpd: 127.0.0.1 pid *: 451 go away*"
}

@test "fdconnect runs mconnect-io as tcpclient does" {
	need mconnect-io
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'read -r line; echo "you said: $line"'
	echo hello | limited fdconnect "$(address_of address)" mconnect-io >got
	# mconnect-io speaks CR LF.
	same "$(tr -d '\r' <got)" "you said: hello"
	ended server
}
