# SPDX-License-Identifier: ISC
# fdsend -rv between two programs: who sent what?

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# tap: fdsend -rv between ./a and ./b, its lines in tap.err.
tap()
{
	start tap fdlisten -k ./a fdsend -rv ./b
	up ./a
}

# from PID: how a sender of this user is shown.
from()
{
	if built_posix_only; then
		echo "from *"
	else
		echo "from pid $1 uid $(id -u) gid $(id -g)"
	fi
}

# viewer [OPTION...]: fdrecv without COMMAND on ./s.
viewer()
{
	start viewer fdrecv "$@" ./s
	up ./s
}

# --- between two programs

@test "the tap cuts a long payload, and says so" {
	start receiver fdrecv ./b true
	start tap fdlisten ./a fdsend -rvw ./b
	up ./a
	limited fdsend -s "$(printf '%060000d' 1)" -f 0 -f 0 ./a || :
	ended tap
	ended receiver
	grep -E 'recvmsg.*0"\.\.\., 2 descriptors$' tap.err
}

@test "the tap shows a message, and passes it on" {
	echo hello >file
	start receiver fdrecv ./b \
		sh -c 'echo "<$FDRECV_PAYLOAD>"; exec cat'
	up ./b
	tap
	limited sh -c 'echo $$ >pid; exec fdsend -s "a payload" ./a' <file
	ended receiver
	is_status 0
	same "$(<receiver.out)" $'<a payload>\nhello'
	stop tap
	like "$(<tap.err)" \
		"*W1 fdsend\[*\]: *$(from "$(cat pid)"), payload \"a payload\", 1 descriptor*"
	like "$(<tap.err)" "*W1 fdsend\[*\]: *file r *"
}

@test "the tap shows and passes on 253 descriptors" {
	local options=() i

	for ((i = 0; i < 253; i++)); do
		options+=(-f 0)
	done
	start receiver fdrecv -a ./b printenv LISTEN_FDS
	up ./b
	tap
	limited fdsend "${options[@]}" ./a
	ended receiver
	same "$(<receiver.out)" 253
	stop tap
	like "$(<tap.err)" "*, 253 descriptors*"
	same "$(grep -c 'received.*: character ' tap.err)" 253
}

@test "the tap shows connections on their way to a pool" {
	start pool fdrecv -n 2 ./b fdecho
	up ./b
	tap
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./a
	limited load -n 30 -c 4 "$(address_of address)"
	stop server
	stop tap
	stop pool
	is_status 0
	same "$(grep -cE "received.*: tcp .*local=$(cat address) peer=" tap.err)" 30
}

@test "the tap stands in a pipeline of the shell" {
	run_apart sh -c 'echo hello >file
		fdsend -s hello - <file | fdsend -rv - | fdrecv - cat'
	is_status 0
	same "$output" hello
	like "$stderr" '*W1 fdsend\[*\]: *from *, payload "hello", 1 descriptor*'
}

@test "the tap stands in fdpipe, between a server and its workers" {
	start server fdpipe fdlisten -k -o address 127.0.0.1:0 '|' \
		fdsend -rv - '|' fdecho -
	limited load -n 20 -c 4 "$(address_of address)"
	stop server
	same "$(grep -c 'received.*: tcp ' server.err)" 20
}

# What it shows must not depend on who comes first: the sender's message, or
# the start of fdsend behind the accepted connection.
@test "the tap knows a foreign sender, whenever its message came" {
	need_linux
	need python3
	start receiver fdrecv -k ./b true
	up ./b
	mkfifo go
	start tap fdlisten ./a \
		sh -c ': >accepted; read -r x <go; exec fdsend -rv ./b'
	up ./a
	mkfifo start
	cat >sender.py <<-'END'
	import os, socket
	s = socket.socket(socket.AF_UNIX)
	s.connect("./a")
	open("start").read()
	socket.send_fds(s, [b"\0"], [0])
	print("sent", flush=True)
	s.shutdown(socket.SHUT_WR)
	s.recv(1)
	END
	start sender python3 sender.py
	wait_for test -e accepted
	limited sh -c 'echo >start'
	wait_for grep -q sent sender.out
	limited sh -c 'echo >go'
	ended tap
	stop receiver
	like "$(<tap.err)" "*$(from "$(process sender)"), *"
}

@test "the tap escapes what it shows" {
	start receiver fdrecv -k ./b true
	up ./b
	tap
	limited fdsend -s $'two\nlines \033[2J' ./a
	wait_for grep -q shutdown tap.err
	stop tap
	stop receiver
	like "$(<tap.err)" '*payload "two\\nlines \\*", 1 descriptor*'
	not grep -a $'\033' tap.err
}

@test "the tap passes bytes without a descriptor on, and shows them" {
	start viewer fdrecv ./b
	up ./b
	tap
	limited foreign send -n 0 -s hello ./a
	ended viewer
	like "$(<viewer.out)" '*payload "hello", 0 descriptors'
	stop tap
	like "$(<tap.err)" '*payload "hello", 0 descriptors*'
}

@test "the tap says when the receiver is not there, or refuses" {
	tap
	limited fdsend -s hello ./a
	wait_for grep -q 'fdsend: ./b: connect: No such file or directory' tap.err
	start receiver fdrecv -k ./b true
	up ./b
	limited fdsend -f 0 -f 0 ./a
	wait_for grep -q 'fdsend: ./b: .*refused' tap.err
	stop receiver
	stop tap
}

@test "without -v the relay is silent" {
	start receiver fdrecv -k ./b true
	up ./b
	start relay fdlisten -k ./a fdsend -r ./b
	up ./a
	limited fdsend -s hello ./a
	limited fdsend ./a
	wait_for has 0 children "$(process relay)"
	stop relay
	stop receiver
	same "$(cat relay.err receiver.err)" ""
}
