# SPDX-License-Identifier: ISC
# fdsend -p: sending the descriptors of another process.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# ./borrow REDIRECTIONS ARG...: start a process with these redirections, and
# become `fdsend -p` of it with these arguments. It is a child of ours: where
# Yama restricts tracing, only those may be borrowed from.
setup()
{
	common_setup
	need_linux
	cat >owner <<-'END'
	#!/bin/sh
	echo $$ >owner.pid
	# By a child: while the shell itself writes there, its descriptor 1 is
	# that pipe, and might be what is borrowed.
	(echo ready >ready)
	exec cat "${0%/*}/forever"
	END
	cat >borrow <<-'END'
	#!/bin/sh
	redirections=$1
	shift
	mkfifo ready
	eval "${0%/*}/owner >/dev/null 2>&1 $redirections &"
	read -r _ <ready
	rm ready
	exec fdsend -p "$(cat owner.pid)" "$@"
	END
	chmod 755 owner borrow
	# Nobody writes to it: who opens it is there until he is ended.
	mkfifo forever
}

teardown()
{
	# What became fdsend could not end it.
	[ ! -s owner.pid ] || kill "$(cat owner.pid)" 2>/dev/null || :
	common_teardown
}

receiver()
{
	start receiver fdrecv "$@"
	up ./s
}

@test "-p sends the standard input of another process" {
	echo hello >file
	receiver ./s cat
	limited ./borrow '<file' ./s
	ended receiver
	is_status 0
	same "$(<receiver.out)" hello
}

@test "-p -f sends the descriptors named, in their order" {
	echo a >a
	echo b >b
	receiver -f 5 -f 6 ./s \
		sh -c 'cat <&5; cat <&6; echo "<$FDRECV_PAYLOAD>"'
	limited ./borrow '7<a 8<b' -f 8 -f 7 -s "from afar" ./s
	ended receiver
	same "$(<receiver.out)" $'b\na\n<from afar>'
}

@test "-p sends the same open file: the position is shared" {
	printf 'one\ntwo\n' >file
	receiver -k ./s dd bs=4 count=1 status=none
	limited ./borrow '<file' ./s
	limited fdsend -p "$(cat owner.pid)" ./s
	wait_for has 2 cat receiver.out
	same "$(<receiver.out)" $'one\ntwo'
	stop receiver
}

@test "-p names descriptors of that process, not of fdsend" {
	echo hello >file
	receiver ./s cat
	# Closed here, open there; and 0 is something else here.
	limited ./borrow '7<file' -f 7 ./s
	ended receiver
	same "$(<receiver.out)" hello
}

@test "-p sends the writing end of a pipe" {
	mkfifo pipe
	start_from pipe reader cat
	receiver ./s echo hello
	limited ./borrow '>pipe' -f 1 ./s
	ended receiver
	wait_for grep -qx hello reader.out
	kill "$(<owner.pid)"
	ended reader
}

