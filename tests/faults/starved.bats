# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# Too few descriptors, too few processes, too many descriptors in flight, full
# queues: everybody waits, without spinning, nobody is lost, all recover.

load ../lib/helpers
load ../lib/trials

teardown()
{
	local process

	# Whoever was stopped goes on, so that it can end.
	for process in $(ours); do
		kill -CONT "$process" 2>/dev/null || :
	done
	common_teardown && failed=0 || failed=1
	close_directory
	return "$failed"
}

# crowd ADDRESS: 200 clients at once; stopped in the middle, so that nothing
# moves, and let go again later: nobody is lost. Meanwhile no command spins.
crowd()
{
	local n

	n=$(scaled 220 2000)
	start crowd load -c 200 -n "$n" -s 1000000 -t 100 "$1"
	sleep 0.1
	signal crowd STOP
	sleep 0.3
	mapfile -t commands < <(ours_named fdlisten fdsend fdrecv fdecho fdpipe)
	thrifty "$(scaled 1 5)" "${commands[@]}"
	signal crowd CONT
	DEADLINE=110 ended crowd
	count_load crowd.out
	report "$tried connections, 200 at once, $lost lost, at most $used %" \
		"of processor time while starved"
	same "$lost" 0 lost
	is_status 0
	at_least "$n" "$tried"
}

# --- 24 descriptors

few='with -l 24'

@test "24 descriptors: fdlisten with a COMMAND" {
	start server $few fdlisten -k -o ./address 127.0.0.1:0 fdecho
	crowd "$(address_of address)"
	stop server
	is_status 0
}

@test "24 descriptors: fdlisten, fdsend, a pool" {
	start pool $few fdrecv -n 4 ./pool fdecho
	start server $few fdlisten -k -o ./address 127.0.0.1:0 fdsend -w ./pool
	crowd "$(address_of address)"
	in_turn fdlisten fdrecv
}

@test "24 descriptors: fdlisten, fdsend -r, a pool" {
	start pool $few fdrecv -n 4 ./pool fdecho
	start server $few sh -c \
		'fdlisten -k -o ./address 127.0.0.1:0 | fdsend -rw ./pool'
	crowd "$(address_of address)"
	in_turn fdlisten fdrecv
}

@test "24 descriptors: fdlisten, fdsend -r, fdecho" {
	start pool $few fdecho ./pool
	start server $few sh -c \
		'fdlisten -k -o ./address 127.0.0.1:0 | fdsend -rw ./pool'
	crowd "$(address_of address)"
	in_turn fdlisten fdecho
}

@test "24 descriptors: fdlisten, fdsend -r to a stream, workers" {
	start server $few sh -c \
		'fdlisten -k -o ./address 127.0.0.1:0 | fdsend -r - |
		fdrecv -n 3 - fdecho'
	crowd "$(address_of address)"
	in_turn fdlisten
}

@test "24 descriptors: fdlisten, fdecho" {
	start server $few sh -c \
		'fdlisten -k -o ./address 127.0.0.1:0 | fdecho -'
	crowd "$(address_of address)"
	in_turn fdlisten
}

@test "24 descriptors: fdpipe" {
	start server $few fdpipe -n 2 \
		fdlisten -k -o ./address 127.0.0.1:0 '|' fdecho -
	crowd "$(address_of address)"
	stop server
	is_status 0
}

@test "24 descriptors: messages of 10 descriptors" {
	local n

	n=$(scaled 20 200)
	start worker $few fdrecv -ak ./s sh -c 'echo "$LISTEN_FDS"'
	start relay $few paired -t seqpacket sh -c '
		for i in $(seq "$0"); do
			fdsend -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 \
				-f 0 -
		done' "$n" \
		'|' fdsend -rw ./s
	ended relay
	is_status 0
	wait_for has "$n" grep -x 10 worker.out
	report "$n messages, 0 lost"
	same "$(grep -v -e "trying again" -e "more message" \
		relay.err worker.err)" ""
	stop worker
}

# --- processes

# There is room for one COMMAND, no more.
@test "a limit on processes: a pool" {
	open_directory
	start pool "${as_user[@]}" prlimit --nproc=9 \
		fdrecv -n 4 ./pool fdecho
	start server "${as_user[@]}" prlimit --nproc=9 sh -c \
		'fdlisten -k -o ./address 127.0.0.1:0 |
		fdsend -rw ./pool'
	crowd "$(address_of address)"
	at_least 1 "$(grep -c "Resource temporarily" pool.err)" "lines"
	in_turn fdlisten fdrecv
}

@test "a limit on processes: fdlisten with a COMMAND" {
	open_directory
	start server "${as_user[@]}" prlimit --nproc=4 \
		fdlisten -k -o ./address 127.0.0.1:0 fdecho
	crowd "$(address_of address)"
	at_least 1 "$(grep -c "Resource temporarily" server.err)" "lines"
	in_turn fdlisten
}

@test "a limit on processes: a worker that cannot be replaced" {
	open_directory
	start pool "${as_user[@]}" fdrecv -n 3 ./pool fdecho
	pool=$pid
	up ./pool
	wait_for has 3 children "$pool"
	"${as_user[@]}" prlimit --nproc=1: --pid "$pool"
	kill -KILL "$(children "$pool" | head -n 1)"
	wait_for grep -q "Resource temporarily" pool.err
	thrifty 1 "$pool"
	"${as_user[@]}" prlimit --nproc=1000: --pid "$pool"
	wait_for has 3 children "$pool"
	stop pool
	is_status 0
}

# --- descriptors in flight

# accepted MOST: how many connections fdlisten has taken while nobody took
# them from it.
accepted()
{
	grep -c "accept(.*) = " "$1" || :
}

