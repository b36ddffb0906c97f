# SPDX-License-Identifier: ISC
# The pipelines of descriptors: each as it is written in the manuals, but for
# the port, in every shell.

load ../lib/helpers
load ../lib/streams

# in_shell: start a script, read from standard input, in the shell of the array
# $shell, and print the status of its last command at the end.
in_shell()
{
	cat >script
	echo 'echo "status $?"' >>script
	start shell "${shell[@]}" ./script
}

# shell_ends STATUS: the script has come to its end, and was silent.
shell_ends()
{
	ended shell
	same "$(cat shell.out)" "status $1"
	same "$(cat shell.err)" ""
}

# terminate PATTERN: end the process whose command line is like that.
terminate()
{
	kill "$(the_one "$1")"
}

pool()
{
	in_shell <<-'END'
	fdrecv -n 3 ./pool fdecho &
	echo $! >pool.pid
	fdlisten -k -o ./address 127.0.0.1:0 | fdsend -rw ./pool
	END
	served_all "$(address_of address)" -n "$(scaled 50 200)" -c 16 -s 3000
	terminate 'fdlisten *'
	kill "$(cat pool.pid)"
	shell_ends 0
	gone 'fd*'
}

workers()
{
	in_shell <<-'END'
	fdlisten -k -o ./address 127.0.0.1:0 | fdrecv -n 3 - fdecho
	END
	served_all "$(address_of address)" -n "$(scaled 50 200)" -c 16 -s 3000
	terminate 'fdlisten *'
	shell_ends 0
}

echo_worker()
{
	in_shell <<-'END'
	fdlisten -k -o ./address 127.0.0.1:0 | fdecho -
	END
	served_all "$(address_of address)" -n "$(scaled 100 500)" -c 32 -s 3000
	terminate 'fdlisten *'
	shell_ends 0
}

whole_system()
{
	in_shell <<-'END'
	fdpipe -n 4 fdlisten -k -o ./address 127.0.0.1:0 '|' fdecho -
	END
	served_all "$(address_of address)" -n "$(scaled 100 500)" -c 32 -s 3000
	wait_for has 4 matching 'fdecho -'
	terminate 'fdlisten *'
	shell_ends 0
}

hand_over()
{
	local lines

	in_shell <<-'END'
	fdrecv -k ./s wc -l &
	echo $! >receiver.pid
	fdsend -w ./s </etc/passwd
	ls | fdsend ./s
	END
	wait_for has 3 cat shell.out
	# shellcheck disable=SC2012
	lines=$(ls | wc -l)
	kill "$(cat receiver.pid)"
	ended shell
	same "$(tr -d ' ' <shell.out | grep -v status)" \
		"$(wc -l </etc/passwd)"$'\n'"$lines"
	grep -qx "status 0" shell.out
	same "$(cat shell.err)" ""
	gone 'fd*'
}

hold_listener()
{
	local address

	in_shell <<-'END'
	fdlisten -l -o ./address 127.0.0.1:0 fdlisten -k ./web.hold fdsend -f 3 - &
	echo $! >holder.pid
	fdconnect -w ./web.hold fdrecv -f 3 fd:6 fdlisten -k fd:3 fdecho
	echo "status $?"
	fdconnect -w ./web.hold fdrecv -f 3 fd:6 fdlisten -k fd:3 fdecho
	END
	address=$(address_of address)
	the_one 'fdlisten -k fd:3 *' >first
	served_all "$address" -n 50 -c 8
	# What comes while there is no server waits for the next.
	kill -STOP "$(cat first)"
	start early load "$address"
	kill "$(cat first)"
	kill -CONT "$(cat first)"
	ended early
	is_status 0
	served_all "$address" -n 50 -c 8
	terminate 'fdlisten -k fd:3 *'
	kill "$(cat holder.pid)"
	shell_ends "0"$'\n'"status 0"
}

