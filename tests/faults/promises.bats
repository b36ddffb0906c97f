# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2046,SC2086
# What the manual promises, where it is awkward to keep: at the end, when
# something is short, when a message is too large, when there are two.

load ../lib/helpers
load ../lib/trials
load ../lib/streams
load opponents

setup()
{
	common_setup
	need_proc
	need_linux
}

teardown()
{
	local process

	for process in $(ours_named fdlisten fdecho fdrecv fdsend flock sleep); do
		kill -KILL "$process" 2>/dev/null || :
	done
	rm -f ./s ./t
	common_teardown && failed=0 || failed=1
	close_directory
	return "$failed"
}

# Halted, it does not see them; when it goes on, the signal is there first.
@test "fdrecv -k - that shows: what is queued at SIGTERM is shown" {
	local i

	cell="fdrecv -k -"
	start victim paired -t seqpacket -o 1 -i 0 sh -c 'while
			[ ! -e go ]; do sleep 0.02; done
			for i in 0 1 2 3 4 5 6 7 8 9; do
				fdsend -s "number $i" - </dev/null
			done
			: >queued
			while [ ! -e enough ]; do sleep 0.02; done' \
		'|' fdrecv -k -
	wait_for has 1 ours_named fdrecv
	receiver=$(ours_named fdrecv)
	wait_for idle_process "$receiver"
	kill -STOP "$receiver"
	: >go
	wait_for test -e queued
	kill "$receiver"
	kill -CONT "$receiver"
	wait_for gone_process "$receiver"
	: >enough
	ended victim
	for i in 0 1 2 3 4 5 6 7 8 9; do
		grep -q "payload \"number $i\"" victim.out ||
			fault "number $i was not shown"
	done
	no_faults
}

# idle_process PROCESS: it waits.
idle_process()
{
	like "$(ps -o stat= -p "$1")" "S*" >/dev/null
}

# Each of the 64 has 12 descriptors; the receiver's table has room for 6.
@test "messages that never fit do not keep fdsend -rw from passing on others" {
	start receiver with -l 12 fdrecv -k ./t
	up ./t
	start victim paired -t seqpacket sh -c '
		exec 3</dev/null 4<&3 5<&3 6<&3 7<&3 8<&3 9<&3
		i=0
		while [ $i -lt 64 ]; do
			fdsend -s large -f 3 -f 4 -f 5 -f 6 -f 7 -f 8 -f 9 \
				-f 3 -f 4 -f 5 -f 6 -f 7 -
			i=$((i + 1))
		done
		fdsend -s small -
		while [ ! -e enough ]; do sleep 0.02; done' \
		'|' fdsend -rw ./t
	within 10000 grep -q '"small"' receiver.out ||
		failed="the small one has not come in $took ms"
	not grep -q '"large"' receiver.out
	: >enough
	ended victim
	stop receiver
	same "${failed-}" ""
}

@test "of a payload that is too large, no part is taken for a message" {
	local row

	need python3
	cat >sends.py <<-'END'
	import array, socket, subprocess, sys
	a, b = socket.socketpair()
	p = subprocess.Popen(sys.argv[2:], stdin=b)
	b.close()
	def send(data, fd):
	    sent = a.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
	        array.array("i", [fd]))])
	    return sent
	f = open("/dev/null")
	for i in range(0, int(sys.argv[1]), 1000):
	    a.sendall(b"x" * 1000)
	send(b"tail", f.fileno())
	send(b"g", f.fileno())
	a.close()
	sys.exit(p.wait())
	END
	for row in 66000 100000 200000; do
		run_apart python3 sends.py "$row" fdrecv -k -
		same "$(grep -c '^from' <<<"$output")" 1 "messages, $row" ||
			failed=1
		like "$output" '*payload "g", 1 descriptor*' || failed=1
	done
	same "${failed-}" ""
}

@test "what is queued behind a message that is too large arrives, at SIGTERM, too" {
	need python3
	cat >sends.py <<-'END'
	import array, os, socket, subprocess, sys, time
	a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	p = subprocess.Popen(sys.argv[1:], stdin=b)
	b.close()
	def send(data):
	    a.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
	        array.array("i", [0]))])
	send(b"first")
	while not os.path.exists("began"):
	    time.sleep(0.01)
	send(b"x" * 70000)
	send(b"last")
	p.terminate()
	time.sleep(0.1)
	open("go", "w").close()
	sys.exit(p.wait())
	END
	cat >waits <<-'END'
	#!/bin/sh
	: >began
	while [ ! -e go ]; do sleep 0.02; done
	echo "$FDRECV_PAYLOAD"
	END
	chmod +x waits
	run_apart python3 sends.py fdrecv -k - ./waits
	is_status 0
	same "$output" $'first\nlast'
	like "$stderr" "fdrecv: -: refused a message: more than 65536 bytes*"
}

@test "fdecho -n 2 serves no more than two of one message" {
	local output

	start victim fdecho -n 2 ./s
	up ./s
	run_limited opponent many -n 20 ./s
	echo "$output"
	at_most 2 "$(sed -n 's/^echoed //p' <<<"$output")" "served at once"
}

@test "two senders into one pipe: one arrives, or it is said that none did" {
	# The receiver begins when both have written.
	run_apart sh -c '{ fdsend -s one - </dev/null &
		fdsend -s two - </dev/null; wait; } | {
		sleep 0.3; fdrecv -k -; }'
	# Nothing on the output, and success: that is what must not be.
	[ "$status" -ne 0 ] || at_least 1 "$(grep -c '^from' <<<"$output")"
}

