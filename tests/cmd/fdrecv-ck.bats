# SPDX-License-Identifier: ISC
# Fetching again: fdrecv -ck runs COMMAND with what it has fetched, and fetches
# again when that has ended.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/holding

# rounds N: whether COMMAND has run so many times.
rounds()
{
	local counted

	count_lines server.out
	[ "$counted" -ge "$1" ]
}

@test "-k fetches again when COMMAND has ended, at most once a second" {
	local began

	holder holder
	began=$(date +%s%N)
	start server fdrecv -ck -f 3 ./keep echo round
	wait_for rounds 3
	[ $(($(date +%s%N) - began)) -ge 2000000000 ]
	stop server
	is_status 0
	same "$(<server.err)" ""
	stop holder
}

@test "-k fetches at once where COMMAND has run for long" {
	local began

	holder holder
	start server fdrecv -ck -f 3 ./keep \
		sh -c 'echo round; [ -e enough ] || sleep 1.2; date +%s%N'
	wait_for rounds 3
	# The third round need not be long, and delays the end no more.
	: >enough
	wait_for rounds 4
	stop server
	is_status 0
	[ $(($(sed -n 4p server.out) - $(sed -n 2p server.out))) -lt 2100000000 ] ||
		skip "this machine is busy"
	stop holder
}

@test "-k holds no connection while COMMAND runs" {
	need_proc
	holder holder
	start server with -x fdrecv -ck -f 3 ./keep sh -c 'echo; exec sleep 20'
	wait_for rounds 1
	same "$(descriptors "$(process server)")" 3
	kill "$(children "$(process server)")"
	stop server
	is_status 0
	stop holder
}

@test "-kw takes what the next holder has, once there is one" {
	holder first -s one
	start server fdrecv -ckw -f 3 ./keep sh -c 'echo "$FDRECV_PAYLOAD"'
	wait_for grep -q one server.out
	stop first
	holder second -s two
	wait_for grep -q two server.out
	stop server
	is_status 0
	stop second
}

@test "-k ends where the holder is gone, without -w" {
	holder holder
	start server fdrecv -ck -f 3 ./keep echo round
	wait_for rounds 1
	stop holder
	ended server
	is_status 1
	like "$(<server.err)" "fdrecv: ./keep: connect: No such file *"
}

@test "on SIGTERM a busy server finishes, an idle one ends at once" {
	mkfifo fifo
	holder holder
	start server fdrecv -ck -f 3 ./keep \
		sh -c 'echo round; read -r line <fifo; echo "$line"'
	wait_for rounds 1
	signal server
	echo finished >fifo
	ended server
	is_status 0
	same "$(<server.out)" $'round\nfinished'
	stop holder
	start server fdrecv -ckw ./keep true
	wait_for idle server
	stop server
	is_status 0
}

@test "-k goes on after a message that was refused" {
	holder first
	start server fdrecv -ckw -f 3 -f 4 ./keep echo round
	wait_for grep -q refused server.err
	stop first
	holder second -f 9
	wait_for rounds 1
	stop server
	is_status 0
	stop second
}

@test "-t with -k is the time without a message" {
	holder holder
	start server fdrecv -ckw -t 1 -f 3 ./keep echo round
	wait_for rounds 2
	stop holder
	ended server
	is_status 124
	like "$(<server.err)" "fdrecv: ./keep: no message within 1 s: *"
}

@test "-n keeps as many servers that each fetch" {
	holder holder
	start pool fdrecv -cw -n 3 -f 3 ./keep sh -c 'echo $$; exec sleep 20'
	wait_for eval '[ "$(wc -l <pool.out)" -eq 3 ]'
	kill "$(head -n 1 pool.out)"
	wait_for eval '[ "$(wc -l <pool.out)" -eq 4 ]'
	signal pool
	# shellcheck disable=SC2046
	kill $(tail -n 3 pool.out)
	ended pool
	is_status 0
	same "$(<pool.err)" ""
	stop holder
}

@test "a table without room: said, and fetched again" {
	holder holder -f 9 -f 9 -f 9 -f 9
	start server with -x -l 6 fdrecv -ck -f 3 -f 4 -f 5 -f 0 -f 1 ./keep \
		true
	wait_for grep -q "no room" server.err
	running server
	stop server
	is_status 0
	fails 1 "fdrecv: ./keep: *no room*" \
		with -x -l 6 fdrecv -c -f 3 -f 4 -f 5 -f 0 -f 1 ./keep true ||
		like "$stderr" "*no room*"
	stop holder
}