# What ssh does with ProxyUseFdpass: run a shell whose standard output is a
# stream socket, take one descriptor from it.
proxy_command()
{
	start server fdlisten -k -o ./address 127.0.0.1:0 fdecho
	# shellcheck disable=SC2016
	run_limited paired "${shell[@]}" -c \
		"exec fdconnect $(address_of address) fdsend -f 6 -" '|' \
		fdrecv - sh -c 'echo hello; read -r line; echo "$line" >back'
	is_status 0
	same "$output" ""
	same "$(cat back)" hello
	stop server
	is_status 0
}

show_between()
{
	echo "one line" >file
	in_shell <<-'END'
	fdrecv -k ./b cat &
	echo $! >receiver.pid
	fdlisten -k ./a fdsend -rv ./b &
	echo $! >middle.pid
	fdsend -w ./b </dev/null
	fdsend -w ./a <file
	END
	wait_for grep -qx "one line" shell.out
	wait_for grep -qx "status 0" shell.out
	kill "$(cat receiver.pid)" "$(cat middle.pid)"
	ended shell
	like "$(grep W1 shell.err)" "W1 fdsend*$(shown file)*"
	gone 'fd*'
}

# The pipe of this shell is a socket: descriptors go straight through, no
# invitation, no directory in TMPDIR.
@test "ksh93: a pipe is a socket already, nobody is invited" {
	local before

	before=$(stat -c %y "$TMPDIR")
	need_shell ksh
	in_shell <<-'END'
	FDTRACE=1
	export FDTRACE
	fdlisten -o ./address 127.0.0.1:0 | fdecho -
	END
	echoes "$(address_of address)"
	ended shell
	is_status 0
	grep -q "S7 fdlisten.*sendmsg(1," shell.err
	grep -q "W1 fdecho.*recvmsg" shell.err
	not grep -q "^I " shell.err
	same "$(stat -c %y "$TMPDIR")" "$before"
}

@test "dash: a pipe is not a socket, the reader is invited" {
	local before

	before=$(stat -c %y "$TMPDIR")
	need_shell dash
	in_shell <<-'END'
	FDTRACE=1
	export FDTRACE
	fdlisten -o ./address 127.0.0.1:0 | fdecho -
	END
	echoes "$(address_of address)"
	ended shell
	is_status 0
	grep -q "I  fdlisten.*fdpass $TMPDIR/" shell.err
	grep -q "I  fdecho.*connect" shell.err
	not same "$(stat -c %y "$TMPDIR")" "$before" >/dev/null
}

# ssh itself, as far as the server's first line and its own.
@test "ssh takes its connection from ProxyCommand with ProxyUseFdpass" {
	need ssh
	# shellcheck disable=SC2016
	start server fdlisten -o ./address 127.0.0.1:0 sh -c '
		echo SSH-2.0-none; read -r line; echo "$line" >line'
	run_limited env SHELL=/bin/sh ssh -F none -v -o BatchMode=yes \
		-o UserKnownHostsFile=none -o ProxyUseFdpass=yes \
		-o 'ProxyCommand fdconnect %h:%p fdsend -f 6 -' \
		-p "$(port_of address)" 127.0.0.1 true
	is_status 255
	ended server
	is_status 0
	like "$(cat line)" "SSH-2.0-*"
}

@test "fdlisten -k | fdsend -rw to a pool, in every shell" {
	in_each_shell pool
}

@test "fdlisten -k | fdrecv -n 3 - fdecho, in every shell" {
	in_each_shell workers
}

@test "fdlisten -k | fdecho -, in every shell" {
	in_each_shell echo_worker
}

@test "fdpipe -n 4 fdlisten -k '|' fdecho -, in every shell" {
	in_each_shell whole_system
}

@test "a file and a pipe end go to fdrecv -k, in every shell" {
	in_each_shell hand_over
}

@test "a listening socket is held across restarts, in every shell" {
	in_each_shell hold_listener
}

@test "fdconnect fdsend -f 6 - gives a connection away, in every shell" {
	in_each_shell proxy_command
}

@test "fdlisten -k fdsend -rv shows what passes, in every shell" {
	in_each_shell show_between
}