@test "-m 0: a stale name is replaced by the ordinary user who made it" {
	open_directory
	start first "${as_user[@]}" fdrecv -k -m 0 ./s true
	up ./s
	signal first KILL
	ended first
	start second "${as_user[@]}" fdrecv -k -m 0 ./s true
	up ./s
	stop second
	is_status 0
	same "$(cat second.err)" ""
}

@test "another user's lock on the directory does not keep one from starting" {
	need flock
	open_directory
	# A stale name is replaced under that lock.
	start first "${as_user[@]}" fdrecv -k ./s true
	up ./s
	signal first KILL
	ended first
	start locker "${as_other[@]}" flock -x . sh -c ': >locked; sleep 20'
	wait_for test -e locked
	start victim "${as_user[@]}" fdrecv -k ./s true
	DEADLINE=8 up ./s
	stop victim
	is_status 0
	same "$(cat victim.err)" ""

}

there()
{
	[ -n "$(ours_named "$1")" ]
}

# timed_out NAME: it ends with 124, in about two seconds.
timed_out()
{
	within 6000 not_running "$1" || {
		failed="$1: there after $took ms"
		signal "$1" KILL
		ended "$1"
		return
	}
	ended "$1"
	is_status 124 || failed="$1: status $status"
}

# short PROCESS: it may not open another one.
short()
{
	local n

	n=$(find "/proc/$1/fd" -mindepth 1 | wc -l)
	prlimit "--nofile=$n:" --pid "$1"
}

@test "-t is kept while descriptors are short: fdlisten" {
	not_sanitized "they open files to report"
	need prlimit
	start victim fdlisten -k -t 2 -o address 127.0.0.1:0 true
	address_of address
	short "$(process victim)"
	start client opponent call -p 1 silent "$(cat address)"
	timed_out victim
	start victim fdlisten -t 2 ./s true
	up ./s
	short "$(process victim)"
	start client2 opponent call -p 1 silent ./s
	timed_out victim
	same "${failed-}" ""
}

@test "-t is kept while descriptors are short: fdrecv" {
	not_sanitized "they open files to report"
	local row

	need prlimit
	for row in "fdrecv -t 2 ./s true" "fdrecv -k -t 2 ./s true" \
		"fdrecv -t 2 ./s"; do
		start victim $row
		up ./s
		short "$(process victim)"
		start client opponent silent -n 3 ./s
		timed_out victim
		stop client
		rm -f ./s
	done
	same "${failed-}" ""
}

@test "-t is kept while descriptors are short: fdsend" {
	not_sanitized "they open files to report"
	need prlimit
	start victim fdsend -w -t 2 ./s
	wait_for there fdsend
	wait_for idle_process "$(process victim)"
	# Not one more than it has without its socket.
	prlimit --nofile=3: --pid "$(process victim)"
	timed_out victim
	same "${failed-}" ""
}

@test "a client that resets costs fdecho no line" {
	start server fdlisten -k -o address 127.0.0.1:0 account runs fdecho
	start client opponent call -p 2 reset "$(address_of address)"
	wait_for has_run "$(scaled 50 2000)"
	stop client KILL
	stop server
	is_status 0
	wait_for none_left
	same "$(head -n 3 server.err)" ""
}

# has_run N: COMMAND, so often.
has_run()
{
	[ -e runs ] && [ "$(wc -l <runs)" -ge "$1" ]
}

@test "a client that resets: fdecho says so by its status, 1" {
	start server fdlisten -o address 127.0.0.1:0 fdecho
	start client opponent call -p 1 reset "$(address_of address)"
	ended server
	is_status 1
	same "$(cat server.err)" ""
	stop client KILL
}

# Halted meanwhile, it finds all that the kernel holds for it at once.
@test "slow readers do not cost fdecho a quarter of a megabyte each" {
	not_sanitized "memory"
	local n=100 before after worker

	start server sh -c 'fdlisten -k ./s | exec fdecho -'
	up ./s
	worker=$(the_one "fdecho -")
	before=$(resident "$worker")
	start slow opponent deaf -n "$n" ./s
	DEADLINE=20 wait_for grep -q ready slow.out
	kill -STOP "$worker"
	signal slow USR1
	DEADLINE=20 wait_for grep -q full slow.out
	kill -CONT "$worker"
	thrifty 1 "$worker"
	after=$(resident "$worker" VmHWM)
	report "$(((after - before) / n)) KiB for each"
	at_most 64 $(((after - before) / n)) "KiB for each"
	stop slow
	in_turn fdlisten
}

@test "a third signal, too, reaches the workers of fdpipe, and it does not spin" {
	local pipe

	start pipe fdpipe -n 2 fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	pipe=$pid
	start client opponent hold -n 4 "$(address_of address)"
	wait_for test -s client.out
	signal pipe
	within "$APART" gone_process "$pipe" || :
	signal pipe
	within "$ENDED" gone_process "$pipe" || {
		failed="there $took ms after the second signal"
		busiest 1 "$pipe"
		at_most 9 "$used" "percent of processor time" || failed+=", busy"
		signal pipe
		within "$ENDED" gone_process "$pipe" ||
			failed+=", deaf to the third"
		signal pipe KILL
	}
	ended pipe
	stop client
	same "${failed-}" ""
}
