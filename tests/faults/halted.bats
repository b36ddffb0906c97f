# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# Processes that are stopped and let go on, a clock that jumps, full disks,
# standard error that is closed or full: no loss, no hang.

load ../lib/helpers
load ../lib/trials

# --- SIGSTOP

# stumble N COMMAND...: N times, one of the processes that run these commands
# is stopped for a while.
stumble()
{
	local turn turns=$1 process

	shift
	for ((turn = 0; turn < turns; turn++)); do
		mapfile -t processes < <(ours_named "$@")
		[ "${#processes[@]}" -gt 0 ] || continue
		process=${processes[RANDOM % ${#processes[@]}]}
		kill -STOP "$process" 2>/dev/null || continue
		sleep "0.0$((RANDOM % 10))"
		kill -CONT "$process" || :
	done
}

teardown()
{
	local process

	for process in $(ours); do
		kill -CONT "$process" 2>/dev/null || :
	done
	common_teardown
}

@test "processes that are stopped now and then: fdsend -r, a pool" {
	start pool fdrecv -n 4 ./pool fdecho
	start server sh -c \
		'fdlisten -k -o ./address 127.0.0.1:0 | fdsend -rw ./pool'
	start flood flood "$(address_of address)" "$(scaled 600 10000)" 32
	flowing
	stumble "$(scaled 20 300)" fdlisten fdsend fdrecv fdecho
	flooded
	report "$tried connections, $(scaled 20 300) times stopped, $lost lost"
	same "$lost" 0 lost
	in_turn fdlisten fdrecv
}

@test "processes that are stopped now and then: streams" {
	start server sh -c 'fdlisten -k -o ./address 127.0.0.1:0 |
		fdsend -r - | fdecho -'
	start flood flood "$(address_of address)" "$(scaled 600 20000)" 32
	flowing
	stumble "$(scaled 20 300)" fdlisten fdsend fdecho
	flooded
	report "$tried connections, $(scaled 20 300) times stopped, $lost lost"
	same "$lost" 0 lost
	in_turn fdlisten
}

@test "a sender that is stopped is waited for, not for longer than 5 s" {
	local turn turns

	turns=$(scaled 10 200)
	start worker fdrecv -k ./s sh -c 'echo "$FDRECV_PAYLOAD"'
	up ./s
	for ((turn = 1; turn <= turns; turn++)); do
		start sender fdsend -w -s "message $turn" ./s
		kill -STOP "$pid" 2>/dev/null || :
		sleep 0.02
		kill -CONT "$pid" 2>/dev/null || :
		ended sender
		is_status 0
	done
	wait_for has "$turns" cat worker.out
	same "$(sort -u worker.out | wc -l)" "$turns"
	report "$turns messages of senders that were stopped, 0 lost"
	stop worker
}

# --- the clock

# jumpy: a library that makes the clock of the day jump with every look at it.
jumpy()
{
	need cc
	[ "${FDPASS_VARIANT-}" != static ] || skip "a static build"
	[ "${FDPASS_VARIANT-}" != sanitized ] ||
		skip "the sanitizer's library must come first"
	cat >jumpy.c <<-'END'
	#define _GNU_SOURCE
	#include <sys/syscall.h>
	#include <sys/time.h>
	#include <time.h>
	#include <unistd.h>
	static long jump(void)
	{
		static long n;
		return (n += 7919) % 40 * 86400 - 20 * 86400;
	}
	int clock_gettime(clockid_t id, struct timespec *t)
	{
		int r = (int)syscall(SYS_clock_gettime, id, t);
		if (r == 0 && id != CLOCK_MONOTONIC)
			t->tv_sec += jump();
		return r;
	}
	int gettimeofday(struct timeval *t, void *zone)
	{
		struct timespec s;
		(void)zone;
		clock_gettime(CLOCK_REALTIME, &s);
		t->tv_sec = s.tv_sec;
		t->tv_usec = s.tv_nsec / 1000;
		return 0;
	}
	time_t time(time_t *t)
	{
		struct timespec s;
		clock_gettime(CLOCK_REALTIME, &s);
		if (t != NULL)
			*t = s.tv_sec;
		return s.tv_sec;
	}
	END
	cc -shared -fPIC -o jumpy.so jumpy.c
	LD_PRELOAD=$PWD/jumpy.so date +%s >/dev/null || skip "no LD_PRELOAD"
}

# elapsed COMMAND...: its time in milliseconds.
elapsed()
{
	local began

	began=$(date +%s%3N)
	"$@" || :
	echo $(($(date +%s%3N) - began))
}

@test "a clock that jumps changes no time limit" {
	jumpy
	jump=(env "LD_PRELOAD=$PWD/jumpy.so")
	for command in "fdlisten -t 0.5 ./a true" "fdrecv -t 0.5 ./s true" \
		"fdrecv -n 2 -t 0.5 ./s true" "fdsend -w -t 0.5 ./absent" \
		"fdconnect -w -t 0.5 ./absent true"; do
		# shellcheck disable=SC2086
		took=$(elapsed limited "${jump[@]}" $command)
		at_least 480 "$took" "$command: ms"
		at_most 2000 "$took" "$command: ms"
	done
	start pool "${jump[@]}" fdrecv -n 2 ./pool fdecho
	start server "${jump[@]}" sh -c \
		'fdlisten -k -o ./address 127.0.0.1:0 | fdsend -rw ./pool'
	limited load -c 8 -n "$(scaled 100 2000)" "$(address_of address)"
	report "5 time limits kept, $(scaled 100 2000) connections, 0 lost"
	in_turn fdlisten fdrecv
}

# --- the disk

@test "a full disk under -o: an error, and nothing stays" {
	fails 1 "fdlisten: /dev/full: write: No space left on device" \
		fdlisten -k -o /dev/full ./a fdecho
	not test -e ./a
	fails 1 "fdlisten: /dev/full: write: No space left on device" \
		fdlisten -o /dev/full 127.0.0.1:0 true
}

@test "a full disk under -o leaves the old file as it was" {
	need_root
	need unshare mount
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	mkdir disk
	# shellcheck disable=SC2016
	run_limited unshare -m sh -c '
		mount -t tmpfs -o size=8k,nr_inodes=8 none disk || exit 99
		echo before >disk/address
		head -c 100000 /dev/zero >disk/filler 2>/dev/null
		fdlisten -k -o disk/address ./a fdecho
		echo "status $?"
		cat disk/address
		ls -A disk'
	[ "$status" -ne 99 ] || skip "no tmpfs here"
	like "$output" "fdlisten: disk/address: *: No space left on device
status 1
before
address
filler"
	not test -e ./a
}

# --- standard error

# served_in_spite: of messages that nobody reads.
served_in_spite()
{
	up ./pool
	up ./a
	limited hostile send -n "$(scaled 100 3000)" -k two -k none ./pool
	limited load -c 8 -n "$(scaled 100 2000)" ./a
}

@test "standard error is closed" {
	start pool sh -c 'exec fdrecv -n 2 ./pool fdecho 2>&-'
	start server sh -c 'fdlisten -k ./a 2>&- | fdsend -rw ./pool 2>&-'
	served_in_spite
	report "$(scaled 100 2000) connections, 0 lost"
	in_turn fdlisten fdrecv
}

@test "standard error is full" {
	mkfifo full
	exec 8<>full
	dd if=/dev/zero of=full bs=4096 oflag=nonblock 2>/dev/null || :
	start pool sh -c 'exec fdrecv -n 2 ./pool fdecho 2>full 8>&-'
	start echo sh -c 'exec fdecho ./pool2 2>full 8>&-'
	start server sh -c 'exec 2>full 8>&-; fdlisten -k ./a | fdsend -rw ./pool'
	served_in_spite
	limited hostile send -n "$(scaled 100 3000)" ./pool2
	report "$(scaled 100 2000) connections, 0 lost"
	in_turn fdlisten fdrecv fdecho
	exec 8>&-
}

@test "standard error is a pipe that nobody reads any more" {
	start pool sh -c '{ fdrecv -n 2 ./pool fdecho; } 2>&1 | true'
	start server sh -c '{ fdlisten -k ./a | fdsend -rw ./pool; } 2>&1 |
		true'
	served_in_spite
	report "$(scaled 100 2000) connections, 0 lost"
	in_turn fdlisten fdrecv
}

@test "a trace that nobody reads does not end fdlisten" {
	start server sh -c '{ FDTRACE=1 fdlisten -k ./a env -u FDTRACE fdecho
		} 2>&1 | true'
	up ./a
	limited load -c 8 -n "$(scaled 100 2000)" ./a
	report "$(scaled 100 2000) connections, 0 lost"
	in_turn fdlisten
}
