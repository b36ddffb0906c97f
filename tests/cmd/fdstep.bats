# SPDX-License-Identifier: ISC
# One call at a time: FDTRACE=step:FIFO, and the script that draws it.

# Each test runs in a subshell of its own, on purpose.
# shellcheck disable=SC2030,SC2031

load ../lib/helpers
load ../lib/stepping

setup()
{
	common_setup
	mkfifo step
	# Both ends, so that a byte can be left for who reads later.
	exec 6<>step
}

# announced CALL FILE: whether the last line of FILE announces that call.
announced()
{
	like "$(tail -n 1 "$2")" "*: $1* ..." >/dev/null
}

# let_on: let one call happen.
let_on()
{
	printf . >&6
}

@test "each call is announced, and made when a byte was read" {
	local -x FDTRACE=step:./step
	start server fdlisten -o address 127.0.0.1:0 true
	wait_for announced "socket()" server.err
	wait_for idle server
	same "$(wc -l <server.err)" 1
	let_on
	wait_for announced bind server.err
	not test -e address
	let_on
	wait_for announced listen server.err
	not test -e address
	let_on
	wait_for announced accept server.err
	test -s address
	stop server
	is_status 143
}

@test "a byte lets one call happen, not two" {
	local -x FDTRACE=step:./step
	start server fdlisten 127.0.0.1:0 true
	let_on
	let_on
	wait_for announced listen server.err
	wait_for idle server
	same "$(grep -c ' \.\.\.$' server.err)" 3
	stop server
}

@test "every worker of a pool waits before its calls" {
	FDTRACE=step:./step start pool fdrecv -n 3 ./pool true
	for _ in 1 2 3 4 5 6; do
		let_on
	done
	wait_for has 3 grep -E 'accept\([0-9]+\) \.\.\.$' pool.err
	same "$(grep -oE 'fdrecv\[[0-9]+\]: accept' pool.err |
		sort -u | wc -l)" 3
	stop pool
	is_status 0
}

# waits_before N: whether the server has announced its Nth call.
waits_before()
{
	[ "$(grep -c ' \.\.\.$' server.err)" -ge "$1" ]
}

@test "what a command becomes waits too" {
	local -x FDTRACE=step:./step
	local number

	start server fdlisten -o address 127.0.0.1:0 fdecho
	for number in 1 2 3; do
		wait_for waits_before "$number"
		let_on
	done
	wait_for waits_before 4
	start client client "$(address_of address)"
	while ! grep -q '^W2 fdecho.* recv(0) \.\.\.$' server.err; do
		let_on
		number=$((number + 1))
		wait_for waits_before "$((number + 1))"
	done
	stop server
	is_status 143
}

@test "a FIFO that is not there is an error" {
	FDTRACE=step:./nothing fails 1 \
		"fdlisten: *nothing*: No such file or directory" \
		fdlisten 127.0.0.1:0 true
}

# not_stepping WHAT: FDTRACE=step:WHAT is refused before anything is done.
not_stepping()
{
	FDTRACE=step:$1 fails 1 "fdlisten: FDTRACE=step:$1: not a FIFO" \
		fdlisten -o address 127.0.0.1:0 true
	not test -e address
}

@test "only a FIFO lets calls happen" {
	: >file
	mkdir directory
	not_stepping ./file
	not_stepping ./directory
	not_stepping /dev/null
	not_stepping /dev/zero
	start server fdlisten -k ./socket true
	up ./socket
	not_stepping ./socket
	stop server
}

@test "only a FIFO, for each command" {
	local -x FDTRACE=step:/dev/zero

	fails 1 "fdsend: *not a FIFO" fdsend ./s
	fails 1 "fdrecv: *not a FIFO" fdrecv ./s true
	fails 1 "fdecho: *not a FIFO" fdecho
	fails 1 "fdconnect: *not a FIFO" fdconnect ./s
	fails 1 "fdpipe: *not a FIFO" fdpipe true '|' true
}

@test "any other value of FDTRACE is an error that names what there is" {
	local value

	for value in 2 yes step steps:./step "1 "; do
		FDTRACE=$value refuses \
			"fdlisten: FDTRACE=$value: neither 0, 1, file:PATH nor step:FIFO*" \
			fdlisten -o address 127.0.0.1:0 true
	done
	FDTRACE=step: refuses "fdlisten: FDTRACE=step:: neither *" fdlisten ./a true
	not test -e address
	for value in '' 0; do
		FDTRACE=$value run_limited fdsend --version
		is_status 0
	done
}

@test "the drawing has the client, the server and a worker, each in its column" {
	run_limited env COLUMNS=80 "$fdstep" -g </dev/null
	is_status 0
	grep -qE '^ a fdconnect' <<<"$output"
	grep -qE '^ client' <<<"$output"
	grep -qE '^[ :|]{10,} server' <<<"$output"
	grep -qE '^[ :|]{20,} worker' <<<"$output"
	grep -qE 'o S4 socketpair\(\) = [0-9]+, [0-9]+$' <<<"$output"
	grep -qE 'o S6 accept\([0-9]+\) = [0-9]+ from 127\.0\.0\.1:[0-9]+' <<<"$output"
	grep -qE 'S7 sendmsg\(1, "\\0", SCM_RIGHTS [0-9]+\)' <<<"$output"
	grep -qF -- '- connect ---' <<<"$output"
	grep -qE '=====> ?|descriptor ===' <<<"$output"
	grep -qx ' > hello' <<<"$output"
	not grep -E '.{80}' <<<"$output"
	# All that the client does is at the left edge.
	not grep -E '^. .*\bo C ' <<<"$output"
	[ "$(grep -cE '^ o C ' <<<"$output")" -ge 8 ]
}

