# SPDX-License-Identifier: ISC
# How fdstep ends, and ends what it began.

load ../lib/helpers
load ../lib/stepping

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

tries=$(scaled 2 10)

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
		same "$(<stepping.err)" \
			"fdstep: no setsid and no terminal: cannot end the composition"
	fi
	wait_for none_left
}

# begin_one STATUS COMPOSITION: which is to end with this status.
begin_one()
{
	start "step.${#expected[@]}" "$fdstep" -g "$2"
	expected+=("$1")
}

@test "its status is the composition's own" {
	local number expected=()

	begin_one 0 true
	begin_one 3 'exit 3'
	begin_one 124 'fdlisten -t 0.01 ./a true'
	begin_one 1 'fdconnect ./nobody'
	# shellcheck disable=SC2016
	begin_one 137 'kill -9 $$'
	begin_one 143 'kill 0'
	begin_one 255 'exit 255'
	begin_one 5 'exit 5'
	for number in "${!expected[@]}"; do
		ended "step.$number"
		is_status "${expected[number]}"
	done
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
