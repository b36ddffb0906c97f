# SPDX-License-Identifier: ISC
# Looking in on a running pool, by a tap that takes the place of its name.

load ../lib/helpers

# sender N: hand over, without waiting for anybody, until `enough` is there.
sender()
{
	local ok=0 failed=0

	while [ ! -e enough ]; do
		if fdsend ./pool 2>>"failures$1"; then
			ok=$((ok + 1))
		else
			failed=$((failed + 1))
		fi
	done
	echo "$ok $failed" >"sent$1"
}

@test "a tap takes the place of a pool's name and gives it back, nothing is lost" {
	local i ok=0 failed=0 a b

	start pool fdrecv -n 3 ./pool sh -c 'echo >>ran'
	up ./pool
	: >ran
	for i in 1 2 3 4; do
		start "sender$i" sender "$i"
	done
	for i in 1 2 3; do
		ln ./pool ./pool.real
		start tap fdlisten -k ./pool.tap fdconnect -v ./pool.real
		up ./pool.tap
		mv ./pool.tap ./pool
		wait_for grep -q "SCM_RIGHTS\|1 descriptor\|character" tap.err
		ln ./pool.real ./pool.back
		mv ./pool.back ./pool
		# Those who have connected to it are served.
		sleep 1
		stop tap
		rm ./pool.real
		is_status 0
	done
	: >enough
	for i in 1 2 3 4; do
		ended "sender$i"
		read -r a b <"sent$i"
		ok=$((ok + a)) failed=$((failed + b))
	done
	stop pool
	wait_for none_left
	cat failures*
	same "$failed" 0 "hand-overs that failed"
	[ "$ok" -gt 10 ]
	same "$(wc -l <ran)" "$ok" "COMMANDs"
	not test -e ./pool
}