@test "nothing happens until Enter is pressed, and then one call" {
	begin "fdlisten -t 20 127.0.0.1:0 true"
	wait_for grep -qE '^[ :|]+server' stepping.out
	same "$(grep -c 'S[1-3] ' stepping.out)" 0
	echo >&7
	wait_for grep -q 'o S1 socket() = [0-9]' stepping.out
	same "$(grep -c 'S[23] ' stepping.out)" 0
	echo >&7
	wait_for grep -q 'o S2 bind' stepping.out
	echo q >&7
	ended stepping
	is_status 0
}

@test "a letter lets that process go on" {
	begin "fdlisten ./one true & fdlisten ./two true & wait"
	wait_for has 2 grep -E ' [ab] fdlisten' stepping.out
	sleep 0.2
	echo b >&7
	wait_for grep -qE '^.{10,}o S1 socket|^ [|].*S1 socket' stepping.out
	not grep -E '^ o S1' stepping.out
	echo q >&7
	ended stepping
	leaves_sockets
}

@test "the whole of a pool can be stepped through to the end" {
	begin "fdrecv -n 2 ./pool fdecho & pool=\$!
		fdlisten -o address 127.0.0.1:0 fdsend -w ./pool &
		until [ -s address ]; do sleep 0.1; done
		echo hello | fdconnect \"\$(cat address)\"
		kill \$pool"
	type_until '^ > hello$'
	type_until '^ x'
	grep -qE 'W1 received descriptor [0-9]+: tcp' stepping.out
	grep -qE '<=+( descriptor =+)?|=+>' stepping.out
	echo g >&7
	ended stepping
	is_status 0
	not grep -E '.{80}' stepping.out
}

@test "wrong usage of fdstep is said so" {
	refuses "fdstep: the composition is one argument: quote it (see *" \
		"$fdstep" one two
	refuses "fdstep: unknown option -x (see fdstep --help)" "$fdstep" -x
	run_apart "$fdstep" --version
	is_status 0
	same "$output" "fdstep (fdpass)$(limited fdlisten --version |
		sed 's/.*)//')"
}

@test "the commands are found on PATH, beside it, or in ../bin" {
	local place

	bare_path
	mkdir -p one two/cmd two/bin three
	ln -s "$FDPASS_BIN"/fd* one
	cp "$fdstep" two/cmd
	ln -s "$FDPASS_BIN/fdlisten" two/bin
	cp "$fdstep" three
	ln -s "$(type -P setsid || type -P true)" path/setsid
	for place in one two/cmd; do
		run_limited env "PATH=$PWD/path" "$place/fdstep" -g \
			'fdlisten -t 0.01 127.0.0.1:0 true'
		is_status 124
		like "$output" "*S1 socket() = *"
	done
	run -127 --separate-stderr limited env "PATH=$PWD/path" three/fdstep
	same "$output" ""
	like "$stderr" \
		"fdstep: there is no fdlisten on PATH, in */three or in */bin"
	run -127 --separate-stderr limited env "PATH=$PWD/path" three/fdstep \
		--version
	like "$stderr" "fdstep: there is no fdlisten *"
	run_limited env "PATH=$PWD/one:$PWD/path" three/fdstep --version
	is_status 0
}

@test "text that does not end its line hides no call" {
	run_limited "$fdstep" -g 'printf before; fdlisten -t 0.01 ./s true
		printf after'
	is_status 0
	grep -qx ' > before' <<<"$output"
	grep -q 'S1 socket() = ' <<<"$output"
	grep -q 'S3 listen(' <<<"$output"
}

@test "what the composition writes does nothing to the terminal" {
	run_limited env COLUMNS=40 "$fdstep" -g \
		"printf '\\033[2J\\a\\n'; printf 'long %.0s' 1 2 3 4 5 6 7 8 9"
	is_status 0
	grep -qxF ' > ?[2J?' <<<"$output"
	not grep -E '.{40}' <(grep '^ >' <<<"$output")
}

@test "the column on the left is a, from the beginning" {
	begin
	wait_for grep -q 'b fdpipe' stepping.out
	grep -B 1 'b fdpipe' stepping.out | head -n 1 >above
	grep -qx ' a (the client, which comes later)' above
	echo g >&7
	ended stepping
	grep -qE '^ a fdconnect( |$)' stepping.out
	grep -qE '^ client( |$)' stepping.out
	# Where fdconnect is no client of its own, nobody waits for one.
	rm keys
	begin 'fdlisten -k ./front fdconnect ./real'
	wait_for grep -qx ' a fdlisten' stepping.out
	echo q >&7
	ended stepping
}

@test "SIGTERM at a step ends whoever waits for a reader, or an invitation" {
	local -x FDTRACE=step:./step

	mkfifo pipe
	exec 7<>pipe
	start sender sh -c 'exec fdsend - >pipe'
	start receiver sh -c 'exec fdrecv - true <pipe'
	wait_for announced write sender.err
	wait_for announced read receiver.err
	stop sender
	is_status 143
	stop receiver
	is_status 143
	exec 7>&-
}

@test "the FIFO of the steps is not taken for an operand fd:N" {
	FDTRACE=step:./step fails 1 "fdsend: fd:10: descriptor 10 is not open" \
		fdsend fd:10 10>&-
}

@test "a command that peeks is drawn, and its look is a step" {
	# shellcheck disable=SC2016
	run_limited "$fdstep" -g 'mkfifo address
fdlisten -o address 127.0.0.1:0 fdpeek -t 20 fdecho &
read -r address <address
echo SSH-2.0-x | fdconnect $address
wait; rm address'
	is_status 0
	like "$output" '*P recv(0, MSG_PEEK) = 10 bytes, "SSH-2.0-x?n": ssh*'
	like "$output" "*W2 recv(0) = 10 bytes*"
}