@test "too many descriptors in flight: a stream that nobody reads" {
	open_directory
	start pool "${as_user[@]}" fdecho ./pool
	start server "${as_user[@]}" prlimit --nofile=24 sh -c \
		'FDTRACE=1 fdlisten -k -o ./address 127.0.0.1:0 2>trace |
		fdsend -rw ./pool'
	address=$(address_of address)
	limited load "$address"
	relay=$(ours_named fdsend)
	kill -STOP "$relay"
	start crowd load -c 200 -n "$(scaled 400 5000)" -t 100 "$address"
	sleep 0.5
	# Far more would fit into the socket's buffer.
	at_most 60 "$(accepted trace)" "accepted"
	at_least 24 "$(accepted trace)" "accepted"
	thrifty "$(scaled 1 3)" "$(ours_named fdlisten)"
	kill -CONT "$relay"
	DEADLINE=110 ended crowd
	count_load crowd.out
	report "$tried connections, $lost lost," \
		"at most $used % of processor time in the meantime"
	same "$lost" 0 lost
	in_turn fdlisten fdecho
}

@test "too many descriptors in flight: a pool that does not accept" {
	open_directory
	start pool "${as_user[@]}" fdecho ./pool
	up ./pool
	start server "${as_user[@]}" prlimit --nofile=24 \
		fdlisten -k -o ./address 127.0.0.1:0 fdsend -w ./pool
	address=$(address_of address)
	limited load "$address"
	signal pool STOP
	start crowd load -c 100 -n "$(scaled 200 2000)" -t 100 "$address"
	sleep 0.5
	mapfile -t senders < <(ours_named fdsend)
	at_least 50 "${#senders[@]}" senders
	thrifty "$(scaled 1 3)" "${senders[@]}"
	signal pool CONT
	DEADLINE=110 ended crowd
	count_load crowd.out
	report "$tried connections, ${#senders[@]} senders waiting," \
		"$lost lost, at most $used % of processor time"
	same "$lost" 0 lost
	in_turn fdlisten fdecho
}

@test "too many descriptors in flight: a relay to a stream" {
	open_directory
	start server "${as_user[@]}" prlimit --nofile=24 sh -c \
		'fdlisten -k -o ./address 127.0.0.1:0 | fdsend -r - | fdecho -'
	address=$(address_of address)
	limited load "$address"
	last=$(ours_named fdecho)
	kill -STOP "$last"
	start crowd load -c 200 -n "$(scaled 400 5000)" -t 100 "$address"
	sleep 0.3
	mapfile -t commands < <(ours_named fdlisten fdsend)
	thrifty "$(scaled 1 3)" "${commands[@]}"
	kill -CONT "$last"
	DEADLINE=110 ended crowd
	count_load crowd.out
	report "$tried connections, $lost lost," \
		"at most $used % of processor time in the meantime"
	same "$lost" 0 lost
	in_turn fdlisten
}

# --- full queues and buffers

@test "a full stream: no connection is accepted that has no place in it" {
	local n

	n=$(scaled 600 3000)
	start pool fdecho ./pool
	start server sh -c \
		'FDTRACE=1 fdlisten -k -o ./address ./a 2>trace |
		fdsend -rw ./pool'
	address_of address
	limited load ./a
	relay=$(ours_named fdsend)
	kill -STOP "$relay"
	start crowd load -c "$n" -n "$n" -t 100 ./a
	wait_for full
	mapfile -t commands < <(ours_named fdlisten)
	thrifty "$(scaled 1 3)" "${commands[@]}"
	taken=$(accepted trace)
	at_most $((n - 1)) "$taken" accepted
	kill -CONT "$relay"
	DEADLINE=110 ended crowd
	count_load crowd.out
	report "$tried connections, $taken accepted while nobody took them," \
		"$lost lost, at most $used % of processor time"
	same "$lost" 0 lost
	in_turn fdlisten fdecho
}

# The number of accepted connections does not grow any more.
full()
{
	local before

	before=$(accepted trace)
	sleep 0.2
	[ "$before" -gt 20 ] && [ "$(accepted trace)" = "$before" ]
}

# in_small_world COMMAND...: where a listening socket has room for 4.
in_small_world()
{
	unshare -n sh -c '
		ip link set lo up &&
		echo 4 >/proc/sys/net/core/somaxconn && exec "$@"' sh "$@"
}

need_small_world()
{
	need_root
	need unshare ip
	in_small_world true || skip "no network namespaces here"
}

@test "full listen queues: a pool that does not accept" {
	need_small_world
	start pool in_small_world fdecho ./pool
	start server sh -c 'fdlisten -k ./a | fdsend -rw ./pool'
	wait_for limited load -n 1 ./a
	pool=$(ours_named fdecho)
	kill -STOP "$pool"
	start crowd load -c 200 -n "$(scaled 400 5000)" -t 100 ./a
	sleep 0.3
	mapfile -t commands < <(ours_named fdlisten fdsend)
	thrifty "$(scaled 1 3)" "${commands[@]}"
	kill -CONT "$pool"
	DEADLINE=110 ended crowd
	count_load crowd.out
	report "$tried connections, $lost lost," \
		"at most $used % of processor time in the meantime"
	same "$lost" 0 lost
	in_turn fdlisten fdecho
}

@test "full listen queues: a server that does not accept" {
	need_small_world
	start server in_small_world fdlisten -k ./a fdecho
	wait_for limited load -n 1 ./a
	server=$(ours_named fdlisten)
	kill -STOP "$server"
	start crowd load -c 200 -n "$(scaled 400 5000)" -t 100 ./a
	sleep 0.3
	kill -CONT "$server"
	DEADLINE=110 ended crowd
	count_load crowd.out
	report "$tried connections, $lost lost"
	same "$lost" 0 lost
	in_turn fdlisten
}
