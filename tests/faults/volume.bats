# SPDX-License-Identifier: ISC
# Thousands of connections: none lost, each worker its share, nothing that
# grows.

load ../lib/helpers
load ../lib/streams

# counts PATTERN: each process with the number of its descriptors.
counts()
{
	local process

	for process in $(matching "$1"); do
		echo "$process $(descriptors "$process")"
	done
}

unchanged()
{
	counts "$1" >after && cmp -s before after
}

@test "thousands of connections through a relay into a pool of four" {
	local share n

	n=$(scaled 3000 10000)
	need_proc
	# A process for each takes ten times as long to start there.
	[ "${FDPASS_VARIANT-}" != sanitized ] || n=1000
	start pool fdrecv -n 4 ./pool account shares fdecho
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		exec fdsend -rw ./pool'
	served_all "$(address_of address)" -n 100 -c 32
	counts 'fd[lrs]*' >before
	# shellcheck disable=SC2034 # for limited()
	LIMIT=80
	served_all "$(cat address)" -n "$n" -c 32 -t 75
	like "$output" "ok=$n *"
	# Each of the four had its share, and nobody else.
	same "$(wc -l <shares)" $((n + 100))
	same "$(sort shares | uniq | wc -l)" 4
	sort shares | uniq -c >count
	cat count
	while read -r share _; do
		[ "$share" -gt $((n / 10)) ]
	done <count
	wait_for unchanged 'fd[lrs]*'
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
	stop pool
	is_status 0
	same "$(cat server.err pool.err)" ""
	not test -e ./pool
}

@test "thousands of connections through fdpipe to four workers" {
	local worker before used n

	n=$(scaled 3000 10000)
	need_proc
	start pipe fdpipe -n 4 fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	served_all "$(address_of address)" -n 500 -c 32
	counts 'fd[el]*' >before
	for worker in $(matching 'fdecho *'); do
		resident "$worker" >"memory.$worker"
	done
	served_all "$(cat address)" -n "$n" -c 32
	like "$output" "ok=$n *"
	wait_for unchanged 'fd[el]*'
	for worker in $(matching 'fdecho *'); do
		before=$(cat "memory.$worker")
		used=$(resident "$worker")
		# Not even 10 bytes for each.
		[ "$used" -le $((before + 100)) ] || {
			echo "$before KiB, $used KiB"
			false
		}
	done
	stop pipe
	is_status 0
	same "$(cat pipe.err)" ""
}

# busy PID: how long that process has worked, in clock ticks.
busy()
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

@test "two thousand connections open at once in one fdecho" {
	local worker most

	need_proc
	ulimit -S -n 5000 || skip "no more than $(ulimit -n) descriptors"
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		exec fdecho -'
	address_of address
	# Each held connection gets a byte back now, and another at the end.
	served_all "$(cat address)" -i 2000 -n 2000 -c 50 -s 3000
	like "$output" "ok=2000 *"
	worker=$(the_one 'fdecho *')
	most=$(resident "$worker" VmHWM)
	[ "$most" -lt $((4096 + 2000 * 4)) ] || {
		echo "$most KiB"
		false
	}
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
	same "$(cat server.err)" ""
}

@test "two thousand clients at once send and are served" {
	ulimit -S -n 5000 || skip "no more than $(ulimit -n) descriptors"
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		exec fdecho -'
	address_of address
	served_all "$(cat address)" -n 2000 -c 2000 -s 20000
	like "$output" "ok=2000 *"
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
	same "$(cat server.err)" ""
}
