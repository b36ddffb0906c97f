# SPDX-License-Identifier: ISC
# fdrecv: how many descriptors one message carries and where they land (-f, -a),
# what is refused, -t, -v.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/trace

receiver()
{
	start receiver fdrecv "$@"
	up ./s
}

served()
{
	ended receiver
	is_status 0
}

# copies N: the options to send or take N descriptors, in the array $copies.
copies()
{
	local i

	copies=()
	for ((i = 0; i < $1; i++)); do
		copies+=(-f "${2:-0}")
	done
}

# targets N: the options to put N descriptors at 3, 4, ... in $targets.
targets()
{
	local i

	targets=()
	for ((i = 3; i < $1 + 3; i++)); do
		targets+=(-f "$i")
	done
}

# baseline: how many descriptors a worker has open after its first message.
baseline()
{
	limited fdsend ./s
	wait_for grep -q received receiver.out
	wait_for idle receiver
	before=$(descriptors "$(process receiver)")
}

as_before()
{
	idle receiver && [ "$(descriptors "$(process receiver)")" = "$before" ]
}

@test "one descriptor lands on the number that was asked for" {
	receiver -f 5 ./s show -o shown fds
	limited fdsend ./s
	served
	same "$(<shown)" "fds 0 1 2 5"
}

@test "one descriptor lands on 0, 1 or 2 if that was asked for" {
	local fd

	echo hello >file
	for fd in 0 1 2; do
		receiver -f "$fd" ./s show -o "shown.$fd" fd
		limited fdsend ./s <file
		served
		grep -x "fd $fd file r" "shown.$fd"
	done
}

@test "two descriptors land in the order of the numbers" {
	receiver -f 9 -f 5 ./s sh -c 'cat <&9 && cat <&5'
	echo a >a
	echo b >b
	limited fdsend -f 6 -f 7 ./s 6<a 7<b
	served
	same "$(<receiver.out)" $'a\nb'
}

@test "the order of the sender's numbers is kept" {
	receiver -f 5 -f 6 ./s sh -c 'cat <&5 && cat <&6'
	echo a >a
	echo b >b
	limited fdsend -f 7 -f 6 ./s 6<a 7<b
	served
	same "$(<receiver.out)" $'b\na'
}

@test "descriptors that arrive on each other's numbers are not mixed up" {
	receiver -f 6 -f 5 -f 4 -f 3 ./s \
		sh -c 'cat <&6 && cat <&5 && cat <&4 && cat <&3'
	for i in a b c d; do
		echo "$i" >"$i"
	done
	limited fdsend -f 5 -f 6 -f 7 -f 8 ./s 5<a 6<b 7<c 8<d
	served
	same "$(<receiver.out)" $'a\nb\nc\nd'
}

@test "the same descriptor may be sent twice" {
	receiver -f 5 -f 6 ./s sh -c 'cat <&5 && cat <&6'
	echo hello >file
	limited fdsend -f 0 -f 0 ./s <file
	served
	same "$(<receiver.out)" hello
}

@test "what the caller had on a wanted number is replaced" {
	echo old >old
	echo new >new
	start receiver sh -c 'exec fdrecv -f 5 ./s cat /dev/fd/5 5<old'
	up ./s
	limited fdsend ./s <new
	served
	same "$(<receiver.out)" new
}

@test "-a takes one descriptor, announced" {
	# shellcheck disable=SC2016
	receiver -a ./s sh -c 'echo "$LISTEN_FDS"; cat <&3
		[ "$LISTEN_PID" = $$ ] && echo mine'
	echo hello >file
	limited fdsend ./s <file
	served
	same "$(<receiver.out)" $'1\nhello\nmine'
}

@test "-a takes two descriptors, from 3 up" {
	receiver -a ./s show -o shown fds
	limited fdsend -f 0 -f 0 ./s
	served
	same "$(<shown)" "fds 0 1 2 3 4"
}

@test "-a announces to the process that is COMMAND in a worker too" {
	# shellcheck disable=SC2016
	receiver -ak ./s sh -c '[ "$LISTEN_PID" = $$ ] && echo "$LISTEN_FDS"'
	limited fdsend -f 0 -f 0 ./s
	wait_for grep -qx 2 receiver.out
	stop receiver
	is_status 0
}

@test "253 descriptors arrive with -a" {
	# shellcheck disable=SC2016
	receiver -a ./s sh -c 'echo "$LISTEN_FDS"; exec show -o shown fds'
	copies 253
	limited fdsend "${copies[@]}" ./s
	served
	same "$(<receiver.out)" 253
	same "$(<shown)" "fds $(seq -s ' ' 0 255)"
}

@test "253 descriptors arrive with -f" {
	targets 253
	receiver "${targets[@]}" ./s show -o shown fds
	copies 253
	limited fdsend "${copies[@]}" ./s
	served
	same "$(<shown)" "fds $(seq -s ' ' 0 255)"
}

@test "254 numbers to put descriptors on are refused" {
	targets 254
	refuses "fdrecv: *253*" fdrecv "${targets[@]}" ./s true
	not test -e ./s
}

@test "two descriptors for one place are refused, and the sender is told" {
	receiver ./s touch ran
	fails 1 "fdsend: ./s: *refused*" fdsend -f 0 -f 0 ./s
	ended receiver
	is_status 1
	one_line receiver.err
	like "$(<receiver.err)" "fdrecv: ./s: *2 descriptors*"
	not test -e ran
	not test -e ./s
}