@test "-p borrows the listening socket of a running server" {
	local fd

	start server fdlisten -k -o address 127.0.0.1:0 echo first
	address_of address
	[ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" \
		= 0 ] || [ "$(id -u)" = 0 ] || skip "Yama forbids it"
	# Which one is it? fdinfo knows.
	fd=$(fdinfo -p "$(process server)" | sed -n '/ listening/s/ .*//p')
	start second fdrecv -f 3 ./second fdlisten -k fd:3 echo second
	limited fdsend -w -p "$(process server)" -f "$fd" ./second
	stop server
	same "$(limited client "$(<address)")" second
	stop second
}

@test "-p takes a message through a pipe of the shell too" {
	echo hello >file
	run_limited sh -c './borrow "<file" - | fdrecv - cat'
	is_status 0
	same "$output" hello
}

@test "-p 253 times" {
	local options=() i

	for ((i = 0; i < 253; i++)); do
		options+=(-f 0)
	done
	receiver -a ./s printenv LISTEN_FDS
	limited ./borrow '' "${options[@]}" ./s
	ended receiver
	same "$(<receiver.out)" 253
}

@test "-p leaves the other process alone" {
	need_proc
	mkfifo in
	start owner sh -c 'exec cat <>in'
	[ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" \
		= 0 ] || [ "$(id -u)" = 0 ] || skip "Yama forbids it"
	receiver -k ./s true
	wait_for has 3 eval 'ls "/proc/${pid_of[owner]}/fd"'
	limited fdsend -p "$(process owner)" -f 0 -f 1 -f 2 ./s || :
	limited fdsend -p "$(process owner)" ./s
	has 3 eval 'ls "/proc/${pid_of[owner]}/fd"'
	echo hello >in
	wait_for grep -qx hello owner.out
	stop receiver
	stop owner
}

# --- what the system forbids

@test "a process that is gone" {
	local gone

	sh -c 'echo $$' >gone
	gone=$(cat gone)
	fails 1 "fdsend: *$gone: no such process" fdsend -p "$gone" ./s
	fails 1 "fdsend: *$gone: no such process" \
		fdsend -w -p "$gone" -f 5 ./s
}

@test "a process that has ended, and is not waited for" {
	need python3
	run_apart python3 -c 'import os, subprocess, sys
p = subprocess.Popen(["true"])
os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOWAIT)
sys.exit(subprocess.run(["fdsend", "-p", str(p.pid), "./s"]).returncode)'
	is_status 1
	like "$stderr" "fdsend: *"
	same "${stderr//[!$'\n']/}" ""
}

@test "a descriptor that is not open there" {
	fails 1 "fdsend: descriptor 99 of process *: not open there" \
		./borrow '' -f 0 -f 99 ./s
	kill "$(<owner.pid)"
	rm owner.pid
	fails 1 "fdsend: descriptor 0 of process *: not open there" \
		./borrow '<&-' ./s
}

@test "it is not open there, though it is here" {
	echo hello >file
	fails 1 "fdsend: descriptor 7 of process *: not open there" \
		sh -c 'exec ./borrow "7<&-" -f 7 ./s 7<file'
}

@test "a process of another user: the line says what it takes" {
	another_user
	start owner cat ./forever
	fails 1 "fdsend: descriptor 0 of process $pid: *not permitted*trace*" \
		"${nobody[@]}" fdsend -p "$pid" ./s
	fails 1 "fdsend: descriptor 5 of process $pid: *not permitted*" \
		"${nobody[@]}" fdsend -w -p "$pid" -f 5 ./s
	fails 1 "fdsend: descriptor 0 of process 1: *not permitted*" \
		"${nobody[@]}" fdsend -p 1 ./s
	stop owner
}

@test "another user sends what is open in a process of his own" {
	another_user
	mkdir open
	chmod 777 open
	echo hello >file
	start receiver "${nobody[@]}" fdrecv open/s cat
	up open/s
	(cd open && limited "${nobody[@]}" ../borrow '<../file' s)
	ended receiver
	same "$(<receiver.out)" hello
	kill "$(<open/owner.pid)"
}

@test "root sends what is open in a process of another user" {
	another_user
	echo hello >file
	start_from file owner "${nobody[@]}" cat ./forever
	receiver ./s cat
	run_limited fdsend -p "$(process owner)" ./s
	if [ "$status" != 0 ]; then
		like "$output" "fdsend: *not permitted*"
		stop receiver
		skip "this root may not trace"
	fi
	ended receiver
	same "$(<receiver.out)" hello
	stop owner
}

@test "what fails with -p fails before anything is sent or waited for" {
	receiver -k ./s touch ran
	fails 1 "fdsend: *not open there" ./borrow '' -f 0 -f 99 ./s
	limited fdsend ./s
	wait_for test -e ran
	stop receiver
	is_status 0
	same "$(<receiver.err)" ""
}

@test "a process number that is none is wrong usage" {
	local number

	for number in 0 -1 x 1x "" 99999999999999999999; do
		refuses "fdsend: *fdsend --help*" fdsend -p "$number" ./s
	done
	refuses "fdsend: *fdsend --help*" fdsend -p
}

@test "-p and -r exclude each other" {
	refuses "fdsend: *-r*" fdsend -r -p 1 ./s
}

@test "-p does not take what it has fetched for the operand fd:N" {
	fails 1 "fdsend: fd:4: descriptor 4 is not open" \
		./borrow "" -f 0 fd:4 4>&- 3>&-
}

@test "-p of a thread says that it is none of a process" {
	need python3
	start threads python3 -c '
import threading, time
t = threading.Thread(target=time.sleep, args=(60,), daemon=True)
t.start()
open("tid.new", "w").write(str(t.native_id))
import os
os.rename("tid.new", "tid")
time.sleep(60)'
	wait_for test -s tid
	fails 1 "fdsend: descriptor 0 of process *: a thread, not a process" \
		fdsend -p "$(cat tid)" ./s
}
