# SPDX-License-Identifier: ISC
# The pipelines of descriptors: each as it is written in the manuals, but for
# the port, in every shell.

load ../lib/helpers
load ../lib/streams

# in_shell SHELL: start a script, read from standard input, and print the
# status of its last command at the end.
in_shell()
{
	need_shell "$1"
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
	in_shell "$1" <<-'END'
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
	in_shell "$1" <<-'END'
	fdlisten -k -o ./address 127.0.0.1:0 | fdrecv -n 3 - fdecho
	END
	served_all "$(address_of address)" -n "$(scaled 50 200)" -c 16 -s 3000
	terminate 'fdlisten *'
	shell_ends 0
}

echo_worker()
{
	in_shell "$1" <<-'END'
	fdlisten -k -o ./address 127.0.0.1:0 | fdecho -
	END
	served_all "$(address_of address)" -n "$(scaled 100 500)" -c 32 -s 3000
	terminate 'fdlisten *'
	shell_ends 0
}

whole_system()
{
	in_shell "$1" <<-'END'
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

	in_shell "$1" <<-'END'
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

	in_shell "$1" <<-'END'
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
	need_shell "$1"
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
	in_shell "$1" <<-'END'
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
	in_shell ksh <<-'END'
	FDTRACE=1
	export FDTRACE
	fdlisten -o ./address 127.0.0.1:0 | fdecho -
	END
	echoes "$(address_of address)"
	ended shell
	is_status 0
	grep -q "S7 fdlisten.*sendmsg(1," shell.err
	grep -q "W1 fdecho.*recvmsg" shell.err
	not grep -q "S4" shell.err
	same "$(stat -c %y "$TMPDIR")" "$before"
}

@test "dash: a pipe is not a socket, the reader is invited" {
	local before

	before=$(stat -c %y "$TMPDIR")
	in_shell dash <<-'END'
	FDTRACE=1
	export FDTRACE
	fdlisten -o ./address 127.0.0.1:0 | fdecho -
	END
	echoes "$(address_of address)"
	ended shell
	is_status 0
	grep -q "S4 fdlisten.*fdpass $TMPDIR/" shell.err
	grep -q "S4 fdecho.*connect" shell.err
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

@test "dash: fdlisten -k | fdsend -rw to a pool" {
	pool dash
}

@test "bash: fdlisten -k | fdsend -rw to a pool" {
	pool bash
}

@test "ksh: fdlisten -k | fdsend -rw to a pool" {
	pool ksh
}

@test "mksh: fdlisten -k | fdsend -rw to a pool" {
	pool mksh
}

@test "zsh: fdlisten -k | fdsend -rw to a pool" {
	pool zsh
}

@test "yash: fdlisten -k | fdsend -rw to a pool" {
	pool yash
}

@test "busybox sh: fdlisten -k | fdsend -rw to a pool" {
	pool busybox
}

@test "dash: fdlisten -k | fdrecv -n 3 - fdecho" {
	workers dash
}

@test "bash: fdlisten -k | fdrecv -n 3 - fdecho" {
	workers bash
}

@test "ksh: fdlisten -k | fdrecv -n 3 - fdecho" {
	workers ksh
}

@test "mksh: fdlisten -k | fdrecv -n 3 - fdecho" {
	workers mksh
}

@test "zsh: fdlisten -k | fdrecv -n 3 - fdecho" {
	workers zsh
}

@test "yash: fdlisten -k | fdrecv -n 3 - fdecho" {
	workers yash
}

@test "busybox sh: fdlisten -k | fdrecv -n 3 - fdecho" {
	workers busybox
}

@test "dash: fdlisten -k | fdecho -" {
	echo_worker dash
}

@test "bash: fdlisten -k | fdecho -" {
	echo_worker bash
}

@test "ksh: fdlisten -k | fdecho -" {
	echo_worker ksh
}

@test "mksh: fdlisten -k | fdecho -" {
	echo_worker mksh
}

@test "zsh: fdlisten -k | fdecho -" {
	echo_worker zsh
}

@test "yash: fdlisten -k | fdecho -" {
	echo_worker yash
}

@test "busybox sh: fdlisten -k | fdecho -" {
	echo_worker busybox
}

@test "dash: fdpipe -n 4 fdlisten -k '|' fdecho -" {
	whole_system dash
}

@test "bash: fdpipe -n 4 fdlisten -k '|' fdecho -" {
	whole_system bash
}

@test "ksh: fdpipe -n 4 fdlisten -k '|' fdecho -" {
	whole_system ksh
}

@test "mksh: fdpipe -n 4 fdlisten -k '|' fdecho -" {
	whole_system mksh
}

@test "zsh: fdpipe -n 4 fdlisten -k '|' fdecho -" {
	whole_system zsh
}

@test "yash: fdpipe -n 4 fdlisten -k '|' fdecho -" {
	whole_system yash
}

@test "busybox sh: fdpipe -n 4 fdlisten -k '|' fdecho -" {
	whole_system busybox
}

@test "dash: a file and a pipe end go to fdrecv -k" {
	hand_over dash
}

@test "bash: a file and a pipe end go to fdrecv -k" {
	hand_over bash
}

@test "ksh: a file and a pipe end go to fdrecv -k" {
	hand_over ksh
}

@test "mksh: a file and a pipe end go to fdrecv -k" {
	hand_over mksh
}

@test "zsh: a file and a pipe end go to fdrecv -k" {
	hand_over zsh
}

@test "yash: a file and a pipe end go to fdrecv -k" {
	hand_over yash
}

@test "busybox sh: a file and a pipe end go to fdrecv -k" {
	hand_over busybox
}

@test "dash: a listening socket is held across restarts" {
	hold_listener dash
}

@test "bash: a listening socket is held across restarts" {
	hold_listener bash
}

@test "ksh: a listening socket is held across restarts" {
	hold_listener ksh
}

@test "mksh: a listening socket is held across restarts" {
	hold_listener mksh
}

@test "zsh: a listening socket is held across restarts" {
	hold_listener zsh
}

@test "yash: a listening socket is held across restarts" {
	hold_listener yash
}

@test "busybox sh: a listening socket is held across restarts" {
	hold_listener busybox
}

@test "dash: fdconnect fdsend -f 6 - gives a connection away" {
	proxy_command dash
}

@test "bash: fdconnect fdsend -f 6 - gives a connection away" {
	proxy_command bash
}

@test "ksh: fdconnect fdsend -f 6 - gives a connection away" {
	proxy_command ksh
}

@test "mksh: fdconnect fdsend -f 6 - gives a connection away" {
	proxy_command mksh
}

@test "zsh: fdconnect fdsend -f 6 - gives a connection away" {
	proxy_command zsh
}

@test "yash: fdconnect fdsend -f 6 - gives a connection away" {
	proxy_command yash
}

@test "busybox sh: fdconnect fdsend -f 6 - gives a connection away" {
	proxy_command busybox
}

@test "dash: fdlisten -k fdsend -rv shows what passes" {
	show_between dash
}

@test "bash: fdlisten -k fdsend -rv shows what passes" {
	show_between bash
}

@test "ksh: fdlisten -k fdsend -rv shows what passes" {
	show_between ksh
}

@test "mksh: fdlisten -k fdsend -rv shows what passes" {
	show_between mksh
}

@test "zsh: fdlisten -k fdsend -rv shows what passes" {
	show_between zsh
}

@test "yash: fdlisten -k fdsend -rv shows what passes" {
	show_between yash
}

@test "busybox sh: fdlisten -k fdsend -rv shows what passes" {
	show_between busybox
}