@test "one descriptor for two places is refused, and the sender is told" {
	receiver -f 5 -f 6 ./s touch ran
	fails 1 "fdsend: ./s: *refused*" fdsend ./s
	ended receiver
	is_status 1
	one_line receiver.err
	like "$(<receiver.err)" "fdrecv: ./s: *1 descriptor*"
	not test -e ran
}

@test "a message without descriptors is refused, and the sender is told" {
	receiver ./s touch ran
	run_limited foreign send -n 0 -s hello ./s
	like "$output" "answer *"
	not same "$output" "answer 0"
	ended receiver
	is_status 1
	one_line receiver.err
	not test -e ran
}

@test "no descriptor stays open in a worker that refused" {
	local before

	need_proc
	receiver -k ./s echo received
	baseline
	copies 253
	for _ in 1 2 3; do
		fails 1 "fdsend: *refused*" fdsend "${copies[@]}" ./s
		fails 1 "fdsend: *refused*" sh -c 'exec fdsend ./s <.'
		limited foreign send -n 0 ./s
		limited foreign send -n 2 ./s
	done
	limited fdsend ./s
	wait_for has 2 grep received receiver.out
	wait_for as_before
	stop receiver
	is_status 0
}

@test "a refused pipe is closed on both sides: its reader gets the end" {
	mkfifo pipe
	start_from pipe reader cat
	receiver -k ./s true
	run_limited sh -c 'exec fdsend -f 5 -f 5 ./s 5>pipe'
	is_status 1
	ended reader
	is_status 0
	stop receiver
}

@test "a worker keeps none of the descriptors that it handed to COMMAND" {
	local before

	need_proc
	receiver -ak ./s echo received
	baseline
	copies 253
	limited fdsend "${copies[@]}" ./s
	limited fdsend -f 0 -f 0 ./s
	wait_for has 3 grep received receiver.out
	wait_for as_before
	stop receiver
}

@test "without room for the descriptors they are refused, the next is served" {
	local before

	need_proc
	start receiver with -l 20 fdrecv -ak ./s echo received
	up ./s
	baseline
	copies 100
	fails 1 "fdsend: *refused*" fdsend "${copies[@]}" ./s
	limited fdsend ./s
	wait_for has 2 grep received receiver.out
	wait_for as_before
	one_line receiver.err
	stop receiver
	is_status 0
}

# --- what cannot be received on

@test "fdrecv ends with 1 when it cannot listen" {
	fails 1 "fdrecv: ./no/s: *: No such file or directory" \
		fdrecv ./no/s true
}

# --- -t, signals

@test "fdrecv -t ends with 124 when nothing comes" {
	run_limited fdrecv -t 0.1 ./s true
	is_status 124
	not test -e ./s
}

@test "fdrecv dies by the signal that ends it, its socket removed" {
	dies_by TERM 15 ./s fdrecv ./s true
	dies_by INT 2 ./s fdrecv ./s true
	dies_by HUP 1 ./s fdrecv ./s true
}

@test "-t takes decimals" {
	run_limited fdrecv -t .1 ./s true
	is_status 124
	run_limited fdrecv -t 0.05 ./s true
	is_status 124
}

# --- -f

@test "a number to land on that is beyond the limit" {
	run_apart fdrecv -t 1 -f 2000000000 ./s true
	like "$status" "[12]"
	like "$stderr" "fdrecv: *2000000000*"
	nothing_left
}

@test "-f takes a number more than once" {
	start receiver fdrecv -f 5 -f 6 -f 7 ./s show -o shown fds
	up ./s
	limited fdsend -f 0 -f 0 -f 0 ./s
	ended receiver
	is_status 0
	same "$(<shown)" "fds 0 1 2 5 6 7"
}

@test "fdrecv puts no two descriptors on one number" {
	refuses "fdrecv: *5*" fdrecv -t 1 -f 5 -f 5 ./s true
	not test -e ./s
}

# --- -v

@test "fdrecv -v shows recvmsg, the sender, the payload, the descriptor" {
	echo hello >file
	start receiver fdrecv -v ./s cat
	up ./s
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec fdsend -s "the payload" ./s <file'
	ended receiver
	all_lines receiver.err
	step W1 recvmsg receiver.err fdrecv
	grep -F "the payload" receiver.err
	grep -E ' received descriptor [0-9]+: file r ' receiver.err
	if ! built_posix_only; then
		grep -F "$PWD/file" receiver.err
		grep -wF "$(cat pid)" receiver.err
	fi
	in_order receiver.err 'recvmsg\(' 'dup2\(' 'exec\('
}

@test "the payload is escaped" {
	start receiver fdrecv -v ./s true
	up ./s
	limited foreign send -s "one\ntwo$(printf '\033')[31m\0three" ./s
	ended receiver
	all_lines receiver.err
	grep -E 'one\\ntwo\\(x1b|033)\[31m\\(0|x00|000)three' receiver.err
	not grep "$(printf '\033')" receiver.err
}

@test "a descriptor that lands at 2 does not get the trace" {
	: >file
	FDTRACE=1 start receiver fdrecv -f 2 ./s sh -c 'echo hello >&2'
	limited fdsend -w -f 5 ./s 5>file
	ended receiver
	like "$(tail -n 1 file)" hello
}
