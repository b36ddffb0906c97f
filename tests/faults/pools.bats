# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# A pool that is replaced, killed, or absent, under load: what was accepted
# reaches a worker.

load ../lib/helpers
load ../lib/trials

serve()
{
	start server sh -c \
		"fdlisten -k -o ./address 127.0.0.1:0 | fdsend -rw ./pool"
	start flood flood "$(address_of address)" "$1" 32
}

# start_pool NUMBER: one kind and the other in turn; $name is its.
start_pool()
{
	name=pool$1
	if [ $(($1 % 2)) = 0 ]; then
		start "$name" fdrecv -n 4 ./pool fdecho
	else
		start "$name" fdecho ./pool
	fi
}

no_pool()
{
	[ ! -e ./pool ]
}

end_server()
{
	local process

	for process in $(ours_named fdlisten); do
		kill "$process"
	done
	ended server
	is_status 0
	# (What has waited for three seconds says so.)
	same "$(grep -v 'still waiting$\|more messages\? like' server.err)" ""
}

@test "a pool that is ended and replaced loses nothing" {
	local i rounds old

	rounds=$(scaled 6 50)
	start_pool 0
	serve "$(scaled 1200 20000)"
	flowing
	for ((i = 1; i <= rounds; i++)); do
		old=$name
		signal "$old"
		# Now after the old one has ended, now beside it.
		if [ $((i % 4)) -lt 2 ]; then
			ended "$old"
			is_status 0
			start_pool "$i"
		else
			wait_for no_pool
			start_pool "$i"
			ended "$old"
			is_status 0
		fi
		same "$(cat "$old.err")" ""
		sleep 0.1
	done
	flooded
	report "$tried connections, $rounds replacements, $lost lost"
	same "$lost" 0 lost
	end_server
}

# kill_workers PROCESS N: so many of its workers, one after another.
kill_workers()
{
	local i worker

	for ((i = 0; i < $2; i++)); do
		wait_for some_workers "$1"
		worker=${workers[RANDOM % ${#workers[@]}]}
		kill -KILL "$worker"
		sleep 0.05
	done
}

# some_workers PROCESS: sets the array $workers; none is no success.
some_workers()
{
	if [ -r "/proc/$1/task/$1/children" ]; then
		read -r -a workers <"/proc/$1/task/$1/children" || :
	else
		mapfile -t workers < <(children "$1")
	fi
	[ "${#workers[@]}" -gt 0 ]
}

@test "a worker of a pool that is killed loses what it holds, no more" {
	local kills

	kills=$(scaled 4 100)
	start pool fdrecv -n 4 ./pool fdecho
	serve "$(scaled 600 10000)"
	flowing
	kill_workers "$(process pool)" "$kills"
	flooded
	report "$tried connections, $kills killed, $lost lost"
	at_most "$kills" "$lost" lost
	end_server
	stop pool
	is_status 0
}

@test "a worker of a stream that is killed loses what it holds, no more" {
	local kills

	kills=$(scaled 4 100)
	start server sh -c "fdlisten -k -o ./address 127.0.0.1:0 |
		{ echo \$\$ >pool.pid; exec fdrecv -n 4 - fdecho; }"
	start flood flood "$(address_of address)" "$(scaled 600 10000)" 32
	flowing
	mapfile -t pool < <(ours_named fdrecv)
	for process in "${pool[@]}"; do
		if [ -n "$(children "$process")" ]; then
			break
		fi
	done
	kill_workers "$process" "$kills"
	flooded
	report "$tried connections, $kills killed, $lost lost"
	at_most "$kills" "$lost" lost
	end_server
}

@test "a worker for many that is killed loses those in its hands, no more" {
	local i kills

	kills=$(scaled 4 25)
	start pool0 fdecho ./pool
	serve "$(scaled 1200 20000)"
	flowing
	for ((i = 1; i <= kills; i++)); do
		stop "pool$((i - 1))" KILL
		# It finds the name stale, and replaces it.
		start "pool$i" fdecho ./pool
		sleep 0.1
	done
	flooded
	report "$tried connections, $kills killed with up to 32 in hand," \
		"$lost lost"
	at_most $((kills * 32)) "$lost" lost
	end_server
	stop "pool$kills"
	is_status 0
}

@test "a pool that is absent for a while loses nothing" {
	local seconds

	seconds=$(scaled 1 3)
	start_pool 0
	serve "$(scaled 600 10000)"
	flowing
	stop pool0
	is_status 0
	mapfile -t waiting < <(ours_named fdlisten fdsend)
	thrifty "$seconds" "${waiting[@]}"
	start_pool 2
	flooded
	report "$tried connections, $seconds s without a pool, $lost lost," \
		"at most $used % of processor time in the meantime"
	same "$lost" 0 lost
	end_server
	stop pool2
	is_status 0
}

@test "a pool whose name is removed and made anew loses nothing" {
	local i rounds

	rounds=$(scaled 3 20)
	start_pool 0
	serve "$(scaled 600 10000)"
	flowing
	for ((i = 1; i <= rounds; i++)); do
		rm ./pool
		start_pool "$i"
		up ./pool
		# The old one must leave the new one's name alone.
		stop "pool$((i - 1))"
		is_status 0
		test -S ./pool
		sleep 0.05
	done
	flooded
	report "$tried connections, $rounds names, $lost lost"
	same "$lost" 0 lost
	end_server
}
