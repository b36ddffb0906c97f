# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2086
# Several who share one source share the work: connections that are held come
# to all of them, whatever the pace, and nobody's connection waits for one who
# is busy or has no room.

load ../lib/helpers
load ../lib/trials
load opponents

setup()
{
	common_setup
	need_proc
	need_linux
	ulimit -S -n "$(ulimit -H -n)" || :
}

# What runs behind a shell has to be ended after a failure, too.
teardown()
{
	local process

	for process in $(ours_named fdlisten fdecho fdrecv); do
		kill -KILL "$process" 2>/dev/null || :
	done
	rm -f ./s
	common_teardown
}

# held N WHERE [OPTION]: so many connections, one after another, are served.
held()
{
	start holder opponent hold ${3-} -n "$1" "$2"
	DEADLINE=20 wait_for test -s holder.out
	same "$(cat holder.out)" "held $1"
}

# in_loop PROCESS: it has come to its loop, and waits for descriptors.
in_loop()
{
	grep -qs '^tfd:' "/proc/$1/fdinfo"/*
}

# note_idle NAME: the workers, and what each has open without a connection.
note_idle()
{
	local process

	declare -gA idle=()
	for process in $(ours_named "$1"); do
		wait_for in_loop "$process"
		idle[$process]=$(descriptors "$process")
	done
}

# held_by PROCESS: so many connections it has now.
held_by()
{
	echo $(($(descriptors "$1") - ${idle[$1]}))
}

# all_idle: no worker has a connection.
all_idle()
{
	local process

	for process in "${!idle[@]}"; do
		[ "$(held_by "$process")" -eq 0 ] || return 1
	done
}

# warm_up ADDRESS: hold connections until each worker has several. (A worker
# waits for its only client alone, for 10 ms at most, and leaves what comes
# meanwhile to the others.)
warm_up()
{
	local i process

	note_idle fdecho
	for i in 1 2 3 4 5 6 7 8 9 10; do
		start "first$i" opponent hold -n 40 "$1"
		wait_for test -s "first$i.out"
		for process in "${!idle[@]}"; do
			[ "$(held_by "$process")" -ge 2 ] || continue 2
		done
		return 0
	done
	echo "a worker has not got two connections of 400"
	return 1
}

# shared MOST LEAST: of the connections held now no worker has more, or fewer.
shared()
{
	local process n list='' wrong=0

	for process in "${!idle[@]}"; do
		n=$(held_by "$process")
		list+=" $n"
		if [ "$n" -gt "$1" ] || [ "$n" -lt "$2" ]; then
			wrong=$((wrong + 1))
		fi
	done
	report "$list"
	same "$wrong" 0 "workers with less than $2, or more than $1"
}

# counted MOST WORKERS: of what ./shares has a line for; a line names who
# has run COMMAND.
counted()
{
	local n failed=

	sort shares | uniq -c | sort -n >count
	report "$(awk '{ printf "%s ", $1 }' count)"
	# (fdlisten may have added some.)
	at_least "$2" "$(wc -l <count)" "workers that had any" || failed=1
	n=$(tail -n 1 count | awk '{ print $1 }')
	at_most "$1" "$n" "of one worker" || failed=1
	[ -z "$failed" ]
}

there()
{
	has "$2" ours_named "$1"
}

# finish PROCESS NAME...: end those.
finish()
{
	local process

	stop holder || :
	for process in $(ours_named "$@"); do
		kill "$process" 2>/dev/null || :
	done
	DEADLINE=5 wait_for none_left
	rm -f ./s
}

@test "400 held connections, 4 workers of a stream" {
	start pipe fdpipe -n 4 fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	wait_for there fdecho 4
	address_of address
	note_idle fdecho
	held 400 "$(cat address)"
	shared 160 1
	finish fdpipe
}

@test "400 held connections, 64 workers of a stream" {
	start pipe fdpipe -n 64 fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	wait_for there fdecho 64
	address_of address
	note_idle fdecho
	held 400 "$(cat address)"
	shared 400 1
	finish fdpipe
}

@test "400 held connections, in four bursts at another pace" {
	local i

	start pipe fdpipe -n 4 fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	wait_for there fdecho 4
	address_of address
	warm_up "$(cat address)"
	note_idle fdecho
	for i in 1 2 3 4; do
		start "holder$i" opponent hold -n 100 "$(cat address)"
	done
	for i in 1 2 3 4; do
		wait_for test -s "holder$i.out"
		same "$(cat "holder$i.out")" "held 100"
	done
	# (Four at once, without a pause: the scheduler has its say, too.)
	shared 250 20
	finish opponent fdpipe
}

@test "400 held connections, 4 that take from one listening socket" {
	start servers fdlisten -l ./s sh -c \
		'for i in 1 2 3 4; do fdecho fd:3 & done; exec 3<&-; wait'
	wait_for there fdecho 4
	up ./s
	note_idle fdecho
	held 400 ./s -m
	shared 160 1
	finish fdecho
}

@test "400 held connections, 64 that take from one listening socket" {
	start servers fdlisten -l ./s sh -c 'i=0
		while [ $i -lt 64 ]; do fdecho fd:3 & i=$((i + 1)); done
		exec 3<&-; wait'
	wait_for there fdecho 64
	up ./s
	note_idle fdecho
	held 400 ./s -m
	shared 400 1
	finish fdecho
}

@test "400 held connections, 4 servers on one address, each with a worker" {
	start servers fdlisten -l -o address 127.0.0.1:0 sh -c \
		'for i in 1 2 3 4; do fdlisten -k fd:3 | fdecho - & done
		exec 3<&-; wait'
	wait_for there fdecho 4
	address_of address
	note_idle fdecho
	held 400 "$(cat address)"
	shared 160 1
	finish fdlisten
}

@test "held connections, 4 servers on one address that run COMMAND" {
	local n

	n=$(scaled 100 400)
	start servers fdlisten -l -o address 127.0.0.1:0 sh -c \
		'for i in 1 2 3 4; do
			fdlisten -k -n 1000 fd:3 account shares fdecho &
		done
		exec 3<&-; wait'
	wait_for there fdlisten 4
	address_of address
	held "$n" "$(cat address)"
	counted $((n * 13 / 40)) 4
	finish fdlisten
}

@test "held connections, fdlisten -k that runs COMMAND: all are served" {
	local n

	n=$(scaled 100 400)
	start server fdlisten -k -n 1000 -o address 127.0.0.1:0 \
		account shares fdecho
	address_of address
	held "$n" "$(cat address)"
	same "$(wc -l <shares)" "$n"
	finish fdlisten
}

@test "400 short connections, a pool of 4 on a name" {
	start pool fdrecv -n 4 ./s account shares fdecho
	start server sh -c \
		'fdlisten -k -o address 127.0.0.1:0 | fdsend -rw ./s'
	run_limited load -n 400 -c 1 "$(address_of address)"
	is_status 0
	counted 130 4
	in_turn fdlisten fdrecv
}

@test "400 short connections, a pool of 4 on a stream" {
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		fdrecv -n 4 - account shares fdecho'
	run_limited load -n 400 -c 1 "$(address_of address)"
	is_status 0
	counted 130 4
	in_turn fdlisten fdrecv
}

@test "400 short connections, a pool of 64 on a stream: none has none" {
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		fdrecv -n 64 - account shares fdecho'
	wait_for there fdrecv 65
	run_limited load -n 400 -c 1 "$(address_of address)"
	is_status 0
	counted 400 64
	in_turn fdlisten fdrecv
}

# Halted, it is to the kernel like one that computes: it does not wait.
@test "a worker that is busy gets nothing while others are idle" {
	local busy

	start pipe fdpipe -n 4 fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	wait_for there fdecho 4
	address_of address
	note_idle fdecho
	for busy in "${!idle[@]}"; do
		wait_for all_idle
		kill -STOP "$busy"
		start holder opponent hold -n 40 "$(cat address)"
		wait_for test -s holder.out
		same "$(cat holder.out)" "held 40" || failed=1
		same "$(descriptors "$busy")" "${idle[$busy]}" "of the busy" ||
			failed=1
		stop holder
		kill -CONT "$busy"
	done
	stop pipe
	[ -z "${failed-}" ]
}

@test "a pool's worker that is busy gets nothing while others are idle" {
	local busy

	start pool fdrecv -n 4 ./s fdecho
	up ./s
	wait_for has 4 children "$(process pool)"
	for busy in $(children "$(process pool)"); do
		kill -STOP "$busy"
		same "$(for i in 1 2 3 4 5; do
			limited opponent probe -e ./s
		done | grep -c '^served')" 5 || failed=1
		kill -CONT "$busy"
	done
	stop pool
	[ -z "${failed-}" ]
}

# The one that is woken first holds 15 already, and its table has 40 places.
@test "a message that one has no room for goes to another who has" {
	local line n=0

	start victim opponent fill -w go -n 15 -n 25 -n 1 sh -c \
		'exec 3<&0 </dev/null
		for i in 1 2; do with -l 40 fdecho fd:3 & done
		exec 3<&-; wait'
	wait_for there fdecho 2
	wait_for asleep
	: >go
	wait_for has 3 grep echoed victim.err
	while read -r line; do
		report "$line ms"
		like "$line" "echoed * in *" >/dev/null &&
			at_most "$SERVED" "${line##* }" ms || n=$((n + 1))
	done < <(grep echoed victim.err)
	same "$n" 0 "messages that were late"
}

# asleep: all of them wait.
asleep()
{
	local process stat

	for process in $(ours_named fdecho); do
		stat=$(ps -o stat= -p "$process")
		like "$stat" "S*" >/dev/null || return
	done
}
