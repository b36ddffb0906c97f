# SPDX-License-Identifier: ISC
# One call at a time: FDTRACE=step:FIFO, and the script that draws it.

# Each test runs in a subshell of its own, on purpose.
# shellcheck disable=SC2030,SC2031

load ../lib/helpers
load ../lib/examples

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

# Of fdstep: what is typed is written to ./keys.
fdstep=$FDPASS_BIN/fdstep

# begin COMPOSITION...: begin to step.
begin()
{
	mkfifo keys
	exec 7<>keys
	start_from keys stepping env COLUMNS=80 "$fdstep" "$@"
}

# type_until PATTERN: press Enter until the drawing has such a line.
type_until()
{
	local limit=200

	until grep -qE -- "$1" stepping.out; do
		[ "$((limit -= 1))" -gt 0 ] || { cat stepping.out; return 1; }
		echo "${2-}" >&7
		sleep 0.05
	done
}

@test "the drawing has the client, the server and a worker, in columns" {
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
}

@test "a call that a process makes is in its column" {
	run_limited env COLUMNS=80 "$fdstep" -g </dev/null
	is_status 0
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

@test "q ends all that was begun, and so does a signal" {
	begin "fdrecv -n 2 ./pool fdecho & fdlisten -k ./a fdsend -w ./pool"
	type_until 'S5 fork'
	echo q >&7
	ended stepping
	is_status 0
	wait_for none_left
	rm -f a pool
	exec 7>&-
	rm keys
	begin "fdrecv -n 2 ./pool fdecho & fdlisten -k ./a fdsend -w ./pool"
	type_until 'S5 fork'
	stop stepping
	is_status 143
	wait_for none_left
	same "$(ls "$TMPDIR")" ""
	rm -f a pool
}

@test "at a terminal it says which call is next" {
	need script
	mkfifo keys
	exec 7<>keys
	start_from keys terminal script -q -c \
		"stty cols 80; TERM=vt100 $fdstep 'fdlisten 127.0.0.1:0 true'" \
		/dev/null
	wait_for grep -aqF '[Enter] a socket()' terminal.out
	echo >&7
	wait_for grep -aq '\[Enter\] a bind([0-9], 127.0.0.1:0)' terminal.out
	echo q >&7
	ended terminal
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

@test "a process whose parent does not ask for it is seen to end" {
	begin "sh -c 'fdlisten -t 0.01 127.0.0.1:0 true & exec sleep 100'"
	wait_for grep -qE '^[ :|]+server' stepping.out
	echo g >&7
	wait_for grep -qE '^ x' stepping.out
	echo q >&7
	ended stepping
	wait_for none_left
}

# The ways in which it can be told to end. What it has to end: processes that
# are stopped before a call, and those that are not traced.
restless='fdrecv -n 2 ./pool fdecho & fdlisten ./a true & sleep 100 &
	fdlisten ./b true'

tries=$(scaled 3 10)

# several COMMAND...: start it that often, each in a directory of its own, with
# ./N/keys to be typed. It is ready when the processes have announced themselves.
several()
{
	local number fd

	for ((number = 0; number < tries; number++)); do
		mkdir "$number"
		mkfifo "$number/keys"
		exec {fd}<>"$number/keys"
		keys[number]=$fd
		# shellcheck disable=SC2016
		start_from "$number/keys" "step.$number" env COLUMNS=80 TERM=vt100 \
			sh -c 'cd "$1" && shift && exec "$@"' sh "$number" "$@"
	done
	for ((number = 0; number < tries; number++)); do
		wait_for has 3 grep -aE ' fd(listen|recv) *.?$' \
			"step.$number.out"
	done
}

# all_ended STATUS: and nothing is left of them.
all_ended()
{
	local number

	for ((number = 0; number < tries; number++)); do
		ended "step.$number"
		is_status "$1"
	done
	wait_for none_left
	same "$(ls "$TMPDIR")" ""
	same "$(find . -type s)" ""
}

# all_type TEXT
all_type()
{
	local number

	for ((number = 0; number < tries; number++)); do
		printf %b "$1" >&"${keys[number]}"
	done
}

@test "q ends all of it, every time" {
	several "$fdstep" "$restless"
	all_type 'q\n'
	all_ended 0
}

@test "the end of what is typed ends all of it, every time" {
	need script
	several script -q -c "stty -echo; exec $fdstep '$restless'" /dev/null
	all_type '\0004'
	all_ended 0
}

@test "Ctrl-C ends all of it, every time" {
	need script
	several script -q -e -c "stty -echo; exec $fdstep '$restless'" /dev/null
	all_type '\0003'
	all_ended 130
}

@test "a quit from the keyboard ends all of it, too" {
	need script
	mkfifo keys
	exec 7<>keys
	start_from keys stepping script -q -e -c \
		"ulimit -c 0; exec $fdstep '$restless'" /dev/null
	wait_for has 3 grep -aE ' fd(listen|recv) *.?$' stepping.out
	printf '\034' >&7
	ended stepping
	is_status 131
	wait_for none_left
}

@test "so does the end of who reads what it draws" {
	begin_reading() { "$fdstep" -g "$restless" </dev/null | head -n 1; }
	start reading begin_reading
	ended reading
	wait_for none_left
}

@test "SIGTERM ends all of it, every time" {
	local number

	several "$fdstep" "$restless"
	for ((number = 0; number < tries; number++)); do
		signal "step.$number"
	done
	all_ended 143
}

@test "what spins, or does not obey SIGTERM, is killed" {
	begin "trap '' TERM; sleep 100 & while :; do :; done & fdlisten ./a true"
	wait_for grep -qE '^[ :|]+server' stepping.out
	echo q >&7
	ended stepping
	is_status 0
	wait_for none_left
}

# bare_path: a directory ./path of what fdstep needs, and no more.
bare_path()
{
	local file

	mkdir path
	for file in cat mkdir mkfifo mawk gawk awk rm sleep stty sh dirname true; do
		! type -P "$file" >/dev/null || ln -s "$(type -P "$file")" path
	done
}

# without_setsid COMMAND...: where there is no such program.
without_setsid()
{
	start_from keys stepping env "PATH=$PWD/path" "$@"
}

@test "without setsid the shell makes the group" {
	need script
	need setsid
	mkfifo keys
	exec 7<>keys
	bare_path
	ln -s "$FDPASS_BIN"/fd* path
	without_setsid "$(type -P script)" -q -c "fdstep '
		fdlisten ./b true & sleep 100 & fdlisten ./a true'" /dev/null
	wait_for has 2 grep -aE '^[ |]+server' stepping.out
	echo q >&7
	ended stepping
	is_status 0
	wait_for none_left
	# dash cannot where there is no terminal, and says so; bash can.
	without_setsid "$(type -P setsid)" fdstep 'sleep 100 & fdlisten ./a true'
	wait_for grep -q . stepping.out stepping.err
	if [ ! -s stepping.err ]; then
		wait_for grep -qE '^[ :|]+server' stepping.out
		echo q >&7
		ended stepping
		is_status 0
	else
		ended stepping
		is_status 1
		same "$(cat stepping.err)" \
			"fdstep: no setsid and no terminal: cannot end the composition"
	fi
	wait_for none_left
}

# status_of STATUS COMPOSITION
status_of()
{
	run_limited "$fdstep" -g "$2" </dev/null
	is_status "$1"
}

@test "its status is the composition's own" {
	status_of 0 true
	status_of 3 'exit 3'
	status_of 124 'fdlisten -t 0.01 ./a true'
	status_of 1 'fdconnect ./nobody'
	status_of 137 'kill -9 $$'
	status_of 143 'kill 0'
	status_of 255 'exit 255'
	status_of 5 'exit 5'
}

@test "a command that is not there is told by the shell" {
	run -127 limited "$fdstep" -g no-such-command
	like "$output" "* > sh: *no-such-command: *not found*"
}

@test "a composition that has ended ends what it left, when it goes by itself" {
	run_limited "$fdstep" -g 'fdrecv -n 2 ./pool true & sleep 100 & exit 3' \
		</dev/null
	is_status 3
	wait_for none_left
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

# Of the terminal that tmux makes: 80 by 24, as a student has it.
at_terminal()
{
	need tmux
	terminal_socket=$TMPDIR/tmux
	tmux_ new-session -d -x 80 -y 24 env PS1='$ ' sh
	wait_for on_screen '^\$'
	type_line "fdstep $*; echo status \$?"
}

tmux_()
{
	env -u TMUX tmux -f /dev/null -S "$terminal_socket" "$@" 3>&- 4>&-
}

type_line()
{
	tmux_ send-keys -l "$1"
	tmux_ send-keys Enter
}

screen()
{
	tmux_ capture-pane -p
}

# on_screen PATTERN: whether a line of it is like that.
on_screen()
{
	screen | grep -qE -- "$1"
}

# prompts TEXT: until the last line says so.
prompts()
{
	wait_for last_line "$1" || { screen; return 1; }
}

last_line()
{
	like "$(screen | sed '/^ *$/d' | tail -n 1)" "$1" >/dev/null
}

teardown()
{
	[ -z "${terminal_socket-}" ] || tmux_ kill-server 2>/dev/null || :
	rm -f "${terminal_socket-}"
	common_teardown
}

@test "at 80 by 24: a legend, and what can be typed" {
	at_terminal
	prompts '\[Enter] b socketpair()   \[g]o on  \[q]uit  \[?]'
	on_screen '^o call, x end, => descriptor, -> bytes; S1-S8 server, W1-W4'
	# Nothing is broken, neither by the terminal nor at its right edge.
	same "$(screen)" "$(tmux_ capture-pane -pJ | sed 's/ *$//')"
	type_line '?'
	wait_for on_screen '^q +quit: end all of it'
	wait_for on_screen '^o +a call has been made +x +the process has ended'
	wait_for on_screen 'S1 socket +S2 bind .*S5 start a worker$'
	wait_for on_screen '^worker +W1 receive the descriptor'
	same "$(screen)" "$(tmux_ capture-pane -pJ | sed 's/ *$//')"
	prompts '\[Enter] b socketpair()*'
	type_line q
	wait_for on_screen '^status 0'
	tmux_ send-keys C-c
}

@test "every key is answered" {
	at_terminal "'fdlisten 127.0.0.1:0 true & wait'"
	prompts '\[Enter] a socket()*'
	type_line x
	wait_for on_screen '^There is no process x\.'
	type_line go
	wait_for on_screen '^Not a key: go \(\? lists the keys\)'
	type_line a
	prompts '\[Enter] a bind(*, 127.0.0.1:0)*'
	type_line ''
	prompts '\[Enter] a listen(*)*'
	type_line ''
	prompts '\[Enter] a accept(*)*'
	type_line ''
	prompts 'Waiting: a accept(*)*'
	type_line ''
	wait_for on_screen '^No process is at a call; all wait for each other\.'
	type_line a
	wait_for on_screen '^a waits in accept\([0-9]+\) for somebody else\.'
	type_line q
	wait_for on_screen '^status 0'
	tmux_ send-keys C-c
}

@test "Ctrl-C leaves a clean line for the shell" {
	at_terminal
	prompts '\[Enter] b socketpair()*'
	tmux_ send-keys C-c
	wait_for on_screen '^status 130|^\$'
	not on_screen 'Enter\]'
	tmux_ send-keys C-c
}

@test "a window that changes its size is drawn in, with all its columns" {
	at_terminal "'for i in 1 2 3 4 5 6; do fdlisten 0 true & done; wait'"
	prompts '\[Enter] *socket()*'
	wait_for on_screen '\bf fdlisten'
	tmux_ resize-window -x 50 -y 24
	prompts '\[Enter] *'
	type_line g
	wait_for has 6 drawn 'S3 li'
	same "$(drawn '.{50}')" ""
	tmux_ send-keys C-c
}

# drawn PATTERN: such lines behind the first prompt, those above the screen too.
drawn()
{
	tmux_ capture-pane -pS - | sed '1,/^\[Enter/d' | grep -E "$1"
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

@test "q ends the composition: nothing of it is run any more" {
	mkfifo keys
	exec 7<>keys
	start_from keys step "$fdstep" \
		'fdrecv ./q true; touch side; sleep 300' 7>&-
	wait_for grep -q receiver step.out
	echo >&7
	wait_for grep -q 'socket()' step.out
	echo q >&7
	ended step
	wait_for none_left
	not test -e side
	exec 7>&-
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
